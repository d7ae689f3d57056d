"""Rounds of bringing the host's database forward, again and again: in a thread of this process, or in the foreground.

Here: when a round is due, and what follows from one that failed. Never here: what a round does (link), nor the word that is left of
it (standing).
Always: nothing that a round raises ends the rounds, and trading waits for none; a failure is followed by a longer and longer rest, and
the first success clears it. A forked child follows nothing until it is told to.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator

import attrs

from credit_trading.errors import StorageError, TradingError
from credit_trading.host.standing import Standing, without_passwords
from credit_trading.journal.follower import Position
from credit_trading.users.background import Background, Ending

_log = logging.getLogger(__name__)

EVERY_S = 0.2
"""Between the beginnings of two rounds, where nothing is said."""

FIRST_REST_S, LONGEST_REST_S = 0.1, 30.0


@attrs.frozen
class Synced:
    """What a round came to: events that are shown now, requests that became commands, and those that were set aside."""

    events: int
    submitted: int
    set_aside: int
    position: Position

    @property
    def is_news(self) -> bool:
        return bool(self.events or self.submitted or self.set_aside)


class BackOff:
    """How long to rest after a failure: doubling, up to a limit; less by a chance of up to half, so that not all come back at once."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self.failures = 0

    def failed(self) -> float:
        """Seconds to rest after one more."""
        longest_s: float = min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(self.failures, 20))
        self.failures += 1
        return longest_s * (1 - self._chance() / 2)

    def cleared(self) -> None:
        self.failures = 0


class HostFollowing(Background):
    """`round` is given what tells it to stop; `standing` is made for the first of them."""

    def __init__(
        self,
        round: Callable[[Callable[[], bool]], Synced],
        standing: Callable[[], Standing],
        *,
        join_s: float,
        back_off: BackOff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="credit-trading-host", join_s=join_s)
        self._round = round
        self._make_standing = standing
        self._back_off = back_off or BackOff()
        self._monotonic = monotonic
        self._standing: Standing | None = None
        self._one_at_a_time = threading.Lock()

    def after_fork_in_child(self) -> None:
        """A lock that another thread of the parent held is nobody's here."""
        self._one_at_a_time = threading.Lock()
        self._standing = None

    def once(self, stop: Callable[[], bool]) -> Synced:
        """One round, and the word of it. Raises what the round raises, as one TradingError."""
        came_to = self._attempt(stop, flush=True)[0]
        if isinstance(came_to, TradingError):
            raise came_to
        return came_to

    def rounds(self, every_s: float, stop: Ending) -> Iterator[Synced | TradingError]:
        """One round each period until `stop`: what it came to, or the error that ended it; then the next is due after a rest."""
        try:
            while not stop.is_set():
                began = self._monotonic()
                came_to, rest_s = self._attempt(stop.is_set)
                yield came_to
                stop.wait(max(0.0, every_s - (self._monotonic() - began)) if rest_s is None else rest_s)
        finally:
            with self._one_at_a_time:
                if self._standing is not None:
                    self._standing.flush()

    def _attempt(self, stop: Callable[[], bool], *, flush: bool = False) -> tuple[Synced | TradingError, float | None]:
        """The round's result, and how long to rest if it failed."""
        with self._one_at_a_time:
            try:
                standing = self._standing = self._standing or self._make_standing()
            except TradingError as error:  # without the journal or the adapter there is no word to leave
                return error, self._back_off.failed()
            came_to = self._round_or_error(stop)
            rest_s: float | None = None
            if isinstance(came_to, TradingError):
                rest_s = self._back_off.failed()
                standing.in_trouble(str(came_to), attempts=self._back_off.failures, wait_s=rest_s)
            else:
                self._back_off.cleared()
                standing.shown(came_to.position)
            if flush:
                standing.flush()
            return came_to, rest_s

    def _round_or_error(self, stop: Callable[[], bool]) -> Synced | TradingError:
        try:
            return self._round(stop)
        except TradingError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the host's own code runs in a round, and may raise anything
            if not self._back_off.failures:
                _log.info("a round of the host's database failed", exc_info=True)
            problem = without_passwords(f"{type(error).__name__}: {error}")
            raised = StorageError("host", "", problem, hint="Nothing of the round is left there; it is tried again.")
            raised.__cause__ = error
            return raised

    def _run(self, every_s: float, stop: threading.Event) -> None:
        told = ""
        try:
            for came_to in self.rounds(every_s, stop):
                error = str(came_to) if isinstance(came_to, TradingError) else ""
                if error and error != told:
                    _log.warning("the host's database is not brought forward: %s", error)
                elif told and not error:
                    _log.info("the host's database is brought forward again")
                told = error
        except Exception:  # noqa: BLE001 - the root of the thread
            _log.exception("the host's database is not brought forward any more: a fault in the program")
