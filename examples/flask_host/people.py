"""Who may sign in: the host's own database, which the exchange knows nothing of.

Always: a person's number is given out once, for it is their id in the exchange.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
from werkzeug.security import check_password_hash, generate_password_hash

_TABLE = """CREATE TABLE IF NOT EXISTS people (
    number INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, password TEXT NOT NULL, is_operator INTEGER NOT NULL DEFAULT 0
)"""


@attrs.frozen
class Person:
    user_id: str
    email: str
    is_operator: bool


class People:
    def __init__(self, path: Path, *, password_method: str) -> None:
        self._path = path
        self._password_method = password_method
        with self._connection() as connection:
            connection.execute(_TABLE)

    def add(self, email: str, password: str) -> Person | None:
        """None if somebody has that address."""
        row = (email, generate_password_hash(password, self._password_method))
        try:
            with self._connection() as connection:
                added = connection.execute("INSERT INTO people (email, password) VALUES (?, ?)", row)
        except sqlite3.IntegrityError:
            return None
        return Person(str(added.lastrowid), email, is_operator=False)

    def remove(self, person: Person) -> None:
        with self._connection() as connection:
            connection.execute("DELETE FROM people WHERE number = ?", (person.user_id,))

    def with_password(self, email: str, password: str) -> Person | None:
        """None if there is nobody with that address, or the password is not theirs."""
        with self._connection() as connection:
            row = connection.execute("SELECT number, password FROM people WHERE email = ?", (email,)).fetchone()
        return self.by_id(str(row[0])) if row and check_password_hash(row[1], password) else None

    def by_id(self, user_id: str) -> Person | None:
        with self._connection() as connection:
            sql = "SELECT email, is_operator FROM people WHERE number = ?"
            row = connection.execute(sql, (user_id,)).fetchone()
        return Person(user_id, row[0], bool(row[1])) if row else None

    def make_operator(self, email: str) -> bool:
        """Whether there is somebody with that address."""
        with self._connection() as connection:
            changed = connection.execute("UPDATE people SET is_operator = 1 WHERE email = ?", (email,))
            return changed.rowcount == 1

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on a connection of its own."""
        with closing(sqlite3.connect(self._path)) as connection, connection:
            yield connection
