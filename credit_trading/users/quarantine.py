"""Users' files that are not used any more until somebody has looked at them: which, since when, and why.

Here: the list in exchange.db, shared by all processes, and which errors put a file on it. Never here: finding out that a file is wrong,
or repairing it (repair).
Always: only what the file itself is goes on the list, never passing trouble (a lock, a full or failing disk, permissions), nor a file
that is ahead of the journal: then exchange.db may be the wrong one, and every file would look so.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from credit_trading.clock import format_time
from credit_trading.errors import FileAhead, FileCorrupt, FileForeign, FileQuarantined, TradingError
from credit_trading.store.sqlite import Connection, sqlite3

SCHEMA = """
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    code TEXT NOT NULL,
    problem TEXT NOT NULL
) STRICT;
"""

_OUR_FAULT = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.NotSupportedError)
"""A closed connection, a wrong number of parameters: says nothing about the file."""


@attrs.frozen
class QuarantinedFile:
    """A row of the list, for people: `problem` is what was found, `code` that of its error."""

    user_id: str
    path: Path
    since_us: int
    code: str
    problem: str

    @property
    def since(self) -> str:
        return format_time(self.since_us)


@attrs.frozen
class Listed:
    """A row of the list. `code` is that of the error by which the file was found."""

    number: int
    since_us: int
    code: str
    problem: str

    def error(self, user_id: str, path: Path) -> FileQuarantined:
        return FileQuarantined(
            "users.file",
            path,
            f"in quarantine since {format_time(self.since_us)}: {self.problem}",
            hint=ways_out(user_id),
        )


def ways_out(user_id: str) -> str:
    """What can be done about a file in quarantine."""
    return (
        f"Make it anew from the journal: credit-trading rebuild {user_id};"
        f" or repair it, then: credit-trading quarantine release {user_id}."
    )


def condemns(error: TradingError, number: int, path: Path) -> bool:
    """Whether the error says that this very file is not to be used, the one of that user."""
    if not isinstance(error, FileCorrupt | FileForeign) or isinstance(error, FileAhead):
        return False
    return error.subject in (str(path), f"user #{number}") and not isinstance(error.__cause__, _OUR_FAULT)


def put(connection: Connection, number: int, error: TradingError, *, since_us: int) -> bool:
    """In the caller's transaction; a file that is on the list keeps its place. Whether it was not on it."""
    added = connection.execute(
        "INSERT INTO quarantine (number, since, code, problem) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (number, since_us, error.code, error.problem),
    )
    return added.rowcount == 1


def take_off(connection: Connection, number: int) -> None:
    """In the caller's transaction."""
    connection.execute("DELETE FROM quarantine WHERE number = ?", (number,))


def find(connection: Connection, number: int) -> Listed | None:
    row = connection.execute(
        "SELECT number, since, code, problem FROM quarantine WHERE number = ?", (number,)
    ).fetchone()
    return Listed(*row) if row else None


def list_all(connection: Connection) -> list[Listed]:
    """By the users' numbers."""
    return [
        Listed(*row)
        for row in connection.execute("SELECT number, since, code, problem FROM quarantine ORDER BY number")
    ]
