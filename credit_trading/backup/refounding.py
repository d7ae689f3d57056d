"""exchange.db made anew from an archive, as of a moment.

Here: the journal's rows out of segments, and beside them whom and what sets know as of then. Never here: choosing the moment (moment), the
files of users (restoring).
Always: rows are as they were sealed, hash by hash. Where a user's e-mail as of then is in no set, one more event says which is theirs now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import attrs

from credit_trading.backup import people
from credit_trading.backup.archive import Archive
from credit_trading.backup.census import Census
from credit_trading.backup.manifest import Manifest
from credit_trading.backup.moment import Moment
from credit_trading.backup.people import ErasedRow, NoteRow, PrivateRow, UserRow
from credit_trading.errors import FileCorrupt, FileForeign, TradingError, VersionUnsupported
from credit_trading.exchange.events import Entry, Founded, UserEmailChanged
from credit_trading.journal import notes
from credit_trading.journal.log import FORMAT_VERSION, Log
from credit_trading.journal.rows import FIRST_HASH, USERS, decode
from credit_trading.store.sqlite import immediate
from credit_trading.users import catalogue, erasure, exchange_db, private
from credit_trading.users.catalogue import StoredUser

RESTORED = "restored"
"""The cause of the events that name users' e-mails which no set knew."""

_NOTES_AT_ONCE = 10_000
_USERS = ((USERS[0], 7), (USERS[1], 10))
"""Places in a row: a user, and the number of the event in that one's history."""


@attrs.frozen(kw_only=True)
class Refounded:
    """Who stands in the new exchange.db, by number, and who of them is marked as having private facts.

    `marked_later` are marks that only sets of after the moment have. `generation` is what marks get, so that the next backup copies all who
    have one. `other_emails` are users whose e-mail as of the moment is in no set, `erased` the numbers of those who were erased since.
    """

    users: Sequence[StoredUser]
    marked: dict[int, PrivateRow]
    marked_later: dict[int, PrivateRow]
    generation: int
    other_emails: Sequence[StoredUser]
    erased: frozenset[int]


def make_exchange_db(
    archive: Archive, moment: Moment, path: Path, *, advance: Callable[[int], None] = lambda _: None
) -> Refounded:
    """Makes the file at `path`, which nobody knows of yet; `advance` is told how many rows were done.

    Marks of private facts are those of the last set before the moment. No user's file is looked at. Raises FileCorrupt and NotFound for
    objects that are not as they were written, VersionUnsupported, Unwritable, StorageError.
    """
    _check_formats(moment)
    _check_founder(archive, moment)
    census, last_hash = Census(), FIRST_HASH
    with Log.refounding(path, moment.exchange_id, exchange_db.ADDED) as log:
        for block in moment.history.blocks(moment.sequence):
            last_hash = log.fill(block, block[0][0] - 1, last_hash)
            census.read(block)
            advance(len(block))
        assert last_hash.hex() == moment.hash, "the history ends elsewhere"
        beside = _Beside(archive, moment, census, log)
        beside.read()
        users, changed = beside.users()
        generation = _generation(archive, moment)
        with immediate(log.connection):
            if changed:
                _name_anew(log, moment, changed)
            for user in users:
                catalogue.insert_restored(log.connection, user)
            for number, row in sorted(beside.marked.items()):
                private.insert_restored(log.connection, number, since_us=row.since, generation=generation)
            for number, erased_at_us in sorted(beside.erased.items()):
                erasure.insert_restored(log.connection, number, erased_at_us=erased_at_us)
            private.set_generation(log.connection, generation, restored_from=(moment.before or moment.through)[-1].set)
    return Refounded(
        users=users,
        marked=beside.marked,
        marked_later=beside.marked_later,
        generation=generation,
        other_emails=changed,
        erased=frozenset(beside.erased),
    )


class _Beside:
    """What sets hold of exchange.db beside the journal, as of the moment; notes go into the new one as they are read."""

    def __init__(self, archive: Archive, moment: Moment, census: Census, log: Log) -> None:
        self._archive = archive
        self._moment = moment
        self._census = census
        self._log = log
        self.marked: dict[int, PrivateRow] = {}
        self.marked_later: dict[int, PrivateRow] = {}
        self.erased: dict[int, int] = {}

    def read(self) -> None:
        last = self._moment.before[-1:] or self._moment.after[:1]
        history = {manifest.set for manifest in self._moment.through}
        for manifest in self._moment.before:
            self._read(manifest, later=False, noted=manifest.set in history, marks=manifest in last)
        begins = 0
        for manifest in self._moment.after:
            noted = begins < self._moment.sequence
            self._read(manifest, later=True, noted=noted, marks=manifest in last)
            begins = manifest.sequence

    def users(self) -> tuple[list[StoredUser], list[StoredUser]]:
        """See `Census.users`. Raises FileCorrupt where somebody is in no set."""
        missing = self._census.missing()
        if missing:
            raise FileCorrupt(
                "archive",
                f"{self._archive.url}/{self._moment.through[-1].people.name}",
                f"user #{missing[0]} of the journal is in no set",
                hint=f"Use another set: credit-trading backup list --from {self._archive.url}.",
            )
        return self._census.users()

    def _read(self, manifest: Manifest, *, later: bool, noted: bool, marks: bool) -> None:
        name = f"{self._archive.url}/{manifest.people.name}"
        header, rows = people.read(self._archive.read(manifest.people), name=name)
        if header.exchange_id != self._moment.exchange_id:
            raise FileForeign("archive", name, "it belongs to another exchange", hint="Use another set.")
        if (header.set, header.sequence) != (manifest.set, manifest.sequence):
            problem = f"it is of the set {header.set}, not of {manifest.set}"
            raise FileCorrupt("archive", name, problem, hint="Use another set.")
        batch: list[tuple[object, ...]] = []
        for row in rows:
            if isinstance(row, UserRow):
                self._census.consider(row, later=later)
            elif isinstance(row, NoteRow):
                if noted and row.sequence <= self._moment.sequence:
                    batch.append(tuple(getattr(row, column) for column in notes.COLUMNS))
                if len(batch) >= _NOTES_AT_ONCE:
                    self._write(batch)
            elif isinstance(row, PrivateRow):
                self._mark(row, as_of_then=marks and (not later or row.since <= self._moment.time_us))
            elif isinstance(row, ErasedRow) and row.number in self._census.persons:
                self.erased[row.number] = row.erased_at
        self._write(batch)
        for number in manifest.erased:
            if number in self._census.persons:
                self.erased.setdefault(number, manifest.finished_at_us)

    def _mark(self, row: PrivateRow, *, as_of_then: bool) -> None:
        person = self._census.persons.get(row.number)
        if person is None or person.deleted:
            return
        if as_of_then:
            self.marked[row.number] = row
        else:
            self.marked_later.setdefault(row.number, row)

    def _write(self, batch: list[tuple[object, ...]]) -> None:
        if batch:
            with immediate(self._log.connection):
                notes.insert_restored(self._log.connection, batch)
            batch.clear()


def _check_formats(moment: Moment) -> None:
    for manifest in (*moment.before, *moment.after):
        if manifest.exchange_format > FORMAT_VERSION:
            raise VersionUnsupported(
                "backup",
                manifest.set,
                f"it is of an exchange.db of format {manifest.exchange_format}, which is newer than {FORMAT_VERSION}",
                hint="Use a newer credit_trading.",
            )


def _check_founder(archive: Archive, moment: Moment) -> None:
    """Raises FileForeign if the journal is another exchange's than the manifests say."""
    first = decode(moment.history.row(1)).event
    if not isinstance(first, Founded) or first.exchange_id != moment.exchange_id:
        raise FileForeign("archive", archive.url, "the journal is another exchange's", hint="Use another set.")


def _generation(archive: Archive, moment: Moment) -> int:
    """Beyond those of all sets: whatever the next one adds to, everybody with a mark is copied."""
    highest = moment.through[-1].private_generation
    for set_id in archive.set_ids():
        try:
            highest = max(highest, archive.manifest(set_id).private_generation)
        except TradingError:  # it can be no base either
            continue
    return highest + 1


def _name_anew(log: Log, moment: Moment, changed: Sequence[StoredUser]) -> None:
    """Events that name the users' e-mails, in the caller's transaction."""
    last = _last_events(moment, {user.number for user in changed})
    entries = []
    for sequence, user in enumerate(changed, moment.sequence + 1):
        assert user.email is not None
        assert user.salt is not None
        previous, count = last[user.number]
        event = UserEmailChanged(user.number, catalogue.person_digest(user.user_id, user.email, user.salt))
        entries.append(
            Entry(sequence, moment.time_us, RESTORED, None, event, user.number, count + 1, previous, None, None, None)
        )
    log.append(entries, bytes.fromhex(moment.hash))


def _last_events(moment: Moment, users: Collection[int]) -> dict[int, tuple[int, int]]:
    """Sequence and number of each user's last event."""
    last: dict[int, tuple[int, int]] = {}
    for block in moment.history.blocks(moment.sequence):
        for row in block:
            for user_at, number_at in _USERS:
                if row[user_at] in users:
                    last[row[user_at]] = row[0], row[number_at]
    return last
