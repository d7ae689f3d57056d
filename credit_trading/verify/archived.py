"""The part of the journal that was moved into an archive: the list of its segments, and the rows that had to stay.

Here: what can be told from exchange.db, and of rows that were read from there. Never here: reading segments (journal.archived does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from credit_trading.journal import archived, moving
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import FIRST_HASH, HASH, Row, row_hash
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding


def check_segments(live: LiveReplica) -> Iterator[Finding]:
    """That they follow on each other from row 1 to the border, and exchange.db goes on from there. Reads no archive."""
    with live.history() as log:
        segments = archived.list_all(log.connection)
        following = log.batch_from(segments[-1].last + 1, 1) if segments else []
    last, last_hash = 0, FIRST_HASH
    for segment in segments:
        if (segment.first, segment.hash_before) != (last + 1, last_hash):
            yield _finding(
                segment.first,
                "it does not follow on the one before",
                f"sequence {last + 1}, {last_hash.hex()}",
                f"sequence {segment.first}, {segment.hash_before.hex()}",
            )
        last, last_hash = segment.last, segment.hash_after
    if not segments:
        return
    if not following or following[0][0] != last + 1:
        yield _finding(segments[-1].first, "the row behind the last one is missing", f"sequence {last + 1}")
    elif following[0][HASH] != row_hash(following[0], last_hash):
        yield _finding(segments[-1].first, "the journal does not go on from where it ends")


def check_kept(live: LiveReplica, stored: Sequence[Row]) -> Iterator[Finding]:
    """Of rows that follow on each other: that those are in exchange.db themselves which are never moved.

    Their content is proven by the chain.
    """
    with live.history() as log:
        if not stored or stored[0][0] > archived.border(log.connection):
            return
        missing = moving.lost(log.connection, stored)
    for sequence in missing:
        yield Finding(
            file=EXCHANGE,
            row=f"sequence {sequence}",
            problem="the row is in the archive only, and its key has to stay known here",
            repair=RESTORE,
        )


def _finding(first: int, problem: str, expected: str | None = None, found: str | None = None) -> Finding:
    return Finding(
        file=EXCHANGE,
        row=f"archived_segments {first}",
        problem=problem,
        expected=expected,
        found=found,
        repair=RESTORE,
    )
