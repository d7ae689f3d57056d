"""Brings users' files up to the journal, each event exactly once.

Here: from where to where, in which transaction, and when a file is rebuilt. Never here: the rows (projection).
Always: a file's position is read and written in the transaction that writes its rows; a file that is not on the journal's history is
refused and left as it is; trouble with one file never stops writers or other users.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import sqlite_utils

from credit_trading.errors import TradingError
from credit_trading.exchange.replica import Replica
from credit_trading.journal import notes
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.journal.rows import HASH, Row, decode
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import Connection, immediate
from credit_trading.users import catalogue
from credit_trading.users.files import UserFiles
from credit_trading.users.projection import Projection
from credit_trading.users.schema import PROJECTION_VERSION, SHARED_TABLES
from credit_trading.users.scratch import scratch_file, write_into
from credit_trading.users.standing import Standing

_log = logging.getLogger(__name__)

EVENTS_PER_TRANSACTION = 5_000

LOCK_WAIT_MS = 5_000
"""How long another program may keep a user's file locked before reading it fails."""

SHORT_WAIT_MS = 50
"""The same after a commit, when a caller waits for an answer that does not need the file."""


@attrs.frozen
class _Head:
    """Where a user's history ends; `replica` gives the facts that never change once the journal has them."""

    number: int
    sequence: int
    deleted: bool
    replica: Replica


class Projector:
    """`faults` names the users whose file could not be brought forward last time, with the error."""

    def __init__(self, live: LiveReplica, files: UserFiles) -> None:
        self._live = live
        self._files = files
        self._names: dict[int, str] = {}
        self.faults: dict[int, TradingError] = {}

    @contextmanager
    def caught_up(self, number: int) -> Iterator[Connection]:
        """The user's file as of the journal's head; the handle is this thread's until the end of the block."""
        (head,) = self._heads([number])
        with self._brought_to(head) as connection:
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
        for head in self._heads(numbers):
            if not head.deleted:
                self._try_to_bring(head, patient=False)

    def catch_up_all(self, *, progress: Progress = no_progress) -> None:
        """Every active user; `progress` is told how many are done, and of how many."""
        with self._live.reading() as replica:
            numbers = [user.number for user in replica.users.values() if not user.deleted]
        for done, head in enumerate(self._heads(numbers), 1):
            self._try_to_bring(head, patient=True)
            progress(done, len(numbers))

    def _try_to_bring(self, head: _Head, *, patient: bool) -> None:
        try:
            with self._brought_to(head, patient=patient):
                pass
        except TradingError as error:
            _log.warning("the file of user #%d is behind: %s", head.number, error)

    def compare(self, number: int) -> tuple[str, str]:
        """The digests of the user's shared tables as they are, caught up, and as the journal gives them from zero."""
        with self.caught_up(number) as connection:
            connection.execute("BEGIN")  # other processes may go on projecting; this is one moment of the file
            try:
                live = shared_digest(connection)
                applied = connection.execute("SELECT applied_sequence FROM metadata").fetchone()[0]
            finally:
                connection.execute("ROLLBACK")
        with scratch_file() as scratch:
            (head,) = self._heads([number])
            self._follow(scratch, self._files.path_of(number), attrs.evolve(head, sequence=applied))
            return live, shared_digest(scratch)

    def _heads(self, numbers: Iterable[int]) -> list[_Head]:
        with self._live.reading() as replica:
            users = [replica.users[number] for number in numbers]
            return [_Head(user.number, user.last_sequence, user.deleted, replica) for user in users]

    @contextmanager
    def _brought_to(self, head: _Head, *, patient: bool = True) -> Iterator[Connection]:
        """The user's file as of `head`; whatever keeps it from getting there is noted in `faults`."""
        ready = False
        try:
            if head.deleted:
                self._files.path_of(head.number)  # raises NotFound, by the user's name
            with self._files.checkout(head.number) as connection:
                connection.wait_for_locks(LOCK_WAIT_MS if patient else SHORT_WAIT_MS)
                self._follow(connection, connection.path, head, patient=patient)
                ready = True
                self.faults.pop(head.number, None)
                yield connection
        except TradingError as error:
            if not ready:
                self.faults[head.number] = error
            raise

    def _follow(self, connection: Connection, path: Path, head: _Head, *, patient: bool = True) -> None:
        """Reads where the file stands, and whether it may go on from there; then the user's later events, in bounded transactions.

        One that an older version has projected is rebuilt first.
        """
        standing = Standing.of(connection, path)
        standing.check_owner(path, exchange_id=head.replica.exchange_id, number=head.number)
        with self._live.history() as log:
            standing.position.check(log, follower=str(path))
        if standing.is_outdated:
            self._rebuild(connection, path, head, patient=patient)
            standing = Standing.of(connection, path)
        standing.check_version(path)
        applied = standing.position.sequence
        while applied < head.sequence:
            for slice_ in self._tail(head, after=applied):
                with immediate(connection):
                    now = Standing.of(connection, path).position.sequence
                    if now != applied:  # another process was faster: go on from where the file stands now
                        applied = now
                        break
                    self._apply(connection, head, slice_)
                applied = slice_[-1][0]

    def _rebuild(self, connection: Connection, path: Path, head: _Head, *, patient: bool) -> None:
        """Writes the user's whole history into the file anew, unless another process just has. A crash leaves it as it was."""
        with self._files.rebuilding(head.number, timeout_s=None if patient else SHORT_WAIT_MS / 1000):
            standing = Standing.of(connection, path)
            if not standing.is_outdated:
                return
            _log.warning(
                "the file of user #%d is of version %d; it is rebuilt as version %d",
                head.number,
                standing.projection_version,
                PROJECTION_VERSION,
            )
            with scratch_file() as scratch:
                self._follow(scratch, path, head)
                write_into(connection, scratch)

    def _tail(self, head: _Head, *, after: int) -> Iterable[Sequence[Row]]:
        """The user's journal rows beyond `after`, in order and in slices; a long tail is read slice by slice."""
        with self._live.history() as log:
            rows = log.tail_of(head.number, last=head.sequence, after=after, most=EVENTS_PER_TRANSACTION)
            if rows is not None:
                return [rows]
            sequences = log.history_of(head.number, last=head.sequence, after=after)
        starts = range(0, len(sequences), EVENTS_PER_TRANSACTION)
        return (self._rows(sequences[start : start + EVENTS_PER_TRANSACTION]) for start in starts)

    def _rows(self, sequences: Sequence[int]) -> list[Row]:
        with self._live.history() as log:
            return log.rows_at(sequences)

    def _apply(self, connection: Connection, head: _Head, rows: Sequence[Row]) -> None:
        """The next events of the user's history and the position after them, in the caller's transaction."""
        replica = head.replica
        with self._live.history() as log:
            projection = Projection(
                connection,
                head.number,
                assets=replica.assets.__getitem__,
                instruments=lambda symbol: replica.markets[symbol].instrument,
                user_id_of=lambda user: self._user_id(log, user),
                email_of=lambda user: catalogue.by_number(log.connection, user).email,
                note_of=lambda sequence: notes.read(log.connection, sequence),
            )
            for row in rows:
                projection.apply(decode(row))
        connection.execute(
            "UPDATE metadata SET exchange_id = ?, user_number = ?, applied_sequence = ?, applied_hash = ?,"
            " event_number = event_number + ?",
            (replica.exchange_id, head.number, rows[-1][0], rows[-1][HASH], len(rows)),
        )

    def _user_id(self, log: Log, number: int) -> str:
        """Ids never change and are never given out again, so they may be kept."""
        if number not in self._names:
            self._names[number] = catalogue.by_number(log.connection, number).user_id
        return self._names[number]


def shared_digest(connection: Connection) -> str:
    """SHA-256 over all rows of the shared tables, in the order of their keys."""
    digest = hashlib.sha256()
    for table in SHARED_TABLES:
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
            digest.update(repr(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()
