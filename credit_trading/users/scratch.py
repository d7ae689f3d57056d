"""A user's file made anew beside the live one, and how it takes that one's place.

Here: the scratch file, writing it into the live one, and copies under a name that is free. Never here: what fills it (projector).
Always: a live file is written into, in one transaction, and never renamed over; whoever reads it sees all of the old or all of the new.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from credit_trading.errors import StorageError
from credit_trading.store.files import UNFINISHED, discard_database, rename_durably, temporary_database
from credit_trading.store.sqlite import Connection, connect, sqlite3, translated
from credit_trading.users.tables.schema import template

_BUSY_OR_LOCKED = (5, 6)
"""SQLite's codes."""


@contextmanager
def scratch_file() -> Iterator[Connection]:
    """An empty user file that is thrown away. Raises StorageError."""
    with temporary_database("scratch.db") as path:
        with translated("users.scratch", path):
            path.write_bytes(template())
        with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
            with translated("users.scratch", path):
                connection.execute("PRAGMA synchronous = OFF")  # nothing of it has to survive
            yield connection


def write_into(live: Connection, scratch: Connection) -> None:
    """Replaces all that is in the live file; the caller keeps others from doing so too. Readers keep what they have begun to read.

    A crash leaves the old content. Raises sqlite3.OperationalError once the connection has waited for another writer as long as it may.
    """
    scratch.backup(live, progress=_give_up_if_locked)


def publish_copy(source: Connection, path: Path) -> None:
    """A copy of an open database as of one moment, under a name that is free: whole and durable, or not there.

    Whoever has the source open may go on using it. Raises AlreadyExists, StorageError.
    """
    unfinished = path.parent / f"{UNFINISHED}{secrets.token_hex(8)}"
    try:
        _copy(source, unfinished)
        rename_durably(unfinished, path)
    except BaseException:
        discard_database(unfinished)
        raise


def _copy(source: Connection, destination: Path) -> None:
    copy = connect(destination, mode="rwc", synchronous="FULL")
    try:
        write_into(copy, source)
        with translated("users.copy", destination):
            busy, _, _ = copy.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        copy.close()
    left = Path(f"{destination}-wal")
    if busy or (left.exists() and left.stat().st_size):
        raise StorageError("users.copy", destination, "its WAL could not be emptied", hint="Repeat it.")


def _give_up_if_locked(status: int, _: int, __: int) -> None:
    """Left to itself, `backup` would try again for ever."""
    if status in _BUSY_OR_LOCKED:
        raise sqlite3.OperationalError("database is locked")
