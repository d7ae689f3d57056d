"""What came of an attack, in figures: for people as a table, for programs as JSON.

Here: how it is shown. Never here: what the figures mean.
"""

from __future__ import annotations

import attrs
from rich.table import Table


@attrs.define
class Report:
    """`figures` in the order in which they are shown; each of `problems` is something that must never happen."""

    title: str
    figures: dict[str, int | float | str] = attrs.Factory(dict)
    problems: list[str] = attrs.Factory(list)

    def as_json(self) -> dict[str, object]:
        return {"attack": self.title, **self.figures, "problems": self.problems}

    def table(self) -> Table:
        table = Table(title=self.title, title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, figure in self.figures.items():
            table.add_row(name, f"{figure:,}" if isinstance(figure, int | float) else figure)
        return table
