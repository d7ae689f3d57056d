"""The journal as a set of an archive holds it: rows, hashes and moments, read out of sealed segments.

Here: finding them, in order and proven. Never here: which set is meant (moment), what is made of the rows (restoring).
Always: rows come without a gap from the first on; each is chained to the one before, up to the set's own hash.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest, StoredSegment, manifest_name
from credit_trading.errors import FileCorrupt
from credit_trading.journal.rows import FIRST_HASH, HASH, Row
from credit_trading.journal.segments import Seal, unseal

TIME = 1
_CAUSE, _CONTENT = 4, 5
"""Places in a row."""


class History:
    """Up to the last row of the set at the end of `chain`; for one thread at a time. Keeps one segment in memory."""

    def __init__(self, archive: Archive, chain: Sequence[Manifest]) -> None:
        """Raises FileCorrupt where the sets' segments are not one journal."""
        for problem in gaps(chain):
            raise FileCorrupt(
                "archive", f"{archive.url}/{manifest_name(chain[-1].set)}", problem, hint="Use another set."
            )
        self._archive = archive
        self._segments = [segment for manifest in chain for segment in manifest.segments]
        self._last_read: tuple[str, list[Row]] = "", []

    @property
    def last(self) -> int:
        return self._segments[-1].last

    def blocks(self, up_to: int) -> Iterator[list[Row]]:
        """All rows up to that sequence, a segment's at a time. Raises FileCorrupt, NotFound."""
        for segment in self._segments:
            if segment.first > up_to:
                return
            yield self._rows(segment)[: up_to - segment.first + 1]

    def row(self, sequence: int) -> Row:
        """One that is there. Raises FileCorrupt, NotFound."""
        segment = self._segments[bisect_right(self._segments, sequence, key=lambda one: one.first) - 1]
        return self._rows(segment)[sequence - segment.first]

    def hash_at(self, sequence: int) -> str | None:
        """As hex; None beyond the end. At the ends of segments nothing is read for it."""
        for segment in self._segments:
            if segment.last == sequence:
                return segment.hash_after
        if not 0 < sequence <= self.last:
            return None
        stored: bytes = self.row(sequence)[HASH]
        return stored.hex()

    def sequence_at(self, time_us: int) -> int:
        """The last event that had happened by then; 0 before the first one."""
        begun = [segment for segment in self._segments if segment.first_time_us <= time_us]
        if not begun:
            return 0
        if begun[-1].last_time_us <= time_us:
            return begun[-1].last
        rows = self._rows(begun[-1])
        found: int = rows[bisect_right(rows, time_us, key=lambda row: row[TIME]) - 1][0]
        return found

    def command_end(self, sequence: int) -> int:
        """The last row up to there with which a command ends: what one has begun is consistent only once all its events are there."""
        while 1 < sequence < self.last and _goes_on(self.row(sequence), self.row(sequence + 1)):
            sequence -= 1
        return sequence

    def _rows(self, segment: StoredSegment) -> list[Row]:
        if self._last_read[0] != segment.name:
            self._last_read = "", []
            seal, stored = unseal(self._archive.read(segment), name=f"{self._archive.url}/{segment.name}")
            if not is_same(seal, segment):
                raise self._archive.altered(segment.name)
            self._last_read = segment.name, stored
        return self._last_read[1]


def _goes_on(row: Row, following: Row) -> bool:
    """Whether the second is of the same command: only the first event of one carries its content."""
    return following[_CONTENT] is None and (row[TIME], row[_CAUSE]) == (following[TIME], following[_CAUSE])


def is_same(seal: Seal, segment: StoredSegment) -> bool:
    """Whether the manifest says of a segment what it says of itself."""
    return all(
        getattr(seal, field) == getattr(segment, field)
        for field in ("first", "last", "hash_before", "hash_after", "first_time_us", "last_time_us")
    )


def gaps(chain: Sequence[Manifest]) -> Iterator[str]:
    """Where the segments of these sets, each adding to the one before, are not one journal that ends where the sets say."""
    last, last_hash, last_us = 0, FIRST_HASH.hex(), 0
    for manifest in chain:
        for segment in manifest.segments:
            if (segment.first, segment.hash_before) != (last + 1, last_hash) or segment.last < segment.first:
                yield f"{segment.name} does not continue the journal behind sequence {last}"
            last, last_hash, last_us = segment.last, segment.hash_after, segment.last_time_us
        if (manifest.sequence, manifest.hash) != (last, last_hash):
            yield f"{manifest.set} stands for sequence {manifest.sequence}, and its segments end otherwise, at {last}"
        if manifest.time_us != last_us:
            yield f"{manifest.set} names another time than that of its last event"
