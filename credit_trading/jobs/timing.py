"""When a job is due: each so many seconds, or at the times of a cron expression. All of it in UTC, so that no hour comes twice or never.

Here: reading such words, and the moments that they name. Never here: what has been done already (runs).
Always: moments follow from the words alone, so every process names the same ones; the one after a moment is later than it.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Protocol

import attrs

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_PERIOD = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
LONGEST_S = 366 * 86_400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FARTHEST = timedelta(days=8 * 366 + 7)
"""February 29 may be eight years away."""

_GAPS = 8
_LOOK_US, _LOOKS = 6 * 3_600 * 1_000_000, 32
"""The longest pause is looked for between so many moments, and by so many looks over eight days."""


class Timing(Protocol):
    """`text` names it among all that there are: a job whose text is another one has another schedule."""

    @property
    def text(self) -> str: ...

    def next_us(self, after_us: int) -> int:
        """The first moment later than that."""

    def period_s(self, after_us: int) -> int:
        """The longest pause between two moments, as far as one need look."""


@attrs.frozen
class Every:
    """Moments on a grid that begins with 1970 in UTC: each hour at its full hour, each day at midnight, each week on Thursday."""

    seconds: int

    @property
    def text(self) -> str:
        return f"every {period_text(self.seconds)}"

    def next_us(self, after_us: int) -> int:
        step_us = self.seconds * 1_000_000
        return (after_us // step_us + 1) * step_us

    def period_s(self, after_us: int) -> int:  # noqa: ARG002 - it is always the same
        return self.seconds


@attrs.frozen
class Cron:
    """Minute, hour, day of month, month, day of week."""

    expression: str

    @property
    def text(self) -> str:
        return f"cron {self.expression}"

    def next_us(self, after_us: int) -> int:
        found = self._next(after_us)
        assert found is not None, "it was looked at when it was read"
        return found

    def period_s(self, after_us: int) -> int:
        """Nights and weekends are seen, to a quarter of a day."""
        moments = [self.next_us(after_us)]
        for _ in range(_GAPS):
            moments.append(self.next_us(moments[-1]))
        gaps_us = [later - earlier for earlier, later in itertools.pairwise(moments)]
        looks_us = [after_us + number * _LOOK_US for number in range(_LOOKS)]
        gaps_us += [self.next_us(look_us) - look_us for look_us in looks_us]
        return max(gaps_us) // 1_000_000

    def _next(self, after_us: int) -> int | None:
        """None for one that never comes, such as February 30."""
        after = _EPOCH + timedelta(microseconds=after_us + 1)
        from apscheduler.triggers.cron import CronTrigger  # it takes long to load, and most commands need no schedule

        minute, hour, day, month, weekday = self.expression.split()
        trigger = CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=weekday,
            timezone=UTC,
            end_date=after + _FARTHEST,
        )
        found: datetime | None = trigger.get_next_fire_time(None, after)
        return None if found is None else (found - _EPOCH) // timedelta(microseconds=1)


def parse_period(text: object) -> int:
    """Seconds of `90s`, `10m`, `1h`, `1d` or `1w`, a year at most. Raises ValueError, saying what is wrong."""
    found = _PERIOD.fullmatch(text) if isinstance(text, str) else None
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(
            f'{text!r} is not a period of at most a year: write a number and s, m, h, d or w, such as "1h"'
        )
    return seconds


def period_text(seconds: int) -> str:
    """As `parse_period` reads it, in the largest unit that fits."""
    unit = next(unit for unit in ("w", "d", "h", "m", "s") if seconds % _UNITS_S[unit] == 0)
    return f"{seconds // _UNITS_S[unit]}{unit}"


def parse_cron(text: object) -> Cron:
    """Five fields as cron has them. Raises ValueError, saying what is wrong.

    Days of the week are names: cron's numbers begin with Sunday, APScheduler's with Monday. And a day of the month together with a day of
    the week means either to cron and both to APScheduler: only one of them may be named.
    """
    fields = text.lower().split() if isinstance(text, str) else []
    if len(fields) != 5:
        raise ValueError(
            f"{text!r} is not five fields: minute, hour, day of month, month, day of week, such as"
            ' "15 2 * * *" for each day at 02:15 UTC'
        )
    _, _, day, _, weekday = fields
    if re.search("[0-9]", weekday):
        raise ValueError(f'"{weekday}" names days of the week by numbers: write mon, tue, wed, thu, fri, sat or sun')
    if day != "*" and weekday != "*":
        raise ValueError(f'it names days of the month ("{day}") and of the week ("{weekday}"): leave one of them "*"')
    cron = Cron(" ".join(fields))
    try:
        found = cron._next(0)
    except ValueError as error:
        raise ValueError(f"{text!r} is no cron expression ({error})") from error
    if found is None:
        raise ValueError(f"{text!r} names no day that there is")
    return cron
