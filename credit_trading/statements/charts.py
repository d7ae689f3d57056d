"""Charts as geometry: where lines, bars, ticks and labels go; the page draws them as inline SVG.

Here: scales and nice ticks, in a drawing of fixed size. Never here: markup and colours (statement.html, statement.css), amounts as text.
Always: floats are for coordinates alone; a chart of nothing, of one value, of huge or negative values is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import attrs

WIDTH, HEIGHT = 480, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 20, 10, 26
_TICKS_UP, _TICKS_ACROSS = 5, 6
_DIGIT = 7.2
"""How wide one is on an axis; where they need more than there is on the left, the drawing begins farther to the right."""
_THINNEST, _WIDEST = 2.0, 30.0
"""A bar of a few minutes is still seen, and one that stands for the whole period is no wall."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Whatever language the host's process speaks."""

_SUFFIXES = ((1e15, 0.0, ""), (1e12, 1e12, " T"), (1e9, 1e9, " bn"), (1e6, 1e6, " M"), (1e5, 1e3, " k"))
"""From which size on an axis counts in what; a factor of 0 stands for powers of ten."""


@attrs.frozen
class Tick:
    """`place` is across or up, in the drawing's units."""

    place: float
    label: str


@attrs.frozen
class Bar:
    """`title` is what a pointer over it is told."""

    x: float
    y: float
    width: float
    height: float
    title: str


@attrs.frozen(kw_only=True)
class Chart:
    """`line` and `area` are paths; a chart has either these or bars. `description` is for who cannot see it."""

    title: str
    description: str
    zero: float
    across: list[Tick]
    up: list[Tick]
    line: str = ""
    area: str = ""
    bars: list[Bar] = attrs.Factory(list)
    note: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def steps(moments_us: Sequence[int], units: Sequence[int], decimals: int, *, title: str, description: str) -> Chart:
    """A line from the first moment to the last: what there was at each of them, a change drawn at the moment before which it came.

    So a deposit of nine o'clock is drawn at nine, and the end of the line is what there was at the end. Zero is drawn unless all values are
    far from it; `note` says so then.
    """
    values = [_float(one, decimals) for one in units]
    low, high = min(values), max(values)
    if low < high * 0.7 or low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    y, up, bottom = _value_scale(low, high)
    left = _left_of(up)
    x, across = _time_scale(moments_us[0], moments_us[-1], left)
    line = f"M{x(moments_us[0]):.1f} {y(values[0]):.1f}"
    for moment, before, after in zip(moments_us, values, values[1:], strict=False):
        if before != after:
            line += f"H{x(moment):.1f}V{y(after):.1f}"
    line += f"H{WIDTH - _RIGHT}"
    has_zero = bottom <= 0
    zero = y(0.0 if has_zero else bottom)
    area = f"{line}V{zero:.1f}H{left}Z" if has_zero else ""
    note = "" if has_zero else f"axis from {up[0].label}, not 0"
    return Chart(
        title=title,
        description=description,
        zero=zero,
        across=across,
        up=up,
        line=line,
        area=area,
        note=note,
        left=left,
    )


def columns(
    from_us: int,
    ends_us: Sequence[int],
    units: Sequence[int],
    labels: Sequence[str],
    decimals: int,
    *,
    title: str,
    description: str,
) -> Chart:
    """One bar for each period, upright from zero; a sum below zero hangs."""
    values = [_float(one, decimals) for one in units]
    y, up, _ = _value_scale(min(0.0, *values, 0.0), max(0.0, *values, 0.0))
    left = _left_of(up)
    x, across = _time_scale(from_us, ends_us[-1], left)
    bars = []
    for begins, ends, value, label in zip([from_us, *ends_us], ends_us, values, labels, strict=False):
        if value:
            room, middle = x(ends) - x(begins), (x(begins) + x(ends)) / 2
            width = max(min(room * 0.8, room - 1, _WIDEST), _THINNEST)
            above, below = sorted((y(value), y(0.0)))
            bars.append(Bar(middle - width / 2, above, width, max(below - above, 0.8), label))
    return Chart(title=title, description=description, zero=y(0.0), across=across, up=up, bars=bars, left=left)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`: 1, 2, 2.5 or 5 times a power of ten apart."""
    if low == high:
        high = low + 1.0
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, last + 1)]


def value_labels(ticks: Sequence[float]) -> list[str]:
    """As few digits as tell them apart."""
    largest = max(abs(ticks[0]), abs(ticks[-1]))
    step = ticks[1] - ticks[0]
    for size, factor, suffix in _SUFFIXES:
        if largest >= size:
            if not factor:
                return [f"{tick:.2g}" for tick in ticks]
            return [_number(tick / factor, step / factor) + (suffix if tick else "") for tick in ticks]
    return [_number(tick, step) for tick in ticks]


def time_ticks(from_us: int, to_us: int, most: int) -> list[tuple[int, str]]:
    """Moments at which hours, days, months or years begin in UTC, far enough apart to be read."""
    begin, end = _EPOCH + from_us * _US, _EPOCH + to_us * _US
    for floor, following, label in _CALENDAR:
        found: list[datetime] = []
        moment = floor(begin)
        while moment <= end and len(found) <= most:
            if moment >= begin:
                found.append(moment)
            try:
                moment = following(moment)
            except (OverflowError, ValueError):  # after the year 9999
                break
        if len(found) <= most:
            return [((moment - _EPOCH) // _US, label(moment)) for moment in found]
    return []


def _number(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(abs(step)) + 1e-9))
    if abs(step * 10**digits - round(step * 10**digits)) > 1e-6:  # 2.5 and 0.25
        digits += 1
    return f"{value + 0.0:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _float(units: int, decimals: int) -> float:
    return float(units / 10**decimals)


def _left_of(ticks: Sequence[Tick]) -> int:
    return max(_LEFT, 8 + math.ceil(_DIGIT * max(len(tick.label) for tick in ticks)))


def _time_scale(from_us: int, to_us: int, left: int) -> tuple[Callable[[int], float], list[Tick]]:
    span = max(to_us - from_us, 1)

    def x(moment_us: int) -> float:
        return left + (moment_us - from_us) / span * (WIDTH - left - _RIGHT)

    return x, [Tick(x(moment), label) for moment, label in time_ticks(from_us, to_us, _TICKS_ACROSS)]


def _value_scale(low: float, high: float) -> tuple[Callable[[float], float], list[Tick], float]:
    ticks = nice_ticks(low, high, _TICKS_UP)
    bottom, span = ticks[0], ticks[-1] - ticks[0]

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (value - bottom) / span * (HEIGHT - _TOP - _BOTTOM)

    labels = value_labels(ticks)
    return y, [Tick(y(tick), label) for tick, label in zip(ticks, labels, strict=True)], bottom


_Scale = tuple[Callable[[datetime], datetime], Callable[[datetime], datetime], Callable[[datetime], str]]


def _hours(many: int) -> _Scale:
    def label(moment: datetime) -> str:
        return f"{moment.hour:02}:00" if moment.hour else f"{moment.day} {_MONTHS[moment.month]}"

    return (
        lambda moment: moment.replace(hour=moment.hour // many * many, minute=0, second=0, microsecond=0),
        lambda moment: moment + timedelta(hours=many),
        label,
    )


def _days(many: int) -> _Scale:
    """Of seven, Mondays."""

    def floor(moment: datetime) -> datetime:
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return day - timedelta(days=(day - _EPOCH).days % many if many != 7 else day.weekday())

    return floor, lambda moment: moment + timedelta(days=many), lambda moment: f"{moment.day} {_MONTHS[moment.month]}"


def _months(many: int) -> _Scale:
    def floor(moment: datetime) -> datetime:
        month = (moment.month - 1) // many * many + 1
        return moment.replace(month=month, day=1, hour=0, minute=0, second=0, microsecond=0)

    def following(moment: datetime) -> datetime:
        months = moment.month - 1 + many
        return moment.replace(year=moment.year + months // 12, month=months % 12 + 1)

    return floor, following, lambda moment: _MONTHS[moment.month] if moment.month > 1 else f"{moment.year}"


def _years(many: int) -> _Scale:
    def floor(moment: datetime) -> datetime:
        year = max(moment.year // many * many, 1)
        return moment.replace(year=year, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)

    return floor, lambda moment: moment.replace(year=moment.year + many), lambda moment: f"{moment.year}"


_CALENDAR = (
    *map(_hours, (1, 3, 6, 12)),
    *map(_days, (1, 2, 7, 14)),
    *map(_months, (1, 2, 3, 6)),
    *map(_years, (1, 2, 5, 10, 20, 50, 100, 500, 1000, 5000)),
)
"""From the finest to the coarsest: where the first one is, the next, and what it is called."""
