"""Connections to the host's database: engines by URL, and how long anybody may be made to wait.

Here: what is asked of each kind of database. Never here: what is lent by a host (lending), words for errors (faults), statements.
Always: a hung server hangs nobody for ever; a server that was restarted is found again; the exchange's own files are refused.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, exc, make_url, text

from credit_trading.errors import InvalidInput
from credit_trading.host.connecting import forks
from credit_trading.host.connecting.deadlines import deadlines
from credit_trading.host.connecting.faults import safe_url, translated_errors
from credit_trading.host.connecting.lending import borrowed
from credit_trading.journal.log import FILE_NAME

__all__ = ["borrowed", "deadline", "engine_for", "safe_url", "translated_errors"]

CONNECT_S = 10
STATEMENT_S = 60
TRANSACTION_S = 300
"""Whole transactions, beside what the server itself limits: a server that answers no more cannot say that it is too late."""

_BUSY_S = 5.0
_FRESH_S = 1.0
"""A connection that was used so recently is taken as it is."""

_OWN_FOLDERS = {"checkpoints", "quarantine", "deleted", "reads"}

_TCP: dict[str, object] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": STATEMENT_S * 1_000,
    "fallback_application_name": "credit-trading",
}
_SOCKET: dict[str, object] = {
    "connect_timeout": CONNECT_S,
    "read_timeout": STATEMENT_S,
    "write_timeout": STATEMENT_S,
}
_LIMITS = text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('idle_in_transaction_session_timeout', :idle, true)"
)
_PACKAGES = {"MySQLdb": "mysqlclient"}
"""By module, where pip calls it otherwise."""

_OF_SQLITE = {"timeout", "detect_types", "isolation_level", "check_same_thread", "cached_statements"}
"""What a URL of a file may say behind its question mark."""

_ARGUMENTS = {"psycopg": _TCP, "psycopg2": _TCP, "pymysql": _SOCKET, "mysqldb": _SOCKET}
"""By driver; what the URL says itself stands."""


def engine_for(url: str) -> Engine:
    """Connects when it is first used. SQLite transactions begin IMMEDIATE; those of servers are READ COMMITTED.

    Raises InvalidInput for what is no URL, for a driver that is not there, and for a file of the exchange itself.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        problem = "it is no URL of a database"
        raise InvalidInput("host", safe_url(url), problem, hint="For example sqlite:///app.db.") from error
    if "@" in (parsed.host or ""):  # the driver would ask the network for a part of the password
        raise InvalidInput("host", safe_url(url), "it has more than one @", hint="Write %40 for an @ in a password.")
    with _driver_found(parsed, safe_url(url)):
        engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _server(parsed)
    forks.remember(engine)
    return engine


@contextmanager
def _driver_found(url: URL, subject: str) -> Iterator[None]:
    try:
        yield
        if url.get_dialect().is_async:
            raise InvalidInput(
                "host", subject, "its driver is for asyncio", hint="Name another one: postgresql+psycopg://…"
            )
    except exc.NoSuchModuleError as error:
        hint = "Write postgresql+psycopg://… or sqlite:///…"
        raise InvalidInput("host", subject, f"there is no {url.drivername!r} of databases", hint=hint) from error
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(error.name or "", error.name)
        hint = f"Install it (pip install {package}), or name another one: postgresql+psycopg://…"
        raise InvalidInput("host", subject, f"its driver {error.name} is not installed", hint=hint) from error


def _sqlite(url: URL) -> Engine:
    """A connection per transaction, by the library that the host uses too: two of them in one process undo each other's locks."""
    path = _checked_file(url)

    class _File(sqlite3.Connection):
        """Tells when it is closed."""

        thread: int | None = None

        def close(self) -> None:
            super().close()
            if self.thread is not None:
                forks.open_files.leave(path, self.thread)
                self.thread = None

    timeout = {} if "timeout" in url.query else {"timeout": _BUSY_S}
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args={**timeout, "factory": _File})
    except ValueError as error:
        hint = "Correct it, or leave it out of the URL."
        raise InvalidInput("host", safe_url(str(url)), f"an argument of it is none: {error}", hint=hint) from error

    def connect(dialect: Any, record: object, arguments: list[Any], options: dict[str, Any]) -> object:  # noqa: ARG001 - SQLAlchemy's signature
        with forks.open_files.opening(path) as thread:
            connection = dialect.connect(*arguments, **options)
        connection.thread = thread
        connection.isolation_level = None  # BEGIN is ours
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_immediate(connection: Connection) -> None:
    """Whoever reads the position is then the only one who changes anything: a lock that is taken later may find it moved."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _checked_file(url: URL) -> str:
    """The path with its links resolved."""
    subject = safe_url(url.render_as_string(hide_password=False))
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise InvalidInput(
            "host", subject, "it names no file by its path", hint="For example sqlite:////srv/app/app.db."
        )
    unknown = sorted(set(url.query) - _OF_SQLITE)
    if unknown:
        raise InvalidInput("host", subject, f"SQLite has no argument {unknown[0]}", hint="Leave it out of the URL.")
    path = Path(os.path.realpath(name))
    folders = [path.parent, *([path.parent.parent] if path.parent.name in _OWN_FOLDERS else [])]
    if any((folder / FILE_NAME).exists() for folder in folders):
        problem = "it is in the folder of an exchange, whose files are not the host's"
        raise InvalidInput("host", subject, problem, hint="Put the host's database into another folder.")
    return str(path)


def _server(url: URL) -> Engine:
    given = _ARGUMENTS.get(url.get_driver_name(), {})
    arguments = {name: value for name, value in given.items() if name not in url.query}
    engine = create_engine(url, connect_args=arguments, isolation_level="READ COMMITTED", pool_size=4, pool_timeout=30)
    _keep_alive(engine)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _limit)
    return engine


def _keep_alive(engine: Engine) -> None:
    """A connection that has rested is asked whether it still is one: the server may have been restarted meanwhile."""

    def used(connection: object, record: Any) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        record.info["used_at"] = time.monotonic()

    def ask(connection: Any, record: Any, proxy: object) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        if time.monotonic() - record.info.get("used_at", time.monotonic()) < _FRESH_S:
            return
        try:
            with _hung_up_after(CONNECT_S, connection):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.InvalidatePoolError from error  # then SQLAlchemy makes a new one, and no other of them is taken

    event.listen(engine, "checkin", used)
    event.listen(engine, "checkout", ask)


def _limit(connection: Connection) -> None:
    """For this transaction alone, so that it is right with a pool of connections between us and the server too."""
    connection.execute(_LIMITS, {"statement": f"{STATEMENT_S}s", "idle": f"{TRANSACTION_S}s"})


@contextmanager
def deadline(connection: Connection) -> Iterator[None]:
    """Within, a connection to a server that answers no more is hung up after TRANSACTION_S, which raises in whoever waits for it."""
    with _hung_up_after(TRANSACTION_S, connection.connection.driver_connection):
        yield


@contextmanager
def _hung_up_after(seconds: float, driver_connection: Any) -> Iterator[None]:
    """If the driver tells which socket it has."""
    number = getattr(driver_connection, "fileno", None)
    if number is None:
        yield
        return
    with deadlines.within(seconds, number()):
        yield
