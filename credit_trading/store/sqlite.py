"""The one door to SQLite.

Here: how a connection is opened, how a transaction begins and ends, and what a forked process may do; what other rooms
need of `library` and `faults` is handed on. Never here: SQL of any table. Always: every connection is in autocommit
with explicit transactions, and no file is in use on both sides of a fork.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TypeAlias
from urllib.parse import quote
from weakref import WeakKeyDictionary

from credit_trading.errors import InvalidInput, StorageError
from credit_trading.store.faults import translated
from credit_trading.store.library import SQLITE_VERSION, Connection, StrPath, has_wal_reset_bug, sqlite3

__all__ = [
    "SQLITE_VERSION",
    "Connection",
    "StrPath",
    "TrackedConnection",
    "abandon",
    "connect",
    "file_id",
    "has_wal_reset_bug",
    "immediate",
    "sqlite3",
    "translated",
]


class TrackedConnection(sqlite3.Connection):
    """A connection that the door can find again when the process forks (C's own class takes no weak references)."""

    def close(self) -> None:
        super().close()
        _opened.pop(self, None)


_FileId: TypeAlias = tuple[int, int]
_opened: WeakKeyDictionary[Connection, _FileId] = WeakKeyDictionary()
_open_when_forked: set[_FileId] = set()


def connect(
    path: StrPath,
    *,
    mode: Literal["rw", "ro", "rwc"],
    synchronous: Literal["FULL", "NORMAL"] = "FULL",
    busy_timeout_s: float = 5.0,
    factory: type[Connection] = TrackedConnection,
) -> Connection:
    """Open the file: `rw` and `ro` only if it exists; `rwc` creates it (mode 0600) and puts it in WAL mode.

    Autocommit, usable from any thread but from one at a time. `factory` is any Python subclass of `sqlite3.Connection`.
    The last `ro` connection to close leaves `-wal` and `-shm` behind; the next `rw` one tidies up.

    Raises FileCorrupt, Unwritable, Busy; StorageError also if this process was forked while the file was open.
    """
    name = os.fspath(path)
    uri = _uri(name, mode)
    with translated("storage.open", name):
        if mode == "rwc" and not os.path.exists(name):  # private from its first moment on, whenever the process ends
            os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        _refuse_if_inherited(name, os.stat(name))
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=factory,
        )
        try:
            status = os.stat(name)
            _opened[connection] = (status.st_dev, status.st_ino)
            _configure(connection, name, mode, synchronous)
        except BaseException:
            connection.close()
            raise
    return connection


def file_id(path: StrPath) -> _FileId | None:
    """What tells two files of one name apart; None for one that is not there."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _uri(name: str, mode: str) -> str:
    if "\0" in name:
        raise InvalidInput(
            "storage.open", name.replace("\0", "\\0"), "a path cannot hold a NUL", hint="Give another path."
        )
    return f"file:{'//' if os.path.isabs(name) else ''}{quote(os.fsencode(name))}?mode={mode}"


def _configure(connection: Connection, name: str, mode: str, synchronous: str) -> None:
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    if mode == "ro":
        connection.execute("PRAGMA query_only = 1")
    elif mode == "rwc":
        (answer,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if answer != "wal":
            raise StorageError(
                "storage.open",
                name,
                f"WAL mode was refused (it stays in {answer!r})",
                hint="Use a folder on a local disk.",
            )


@contextmanager
def immediate(connection: Connection) -> Iterator[Connection]:
    """One write transaction: BEGIN IMMEDIATE, then COMMIT; ROLLBACK on any exception, which is raised again.

    If COMMIT itself raises, its outcome is not known: see "A COMMIT that raises is undecided" in the architecture.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell; closing the connection rolls back too
                connection.execute("ROLLBACK")
        raise


# Forks. SQLite remembers in C, per process and file, which POSIX locks it holds. A forked child inherits that memory
# but not the locks. If it closes an inherited connection, it works on shared memory and a WAL that are its parent's. If
# it opens the file anew, SQLite believes that it has the locks and takes none: the next process to close the file
# deletes the WAL under it, and what the child commits is lost although COMMIT succeeded. So an inherited connection is
# leaked, and a file that was open at the fork is refused in the child. Whoever wants to fork closes first:
# os.register_at_fork(before=...).


def abandon(connection: Connection) -> None:
    """In a forked child: leak an inherited connection, so that nothing ever closes it, not even the interpreter's end.

    Closing it, explicitly or by losing the last reference, would run SQLite's end-of-connection work on the parent's
    files. The door does this by itself for every connection it has opened; doing it twice does no harm.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _abandon_inherited() -> None:
    for connection, file_id in list(
        _opened.items()
    ):  # ask SQLite nothing: a thread that is not here may have its mutex
        abandon(connection)
        _open_when_forked.add(file_id)
    _opened.clear()


os.register_at_fork(after_in_child=_abandon_inherited)


def _refuse_if_inherited(name: str, status: os.stat_result) -> None:
    if (status.st_dev, status.st_ino) in _open_when_forked:
        raise StorageError(
            "storage.open",
            name,
            "this process was forked while its parent had the file open, and cannot use it safely",
            hint="Open the exchange after forking, close it before, or start the worker as a new process.",
        )
