"""One line of the table: what was measured, with what it is compared, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

import attrs
import rich.box
from rich.table import Table

GROUPS = (1, 10, 100, 1000)
"""Rows or orders per COMMIT."""


@attrs.frozen(kw_only=True)
class Target:
    """A bound on the ratio of measured to compared."""

    kind: Literal["at least", "at most"]
    ratio: float

    def __str__(self) -> str:
        return f"{'≥' if self.kind == 'at least' else '≤'} {self.ratio:g}"

    def is_met_by(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.kind == "at least" else ratio <= self.ratio


@attrs.frozen(kw_only=True)
class Figure:
    """`item` is the letter of the benchmark; `measured` and `compared` are in `unit`. `ok` is None where there is no target."""

    item: str
    what: str
    measured: float | None
    unit: str
    compared_with: str = ""
    compared: float | None = None
    ratio: float | None = None
    target: Target | None = None

    @property
    def ok(self) -> bool | None:
        if self.target is None or self.ratio is None:
            return None
        return self.target.is_met_by(self.ratio)

    def as_json(self) -> dict[str, object]:
        return {
            "item": self.item,
            "what": self.what,
            "measured": self.measured,
            "unit": self.unit,
            "compared_with": self.compared_with,
            "compared": self.compared,
            "ratio": self.ratio,
            "target": str(self.target) if self.target else None,
            "ok": self.ok,
        }


def compare(
    item: str,
    what: str,
    measured: Sequence[float],
    *,
    unit: str,
    compared_with: str,
    compared: Sequence[float],
    target: Target | None = None,
) -> Figure:
    """Medians of both sides, and the median of the ratios of what was measured in the same turn."""
    return Figure(
        item=item,
        what=what,
        measured=median(measured),
        unit=unit,
        compared_with=compared_with,
        compared=median(compared),
        ratio=median(ours / theirs for ours, theirs in zip(measured, compared, strict=True)),
        target=target,
    )


def table(figures: Sequence[Figure], *, caption: str) -> Table:
    """All figures, a section for each item."""
    shown = Table(box=rich.box.SIMPLE_HEAD, caption=caption, caption_justify="left")
    for name, justify in (("", "left"), ("what", "left"), ("measured", "right"), ("compared with", "left")):
        shown.add_column(name, justify="right" if justify == "right" else "left")
    for name in ("ratio", "target", "ok"):
        shown.add_column(name, justify="right", no_wrap=True)
    for place, figure in enumerate(figures):
        last = place + 1 == len(figures) or figures[place + 1].item != figure.item
        shown.add_row(*_cells(figure), end_section=last)
    return shown


def _cells(figure: Figure) -> list[str]:
    return [
        figure.item,
        figure.what,
        "-" if figure.measured is None else _number(figure.measured, figure.unit),
        figure.compared_with + (f": {_number(figure.compared, figure.unit)}" if figure.compared is not None else ""),
        "" if figure.ratio is None else f"{figure.ratio:.3g}",
        str(figure.target) if figure.target else "",
        {None: "", True: "[green]yes[/green]", False: "[red]no[/red]"}[figure.ok],
    ]


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
