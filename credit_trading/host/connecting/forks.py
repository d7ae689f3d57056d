"""Engines and forks: what a forked worker must not use of its parent's connections.

Here: connections to servers are left to the parent; nobody forks while another thread has a SQLite file open. Never here: the exchange's
own files (store/sqlite, which says why a SQLite file must not be open on both sides of a fork).
Always: a forked child makes connections of its own; its parent's go on.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from credit_trading.errors import StorageError

_WAIT_S = 10.0
"""A thread whose transaction takes longer does not hold up the fork; the file is refused in the child then."""

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def remember(engine: Engine) -> None:
    """Its connections are left behind in a forked child, neither used nor closed there."""
    _engines.add(engine)


class OpenFiles:
    """SQLite files of hosts that are open now, by thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._by_thread: dict[int, Counter[str]] = {}
        self._forking: int | None = None
        self._of_parent: set[str] = set()

    def enter(self, path: str) -> int:
        """Waits while somebody forks; the thread to `leave` for. Raises StorageError if the parent of this process had the file open."""
        if path in self._of_parent:
            problem = "this process was forked while its parent had the file open, and cannot use it safely"
            raise StorageError("host", path, problem, hint="Fork outside of transactions, or start a new process.")
        thread = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: self._forking in (None, thread), timeout=2 * _WAIT_S)
            self._by_thread.setdefault(thread, Counter())[path] += 1
        return thread

    def leave(self, path: str, thread: int) -> None:
        with self._changed:
            files = self._by_thread.get(thread, Counter())
            files[path] -= 1
            if files[path] <= 0:
                del files[path]
            if not files:
                self._by_thread.pop(thread, None)
            self._changed.notify_all()

    def before_fork(self) -> None:
        """Returns when no other thread has a file open, and lets none begin."""
        thread = threading.get_ident()
        self._changed.acquire()
        self._forking = thread
        until = time.monotonic() + _WAIT_S
        while set(self._by_thread) - {thread} and self._changed.wait(until - time.monotonic()):
            pass

    def after_fork_in_parent(self) -> None:
        self._forking = None
        self._changed.notify_all()
        self._changed.release()

    def after_fork_in_child(self) -> None:
        self._of_parent |= {path for files in self._by_thread.values() for path in files}
        self._by_thread.clear()
        self._forking = None
        self._changed = threading.Condition()

    @contextmanager
    def opening(self, path: str) -> Iterator[int]:
        """Enters; leaves again if opening fails."""
        thread = self.enter(path)
        try:
            yield thread
        except BaseException:
            self.leave(path, thread)
            raise


open_files = OpenFiles()


def _after_fork_in_child() -> None:
    open_files.after_fork_in_child()
    for engine in list(_engines):
        engine.dispose(close=False)


os.register_at_fork(
    before=open_files.before_fork,
    after_in_parent=open_files.after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
