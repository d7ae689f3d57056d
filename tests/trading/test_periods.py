"""Periods: days, weeks from Monday and months in UTC, each with its beginning and without its end."""

from __future__ import annotations

import pytest

from credit_trading.clock import LATEST_US, format_time, parse_time
from credit_trading.errors import InvalidInput
from credit_trading.trading.periods import boundaries_us, period_moment_us


@pytest.mark.parametrize(
    ("begins", "ends", "every", "expected"),
    [
        ("2026-01-30T22:00:00Z", "2026-02-01T01:00:00Z", "day", ["01-31T00", "02-01T00", "02-01T01"]),
        ("2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z", "week", ["01-05T00", "01-12T00", "01-19T00", "01-20T00"]),
        ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z", "week", ["01-12T00"]),
        ("2026-11-15T00:00:00Z", "2027-01-01T00:00:00Z", "month", ["12-01T00", "01-01T00"]),
        ("2024-02-01T00:00:00Z", "2024-03-02T00:00:00Z", "month", ["03-01T00", "03-02T00"]),
        ("2026-01-01T10:30:00Z", "2026-01-01T12:00:00Z", "hour", ["01-01T11", "01-01T12"]),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "day", []),
    ],
)
def test_periods_end_where_the_calendar_says(begins: str, ends: str, every: str, expected: list[str]) -> None:
    found = boundaries_us(from_us=parse_time(begins), to_us=parse_time(ends), every=every, what="every")
    assert [format_time(moment)[5:13] for moment in found] == expected


def test_the_end_of_time_ends_the_last_period() -> None:
    begins = LATEST_US - 40 * 86_400_000_000
    assert boundaries_us(from_us=begins, to_us=LATEST_US, every="month", what="every")[-1] == LATEST_US


def test_more_periods_than_anybody_reads_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 20,000"):
        boundaries_us(from_us=0, to_us=LATEST_US, every="day", what="every")


def test_a_date_is_its_first_moment_in_utc() -> None:
    assert period_moment_us("2026-03-01", what="from") == parse_time("2026-03-01T00:00:00Z")
    for wrong in ("2026-02-30", "2026-3-1", "20260301", "2026-03-01T00:00:00", "\N{ARABIC-INDIC DIGIT TWO}026-03-01"):
        with pytest.raises(InvalidInput, match="from"):
            period_moment_us(wrong, what="from")
