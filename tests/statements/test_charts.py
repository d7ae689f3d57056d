"""Charts: ticks that a person can read, and a drawing of whatever there is."""

from __future__ import annotations

import itertools
import re

import pytest

from credit_trading.clock import LATEST_US, parse_time
from credit_trading.statements.charts import HEIGHT, WIDTH, columns, nice_ticks, steps, time_ticks, value_labels

_HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 0, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (0, 7, ["0", "2", "4", "6", "8"]),
        (0, 0.0004, ["0.0000", "0.0001", "0.0002", "0.0003", "0.0004"]),
        (995, 1012, ["995", "1,000", "1,005", "1,010", "1,015"]),
        (-30, 60, ["\N{MINUS SIGN}50", "\N{MINUS SIGN}25", "0", "25", "50", "75"]),
        (0, 123_456, ["0", "50 k", "100 k", "150 k"]),
        (1_010_000, 1_030_000, ["1.010 M", "1.015 M", "1.020 M", "1.025 M", "1.030 M"]),
        (0, 3.2e9, ["0", "1 bn", "2 bn", "3 bn", "4 bn"]),
        (0, 4.6e18, ["0", "2e+18", "4e+18", "6e+18"]),
    ],
)
def test_values_are_labelled_with_round_numbers_and_few_digits(low: float, high: float, labels: list[str]) -> None:
    found = value_labels(nice_ticks(low, high, 5))
    assert found == labels
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("begins", "ends", "labels"),
    [
        ("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", ["3 Mar", "06:00", "12:00", "18:00", "4 Mar"]),
        ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", ["2 Mar", "9 Mar", "16 Mar", "23 Mar", "30 Mar"]),
        ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", ["2026", "Apr", "Jul", "Oct", "2027"]),
        ("2019-05-05T00:00:00Z", "2026-11-21T00:00:00Z", ["2020", "2022", "2024", "2026"]),
    ],
)
def test_times_are_labelled_where_hours_days_months_and_years_begin(begins: str, ends: str, labels: list[str]) -> None:
    assert [label for _, label in time_ticks(parse_time(begins), parse_time(ends), 6)] == labels


@pytest.mark.parametrize("span", [1, 10**6, _HOUR_US, 31 * 24 * _HOUR_US, LATEST_US - 1])
def test_no_span_of_time_is_too_short_or_too_long(span: int) -> None:
    for begins in (1, parse_time("2024-02-29T23:59:59.999999Z"), LATEST_US - span):
        ends = min(begins + span, LATEST_US)
        ticks = time_ticks(begins, ends, 6)
        assert len(ticks) <= 6
        assert all(begins <= moment <= ends for moment, _ in ticks)
        assert all(one < following for (one, _), (following, _) in itertools.pairwise(ticks))


@pytest.mark.parametrize(
    "units",
    [
        [0],
        [5],
        [0, 0, 0],
        [0, 7, 7],
        [-3, 4, -5],
        [-9, -9],
        [2**62, 0, 2**62],
        [100_000, 100_001],
        [0, 0, 2**62, -(2**62)],
    ],
)
@pytest.mark.parametrize("decimals", [0, 2, 18])
def test_whatever_there_is_stays_within_the_drawing(units: list[int], decimals: int) -> None:
    moments = [1_000_000 * place for place in range(len(units))]
    charts = [steps(moments, units, decimals, title="t", description="d")]
    charts.append(columns(-1, moments, units, [str(one) for one in units], decimals, title="t", description="d"))
    for chart in charts:
        numbers = [float(text) for text in re.findall(r"-?[0-9.]+(?:e[+-]?\d+)?", chart.line + chart.area)]
        numbers += [edge for bar in chart.bars for edge in (bar.x, bar.y, bar.x + bar.width)]
        numbers += [tick.place for tick in (*chart.up, *chart.across)] + [chart.zero]
        assert all(0 <= number <= max(WIDTH, HEIGHT) for number in numbers)
        assert all(chart.top <= tick.place <= chart.bottom for tick in chart.up)
        assert all(bar.y + bar.height <= chart.bottom + 1 for bar in chart.bars)


def test_a_line_that_does_not_begin_at_zero_has_no_area_below_it() -> None:
    """An area would say that the figure is all that is drawn below the line."""
    near = steps([0, 1], [100_000, 100_500], 0, title="t", description="d")
    assert near.area == ""
    assert near.note == f"axis from {near.up[0].label}, not 0"
    assert near.up[0].label != "0"
    far = steps([0, 1], [100, 1000], 0, title="t", description="d")
    assert far.area
    assert far.note == ""


def test_a_line_leads_from_the_opening_to_the_closing_value_and_a_change_is_drawn_where_it_came() -> None:
    """From the left edge to the right one; what came in the last part of the period is drawn, too."""
    hours = [place * _HOUR_US for place in range(25)]
    units = [0] * 10 + [50] * 14 + [80]
    chart = steps(hours, units, 0, title="t", description="d")
    ups = {float(tick.label): tick.place for tick in chart.up}
    across = (chart.right - chart.left) / 24
    path = [float(text) for text in re.findall(r"[0-9.]+", chart.line)]
    nine, last = chart.left + 9 * across, chart.left + 23 * across
    fifty, eighty = (ups[0] - value / 20 * (ups[0] - ups[20]) for value in (50, 80))
    assert path == pytest.approx([chart.left, ups[0], nine, fifty, last, eighty, chart.right], abs=0.1)


def test_long_labels_have_room_beside_the_drawing() -> None:
    """Some thirteen digits: of a large balance that hardly moves."""
    chart = steps([0, 1], [4_999_999_859, 5_000_000_000], 0, title="t", description="d")
    assert max(len(tick.label) for tick in chart.up) > 11
    assert chart.left > 6 * max(len(tick.label) for tick in chart.up) + 6
    assert chart.line.startswith(f"M{chart.left}.0 ")


def test_a_bar_of_the_whole_period_is_no_wall() -> None:
    chart = columns(0, [10], [5], ["a"], 0, title="t", description="d")
    assert chart.bars[0].width < WIDTH / 10
    assert chart.bars[0].x + chart.bars[0].width / 2 == pytest.approx((chart.left + chart.right) / 2)


def test_bars_stand_on_zero_and_those_below_it_hang() -> None:
    up, down = columns(0, [10, 20], [5, -5], ["a", "b"], 0, title="t", description="d").bars
    assert up.y + up.height == pytest.approx(down.y)
    assert up.height == pytest.approx(down.height)
    assert (up.title, down.title) == ("a", "b")
