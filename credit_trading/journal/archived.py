"""Segments of the journal that were moved out of exchange.db into an archive, and reading rows there.

Here: which they are and where, and their rows with proof. Never here: taking them out of exchange.db (moving), rows that are there (log).
Always: a segment gives all of its rows as they were, or an error that names place and segment; rows that are in exchange.db are read there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

import attrs

from credit_trading.errors import ArchiveUnreachable, FileCorrupt, TradingError
from credit_trading.exchange.events import Trade, TradedOffBook, TransactionEntered, TransactionUpdated
from credit_trading.journal.rows import HASH, KIND, Row, decode
from credit_trading.store.sqlite import Connection

SCHEMA = """
CREATE TABLE archived_segments (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    hash_before BLOB NOT NULL,
    hash_after BLOB NOT NULL,
    place TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    moved_at INTEGER NOT NULL
) STRICT;
"""

Traded = Trade | TradedOffBook | TransactionEntered | TransactionUpdated
"""What may have the number of a trade; the latter two only where a deal between two users was settled."""

MAYBE_TRADES = (Trade.kind, TradedOffBook.kind, TransactionEntered.kind, TransactionUpdated.kind)

_COLUMNS = "first, last, hash_before, hash_after, place, name, sha256, moved_at"


@attrs.frozen(kw_only=True)
class ArchivedSegment:
    """Rows `first` to `last`, between two hashes of the chain, in the object `name` at `place`, which may hold more rows than these."""

    first: int
    last: int
    hash_before: bytes
    hash_after: bytes
    place: str
    name: str
    sha256: str
    moved_at_us: int

    @classmethod
    def of(cls, row: Row) -> ArchivedSegment:
        first, last, hash_before, hash_after, place, name, sha256, moved_at_us = row
        return cls(
            first=first,
            last=last,
            hash_before=hash_before,
            hash_after=hash_after,
            place=place,
            name=name,
            sha256=sha256,
            moved_at_us=moved_at_us,
        )

    @property
    def url(self) -> str:
        return f"{self.place}/{self.name}"


def add(connection: Connection, segments: Iterable[ArchivedSegment]) -> None:
    """In the caller's transaction; the first begins behind the last one that was added."""
    connection.executemany(
        f"INSERT INTO archived_segments ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(attrs.astuple, segments)
    )


def list_all(connection: Connection) -> list[ArchivedSegment]:
    """In order: from row 1 on, without gaps."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM archived_segments ORDER BY first")
    return list(map(ArchivedSegment.of, found))


def last_of(connection: Connection) -> ArchivedSegment | None:
    """The one that ends on the border; None where nothing was moved."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM archived_segments ORDER BY first DESC LIMIT 1").fetchone()
    return ArchivedSegment.of(row) if row else None


def border(connection: Connection) -> int:
    """The last row that was moved; 0 where none was."""
    found = last_of(connection)
    return found.last if found else 0


def read(segment: ArchivedSegment) -> list[Row]:
    """Its rows from its place, each proven by the chain, which begins and ends on known hashes. Raises ArchiveUnreachable.

    So an object serves as well that holds the same rows in other bytes: a backup may have sealed them anew, with another compressor.
    """
    # Compression and places are loaded by those who need them.
    from credit_trading.journal.segments import unseal
    from credit_trading.store.places import open_place

    try:
        content = open_place(segment.place).read(segment.name)
    except TradingError as error:
        raise _unusable(segment, f"it cannot be read ({error.problem})") from error
    try:
        seal, stored = unseal(content, name=segment.name)
    except FileCorrupt as error:
        raise _unusable(segment, error.problem) from error
    if not stored[0][0] <= segment.first <= segment.last <= stored[-1][0]:
        raise _unusable(segment, "it holds other rows")
    offset = segment.first - stored[0][0]
    found = stored[offset : offset + segment.last - segment.first + 1]
    hash_before = stored[offset - 1][HASH] if offset else bytes.fromhex(seal.hash_before)
    if (hash_before, found[-1][HASH]) != (segment.hash_before, segment.hash_after):
        raise _unusable(segment, "its rows are not those that were moved")
    return found


class ArchivedRows:
    """Of one exchange.db, by one connection; for one thread at a time. The rows of one segment are kept in memory.

    `aside` surrounds the reading of a segment, which may last: whoever holds a lock for the connection lets others have it meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext
        self._segment: ArchivedSegment | None = None
        self._rows: list[Row] = []

    @property
    def kept_up_to(self) -> int:
        """Up to where the rows in memory go; 0 if there are none."""
        return self._segment.last if self._segment else 0

    def forget(self) -> None:
        """Gives the memory back."""
        self._segment, self._rows = None, []

    def row(self, sequence: int) -> Row | None:
        """None where no segment holds it. Raises ArchiveUnreachable."""
        found = self.between(sequence, sequence)
        return found[0] if found else None

    def between(self, first: int, last: int) -> list[Row]:
        """All rows from `first` to `last` that are in segments, in order. Raises ArchiveUnreachable."""
        if self._segment is not None and self._segment.first <= first and last <= self._segment.last:
            return self._part(self._segment, first, last)
        found: list[Row] = []
        for segment in self._covering(first, last):
            found += self._part(segment, first, last)
        return found

    def hash_at(self, sequence: int) -> bytes | None:
        """The chain hash there, at the ends of segments without reading any. None where no segment knows it."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM archived_segments WHERE first <= ? ORDER BY first DESC LIMIT 1", (sequence,)
        ).fetchone()
        if row is None or row[1] < sequence:
            return None
        segment = ArchivedSegment.of(row)
        if segment.last == sequence:
            return segment.hash_after
        stored: bytes = self._part(segment, sequence, sequence)[0][HASH]
        return stored

    def trade(self, number: int) -> Traded | None:
        """Of that number, found by halving the segments: trade numbers rise with the sequence."""
        segments = list_all(self._connection)
        low, high = 0, len(segments)
        while low < high:
            middle = at = (low + high) // 2
            trades: list[tuple[int, Traded]] = []
            while at < high and not (trades := self._trades(segments[at])):
                at += 1
            if not trades or number < trades[0][0]:
                high = middle
            elif number > trades[-1][0]:
                low = at + 1
            else:
                return next((event for found, event in trades if found == number), None)
        return None

    def _trades(self, segment: ArchivedSegment) -> list[tuple[int, Traded]]:
        """By their numbers."""
        stored = self._part(segment, segment.first, segment.last)
        return [
            (event.trade, event)
            for event in (decode(row).event for row in stored if row[KIND] in MAYBE_TRADES)
            if isinstance(event, Traded) and event.trade is not None
        ]

    def _covering(self, first: int, last: int) -> Sequence[ArchivedSegment]:
        found = self._connection.execute(
            f"SELECT {_COLUMNS} FROM archived_segments WHERE first <= ? AND last >= ? ORDER BY first", (last, first)
        )
        return list(map(ArchivedSegment.of, found))

    def _part(self, segment: ArchivedSegment, first: int, last: int) -> list[Row]:
        """Of one segment, which is in memory from then on."""
        found = self._rows
        if self._segment != segment:
            self.forget()
            with self.aside():
                found = read(segment)
            self._segment, self._rows = segment, found
        return found[max(0, first - segment.first) : last - segment.first + 1]


def _unusable(segment: ArchivedSegment, problem: str) -> ArchiveUnreachable:
    return ArchiveUnreachable(
        segment.url,
        problem,
        first=segment.first,
        last=segment.last,
        hint="Make it reachable, or put that object back from another copy of the archive; nothing was done without it.",
    )
