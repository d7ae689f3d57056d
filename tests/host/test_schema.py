"""Making our tables in the host's database."""

from __future__ import annotations

import threading

import attrs
import pytest
from sqlalchemy import Connection, text

from credit_trading.errors import FileForeign, NotFound, StorageError, VersionUnsupported
from credit_trading.host import schema
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.tables import Tables
from tests.host.database import Database

OURS = "SELECT schema_version, exchange_id, sequence, hash FROM trading_position"
TABLES = Tables()


@attrs.frozen
class _Host:
    """A database and how we reach it; `init` and `check` each in a transaction of its own."""

    database: Database
    adapter: EngineAdapter

    def init(self, exchange_id: str = "ours", tables: Tables = TABLES) -> list[str]:
        with self.adapter.transaction() as connection:
            return schema.init(connection, tables, exchange_id=exchange_id)

    def check(self, exchange_id: str = "ours", tables: Tables = TABLES) -> None:
        with self.adapter.transaction() as connection:
            schema.check_ready(connection, tables, exchange_id=exchange_id)


@pytest.fixture
def host(database: Database) -> _Host:
    return _Host(database, EngineAdapter(database.url))


def test_what_is_missing_is_made_and_what_is_there_is_left(host: _Host) -> None:
    with pytest.raises(NotFound, match="credit-trading host init"):
        host.check()
    assert len(host.init()) == len(TABLES.metadata.tables)
    assert host.database.rows(OURS) == [(1, "ours", 0, "0" * 64)]
    host.check()

    host.database.execute("UPDATE trading_position SET sequence = 7")
    host.database.execute("DROP TABLE trading_repairs")
    with pytest.raises(NotFound, match="trading_repairs"):
        host.check()
    assert host.init() == ["table trading_repairs made"]
    assert host.init() == []
    assert host.database.rows("SELECT sequence FROM trading_position") == [(7,)]
    host.check()


def test_tables_of_another_exchange_or_a_newer_version_are_left_as_they_are(host: _Host) -> None:
    host.init("theirs")
    for refused in (host.init, host.check):
        with pytest.raises(FileForeign, match="another exchange"):
            refused()
    assert len(host.init("ours", Tables("mine_"))) == len(TABLES.metadata.tables)  # beside them, under another prefix

    host.database.execute("UPDATE trading_position SET schema_version = 2")
    for refused in (host.init, host.check):
        with pytest.raises(VersionUnsupported, match="version 2"):
            refused("theirs")
    host.database.execute("DELETE FROM trading_position")
    with pytest.raises(NotFound, match="no row"):
        host.check("theirs")


def test_a_table_of_the_hosts_own_that_has_our_name_is_refused_and_nothing_is_made(host: _Host) -> None:
    host.database.execute("CREATE TABLE trading_requests (id INTEGER PRIMARY KEY, text VARCHAR(10))")
    with pytest.raises(FileForeign, match=r"trading_requests.*another prefix"):
        host.init()
    with pytest.raises(NotFound, match="trading_"):
        host.check()
    with pytest.raises(StorageError, match=r"trading_activity.*host init"), host.adapter.transaction() as connection:
        connection.execute(text("SELECT * FROM trading_activity"))  # made before it was found out, and gone again


def test_an_older_version_is_migrated_step_by_step_in_one_transaction(
    host: _Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps lead from the tables of today to those of a version to come; the second fails at first."""
    host.init()

    def add(connection: Connection, tables: Tables) -> None:
        connection.execute(text(f"ALTER TABLE {tables.requests.name} ADD COLUMN colour VARCHAR(8)"))

    def fail(connection: Connection, tables: Tables) -> None:
        connection.execute(text("UPDATE no_such_table SET a = 1"))

    def fill(connection: Connection, tables: Tables) -> None:
        connection.execute(text(f"UPDATE {tables.requests.name} SET colour = 'red'"))

    host.database.execute("INSERT INTO trading_requests (id, kind) VALUES ('one', 'deposit')")
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 3)
    with pytest.raises(NotFound, match="of version 1, and this is version 3"):
        host.check()
    monkeypatch.setattr(schema, "STEPS", {2: add, 3: fail})
    with pytest.raises(StorageError, match="no_such_table"):
        host.init()
    assert host.database.rows("SELECT schema_version FROM trading_position") == [(1,)]

    monkeypatch.setattr(schema, "STEPS", {2: add, 3: fill})
    assert host.init() == ["tables brought from version 1 to 3"]
    assert host.init() == []
    assert host.database.rows("SELECT colour FROM trading_requests") == [("red",)]
    host.check()


def test_two_who_make_the_tables_at_once_make_them_once(host: _Host) -> None:
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(host.init())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, done)) == [0, 0, len(TABLES.metadata.tables)]
    assert len(host.database.rows(OURS)) == 1
