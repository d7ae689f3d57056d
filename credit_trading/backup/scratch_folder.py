"""Folders that a process fills, and that the next one removes if it is killed meanwhile.

Here: making and locking such a folder, and removing those of the dead. Never here: what is put into them.
Always: a folder is somebody's exactly while its lock is held; only this user's folders are removed, wherever they lie.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from credit_trading.errors import StorageError
from credit_trading.store.files import STALE_AFTER_S, discard_folder, make_private_folder
from credit_trading.store.locks import BACKUP, LockFile

_LOCK = "exchange.lock"


@contextmanager
def begun(parent: Path, prefix: str, *, operation: str) -> Iterator[Path]:
    """An empty folder in `parent`, for a name of its own; it is gone if the block raises, and so are those that dead processes have left.

    Raises StorageError.
    """
    folder = parent / f"{prefix}{secrets.token_hex(4)}"
    make_private_folder(folder)
    with (
        closing(LockFile.open(folder / _LOCK)) as lock_file,
        lock_file.hold(BACKUP, timeout_s=0, operation=operation),
    ):
        _sweep(parent, prefix)
        try:
            yield folder
        except BaseException:
            discard_folder(folder)
            raise


@contextmanager
def thrown_away(prefix: str, *, operation: str) -> Iterator[Path]:
    """The same in the system's folder for such things, and gone at the end in any case."""
    with begun(Path(tempfile.gettempdir()), prefix, operation=operation) as folder:
        try:
            yield folder
        finally:
            discard_folder(folder)


def _sweep(parent: Path, prefix: str) -> None:
    for folder in [entry for entry in parent.iterdir() if entry.name.startswith(prefix)]:
        with suppress(StorageError, OSError):
            if _is_own(folder):
                _remove_if_dead(folder)


def _is_own(folder: Path) -> bool:
    """Where everybody may write, somebody else could have us delete what is ours."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _remove_if_dead(folder: Path) -> None:
    if not any(folder.iterdir()) and time.time() - folder.stat().st_mtime < STALE_AFTER_S:
        return  # its owner is about to lock it
    with closing(LockFile.open(folder / _LOCK)) as lock_file:
        if lock_file.try_acquire(BACKUP):
            discard_folder(folder)
            lock_file.release(BACKUP)
