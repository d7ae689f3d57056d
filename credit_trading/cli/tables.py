"""How rows look: a table on a terminal, aligned columns in a pipe.

Here: columns, cells, bars, moments. Never here: which columns a command shows.
Always: a pipe gets every value whole, one row a line, columns at least two spaces apart, "-" for nothing; a terminal gets whole values,
too, and is told which columns it is too narrow for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import attrs
import click
from rich import box
from rich.cells import cell_len
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from credit_trading.cli import output

_GAP = 2
"""Spaces between columns."""

_READABLE, _LEAST = 30, 16
"""Of a column that wraps: the width for which spare ones make room, and the one below which the table is rather wider than the terminal."""

Cell = str | Text | None


@attrs.frozen
class Column:
    """`right`: numbers stand under each other's last digit.

    Where a terminal is too narrow for all, columns that may `wrap` do, and those that are `spare` are left out, the last first.
    """

    heading: str
    right: bool = False
    spare: bool = False
    wrap: bool = False


def draw_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, title: str = "", empty: str = "") -> None:
    """The rows on standard output; `empty` says on standard error that there are none."""
    lines = [[_shown(cell) for cell in row] for row in rows]
    if title:
        draw_title(title)
    if not lines and empty:
        output.notice(empty)
    if not output.is_fancy(sys.stdout):
        _draw_plain(columns, lines)
    elif lines:
        _draw_fancy(columns, lines)


def draw_more(cursor: str | None) -> None:
    """Under a page: how to go on, unless it is the last one."""
    if cursor is not None:
        output.notice(f"There is more: --after {cursor}")


def draw_fields(fields: dict[str, Cell]) -> None:
    """Names and values of one thing, one a line."""
    fancy = output.is_fancy(sys.stdout)
    width = max(map(cell_len, fields))
    for name, cell in fields.items():
        value, label = _shown(cell), name.ljust(width) + "  "
        if fancy:
            output.console(sys.stdout).print(Text.assemble((label, "dim"), value), soft_wrap=True)
        else:
            click.echo(f"{label}{value}")


def draw_problem(where: str, problem: str) -> None:
    """What is wrong with a row of the table above, in a line of its own."""
    line = Text(output.printable(f"{where}: {problem}"), "red")
    if output.is_fancy(sys.stdout):
        output.console(sys.stdout).print(line, soft_wrap=True)
    else:
        click.echo(line.plain)


def draw_title(title: str) -> None:
    if output.is_fancy(sys.stdout):
        output.console(sys.stdout).print()
        output.console(sys.stdout).print(Text(output.printable(title), "bold cyan"))
    else:
        click.echo(f"\n{output.printable(title)}")


def bar(part: float, *, width: int, style: str) -> Text:
    """A bar of `part` (0 to 1) of `width` characters, in eighths of one. Empty where there are no colours."""
    if not output.is_fancy(sys.stdout):
        return Text("")
    eighths = round(min(max(part, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return Text("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else ""), style)


def side(name: str) -> Text:
    """Buy in green, sell in red."""
    return Text(name, "green" if name == "buy" else "red")


def moment(iso: str | None) -> str | None:
    """ISO 8601 in UTC, to the second and without its letters: for tables headed UTC."""
    return iso[:19].replace("T", " ") if iso else None


def average(price: str | None) -> str | None:
    """An average price to four decimals, floored, without trailing zeros beyond the second."""
    if price is None or "." not in price:
        return price
    whole, _, part = price.partition(".")
    return f"{whole}.{part[:2]}{part[2:4].rstrip('0')}"


def _shown(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text("-", "dim") if cell is None else Text(output.printable(cell))


def _draw_fancy(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
    terminal = output.console(sys.stdout)
    widths = _widths(columns, rows)
    places = _fitting(columns, widths, terminal.width)
    terminal.width = max(terminal.width, _needed(columns, widths, places, wrapped=_LEAST))
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False, padding=(0, 0, 0, 1))
    for column in (columns[place] for place in places):
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(Text(column.heading), justify=justify, overflow="fold", no_wrap=not column.wrap)
    for row in rows:
        table.add_row(*(row[place] for place in places))
    terminal.print(table)
    hidden = [column.heading for place, column in enumerate(columns) if place not in places]
    if hidden:
        terminal.print(Text(f"Not shown, the terminal is too narrow: {', '.join(hidden)}. --json has all.", "dim"))


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Which columns are drawn: all, or without the last spare ones until the rest fits."""
    places = list(range(len(columns)))
    for spare in [place for place in reversed(places) if columns[place].spare]:
        if _needed(columns, widths, places, wrapped=_READABLE) <= width:
            break
        places.remove(spare)
    return places


def _needed(columns: Sequence[Column], widths: Sequence[int], places: Sequence[int], *, wrapped: int) -> int:
    """How wide these columns are beside each other, where those that wrap are at most as wide as that."""
    cells = [min(widths[place], wrapped) if columns[place].wrap else widths[place] for place in places]
    return sum(cells) + _GAP * (len(cells) - 1)


def _draw_plain(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
    lines = [[column.heading for column in columns], *([cell.plain for cell in row] for row in rows)]
    widths = _widths(columns, rows)
    for line in lines:
        cells = (
            _padded(cell, width, right=column.right) for cell, width, column in zip(line, widths, columns, strict=True)
        )
        click.echo((" " * _GAP).join(cells).rstrip())


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    return [
        max(cell_len(column.heading), *(row[place].cell_len for row in rows), 0) for place, column in enumerate(columns)
    ]


def _padded(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space
