"""Recorded NASDAQ order flow: the two files that LOBSTER gives for a symbol's day, as rows.

Here: reading them (`read_rows`), their identity (`files_hash`) and their clock (`midnight_us`). Never here: what a row means to an
exchange (lobster_plan). Always: a malformed line is an error that names the file and the line; nothing is guessed or passed over.
Prices are in 1/10,000 of the currency, sizes in shares.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from itertools import chain, islice, pairwise, zip_longest
from pathlib import Path
from typing import Literal

import attrs

Side = Literal["buy", "sell"]
Levels = dict[int, int]  # size by price, best price first
Book = tuple[Levels, Levels]  # asks and bids

_PAD = 9_999_999_999  # the price, of either sign, of a level that does not exist
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TIME = re.compile(r"([0-9]{1,9})(?:\.([0-9]+))?")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class LobsterError(Exception):
    """Files that cannot be replayed; one line that names the file and its line, or the row."""


class Kind(IntEnum):
    """What a message says, by its number in the file."""

    NEW = 1
    REDUCE = 2
    DELETE = 3
    EXECUTE = 4
    HIDDEN = 5
    HALT = 7


@attrs.frozen
class Row:
    """A message, and the book after it.

    `number` counts from 1, `time_us` from midnight; `direction` is 1 if the resting order buys, -1 if it sells.
    """

    number: int
    time_us: int
    kind: Kind
    order_id: int
    size: int
    price: int
    direction: int
    levels: int  # the most that the file shows of each side
    book: Book

    @property
    def side(self) -> Side:
        """The resting order's."""
        return "buy" if self.direction == 1 else "sell"


def files_hash(messages_path: Path, orderbook_path: Path) -> str:
    """16 hexadecimal digits of SHA-256 over both files."""
    digest = hashlib.sha256()
    for path in (messages_path, orderbook_path):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def midnight_us(messages_path: Path) -> int:
    """The midnight that the file's times count from, in microseconds since 1970 UTC: US Eastern, on the day in the file's name.

    By the rule of the United States since 2007, the first year of these files (daylight saving time from the second Sunday in March to
    the first in November), so that a machine without time zone data gives the same moments. Raises LobsterError.
    """
    found = _DAY.search(messages_path.name)
    try:
        day = date.fromisoformat(found[0] if found else "")
    except ValueError as problem:
        raise LobsterError(f"{messages_path.name}: its name holds no day such as 2012-06-21") from problem
    summer = _sunday(day.year, month=3, nth=2) < day <= _sunday(day.year, month=11, nth=1)
    midnight = datetime(day.year, day.month, day.day, 4 if summer else 5, tzinfo=UTC)
    return (midnight - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _sunday(year: int, *, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


def read_rows(messages_path: Path, orderbook_path: Path, limit: int | None = None) -> Iterator[Row]:
    """The first `limit` rows, or all, in the files' order, each read when it is asked for.

    Times are cut to whole microseconds. Raises LobsterError at the first malformed line, or where one file ends early.
    """
    number = columns = 0
    with (
        messages_path.open(encoding="ascii", errors="replace") as messages,
        orderbook_path.open(encoding="ascii", errors="replace") as books,
    ):
        for number, (message, levels) in enumerate(islice(zip_longest(messages, books), limit), 1):
            with _line(orderbook_path, number):
                cells = _cells(levels, number, columns)
                columns = len(cells)
                book = _book(cells)
            with _line(messages_path, number):
                row = _row(_cells(message, number, 6), number, columns // 4, book)
            yield row
    if number == 0 and limit != 0:
        raise LobsterError(f"{messages_path.name} line 1: the file is empty")


@contextmanager
def _line(path: Path, number: int) -> Iterator[None]:
    try:
        yield
    except ValueError as problem:
        raise LobsterError(f"{path.name} line {number}: {problem}") from problem


def _cells(line: str | None, number: int, columns: int) -> list[str]:
    if line is None:
        raise ValueError("the file is empty" if number == 1 else "the file ends before the other")
    cells = line.rstrip("\n").split(",")
    if columns and len(cells) != columns:
        raise ValueError(f"{len(cells)} fields instead of {columns}")
    return cells


def _whole(text: str, what: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{what} {text[:40]!r} is not a whole number")
    return int(text)


def _row(cells: list[str], number: int, levels: int, book: Book) -> Row:
    time = _TIME.fullmatch(cells[0])
    if not time:
        raise ValueError(f"time {cells[0][:40]!r} is not a number of seconds")
    time_us = int(time[1]) * 1_000_000 + int(((time[2] or "") + "000000")[:6])
    kind, order_id, size, price, direction = map(_whole, cells[1:], ("type", "order id", "size", "price", "direction"))
    if kind not in Kind.__members__.values():
        raise ValueError(f"type {kind} is unknown")
    if direction not in (1, -1):
        raise ValueError(f"direction {direction} is neither 1 nor -1")
    if kind != Kind.HALT and (order_id < 0 or size <= 0 or price <= 0):
        raise ValueError(f"order id {order_id}, size {size} or price {price} is out of range")
    return Row(number, time_us, Kind(kind), order_id, size, price, direction, levels, book)


def _book(cells: list[str]) -> Book:
    if len(cells) % 4:
        raise ValueError(f"{len(cells)} fields, not four to a level")
    numbers = [_whole(cell, "level") for cell in cells]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    asks, bids = ([(price, size) for price, size in pairs[i::2] if abs(price) != _PAD] for i in (0, 1))
    for price, size in chain(asks, bids):
        if price <= 0 or size <= 0:
            raise ValueError(f"a level of size {size} at price {price}")
    for (lower, _), (higher, _) in pairwise([*bids[::-1], *asks]):
        if lower >= higher:
            raise ValueError(f"prices {lower} and {higher} are crossed or out of order")
    return dict(asks), dict(bids)
