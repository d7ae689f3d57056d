"""Durable file operations: after they return, a power cut changes nothing any more.

Here: writing, publishing, renaming and deleting whole files, and making folders. Never here: a SQLite file that anybody
has open; such a file is never renamed over, nor read as bytes (closing the descriptor drops SQLite's locks on it).
Always: a file appears under its name complete or not at all; a name that begins with `.writing-` is unfinished.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from credit_trading.errors import AlreadyExists
from credit_trading.store.sqlite import StrPath, translated


def write_durably(path: StrPath, data: bytes) -> None:
    """Write the file, mode 0600, replacing one of that name in a single step. Raises Unwritable, StorageError."""
    with translated("files.write", path), _written_beside(path, data) as temporary:
        os.replace(temporary, path)
        fsync_folder(Path(path).parent)


def publish_new(path: StrPath, data: bytes) -> None:
    """Write a file that does not exist yet, mode 0600. Atomic even against other processes: it is linked into place.

    Raises AlreadyExists (that file is not touched), Unwritable, StorageError.
    """
    with translated("files.publish", path), _written_beside(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError as error:
            raise _taken("files.publish", path) from error
        os.unlink(temporary)
        fsync_folder(Path(path).parent)


def rename_durably(source: StrPath, destination: StrPath) -> None:
    """Give a closed file another name, in the same file system. The caller holds the lock that guards both names.

    Raises AlreadyExists if the new name is taken, Unwritable, StorageError.
    """
    with translated("files.rename", source):
        if os.path.lexists(destination):
            raise _taken("files.rename", destination)
        os.rename(source, destination)
        fsync_folder(Path(destination).parent)
        if Path(source).parent != Path(destination).parent:
            fsync_folder(Path(source).parent)


def remove_database(path: StrPath) -> None:
    """Delete a closed database with its `-wal` and `-shm`; what is gone already is fine, so that it can be repeated.

    The WAL goes first: left alone, it would be replayed into the next database of that name and corrupt it.
    """
    name = os.fspath(path)
    with translated("files.remove", path):
        for suffix in ("-wal", "-shm"):
            Path(name + suffix).unlink(missing_ok=True)
        fsync_folder(Path(name).parent)
        Path(name).unlink(missing_ok=True)
        fsync_folder(Path(name).parent)


def make_private_folder(path: StrPath) -> None:
    """Make the folder, for its owner only (0700), and the missing ones above it with the usual mode.

    A folder that exists stays as it is. Raises Unwritable, StorageError.
    """
    folder = Path(path)
    with translated("files.make_folder", path):
        for missing in reversed([parent for parent in folder.parents if not parent.exists()]):
            _make_folder(missing, 0o777)
        _make_folder(folder, 0o700)


def fsync_folder(path: StrPath) -> None:
    """Make the names in a folder durable."""
    with translated("files.sync", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _make_folder(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        fsync_folder(folder.parent)


@contextmanager
def _written_beside(path: StrPath, data: bytes) -> Iterator[str]:
    """A durable file under a temporary name in the same folder; removed at the end if it is still there."""
    descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=Path(path).parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _taken(operation: str, path: StrPath) -> AlreadyExists:
    return AlreadyExists(
        operation, path, "a file of this name exists", hint="Choose another name, or move that file away."
    )
