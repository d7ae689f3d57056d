"""Errors of SQLite and of the system, turned into this package's errors.

Here: what each of them means for the file, and what to do about it. Never here: errors that blame a statement (syntax,
constraints, misuse): they are bugs and stay as they are. Always: the message is one line and names the file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from credit_trading.errors import Busy, FileCorrupt, StorageError, Unwritable
from credit_trading.store.library import StrPath, sqlite3


@contextmanager
def translated(operation: str, path: StrPath) -> Iterator[None]:
    """Turn errors of SQLite and the system into this package's, naming the file and what to do.

    Errors that blame the statement (syntax, constraints, misuse) are bugs and pass through as they are.
    """
    try:
        yield
    except sqlite3.Error as error:
        told = _from_sqlite(operation, os.fspath(path), error)
        if told is None:
            raise
        raise told from error
    except UnicodeDecodeError as error:  # SQLite tells what of a schema it could not read, and that may be no text
        raise FileCorrupt(operation, os.fspath(path), "the database is damaged", hint=_RESTORE) from error
    except OSError as error:
        raise _from_system(operation, os.fspath(path), error) from error


_REPEAT = "Repeat it; if it stays so, see who holds the file."
_PERMISSIONS = "Check the permissions of the file and its folder."
_SPACE = "Free some space, then repeat."
_DISK = "Look into the system's log; check the disk."
_RESTORE = "What to do is told by: credit-trading verify."

# SQLite's code and words for it; our error and words, and what to do.
_MEANINGS: tuple[tuple[int, str, type[StorageError], str, str], ...] = (
    (3, "access permission denied", Unwritable, "permission denied", _PERMISSIONS),
    (5, "database is locked", Busy, "another connection kept the file locked", _REPEAT),
    (8, "readonly database", Unwritable, "the file cannot be written", _PERMISSIONS),
    (10, "disk i/o error", StorageError, "the disk reported an error", _DISK),
    (11, "malformed", FileCorrupt, "the database is damaged", _RESTORE),
    (13, "disk is full", Unwritable, "the disk is full", _SPACE),
    (15, "locking protocol", Busy, "others kept locking the file", _REPEAT),
    (26, "file is not a database", FileCorrupt, "this is no SQLite database", _RESTORE),
)
_READ_ONLY, _CANNOT_OPEN = 8, 14


def _from_sqlite(operation: str, name: str, error: sqlite3.Error) -> StorageError | None:
    code, text = getattr(error, "sqlite_errorcode", None), str(error).lower()
    primary = None if code is None else code & 0xFF
    if primary == _CANNOT_OPEN or (primary is None and "unable to open database file" in text):
        return _cannot_open(operation, name)
    for number, words, kind, problem, hint in _MEANINGS:
        if primary == number or (primary is None and words in text):
            which = _unwritable(name) if number == _READ_ONLY else name
            return kind(operation, which, f"{problem} ({error})", hint=hint)
    return None


def _unwritable(name: str) -> str:
    """Which of the database's files it is: those beside it keep the mode that it had when they were made."""
    effective = os.access in os.supports_effective_ids
    for path in (name, f"{name}-wal", f"{name}-shm"):
        if os.path.exists(path) and not os.access(path, os.W_OK, effective_ids=effective):
            return path
    return name


def _cannot_open(operation: str, name: str) -> StorageError:
    """SQLite does not say why. Never look by opening the file: closing it again would drop SQLite's locks on it."""
    folder = os.path.dirname(name) or "."
    try:
        _need_descriptors(3)  # for the file, its -wal and its -shm
        os.stat(folder)
    except OSError as reason:
        return _from_system(operation, name, reason)
    if os.path.isdir(name):
        return StorageError(operation, name, "this is a folder, not a file", hint="Give the path of a database file.")
    effective = os.access in os.supports_effective_ids
    if not os.path.exists(name) and os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        return StorageError(operation, name, "there is no such file", hint="Check the path.")
    return Unwritable(operation, name, "the file cannot be opened", hint=_PERMISSIONS)


def _need_descriptors(count: int) -> None:
    """Raises OSError (EMFILE, ENFILE) if this process cannot open so many files."""
    with ExitStack() as closing:
        for _ in range(count):
            closing.callback(os.close, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
_NO_FILE = {errno.ENOENT, errno.ENOTDIR}


def _from_system(operation: str, name: str, error: OSError) -> StorageError:
    problem = (error.strerror or str(error)).lower()
    if error.errno in _NO_PERMISSION:
        return Unwritable(operation, name, problem, hint=_PERMISSIONS)
    if error.errno in _NO_SPACE:
        return Unwritable(operation, name, problem, hint=_SPACE)
    if error.errno in _NO_DESCRIPTORS:
        hint = "Raise the limit of open files (ulimit -n), or lower CREDIT_TRADING_POOL_SIZE."
        return StorageError(operation, name, problem, hint=hint)
    if error.errno in _NO_FILE:
        return StorageError(operation, name, "there is no such file", hint="Check the path.")
    return StorageError(operation, name, problem, hint=_DISK)
