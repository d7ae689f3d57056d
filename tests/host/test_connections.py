"""Engines by URL: what is refused, what a hung or restarted server does to us, and what a fork takes along."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from credit_trading.errors import InvalidInput, StorageError
from credit_trading.host.connecting import connections, forks
from credit_trading.host.connecting.connections import engine_for
from credit_trading.host.connecting.engine import EngineAdapter
from tests.floor import Floor
from tests.forks import in_fork, succeeded
from tests.host.database import Database

on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

# URLs


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no address", "no URL"),
        ("ftp://host/app", "no 'ftp' of databases"),
        ("postgresql+psycopg2://ann:hunter2@host/app", "psycopg2 is not installed. Install it (pip install psycopg2)"),
        ("postgresql+psycopg_async://ann:hunter2@host/app", "for asyncio"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:app.db?uri=true", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_in_one_line_without_its_password(url: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        engine_for(url)
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["exchange.db", "app.db", "link.db", "quarantine/kept.db"])
def test_files_in_the_folder_of_an_exchange_are_refused(floor: Floor, home: Path, tmp_path: Path, name: str) -> None:
    """Another SQLite library that closes exchange.db would take the locks of ours away."""
    (tmp_path / "link.db").symlink_to(home / "marketdata.db")
    path = tmp_path / name if name == "link.db" else home / name
    with pytest.raises(InvalidInput, match="in the folder of an exchange"):
        engine_for(f"sqlite:///{path}")


# Waiting


@on_postgres
def test_a_server_that_was_restarted_or_has_crashed_is_found_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is away each attempt fails in one line; afterwards the first one succeeds, with connections from before in the pool."""
    monkeypatch.setattr(connections, "_FRESH_S", 0.0)
    adapter, server = EngineAdapter(database.url), database.server
    assert server is not None
    _write(adapter, "CREATE TABLE credits (amount INTEGER)")
    for end in (server.stop, server.crash):
        _write(adapter, "INSERT INTO credits VALUES (1)")
        end()
        for _ in range(2):
            with pytest.raises(StorageError, match="see that the database runs") as lost:
                _write(adapter, "INSERT INTO credits VALUES (1)")
            assert "\n" not in str(lost.value)
        server.start()
        _write(adapter, "INSERT INTO credits VALUES (1)")
    server.crash()
    server.start()
    _write(adapter, "INSERT INTO credits VALUES (1)")  # nobody has noticed anything
    assert database.rows("SELECT count(*) FROM credits") == [(5,)]


@on_postgres
def test_a_server_that_answers_no_more_is_hung_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped within a statement, at COMMIT, and before a connection is taken from the pool or made: no call hangs."""
    monkeypatch.setattr(connections, "TRANSACTION_S", 0.3)
    monkeypatch.setattr(connections, "CONNECT_S", 0.3)
    monkeypatch.setattr(connections, "_FRESH_S", 0.0)
    monkeypatch.setitem(connections._TCP, "connect_timeout", 2)
    adapter, server = EngineAdapter(database.url), database.server
    assert server is not None
    _write(adapter, "CREATE TABLE credits (amount INTEGER)")

    def stopping(before_statement: bool) -> None:
        with adapter.transaction() as connection:
            connection.execute(text("SELECT 1"))
            if before_statement:
                server.signal(signal.SIGSTOP)
            connection.execute(text("INSERT INTO credits VALUES (1)"))
            server.signal(signal.SIGSTOP)

    for before_statement in (True, False):
        with pytest.raises(StorageError, match="see that the database runs"):
            stopping(before_statement)
        server.signal(signal.SIGCONT)
    _write(adapter, "INSERT INTO credits VALUES (2)")
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        with pytest.raises(StorageError, match=r"timeout|timed out"):
            _write(adapter, "INSERT INTO credits VALUES (3)")
    finally:
        server.signal(signal.SIGCONT)
    assert time.monotonic() - began < 10
    _write(adapter, "INSERT INTO credits VALUES (4)")
    assert database.rows("SELECT count(*) FROM credits WHERE amount IN (2, 4)") == [(2,)]


@on_postgres
def test_the_server_itself_ends_a_statement_that_takes_too_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STATEMENT_S", 0.1)
    adapter = EngineAdapter(database.url)
    with pytest.raises(StorageError, match="statement timeout"):
        _write(adapter, "SELECT pg_sleep(20)")
    _write(adapter, "SELECT 1")


def test_what_a_block_raises_undoes_the_transaction_and_is_raised(database: Database) -> None:
    adapter = EngineAdapter(database.url)
    _write(adapter, "CREATE TABLE credits (amount INTEGER)")

    def write() -> None:
        with adapter.transaction() as connection:
            connection.execute(text("INSERT INTO credits VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert database.rows("SELECT * FROM credits") == []


@on_sqlite
def test_a_transaction_on_sqlite_has_the_file_from_its_beginning(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second writer is told so after its timeout, before it has read anything that may be out of date."""
    monkeypatch.setattr(connections, "_BUSY_S", 0.05)
    adapter = EngineAdapter(database.url)
    with (
        adapter.transaction(),
        pytest.raises(StorageError, match="database is locked"),
        EngineAdapter(database.url).transaction(),
    ):
        pass


# Forks


def test_a_forked_worker_and_its_parent_each_have_connections_of_their_own(database: Database) -> None:
    """As a pre-forking server does that has loaded the application first. Neither disturbs the other, however they end."""
    adapter = EngineAdapter(database.url)
    _write(adapter, "CREATE TABLE credits (amount INTEGER)")
    children = [in_fork(lambda: _write(adapter, "INSERT INTO credits VALUES (1)")) for _ in range(3)]
    for _ in range(3):
        _write(adapter, "INSERT INTO credits VALUES (2)")
    assert [succeeded(child) for child in children] == [True] * 3
    _write(adapter, "INSERT INTO credits VALUES (2)")
    assert database.rows("SELECT amount, count(*) FROM credits GROUP BY amount ORDER BY amount") == [(1, 3), (2, 4)]


@on_sqlite
def test_a_fork_waits_until_no_other_thread_has_the_file_open(database: Database) -> None:
    """A child that inherits an open SQLite file would write without locks."""
    adapter = EngineAdapter(database.url)
    _write(adapter, "CREATE TABLE credits (amount INTEGER)")
    is_open, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with adapter.transaction() as connection:
            connection.execute(text("INSERT INTO credits VALUES (1)"))
            is_open.set()
            time.sleep(0.2)
        ended.set()

    thread = threading.Thread(target=hold)
    thread.start()
    is_open.wait()

    def write_in_child() -> None:
        assert ended.is_set()
        _write(adapter, "INSERT INTO credits VALUES (2)")

    assert succeeded(in_fork(write_in_child))
    thread.join()
    assert database.rows("SELECT count(*) FROM credits") == [(2,)]


@on_sqlite
def test_a_child_that_was_forked_within_a_transaction_is_refused_the_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the thread that forks, or of one that takes too long; the parent commits undisturbed."""
    monkeypatch.setattr(forks, "_WAIT_S", 0.05)
    adapter = EngineAdapter(database.url)
    _write(adapter, "CREATE TABLE credits (amount INTEGER)")

    def write_in_child() -> None:
        with pytest.raises(StorageError, match="forked while its parent had the file open"):
            _write(adapter, "INSERT INTO credits VALUES (2)")

    with adapter.transaction() as connection:
        connection.execute(text("INSERT INTO credits VALUES (1)"))
        assert succeeded(in_fork(write_in_child))
        with ThreadPoolExecutor() as elsewhere:
            assert elsewhere.submit(lambda: succeeded(in_fork(write_in_child))).result()
    assert database.rows("SELECT * FROM credits") == [(1,)]
    _write(adapter, "INSERT INTO credits VALUES (3)")


def _write(adapter: EngineAdapter, sql: str) -> None:
    with adapter.transaction() as connection:
        connection.execute(text(sql))
