"""One thread at a time, and no thread while the process forks.

Here: the lock around what is kept in memory and around the handles that are open meanwhile. Never here: locks between processes.
Always: a forked child finds everything as it is between two turns, with no handle open and a lock that is free.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from credit_trading.errors import Busy

_all: weakref.WeakSet[Turn] = weakref.WeakSet()


class Turn:
    """A lock with a timeout that survives forks."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        _all.add(self)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Raises Busy after the timeout. Whoever has a turn may use the replica and the journal, never the other way round."""
        lock = self._lock
        if not lock.acquire(timeout=self._timeout_s):
            raise Busy(
                "market_data",
                "",
                f"another thread has used it for {self._timeout_s:g} s",
                hint="Try again in a moment.",
            )
        try:
            yield
        finally:
            lock.release()

    def before_fork(self) -> None:
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()


_forking: list[Turn] = []
"""Those whose locks this thread holds while it forks."""

_fork_turn = threading.RLock()
"""One thread forks at a time."""


def _before_fork() -> None:
    _fork_turn.acquire()
    _forking[:] = list(_all)
    for turn in _forking:
        turn.before_fork()


def _after_fork_in_parent() -> None:
    for turn in _forking:
        turn.after_fork_in_parent()
    _forking.clear()
    _fork_turn.release()


def _after_fork_in_child() -> None:
    for turn in _forking:
        turn.after_fork_in_child()
    _forking.clear()
    _fork_turn.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
