"""What an operator does to users' files by hand, while the exchange has them open.

Here: keeping copies, putting one back, and making a file look old. Never here: files renamed, or read as bytes; that nobody may do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from credit_trading.store.sqlite import Connection, connect, sqlite3
from credit_trading.users import scratch


class Hand:
    """`copies` by user, in memory: the first that was made of each."""

    def __init__(self) -> None:
        self.copies: dict[str, Connection] = {}

    def keep_copy(self, user: str, database: Connection) -> None:
        if user not in self.copies:
            self.copies[user] = sqlite3.connect(":memory:")
            database.backup(self.copies[user])

    def restore(self, user: str, path: Path, *, meanwhile: Callable[[], object]) -> None:
        """Writes the copy into the live file, whose WAL then holds only what happened `meanwhile`."""
        with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            meanwhile()
            scratch.write_into(connection, self.copies[user])

    def age(self, path: Path) -> None:
        """As if an older version had written its rows."""
        with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
            connection.execute("UPDATE metadata SET projection_version = 1")
