"""When an instrument trades, as data: weekly sessions in a time zone, and the days without.

Here: the values, and who may say when the next session opens and closes. Never here: calendars, time zones, clocks; the moments come
from outside, and stand in the events that they brought about.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class WeeklySession(msgspec.Struct, frozen=True, gc=False):
    """`day` counts from Monday, 0. Minutes count from that day's local midnight; `closes_minute` may lie beyond the day's 1440."""

    day: int
    opens_minute: int
    closes_minute: int


class Schedule(msgspec.Struct, frozen=True, gc=False):
    """`time_zone` is an IANA name; `holidays` are local dates (2026-12-25) on which no session begins."""

    time_zone: str
    sessions: tuple[WeeklySession, ...]
    holidays: tuple[str, ...] = ()


class Boundaries(msgspec.Struct, frozen=True, gc=False):
    """The next opening and the next close after some moment, in microseconds since 1970 UTC; None where there is none any more."""

    opens_at_us: int | None = None
    closes_at_us: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether a session is under way: it closes before another one opens."""
        return self.closes_at_us is not None and (self.opens_at_us is None or self.closes_at_us <= self.opens_at_us)

    @property
    def next_us(self) -> int | None:
        return min((moment for moment in (self.opens_at_us, self.closes_at_us) if moment is not None), default=None)


NO_BOUNDARIES = Boundaries()

Calendar = Callable[[Schedule, int], Boundaries | None]
"""Knows time zones, so that the exchange need not: the first opening and the first close strictly after a moment.

None where it does not know the schedule's.
"""


def no_sessions(_: Schedule, __: int) -> Boundaries:
    """The calendar of an exchange without schedules."""
    return NO_BOUNDARIES
