"""Rows of the host's tables by their keys: found, inserted, changed and deleted, many at a time.

Here: the statements, which every SQL database takes. Never here: which rows, and why (batch).
Always: a row is a dict of all columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import attrs
from sqlalchemy import (
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

Row = dict[str, Any]
Key = tuple[Any, ...]

_AT_ONCE = 256
"""Values of one column in one statement; there are databases that take no more than a thousand parameters."""

_BESIDE_AT_MOST = 64
"""Values of another column of the key that are named beside them."""


@attrs.frozen
class _Language:
    """What makes a statement read as it does; so it is compiled once for all connections that speak alike."""

    kind: type[Dialect]
    paramstyle: str
    dialect: Dialect = attrs.field(eq=False)

    @classmethod
    def of(cls, connection: Connection) -> _Language:
        dialect = connection.dialect
        return cls(type(dialect), dialect.paramstyle, dialect)


def find(connection: Connection, table: Table, keys: Iterable[Key], *, by: str) -> dict[Key, Row]:
    """Those of these rows that there are, by their primary keys. `by` is the column of the key that tells most of them apart."""
    wanted = set(keys)
    if not wanted:
        return {}
    names = [column.name for column in table.primary_key]
    values = {name: set(column) for name, column in zip(names, zip(*wanted, strict=True), strict=True)}
    beside = {name: some for name, some in values.items() if name != by and len(some) <= _BESIDE_AT_MOST}
    found = {}
    for row in _select(connection, table, {by: values[by], **beside}):
        key = tuple([row[name] for name in names])
        if key in wanted:
            found[key] = row
    return found


def find_all(connection: Connection, table: Table, column: str, values: Iterable[Any]) -> list[Row]:
    """All rows that have one of these values there."""
    return _select(connection, table, {column: values})


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
    columns: Sequence[str]
    bound: Mapping[str, Callable[[Any], Any]]
    read: Mapping[str, Callable[[Any], Any]]
    """Columns of which the driver takes, or gives, something else."""

    def rows(self, connection: Connection, values: Mapping[str, Sequence[Any]]) -> list[Row]:
        given: dict[str, Any] = {}
        for name, column, place in self.parameters:
            value, convert = values[column][place], self.bound.get(column)
            given[name] = value if convert is None else convert(value)
        result = connection.exec_driver_sql(self.sql, tuple(given.values()) if self.is_by_place else given)
        rows = [dict(zip(self.columns, row, strict=True)) for row in result]
        for column, convert in self.read.items():
            for row in rows:
                row[column] = convert(row[column])
        return rows


def _select(connection: Connection, table: Table, conditions: Mapping[str, Iterable[Any]]) -> list[Row]:
    """The rows that have one of its values in each of these columns; the first may have any number of them."""
    (by, every), *rest = conditions.items()
    beside = {name: _padded(list(values)) for name, values in rest}
    found, values = [], list(every)
    for start in range(0, len(values), _AT_ONCE):
        given = {by: _padded(values[start : start + _AT_ONCE]), **beside}
        lengths = tuple((name, len(some)) for name, some in given.items())
        found += _query(table, lengths, _Language.of(connection)).rows(connection, given)
    return found


@lru_cache(maxsize=512)
def _query(table: Table, lengths: Sequence[tuple[str, int]], language: _Language) -> _Query:
    dialect = language.dialect
    places = {f"{name}_{place}": (name, place) for name, length in lengths for place in range(length)}
    conditions = [
        table.c[name].in_([bindparam(f"{name}_{place}", type_=table.c[name].type) for place in range(length)])
        for name, length in lengths
    ]
    compiled = select(table).where(*conditions).compile(dialect=dialect)
    names = (compiled.positiontup if compiled.positional else compiled.params) or ()
    kinds = {column.name: column.type.dialect_impl(dialect) for column in table.c}
    bound = {name: kinds[name].bind_processor(dialect) for name, _ in lengths}
    read = {name: kind.result_processor(dialect, None) for name, kind in kinds.items()}
    return _Query(
        str(compiled),
        [(name, *places[name]) for name in names],
        bool(compiled.positional),
        table.c.keys(),
        {name: convert for name, convert in bound.items() if convert is not None},
        {name: convert for name, convert in read.items() if convert is not None},
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
    parameters: Sequence[tuple[str, str]]
    """In their order: the name, and the column that it is taken from."""
    is_by_place: bool
    converted: Mapping[str, Callable[[Any], Any]]
    """Columns that the driver wants otherwise."""

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = {name: self._values(column, rows) for name, column in self.parameters}
        if self.is_by_place:
            connection.exec_driver_sql(self.sql, list(zip(*columns.values(), strict=True)))
        else:
            connection.exec_driver_sql(
                self.sql, [dict(zip(columns, one, strict=True)) for one in zip(*columns.values(), strict=True)]
            )

    def _values(self, column: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """A value that comes again, as the moment of an event does, is converted once."""
        values = list(map(itemgetter(column), rows))
        convert = self.converted.get(column)
        if convert is None:
            return values
        known = {value: convert(value) for value in set(values)}
        return [known[value] for value in values]


@lru_cache(maxsize=256)
def _prepared(table: Table, what: str, columns: tuple[str, ...], language: _Language) -> _Prepared:
    dialect = language.dialect
    compiled = _statement(table, what, columns).compile(dialect=dialect)
    is_by_place = bool(compiled.positional)
    names = (compiled.positiontup if is_by_place else compiled.params) or ()
    parameters = [(name, name.removeprefix(_KEY)) for name in names]
    converted = {}
    for _, column in parameters:
        convert = table.c[column].type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            converted[column] = convert
    return _Prepared(str(compiled), parameters, is_by_place, converted)


_KEY = "key_"
"""Begins the name of a parameter by which a row is found; SQLAlchemy wants another than the column's."""


def _statement(table: Table, what: str, columns: tuple[str, ...]) -> Insert | Update | Delete:
    if what == "add":
        return insert(table).values({column.name: bindparam(column.name) for column in table.c})
    key = [column == bindparam(_KEY + column.name, type_=column.type) for column in table.primary_key]
    if what == "remove":
        return delete(table).where(*key)
    return update(table).where(*key).values({name: bindparam(name) for name in columns})
