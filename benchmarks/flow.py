"""The flash1 order flow: a file of messages for one symbol, and the reports that whoever matches them owes.

Here: reading and checking the file, playing it against the clock, the hash of the reports. Never here: matching.
Always: a file that is not of the format is a FlowError of one line, raised before anything is matched.

The format is that of flash1-dev/matching-engine-benchmark: a header `<QII` (magic, version, count), then `count` records `<BBBBIQQqQ`:
kind, side (0 buy, 1 sell), immediate-or-cancel, reserved, quantity in lots, sequence number, order id, price in ticks, reserved.
A cancel names an order and nothing else of it; a modify cancels the order and enters it anew, and has no flag (the field is passed over).
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter, lt
from pathlib import Path
from typing import Protocol

import attrs

NEW, CANCEL, MODIFY = 0, 1, 2
ORDER_ACK, TRADE, CANCEL_ACK, MODIFY_ACK, CANCEL_REJECT, MODIFY_REJECT = range(6)

MAGIC = int.from_bytes(b"MEBW_001", "big")
VERSION = 1
HEADER = struct.Struct("<QII")
RECORD = struct.Struct("<BBBBIQQqQ")
BATCH = 50_000
"""Messages that are decoded, played and hashed together: what a flow needs of memory does not grow with its reports."""

Message = tuple[int, int, int, int, int, int, int, int, int]
"""The fields of a record, in their order."""

Report = tuple[int, ...]
"""By its first field: order ack `(0, sequence, side, order, price, lots)`; trade `(1, the taker's sequence, price, lots, maker, taker)`;
cancel ack `(2, sequence, side, order, price)`, also for what is left of an immediate-or-cancel order; modify ack
`(3, sequence, side, order, new price, new lots)`; cancel reject `(4, sequence, order)` and modify reject `(5, sequence, order)`."""


class FlowError(Exception):
    """A flow that cannot be played, in one line."""


class Matcher(Protocol):
    """One symbol's book, from empty."""

    def play(self, messages: Sequence[Message], reports: list[Report]) -> float:
        """Appends what each message brings about; seconds that matching and reporting took. Raises FlowError."""


@attrs.frozen
class Flow:
    """Records as they stand in a file."""

    records: bytes

    def __len__(self) -> int:
        return len(self.records) // RECORD.size

    def first(self, count: int) -> Flow:
        return Flow(self.records[: count * RECORD.size])

    def column(self, word: int, *, signed: bool = False) -> array[int]:
        """One of the five 64-bit words of every record: 0 is kind, side, flag and quantity, 1 the sequence number, 3 the price."""
        words = array("q" if signed else "Q", self.records)
        if sys.byteorder == "big":
            words.byteswap()
        return words[word :: RECORD.size // 8]

    def batches(self) -> Iterator[list[Message]]:
        """All messages, in lists: in one where sequence numbers do not only rise, for its reports must be sorted as a whole."""
        sequences = self.column(1)
        rising = all(map(lt, sequences, islice(sequences, 1, None)))
        size = RECORD.size * (BATCH if rising else len(self))
        for start in range(0, len(self.records), size):
            yield list(RECORD.iter_unpack(self.records[start : start + size]))

    @property
    def lowest_ticks(self) -> int:
        """Of all prices, those of cancels included; 0 where there are none."""
        return min(self.column(3, signed=True), default=0)

    def messages(self) -> list[Message]:
        return list(RECORD.iter_unpack(self.records))


@attrs.frozen
class Played:
    """What a flow came to: the SHA-256 of the reports' text, and what playing it took."""

    sha256: str
    messages: int
    seconds: float

    @property
    def messages_per_s(self) -> float:
        return self.messages / self.seconds if self.seconds else 0.0


def read_flow(path: Path) -> Flow:
    """The flow of a `.bin` file, or of one that is compressed with xz. Raises FlowError."""
    try:
        data = path.read_bytes()
        if data.startswith(b"\xfd7zXZ\x00"):
            data = lzma.decompress(data)
    except OSError as error:
        raise FlowError(f"{path}: {error.strerror}") from error
    except lzma.LZMAError as error:
        raise FlowError(f"{path}: damaged xz data ({error})") from error
    if len(data) < HEADER.size:
        raise FlowError(f"{path}: {len(data)} bytes, too short for the header of a flash1 file")
    magic, version, count = HEADER.unpack_from(data)
    if (magic, version) != (MAGIC, VERSION):
        raise FlowError(f"{path}: not a flash1 file of version {VERSION} (magic {magic:#x}, version {version})")
    records = data[HEADER.size :]
    if len(records) != count * RECORD.size:
        raise FlowError(
            f"{path}: {len(records):,} bytes of records, and {count:,} messages take {count * RECORD.size:,}"
        )
    try:
        return flow_of(records)
    except FlowError as error:
        raise FlowError(f"{path}: {error}") from error


def flow_of(records: bytes) -> Flow:
    """The flow of whole records. Raises FlowError for a kind, side or flag that the format does not know."""
    flow = Flow(records)
    starts = flow.column(0)
    known = {kind | side << 8 | ioc << 16 for kind in (NEW, CANCEL, MODIFY) for side in (0, 1) for ioc in (0, 1)}
    if not {start & 0xFFFFFF for start in starts} <= known:
        number = next(number for number, start in enumerate(starts, 1) if start & 0xFFFFFF not in known)
        kind, side, ioc = records[(number - 1) * RECORD.size :][:3]
        raise FlowError(f"message {number:,} has kind {kind}, side {side}, immediate-or-cancel {ioc}")
    return flow


def play(flow: Flow, matcher: Matcher) -> Played:
    """Plays all of it; decoding, sorting and hashing are not in the seconds. Raises FlowError."""
    digest, seconds, separator = hashlib.sha256(), 0.0, ""
    for messages in flow.batches():
        reports: list[Report] = []
        seconds += matcher.play(messages, reports)
        digest.update((separator + report_text(reports)).encode())
        separator = "\n"
    return Played(digest.hexdigest(), len(flow), seconds)


def report_text(reports: Sequence[Report]) -> str:
    """A line each, by (sequence, type), and otherwise as they came."""
    return "\n".join([_LINES[report[0]] % report for report in sorted(reports, key=itemgetter(1, 0))])


_LINES = [",".join(["%d"] * fields) for fields in (6, 6, 5, 6, 3, 3)]
"""By the type of the report."""
