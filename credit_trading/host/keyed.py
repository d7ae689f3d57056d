"""Rows of the host's tables by their keys: found, inserted, changed and deleted, many at a time.

Here: the statements, which every SQL database takes. Never here: which rows, and why (batch).
Always: a row is a dict of all columns.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import attrs
from sqlalchemy import (
    Column,
    Connection,
    Delete,
    Dialect,
    Insert,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from credit_trading.host.connecting.moment import Day

Row = dict[str, Any]
Key = tuple[Any, ...]
_Convert = Callable[[Any], Any]

_AT_ONCE = 256
"""Values of one column in one statement; there are databases that take no more than a thousand parameters."""

_DAYS_AT_MOST = 64
_LAST_AT_MOST = 2
"""Days, and values of the last column of the key, that are named beside them."""


@attrs.frozen
class _Language:
    """What makes a statement read as it does; so it is compiled once for all connections that speak alike."""

    kind: type[Dialect]
    paramstyle: str
    dialect: Dialect = attrs.field(eq=False)

    @classmethod
    def of(cls, connection: Connection) -> _Language:
        dialect = connection.dialect
        if dialect.driver == "psycopg":
            return _by_place(type(dialect))  # type: ignore[arg-type]  # mypy does not see that classes have a hash
        return cls(type(dialect), dialect.paramstyle, dialect)


@lru_cache(maxsize=8)
def _by_place(kind: Any) -> _Language:
    """For a driver that takes parameters both ways, and sooner so than by name."""
    return _Language(kind, "format", kind(paramstyle="format"))


def find(
    connection: Connection, table: Table, keys: Iterable[Key], *, by: str, columns: tuple[str, ...] | None = None
) -> dict[Key, Row]:
    """Those of these rows that there are, by their primary keys; of each these columns, None for all.

    `by` is the column of the key that tells most of them apart. Beside it only days are named, of which a user has more and more, and the
    last column of the key where it has one or two values. Any more, and SQLite tries all combinations, or a database without statistics
    takes another index, which tells fewer apart.
    """
    wanted = set(keys)
    if not wanted:
        return {}
    key = list(table.primary_key)
    values = {column.name: set(some) for column, some in zip(key, zip(*wanted, strict=True), strict=True)}
    most = {column.name: _DAYS_AT_MOST for column in key if isinstance(column.type, Day)}
    if key[-1].name != by:
        most[key[-1].name] = _LAST_AT_MOST
    beside = {name: values[name] for name, limit in most.items() if len(values[name]) <= limit}
    return _select(connection, table, {by: values[by], **beside}, columns, wanted)


def find_all(connection: Connection, table: Table, column: str, values: Iterable[Any]) -> list[Row]:
    """All rows that have one of these values there."""
    return list(_select(connection, table, {column: values}, None, None).values())


def add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises IntegrityError where one is there already."""
    if rows:
        _prepared(table, "add", (), _Language.of(connection)).execute(connection, rows)


def change(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    """These columns of rows that are there, by their primary keys."""
    if rows:
        _prepared(table, "change", columns, _Language.of(connection)).execute(connection, rows)


def remove(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """By their primary keys."""
    if rows:
        _prepared(table, "remove", (), _Language.of(connection)).execute(connection, rows)


# Reading


@attrs.frozen
class _Query:
    """A SELECT in the words of one database: executed as it stands, for the same reason as `_Prepared`."""

    sql: str
    parameters: Sequence[tuple[str, str, int]]
    """In their order: the name, the column that it is compared with, and which of the values it is."""
    is_by_place: bool
    bound: Mapping[str, _Convert]
    """Columns of which the driver takes something else."""
    key: _Read
    rest: _Read

    def rows(
        self, connection: Connection, values: Mapping[str, Sequence[Any]], wanted: Container[Key] | None
    ) -> Iterator[tuple[Key, Row]]:
        """Those whose keys are among the `wanted`, None for all."""
        given: dict[str, Any] = {}
        for name, column, place in self.parameters:
            value, convert = values[column][place], self.bound.get(column)
            given[name] = value if convert is None else convert(value)
        result = connection.exec_driver_sql(self.sql, tuple(given.values()) if self.is_by_place else given)
        width = len(self.key.columns)
        for row in map(tuple, result.all()):
            key = self.key.of(row[:width])
            if wanted is None or key in wanted:
                yield key, dict(zip(self.rest.columns, self.rest.of(row[width:]), strict=True))


@attrs.frozen
class _Read:
    """Columns that follow on each other in an answer, and which of them the driver gives as something else."""

    columns: Sequence[str]
    converted: Sequence[tuple[int, _Convert]]

    @classmethod
    def from_columns(cls, columns: Iterable[Column[Any]], dialect: Dialect) -> _Read:
        converts = {
            column.name: column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        }
        converted = [(place, convert) for place, convert in enumerate(converts.values()) if convert is not None]
        return cls(list(converts), converted)

    def of(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """What they stand for."""
        if not self.converted:
            return values
        read = list(values)
        for place, convert in self.converted:
            read[place] = convert(read[place])
        return tuple(read)


def _select(
    connection: Connection,
    table: Table,
    conditions: Mapping[str, Iterable[Any]],
    columns: tuple[str, ...] | None,
    wanted: Container[Key] | None,
) -> dict[Key, Row]:
    """The rows that have one of its values in each of these columns; the first may have any number of them. By their keys."""
    (by, every), *rest = conditions.items()
    beside = {name: _padded(list(values)) for name, values in rest}
    found: dict[Key, Row] = {}
    values = list(every)
    for start in range(0, len(values), _AT_ONCE):
        given = {by: _padded(values[start : start + _AT_ONCE]), **beside}
        lengths = tuple((name, len(some)) for name, some in given.items())
        found.update(_query(table, lengths, columns, _Language.of(connection)).rows(connection, given, wanted))
    return found


@lru_cache(maxsize=512)
def _query(
    table: Table, lengths: Sequence[tuple[str, int]], columns: tuple[str, ...] | None, language: _Language
) -> _Query:
    dialect = language.dialect
    places = {f"{name}_{place}": (name, place) for name, length in lengths for place in range(length)}
    conditions = [
        table.c[name].in_([bindparam(f"{name}_{place}", type_=table.c[name].type) for place in range(length)])
        for name, length in lengths
    ]
    key = list(table.primary_key)
    rest = [table.c[name] for name in (table.c.keys() if columns is None else columns)]
    compiled = (
        select(*[column.label(f"key_{column.name}") for column in key], *rest)
        .where(*conditions)
        .compile(dialect=dialect)
    )
    names = (compiled.positiontup if compiled.positional else compiled.params) or ()
    bound = {name: table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name, _ in lengths}
    return _Query(
        str(compiled),
        [(name, *places[name]) for name in names],
        bool(compiled.positional),
        {name: convert for name, convert in bound.items() if convert is not None},
        _Read.from_columns(key, dialect),
        _Read.from_columns(rest, dialect),
    )


def _padded(values: list[Any]) -> list[Any]:
    """To a power of two, so that there are few different statements."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))


# Writing


@attrs.frozen
class _Prepared:
    """A statement in the words of one database, and what its driver is to be given: by name, or by place.

    Executed as it stands, since SQLAlchemy's own way from each row to its parameters costs more than the database does.
    """

    sql: str
    names: Sequence[str]
    """Of its parameters, in their order."""
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Theirs, of a row."""
    is_by_place: bool
    converted: Sequence[tuple[int, _Convert]]
    """Those that the driver wants otherwise."""

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        given = self._converted(rows) if self.converted else map(self.values, rows)
        if self.is_by_place:
            connection.exec_driver_sql(self.sql, list(given))
        else:
            connection.exec_driver_sql(self.sql, [dict(zip(self.names, one, strict=True)) for one in given])

    def _converted(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
        for one in map(list, map(self.values, rows)):
            for place, convert in self.converted:
                one[place] = convert(one[place])
            yield tuple(one)


@lru_cache(maxsize=256)
def _prepared(table: Table, what: str, columns: tuple[str, ...], language: _Language) -> _Prepared:
    dialect = language.dialect
    compiled = _statement(table, what, columns).compile(dialect=dialect)
    is_by_place = bool(compiled.positional)
    names = (compiled.positiontup if is_by_place else compiled.params) or ()
    places = [name.removeprefix(_KEY) for name in names]
    converts = [table.c[column].type.dialect_impl(dialect).bind_processor(dialect) for column in places]
    converted = [(place, convert) for place, convert in enumerate(converts) if convert is not None]
    values = itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
    return _Prepared(str(compiled), names, values, is_by_place, converted)


_KEY = "key_"
"""Begins the name of a parameter by which a row is found; SQLAlchemy wants another than the column's."""


def _statement(table: Table, what: str, columns: tuple[str, ...]) -> Insert | Update | Delete:
    if what == "add":
        return insert(table).values({column.name: bindparam(column.name) for column in table.c})
    key = [column == bindparam(_KEY + column.name, type_=column.type) for column in table.primary_key]
    if what == "remove":
        return delete(table).where(*key)
    return update(table).where(*key).values({name: bindparam(name) for name in columns})
