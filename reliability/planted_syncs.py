"""Bugs in what is synced and in which order, each to be planted for a while; as long as there is power they do no harm.

Here: one context manager for each, as in `planted`. Never here: how they are found (cuts).
Always: after the `with` everything is as it was.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from credit_trading.journal import log
from credit_trading.store import files
from credit_trading.store.sqlite import Connection, StrPath, connect, immediate
from credit_trading.users import moves, private_writer


@contextmanager
def journal_not_synced() -> Iterator[None]:
    """The journal is on synchronous=OFF: a COMMIT does not wait for the disk."""

    def careless(path: StrPath, **how: Any) -> Connection:
        connection = connect(path, **how)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    with patch.object(log, "connect", careless):
        yield


@contextmanager
def private_facts_not_synced() -> Iterator[None]:
    """A private fact is committed like what the journal can replay, on synchronous=NORMAL."""

    @contextmanager
    def careless(connection: Connection) -> Iterator[Connection]:
        connection.execute("PRAGMA synchronous = NORMAL")
        with immediate(connection):
            yield connection

    with patch.object(private_writer, "immediate", careless):
        yield


@contextmanager
def new_files_not_synced() -> Iterator[None]:
    """A new file gets its name before its content is on the disk."""

    class OnlyFolders:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def fsync(self, descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                os.fsync(descriptor)

    with patch.object(files, "os", OnlyFolders()):
        yield


@contextmanager
def folders_not_synced() -> Iterator[None]:
    """New, other and deleted names may be lost, though the catalogue counts on them."""
    with patch.object(files, "fsync_folder", lambda _: None):
        yield


@contextmanager
def renamed_before_its_wal_is_gone() -> Iterator[None]:
    """The -wal that was deleted comes back under the old name, and waits there for the next file of that name."""

    def rename(source: Path, destination: Path) -> None:
        os.rename(source, destination)
        files.fsync_folder(destination.parent)

    with patch.object(files, "rename_durably", rename), patch.object(moves, "rename_durably", rename):
        yield


@contextmanager
def deleted_before_its_wal() -> Iterator[None]:
    """A database goes first, then its -wal: a cut in between leaves that one to the next database of the name."""

    def remove(path: StrPath) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
            files.fsync_folder(Path(path).parent)

    with patch.object(files, "remove_database", remove), patch.object(moves, "remove_database", remove):
        yield
