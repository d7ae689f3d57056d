"""Rows from a place in an index on: what every question that comes in pages is made of.

Here: SELECTs that go on after a row, and merging what several find. Never here: which index, which conditions (search, order_search).
Always: rows come in the order of the index, so none is sorted; none is counted off to get to a later page, so a deep one costs what
the first one does; none is read that is not in the page, but for one of each SELECT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from heapq import merge
from itertools import chain, islice
from typing import Any

import attrs
import msgspec

from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.views import select

Row = tuple[Any, ...]

Place = tuple[int, ...]
"""What a row is sorted by; its number comes last and tells it from all others."""

_BEYOND = 2**63 - 1

_MOST_LEGS = 16
"""Each is read up to a page; of more values than that, so many rows are that looking at each costs no more."""


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
    """A SELECT of readable rows, in order, at most `:most`; their places come last, so many columns."""

    sql: str
    parameters: Mapping[str, object]
    places: int


Leg = Sequence[Statement]
"""Statements whose rows follow on each other."""


@attrs.frozen
class Source:
    """Where rows are read: the table, which is called t, with its index, or what it is joined with; and the columns of a place.

    `lacking` is how many columns at the end of a row other tables have and this one has not: they are NULL.
    """

    table: str
    sql: str
    columns: tuple[str, ...]
    lacking: int = 0


def leg(source: Source, conditions: Sequence[str], parameters: Mapping[str, object], way: Way) -> Leg:
    """In the order of the rows' numbers, if these are all of a place; else of its first column and, where that is the same, of the numbers.

    After a row there are two then: for those that share its value, and for those beyond. In one condition SQLite would look at every row
    that shares it, and a whole import may.
    """
    *columns, number = source.columns
    if not columns:
        onwards = [*conditions, f"{number} {way.sign} :number"]
        return [_statement(source, onwards, {**parameters, "number": way.number}, way)]
    if way.after is None:
        return [_statement(source, conditions, parameters, way)]
    (column,) = columns
    place = {**parameters, "place": way.after[0]}
    conditions = [_aside(one, column, way) for one in conditions]
    beside = [*conditions, f"{column} = :place", f"{number} {way.sign} :number"]
    beyond = [*conditions, f"{column} {way.sign} :place"]
    return [
        _statement(source, beside, {**place, "number": way.number}, way),
        _statement(source, beyond, place, way),
    ]


def leg_for_each(
    source: Source,
    column: str,
    values: Sequence[str],
    conditions: Sequence[str],
    parameters: Mapping[str, object],
    way: Way,
) -> list[Leg]:
    """Of the rows that have each of the values: the first column of the source's index is that one."""
    wanted = [f"{column} = :one", *conditions]
    return [leg(source, wanted, {**parameters, "one": value}, way) for value in values]


def can_lead(values: Sequence[str]) -> bool:
    """Whether there are any, and so few of them that each may have a leg."""
    return 0 < len(values) <= _MOST_LEGS


def bindable(given: Mapping[str, object]) -> dict[str, object]:
    """As SQLite takes parameters: lists as JSON."""
    return {
        name: msgspec.json.encode(value).decode() if isinstance(value, tuple) else value
        for name, value in given.items()
    }


def _aside(condition: str, column: str, way: Way) -> str:
    """A bound on the column that lies the same way as the place, kept out of the index (by the +): SQLite would take either of the two,
    and from the bound on it might walk all the way to the place.
    """
    return f"+{condition}" if condition.startswith(f"{column} {way.sign}") else condition


def _statement(source: Source, conditions: Sequence[str], parameters: Mapping[str, object], way: Way) -> Statement:
    return Statement(_sql(source, tuple(conditions), way.ascending), parameters, len(source.columns))


@lru_cache(maxsize=1024)
def _sql(source: Source, conditions: Sequence[str], ascending: bool) -> str:
    """Kept, since it is long. Where a limit is nothing but a parameter, SQLite looks at it and compiles the statement anew each time."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = ", ".join([f"{column} {'ASC' if ascending else 'DESC'}" for column in source.columns])
    selected = select(source.table, source.sql, beside=", ".join(["NULL"] * source.lacking + [*source.columns]))
    return f"{selected}{where} ORDER BY {order} LIMIT :most + 0"


def find(connection: Connection, legs: Sequence[Leg], way: Way, most: int) -> list[Row]:
    """What the legs find, together in order, each row with its place at its end; `most` -1 is all."""
    found = [chain.from_iterable(_rows(connection, one, most) for one in one_leg) for one_leg in legs]
    together: Iterable[Row] = found[0]
    if len(found) > 1:
        places = legs[0][0].places
        together = merge(*found, key=lambda row: row[-places:], reverse=not way.ascending)
    return list(together if most < 0 else islice(together, most))


def _rows(connection: Connection, one: Statement, most: int) -> Iterable[Row]:
    return connection.execute(one.sql, {**one.parameters, "most": most})
