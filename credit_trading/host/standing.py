"""How far the host's database shows the journal, as whoever brings it forward has left word: `host.json` in the exchange's folder.

Here: writing that word, reading it, and what it comes to. Never here: the host's database, which need not be reached to know this.
Always: nobody fails or waits because it cannot be written; no password stands in it; it is what others said, and proves nothing (that
is for `host check`).
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec

from credit_trading.clock import Clock, format_time
from credit_trading.errors import TradingError
from credit_trading.journal.follower import Position
from credit_trading.journal.log import Log
from credit_trading.store.files import write_durably

_log = logging.getLogger(__name__)

FILE_NAME = "host.json"

WRITE_EVERY_S = 1.0
"""Each writing is an fsync; a change of trouble is written at once."""

_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]*@|(\bpassword=)[^\s&'\"]+", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class HostStatus:
    """The database of the `host`, without its password: up to `sequence` it shows what happened; None if it never did.

    `seconds_behind` counts from the first event that it does not show. `problem` is why it could not be brought forward at last, since
    `problem_since`, in so many `attempts`; the next is due at `next_try_at` while somebody follows. `told_at` is when `process` said so.
    """

    host: str
    sequence: int | None
    events_behind: int
    seconds_behind: float
    shown_at: str | None
    problem: str | None
    problem_since: str | None
    attempts: int
    next_try_at: str | None
    told_at: str | None
    process: int | None

    @property
    def is_well(self) -> bool:
        """Whether it was brought forward without trouble when it was last tried."""
        return self.problem is None


class _Word(msgspec.Struct, kw_only=True):
    """What stands in the file; times in microseconds."""

    exchange_id: str
    host: str
    sequence: int | None = None
    shown_at_us: int | None = None
    problem: str | None = None
    problem_since_us: int | None = None
    attempts: int = 0
    next_try_at_us: int | None = None
    told_at_us: int = 0
    process: int = 0

    @property
    def seen(self) -> tuple[int, int]:
        """Of two words the greater one was seen later."""
        return self.shown_at_us or 0, self.sequence or 0


class Standing:
    """Says how it stands, for this process. Not for several threads at a time."""

    def __init__(
        self,
        home: Path,
        *,
        exchange_id: str,
        host: str,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = home / FILE_NAME
        self._clock = clock
        self._monotonic = monotonic
        self._word = _known(self._path, exchange_id, host) or _Word(exchange_id=exchange_id, host=host)
        self._write_from = self._look_from = -WRITE_EVERY_S
        self._pending = False

    def shown(self, position: Position) -> None:
        """A round went well, and the host's database shows the journal up to there."""
        word, better = self._word, self._word.problem is not None
        if not better and word.sequence == position.sequence and word.shown_at_us is not None:
            self._write_if_due(pending=self._pending or self._is_outdated())
            return
        word.sequence, word.shown_at_us = position.sequence, self._clock.now_us()
        word.problem = word.problem_since_us = word.next_try_at_us = None
        word.attempts = 0
        self._write_if_due(at_once=better)

    def in_trouble(self, problem: str, *, attempts: int, wait_s: float) -> None:
        """A round failed, the so-manieth in a row; the next is due after so many seconds."""
        word, now_us = self._word, self._clock.now_us()
        problem = without_passwords(problem)
        changed = word.problem != problem
        if word.problem is None:
            word.problem_since_us = now_us
        word.problem, word.attempts = problem, attempts
        word.next_try_at_us = now_us + round(wait_s * 1_000_000)
        self._write_if_due(at_once=changed)

    def flush(self) -> None:
        """Nothing is left unsaid, and nothing is due any more: this process stops following."""
        if self._word.next_try_at_us is not None:
            self._word.next_try_at_us = None
            self._pending = True
        if self._pending:
            self._write_if_due(at_once=True)

    def _is_outdated(self) -> bool:
        """Whether another process has left word of less, or of trouble that this one does not have."""
        if self._monotonic() < self._look_from:
            return False
        self._look_from = self._monotonic() + WRITE_EVERY_S
        there = _known(self._path, self._word.exchange_id, self._word.host)
        return there is not None and (there.problem is not None or there.seen < self._word.seen)

    def _write_if_due(self, *, at_once: bool = False, pending: bool = True) -> None:
        self._pending = pending
        now_s = self._monotonic()
        if not pending or not (at_once or now_s >= self._write_from):
            return
        self._pending, self._write_from = False, now_s + WRITE_EVERY_S
        there = _known(self._path, self._word.exchange_id, self._word.host)
        if there is not None and there.seen > self._word.seen:  # another process has come further
            self._word.sequence, self._word.shown_at_us = there.sequence, there.shown_at_us
        self._word.told_at_us, self._word.process = self._clock.now_us(), os.getpid()
        try:
            write_durably(self._path, msgspec.json.encode(self._word))
        except TradingError as error:
            _log.info("how the host's database stands cannot be told to others: %s", error)


def look(home: Path, log: Log, *, now_us: int) -> HostStatus | None:
    """How it stands; None where nobody has ever brought a host's database forward. `log` is the journal."""
    path, head = home / FILE_NAME, log.head()[0]
    try:
        word = msgspec.json.decode(path.read_bytes(), type=_Word)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        word = _Word(exchange_id=log.exchange_id, host="", problem=f"{FILE_NAME} cannot be read: {error}")
    if word.exchange_id != log.exchange_id:
        problem = f"{FILE_NAME} is of another exchange; the next synchronization writes it anew"
        word = _Word(exchange_id=log.exchange_id, host=word.host, problem=problem)
    sequence = word.sequence or 0
    first = log.entry(sequence + 1)
    return HostStatus(
        host=word.host,
        sequence=word.sequence,
        events_behind=max(0, head - sequence),
        seconds_behind=0.0 if first is None else max(0, now_us - first.time_us) / 1_000_000,
        shown_at=_text(word.shown_at_us),
        problem=word.problem,
        problem_since=_text(word.problem_since_us),
        attempts=word.attempts,
        next_try_at=_text(word.next_try_at_us),
        told_at=_text(word.told_at_us or None),
        process=word.process or None,
    )


def without_passwords(text: str) -> str:
    """The text, with stars for the password of each URL in it: what raises may have quoted one."""
    return _PASSWORD.sub(lambda found: f"{found[1]}:***@" if found[1] else f"{found[2]}***", text)


def _known(path: Path, exchange_id: str, host: str) -> _Word | None:
    """What was said before of the same two; its trouble may be over."""
    try:
        word = msgspec.json.decode(path.read_bytes(), type=_Word)
    except (OSError, ValueError):
        return None
    return word if (word.exchange_id, word.host) == (exchange_id, host) else None


def _text(moment_us: int | None) -> str | None:
    return None if moment_us is None else format_time(moment_us)
