"""Trading hours as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from credit_trading.errors import InvalidInput
from credit_trading.exchange.schedule import WeeklySession
from credit_trading.trading.hours import format_hours, parse_schedule


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        ("mon-fri 09:00-17:30", "mon-fri 09:00-17:30"),
        ("SAT  10:00-12:00", "sat 10:00-12:00"),
        ("sun-thu 22:00-06:00", "sun-thu 22:00-06:00"),
        ("mon-sun 00:00-24:00", "mon-sun 00:00-24:00"),
        ("wed-tue 00:00-24:00", "mon-sun 00:00-24:00"),
        ("fri-mon 20:00-00:00", "fri-mon 20:00-24:00"),
        ("mon-fri 13:00-17:00,mon-fri 09:00-12:00", "mon-fri 09:00-12:00, mon-fri 13:00-17:00"),
        ("sun 09:00-10:00, wed-thu 09:00-10:00, mon 09:00-10:00", "wed-thu 09:00-10:00, sun-mon 09:00-10:00"),
        ("mon 09:00-10:00, wed 09:00-10:00", "mon 09:00-10:00, wed 09:00-10:00"),
        ("sun 22:00-06:00, mon 06:00-07:00", "mon 06:00-07:00, sun 22:00-06:00"),
    ],
)
def test_hours_are_shown_as_they_may_be_written(hours: str, shown: str) -> None:
    """And what is shown means the same again."""
    schedule = parse_schedule(hours, time_zone="UTC")
    assert format_hours(schedule.sessions) == shown
    assert parse_schedule(shown, time_zone="UTC") == schedule


def test_a_session_that_ends_before_it_begins_ends_the_next_day() -> None:
    """Minutes count from the midnight before its beginning; Monday is 0."""
    schedule = parse_schedule("sun 22:00-06:00", time_zone="UTC")
    assert schedule.sessions == (WeeklySession(6, 22 * 60, 30 * 60),)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ("", "not days and hours"),
        ("always", "not days and hours"),
        ("mon-fri", "not days and hours"),
        ("mon-fri 9-17", "not days and hours"),
        ("mon-fri 09:00-17:30;", "not days and hours"),
        ("mon-fri 09:00-17:30,", "not days and hours"),
        ("mon-fry 09:00-17:30", "fry is no day"),
        ("montag 09:00-17:30", "montag is no day"),
        ("mon 09:00-24:01", "24:01 is no time of day"),
        ("mon 09:60-10:00", "09:60 is no time of day"),
        ("mon 09:00-09:00", "ends when it begins"),
        ("mon 24:00-06:00", "ends when it begins"),
        ("mon 09:00-12:00, mon 11:59-13:00", "overlaps"),
        ("mon-tue 09:00-12:00, tue 09:00-10:00", "overlaps"),
        ("mon 22:00-06:00, tue 05:59-07:00", "overlaps"),
        ("sun 22:00-06:00, mon 05:59-07:00", "overlaps"),
        ("mon ०९:00-10:00", "not days and hours"),
    ],
)
def test_hours_that_are_none_say_what_is_wrong(hours: str, words: str) -> None:
    """One line with a hint."""
    with pytest.raises(InvalidInput, match=words) as error:
        parse_schedule(hours, time_zone="UTC")
    assert error.value.hint
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berln", "Did you mean Europe/Berlin"),
        ("europe/berlin", "Did you mean Europe/Berlin"),
        ("Europe", "no such time zone"),
        ("localtime", "no such time zone"),
        ("Factory", "no such time zone"),
        ("../../etc/passwd", "no such time zone"),
        ("/etc/localtime", "no such time zone"),
        ("", "no such time zone"),
        ("x" * 1000, "no such time zone"),
    ],
)
def test_a_time_zone_has_its_iana_name(zone: str, words: str) -> None:
    """Wherever it is read it must mean the same; a near miss is offered."""
    with pytest.raises(InvalidInput, match=words):
        parse_schedule("mon 09:00-10:00", time_zone=zone)


def test_a_week_has_a_hundred_sessions_at_most() -> None:
    """Each boundary is written into the journal, before whatever command comes next."""
    parts = [f"mon-fri {hour:02}:00-{hour:02}:30" for hour in range(20)]
    assert len(parse_schedule(", ".join(parts), time_zone="UTC").sessions) == 100
    with pytest.raises(InvalidInput, match="at most 100"):
        parse_schedule(", ".join([*parts, "sat 09:00-10:00"]), time_zone="UTC")


def test_holidays_are_dates_each_once_in_order() -> None:
    """As text or as dates."""
    told = parse_schedule("mon 09:00-10:00", time_zone="UTC", holidays=["2026-12-26", date(2026, 12, 25), "2026-12-25"])
    assert told.holidays == ("2026-12-25", "2026-12-26")
    for wrong in (["2026-02-30"], ["20261225"], ["tomorrow"], ["2026-12-25T00:00"], "2026-12-25"):
        with pytest.raises(InvalidInput, match="not a date"):
            parse_schedule("mon 09:00-10:00", time_zone="UTC", holidays=wrong)
    many = [date.fromordinal(738_000 + day) for day in range(1001)]
    with pytest.raises(InvalidInput, match="at most 1000"):
        parse_schedule("mon 09:00-10:00", time_zone="UTC", holidays=many)
