"""Rows from a place in an index on: what every question that comes in pages is made of.

Here: SELECTs that go on after a row, merging what several find, and whole rows by their numbers. Never here: which index, which conditions
(search, order_search).
Always: rows come in the order of the index, so none is sorted; none is counted off to get to a later page, so a deep one costs what
the first one does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any

import attrs
import msgspec

from credit_trading.store.sqlite import Connection

Row = tuple[Any, ...]

Place = tuple[int, ...]
"""What a row is sorted by; its number comes last and tells it from all others."""

Found = tuple[Place, Row]

_BEYOND = 2**63 - 1
_CHUNK = 1000
"""How many rows are fetched by their numbers at a time."""


@attrs.frozen(kw_only=True)
class Way:
    """Which way to go, and after which row; None is from the beginning."""

    ascending: bool = False
    after: Place | None = None

    @property
    def sign(self) -> str:
        """How what follows compares with what was before."""
        return ">" if self.ascending else "<"

    @property
    def number(self) -> int:
        """Rows follow whose number is beyond this one."""
        if self.after is not None:
            return self.after[-1]
        return 0 if self.ascending else _BEYOND


@attrs.frozen
class Statement:
    """A SELECT of places, in order, at most `:most`."""

    sql: str
    parameters: Mapping[str, object]


def by_number(
    source: str, number: str, conditions: Sequence[str], parameters: Mapping[str, object], way: Way
) -> Statement:
    """In the order of the rows' numbers; `number` is what they are called in `source`."""
    where = [*conditions, f"{number} {way.sign} :number"]
    return _statement(source, where, (number,), {**parameters, "number": way.number}, way)


def by_column(
    source: str, columns: tuple[str, str], conditions: Sequence[str], parameters: Mapping[str, object], way: Way
) -> list[Statement]:
    """In the order of a column and, where that is the same, of the rows' numbers; these are the two `columns`.

    After a row there are two: for those that share its value, and for those beyond. In one condition SQLite would look at every row that
    shares it, and a whole import may.
    """
    if way.after is None:
        return [_statement(source, conditions, columns, parameters, way)]
    column, number = columns
    place = {**parameters, "place": way.after[0]}
    beside = [*conditions, f"{column} = :place", f"{number} {way.sign} :number"]
    beyond = [*conditions, f"{column} {way.sign} :place"]
    return [
        _statement(source, beside, columns, {**place, "number": way.number}, way),
        _statement(source, beyond, columns, place, way),
    ]


def _statement(
    source: str, conditions: Sequence[str], columns: Sequence[str], parameters: Mapping[str, object], way: Way
) -> Statement:
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = ", ".join(f"{column} {'ASC' if way.ascending else 'DESC'}" for column in columns)
    return Statement(f"SELECT {', '.join(columns)} FROM {source}{where} ORDER BY {order} LIMIT :most", parameters)


def places(connection: Connection, statements: Sequence[Statement], way: Way, most: int) -> list[Place]:
    """What the statements find, together in order; `most` -1 is all."""
    found = [connection.execute(one.sql, {**one.parameters, "most": most}).fetchall() for one in statements]
    together = merge(*found, reverse=not way.ascending) if len(found) > 1 else found[0]
    return list(together if most < 0 else islice(together, most))


def rows(connection: Connection, sql: str, numbers: Sequence[int]) -> Iterator[Row]:
    """Those of the numbers, as the numbers stand. `sql` takes them as a JSON array, and the number is the first column that it gives."""
    for start in range(0, len(numbers), _CHUNK):
        wanted = numbers[start : start + _CHUNK]
        found = {row[0]: row for row in connection.execute(sql, (msgspec.json.encode(wanted).decode(),))}
        yield from (found[number] for number in wanted if number in found)
