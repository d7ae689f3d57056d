"""Who acted, from where, and what they remarked: the personal part of a command.

Stands in a mutable table beside the journal and is committed with it, so that a person can be erased while the chain still verifies.
The row's salted digest in the journal tells whether what stands here is what was written.
A user who acts for themselves and says nothing more leaves no note.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

import attrs
import msgspec

from credit_trading.store.sqlite import Connection

SCHEMA = """
CREATE TABLE command_notes (
    sequence INTEGER PRIMARY KEY,
    actor TEXT NOT NULL,
    origin TEXT,
    correlation_id TEXT,
    note TEXT,
    salt BLOB,
    counterparty TEXT
) STRICT;
"""

COLUMNS = ("sequence", "actor", "origin", "correlation_id", "note", "salt", "counterparty")

_INSERT = (
    "INSERT INTO command_notes (sequence, actor, origin, correlation_id, note, salt, counterparty)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)

MIGRATIONS = {
    2: "ALTER TABLE command_notes ADD COLUMN salt BLOB;\n",
    3: "ALTER TABLE command_notes ADD COLUMN counterparty TEXT;\n",
}
"""By the format of exchange.db that they lead to."""


@attrs.frozen(kw_only=True)
class Note:
    """`actor` is who acted, in words of the host (`admin:setup`, `user:42`); `origin` from where, `correlation_id` within what.

    `counterparty` is who the other side of a recorded transaction was, where that is nobody here.
    """

    actor: str
    origin: str | None = None
    correlation_id: str | None = None
    note: str | None = None
    counterparty: str | None = None


def write(connection: Connection, sequence: int, note: Note) -> bytes:
    """Beside the first event of the command, as part of the caller's transaction. Returns the digest that goes into the event's row."""
    salt = secrets.token_bytes(16)
    connection.execute(
        _INSERT,
        (sequence, note.actor, note.origin, note.correlation_id, note.note, salt, note.counterparty),
    )
    return digest(sequence, note, salt)


def digest(sequence: int, note: Note, salt: bytes) -> bytes:
    """SHA-256 over the salt and the note with its place; says nothing about the note once the salt is erased."""
    content = [sequence, note.actor, note.origin, note.correlation_id, note.note]
    if note.counterparty is not None:
        content.append(note.counterparty)
    return hashlib.sha256(salt + msgspec.json.encode(content)).digest()


@attrs.frozen
class Stored:
    """A row of the table. `salt` is None for a note that was written before there were digests."""

    sequence: int
    note: Note
    salt: bytes | None

    @property
    def digest(self) -> bytes | None:
        return None if self.salt is None else digest(self.sequence, self.note, self.salt)


def between(connection: Connection, first: int, last: int) -> list[Stored]:
    """The notes on the journal's rows from `first` to `last`, in order."""
    rows = connection.execute(
        "SELECT sequence, actor, origin, correlation_id, note, salt, counterparty FROM command_notes WHERE sequence BETWEEN ? AND ?"
        " ORDER BY sequence",
        (first, last),
    )
    return [
        Stored(
            row[0], Note(actor=row[1], origin=row[2], correlation_id=row[3], note=row[4], counterparty=row[6]), row[5]
        )
        for row in rows
    ]


def outside(connection: Connection) -> list[int]:
    """The sequences of notes that lie before the journal's first row or beyond its last; ten at most."""
    rows = connection.execute(
        "SELECT sequence FROM command_notes WHERE sequence < 1 OR sequence > (SELECT max(sequence) FROM journal) LIMIT 10"
    )
    return [row[0] for row in rows]


def nearest(connection: Connection, sequence: int) -> int | None:
    """The sequence of the last note up to there."""
    found: int | None = connection.execute(
        "SELECT max(sequence) FROM command_notes WHERE sequence <= ?", (sequence,)
    ).fetchone()[0]
    return found


def read(connection: Connection, sequence: int) -> Note | None:
    row = connection.execute(
        "SELECT actor, origin, correlation_id, note, counterparty FROM command_notes WHERE sequence = ?", (sequence,)
    ).fetchone()
    if row is None:
        return None
    return Note(actor=row[0], origin=row[1], correlation_id=row[2], note=row[3], counterparty=row[4])


def insert_restored(connection: Connection, stored: Iterable[tuple[object, ...]]) -> None:
    """Rows as they were once, their columns in the order of `COLUMNS`; in the caller's transaction."""
    connection.executemany(_INSERT, stored)


def erase(connection: Connection, sequences: Iterable[int]) -> int:
    """Deletes the notes on these rows, in the caller's transaction; how many there were."""
    return sum(
        connection.execute("DELETE FROM command_notes WHERE sequence = ?", (sequence,)).rowcount
        for sequence in sequences
    )
