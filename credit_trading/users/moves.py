"""A user's file gets another name, or goes: what is done on the disk, and what the catalogue then says.

Here: the steps. Never here: who may take them when (files).
Always: the caller has the user's lock exclusively and every handle closed; each step may be repeated from wherever a crash left it.
"""

from __future__ import annotations

from pathlib import Path

from credit_trading.errors import StorageError
from credit_trading.store.files import fsync_folder, remove_database, rename_durably
from credit_trading.store.sqlite import Connection, connect, translated
from credit_trading.users import catalogue, private, quarantine
from credit_trading.users.catalogue import User
from credit_trading.users.naming import path_in


def rename(home: Path, connection: Connection, number: int) -> None:
    """To the name that the catalogue gives it, in the turn and the transaction in which the catalogue learns of it."""
    user = catalogue.by_number(connection, number)
    if user.previous_file_name is None:
        return
    old = path_in(home, user.previous_file_name)
    if old.exists():
        _empty_wal(old)
        rename_durably(old, path_in(home, user.file_name))
    else:
        fsync_folder(home)  # it has its new name, perhaps by one whose own fsync failed
    catalogue.finish_rename(connection, user.number, user.file_name)


def remove(home: Path, user: User) -> None:
    """Under whichever name it stands."""
    for name in (user.file_name, user.previous_file_name):
        if name is not None:
            remove_database(path_in(home, name))


def note_removed(connection: Connection, number: int) -> None:
    """Afterwards, in the caller's transaction: nothing speaks of the file any more."""
    catalogue.finish_deletion(connection, number)
    private.unmark(connection, number)
    quarantine.take_off(connection, number)


def _empty_wal(path: Path) -> None:
    """Carries the WAL into the file and closes it, so that the file is whole by itself."""
    with translated("users.file", path):
        connection = connect(path, mode="rw", synchronous="FULL")
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.close()
    left = Path(f"{path}-wal")
    if busy or (left.exists() and left.stat().st_size):
        raise StorageError("users.file", path, "its WAL could not be emptied", hint="Close what else has it open.")
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
