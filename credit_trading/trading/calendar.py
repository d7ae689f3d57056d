"""When sessions open and close: the one place that knows time zones, daylight saving and holidays.

Here: the calendar that the exchange is given. Never here: what an opening or a close brings about (exchange), hours as people write them
(hours).
Always: the order of wall clock times is the order of moments, so sessions that do not overlap on paper never do. A wall clock time that
daylight saving leaves out is the moment at which it is left out; one that comes twice is its first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from credit_trading.exchange.schedule import Boundaries, Schedule

_log = logging.getLogger(__name__)

_LOOK_AHEAD_DAYS = 400
"""So far beyond today and the last holiday sessions are looked for; weekly ones come sooner, unless the calendar ends."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


def next_boundaries(schedule: Schedule, after_us: int) -> Boundaries | None:
    """The first opening and the first close strictly after that moment; those beyond the year 9999 do not come.

    None, and a warning, where this machine does not know the time zone: it was set on one that knows more.
    """
    try:
        zone = _zone(schedule.time_zone)
    except (KeyError, ValueError, OSError):
        _log.warning(
            "this machine does not know the time zone %s; update it: pip install --upgrade tzdata", schedule.time_zone
        )
        return None
    opens_at_us = closes_at_us = None
    for opens_us, closes_us in _sessions(schedule, zone, after_us):
        if opens_at_us is None and opens_us > after_us:
            opens_at_us = opens_us
        if closes_at_us is None and closes_us > after_us:
            closes_at_us = closes_us
        if opens_at_us is not None:  # and closed it is after that, if not before
            break
    return Boundaries(opens_at_us, closes_at_us)


def _sessions(schedule: Schedule, zone: ZoneInfo, after_us: int) -> Iterator[tuple[int, int]]:
    """The sessions around and after that moment, in order; those that daylight saving leaves nothing of are left out."""
    holidays = frozenset(schedule.holidays)
    # A session may end on the day after the one on which it begins, and that day may still have to come elsewhere.
    first = (_EPOCH + after_us * _MICROSECOND).date().toordinal() - 3
    last_holiday = date.fromisoformat(max(holidays)).toordinal() if holidays else first
    end = min(max(first, last_holiday) + _LOOK_AHEAD_DAYS, date.max.toordinal() - 2)
    for ordinal in range(max(first, 1), end):
        day = date.fromordinal(ordinal)
        if day.isoformat() in holidays:
            continue
        for session in schedule.sessions:
            if session.day == day.weekday():
                opens_us, closes_us = (
                    _moment(day, minute, zone) for minute in (session.opens_minute, session.closes_minute)
                )
                if opens_us < closes_us:
                    yield opens_us, closes_us


def _moment(day: date, minute: int, zone: ZoneInfo) -> int:
    """When the wall clock first shows that minute of that day, or a later one; microseconds since 1970 UTC."""
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001 - a wall clock's time
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall:
        moment = _end_of_gap(wall, zone)
    return (moment - _EPOCH) // _MICROSECOND


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks are put forward over that wall clock time, found by halving; to the second."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after


_zone = lru_cache(maxsize=64)(ZoneInfo)
"""What is not known is looked for each time: it may come with an update."""
