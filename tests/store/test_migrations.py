"""Numbered steps from one version of a database to the next: each whole or not at all, each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from credit_trading.errors import Busy, FileCorrupt
from credit_trading.store.migrations import Migration, migrate, pending, version_of
from credit_trading.store.sqlite import Connection, connect, immediate


def _fill(connection: Connection) -> None:
    connection.execute("UPDATE one SET b = a + 1")


STEPS = (
    Migration(version=1, what="a table", statements="CREATE TABLE one (a);\nINSERT INTO one VALUES (1);\n"),
    Migration(version=2, what="a column", statements="\nALTER TABLE one ADD COLUMN b;\n"),
    Migration(version=3, what="rows", statements="", finish=_fill),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Connection]:
    with closing(connect(tmp_path / "some.db", mode="rwc")) as connection:
        yield connection


def content(connection: Connection) -> list[tuple[int, ...]]:
    return connection.execute("SELECT * FROM one").fetchall()


def test_all_steps_are_done_in_their_order_and_each_once(database: Connection) -> None:
    assert [step.what for step in migrate(database, STEPS)] == ["a table", "a column", "rows"]
    assert (version_of(database), content(database)) == (3, [(1, 2)])
    assert (migrate(database, STEPS), pending(database, STEPS)) == ([], [])


def test_one_that_has_some_gets_the_rest(database: Connection) -> None:
    migrate(database, STEPS[:1])
    assert pending(database, STEPS) == list(STEPS[1:])
    assert migrate(database, STEPS) == list(STEPS[1:])


def test_a_step_that_fails_is_undone_and_those_before_it_stay(database: Connection) -> None:
    """Whatever fails: the statements, or what is done after them."""

    def fail(_: Connection) -> None:
        raise RuntimeError("a crash")

    with pytest.raises(RuntimeError, match="a crash"):
        migrate(database, [STEPS[0], attrs.evolve(STEPS[1], finish=fail)])
    assert (version_of(database), content(database)) == (1, [(1,)])
    assert not database.in_transaction
    assert migrate(database, STEPS) == list(STEPS[1:])


@pytest.mark.parametrize("version", [0, 1])
def test_a_database_that_names_an_older_version_than_its_tables_are_of_is_refused(
    database: Connection, version: int
) -> None:
    """In one line, which names the file; nothing is changed."""
    migrate(database, STEPS)
    database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(FileCorrupt, match=f"says that it is of version {version}, and its tables are not") as told:
        migrate(database, STEPS)
    assert "some.db" in str(told.value)
    assert (version_of(database), content(database)) == (version, [(1, 2)])


def test_a_database_that_another_keeps_locked_is_no_damaged_one(database: Connection, tmp_path: Path) -> None:
    with (
        closing(connect(tmp_path / "some.db", mode="rw", busy_timeout_s=0.01)) as other,
        immediate(database),
        pytest.raises(Busy),
    ):
        migrate(other, STEPS)


def test_two_that_migrate_at_once_do_each_step_once(tmp_path: Path) -> None:
    """Whoever comes second finds it done."""
    path = tmp_path / "some.db"
    connect(path, mode="rwc").close()
    done: list[Migration] = []
    ready = threading.Barrier(4)

    def run() -> None:
        with closing(connect(path, mode="rw")) as connection:
            ready.wait()
            done.extend(migrate(connection, STEPS))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(step.version for step in done) == [1, 2, 3]
    with closing(connect(path, mode="rw")) as connection:
        assert (version_of(connection), content(connection)) == (3, [(1, 2)])
