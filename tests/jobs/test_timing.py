"""When jobs are due: moments in UTC that follow from the words alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from credit_trading.clock import format_time, parse_time
from credit_trading.jobs.timing import Every, Timing, parse_cron, parse_period, period_text


def moments(timing: Timing, after: str, count: int) -> list[str]:
    found, moment_us = [], parse_time(after)
    for _ in range(count):
        moment_us = timing.next_us(moment_us)
        found.append(format_time(moment_us)[:16])
    return found


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time has summer and winter."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("timing", "after", "expected"),
    [
        (Every(3600), "2026-01-01T06:00:00Z", ["2026-01-01T07:00", "2026-01-01T08:00"]),
        (Every(3600), "2026-01-01T05:59:59.999999Z", ["2026-01-01T06:00", "2026-01-01T07:00"]),
        (Every(86_400), "2026-01-01T06:00:00Z", ["2026-01-02T00:00", "2026-01-03T00:00"]),
        (parse_cron("15 2 * * *"), "2026-01-01T02:15:00Z", ["2026-01-02T02:15", "2026-01-03T02:15"]),
        (parse_cron("15 2 * * *"), "2026-01-01T02:14:59.999999Z", ["2026-01-01T02:15", "2026-01-02T02:15"]),
        (parse_cron("0 4 * * SUN"), "2026-01-01T00:00:00Z", ["2026-01-04T04:00", "2026-01-11T04:00"]),
        (parse_cron("0 4 * * mon-wed"), "2026-01-01T00:00:00Z", ["2026-01-05T04:00", "2026-01-06T04:00"]),
        (parse_cron("*/20 9 1 * *"), "2026-01-01T09:20:00Z", ["2026-01-01T09:40", "2026-02-01T09:00"]),
        (parse_cron("0 0 29 2 *"), "2026-01-01T00:00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ],
)
def test_the_next_moment_is_later_than_the_one_before(timing: Timing, after: str, expected: list[str]) -> None:
    assert moments(timing, after, 2) == expected


def test_an_hour_that_a_local_clock_leaves_out_or_repeats_is_an_hour_like_any(berlin: None) -> None:
    """Berlin's clocks leap on March 29 and October 25; 02:30 comes once on each of these days."""
    daily = parse_cron("30 2 * * *")
    assert moments(daily, "2026-03-28T12:00:00Z", 2) == ["2026-03-29T02:30", "2026-03-30T02:30"]
    assert moments(daily, "2026-10-24T12:00:00Z", 2) == ["2026-10-25T02:30", "2026-10-26T02:30"]
    assert moments(parse_cron("30 * * * *"), "2026-10-25T00:00:00Z", 3)[-1] == "2026-10-25T02:30"


@pytest.mark.parametrize(
    ("timing", "least_s", "most_s"),
    [
        (Every(60), 60, 60),
        (parse_cron("15 2 * * *"), 86_400, 86_400),
        (parse_cron("0 4 * * sun"), 7 * 86_400, 7 * 86_400),
        (parse_cron("*/5 9-17 * * mon-fri"), 57 * 3600, 64 * 3600),
        (parse_cron("0 0 1 * *"), 31 * 86_400, 31 * 86_400),
    ],
)
def test_the_period_is_the_longest_pause(timing: Timing, least_s: int, most_s: int) -> None:
    """Nights and weekends are no outage."""
    assert least_s <= timing.period_s(parse_time("2026-01-01T10:02:00Z")) <= most_s


@pytest.mark.parametrize("text", ["1s", "90s", "10m", "1h", "1d", "1w", "366d"])
def test_a_period_is_written_as_it_is_read(text: str) -> None:
    assert period_text(parse_period(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1", "h", "0h", "1.5h", "-1h", "1 h", "1H", "367d", "9999999s", "\u0661h", 5, None, True]
)
def test_what_is_no_period_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a period of at most a year"):
        parse_period(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not five fields"),
        (15, "is not five fields"),
        ("15 2 * *", "is not five fields"),
        ("15 2 * * * *", "is not five fields"),
        ("61 * * * *", "61"),
        ("a * * * *", "minute"),
        ("* * * * 0", "by numbers"),
        ("* * * * 1-5", "by numbers"),
        ("* * * * */2", "by numbers"),
        ("* * * * sun-tue", "no cron expression"),
        ("* * * * someday", "someday"),
        ("0 0 1 * mon", "leave one of them"),
        ("0 0 30 2 *", "names no day that there is"),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_the_reason(text: object, told: str) -> None:
    """Numbers of weekdays too: cron's begin with Sunday, APScheduler's with Monday."""
    with pytest.raises(ValueError, match=told.replace("*", r"\*")):
        parse_cron(text)
