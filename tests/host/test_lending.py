"""Core on connections that a host has opened: what is written is the host's to commit, together with its own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, make_url, select, update
from sqlalchemy.orm import registry, scoped_session, sessionmaker

from credit_trading.errors import InvalidInput
from credit_trading.host import schema
from credit_trading.host.connecting.connections import borrowed
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.tables import Tables
from tests.host.database import Database

TABLES = Tables()
ROOT = Path(__file__).parent.parent.parent

COMPANIES = Table("companies", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(20)))


class _Company:
    """A model of the host's."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name


registry().map_imperatively(_Company, COMPANIES)


@pytest.fixture
def prepared(database: Database) -> Database:
    adapter = EngineAdapter(database.url)
    with adapter.transaction() as connection:
        schema.init(connection, TABLES, exchange_id="ours")
        COMPANIES.create(connection)
    return database


def test_django_lends_its_connection_within_atomic(database: Database) -> None:
    """Rows of its ORM and of ours are committed and rolled back together, savepoints too: see django_side."""
    told = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.host.django_side", database.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.splitlines()) == 5


@pytest.mark.parametrize("kind", ["session", "scoped session", "connection"])
def test_a_session_or_connection_of_sqlalchemy_lends_itself(prepared: Database, kind: str) -> None:
    engine = create_engine(prepared.url)
    make = sessionmaker(engine)
    for request_id, end in (("one", "commit"), ("two", "rollback")):
        makers: dict[str, Callable[[], Any]] = {"session": make, "scoped session": lambda: scoped_session(make)}
        lender = makers.get(kind, engine.connect)()
        if kind != "connection":
            lender.add(_Company(request_id))
        _ask(lender, request_id)
        getattr(lender, end)()
        lender.close()
    engine.dispose()
    assert prepared.rows("SELECT id FROM trading_requests") == [("one",)]
    assert prepared.rows("SELECT name FROM companies") == ([] if kind == "connection" else [("one",)])


def test_a_drivers_connection_lends_itself_whatever_it_makes_rows_into(prepared: Database) -> None:
    for request_id, end in (("one", "rollback"), ("two", "commit")):
        with _driver(prepared) as lender:
            lender.execute("INSERT INTO companies (name) VALUES ('host')")
            _ask(lender, request_id)
            row = borrowed(lender).execute(select(TABLES.requests)).mappings().one()
            assert (row["id"], row["kind"], row["reapply"]) == (request_id, "deposit", False)
            assert borrowed(lender).execute(update(TABLES.position).values(sequence=9)).rowcount == 1
            getattr(lender, end)()
            assert lender.execute("SELECT count(*) AS n FROM companies").fetchone()["n"] == (end == "commit")
            lender.rollback()
    assert prepared.rows("SELECT id FROM trading_requests") == [("two",)]
    assert prepared.rows("SELECT sequence FROM trading_position") == [(9,)]


def test_what_is_ended_on_a_borrowed_connection_is_not_ended_on_the_hosts(prepared: Database) -> None:
    for request_id, ours, theirs in (("one", "commit", "rollback"), ("two", "rollback", "commit")):
        with _driver(prepared) as lender:
            core = borrowed(lender)
            core.execute(insert(TABLES.requests).values(id=request_id, kind="deposit"))
            getattr(core, ours)()
            core.close()
            getattr(lender, theirs)()
    assert prepared.rows("SELECT id FROM trading_requests") == [("two",)]


def test_one_that_is_in_no_transaction_is_refused(prepared: Database) -> None:
    """Else the host's change would be committed alone, and ours alone."""
    with _driver(prepared, alone=True) as lender:
        with pytest.raises(InvalidInput, match="in no transaction"):
            borrowed(lender)
        lender.execute("BEGIN")
        _ask(lender, "one")
        lender.execute("ROLLBACK")
    assert prepared.rows("SELECT * FROM trading_requests") == []


class _ForAsyncio:
    """As an AsyncSession is."""

    def get_bind(self) -> None: ...

    async def connection(self) -> None: ...


@pytest.mark.parametrize("thing", [None, "sqlite:///app.db", object(), _ForAsyncio()])
def test_what_is_no_connection_is_refused(thing: object) -> None:
    with pytest.raises(InvalidInput, match="none of a SQLAlchemy Connection or Session"):
        borrowed(thing)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_of_python_3_12_that_commits_each_statement_alone_is_refused(prepared: Database) -> None:
    class Newer(sqlite3.Connection):
        autocommit = True

    with closing(sqlite3.connect(str(make_url(prepared.url).database), factory=Newer)) as lender:
        with pytest.raises(InvalidInput, match="in no transaction"):
            borrowed(lender)
        lender.autocommit = False
        assert borrowed(lender).scalar(select(TABLES.position.c.sequence)) == 0


def test_lending_leaves_the_connection_as_it_was(prepared: Database) -> None:
    """Statements are compiled once for all connections of a driver, and nothing is set on any of them."""
    with _driver(prepared) as lender:
        engines = {id(borrowed(lender).engine) for _ in range(5)}
        assert len(engines) == 1
        if prepared.kind == "sqlite":  # SQLAlchemy gives its own connections this function; a host may have another one
            with pytest.raises(sqlite3.OperationalError, match="REGEXP"):
                lender.execute("SELECT 'a' REGEXP 'a'")
        lender.rollback()


def _ask(lender: object, request_id: str) -> None:
    borrowed(lender).execute(insert(TABLES.requests).values(id=request_id, kind="deposit"))


@contextmanager
def _driver(database: Database, *, alone: bool = False) -> Iterator[Any]:
    """A connection with rows that are no tuples; `alone`: that commits each statement by itself."""
    url = make_url(database.url)
    if database.kind == "sqlite":
        with closing(sqlite3.connect(str(url.database), isolation_level=None if alone else "DEFERRED")) as lender:
            lender.row_factory = lambda cursor, row: dict(
                zip((name for name, *_ in cursor.description), row, strict=True)
            )
            yield lender
        return
    where = {name: str(value) for name, value in url.query.items()}
    with closing(
        psycopg.connect(**where, user=url.username, dbname=url.database, autocommit=alone, row_factory=dict_row)  # type: ignore[arg-type]
    ) as lender:
        yield lender
