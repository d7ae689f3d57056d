"""Rounds of following, again and again: in a thread of this process, or in the foreground.

Here: when a round is due, who has the right to it, and how it ends. Never here: what a round does (follower).
Always: one process per folder follows; the others stand by and take over when it ends or dies. A forked child follows nothing until it
is told to.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput, TradingError
from credit_trading.journal.live import LiveReplica
from credit_trading.store.locks import PROJECTOR
from credit_trading.users.follower import Followed, Follower

_log = logging.getLogger(__name__)

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


class Following:
    """`beside` is done after each round of this process: what else is due in the background."""

    def __init__(self, live: LiveReplica, follower: Follower, *, beside: Callable[[], object], join_s: float) -> None:
        self._live = live
        self._follower = follower
        self._beside = beside
        self._join_s = join_s
        self._running: tuple[int, threading.Thread, threading.Event] | None = None

    @property
    def is_running(self) -> bool:
        """Whether this process has a thread that follows, or stands by."""
        return self._running is not None and self._running[0] == os.getpid() and self._running[1].is_alive()

    @property
    def process_id(self) -> int | None:
        """The process that follows in this folder just now. Only to be shown."""
        return self._live.lock_file.holder(PROJECTOR)

    def start(self, every_s: float) -> None:
        """A daemon thread makes a round every so many seconds until `stop`. It runs already: nothing happens."""
        if self.is_running:
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(every_s, stop), name="credit-trading-follow", daemon=True)
        self._running = (os.getpid(), thread, stop)
        thread.start()

    def stop(self) -> None:
        """Waits for the file that is being brought forward. Does nothing where no thread runs."""
        running, self._running = self._running, None
        if running is None or running[0] != os.getpid():  # a parent's thread, and an event that may be locked for good
            return
        _, thread, stop = running
        stop.set()
        if thread is not threading.current_thread():
            thread.join(self._join_s)

    def rounds(self, every_s: float, stop: Ending) -> Iterator[Followed | TradingError | None]:
        """One round each period until `stop`: what it came to, the error that ended it, or None while another process follows."""
        lock_file, ours = self._live.lock_file, False
        try:
            while not stop.is_set():
                began = time.monotonic()
                ours = ours or lock_file.try_acquire(PROJECTOR)
                yield self._round(stop) if ours else None
                stop.wait(max(0.0, every_s - (time.monotonic() - began)))
        finally:
            if ours:
                lock_file.release(PROJECTOR)

    def _round(self, stop: Ending) -> Followed | TradingError:
        try:
            followed = self._follower.follow(stop=stop.is_set)
            self._beside()
        except TradingError as error:
            return error
        return followed

    def _run(self, every_s: float, stop: threading.Event) -> None:
        told = ""
        try:
            for came_to in self.rounds(every_s, stop):
                error = str(came_to) if isinstance(came_to, TradingError) else ""
                if error and error != told:
                    _log.warning("users' files are not brought forward: %s", error)
                told = error
        except Exception:  # noqa: BLE001 - the root of the thread
            _log.exception("users' files are not brought forward any more: a fault in the program")
