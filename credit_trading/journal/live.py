"""The live replica: exchange.db and the state in memory that tails it, shared by the threads of one process.

Here: who may read and write when, catching up with what other processes decided, and what to do when a COMMIT raises.
Always: other threads see committed state only; a replica in doubt is thrown away and built again; after a COMMIT that raised, a fence
is committed before anything else is.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from credit_trading.errors import ArchiveUnreachable, Busy, StorageError
from credit_trading.exchange import events as ev
from credit_trading.exchange.replica import Replica
from credit_trading.journal import checkpoint, rows
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.journal.notes import Note
from credit_trading.journal.renewal import Glances, renew
from credit_trading.journal.replay import replay
from credit_trading.store.locks import PRESENT, LockFile, Turnstile
from credit_trading.store.migrations import Migration
from credit_trading.store.sqlite import abandon, file_id, has_wal_reset_bug, sqlite3, translated

_log = logging.getLogger(__name__)

FENCE = "fence"
"""The cause of fence events."""

_DISK_FULL = "database or disk is full"  # SQLITE_FULL; pysqlite3's errors carry no code

_all: weakref.WeakSet[LiveReplica] = weakref.WeakSet()


class CommitUndecided(Exception):
    """COMMIT raised: whether it took effect is not known before a fence is committed."""


class LiveReplica:
    """Opened on first use. `lock` guards the replica and the writing connection."""

    def __init__(self, home: Path, *, lock_timeout_s: float) -> None:
        self.path = home / FILE_NAME
        self.lock_path = home / "exchange.lock"
        self.checkpoints = home / "checkpoints"
        self.lock = threading.RLock()
        self._reader_lock = threading.RLock()
        self._reader: Log | None = None
        self._timeout_s = lock_timeout_s
        self._fence_needed = False
        self._closed = False
        self._log: Log | None = None
        self._replica: Replica | None = None
        self._hash = rows.FIRST_HASH
        self._begun_at = 0
        self._seen: int | None = None
        self.stand = 0
        """Rises whenever somebody may have committed something; only under `lock`."""
        self._lock_file: LockFile | None = None
        self._checkpointed = 0
        self._saving = threading.Lock()
        self.on_move: Callable[[int], None] = lambda _: None
        """Told of each user whose file another process wants to rename or delete; called under `lock`, must not wait."""
        _all.add(self)

    @property
    def lock_file(self) -> LockFile:
        """This process's handle on the folder's locks; the first use enters the folder."""
        if self._closed:
            raise StorageError("exchange", self.path.parent, "it is closed", hint="Open it again: credit_trading.open.")
        if self._lock_file is None:
            lock_file = LockFile.open(self.lock_path)
            try:
                _enter(lock_file)
            except BaseException:
                lock_file.close()
                raise
            self._lock_file = lock_file
        return self._lock_file

    @property
    def log(self) -> Log:
        """The writing connection; only under `lock`."""
        if self._log is None:
            assert self.lock_file, "the folder is entered before anything in it is opened"
            self._log = Log.open(self.path)
            self._seen = None
        return self._log

    @contextmanager
    def turn(self) -> Iterator[None]:
        """This process's turn to write. Raises Busy after the lock timeout."""
        with Turnstile(self.lock_file).turn(self._timeout_s):
            yield

    def upgrade(self, migrations: Sequence[Migration]) -> None:
        """Before anything else is read: see `Log.upgrade`. Only where nobody else is: an older version would go on in the old format."""
        assert self.lock_file, "the folder is entered before anything in it is opened"
        if not Log.pending(self.path, migrations):
            return
        shared = not has_wal_reset_bug()
        self.lock_file.release(PRESENT, shared=shared)
        try:
            with self.lock_file.hold(PRESENT, timeout_s=self._timeout_s, operation="exchange.upgrade"):
                Log.upgrade(self.path, migrations)
        finally:
            self.lock_file.acquire(PRESENT, shared=shared, timeout_s=self._timeout_s, operation="exchange.open")

    @contextmanager
    def history(self) -> Iterator[Log]:
        """A second connection for reading what is committed: rows, notes, the catalogue. Does not wait for writers."""
        with _Locked(self._reader_lock, self._timeout_s), translated("exchange.read", self.path):
            if self._reader is None:
                assert self.lock_file, "the folder is entered before anything in it is opened"
                self._reader = Log.open(self.path)
                self._reader.archived.aside = self._without_reader_lock
            yield self._reader

    @contextmanager
    def _without_reader_lock(self) -> Iterator[None]:
        """While a reader waits for an archive, others read here. A thread that has the lock twice keeps it."""
        self._reader_lock.release()
        try:
            yield
        finally:
            self._reader_lock.acquire()

    @contextmanager
    def reading(self) -> Iterator[Replica]:
        """The replica, caught up with everything committed. Keep it short: writers of this process wait."""
        with self._locked(), translated("exchange.read", self.path):
            yield self._as_it_stands()

    @contextmanager
    def writing(self) -> Iterator[Replica]:
        """The turnstile, then an open transaction on exchange.db and the replica caught up within it.

        Leave it through `commit`; whatever is not committed is rolled back, and a replica that had recorded events is thrown away.
        Raises Busy after the lock timeout. Only the body sees what it records before the commit.
        """
        with self.turn(), self._locked():
            self._refuse_if_replaced()
            if self._fence_needed:
                self.fence()
            self._begun_at = 0 if self._replica is None else self._replica.sequence
            try:
                with translated("exchange.write", self.path):
                    self.log.connection.execute("BEGIN IMMEDIATE")
                    replica = self._caught_up()
                    self._begun_at = replica.sequence
                    yield replica
            except BaseException:
                self._roll_back()
                raise
            self._roll_back()

    def _refuse_if_replaced(self) -> None:
        """Connections to a file that has lost its name would go on committing into nothing. Raises StorageError."""
        found = file_id(self.path)
        for log in (self._log, self._reader):
            if log is not None and log.file_id != found:
                raise StorageError(
                    "exchange.write",
                    self.path,
                    "it was replaced while in use",
                    hint="Close the exchange; open it again.",
                )

    def commit(self, entries: Sequence[ev.Entry], noted: Mapping[int, Note] = MappingProxyType({})) -> None:
        """Appends what the replica recorded, with the notes by their sequences, and commits: the moment at which it is decided.

        Raises CommitUndecided; Unwritable if the disk is full, and then nothing was committed.
        """
        hash_after = self.log.append(entries, self._hash, noted)
        self._commit()
        self.stand += 1
        self._hash = hash_after
        if self._replica is not None:
            self._begun_at = self._replica.sequence

    def _commit(self) -> None:
        try:
            self.log.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if _DISK_FULL in str(error):  # it failed before the WAL had a whole commit frame: no one will ever see it
                self._discard()
                raise
            _log.error("COMMIT on %s failed (%s); its outcome is open until a fence is committed", self.path, error)
            self._fence_needed = True
            self._discard()
            raise CommitUndecided from error

    def fence(self) -> None:
        """Commits a fence event, under the turnstile and outside of any transaction; what came before it is decided from here on.

        Raises StorageError while the disk still fails; then nothing may be written yet.
        """
        try:
            with translated("exchange.fence", self.path):
                self.log.connection.execute("BEGIN IMMEDIATE")
                replica = self._caught_up()
                replica.record(ev.Fenced(), time_us=replica.time_us, cause=FENCE, content=None)
                self.commit(replica.take_pending())
        except CommitUndecided as error:
            raise StorageError(
                "exchange.fence", self.path, "the disk still fails", hint="Nothing is written before it works again."
            ) from error
        except BaseException:
            self._discard()
            raise
        self._fence_needed = False

    def save_checkpoint(self, *, every_events: int, at_rest: bool = False) -> bool:
        """Writes a checkpoint if at least so many events have come since the last; whether it did. Other processes may at the same time.

        Nobody waits for it: it is made from the last one and the journal, by a replica of its own, and rests often. `at_rest` is for
        when nobody else is at work here: it writes the live replica, which is quicker, and others wait. Raises StorageError.
        """
        with self.reading() as replica:
            head = replica.sequence
            if head - self._checkpointed < every_events:
                return False
            if at_rest:
                self._checkpointed = head
                checkpoint.save(self.checkpoints, replica, self._hash, self.log)
                return True
        if not self._saving.acquire(blocking=False):
            return False
        try:
            self._checkpointed = head
            self._checkpointed, is_new = renew(
                self.checkpoints, Glances(self.history), until=head, every_events=every_events
            )
            return is_new
        finally:
            self._saving.release()

    def close(self) -> None:
        with self._locked(), _Locked(self._reader_lock, self._timeout_s):
            self._close_connections()
            if self._lock_file is not None:
                self._lock_file.release(PRESENT, shared=not has_wal_reset_bug())
                self._lock_file.close()
            self._replica = self._lock_file = None
            self._closed = True

    def _close_connections(self) -> None:
        for log in (self._log, self._reader):
            if log is not None and not log.connection.in_transaction:
                log.close()
        self._log = self._reader = None

    def _locked(self) -> _Locked:
        return _Locked(self.lock, self._timeout_s)

    def _as_it_stands(self) -> Replica:
        """Caught up; the journal is read only if somebody else has committed since it was last read."""
        version: int = self.log.connection.execute("PRAGMA data_version").fetchone()[0]
        if self._replica is None or self._seen != version:
            self.stand += 1
            self._caught_up()
            self._seen = version
        assert self._replica is not None
        return self._replica

    def _caught_up(self) -> Replica:
        if self._replica is not None:
            try:
                self._catch_up(self._replica)
                return self._replica
            except ArchiveUnreachable:  # it is so far behind that its rows were moved; a checkpoint is not
                self._replica = None
            except BaseException:
                self._replica = None
                raise
        replica = self._load()
        self._catch_up(replica)
        self._replica = replica
        return replica

    def _load(self) -> Replica:
        loaded = checkpoint.load(self.checkpoints, self.log)
        replica, self._hash = loaded or (Replica(), rows.FIRST_HASH)
        self._checkpointed = replica.sequence
        return replica

    def _catch_up(self, replica: Replica) -> None:
        """Applies what stands in the journal beyond the replica."""
        self._hash = replay(replica, self._hash, self.log.batch_from, on_move=self.on_move)

    def _roll_back(self) -> None:
        if self._replica is not None and self._replica.sequence != self._begun_at:
            self._replica = None  # it has applied what is not in the journal; SQLite may have rolled back by itself
        if self._log is None or not self._log.connection.in_transaction:
            return
        try:
            self._log.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._discard()

    def _discard(self) -> None:
        """Forgets replica and connection; the next use opens both again."""
        self._replica = None
        if self._log is not None:
            try:
                self._log.close()
            except sqlite3.Error:
                abandon(self._log.connection)
            self._log = None

    def before_fork(self) -> None:
        """SQLite's handles must not be open while the process forks; they are opened again, in parent and child, on first use."""
        self.lock.acquire()
        self._reader_lock.acquire()
        self._close_connections()

    def after_fork_in_parent(self) -> None:
        self._reader_lock.release()
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """The child goes on with the replica, under locks of its own."""
        self.lock = threading.RLock()
        self._reader_lock = threading.RLock()
        self._saving = threading.Lock()
        self._lock_file = None


def _enter(lock_file: LockFile) -> None:
    """Says that this process uses the folder: together with others, or alone where SQLite is not safe with several."""
    if lock_file.try_acquire(PRESENT, shared=not has_wal_reset_bug()):
        return
    raise StorageError(
        "exchange.open",
        Path(lock_file.path).parent,
        "another process has it open, and one of the two links an SQLite that several processes can corrupt files with"
        f" (3.7.0 to 3.51.2; this one is {sqlite3.sqlite_version})",
        hint="Install pysqlite3, or a Python with a newer SQLite.",
    )


class _Locked:
    """A lock with a timeout, as a context manager."""

    def __init__(self, lock: threading.RLock, timeout_s: float) -> None:
        self._lock = lock
        self._timeout_s = timeout_s

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._timeout_s):
            raise Busy(
                "exchange", "", f"another thread has used the exchange for {self._timeout_s} s", hint="Try again."
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_forking: list[LiveReplica] = []
"""Those whose locks this thread holds while it forks."""


_fork_turn = threading.RLock()
"""One thread forks at a time."""


def _before_fork() -> None:
    _fork_turn.acquire()
    _forking[:] = list(_all)
    for live in _forking:
        live.before_fork()


def _after_fork_in_parent() -> None:
    for live in _forking:
        live.after_fork_in_parent()
    _forking.clear()
    _fork_turn.release()


def _after_fork_in_child() -> None:
    for live in _forking:
        live.after_fork_in_child()
    _forking.clear()
    _fork_turn.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
