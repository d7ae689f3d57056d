"""Brings users' files up to the journal, each event exactly once.

Here: from where to where, in which transaction, and what to do with a file that does not fit. Never here: the rows (projection).
Always: a file's position is read and written in the transaction that writes its rows; a file that is not on the journal's history is
refused and left as it is; trouble with one file never stops writers or other users.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from credit_trading.errors import FileCorrupt, TradingError
from credit_trading.exchange.replica import Replica
from credit_trading.journal import notes
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import Connection, connect, immediate, translated
from credit_trading.users import catalogue
from credit_trading.users.files import UserFiles, check_identity
from credit_trading.users.projection import Projection
from credit_trading.users.schema import PROJECTION_VERSION, SHARED_TABLES, template

_log = logging.getLogger(__name__)

EVENTS_PER_TRANSACTION = 5_000


@attrs.frozen
class _Head:
    """Where a user's history ends, and the facts that never change once the journal has them."""

    sequence: int
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
        head = self._head(number)
        with self._files.checkout(number) as connection:
            self._bring(connection, number, head)
            yield connection

    def catch_up(self, number: int) -> None:
        """Raises StorageError for a file that is corrupt, foreign or in use; the journal is not touched."""
        with self.caught_up(number):
            pass

    def catch_up_after_commit(self, numbers: Iterable[int]) -> None:
        """As `catch_up` for several users; what fails is noted in `faults` and tried again when the file is next read."""
        for number in numbers:
            try:
                self.catch_up(number)
            except TradingError as error:
                _log.warning("the file of user #%d is behind: %s", number, error)

    def catch_up_all(self, *, progress: Progress = no_progress) -> None:
        """Every active user; `progress` is told how many are done, and of how many."""
        with self._live.reading() as replica:
            numbers = [user.number for user in replica.users.values() if not user.deleted]
        for done, number in enumerate(numbers, 1):
            self.catch_up_after_commit([number])
            progress(done, len(numbers))

    def compare(self, number: int) -> tuple[str, str]:
        """The digests of the user's shared tables as they are, caught up, and as the journal gives them from zero."""
        with self.caught_up(number) as connection:
            live = shared_digest(connection)
            applied = connection.execute("SELECT applied_sequence FROM metadata").fetchone()[0]
        with _scratch_file() as scratch:
            self._follow(scratch, number, attrs.evolve(self._head(number), sequence=applied))
            return live, shared_digest(scratch)

    def _head(self, number: int) -> _Head:
        with self._live.reading() as replica:
            return _Head(replica.users[number].last_sequence, replica)

    def _bring(self, connection: Connection, number: int, head: _Head) -> None:
        try:
            self._follow(connection, number, head)
        except TradingError as error:
            self.faults[number] = error
            raise
        self.faults.pop(number, None)

    def _follow(self, connection: Connection, number: int, head: _Head) -> None:
        path = self._files.path_of(number)
        check_identity(connection, path, exchange_id=head.replica.exchange_id, number=number)
        with self._live.history() as log:
            _position(connection).check(log, follower=str(path))
        while (applied := _applied(connection, path)) < head.sequence:
            with self._live.history() as log:
                sequences = log.history_of(number, last=head.sequence, after=applied)
            for chunk in _slices(sequences, EVENTS_PER_TRANSACTION):
                with translated("users.file", path), immediate(connection):
                    if _applied(connection, path) != applied:
                        break  # another process was faster: look again where the file stands
                    self._apply(connection, number, head.replica, chunk)
                applied = chunk[-1]

    def _apply(self, connection: Connection, number: int, replica: Replica, sequences: Sequence[int]) -> None:
        """The next events of the user's history and the position after them, in the caller's transaction."""
        with self._live.history() as log:
            self._project(connection, number, replica, log, sequences)

    def _project(
        self, connection: Connection, number: int, replica: Replica, log: Log, sequences: Sequence[int]
    ) -> None:
        connection.execute("UPDATE metadata SET exchange_id = ?, user_number = ?", (replica.exchange_id, number))
        projection = Projection(
            connection,
            number,
            assets=replica.assets.__getitem__,
            instruments=lambda symbol: replica.markets[symbol].instrument,
            user_id_of=lambda user: self._user_id(log, user),
            email_of=lambda user: catalogue.by_number(log.connection, user).email,
            note_of=lambda sequence: notes.read(log.connection, sequence),
        )
        for sequence in sequences:
            entry = log.entry(sequence)
            assert entry is not None, f"journal entry {sequence} is gone"
            projection.apply(entry)
        connection.execute(
            "UPDATE metadata SET applied_sequence = ?, applied_hash = ?, event_number = event_number + ?",
            (sequences[-1], log.hash_at(sequences[-1]), len(sequences)),
        )

    def _user_id(self, log: Log, number: int) -> str:
        """Ids never change and are never given out again, so they may be kept."""
        if number not in self._names:
            self._names[number] = catalogue.by_number(log.connection, number).user_id
        return self._names[number]


def _slices(sequences: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Slices of at most `size`, in order."""
    for start in range(0, len(sequences), size):
        yield sequences[start : start + size]


def shared_digest(connection: Connection) -> str:
    """SHA-256 over all rows of the shared tables, in the order of their keys."""
    digest = hashlib.sha256()
    for table in SHARED_TABLES:
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
            digest.update(repr(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _position(connection: Connection) -> Position:
    return Position(
        *connection.execute("SELECT coalesce(exchange_id, ''), applied_sequence, applied_hash FROM metadata").fetchone()
    )


def _applied(connection: Connection, path: Path) -> int:
    with translated("users.file", path):
        row = connection.execute("SELECT applied_sequence, projection_version FROM metadata").fetchone()
    if row is None:
        raise FileCorrupt(
            "users.file", path, "it does not say where it stands", hint="Move it away; it is rebuilt when next opened."
        )
    if row[1] != PROJECTION_VERSION:
        raise FileCorrupt(
            "users.file",
            path,
            f"it was projected by version {row[1]}, not {PROJECTION_VERSION}",
            hint="Move it away; it is rebuilt.",
        )
    applied: int = row[0]
    return applied


@contextmanager
def _scratch_file() -> Iterator[Connection]:
    """An empty user file that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scratch.db"
        path.write_bytes(template())
        connection = connect(path, mode="rw", synchronous="NORMAL")
        try:
            yield connection
        finally:
            connection.close()
