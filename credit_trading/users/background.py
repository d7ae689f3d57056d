"""A thread of this process that makes rounds until it is told to end.

Here: starting and ending it. Never here: what a round is (following, and the rooms above that follow).
Always: there is one at most, and a forked child has none until it starts its own.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput

_LONGEST_S = 86_400


class Ending(Protocol):
    """Whether the rounds are to end: a `threading.Event`, or what behaves like one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> object: ...


def checked_period(every_s: float) -> float:
    """Seconds between the beginnings of two rounds. Raises InvalidInput unless it is a number above zero, a day at most."""
    if isinstance(every_s, bool) or not isinstance(every_s, int | float) or not 0 < every_s <= _LONGEST_S:
        problem = "not a number of seconds above zero, a day at most"
        raise InvalidInput("follow", shown(every_s), problem, hint="For example 1.")
    return float(every_s)


class Background:
    """Subclasses give `_run`, which makes the rounds until `stop` is set and raises nothing."""

    def __init__(self, *, name: str, join_s: float) -> None:
        self._name = name
        self._join_s = join_s
        self._running: tuple[int, threading.Thread, threading.Event] | None = None

    @property
    def is_running(self) -> bool:
        """Whether this process has a thread that follows, or stands by."""
        return self._running is not None and self._running[0] == os.getpid() and self._running[1].is_alive()

    def start(self, every_s: float) -> None:
        """A daemon thread makes a round every so many seconds until `stop`. It runs already: nothing happens."""
        if self.is_running:
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(every_s, stop), name=self._name, daemon=True)
        self._running = (os.getpid(), thread, stop)
        thread.start()

    def stop(self) -> None:
        """Waits for what is under way. Does nothing where no thread runs."""
        running, self._running = self._running, None
        if running is None or running[0] != os.getpid():  # a parent's thread, and an event that may be locked for good
            return
        _, thread, stop = running
        stop.set()
        if thread is not threading.current_thread():
            thread.join(self._join_s)

    def _run(self, every_s: float, stop: threading.Event) -> None:
        raise NotImplementedError
