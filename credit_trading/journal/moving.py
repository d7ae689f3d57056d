"""Taking rows out of the journal that were moved into an archive.

Here: which rows stay, and deleting the others. Never here: which segments are moved and when, proof that they lie elsewhere.
Always: only rows go that lie in segments on the list. The first row stays; so do money movements, whose keys are remembered for ever, and
of each user the last event up to the border: whoever is up to date there needs no archive to go on.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from credit_trading.journal import rows
from credit_trading.journal.archived import border
from credit_trading.journal.rows import CONTENT, KIND, Row
from credit_trading.store.sqlite import Connection

ROWS_AT_ONCE = 1_000
"""That are deleted in one transaction: others wait to write meanwhile."""


def pointed_at(connection: Connection, *, after: int, most: int, up_to: int) -> tuple[int, set[int]]:
    """Of at most `most` rows beyond `after`, the sequence of the last, and which rows up to `up_to` their back-pointers name."""
    found = connection.execute(
        "SELECT sequence, previous_a, previous_b FROM journal WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (after, most),
    ).fetchall()
    named = {previous for row in found for previous in row[1:] if previous and previous <= up_to}
    return (found[-1][0] if found else after), named


def removable(connection: Connection, *, after: int, up_to: int, kept: Set[int]) -> tuple[int, list[int]]:
    """Up to where it has looked, and which rows beyond `after` are not to stay below a border at `up_to`.

    `kept` are the users' last events. The end is reached where it has looked no further than `after`.
    """
    found = connection.execute(
        f"SELECT sequence FROM journal WHERE sequence > max(?, 1) AND sequence <= ? AND NOT ({rows.MONEY})"
        " ORDER BY sequence LIMIT ?",
        (after, up_to, ROWS_AT_ONCE),
    ).fetchall()
    return (found[-1][0] if found else after), [sequence for (sequence,) in found if sequence not in kept]


def remove(connection: Connection, sequences: Sequence[int]) -> None:
    """In the caller's transaction."""
    last = border(connection)
    connection.executemany(
        f"DELETE FROM journal WHERE sequence = ? AND sequence > 1 AND sequence <= ? AND NOT ({rows.MONEY})",
        [(sequence, last) for sequence in sequences],
    )


def stays(row: Row) -> bool:
    """Whether it stays wherever the border is."""
    return row[0] == 1 or (row[CONTENT] is not None and row[KIND] in rows.MONEY_KINDS)


def lost(connection: Connection, stored: Sequence[Row]) -> list[int]:
    """Of rows that follow on each other, the sequences of those that have to stay and are not there."""
    wanted = {row[0] for row in stored if stays(row)}
    if not wanted:
        return []
    found = connection.execute(
        "SELECT sequence FROM journal WHERE sequence BETWEEN ? AND ?", (stored[0][0], stored[-1][0])
    )
    return sorted(wanted.difference(sequence for (sequence,) in found))


def free_pages(connection: Connection) -> tuple[int, int]:
    """Pages of the file that hold nothing any more, and all."""
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    return free, pages


def compact(connection: Connection) -> None:
    """Gives free pages back to the disk, by a connection of its own and in the caller's turn: all that remains is written anew."""
    connection.execute("VACUUM")


def empty_wal(connection: Connection) -> None:
    """In the caller's turn; a reader who is at work keeps it from it, and that is fine."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
