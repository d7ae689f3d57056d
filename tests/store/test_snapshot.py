"""Bytes of a database as of one moment: whole, of whatever size, and without a trace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from credit_trading.errors import StorageError
from credit_trading.store.snapshot import Snapshots
from credit_trading.store.sqlite import Connection, connect, immediate, sqlite3


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Connection]:
    with closing(connect(tmp_path / "live.db", mode="rwc", busy_timeout_s=0.05)) as connection:
        connection.execute("CREATE TABLE t (a)")
        yield connection


def _rows(content: bytes, folder: Path) -> int:
    path = folder / "copy.db"
    path.write_bytes(content)
    with closing(connect(path, mode="rw")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count: int = copy.execute("SELECT count(*) FROM t").fetchone()[0]
    return count


def test_each_snapshot_is_the_database_as_it_is_then(live: Connection, scratch: Path, tmp_path: Path) -> None:
    """Growing, shrinking, with rows that stand in its WAL alone; always through the same scratch file, which is gone in the end."""
    with Snapshots() as snapshots:
        for count in (0, 3_000, 10, 20_000, 1):
            with immediate(live):
                live.execute("DELETE FROM t")
                live.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(count)])
            if count == 10:
                live.execute("VACUUM")
            content = snapshots.take(live)
            assert _rows(content, tmp_path) == count
            assert content[18:20] == b"\2\2", "in WAL mode, as the live one"
        assert len(list(scratch.iterdir())) == 1
    assert list(scratch.iterdir()) == []


def test_within_a_transaction_it_is_as_of_that(live: Connection, scratch: Path, tmp_path: Path) -> None:
    live.execute("INSERT INTO t VALUES (1)")
    with closing(connect(tmp_path / "live.db", mode="rw")) as other, Snapshots() as snapshots:
        live.execute("BEGIN")
        assert live.execute("SELECT count(*) FROM t").fetchone() == (1,)
        other.execute("INSERT INTO t VALUES (2)")
        assert _rows(snapshots.take(live), tmp_path) == 1
        live.execute("ROLLBACK")
        assert _rows(snapshots.take(live), tmp_path) == 2


def test_a_database_that_stays_locked_is_given_up_and_the_next_one_is_taken(
    live: Connection, scratch: Path, tmp_path: Path
) -> None:
    with closing(connect(tmp_path / "locked.db", mode="rwc", busy_timeout_s=0.05)) as locked, Snapshots() as snapshots:
        locked.execute("PRAGMA journal_mode = DELETE")
        locked.execute("CREATE TABLE t (a)")
        with closing(connect(tmp_path / "locked.db", mode="rw")) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                snapshots.take(locked)
            assert _rows(snapshots.take(live), tmp_path) == 0
    assert list(scratch.iterdir()) == []


def test_where_no_scratch_file_can_be_made_the_error_names_its_folder(live: Connection, scratch: Path) -> None:
    scratch.rmdir()
    with Snapshots() as snapshots, pytest.raises(StorageError, match=str(scratch)):
        snapshots.take(live)
