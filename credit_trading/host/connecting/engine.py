"""A host without an adapter of its own: its database by URL, with tables of ours only, and where it keeps its projects.

Here: transactions on an engine, and what the host's own table says of a project. Never here: how engines are made (connections).
Always: ids of projects are spelled as the host's own table has them; another spelling is another project.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    String,
    Table,
    Uuid,
    inspect,
    literal,
    select,
)
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import Integer, TypeEngine

from credit_trading.errors import InvalidInput
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.connections import deadline, engine_for, safe_url, translated_errors

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_LARGEST = 2**63 - 1
_PROJECTS = re.compile(rf"(?:({_NAME})\.)?({_NAME})\.({_NAME})(?::({_NAME}))?", re.ASCII)


_T = TypeVar("_T", int, UUID)


class EngineAdapter(Adapter):
    """`projects` is `table.column`, or `table.column:retired` with a column that is set once a project is retired.

    Raises InvalidInput for a URL or a place that cannot be; nothing is connected before it is used.
    """

    def __init__(self, url: str, projects: str | None = None) -> None:
        self.subject = safe_url(url)
        self._engine = engine_for(url)
        weakref.finalize(self, self._engine.dispose)
        self._projects = None if projects is None else _parsed(projects)
        self._table: Table | None = None

    @property
    def knows_projects(self) -> bool:
        """Whether `project_status` asks the host's own table."""
        return self._projects is not None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Gives a SQLAlchemy Connection. Raises StorageError, also for what the database says at COMMIT: then look whether it was taken."""
        with (
            translated_errors(self.subject),
            self._engine.connect() as connection,
            deadline(connection),
            connection.begin(),
        ):
            yield connection

    def project_status(self, connection: Connection, project_id: str) -> str | None:
        """Raises InvalidInput where the host has no such table or column."""
        if self._projects is None:
            return "active"
        table = self._table = self._table if self._table is not None else _reflected(connection, self._projects)
        key, *retired = table.columns
        value = _as_key(key.type, project_id)
        if value is None:
            return None
        row = connection.execute(select(*(retired or [key])).where(key == value)).first()
        if row is None:
            return None
        return "retired" if retired and row[0] else "active"

    def close(self) -> None:
        """Lets go of all connections; the next transaction makes a new one."""
        self._engine.dispose()


def _parsed(projects: str) -> tuple[str | None, str, list[str]]:
    """Schema, table, columns."""
    found = _PROJECTS.fullmatch(projects)
    if found is None:
        problem = "a place of projects is table.column, or table.column:retired"
        raise InvalidInput("host", projects[:100], problem, hint="For example projects.id or projects.id:retired_at.")
    schema, table, key, retired = found.groups()
    return schema, table, [key, retired] if retired else [key]


def _reflected(connection: Connection, projects: tuple[str | None, str, list[str]]) -> Table:
    """With those columns alone, in that order, of the types that the database has."""
    schema, name, columns = projects
    try:
        known = {column["name"]: column["type"] for column in inspect(connection).get_columns(name, schema)}
    except NoSuchTableError as error:
        raise InvalidInput("host", name, "there is no such table", hint="Say where the projects are.") from error
    missing = [column for column in columns if column not in known]
    if missing:
        problem = f"it has no column {missing[0]}, but {', '.join(sorted(known))}"
        raise InvalidInput("host", name, problem, hint="Say where the projects are.")
    quoted = [Column(quoted_name(column, quote=True), known[column]) for column in columns]
    return Table(quoted_name(name, quote=True), MetaData(), *quoted, schema=schema)


def _as_key(kind: TypeEngine[object], project_id: str) -> ColumnElement[object] | None:
    """The id as a value of the column, None if it cannot stand there: so that an index on the column serves."""
    if isinstance(kind, Integer):
        number = _spelled(int, project_id)
        return literal(number, BigInteger) if number is not None and abs(number) <= _LARGEST else None
    if isinstance(kind, Uuid):
        found = _spelled(UUID, project_id)
        return None if found is None else literal(found, kind)
    return literal(project_id, String)


def _spelled(wanted: type[_T], project_id: str) -> _T | None:
    """None for what is none, or is spelled another way than the database would."""
    try:
        value = wanted(project_id)
    except ValueError:
        return None
    return value if str(value) == project_id else None
