"""Erasing a person: what is personal of a deleted user goes for good, from exchange.db and from what was kept of the user's file.

Here: which rows and files these are, and that no freed page keeps their bytes. Never here: archives (backup/erasing).
Always: the id stays, so that it is never given out again; the journal, its chain and counterparties' books stay whole. A note on an event
that concerns somebody else too is part of that one's book, and stays with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.clock import Clock
from credit_trading.errors import InvalidInput, StorageError, TradingError
from credit_trading.journal import notes
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import USERS
from credit_trading.store.files import remove_database
from credit_trading.store.sqlite import Connection, connect, immediate, sqlite3, translated
from credit_trading.users import catalogue, leftovers
from credit_trading.users.catalogue import User
from credit_trading.users.files import UserFiles
from credit_trading.users.history import history
from credit_trading.users.naming import file_name

SCHEMA = """
CREATE TABLE erased_users (
    number INTEGER PRIMARY KEY,
    erased_at INTEGER NOT NULL
) STRICT;
"""

_KEPT_IN = ("quarantine", "deleted")


@attrs.frozen(kw_only=True)
class Erasure:
    """What went: so many `notes` on the user's commands, and these `files`.

    `undecided` are kept files with a name like the user's that cannot be opened, and parts of a lost exchange.db: look at them, and
    delete them by hand. `unfinished` are files that somebody was writing less than a minute ago, or was killed while writing: then the next
    time removes them.
    """

    user_id: str
    notes: int
    files: Sequence[Path]
    undecided: Sequence[Path]
    unfinished: Sequence[Path]


def list_erased(connection: Connection) -> list[tuple[int, int]]:
    """Users' numbers and since when (µs), by number."""
    return connection.execute("SELECT number, erased_at FROM erased_users ORDER BY number").fetchall()


def insert_restored(connection: Connection, number: int, *, erased_at_us: int) -> None:
    """In the caller's transaction."""
    connection.execute("INSERT INTO erased_users (number, erased_at) VALUES (?, ?)", (number, erased_at_us))


def own_sequences(live: LiveReplica, number: int) -> list[int]:
    """Of the user's events, those that concern nobody else; ascending."""
    with live.reading() as replica:
        last = replica.users[number].last_sequence
    with history(live) as log:
        sequences = log.history_of(number, last=last, after=0)
        return [row[0] for row in log.rows_at(sequences) if {row[place] for place in USERS} <= {number, None}]


def erase(live: LiveReplica, files: UserFiles, clock: Clock, user: User) -> Erasure:
    """Of a user who is deleted. Safe to repeat. Raises InvalidInput for one who is not, Busy while somebody has the file open."""
    if user.state == "active":
        raise InvalidInput(
            "users.erase",
            user.user_id,
            "only a deleted user can be erased",
            hint=f"Delete the user first: credit-trading users delete {user.user_id}.",
        )
    if user.state == "deleting":
        files.finish(user)
        with history(live) as log:
            user = catalogue.by_number(log.connection, user.number)
        if user.state != "deleted":
            raise StorageError(
                "users.erase", user.user_id, "the user's file is open elsewhere", hint="Close it there; try again."
            )
    sequences = own_sequences(live, user.number)
    count = _erase_rows(live, clock, user, sequences)
    removed, undecided = _remove_kept(live.path.parent, user)
    unfinished = leftovers.sweep_at_once(live.path.parent)
    return Erasure(user_id=user.user_id, notes=count, files=removed, undecided=undecided, unfinished=unfinished)


def _erase_rows(live: LiveReplica, clock: Clock, user: User, sequences: Sequence[int]) -> int:
    """Deletes the notes and then all traces of them, and of the catalogue's former row, that freed pages hold."""
    now_us = clock.now_us()
    with live.turn(), live.lock, translated("users.erase", live.path):
        connection = live.log.connection
        connection.execute("PRAGMA secure_delete = ON")
        with immediate(connection):
            count = notes.erase(connection, sequences)
            connection.execute(
                "INSERT INTO erased_users (number, erased_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (user.number, now_us),
            )
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageError(
            "users.erase",
            live.path,
            "its WAL still holds what was erased: somebody reads",
            hint="Repeat it in a moment.",
        )
    return count


def _remove_kept(home: Path, user: User) -> tuple[list[Path], list[Path]]:
    """What repair and deletion have kept of the user's file, by what it says of itself."""
    removed, undecided = [], []
    for path in _like(home, user.user_id):
        try:
            owner = _owner(path)
        except (TradingError, sqlite3.Error, UnicodeDecodeError):
            undecided.append(path)
            continue
        if owner == user.user_id:
            Path(f"{path}.json").unlink(missing_ok=True)  # what is told of it
            remove_database(path)
            removed.append(path)
    return removed, [*undecided, *_of_everybody(home)]


def _like(home: Path, user_id: str) -> Iterator[Path]:
    beginning = file_name(user_id, "").removesuffix(".db")
    for folder in _KEPT_IN:
        yield from sorted(path for path in (home / folder).glob("*.db") if path.name.startswith(beginning))


def _of_everybody(home: Path) -> list[Path]:
    """What is left of an exchange.db that was lost: notes and e-mails of whoever traded then."""
    return sorted(path for folder in _KEPT_IN for path in (home / folder).glob("exchange.db*"))


def _owner(path: Path) -> str | None:
    """By id: in a file of another history the number may be somebody else's."""
    with translated("users.erase", path), closing(connect(path, mode="rw", synchronous="FULL")) as connection:
        row = connection.execute("SELECT user_id FROM metadata").fetchone()
        return row[0] if row else None
