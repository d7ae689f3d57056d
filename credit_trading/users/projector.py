"""Brings users' files up to the journal, each event exactly once.

Here: from where to where, in which transaction, and when a file is brought to this version. Never here: the rows (projection).
Always: a file's position is read and written in the transaction that writes its rows; a file that is not on the journal's history is
refused and left as it is; trouble with one file never stops writers or other users.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path

import attrs
import sqlite_utils

from credit_trading.clock import Clock
from credit_trading.errors import FileCorrupt, FileQuarantined, TradingError
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.journal import notes
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.notes import Note
from credit_trading.journal.rows import HASH, Row, decode
from credit_trading.store.sqlite import Connection, immediate
from credit_trading.users import catalogue
from credit_trading.users.admission import Admission
from credit_trading.users.catalogue import User
from credit_trading.users.files import UserFiles
from credit_trading.users.handles import as_user_file
from credit_trading.users.history import history
from credit_trading.users.private import carry_over
from credit_trading.users.scratch import scratch_file, write_into
from credit_trading.users.standing import Standing, gap
from credit_trading.users.tables import migrations
from credit_trading.users.tables.projection import Projection
from credit_trading.users.tables.schema import PROJECTION_VERSION

_log = logging.getLogger(__name__)

EVENTS_PER_TRANSACTION = 5_000

HEADS_AT_ONCE = 64
"""Users whose heads are read together."""

FEW = 16
"""Files that one thread brings forward."""

FILES_AT_ONCE = 4
"""Of more, so many at a time: what is slow is the fsync of each. Measured on a busy disk, 120 files: 62 a second, one by one 30."""

LOCK_WAIT_MS = 5_000
"""How long another program may keep a user's file locked before reading it fails."""

SHORT_WAIT_MS = 50
"""The same after a commit, when a caller waits for an answer that does not need the file."""

_CONTENT, _USER_A, _NUMBER_A, _NUMBER_B = 5, 6, 7, 10
"""Places in a journal row."""


@attrs.frozen
class _Head:
    """Where a user's history ends, after how many events; `replica` gives the facts that never change once the journal has them."""

    number: int
    sequence: int
    events: int
    deleted: bool
    replica: Replica


class Projector:
    """`faults` names the users whose file could not be brought forward last time, with the error."""

    def __init__(self, live: LiveReplica, files: UserFiles, clock: Clock) -> None:
        self._live = live
        self._files = files
        self.admission = Admission(live, files, clock)
        self._names: dict[int, str] = {}
        self.faults: dict[int, TradingError] = {}

    @contextmanager
    def caught_up(self, number: int, *, though_listed: bool = False) -> Iterator[Connection]:
        """The user's file as of the journal's head; the handle is this thread's until the end of the block.

        `though_listed`: a file that is in quarantine is looked at again.
        """
        (head,) = self._heads([number])
        with self._brought_to(head, though_listed=though_listed) as connection:
            yield connection

    @contextmanager
    def brought_to(self, number: int, *, sequence: int, events: int) -> Iterator[Connection]:
        """The user's file, which shows that event of the user, after so many, or stands beyond it; this thread's likewise."""
        (head,) = self._heads([number])
        with self._brought_to(attrs.evolve(head, sequence=sequence, events=events)) as connection:
            yield connection

    def open_database(self, number: int) -> sqlite_utils.Database:
        """The user's file as of the journal's head, read-only and the caller's to close."""
        with self.caught_up(number):
            return sqlite_utils.Database(self._files.open_for_reading(number))

    def catch_up_after_commit(self, numbers: Iterable[int]) -> None:
        """Brings the files of these users forward, but for those who are deleted.

        Someone waits for an order's answer, not for these files: one that another program has locked is left for later. What
        fails is noted in `faults` and tried again when the file is next read.
        """
        for _ in self.bring_forward(numbers, patient=False):
            pass

    def bring_forward(self, numbers: Iterable[int], *, patient: bool) -> Iterator[tuple[int, bool]]:
        """The files of these users, in their order: each number and whether the file got there; who is deleted has none.

        Unless `patient`, a file that another program has locked is left as it is. What fails is noted in `faults`.
        """
        rest = iter(numbers)
        while heads := self._heads(islice(rest, HEADS_AT_ONCE)):
            bring = partial(self._try_to_bring, patient=patient)
            with ThreadPoolExecutor(FILES_AT_ONCE, "bring-forward") if len(heads) > FEW else nullcontext() as pool:
                try:
                    there = pool.map(bring, heads) if pool else map(bring, heads)
                except RuntimeError:  # no new threads: the main thread has ended, or there are too many
                    there = map(bring, heads)
                yield from zip((head.number for head in heads), there, strict=True)

    def active_numbers(self) -> list[int]:
        """Of the users who are not deleted, in the order in which they came."""
        with self._live.reading() as replica:
            return [user.number for user in replica.users.values() if not user.deleted]

    def _try_to_bring(self, head: _Head, *, patient: bool) -> bool:
        if head.deleted:
            return True
        before = self.faults.get(head.number)
        try:
            with self._brought_to(head, patient=patient):
                return True
        except TradingError as error:
            is_known = isinstance(error, FileQuarantined) or str(error) == str(
                before
            )  # told when it was listed, or last time
            level = logging.DEBUG if is_known else logging.WARNING
            _log.log(level, "the file of user #%d cannot be brought forward: %s", head.number, error)
            return False

    def build(self, empty: Connection, number: int) -> None:
        """Writes the user's whole history into a file fresh from the template."""
        (head,) = self._heads([number])
        self._follow(empty, self._files.path_of(number), head)

    @contextmanager
    def rebuilt(self, number: int, *, sequence: int, events: int) -> Iterator[Connection]:
        """A file that the journal gives from zero up to that event of the user, made beside the live one and thrown away."""
        (head,) = self._heads([number])
        with scratch_file() as scratch:
            self._follow(scratch, self._files.path_of(number), attrs.evolve(head, sequence=sequence, events=events))
            yield scratch

    def _heads(self, numbers: Iterable[int]) -> list[_Head]:
        with self._live.reading() as replica:
            users = [replica.users[number] for number in numbers]
            return [_Head(user.number, user.last_sequence, user.event_count, user.deleted, replica) for user in users]

    @contextmanager
    def _brought_to(self, head: _Head, *, patient: bool = True, though_listed: bool = False) -> Iterator[Connection]:
        """The user's file as of `head`; what keeps it from getting there is noted in `faults`, and a broken file put in quarantine."""
        ready = False
        try:
            if head.deleted:
                self._files.path_of(head.number)  # raises NotFound, by the user's name
            if not though_listed:
                self.admission.check(head.number)
            with self._files.checkout(head.number, timeout_s=None if patient else SHORT_WAIT_MS / 1000) as connection:
                connection.wait_for_locks(min(LOCK_WAIT_MS, self._files.lock_timeout_ms) if patient else SHORT_WAIT_MS)
                self._follow(connection, connection.path, head, patient=patient)
                ready = True
                self.faults.pop(head.number, None)
                yield connection
        except TradingError as error:
            if not ready:
                self.faults[head.number] = error
            self.admission.judge(head.number, error)
            raise

    def _follow(self, connection: Connection, path: Path, head: _Head, *, patient: bool = True) -> None:
        """Reads where the file stands, and whether it may go on from there; then the user's later events, in bounded transactions.

        One that an older version has projected is brought to this version first.
        """
        standing = Standing.of(connection, path)
        standing.check_owner(path, exchange_id=head.replica.exchange_id, number=head.number)
        with history(self._live) as log:
            standing.check_history(log, path)
        if standing.position.sequence == head.sequence:
            standing.check_count(head.events, path)
        if standing.is_outdated:
            self._renew(connection, path, head, patient=patient)
            standing = Standing.of(connection, path)
        standing.check_version(path)
        applied = standing.position.sequence
        while applied < head.sequence:
            for slice_ in self._tail(head, path, after=applied):
                with immediate(connection):
                    now = Standing.of(connection, path)
                    if now.position.sequence != applied:  # another process was faster: go on from there
                        applied = now.position.sequence
                        break
                    now.check_count(_events_before(slice_[0], head.number), path)
                    self._apply(connection, head, slice_)
                applied = slice_[-1][0]

    def _renew(self, connection: Connection, path: Path, head: _Head, *, patient: bool) -> None:
        """Brings the file to this version unless another process just has: by SQL, else from the journal. A crash leaves it as it was."""
        with self._files.rebuilding(head.number, timeout_s=None if patient else SHORT_WAIT_MS / 1000):
            standing = Standing.of(connection, path)
            if standing.is_outdated and not self._is_brought_up(connection, path, standing, head.number):
                self._rebuild(connection, path, head, standing.projection_version)

    def _is_brought_up(self, connection: Connection, path: Path, standing: Standing, number: int) -> bool:
        """False where the journal is needed: the rows change, or the tables are not those of the version that it names."""
        version = standing.projection_version
        if migrations.needs_journal(version) or not migrations.is_consistent(connection, version):
            return False
        try:
            with as_user_file(path):
                migrations.bring_up(connection)
        except FileCorrupt as error:
            _log.warning("the file of user #%d cannot be migrated: %s", number, error)
            return False
        _log.info(
            "the file of user #%d was of version %d; it is of version %d now", number, version, PROJECTION_VERSION
        )
        return True

    def _rebuild(self, connection: Connection, path: Path, head: _Head, version: int) -> None:
        """Writes the user's whole history into the file anew; private tables are carried over."""
        is_foreseen = migrations.needs_journal(version) and migrations.is_consistent(connection, version)
        _log.log(
            logging.INFO if is_foreseen else logging.WARNING,  # a large folder has a hundred thousand of them
            "the file of user #%d is of version %d; it is rebuilt as version %d",
            head.number,
            version,
            PROJECTION_VERSION,
        )
        with scratch_file() as scratch:
            self._follow(scratch, path, head)
            carry_over(connection, scratch)
            write_into(connection, scratch)

    def _tail(self, head: _Head, path: Path, *, after: int) -> Iterable[Sequence[Row]]:
        """The user's journal rows beyond `after`, in order and in slices; a long tail is read slice by slice."""
        with history(self._live) as log:
            try:
                rows = log.tail_of(head.number, last=head.sequence, after=after, most=EVENTS_PER_TRANSACTION)
                if rows is not None:
                    return [rows]
                sequences = log.history_of(head.number, last=head.sequence, after=after)
            except FileCorrupt:
                entry = log.entry(after) if after else None
                if entry is None or head.number in (entry.user_a, entry.user_b):
                    raise
                raise gap(path, f"it stands at sequence {after}, which is none of its owner's events") from None
        starts = range(0, len(sequences), EVENTS_PER_TRANSACTION)
        return (self._rows(sequences[start : start + EVENTS_PER_TRANSACTION]) for start in starts)

    def _rows(self, sequences: Sequence[int]) -> list[Row]:
        with history(self._live) as log:
            return log.rows_at(sequences)

    def _apply(self, connection: Connection, head: _Head, rows: Sequence[Row]) -> None:
        """The next events of the user's history and the position after them, in the caller's transaction."""
        replica = head.replica
        with history(self._live) as log:  # for no longer: what fails in the user's file is no fault of exchange.db
            noted = {row[0]: notes.read(log.connection, row[0]) for row in rows if row[_CONTENT] is not None}

        def note_of(entry: Entry) -> Note | None:
            return noted[entry.sequence] if entry.content is not None else self._note_of_nobodys(entry)

        projection = Projection(
            connection,
            head.number,
            assets=replica.assets.__getitem__,
            instruments=lambda symbol: replica.markets[symbol].instrument,
            user_id_of=self._user_id,
            email_of=lambda user: self._user(user).email,
            note_of=note_of,
        )
        for row in rows:
            projection.apply(decode(row))
        projection.finish()
        connection.execute(
            "UPDATE metadata SET exchange_id = ?, user_number = ?, applied_sequence = ?, applied_hash = ?,"
            " event_number = event_number + ?",
            (replica.exchange_id, head.number, rows[-1][0], rows[-1][HASH], len(rows)),
        )

    def _note_of_nobodys(self, entry: Entry) -> Note | None:
        """On the command of this event, if its first event concerned no user: what others' commands say of them is not told."""
        with history(self._live) as log:
            nearest = notes.nearest(log.connection, entry.sequence)
            first = None if nearest is None else log.entry(nearest)
            if nearest is None or first is None or first.cause != entry.cause or first.event.users() != (None, None):
                return None
            return notes.read(log.connection, nearest)

    def _user_id(self, number: int) -> str:
        """Ids never change and are never given out again, so they may be kept."""
        if number not in self._names:
            self._names[number] = self._user(number).user_id
        return self._names[number]

    def _user(self, number: int) -> User:
        with history(self._live) as log:
            return catalogue.by_number(log.connection, number)


def _events_before(row: Row, number: int) -> int:
    """How many events of that user come before this one of theirs."""
    entry_number = row[_NUMBER_A] if row[_USER_A] == number else row[_NUMBER_B]
    assert isinstance(entry_number, int)
    return entry_number - 1
