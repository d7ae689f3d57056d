"""The journal into an archive: segment after segment, and not again what is there already.

Here: which segments a set consists of, and sealing those that are new. Never here: what a segment is (journal/segments).
Always: in memory is one segment at a time; the journal is read in batches, each for a moment. What is taken over from another set was read
and is as it was written; else it is sealed anew under the same name, which mends those sets, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from credit_trading.backup.archive import Archive, store
from credit_trading.backup.manifest import StoredSegment
from credit_trading.errors import FileCorrupt, NotFound
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import FIRST_HASH, Row, damaged
from credit_trading.journal.segments import ROWS_PER_SEGMENT, seal

_log = logging.getLogger(__name__)

_ROWS_AT_ONCE = 2_000

Known = dict[tuple[int, int, str], StoredSegment]
"""Segments that other sets have, by first and last row and the hash after it."""


def known_segments(segments: Iterable[StoredSegment]) -> Known:
    return {(one.first, one.last, one.hash_after): one for one in segments}


def seal_up_to(
    archive: Archive,
    live: LiveReplica,
    last: int,
    *,
    after: int,
    hash_before: bytes = FIRST_HASH,
    known: Known,
    step: Callable[[int], None],
) -> list[StoredSegment]:
    """The segments with the rows beyond `after`, where the chain hash is `hash_before`, up to `last`; `step` is told of rows done.

    Raises FileCorrupt where the journal's chain is broken, StorageError.
    """
    segments: list[StoredSegment] = []
    for first, end in _blocks(after + 1, last):
        with live.history() as log:
            hash_after, exchange_id = log.hash_at(end), log.exchange_id
        found = known.get((first, end, hash_after.hex() if hash_after else ""))
        if found is None or found.hash_before != hash_before.hex() or not _is_whole(archive, found):
            found = _sealed(archive, exchange_id, _rows(live, first, end), hash_before)
        segments.append(found)
        hash_before = bytes.fromhex(found.hash_after)
        step(end - first + 1)
    return segments


def _blocks(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Of at most so many rows, and ending at multiples of it: so that later sets find them again."""
    while first <= last:
        end = min((first + ROWS_PER_SEGMENT - 1) // ROWS_PER_SEGMENT * ROWS_PER_SEGMENT, last)
        yield first, end
        first = end + 1


def _is_whole(archive: Archive, segment: StoredSegment) -> bool:
    """Bits rot while the size stays: only reading it tells."""
    try:
        archive.read(segment)
    except (FileCorrupt, NotFound) as error:
        _log.warning("a segment is sealed anew: %s", error)
        return False
    return True


def _sealed(archive: Archive, exchange_id: str, rows: list[Row], hash_before: bytes) -> StoredSegment:
    made, content = seal(exchange_id, rows, hash_before)
    stored = store(archive, made.name, content)
    return StoredSegment(
        name=stored.name,
        size=stored.size,
        sha256=stored.sha256,
        first=made.first,
        last=made.last,
        hash_before=made.hash_before,
        hash_after=made.hash_after,
        first_time_us=made.first_time_us,
        last_time_us=made.last_time_us,
    )


def _rows(live: LiveReplica, first: int, last: int) -> list[Row]:
    rows: list[Row] = []
    while len(rows) < last - first + 1:
        sequence = first + len(rows)
        with live.history() as log:
            batch = log.batch_from(sequence, min(_ROWS_AT_ONCE, last - sequence + 1))
        if not batch:
            raise damaged(sequence, "it is missing")
        rows += batch
    return rows
