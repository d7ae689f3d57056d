"""Trading hours as people write them: `mon-fri 09:00-17:30`, and back.

Here: the words, and what is wrong with them. Never here: when that is (calendar).
Always: sessions are in the order of the week and do not overlap, neither on one day nor from one day or week into the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from zoneinfo import available_timezones

from credit_trading.checks import checked_text, shown
from credit_trading.errors import InvalidInput
from credit_trading.exchange.schedule import Schedule, WeeklySession

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_MOST_HOLIDAYS = 1_000
_MOST_SESSIONS = 100
"""Of a week: each costs two events when it opens and closes, in the way of all orders."""
_LONGEST_HOURS = 4_000

_PART = re.compile(r"([a-z]+)(?:-([a-z]+))? +([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

_EXAMPLE = 'Write "mon-fri 09:00-17:30", or several such parts with commas between.'


def parse_schedule(hours: str, *, time_zone: str, holidays: Iterable[str | date] = ()) -> Schedule:
    """Weekly sessions in an IANA time zone, and local dates on which none begins. A session that ends before it begins ends the next day.

    Raises InvalidInput that says which part is wrong.
    """
    parts = checked_text(hours, what="trading hours", longest=_LONGEST_HOURS).lower().split(",")
    sessions = [session for part in parts for session in _part(part.strip())]
    if len(sessions) > _MOST_SESSIONS:
        raise _wrong(f"{len(sessions)} sessions", f"a week has at most {_MOST_SESSIONS}", "Join some of them.")
    sessions.sort(key=lambda session: (session.day, session.opens_minute))
    _check_apart(sessions)
    return Schedule(_checked_zone(time_zone), tuple(sessions), _checked_holidays(holidays))


def format_hours(sessions: Sequence[WeeklySession]) -> str:
    """The hours as they may be written: days with the same hours together, `sun-thu` as one range."""
    days_by_hours: dict[tuple[int, int], list[int]] = {}
    for session in sessions:
        days_by_hours.setdefault((session.opens_minute, session.closes_minute), []).append(session.day)
    return ", ".join(
        f"{days} {_time(opens)}-{_time(closes if closes <= _DAY_MINUTES else closes - _DAY_MINUTES)}"
        for (opens, closes), of_hours in days_by_hours.items()
        for days in _ranges(of_hours)
    )


def _part(text: str) -> list[WeeklySession]:
    """The sessions of `mon-fri 09:00-17:30`, one for each day."""
    match = _PART.fullmatch(text)
    if match is None:
        raise _wrong(text, "not days and hours", _EXAMPLE)
    first, last = _day(match[1], text), _day(match[2] or match[1], text)
    opens, closes = _minute(match[3], match[4], text), _minute(match[5], match[6], text)
    if opens in (closes, _DAY_MINUTES):
        raise _wrong(text, "a session that ends when it begins", "A whole day is 00:00-24:00.")
    if closes < opens:
        closes += _DAY_MINUTES
    return [WeeklySession((first + later) % 7, opens, closes) for later in range((last - first) % 7 + 1)]


def _day(name: str, text: str) -> int:
    if name not in _DAYS:
        raise _wrong(text, f"{name} is no day", f"Days are {', '.join(_DAYS)}.")
    return _DAYS.index(name)


def _minute(hours: str, minutes: str, text: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > _DAY_MINUTES:
        raise _wrong(text, f"{hours}:{minutes} is no time of day", "Times run from 00:00 to 24:00.")
    return minute


def _check_apart(sessions: Sequence[WeeklySession]) -> None:
    """Each ends before, or when, the next begins; the first of a week comes after the last, too."""
    spans = [
        (session.day * _DAY_MINUTES + session.opens_minute, session.day * _DAY_MINUTES + session.closes_minute)
        for session in sessions
    ]
    spans.append((spans[0][0] + _WEEK_MINUTES, spans[0][1] + _WEEK_MINUTES))
    for session, ((_, ends), (begins, _)) in zip(sessions, pairwise(spans), strict=True):
        if begins < ends:
            raise _wrong(
                format_hours([session]), "it overlaps the session after it", "End it when the next begins, or before."
            )


def _checked_zone(name: str) -> str:
    # What a machine calls its own time is another zone on the next one, and Factory is what stands for none.
    known = available_timezones() - {"localtime", "Factory"}
    name = checked_text(name, what="time zone")
    if name in known:
        return name
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    raise InvalidInput(
        "time zone",
        shown(name),
        "no such time zone",
        hint=f"Did you mean {near[0]}?" if near else "Give an IANA name, such as Europe/Berlin or UTC.",
    )


def _checked_holidays(holidays: Iterable[str | date]) -> tuple[str, ...]:
    """ISO dates, each once, in order."""
    if isinstance(holidays, str) or not isinstance(holidays, Iterable):
        raise _no_date(holidays)
    checked = sorted({_iso_date(holiday) for holiday in holidays})
    if len(checked) > _MOST_HOLIDAYS:
        raise InvalidInput(
            "holidays", len(checked), f"at most {_MOST_HOLIDAYS} dates are kept", hint="Leave out those that are past."
        )
    return tuple(checked)


def _iso_date(holiday: str | date) -> str:
    text = holiday.isoformat() if isinstance(holiday, date) else holiday
    try:
        if not isinstance(text, str) or _DATE.fullmatch(text) is None:
            raise ValueError(text)
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise _no_date(holiday) from error


def _no_date(holiday: object) -> InvalidInput:
    return InvalidInput("holidays", shown(holiday), "not a date", hint="Write a list of dates such as 2026-12-25.")


def _ranges(days: Sequence[int]) -> list[str]:
    """Days in a row as `mon-fri`; a row may run over the end of the week."""
    if len(days) == 7:
        return [f"{_DAYS[0]}-{_DAYS[6]}"]
    rows = [[day] for day in days[:1]]
    for yesterday, today in pairwise(days):
        if today == yesterday + 1:
            rows[-1].append(today)
        else:
            rows.append([today])
    if len(rows) > 1 and rows[0][0] == 0 and rows[-1][-1] == 6:
        rows = [*rows[1:-1], rows[-1] + rows[0]]
    return [_DAYS[row[0]] if len(row) == 1 else f"{_DAYS[row[0]]}-{_DAYS[row[-1]]}" for row in rows]


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _wrong(text: str, problem: str, hint: str) -> InvalidInput:
    return InvalidInput("trading hours", shown(text), problem, hint=hint)
