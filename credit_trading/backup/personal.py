"""Reading out of exchange.db what a set keeps beside the journal, and the moment that the set stands for.

Here: which rows, as of one sequence. Never here: how they are written down (people).
Always: the catalogue and the small lists are those of one committed moment, the set's; writers do not wait for it, nor do readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import attrs

from credit_trading.backup import people
from credit_trading.backup.manifest import Manifest
from credit_trading.journal import archived, notes
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.journal.rows import USERS
from credit_trading.store.sqlite import Connection, translated
from credit_trading.users import catalogue, erasure, private, quarantine
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.files import UserFiles

_ROWS_AT_ONCE = 1_000
_NOTES_AT_ONCE = 2_000
"""Journal rows whose notes are read together."""


@attrs.frozen(kw_only=True)
class Head:
    """The journal's head that a set stands for; so many `users` are there then who are not deleted."""

    sequence: int
    hash: bytes
    time_us: int
    users: int


def write_people(live: LiveReplica, files: UserFiles, set_id: str, base: Manifest | None) -> tuple[Head, bytes]:
    """As of now: users with events beyond the base's sequence, notes on those, and all rows of the lists; without a base all rows."""
    after = base.sequence if base else 0
    with live.reading() as replica:
        near = replica.sequence
        named = {user.number for user in replica.users.values() if user.last_sequence > after} if base else None
    with files.unforked(), _snapshot(live) as log:
        moment = _moment(log)
        header = people.Header(
            set=set_id, exchange_id=log.exchange_id, sequence=moment.sequence, base=base.set if base else None
        )
        writing = people.Writing(header)
        if named is not None:
            named |= _named(log, after=near)
        writing.add(map(user_row, _users(log.connection, named)))
        for rows in _lists(log.connection):
            writing.add(rows)
    for first in range(after + 1, moment.sequence + 1, _NOTES_AT_ONCE):
        with live.history() as log:
            found = notes.between(log.connection, first, min(first + _NOTES_AT_ONCE - 1, moment.sequence))
        writing.add(map(_note_row, found))
    return moment, writing.finish()


@contextmanager
def _snapshot(live: LiveReplica) -> Iterator[Log]:
    """exchange.db as of one moment, on a connection of its own: writers go on, and so does whoever reads."""
    with translated("backup.create", live.path), closing(Log.open(live.path)) as log:
        log.connection.execute("BEGIN")
        yield log
        log.connection.execute("COMMIT")


def _moment(log: Log) -> Head:
    sequence, chain_hash = log.head()
    entry = log.entry(sequence)
    assert entry is not None, "the head is there"
    return Head(sequence=sequence, hash=chain_hash, time_us=entry.time_us, users=catalogue.count_active(log.connection))


def _named(log: Log, *, after: int) -> set[int]:
    """The users whom events beyond that sequence name."""
    named: set[int] = set()
    while rows := log.batch_from(after + 1, _ROWS_AT_ONCE):
        named.update(row[place] for row in rows for place in USERS if row[place] is not None)
        after = rows[-1][0]
    return named


def _users(connection: Connection, numbers: Iterable[int] | None) -> Iterator[StoredUser]:
    """Of those numbers, or all; by number."""
    if numbers is not None:
        for number in sorted(numbers):
            yield from catalogue.page(connection, after=number - 1, most=1)
        return
    after = 0
    while page := catalogue.page(connection, after=after, most=_ROWS_AT_ONCE):
        yield from page
        after = page[-1].number


def _lists(connection: Connection) -> Iterator[Iterable[people.PeopleRow]]:
    yield (
        people.QuarantineRow(one.number, one.since_us, one.code, one.problem) for one in quarantine.list_all(connection)
    )
    since = dict(private.list_marked(connection))
    yield (people.PrivateRow(number, since[number], found) for number, found in private.generations(connection))
    yield (people.ErasedRow(number, at_us) for number, at_us in erasure.list_erased(connection))
    yield (people.ArchivedRow(*attrs.astuple(segment)) for segment in archived.list_all(connection))


def user_row(user: StoredUser) -> people.UserRow:
    return people.UserRow(*attrs.astuple(user))


def _note_row(stored: notes.Stored) -> people.NoteRow:
    note = stored.note
    return people.NoteRow(
        stored.sequence, note.actor, note.origin, note.correlation_id, note.note, stored.salt, note.counterparty
    )
