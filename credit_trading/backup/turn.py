"""Whoever makes, prunes or uses up sets of an exchange's archives does so alone: what one writes the other would take for left over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from credit_trading.errors import Busy
from credit_trading.journal.live import LiveReplica
from credit_trading.store.locks import BACKUP


@contextmanager
def alone(live: LiveReplica, operation: str) -> Iterator[None]:
    """For one at a time per folder. Raises Busy, naming the process that is at it."""
    lock_file = live.lock_file
    if not lock_file.try_acquire(BACKUP):
        holder = lock_file.holder(BACKUP)
        who = "another thread or process" if holder is None else f"process {holder}"
        raise Busy(
            operation,
            live.path.parent,
            f"{who} is at work on this exchange's backups",
            hint="Wait until it is done. A backup that is interrupted goes on with what it has copied.",
        )
    try:
        yield
    finally:
        lock_file.release(BACKUP)
