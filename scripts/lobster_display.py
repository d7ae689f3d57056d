"""What someone who watches a replay sees: bars while it runs, a report when it is done.

Never here: what is replayed, or whether it went well. Always: standard output holds the report and nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

Advance = Callable[[int, int], None]
"""Told how many steps of a phase are done, and of how many."""


@attrs.frozen(kw_only=True)
class Report:
    """`users` and `files` count the anonymous one too. `orders_per_s` are the orders of this run by the time it took to decide them."""

    rows: int
    rows_exact: int
    orders: int
    trades: int
    known_executions: int
    known_executions_filled: int
    hidden_executions: int
    users: int
    files: int
    verify_findings: int
    seconds: float
    orders_per_s: float
    state_digest: str


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} {task.fields['unit']}/s")


class Display:
    """Progress bars on a terminal's standard error, nothing elsewhere; and how long each phase took."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._silent = not console.is_terminal or "NO_COLOR" in os.environ
        self._console = console
        self._phases: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        return sum(self._phases.values())

    @contextmanager
    def phase(self, name: str, unit: str = "") -> Iterator[Advance]:
        begun = time.perf_counter()
        columns = (
            TextColumn("{task.description:8}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, disable=self._silent, transient=True) as progress:
            task = progress.add_task(name, total=None, unit=unit)
            yield lambda done, of: progress.update(task, completed=done, total=of)
        self._phases[name] = self._phases.get(name, 0) + time.perf_counter() - begun

    def report(self, report: Report) -> None:
        """The report as a table, and below it where the time went."""
        for name, value in attrs.asdict(report).items():
            print(f"{name:24} {value if isinstance(value, str) else f'{value:,}'}")
        for name, seconds in self._phases.items():
            print(f"  {name:22} {seconds:.1f} s")
