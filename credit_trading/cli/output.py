"""Where words go: results to standard output, everything else to standard error.

Here: JSON, notices, errors, progress bars, and whether a stream gets colours. Never here: what a table looks like (tables).
Always: standard output holds the result alone; a stream that is no terminal, or any under NO_COLOR, gets plain text; text from outside
reaches a terminal with its control characters escaped.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import attrs
import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from credit_trading.progress import Progress as Tick
from credit_trading.progress import no_progress

_LINE_END = re.compile(r"\s*[\r\n]\s*")
"""Spaces stay as they are: a folder may have two in its name."""

_under_bars: list[Console] = []
"""Those that have a bar at their end: a line that another console writes would stand in the middle of it."""

_address: Callable[[str], str] = str
"""Set while a command runs; threads that it started speak alike."""


_mark: Callable[[], str] = str
"""What lines on standard error begin with."""


@contextmanager
def timed() -> Iterator[None]:
    """Within, every line on standard error begins with the time, in UTC: of what goes on for days."""
    global _mark
    before, _mark = _mark, lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ  ", time.gmtime())
    try:
        yield
    finally:
        _mark = before


@contextmanager
def addressing(address: Callable[[str], str]) -> Iterator[None]:
    """Within, all that is told to people passes through `address`, which puts the folder into the commands that it names."""
    global _address
    before, _address = _address, address
    try:
        yield
    finally:
        _address = before


def addressed(text: str) -> str:
    """The text, its commands as they have to be typed for the folder that was named."""
    return _address(text)


def is_fancy(stream: TextIO) -> bool:
    """Whether the stream is a terminal that wants colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def console(stream: TextIO) -> Console:
    """Rich on the stream as it is now; it takes no markup, so that text from outside is only ever text."""
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def printable(text: str) -> str:
    """The text with its control characters escaped: no stored word may move the cursor of whoever reads it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(text: str) -> None:
    """One line of the result."""
    click.echo(printable(addressed(text)))


def write_json(value: object) -> None:
    """One JSON value, UTF-8 whatever the terminal thinks, and a line end."""
    click.echo(msgspec.json.format(msgspec.json.encode(_plain(value)), indent=2))


def _plain(value: object) -> object:
    """Records as dicts, their fields in the order in which they are declared."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if attrs.has(type(value)):
        return attrs.asdict(value)  # type: ignore[arg-type]  # it has attrs, as was just checked
    return value


def notice(text: str) -> None:
    """What a person may like to know and a program need not."""
    _speak("", text, style="dim")


def warn(text: str) -> None:
    _speak("Warning: ", text, style="yellow")


def fail(text: str) -> None:
    """The one line that a failed command leaves."""
    _speak("Error: ", text, style="bold red")


def _speak(prefix: str, text: str, *, style: str) -> None:
    line = printable(addressed(_LINE_END.sub(" ", text.strip())))
    prefix = _mark() + prefix
    if is_fancy(sys.stderr):
        spoken = Text.assemble((prefix, style), line) if prefix else Text(line, style)
        (_under_bars[-1] if _under_bars else console(sys.stderr)).print(spoken, soft_wrap=True)
    else:
        click.echo(prefix + line, err=True)


class _Rate(ProgressColumn):
    """Steps a second, once that is known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


@contextmanager
def progress(what: str) -> Iterator[Tick]:
    """A bar on standard error while the block runs; nothing where it would not be seen as one."""
    if not is_fancy(sys.stderr):
        yield no_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task(what, total=None)
        _under_bars.append(bar.console)
        try:
            yield lambda done, of: bar.update(task, completed=done, total=of)
        finally:
            _under_bars.pop()


class WarningsToStandardError(logging.Handler):
    """The package's log from WARNING on, as notices: the command line is a host that shows them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())
