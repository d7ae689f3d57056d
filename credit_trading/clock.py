"""Time as the exchange sees it: microseconds since 1970-01-01 UTC.

Every command remembers when it was prepared; the write path asks the clock for the moment at which it is decided. A real clock
answers with now; a manual clock answers with the moment of preparation, so that recorded order flow keeps its own times.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LATEST_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999: later moments have no ISO text."""


class Clock(Protocol):
    def now_us(self) -> int:
        """The present moment."""
        ...

    def decision_us(self, prepared_us: int) -> int:
        """The moment at which a command that was prepared at `prepared_us` is decided."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def decision_us(self, prepared_us: int) -> int:  # noqa: ARG002 - a real clock decides now
        return time.time_ns() // 1000


class ManualClock:
    """A clock that stands still until it is set: for tests, simulations and recorded order flow."""

    def __init__(self, now_us: int = 1_767_225_600_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def decision_us(self, prepared_us: int) -> int:
        return prepared_us

    def set(self, now_us: int) -> None:
        self._now_us = now_us

    def advance(self, seconds: float) -> None:
        self._now_us += round(seconds * 1_000_000)


def format_time(moment_us: int) -> str:
    """ISO 8601 in UTC with microseconds: `2026-03-01T09:30:00.000000Z`."""
    return (_EPOCH + timedelta(microseconds=moment_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(moment: str | datetime) -> int:
    """ISO 8601 text with an offset (`Z` or `+02:00`), or an aware datetime, to microseconds.

    Raises ValueError for anything else, a missing offset included.
    """
    if not isinstance(moment, datetime):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset is ambiguous: end it with Z for UTC, or an offset such as +02:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)
