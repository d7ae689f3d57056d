"""In what two users' files differ.

Here: schemas, rows of the shared tables, counted, and the words by which texts are found. Never here: which of the two is right.
Always: both are read row by row, so that a long history needs no memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from credit_trading.store.sqlite import Connection, sqlite3
from credit_trading.users.tables.schema import SHARED_TABLES
from credit_trading.users.tables.words import TEXT_TABLES

_Row = tuple[Any, ...]

_SETTINGS = ("PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode")

_SPACES = re.compile(r"\s+")
_NEEDLESS = re.compile(r" ?([(),]) ?")

WIDTH_OF_A_WORD = 4
"""All of it is its key."""

_RANKS = {int: 1, float: 1, str: 2, bytes: 3}
"""As SQLite orders values: NULL, numbers, text, blobs."""


def differing_rows(one: Connection, other: Connection) -> dict[str, int]:
    """How many rows of each shared table are in one file only, or not the same in both, by their keys; tables without any are left out.

    Raises sqlite3.Error where a table is missing or damaged.
    """
    counts = {}
    for table in SHARED_TABLES:
        keys = width_of_key(other, table)
        rows = in_order(table, keys)
        counts[table] = _count(one.execute(rows), other.execute(rows), keys)
    for table in TEXT_TABLES:
        with words_of(one, table) as ones, words_of(other, table) as others:
            counts[table] = _count(ones, others, WIDTH_OF_A_WORD)
    return {table: count for table, count in counts.items() if count}


def width_of_key(connection: Connection, table: str) -> int:
    """How many columns its key has; they are its first."""
    width: int = connection.execute("SELECT count(*) FROM pragma_table_info(?) WHERE pk", (table,)).fetchone()[0]
    return width


def in_order(table: str, keys: int) -> str:
    """SQL for all of its rows, in the order of their keys."""
    return f"SELECT * FROM {table} ORDER BY {', '.join(map(str, range(1, keys + 1)))}"


@contextmanager
def words_of(connection: Connection, table: str) -> Iterator[sqlite3.Cursor]:
    """All words of one of `TEXT_TABLES`, in order, as term, rowid, column and place: how SQLite packs them depends on when they came.

    Works on a connection that only reads, within its transaction. Raises sqlite3.Error where they are missing or damaged.
    """
    (only_reads,) = connection.execute("PRAGMA query_only").fetchone()
    connection.execute("PRAGMA query_only = 0")  # the list is a temporary table
    try:
        connection.execute(f"CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, {table}, instance)")
        rows = connection.execute('SELECT term, doc, col, "offset" FROM temp.words')
        try:
            yield rows
        finally:
            rows.close()
            connection.execute("DROP TABLE temp.words")
    finally:
        connection.execute(f"PRAGMA query_only = {only_reads}")


def same_schema(one: Connection, other: Connection) -> bool:
    """Whether tables, indices, views and triggers are spelled alike but for spaces, and the files are of one kind and version."""
    settings = all(set(one.execute(setting)) == set(other.execute(setting)) for setting in _SETTINGS)
    return settings and _objects(one) == _objects(other)


@lru_cache(maxsize=256)
def without_spaces(sql: str) -> str:
    """SQL without needless spaces: adding a column leaves others than making the table with it."""
    return _NEEDLESS.sub(r"\1", _SPACES.sub(" ", sql)).strip()


def _objects(connection: Connection) -> set[tuple[str, ...]]:
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return {(kind, name, table, without_spaces(sql or "")) for kind, name, table, sql in found}


def _count(ones: Iterator[_Row], others: Iterator[_Row], keys: int) -> int:
    """Both are in the order of their keys, which are the first columns."""
    count = 0
    one, other = next(ones, None), next(others, None)
    while one is not None or other is not None:
        behind = _compared(one, other, keys)
        count += one != other
        if behind <= 0:
            one = next(ones, None)
        if behind >= 0:
            other = next(others, None)
    return count


def _compared(one: _Row | None, other: _Row | None, keys: int) -> int:
    """Below zero if the key of `one` comes first, above if the other's does; a file that has ended comes last."""
    if one is None or other is None:
        return (one is None) - (other is None)
    first, second = _key(one, keys), _key(other, keys)
    return (first > second) - (first < second)


def _key(row: _Row, keys: int) -> tuple[tuple[int, Any], ...]:
    return tuple((0, 0) if value is None else (_RANKS[type(value)], value) for value in row[:keys])
