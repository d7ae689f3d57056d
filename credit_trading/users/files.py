"""Users' files on disk: making, opening, renaming and deleting them.

Here: which path is a user's, and who may move or rebuild what is there. Never here: what a handle is (handles), what the rows mean
(projection), when they are written (projector).
Always: while a handle on a file is open its user's lock is held shared; a file is moved or removed only under that lock held
exclusively, closed, and with no `-wal` left; what could not be done yet stands in the catalogue and is done later.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from credit_trading.errors import AlreadyExists, Busy, NotFound, StorageError
from credit_trading.journal.live import CommitUndecided, LiveReplica
from credit_trading.store.files import publish_all_new, publish_new, remove_database
from credit_trading.store.locks import LockFile, rebuild_slot, user_slot
from credit_trading.store.pool import ConnectionPool
from credit_trading.store.sqlite import Connection, connect, file_id
from credit_trading.users import catalogue, moves, private
from credit_trading.users.catalogue import User
from credit_trading.users.gate import Gate
from credit_trading.users.handles import UserConnection, as_user_file, open_handle
from credit_trading.users.naming import path_in
from credit_trading.users.tables.schema import template

_log = logging.getLogger(__name__)

_all: weakref.WeakSet[UserFiles] = weakref.WeakSet()

MOVE_TIMEOUT_S = 1.0
"""How long a rename or deletion waits for other processes to let go of the file; after that it is left for the next opening."""


class UserFiles:
    """The files of one exchange's users, with a bounded pool of open handles."""

    def __init__(self, home: Path, live: LiveReplica, *, pool_size: int, lock_timeout_s: float) -> None:
        self._home = home
        self._live = live
        self._timeout_s = lock_timeout_s
        self.lock_timeout_ms = int(lock_timeout_s * 1000)
        self.pool = ConnectionPool(self._open_pooled, _close, pool_size, timeout_s=lock_timeout_s)
        self._dropped: deque[tuple[LockFile, int]] = deque()
        self._gate = Gate()
        live.on_move = self.let_go
        _all.add(self)

    def before_fork(self) -> None:
        self._gate.close(timeout_s=self._timeout_s)
        self.pool.close_idle()

    def after_fork_in_parent(self) -> None:
        self._gate.open()

    def after_fork_in_child(self) -> None:
        self.pool.abandon()
        self._gate = Gate()

    @contextmanager
    def checkout(self, number: int, *, timeout_s: float | None = None) -> Iterator[UserConnection]:
        """This process's one writing handle on the user's file, for this thread alone; made anew if the file was replaced.

        Raises Busy if another thread keeps it for longer than `timeout_s` (the lock timeout if None).
        """
        while True:
            with self._gate.passed(), self.pool.checkout(number, timeout_s=timeout_s) as connection:
                assert isinstance(connection, UserConnection)
                replaced = file_id(connection.path) != connection.file_id
                if not replaced:
                    with as_user_file(connection.path):
                        yield connection
                    return
            with self._gate.passed():
                self.pool.discard(number)

    @contextmanager
    def as_it_is(self, number: int) -> Iterator[Connection | None]:
        """A handle for looking at the file, which is neither made, renamed nor brought forward for it; None if it is not there.

        Raises NotFound for a user who is deleted; what is wrong with the file comes as it comes.
        """
        self._release_dropped()
        slot, timeout_s = user_slot(number), self._timeout_s
        with (
            self._gate.passed(),
            self._live.lock_file.hold(slot, shared=True, timeout_s=timeout_s, operation="users.look"),
        ):
            path = self.path_of(number)
            if not path.exists():
                yield None
                return
            with closing(
                connect(path, mode="rw", synchronous="NORMAL")
            ) as connection:  # "ro" would leave its -shm behind
                connection.execute("PRAGMA query_only = 1")
                yield connection

    @contextmanager
    def unforked(self) -> Iterator[None]:
        """This process does not fork within, unless it lasts longer than the lock timeout: for a handle on a file outside of the pool."""
        with self._gate.passed():
            yield

    @contextmanager
    def rebuilding(self, number: int, *, timeout_s: float | None = None) -> Iterator[None]:
        """For one process at a time, which has the file checked out; handles on it stay open. Raises Busy."""
        lock_file, slot = self._live.lock_file, rebuild_slot(number)
        longest_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            lock_file.acquire(slot, timeout_s=longest_s, operation="users.rebuild")
        except Busy as error:
            problem = f"another process has been rebuilding the file for {longest_s:g} s and is not done"
            raise Busy("users.rebuild", f"user #{number}", problem, hint="Try again.") from error
        try:
            yield
        finally:
            lock_file.release(slot)

    @contextmanager
    def laid_open(self, number: int, *, alone: bool = False) -> Iterator[Path]:
        """The user's file for one who repairs it: no thread here has it checked out, no process rebuilds, renames or deletes it meanwhile.

        Handles elsewhere stay open unless it is to be for one `alone`. Raises Busy.
        """
        self._release_dropped()
        lock_file, slot = self._live.lock_file, user_slot(number)
        with ExitStack() as held:
            held.enter_context(self._gate.passed())
            held.enter_context(self.pool.vacated(number))
            try:
                lock_file.acquire(slot, shared=not alone, timeout_s=self._timeout_s, operation="users.rebuild")
            except Busy as error:
                raise self._held_elsewhere(number, lock_file.holders(slot)) from error
            held.callback(lock_file.release, slot, shared=not alone)
            if not alone:
                held.enter_context(self.rebuilding(number))
            yield self.path_of(number)

    def _held_elsewhere(self, number: int, processes: list[int]) -> Busy:
        who = f" (process {', '.join(map(str, processes))})" if processes else ""
        return Busy(
            "users.rebuild",
            self.path_of(number),
            f"it has to be moved, and is open elsewhere{who}",
            hint="Close it there, or end that process; then try again.",
        )

    def open_for_reading(self, number: int) -> Connection:
        """A read-only handle of the caller's own; the caller has the writing handle checked out, or keeps the file open otherwise."""
        return self._open(number, mode="ro")

    def create(self, number: int) -> Path:
        """Makes the user's file from the template unless it is there. Raises PrivateFactsMissing if it held what cannot be made anew."""
        user = self._user(number)
        path = self.path_for(user)
        if path.exists():
            return path
        # Waiting is only for someone who still has a deleted file open, and must not keep writers waiting for long.
        with self._live.lock_file.hold(user_slot(number), timeout_s=MOVE_TIMEOUT_S, operation="users.create"):
            path = self.path_of(number)  # it may have been renamed before the lock was ours
            if not path.exists():
                with self._live.history() as log:
                    if private.is_marked(log.connection, number):
                        raise private.missing(user.user_id, path, "the file is gone")
                _make_room(path)
                publish_new(path, template())
        return path

    def create_all(self, numbers: Iterable[int]) -> None:
        """Makes the files of users who are new: what `create` does, with few fsyncs.

        One whose lock is taken is left out: whoever has it is making the file. All locks are kept until the files are durable, or a private
        fact could be written into one that a power cut takes away.
        """
        with ExitStack() as held:
            paths = []
            for number in numbers:
                slot = user_slot(number)
                if self._live.lock_file.try_acquire(slot):
                    held.callback(self._live.lock_file.release, slot)
                    path = self.path_of(number)
                    if not path.exists():
                        _make_room(path)
                        paths.append(path)
            publish_all_new(paths, template())

    def finish(self, user: User, *, timeout_s: float = MOVE_TIMEOUT_S) -> None:
        """Renames or deletes the user's file as the catalogue says, unless someone else keeps it open for that long."""
        self._release_dropped()
        try:
            with (
                self._gate.passed(),
                self.pool.vacated(user.number, timeout_s=timeout_s),
                self._live.lock_file.hold(user_slot(user.number), timeout_s=timeout_s, operation="users.file"),
            ):
                user = self._as_of_now(user)
                if user.state == "deleting":
                    self._delete(user)
                elif user.previous_file_name is not None:
                    self._rename(user)
        except Busy:
            level = logging.WARNING if timeout_s else logging.INFO
            _log.log(level, "the file of user %s is open elsewhere and will be renamed or deleted later", user.user_id)
        except (StorageError, AlreadyExists) as error:
            _log.warning("the file of user %s will be renamed or deleted later: %s", user.user_id, error)

    def finish_all(self) -> None:
        """Works off what a crash or another process's open handle left undone."""
        with self._live.history() as log:
            users = catalogue.unfinished(log.connection)
        for user in users:
            self.finish(user, timeout_s=0)

    def path_of(self, number: int) -> Path:
        """Where the user's file is now. Raises NotFound for a user who is deleted."""
        return self.path_for(self._user(number))

    def close(self) -> None:
        self.pool.close()

    def _user(self, number: int) -> User:
        with self._live.history() as log:
            user = catalogue.by_number(log.connection, number)
        if user.state != "active":
            raise NotFound("users", user.user_id, "the user is deleted", hint="List them: credit-trading users list.")
        return user

    def _as_of_now(self, user: User) -> User:
        """What has to be done to the file may have been done, or have changed, before its lock was ours."""
        with self._live.history() as log:
            return catalogue.by_number(log.connection, user.number)

    def path_for(self, user: User) -> Path:
        """Where this user's file is, or will be: while a rename is under way under the name that is there."""
        path = path_in(self._home, user.file_name)
        if user.previous_file_name is None:
            return path
        previous = path_in(self._home, user.previous_file_name)
        return path if path.exists() and not previous.exists() else previous

    def _open_pooled(self, number: int) -> Connection:
        with self._live.history() as log:
            user = catalogue.by_number(log.connection, number)
        if user.previous_file_name is not None:
            self._try_rename(user)
        return self._open(number, mode="rw")

    def _try_rename(self, user: User) -> None:
        """On the way to opening the file: only if no one else has it open."""
        slot = user_slot(user.number)
        if self._live.lock_file.try_acquire(slot):
            try:
                self._rename(user)
            except (AlreadyExists, StorageError) as error:  # the file is good under the name that it has
                _log.warning("the file of user %s will be renamed later: %s", user.user_id, error)
            finally:
                self._live.lock_file.release(slot)

    def let_go(self, number: int) -> None:
        """Another process waits to rename, delete or repair the file: close the handle, unless it is in use just now."""
        with suppress(Busy):
            self.pool.discard(number, timeout_s=0)

    def _release_dropped(self) -> None:
        """Handles may be collected anywhere, also where locks may not be touched; theirs are released here."""
        while self._dropped:
            lock_file, slot = self._dropped.popleft()
            lock_file.release(slot, shared=True)

    def _open(self, number: int, *, mode: Literal["rw", "ro"]) -> Connection:
        self._release_dropped()
        lock_file, slot = self._live.lock_file, user_slot(number)
        while True:
            lock_file.acquire(slot, shared=True, timeout_s=self._timeout_s, operation="users.open")
            try:
                path = self.path_of(number)
                if path.exists():
                    return open_handle(path, mode, lock_file, slot, self._dropped)
            except BaseException:
                lock_file.release(slot, shared=True)
                raise
            lock_file.release(slot, shared=True)
            self.create(number)

    def _rename(self, user: User) -> None:
        """Under the exclusive lock, and in one turn with the catalogue. Safe to repeat from wherever a crash left it."""

        self.note("users.email", user.user_id, lambda connection: moves.rename(self._home, connection, user.number))

    def _delete(self, user: User) -> None:
        moves.remove(self._home, user)
        self.note("users.delete", user.user_id, lambda connection: moves.note_removed(connection, user.number))

    def note(
        self,
        operation: str,
        user_id: str,
        write: Callable[[Connection], None],
        *,
        problem: str = "done, but not noted yet",
    ) -> None:
        """Commits something about a user's file in exchange.db, in a turn of its own; `problem` is told if that remains undecided.

        Raises StorageError.
        """
        try:
            with self._live.writing():
                write(self._live.log.connection)
                self._live.commit([])
        except CommitUndecided as error:
            problem = f"{problem} in {self._live.path}"
            raise StorageError(operation, user_id, problem, hint="Repeat it when the disk works.") from error


def _make_room(path: Path) -> None:
    """For a new file: a -wal that was left behind would be replayed into it."""
    if any(os.path.exists(f"{path}{suffix}") for suffix in ("-wal", "-shm")):
        remove_database(path)


def _close(_: int, connection: Connection) -> None:
    connection.close()


_fork_turn = threading.RLock()
"""One thread at a time closes what is open, forks, and lets the others in again."""


def _before_fork() -> None:
    _fork_turn.acquire()
    for files in list(_all):
        files.before_fork()


def _after_fork_in_parent() -> None:
    for files in list(_all):
        files.after_fork_in_parent()
    _fork_turn.release()


def _after_fork_in_child() -> None:
    for files in list(_all):
        files.after_fork_in_child()
    _fork_turn.release()


# What is registered last runs first before a fork: files are let go of while the replica can still be used.
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
