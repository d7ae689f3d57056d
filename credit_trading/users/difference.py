"""In what two users' files differ.

Here: schemas, and rows of the shared tables, counted. Never here: which of the two is right. Always: both are read row by row, so that a
long history needs no memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.schema import SHARED_TABLES

_Row = tuple[Any, ...]

_SETTINGS = ("PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode")

_SPACES = re.compile(r"\s+")
_NEEDLESS = re.compile(r" ?([(),]) ?")

_RANKS = {int: 1, float: 1, str: 2, bytes: 3}
"""As SQLite orders values: NULL, numbers, text, blobs."""


def differing_rows(one: Connection, other: Connection) -> dict[str, int]:
    """How many rows of each shared table are in one file only, or not the same in both, by their keys; tables without any are left out.

    Raises sqlite3.Error where a table is missing or damaged.
    """
    counts = {}
    for table in SHARED_TABLES:
        rows = f"SELECT * FROM {table} ORDER BY 1, 2"
        keys = other.execute("SELECT count(*) FROM pragma_table_info(?) WHERE pk", (table,)).fetchone()[0]
        counts[table] = _count(one.execute(rows), other.execute(rows), keys)
    return {table: count for table, count in counts.items() if count}


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
