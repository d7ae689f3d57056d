"""Connections that a host lends: SQLAlchemy Core on a connection that somebody else has opened, and will commit.

Here: which kinds are understood, and how Core is kept from ending what is not ours. Never here: connections of our own (connections).
Always: nothing here begins, commits, rolls back or closes; whatever is written is the host's to commit, together with its own.
"""

from __future__ import annotations

import importlib
import threading
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine

from credit_trading.errors import InvalidInput

_VENDORS = {
    "sqlite3": "sqlite+pysqlite",
    "psycopg": "postgresql+psycopg",
    "psycopg2": "postgresql+psycopg2",
    "pymysql": "mysql+pymysql",
    "MySQLdb": "mysql+mysqldb",
}
"""By the driver's module."""

_BY_ISOLATION_LEVEL = -1
"""sqlite3.LEGACY_TRANSACTION_CONTROL."""

_OUTSIDE = "it is in no transaction, so that what the host changes and what we write would not be one"

_lent: ContextVar[_Lent] = ContextVar("lent")
_engines: dict[str, Engine] = {}
_making = threading.Lock()


def borrowed(connection: object) -> Connection:
    """Core on what an adapter's `transaction` gives: a SQLAlchemy Connection or Session, Django's connection, or one of sqlite3 or psycopg.

    Raises InvalidInput for anything else, and for one that is in no transaction.
    """
    if isinstance(connection, Connection):
        return _not_by_itself(connection)
    if callable(getattr(connection, "ensure_connection", None)):
        return _core(_of_django(connection))
    if callable(getattr(connection, "get_bind", None)):
        return _of_session(connection)
    return _core(_in_transaction(connection))


def _of_django(connection: Any) -> object:
    connection.ensure_connection()
    if not connection.in_atomic_block and connection.get_autocommit():
        raise InvalidInput("host", connection.alias, _OUTSIDE, hint="Call it within transaction.atomic().")
    return connection.connection


def _of_session(session: Any) -> Connection:
    """Also of what stands for one (scoped_session)."""
    if not iscoroutinefunction(session.connection):
        found = session.connection()
        if isinstance(found, Connection):
            return _not_by_itself(found)
    raise _unusable(session)


def _not_by_itself(connection: Connection) -> Connection:
    """Itself, unless each of its statements is committed alone, whatever it begins: nothing would be locked, and half of it left."""
    asked = connection.get_execution_options().get("isolation_level")
    if (asked or getattr(connection.dialect, "_on_connect_isolation_level", None)) == "AUTOCOMMIT":
        hint = "Give one whose isolation level is another than AUTOCOMMIT."
        raise InvalidInput("host", type(connection).__name__, _OUTSIDE, hint=hint)
    return connection


def _in_transaction(connection: Any) -> object:
    """Itself, where the driver would not commit each statement alone."""
    alone = False
    if _driver(connection) == "sqlite3":
        by_itself: Any = getattr(connection, "autocommit", _BY_ISOLATION_LEVEL)  # Python 3.12
        by_itself = connection.isolation_level is None if by_itself == _BY_ISOLATION_LEVEL else by_itself
        alone = by_itself and not connection.in_transaction
    elif _driver(connection) == "psycopg":
        alone = connection.autocommit and not connection.info.transaction_status
    if alone:
        raise InvalidInput("host", type(connection).__name__, _OUTSIDE, hint="Begin a transaction first.")
    return connection


def _driver(connection: object) -> str:
    """The module of the driver whose connection it is. Raises InvalidInput for what is none."""
    for kind in type(connection).__mro__:
        driver = kind.__module__.partition(".")[0]
        if driver in _VENDORS and hasattr(connection, "cursor") and "Async" not in kind.__name__:
            return driver
    raise _unusable(connection)


def _unusable(connection: object) -> InvalidInput:
    problem = "it is none of a SQLAlchemy Connection or Session, or Django's, sqlite3's or psycopg's connection"
    hint = "Give the one that your transaction is on."
    return InvalidInput("host", type(connection).__name__, problem, hint=hint)


def _core(connection: object) -> Connection:
    token = _lent.set(_Lent(connection))
    try:
        return _engine(_driver(connection)).connect()
    finally:
        _lent.reset(token)


def _engine(driver: str) -> Engine:
    """One per driver, so that compiled statements are kept. Nothing is set on a connection of the host's: no functions, no adapters."""
    with _making:
        if driver not in _engines:
            options = {"use_native_hstore": False} if driver.startswith("psycopg") else {}
            made = create_engine(f"{_VENDORS[driver]}://", module=importlib.import_module(driver), **options)
            pool = NullPool(_lent.get, dialect=made.dialect, reset_on_return=None)
            engine = Engine(pool, made.dialect, made.url)
            with engine.connect() as connection:
                made.dialect.initialize(connection)  # which version it is; asked once
            _engines[driver] = engine
        return _engines[driver]


class _Lent:
    """The driver's connection, but for its ends: they are the host's."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows = _plain_rows(connection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """Gives rows as tuples, whatever the host has them made into."""
        if self._rows is _TUPLES_OF_SQLITE:
            cursor = self._connection.cursor(*arguments, **options)
            cursor.row_factory = None
            return cursor
        return self._connection.cursor(*arguments, **{**self._rows, **options})

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        pass


_TUPLES_OF_SQLITE: dict[str, Any] = {}


def _plain_rows(connection: object) -> dict[str, Any]:
    """What a cursor is asked for with."""
    if _driver(connection) == "psycopg":
        return {"row_factory": importlib.import_module("psycopg.rows").tuple_row}
    return _TUPLES_OF_SQLITE if _driver(connection) == "sqlite3" else {}
