"""Rounds of following, again and again: in a thread of this process, or in the foreground.

Here: when a round is due, who has the right to it, and how it ends. Never here: what a round does (follower).
Always: one process per folder follows; the others stand by and take over when it ends or dies. A forked child follows nothing until it
is told to.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from credit_trading.errors import TradingError
from credit_trading.journal.live import LiveReplica
from credit_trading.store.locks import PROJECTOR
from credit_trading.users.background import Background, Ending
from credit_trading.users.follower import Followed, Follower

_log = logging.getLogger(__name__)


class Following(Background):
    """`beside` is done after each round of this process: what else is due in the background."""

    def __init__(self, live: LiveReplica, follower: Follower, *, beside: Callable[[], object], join_s: float) -> None:
        super().__init__(name="credit-trading-follow", join_s=join_s)
        self._live = live
        self._follower = follower
        self._beside = beside

    @property
    def process_id(self) -> int | None:
        """The process that follows in this folder just now. Only to be shown."""
        return self._live.lock_file.holder(PROJECTOR)

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
