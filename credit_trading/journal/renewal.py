"""A new checkpoint while others write: made from the last one and the journal, by a replica of its own.

Here: how it is made without anybody waiting for it. Never here: when it is due (live), the files (checkpoint).
Always: nothing is held for longer than a glance at the journal; what is saved was read back from the last checkpoint and continues it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import dissolve
from credit_trading.journal import checkpoint, rows
from credit_trading.journal.bulk import Pace, Uncollected
from credit_trading.journal.log import Log
from credit_trading.journal.replay import replay

WORK_S, REST_S = 0.001, 0.002
SHORT_BATCH = 50
"""Rows that are replayed without a look at the clock."""


class Glances:
    """The committed journal, each time for a moment: in between others may read, and the process may fork."""

    def __init__(self, reading: Callable[[], AbstractContextManager[Log]]) -> None:
        self._reading = reading
        with reading() as log:
            self.exchange_id = log.exchange_id

    def hash_at(self, sequence: int) -> bytes | None:
        with self._reading() as log:
            return log.hash_at(sequence)

    def batch_from(self, sequence: int, most: int) -> list[rows.Row]:
        with self._reading() as log:
            return log.batch_from(sequence, most)


def renew(folder: Path, history: Glances, *, until: int, every_events: int) -> tuple[int, bool]:
    """Saves a checkpoint as of `until`, with which a command ended, unless the last one is new enough; its sequence, and whether it is new.

    Takes as much memory again as the live replica, meanwhile. Raises Unwritable, StorageError.
    """
    pace = Pace(work_s=WORK_S, rest_s=REST_S)
    with Uncollected():
        replica, chain_hash = checkpoint.load(folder, history, pace=pace) or (Replica(), rows.FIRST_HASH)
        if until - replica.sequence < every_events:
            return replica.sequence, False
        chain_hash = replay(replica, chain_hash, history.batch_from, until=until, batch=SHORT_BATCH, pace=pace)
        checkpoint.save(folder, replica, chain_hash, history, pace=pace)
        for _ in dissolve(replica):
            pace()
        return replica.sequence, True
