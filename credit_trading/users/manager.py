"""Creating, finding, listing and deleting users' trading databases.

Here: what an admin can do with users and their files. Never here: orders, balances. Always: the commit on exchange.db creates, renames
or deletes the user; the file follows at once, or at the next opening after a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import attrs
import sqlite_utils

from credit_trading.checks import checked_limit, checked_number, checked_text, shown
from credit_trading.clock import format_time
from credit_trading.errors import Busy, InvalidInput, NotFound, StorageError, TradingError, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress, no_progress
from credit_trading.store.files import remove_database
from credit_trading.store.sqlite import Connection
from credit_trading.users import catalogue, quarantine
from credit_trading.users.bulk import Creation, SubmitAll, checked_user, create_all, creation
from credit_trading.users.catalogue import User
from credit_trading.users.deletion import (
    TRIES,
    Copied,
    Outdated,
    check_current,
    keep_verified,
    still_trading,
    tell_no_copy,
)
from credit_trading.users.erasure import Erasure, erase
from credit_trading.users.files import UserFiles
from credit_trading.users.follower import Follower
from credit_trading.users.naming import check_email
from credit_trading.users.personal import PersonalPart
from credit_trading.users.projector import Projector
from credit_trading.users.quarantine import QuarantinedFile
from credit_trading.users.repair import Rebuilt, RebuiltAll, Repair

_log = logging.getLogger(__name__)


class Submit(Protocol):
    """The write path, as far as users need it. Raises what a single call raises."""

    def __call__(self, command: cmd.Command, personal: PersonalPart) -> None: ...


@attrs.frozen
class TradingDatabase:
    """A user, where their file is, and whether they are suspended: such a user may cancel, deposit and withdraw, but not trade."""

    user_id: str
    email: str
    path: Path
    created_at_us: int
    suspended: bool

    @property
    def created_at(self) -> str:
        return format_time(self.created_at_us)


class TradingDatabaseManager:
    """The users of one exchange, for an admin."""

    def __init__(
        self,
        live: LiveReplica,
        files: UserFiles,
        projector: Projector,
        follower: Follower,
        submit: Submit,
        submit_all: SubmitAll,
    ) -> None:
        self._live = live
        self._files = files
        self._projector = projector
        self._follower = follower
        self._submit = submit
        self._submit_all = submit_all
        self._repair = Repair(live, files, projector)

    def create_trading_database(self, user_id: str, email: str) -> TradingDatabase:
        """A new user with a file of their own.

        Raises InvalidInput for an id or e-mail outside the rules, AlreadyExists for an id that is or was given out (in any case).
        """
        checked_user(user_id, email)
        rows: list[User] = []
        command, part = creation(user_id, email, lambda _: None)
        self._submit(command, _noting(part, rows))
        (user,) = rows
        try:
            self._files.create(user.number)
        # The commit has created the user: an error would say that nothing was changed. Somebody may have deleted the user since.
        except (StorageError, NotFound) as error:
            _log.warning("the file of user %s is made when it is first opened: %s", user_id, error)
        return self._as_shown(user, suspended=False)

    def create_trading_databases(
        self, users: Iterable[tuple[str, str]], *, skip_existing: bool = False, progress: Progress = no_progress
    ) -> Creation:
        """Many new users, as pairs of id and e-mail, committed some hundred at a time; their files show them when they are next read.

        All pairs are checked before anything is committed. `skip_existing` passes over users who are there with the same e-mail, so that
        a list that was broken off can be given again. Raises what `create_trading_database` raises, for the first that is wrong, and
        InvalidInput for an id that stands there twice: then nothing was changed. A StorageError may come between two groups.
        """
        return create_all(
            self._live, self._files, self._submit_all, users, skip_existing=skip_existing, progress=progress
        )

    def get_trading_database(self, user_id: str) -> sqlite_utils.Database:
        """The user's file as of now, read-only. Close it when done: while it is open the file can be neither renamed nor deleted.

        Raises NotFound, and StorageError for a file that is corrupt or foreign.
        """
        return self._projector.open_database(self._user(user_id).number)

    def show_trading_database(self, user_id: str) -> TradingDatabase:
        """Raises NotFound."""
        return self._shown([self._user(user_id)])[0]

    def list_trading_databases(
        self,
        search: str = "",
        *,
        sort: str = "user_id",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TradingDatabase]:
        """Users whose id or e-mail contains `search`, by `user_id`, `email` or `created_at`; a page of `limit` from `offset` on."""
        search = checked_text(search, what="users.list")
        if checked_text(sort, what="users.list") not in catalogue.SORTS:
            raise InvalidInput("users.list", shown(sort), "not a sort", hint=f"Sort by {', '.join(catalogue.SORTS)}.")
        most = checked_limit(limit, what="users.list")
        problem = "an offset is a whole number, 0 or more"
        first = checked_number(offset, what="users.list", problem=problem, hint="For example 20.")
        with self._live.history() as log:
            users = catalogue.search(
                log.connection, text=search, sort=sort, descending=descending, limit=most, offset=first
            )
        return self._shown(users)

    def change_email(self, user_id: str, email: str) -> TradingDatabase:
        """Also renames the file; at once, or when whoever else has it open lets go of it."""
        user = self._user(user_id)
        check_email(checked_text(email, what="e-mail"))
        if user.previous_file_name is not None:
            self._files.finish(user)
            user = self._user(user_id)
        if user.previous_file_name is not None:
            raise Busy(
                "users.email",
                user_id,
                f"the last change of e-mail is still waiting for the file {self._files.path_for(user)}",
                hint="Close it elsewhere.",
            )
        suspended = self._shown([user])[0].suspended
        rows: list[User] = []
        salt = catalogue.new_salt()

        def change(connection: Connection, _: Entry) -> None:
            catalogue.change_email(connection, user.number, email, salt=salt)

        self._submit(
            cmd.ChangeEmail(user.number, catalogue.person_digest(user_id, email, salt)),
            _noting(PersonalPart(write=change), rows),
        )
        (user,) = rows
        self._files.finish(user)
        return self._as_shown(user, suspended=suspended)

    def delete_trading_database(self, user_id: str, *, sweep_to: str | None = None, backup: bool = True) -> Path | None:
        """Deletes the user and the file. `sweep_to` cancels the user's orders and takes the balances.

        First a copy of the file, caught up and compared with the journal, is put into the folder `deleted`, unless `backup` is false; where
        it is. If that cannot be done, the user is not deleted, and what kept it from being done is raised.
        Raises UserNotEmpty for a user with open orders, holds or a balance and no `sweep_to`, Busy for one who does not stop trading.
        """
        user = self._user(user_id)
        target = self._user(sweep_to).number if sweep_to is not None else None
        kept = None
        if backup:
            kept = self._copy_and_delete(user, target)
        else:
            with self._files.rebuilding(user.number):
                self._delete(user, target, None)
        self._files.finish(user)
        return kept

    def erase(self, user_id: str) -> Erasure:
        """Removes what is personal of a deleted user for good, and what was kept of the file. The id stays: it is not given out again.

        Archives follow when they are next pruned. Raises NotFound, InvalidInput for a user who is not deleted, StorageError.
        """
        user_id = checked_text(user_id, what="user id")
        with self._live.history() as log:
            user = catalogue.former(log.connection, user_id)
        return erase(self._live, self._files, self._projector.admission.clock, user)

    def catch_up(self, *, progress: Progress = no_progress) -> int:
        """Brings every user's file up to the journal; `progress` is told how many are done, and of how many. Returns how many failed."""
        return self._follower.catch_up_all(progress=progress)

    def list_quarantined(self) -> list[QuarantinedFile]:
        """The files that are not used until they are rebuilt or released, in the order in which their users came."""
        with self._live.history() as log:
            listed = [
                (catalogue.by_number(log.connection, one.number), one) for one in quarantine.list_all(log.connection)
            ]
        return [
            QuarantinedFile(user.user_id, self._files.path_for(user), one.since_us, one.code, one.problem)
            for user, one in listed
            if user.state == "active"
        ]

    def release(self, user_id: str) -> bool:
        """Looks at the user's file again and takes it out of quarantine if it is whole; whether it was in it.

        Raises FileQuarantined, saying what is still wrong with it.
        """
        return self._repair.release(self._user(user_id))

    def rebuild(self, user_id: str, *, accept_loss: bool = False) -> Rebuilt:
        """Makes the user's file what the journal gives and takes it out of quarantine; what was there before is kept.

        Raises PrivateFactsMissing or FileAhead where facts would be lost that the journal does not know, unless `accept_loss`.
        """
        return self._repair.rebuild(self._user(user_id), accept_loss=accept_loss)

    def rebuild_all(self, *, accept_loss: bool = False, progress: Progress = no_progress) -> RebuiltAll:
        """The same for every user, whatever the state of their file; `progress` is told how many are done, and of how many."""
        return self._repair.rebuild_all(self._projector.active_numbers(), accept_loss=accept_loss, progress=progress)

    def _copy_and_delete(self, user: User, target: int | None) -> Path:
        """The copy is made again where the user's history has gone on before the deletion's turn came."""
        copied = None
        try:
            for _ in range(TRIES):
                with (
                    suppress(Outdated),
                    self._projector.caught_up(user.number) as live,
                    self._files.rebuilding(user.number),  # no private fact is written between the copy and the deletion
                ):
                    copied = None
                    copied = keep_verified(live, self._files.path_of(user.number), user.number, self._projector)
                    self._delete(user, target, copied)
                    return copied.path
        except StorageError as error:
            if copied is None:
                tell_no_copy(error, user.user_id)
            raise
        raise still_trading(user.user_id)

    def _delete(self, user: User, target: int | None, copied: Copied | None) -> None:
        def guard(replica: Replica) -> None:
            if copied is not None:
                check_current(copied, replica, user.number)

        mark = PersonalPart(guard=guard, write=lambda connection, _: catalogue.mark_deleting(connection, user.number))
        try:
            self._submit(cmd.DeleteUser(user.number, target), mark)
        except TradingError as error:
            if copied is not None and error.took_effect is False:
                remove_database(copied.path)
            if not isinstance(error, UserNotEmpty):
                raise
            raise UserNotEmpty(
                "users.delete", user.user_id, error.problem, hint=error.hint
            ) from error  # it knows numbers only

    def _user(self, user_id: str) -> User:
        user_id = checked_text(user_id, what="user id")
        with self._live.history() as log:
            return catalogue.by_id(log.connection, user_id)

    def _shown(self, users: Sequence[User]) -> list[TradingDatabase]:
        with self._live.reading() as replica:
            suspended = {user.number for user in users if replica.users[user.number].suspended}
        return [self._as_shown(user, suspended=user.number in suspended) for user in users]

    def _as_shown(self, user: User, *, suspended: bool) -> TradingDatabase:
        return TradingDatabase(user.user_id, user.email, self._files.path_for(user), user.created_at_us, suspended)


def _noting(part: PersonalPart, rows: list[User]) -> PersonalPart:
    """`part`, which also leaves in `rows` the user as it stands then. Reading that after the commit could fail, as if the commit had."""

    def write(connection: Connection, entry: Entry) -> None:
        part.write(connection, entry)
        assert entry.user_a is not None
        rows[:] = [catalogue.by_number(connection, entry.user_a)]

    return attrs.evolve(part, write=write)
