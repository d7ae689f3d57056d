"""CSV that a spreadsheet opens and runs nothing of.

Here: how a cell and a row are written, and how a cell is read back. Never here: which columns there are.
Always: what is written is read back the same, and no spreadsheet takes any of it for a formula.

It is RFC 4180. A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, TAB or a line end for a formula: such a cell, and one that
begins with `'`, is written with a `'` before it, unless it is a plain number. Reading takes one `'` away. Where a spreadsheet splits
lines at `;` or TAB it does not know our quotes, and a cell may begin in the middle of ours, after one of these or a line end: there a `'`
is put, too, before what would begin a formula, and taken away again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_PLAIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._:/-]*", re.ASCII)
"""Most cells, which stay as they are."""

_WITHIN = re.compile(r"(?<=[;\t\r\n])(?=[=+\-@'])")
"""Before what would begin a formula where lines are split otherwise."""

_GUARD_WITHIN = re.compile(r"(?<=[;\t\r\n])'(?=[=+\-@'])")


def csv_line(cells: Sequence[str | None]) -> bytes:
    """A row in UTF-8 with its end; None is an empty cell."""
    return (",".join(_written(cell) if cell else "" for cell in cells) + "\r\n").encode()


def guarded(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    begins = cell.startswith(_FORMULA) and _NUMBER.fullmatch(cell) is None
    return ("'" if begins else "") + _WITHIN.sub("'", cell)


def unguarded(cell: str) -> str:
    return _GUARD_WITHIN.sub("", cell.removeprefix("'"))


def _written(cell: str) -> str:
    return cell if _PLAIN.fullmatch(cell) is not None else _quoted(guarded(cell))


def _quoted(cell: str) -> str:
    if any(character in cell for character in ',;\t"\r\n'):
        cell = cell.replace('"', '""')
        return f'"{cell}"'
    return cell
