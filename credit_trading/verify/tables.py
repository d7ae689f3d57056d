"""The rows of a user's file against those of one made anew from the journal.

Here: the first row of each table that differs. Never here: how the other file is made (projector).
Always: both are read row by row, in the order of their keys, so that size does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import attrs

from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.schema import SHARED_TABLES
from credit_trading.verify.finding import shortened

Row = tuple[Any, ...]

_TABLES = (*SHARED_TABLES, "column_descriptions")
"""The last is the template's own; the journal gives the others."""

_TWO_COLUMNS = ("trading_statistics", "column_descriptions")
"""Tables with a key of so many; the others have one."""


@attrs.frozen
class Difference:
    """`row` is a table and a key."""

    row: str
    problem: str
    expected: str | None = None
    found: str | None = None


def first_differences(live: Connection, rebuilt: Connection) -> Iterator[Difference]:
    """Of each table the first row that differs, and how. Tables that are missing or have other columns are left out."""
    for table in _TABLES:
        if _columns(live, table) != _columns(rebuilt, table):
            continue
        width = 2 if table in _TWO_COLUMNS else 1
        statement = f"SELECT * FROM {table} ORDER BY 1, 2"
        cursor = live.execute(statement)
        columns = [column[0] for column in cursor.description]
        for found, expected in zip_longest(cursor, rebuilt.execute(statement)):
            if found != expected:
                yield _difference(table, columns, found, expected, width)
                break


def _columns(connection: Connection, table: str) -> list[Row]:
    return connection.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,)).fetchall()


def _difference(table: str, columns: Sequence[str], found: Row | None, expected: Row | None, width: int) -> Difference:
    if expected is None or (found is not None and found[:width] < expected[:width]):
        assert found is not None
        return Difference(f"{table} {_key(found, width)}", "the row should not be there", found=shortened(found))
    if found is None or found[:width] != expected[:width]:
        return Difference(f"{table} {_key(expected, width)}", "the row is missing", expected=shortened(expected))
    changed = [place for place, (one, other) in enumerate(zip(found, expected, strict=True)) if one != other]
    names = ", ".join(columns[place] for place in changed)
    return Difference(
        f"{table} {_key(found, width)}",
        f"{names} {'differs' if len(changed) == 1 else 'differ'} from what the journal gives",
        expected=shortened(", ".join(repr(expected[place]) for place in changed)),
        found=shortened(", ".join(repr(found[place]) for place in changed)),
    )


def _key(row: Row, width: int) -> str:
    return " ".join(map(str, row[:width]))
