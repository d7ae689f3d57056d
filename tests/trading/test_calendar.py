"""When sessions open and close: daylight saving on both sides of the ocean, nights, holidays, and times far away."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from credit_trading.clock import format_time, parse_time
from credit_trading.exchange.schedule import Boundaries, Schedule, WeeklySession
from credit_trading.trading.calendar import next_boundaries
from credit_trading.trading.hours import parse_schedule

BERLIN, NEW_YORK, APIA, HAVANA = "Europe/Berlin", "America/New_York", "Pacific/Apia", "America/Havana"

OFFICE = "mon-fri 09:00-17:30"
NIGHT = "sun-thu 22:00-06:00"
ALWAYS = "mon-sun 00:00-24:00"


def _boundaries(hours: str, zone: str, after: str, *holidays: str) -> Boundaries:
    told = next_boundaries(parse_schedule(hours, time_zone=zone, holidays=holidays), parse_time(after + ":00Z"))
    assert told is not None
    return told


def _shown(boundaries: Boundaries) -> tuple[str | None, str | None]:
    opens, closes = (
        None if moment is None else format_time(moment)[:16]
        for moment in (boundaries.opens_at_us, boundaries.closes_at_us)
    )
    return opens, closes


@pytest.mark.parametrize(
    ("hours", "zone", "after", "opens", "closes"),
    [
        # An ordinary week: before, within, after a session, over the weekend.
        (OFFICE, "UTC", "2026-06-03T08:00", "2026-06-03T09:00", "2026-06-03T17:30"),
        (OFFICE, "UTC", "2026-06-03T10:00", "2026-06-04T09:00", "2026-06-03T17:30"),
        (OFFICE, "UTC", "2026-06-05T18:00", "2026-06-08T09:00", "2026-06-08T17:30"),
        # Strictly after: the moment itself is past.
        (OFFICE, "UTC", "2026-06-03T09:00", "2026-06-04T09:00", "2026-06-03T17:30"),
        (OFFICE, "UTC", "2026-06-03T17:30", "2026-06-04T09:00", "2026-06-04T17:30"),
        # Several a day.
        ("mon-fri 09:00-12:00, mon-fri 13:00-17:00", "UTC", "2026-06-03T11:00", "2026-06-03T13:00", "2026-06-03T12:00"),
        ("mon-fri 09:00-12:00, mon-fri 13:00-17:00", "UTC", "2026-06-03T12:30", "2026-06-03T13:00", "2026-06-03T17:00"),
        # Winter and summer in Berlin and New York: the wall clock stays, UTC moves.
        (OFFICE, BERLIN, "2026-03-27T00:00", "2026-03-27T08:00", "2026-03-27T16:30"),
        (OFFICE, BERLIN, "2026-03-29T00:00", "2026-03-30T07:00", "2026-03-30T15:30"),
        (OFFICE, BERLIN, "2026-10-24T00:00", "2026-10-26T08:00", "2026-10-26T16:30"),
        (OFFICE, NEW_YORK, "2026-03-06T00:00", "2026-03-06T14:00", "2026-03-06T22:30"),
        (OFFICE, NEW_YORK, "2026-03-08T00:00", "2026-03-09T13:00", "2026-03-09T21:30"),
        (OFFICE, NEW_YORK, "2026-10-31T00:00", "2026-11-02T14:00", "2026-11-02T22:30"),
        # A night lasts seven hours when clocks go forward, nine when they go back.
        ("sat 22:00-06:00", BERLIN, "2026-03-28T00:00", "2026-03-28T21:00", "2026-03-29T04:00"),
        ("sat 22:00-06:00", BERLIN, "2026-10-24T00:00", "2026-10-24T20:00", "2026-10-25T05:00"),
        ("sat 22:00-06:00", NEW_YORK, "2026-03-07T00:00", "2026-03-08T03:00", "2026-03-08T10:00"),
        ("sat 22:00-06:00", NEW_YORK, "2026-10-31T00:00", "2026-11-01T02:00", "2026-11-01T11:00"),
        # 02:30 does not come: the clocks go forward at 01:00 UTC, and that is when it is.
        ("sun 02:30-05:00", BERLIN, "2026-03-28T00:00", "2026-03-29T01:00", "2026-03-29T03:00"),
        ("sun 01:00-02:30", BERLIN, "2026-03-28T00:00", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("sun 02:15-02:45", BERLIN, "2026-03-28T00:00", "2026-04-05T00:15", "2026-04-05T00:45"),
        ("sun 02:30-05:00", NEW_YORK, "2026-03-07T00:00", "2026-03-08T07:00", "2026-03-08T09:00"),
        # 02:30 comes twice: the first is meant.
        ("sun 02:30-05:00", BERLIN, "2026-10-24T00:00", "2026-10-25T00:30", "2026-10-25T04:00"),
        ("sun 00:30-01:30", NEW_YORK, "2026-10-31T00:00", "2026-11-01T04:30", "2026-11-01T05:30"),
        # Midnight itself may be missing, and a whole day was once.
        (ALWAYS, HAVANA, "2026-03-07T12:00", "2026-03-08T05:00", "2026-03-08T05:00"),
        ("fri 09:00-17:00, sat 09:00-17:00", APIA, "2011-12-29T12:00", "2011-12-30T19:00", "2011-12-31T03:00"),
        # Over midnight: opened yesterday, closes today.
        (NIGHT, "UTC", "2026-06-03T03:00", "2026-06-03T22:00", "2026-06-03T06:00"),
        (NIGHT, "UTC", "2026-06-05T05:00", "2026-06-07T22:00", "2026-06-05T06:00"),
        (NIGHT, NEW_YORK, "2026-06-08T05:00", "2026-06-09T02:00", "2026-06-08T10:00"),
        # Without a pause: each midnight ends a session and begins one.
        (ALWAYS, "UTC", "2026-06-03T10:00", "2026-06-04T00:00", "2026-06-04T00:00"),
        (ALWAYS, "UTC", "2026-06-04T00:00", "2026-06-05T00:00", "2026-06-05T00:00"),
        # Ahead and behind of UTC by most of a day.
        ("mon 00:30-01:00", "Pacific/Kiritimati", "2026-06-06T00:00", "2026-06-07T10:30", "2026-06-07T11:00"),
        ("mon 23:00-24:00", "Pacific/Pago_Pago", "2026-06-09T09:00", "2026-06-09T10:00", "2026-06-09T11:00"),
        # The rules of today hold on.
        (OFFICE, BERLIN, "2199-07-01T00:00", "2199-07-01T07:00", "2199-07-01T15:30"),
    ],
)
def test_the_next_opening_and_close(hours: str, zone: str, after: str, opens: str, closes: str) -> None:
    """All times but the hours themselves are UTC."""
    assert _shown(_boundaries(hours, zone, after)) == (opens, closes)


def test_a_holiday_skips_the_sessions_that_begin_on_it() -> None:
    """The night that began the day before goes on into it."""
    assert _shown(_boundaries(OFFICE, "UTC", "2026-12-24T18:00", "2026-12-25")) == (
        "2026-12-28T09:00",
        "2026-12-28T17:30",
    )
    assert _shown(_boundaries(NIGHT, "UTC", "2026-12-23T23:00", "2026-12-24")) == (
        "2026-12-27T22:00",
        "2026-12-24T06:00",
    )


def test_a_holiday_is_a_date_where_the_hours_are() -> None:
    """In Kiritimati Christmas begins on the 24th, UTC."""
    schedule = ("mon-sun 01:00-02:00", "Pacific/Kiritimati", "2026-12-24T00:00", "2026-12-25")
    assert _shown(_boundaries(*schedule)) == ("2026-12-25T11:00", "2026-12-25T12:00")


def test_however_many_holidays_in_a_row_it_opens_after_the_last() -> None:
    """As many as are kept, every Friday of nineteen years: what is under way still closes, and what comes then is known."""
    fridays = [(date(2026, 6, 12) + timedelta(weeks=week)).isoformat() for week in range(1000)]
    hours = ("fri 09:00-17:00", "UTC")
    assert _shown(_boundaries(*hours, "2026-06-05T10:00", *fridays)) == ("2045-08-11T09:00", "2026-06-05T17:00")
    assert _shown(_boundaries(*hours, "2026-06-05T18:00", *fridays)) == ("2045-08-11T09:00", "2045-08-11T17:00")
    assert _boundaries(*hours, "2026-06-05T18:00", *fridays).is_open is False
    assert _shown(_boundaries(*hours, "2026-06-05T10:00", "9999-12-31")) == ("2026-06-12T09:00", "2026-06-05T17:00")


def test_the_calendar_ends_with_the_year_9999() -> None:
    """Nothing comes after it, and nothing breaks."""
    assert _boundaries(ALWAYS, BERLIN, "9999-12-31T12:00") == Boundaries()
    assert _boundaries(ALWAYS, NEW_YORK, "9999-12-31T23:59") == Boundaries()


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Australia/Lord_Howe", "Africa/Casablanca", HAVANA, "UTC"])
@pytest.mark.parametrize("hours", [OFFICE, NIGHT, ALWAYS, "mon-sun 01:30-02:30, mon-sun 02:30-03:15"])
def test_walking_from_boundary_to_boundary_always_goes_on(zone: str, hours: str) -> None:
    """A year of them: each later than the one before; open from an opening to the next close, by the wall clock too."""
    schedule, at_us = parse_schedule(hours, time_zone=zone), parse_time("2026-01-01T00:00:00Z")
    end_us, was_open, steps = parse_time("2027-01-01T00:00:00Z"), None, 0
    while at_us < end_us:
        told = next_boundaries(schedule, at_us)
        assert told is not None
        assert told.next_us is not None
        assert told.next_us > at_us
        if was_open is not None and told.opens_at_us != told.closes_at_us and hours in (OFFICE, NIGHT):
            assert told.is_open is not was_open
        was_open = told.is_open
        if hours == OFFICE:
            wall = _wall_clock(told.next_us, zone)
            assert wall == ("17:30" if told.is_open else "09:00")
        at_us, steps = told.next_us, steps + 1
    assert steps >= (2 * 205 if hours != ALWAYS else 365)


def _wall_clock(moment_us: int, zone: str) -> str:
    """What a clock on the wall there shows."""
    return datetime.fromtimestamp(moment_us / 1_000_000, ZoneInfo(zone)).strftime("%H:%M")


def test_a_zone_that_this_machine_does_not_know_is_told_loudly(caplog: pytest.LogCaptureFixture) -> None:
    """The schedule was set on a machine that knows more. It is no error: other instruments must go on."""
    for zone in ("Mars/Olympus_Mons", "../../etc/passwd"):
        caplog.clear()
        assert next_boundaries(Schedule(zone, (WeeklySession(0, 0, 60),)), 0) is None
        assert zone in caplog.text
        assert "pip install --upgrade tzdata" in caplog.text
