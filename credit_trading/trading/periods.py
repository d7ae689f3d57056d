"""Days, weeks and months, and the moments between which something is asked for.

Here: which moments a period begins and ends at, and how a person names them. Never here: what happened in it.
Always: everything is UTC; a week begins on Monday; a period has its beginning and not its end, so that periods follow on each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput
from credit_trading.trading.order_input import Moment, moment_us

MOST_PERIODS = 20_000
"""In one answer: 54 years of days."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def period_moment_us(given: Moment, *, what: str) -> int:
    """A moment as everywhere, or a date such as `2026-03-01`: its first moment in UTC. Raises InvalidInput."""
    if isinstance(given, str) and _DATE.fullmatch(given):
        try:
            date.fromisoformat(given)
        except ValueError as error:
            hint = "A date is enough, but one that there is: 2026-02-28."
            raise InvalidInput(what, given, "there is no such day", hint=hint) from error
        given = f"{given}T00:00:00Z"
    return moment_us(given, what=what)


def checked_order(*, from_us: int, to_us: int, what: str) -> None:
    """Raises InvalidInput for a period that ends before it begins."""
    if to_us < from_us:
        raise InvalidInput(what, "", "the period ends before it begins", hint="Swap its two moments.")


def boundaries_us(*, from_us: int, to_us: int, every: str, what: str) -> list[int]:
    """The ends of all periods that lie in it, the last cut short at `to_us`. Raises InvalidInput for more than 20,000."""
    following = _FOLLOWING.get(every) if isinstance(every, str) else None
    if following is None:
        raise InvalidInput(what, shown(every), "no such period", hint=f"Choose from {', '.join(_FOLLOWING)}.")
    ends: list[int] = []
    moment = _EPOCH + from_us * _US
    last = _EPOCH + to_us * _US
    while moment < last:
        if len(ends) == MOST_PERIODS:
            problem = f"more than {MOST_PERIODS:,} periods"
            raise InvalidInput(what, every, problem, hint="Ask for longer ones, or for a shorter time.")
        try:
            moment = min(following(moment), last)
        except (OverflowError, ValueError):  # after the year 9999
            moment = last
        ends.append((moment - _EPOCH) // _US)
    return ends


def _next_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _next_day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _next_week(moment: datetime) -> datetime:
    return _next_day(moment) + timedelta(days=6 - moment.weekday())


def _next_month(moment: datetime) -> datetime:
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


_FOLLOWING: dict[str, Callable[[datetime], datetime]] = {
    "hour": _next_hour,
    "day": _next_day,
    "week": _next_week,
    "month": _next_month,
}
