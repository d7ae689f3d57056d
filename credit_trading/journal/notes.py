"""Who acted, from where, and what they remarked: the personal part of a command.

Stands in a mutable table beside the journal and is committed with it, so that a person can be erased while the chain still verifies.
A user who acts for themselves and says nothing more leaves no note.
"""

from __future__ import annotations

import attrs

from credit_trading.store.sqlite import Connection

SCHEMA = """
CREATE TABLE command_notes (
    sequence INTEGER PRIMARY KEY,
    actor TEXT NOT NULL,
    origin TEXT,
    correlation_id TEXT,
    note TEXT
) STRICT;
"""


@attrs.frozen(kw_only=True)
class Note:
    """`actor` is who acted, in words of the host (`admin:setup`, `user:42`); `origin` from where, `correlation_id` within what."""

    actor: str
    origin: str | None = None
    correlation_id: str | None = None
    note: str | None = None


def write(connection: Connection, sequence: int, note: Note) -> None:
    """To the first event of the command; part of the caller's transaction."""
    connection.execute(
        "INSERT INTO command_notes (sequence, actor, origin, correlation_id, note) VALUES (?, ?, ?, ?, ?)",
        (sequence, note.actor, note.origin, note.correlation_id, note.note),
    )


def read(connection: Connection, sequence: int) -> Note | None:
    row = connection.execute(
        "SELECT actor, origin, correlation_id, note FROM command_notes WHERE sequence = ?", (sequence,)
    ).fetchone()
    return Note(actor=row[0], origin=row[1], correlation_id=row[2], note=row[3]) if row else None
