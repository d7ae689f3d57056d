"""A handle on a user's file: opened only if the file is one of ours, and the user's lock with it.

Here: opening, and what an error on such a handle means. Never here: which file, and who may move it (files).
Always: the lock is given back when the handle is closed, or was collected unclosed.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from credit_trading.errors import FileCorrupt, VersionUnsupported
from credit_trading.store.locks import LockFile
from credit_trading.store.sqlite import Connection, TrackedConnection, connect, file_id, sqlite3, translated
from credit_trading.users.tables.schema import APPLICATION_ID, SCHEMA_VERSION

DAMAGED = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file may raise: what SQLite says of it may itself be no text."""


class UserConnection(TrackedConnection):
    """A handle on a user's file; holds the user's lock, shared, until it is closed (or was collected unclosed)."""

    file_id: tuple[int, int]
    path: Path
    lock: weakref.finalize[[tuple[LockFile, int]], UserConnection]

    lock_wait_ms: int | None = None

    def wait_for_locks(self, longest_ms: int) -> None:
        """How long a statement waits while another program has the file locked."""
        if longest_ms != self.lock_wait_ms:
            self.execute(f"PRAGMA busy_timeout = {longest_ms}")
            self.lock_wait_ms = longest_ms

    def close(self) -> None:
        super().close()
        held = self.lock.detach() if hasattr(self, "lock") else None
        if held is not None:
            lock_file, slot = held[2][0]
            lock_file.release(slot, shared=True)


def open_handle(
    path: Path, mode: Literal["rw", "ro"], lock_file: LockFile, slot: int, dropped: deque[tuple[LockFile, int]]
) -> Connection:
    """`dropped` gets the lock of a handle that is collected without being closed."""
    with as_user_file(path):
        connection = connect(path, mode=mode, synchronous="NORMAL", factory=UserConnection)
    try:
        assert isinstance(connection, UserConnection)
        with as_user_file(path):
            check_format(connection, path)
            if mode == "rw":
                _use_wal(connection)
        connection.path = path
        found = file_id(path)
        assert found is not None, f"{path} vanished while its lock was held"
        connection.file_id = found
        connection.lock = weakref.finalize(connection, dropped.append, (lock_file, slot))
        connection.lock.atexit = False
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: Connection) -> None:
    """A plain copy that somebody has put in the file's place is in another mode, in which readers and writers would wait for each other."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")


def check_format(connection: Connection, path: Path) -> None:
    """Raises FileCorrupt for a database that is no user's file, VersionUnsupported for one of a newer version."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise FileCorrupt(
            "users.file",
            path,
            "a database, but not a user's trading file",
            hint="Move it away; the user's file is rebuilt from the journal when next opened.",
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise VersionUnsupported(
            "users.file", path, f"schema {version} is newer than {SCHEMA_VERSION}", hint="Use a newer credit_trading."
        )


@contextmanager
def as_user_file(path: Path) -> Iterator[None]:
    """Our statements are right: what they fail on is a file whose tables are not as they should be."""
    try:
        with translated("users.file", path):
            yield
    except DAMAGED as error:
        raise FileCorrupt(
            "users.file",
            path,
            f"its tables are not as they should be ({error})",
            hint="Move it away; it is rebuilt from the journal when next opened.",
        ) from error
