"""Small order flows for the tests: messages as text, and files made of them.

    new|ioc buy|sell ORDER LOTS @ PRICE        cancel ORDER        modify ORDER LOTS @ PRICE

Here: the words, and the bytes. Always: messages are numbered from 1, and a cancel or modify says nothing that the format does not ask of
it: its side and flag, and a cancel's lots and price, are nonsense.
"""

from __future__ import annotations

import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAGIC = b"100_WBEM"


def records(script: str) -> bytes:
    """The records of a script, one line each."""
    return b"".join(
        _record(number, line.split())
        for number, line in enumerate(filter(None, map(str.strip, script.splitlines())), 1)
    )


def record(kind: int, side: int, ioc: int, lots: int, sequence: int, order: int, price: int) -> bytes:
    return struct.pack("<BBBBIQQqQ", kind, side, ioc, 0, lots, sequence, order, price, 0)


def file_of(body: bytes, *, magic: bytes = MAGIC, version: int = 1, count: int | None = None) -> bytes:
    """A whole file; `count` is what its header says, by default the truth."""
    return magic + struct.pack("<II", version, len(body) // 40 if count is None else count) + body


def _record(number: int, words: list[str]) -> bytes:
    match words:
        case [("new" | "ioc") as force, ("buy" | "sell") as side, order, lots, "@", price]:
            return record(0, side == "sell", force == "ioc", int(lots), number, int(order), int(price))
        case ["cancel", order]:
            return record(1, 1, 1, 77, number, int(order), 0)
        case ["modify", order, lots, "@", price]:
            return record(2, 0, 1, int(lots), number, int(order), int(price))
    raise AssertionError(f"not a message: {words}")
