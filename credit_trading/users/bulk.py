"""Many users at once: checked first, then committed in groups, their files made a group at a time.

Here: what is wrong with a list of users before anything is committed, and carrying it out. Never here: one user (manager).
Always: bad input changes nothing; a user who is committed and whose file a crash kept from being made gets it when it is first opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import attrs

from credit_trading.checks import checked_text
from credit_trading.errors import AlreadyExists, InvalidInput, NotFound, StorageError, TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.events import Entry
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress
from credit_trading.store.sqlite import Connection
from credit_trading.users import catalogue
from credit_trading.users.files import UserFiles
from credit_trading.users.naming import check_email, check_user_id
from credit_trading.users.personal import PersonalPart

_log = logging.getLogger(__name__)

PER_COMMIT = 250
"""Users. Other writers wait for so many to be decided: some 50 ms."""


class SubmitAll(Protocol):
    """The write path for a group of new users: one COMMIT, outcomes in their order. Raises StorageError."""

    def __call__(self, commands: Sequence[tuple[cmd.Command, PersonalPart]]) -> Sequence[TradingError | None]: ...


@attrs.frozen(kw_only=True)
class Creation:
    """What came of a list: how many users were `created`, how many were there `already`, and whom somebody else was faster with."""

    created: int
    already: int
    refused: list[TradingError]


@attrs.define
class _Newcomer:
    """`number` is known once the user is committed."""

    user_id: str
    email: str
    number: int | None = None

    def is_number(self, number: int) -> None:
        self.number = number


def creation(user_id: str, email: str, created: Callable[[int], None]) -> tuple[cmd.CreateUser, PersonalPart]:
    """The command that creates a user, and the row of the catalogue that is committed with it; `created` is told the number."""
    salt = catalogue.new_salt()

    def write(connection: Connection, entry: Entry) -> None:
        number = entry.user_a
        assert number is not None
        catalogue.insert(connection, number, user_id, email, salt=salt, created_at_us=entry.time_us)
        created(number)

    part = PersonalPart(check=lambda connection: catalogue.check_free(connection, user_id), write=write)
    return cmd.CreateUser(catalogue.person_digest(user_id, email, salt)), part


def checked_user(user_id: str, email: str) -> tuple[str, str]:
    """Both as they were given. Raises InvalidInput for an id or an e-mail outside the rules."""
    return check_user_id(checked_text(user_id, what="user id")), check_email(checked_text(email, what="e-mail"))


def create_all(
    live: LiveReplica,
    files: UserFiles,
    submit: SubmitAll,
    users: Iterable[tuple[str, str]],
    *,
    skip_existing: bool,
    progress: Progress,
) -> Creation:
    """See `TradingDatabaseManager.create_trading_databases`."""
    newcomers, already = _checked(live, users, skip_existing=skip_existing)
    created, refused = 0, list[TradingError]()
    for first in range(0, len(newcomers), PER_COMMIT):
        group = newcomers[first : first + PER_COMMIT]
        try:
            outcomes = submit([creation(one.user_id, one.email, one.is_number) for one in group])
        except StorageError:
            _log.warning("%d users of %d were created before this failed", created, len(newcomers))
            raise
        errors = [error for error in outcomes if error is not None]
        made = [one.number for one, error in zip(group, outcomes, strict=True) if error is None and one.number]
        _make_files(files, made)
        created += len(made)
        refused += errors
        progress(first + len(group), len(newcomers))
    return Creation(created=created, already=already, refused=refused)


def _make_files(files: UserFiles, numbers: Sequence[int]) -> None:
    try:
        files.create_all(numbers)
    except StorageError as error:  # the commit has created the users; an error would say that nothing was changed
        _log.warning("the files of %d users are made when they are first opened: %s", len(numbers), error)
    except NotFound:  # one of them was deleted meanwhile
        _log.info("the files of %d users are made when they are first opened", len(numbers))


def _checked(
    live: LiveReplica, users: Iterable[tuple[str, str]], *, skip_existing: bool
) -> tuple[list[_Newcomer], int]:
    """Those who are new, and how many are there already. `users` is at the bad one when an error is raised."""
    newcomers: list[_Newcomer] = []
    seen: set[str] = set()
    already = 0
    for user_id, email in users:
        checked_user(user_id, email)
        if user_id.lower() in seen:
            raise InvalidInput(
                "users.import", user_id, "the id stands there twice", hint="Ids differ by more than case."
            )
        seen.add(user_id.lower())
        with live.history() as log:
            if skip_existing and _is_there(log.connection, user_id, email):
                already += 1
                continue
            catalogue.check_free(log.connection, user_id)
        newcomers.append(_Newcomer(user_id, email))
    return newcomers, already


def _is_there(connection: Connection, user_id: str, email: str) -> bool:
    """Raises AlreadyExists for a user of this id who has another e-mail."""
    try:
        user = catalogue.by_id(connection, user_id)
    except NotFound:
        return False
    if user.email != email:
        raise AlreadyExists(
            "users.import", user_id, f"the user exists, as {user.email}", hint="Change it: credit-trading users email."
        )
    return True
