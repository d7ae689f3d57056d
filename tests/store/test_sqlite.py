"""The one door to SQLite: opening, transactions, errors, forks."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
import sqlite_utils.utils

from credit_trading.errors import Busy, FileCorrupt, InvalidInput, StorageError, TradingError, Unwritable
from credit_trading.store.sqlite import (
    SQLITE_VERSION,
    Connection,
    TrackedConnection,
    abandon,
    connect,
    has_wal_reset_bug,
    immediate,
    sqlite3,
    translated,
)
from reliability.scarcity import few_descriptors

InFork = Callable[[Callable[[], object]], str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database in WAL mode with one empty table, closed."""
    path = tmp_path / "a.db"
    connection = connect(path, mode="rwc")
    connection.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    connection.close()
    return path


def _numbers(connection: Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT x FROM t ORDER BY x")]


def _pragma(connection: Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_library_is_the_one_that_sqlite_utils_uses() -> None:
    """Two libraries on one file in one process would drop each other's locks."""
    assert sqlite3 is getattr(sqlite_utils.utils, "sqlite3")  # noqa: B009 - it is not declared as exported
    assert ".".join(map(str, SQLITE_VERSION)) == sqlite3.sqlite_version


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 44, 9), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_versions_with_the_wal_reset_bug_are_known(version: tuple[int, ...], affected: bool) -> None:
    """https://sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, with two patched lines."""
    assert has_wal_reset_bug(version) is affected


def test_a_created_file_is_private_and_in_wal_mode(path: Path) -> None:
    """Nobody else on the machine reads a user's file, its -wal or its -shm."""
    connection = connect(path.with_name("new.db"), mode="rwc")
    connection.execute("CREATE TABLE t (x)")
    for suffix in ("", "-wal", "-shm"):
        assert os.stat(f"{path.with_name('new.db')}{suffix}").st_mode & 0o777 == 0o600
    assert _pragma(connection, "journal_mode") == "wal"
    connection.close()


def test_an_existing_file_keeps_its_mode(path: Path) -> None:
    """An operator who opened a file to a group meant it."""
    path.chmod(0o640)
    connect(path, mode="rwc").close()
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_connection_is_as_durable_as_asked_and_in_autocommit(
    path: Path, synchronous: Literal["FULL", "NORMAL"]
) -> None:
    """SQLite's numbers: NORMAL is 1, FULL is 2."""
    connection = connect(path, mode="rw", synchronous=synchronous, busy_timeout_s=1.5)
    assert _pragma(connection, "synchronous") == {"NORMAL": 1, "FULL": 2}[synchronous]
    assert _pragma(connection, "busy_timeout") == 1500
    assert connection.isolation_level is None
    connection.execute("INSERT INTO t VALUES (1)")
    assert not connection.in_transaction
    connection.close()


@pytest.mark.parametrize(
    "name",
    ["plain.db", "two words.db", "a?mode=memory", "a#b", "100%", "%41", "a&b=c", "ümläut+ñ", 'quo"te', "it's", "a;b"],
)
def test_any_file_name_opens_that_file_and_no_other(tmp_path: Path, name: str) -> None:
    """The name goes through a URI, where ?, # and % have a meaning of their own."""
    connect(tmp_path / name, mode="rwc").close()
    assert os.listdir(tmp_path) == [name]
    connect(tmp_path / name, mode="rw").close()


def test_relative_paths_and_paths_with_two_leading_slashes_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a URI, what follows two slashes is a host unless the path is written with care."""
    monkeypatch.chdir(path.parent)
    for name in ("a.db", "./a.db", f"../{path.parent.name}/a.db", f"/{path}"):
        connection = connect(name, mode="ro")
        assert _numbers(connection) == []
        connection.close()


def test_a_path_with_a_nul_is_refused(tmp_path: Path) -> None:
    """SQLite would cut the name there and open another file."""
    with pytest.raises(InvalidInput):
        connect(f"{tmp_path}/a\0b", mode="rwc")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mode", ["rw", "ro"])
def test_opening_a_missing_file_creates_nothing(tmp_path: Path, mode: Literal["rw", "ro"]) -> None:
    """Only creation creates: a mistyped path must not found a database."""
    with pytest.raises(StorageError, match="no such file") as caught:
        connect(tmp_path / "missing.db", mode=mode)
    assert str(tmp_path / "missing.db") in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_creating_in_a_missing_folder_says_so(tmp_path: Path) -> None:
    """SQLite only says that it cannot open the file."""
    with pytest.raises(StorageError, match="no such file"):
        connect(tmp_path / "missing" / "a.db", mode="rwc")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """SQLite only says that it cannot open the file."""
    with pytest.raises(StorageError, match="this is a folder"):
        connect(tmp_path, mode="rw")


def test_a_read_only_connection_refuses_to_write(path: Path) -> None:
    """By the file's mode, and by the connection's own switch."""
    connection = connect(path, mode="ro")
    assert _pragma(connection, "query_only") == 1
    with pytest.raises(Unwritable), translated("test.write", path):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("PRAGMA query_only = 0")
    with pytest.raises(Unwritable), translated("test.write", path):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


def test_a_file_that_is_no_database_is_told_at_opening(tmp_path: Path) -> None:
    """Its first bytes say it."""
    (tmp_path / "letter.txt").write_bytes(b"Dear Sir or Madam, " * 500)
    with pytest.raises(FileCorrupt, match=r"letter\.txt"):
        connect(tmp_path / "letter.txt", mode="rw")


def test_a_damaged_database_is_told_when_it_is_read(path: Path) -> None:
    """Its first page is fine, the table's page is not."""
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)
    connection = connect(path, mode="rw")
    with pytest.raises(FileCorrupt), translated("test.read", path):
        _numbers(connection)
    connection.close()


def test_a_lock_held_by_another_connection_is_busy_after_the_timeout(path: Path) -> None:
    """Busy, not a bare OperationalError."""
    first, second = connect(path, mode="rw"), connect(path, mode="rw", busy_timeout_s=0.01)
    with immediate(first), pytest.raises(Busy), translated("test.write", path), immediate(second):
        pass
    first.close()
    second.close()


def test_a_folder_that_cannot_be_written_is_unwritable(read_only_folder: Path) -> None:
    """Creating, and opening a file of somebody else's for writing."""
    with pytest.raises(Unwritable):
        connect(read_only_folder / "new.db", mode="rwc")
    connection = connect(read_only_folder / "there", mode="rw")
    with pytest.raises(Unwritable), translated("test.write", read_only_folder):
        connection.execute("CREATE TABLE t (x)")
    connection.close()


def _read(path: Path) -> None:
    with closing(connect(path, mode="rw")) as connection, translated("test.read", path):
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


@pytest.mark.parametrize("left", [0, 1, 2])
def test_running_out_of_descriptors_is_told_as_such(path: Path, left: int) -> None:
    """SQLite only says that it cannot open the file, its -wal or its -shm; the operator needs to hear of the limit."""
    with few_descriptors(left), pytest.raises(StorageError, match=r"too many open files.*ulimit"):
        _read(path)
    with few_descriptors(3):
        _read(path)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite3.DatabaseError("file is not a database"), FileCorrupt),
        (sqlite3.DatabaseError("database disk image is malformed"), FileCorrupt),
        (sqlite3.OperationalError("attempt to write a readonly database"), Unwritable),
        (sqlite3.OperationalError("database or disk is full"), Unwritable),
        (sqlite3.OperationalError("disk I/O error"), StorageError),
        (sqlite3.OperationalError("database is locked"), Busy),
        (sqlite3.OperationalError("locking protocol"), Busy),
        (sqlite3.OperationalError("unable to open database file"), StorageError),
        (OSError(errno.ENOSPC, "No space left on device"), Unwritable),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Unwritable),
        (OSError(errno.EROFS, "Read-only file system"), Unwritable),
        (OSError(errno.EACCES, "Permission denied"), Unwritable),
        (OSError(errno.EPERM, "Operation not permitted"), Unwritable),
        (OSError(errno.EMFILE, "Too many open files"), StorageError),
        (OSError(errno.ENOENT, "No such file or directory"), StorageError),
        (OSError(errno.EIO, "Input/output error"), StorageError),
        (OSError("of another kind"), StorageError),
    ],
)
def test_each_failure_has_one_error_that_says_what_to_do(
    tmp_path: Path, error: Exception, expected: type[StorageError]
) -> None:
    """One line with the file's name and a hint; the original stays as the cause."""
    with pytest.raises(StorageError) as caught, translated("test.do", tmp_path / "missing.db"):
        raise error
    assert type(caught.value) is expected
    assert caught.value.hint
    assert caught.value.__cause__ is error
    assert str(caught.value).startswith(f'test.do "{tmp_path / "missing.db"}": ')
    assert "\n" not in str(caught.value)


def test_a_file_that_exists_and_cannot_be_opened_is_unwritable(path: Path) -> None:
    """Nothing but its permissions is left to blame."""
    with pytest.raises(Unwritable), translated("test.open", path):
        raise sqlite3.OperationalError("unable to open database file")


def test_the_error_code_counts_more_than_the_words(path: Path) -> None:
    """A trigger's own words must not make a healthy file corrupt. Of an extended code the first byte counts."""
    trigger = sqlite3.IntegrityError("the malformed order")
    trigger.sqlite_errorcode = 19
    with pytest.raises(sqlite3.IntegrityError), translated("test.write", path):
        raise trigger
    sync_failed = sqlite3.OperationalError("disk I/O error")
    sync_failed.sqlite_errorcode = 10 | 4 << 8
    with pytest.raises(StorageError, match="the disk reported an error"), translated("test.write", path):
        raise sync_failed


def test_bugs_are_not_disguised_as_trouble_with_the_file(path: Path) -> None:
    """Wrong SQL, a violated constraint, misuse and this package's own errors pass as they are."""
    connection = connect(path, mode="rw")
    connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.OperationalError, match="syntax error"), translated("test.write", path):
        connection.execute("INSERT IN t")
    with pytest.raises(sqlite3.IntegrityError), translated("test.write", path):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError), translated("test.write", path):
        connection.execute("SELECT 1")
    busy = Busy("test.write", path, "held")
    with pytest.raises(TradingError) as caught, translated("test.other", path):
        raise busy
    assert caught.value is busy


def test_an_immediate_transaction_is_committed_whole(path: Path) -> None:
    """It holds the write lock from the start, and other connections see all of it or nothing."""
    writer, reader = connect(path, mode="rw"), connect(path, mode="rw", busy_timeout_s=0)
    with immediate(writer) as connection:
        assert connection is writer
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            reader.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (1)")
        assert _numbers(reader) == []
    assert _numbers(reader) == [1]
    writer.close()
    reader.close()


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_immediate_transaction_is_rolled_back_on_any_exception(
    path: Path, interruption: type[BaseException]
) -> None:
    """Ctrl-C included; the exception goes on, and the connection is ready for the next transaction."""
    connection = connect(path, mode="rw")

    def interrupted() -> None:
        with immediate(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            raise interruption

    with pytest.raises(interruption):
        interrupted()
    assert not connection.in_transaction
    with immediate(connection):
        connection.execute("INSERT INTO t VALUES (2)")
    assert _numbers(connection) == [2]
    connection.close()


def test_a_transaction_that_ended_itself_tells_its_own_error(path: Path) -> None:
    """INSERT OR ROLLBACK has rolled back already; a second ROLLBACK would hide why."""
    connection = connect(path, mode="rw")
    twice = "INSERT OR ROLLBACK INTO t VALUES (1), (1)"
    with pytest.raises(sqlite3.IntegrityError), immediate(connection):
        connection.execute(twice)
    assert _numbers(connection) == []
    connection.close()


def test_another_connection_class_can_be_used(path: Path) -> None:
    """A subclass of one's own, found again after a fork like the usual one."""

    class Mine(TrackedConnection):
        pass

    connection = connect(path, mode="rw", factory=Mine)
    assert isinstance(connection, Mine)
    connection.close()


def test_an_abandoned_connection_is_never_closed(path: Path) -> None:
    """Not even when the last reference to it is gone."""
    kept, lost = connect(path, mode="rw"), connect(path, mode="rw")
    kept_reference, lost_reference = weakref.ref(kept), weakref.ref(lost)
    abandon(kept)
    lost.close()
    del kept, lost
    gc.collect()
    assert lost_reference() is None
    survivor = kept_reference()
    assert survivor is not None
    survivor.close()


def test_a_forked_child_neither_closes_nor_reopens_what_its_parent_has_open(path: Path, in_fork: InFork) -> None:
    """It inherits SQLite's memory of locks without the locks: what it commits could be lost."""
    connections = [connect(path, mode="rw")]
    reference = weakref.ref(connections[0])

    def child() -> str:
        connections.clear()
        gc.collect()
        assert reference() is not None, "the child has closed its parent's connection"
        with pytest.raises(StorageError, match="forked"):
            connect(path, mode="rw")
        return "refused"

    assert in_fork(child) == "refused"
    assert _numbers(connections[0]) == []
    connections[0].close()


def test_a_forked_child_may_open_what_was_closed_before_the_fork(path: Path, in_fork: InFork) -> None:
    """Its connection then has locks of its own: others cannot take the WAL away from it."""
    connect(path, mode="rw").close()

    def child() -> str:
        mine = connect(path, mode="rw")
        mine.execute("INSERT INTO t VALUES (1)")
        other = (
            f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('SELECT * FROM t').fetchall(); c.close()"
        )
        subprocess.run([sys.executable, "-c", other], check=True)
        assert os.path.exists(f"{path}-wal"), "another process took the child's WAL away"
        mine.execute("INSERT INTO t VALUES (2)")
        mine.close()
        return "committed"

    assert in_fork(child) == "committed"
    connection = connect(path, mode="rw")
    assert _numbers(connection) == [1, 2]
    connection.close()
