"""Creating, finding, listing and deleting users' trading databases.

Here: what an admin can do with users and their files. Never here: orders, balances. Always: the commit on exchange.db creates, renames
or deletes the user; the file follows at once, or at the next opening after a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import attrs
import sqlite_utils

from credit_trading.checks import checked_limit, checked_number, checked_text, shown
from credit_trading.clock import format_time
from credit_trading.errors import Busy, InvalidInput, StorageError, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.events import Entry
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import Connection
from credit_trading.users import catalogue
from credit_trading.users.catalogue import User
from credit_trading.users.files import UserFiles
from credit_trading.users.naming import check_email, check_user_id
from credit_trading.users.projector import Projector

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class PersonalPart:
    """What a command writes beside the journal: `check` before it is decided, `write` once its first event has its place."""

    check: Callable[[Connection], None] = lambda _: None
    write: Callable[[Connection, Entry], None] = lambda _, __: None


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

    def __init__(self, live: LiveReplica, files: UserFiles, projector: Projector, submit: Submit) -> None:
        self._live = live
        self._files = files
        self._projector = projector
        self._submit = submit

    def create_trading_database(self, user_id: str, email: str) -> TradingDatabase:
        """A new user with a file of their own.

        Raises InvalidInput for an id or e-mail outside the rules, AlreadyExists for an id that is or was given out (in any case).
        """
        check_user_id(checked_text(user_id, what="user id"))
        check_email(checked_text(email, what="e-mail"))
        salt = catalogue.new_salt()

        def write(connection: Connection, entry: Entry) -> None:
            number = entry.user_a
            assert number is not None
            catalogue.insert(connection, number, user_id, email, salt=salt, created_at_us=entry.time_us)

        self._submit(
            cmd.CreateUser(catalogue.person_digest(user_id, email, salt)),
            PersonalPart(check=lambda connection: catalogue.check_free(connection, user_id), write=write),
        )
        user = self._user(user_id)
        try:
            self._files.create(user.number)
        except StorageError as error:  # the commit has created the user; an error would say that nothing was changed
            _log.warning("the file of user %s is made when it is first opened: %s", user_id, error)
        return self._shown([user])[0]

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
                "the last change of e-mail is still waiting for the file",
                hint="Close it elsewhere.",
            )
        salt = catalogue.new_salt()
        self._submit(
            cmd.ChangeEmail(user.number, catalogue.person_digest(user_id, email, salt)),
            PersonalPart(write=lambda connection, _: catalogue.change_email(connection, user.number, email, salt=salt)),
        )
        self._files.finish(self._user(user_id))
        return self.show_trading_database(user_id)

    def delete_trading_database(self, user_id: str, *, sweep_to: str | None = None) -> None:
        """Deletes the user and the file. `sweep_to` cancels the user's orders and takes the balances.

        Raises UserNotEmpty for a user with open orders, holds or a balance and no `sweep_to`.
        """
        user = self._user(user_id)
        target = self._user(sweep_to).number if sweep_to is not None else None
        mark = PersonalPart(write=lambda connection, _: catalogue.mark_deleting(connection, user.number))
        try:
            self._submit(cmd.DeleteUser(user.number, target), mark)
        except UserNotEmpty as error:  # the exchange knows numbers only
            raise UserNotEmpty("users.delete", user_id, error.problem, hint=error.hint) from error
        with self._live.history() as log:
            deleted = catalogue.by_number(log.connection, user.number)
        self._files.finish(deleted)

    def catch_up(self, *, progress: Progress = no_progress) -> None:
        """Brings every user's file up to the journal; `progress` is told how many are done, and of how many."""
        self._projector.catch_up_all(progress=progress)

    def _user(self, user_id: str) -> User:
        user_id = checked_text(user_id, what="user id")
        with self._live.history() as log:
            return catalogue.by_id(log.connection, user_id)

    def _shown(self, users: Sequence[User]) -> list[TradingDatabase]:
        with self._live.reading() as replica:
            suspended = {user.number for user in users if replica.users[user.number].suspended}
        return [
            TradingDatabase(
                user.user_id, user.email, self._files.path_for(user), user.created_at_us, user.number in suspended
            )
            for user in users
        ]
