"""The rows of a user's file against those of one made anew from the journal.

Here: the first row of each table that differs. Never here: how the other file is made (projector).
Always: both are read row by row, in the order of their keys, so that size does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import attrs

from credit_trading.store.sqlite import Connection
from credit_trading.users.difference import WIDTH_OF_A_WORD, in_order, width_of_key, words_of
from credit_trading.users.tables.schema import SHARED_TABLES
from credit_trading.users.tables.words import TEXT_TABLES
from credit_trading.verify.finding import shortened

Row = tuple[Any, ...]

_TABLES = (*SHARED_TABLES, "column_descriptions")
"""The last is the template's own; the journal gives the others."""


_WORD = ("term", "doc", "col", "offset")


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
        width = width_of_key(rebuilt, table)
        statement = in_order(table, width)
        cursor = live.execute(statement)
        columns = [column[0] for column in cursor.description]
        yield from _first(table, columns, cursor, rebuilt.execute(statement), width)
    for table in TEXT_TABLES:
        if _columns(live, table) == _columns(rebuilt, table):
            with words_of(live, table) as words, words_of(rebuilt, table) as expected_words:
                yield from _first(table, _WORD, words, expected_words, WIDTH_OF_A_WORD)


def _first(
    table: str, columns: Sequence[str], found_rows: Iterable[Row], expected_rows: Iterable[Row], width: int
) -> Iterator[Difference]:
    for found, expected in zip_longest(found_rows, expected_rows):
        if found != expected:
            yield _difference(table, columns, found, expected, width)
            return


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
