"""Many users at once: checked first, then committed in groups, their files made a group at a time.

Here: what is wrong with a list of users before anything is committed, and carrying it out. Never here: one user (manager).
Always: bad input changes nothing; a user who is committed and whose file a crash kept from being made gets it when it is first opened.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import attrs

from credit_trading.checks import checked_text
from credit_trading.errors import AlreadyExists, Interrupted, InvalidInput, NotFound, StorageError, TradingError
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


MOST_WRONG = 10
"""Of a list so many are told of; the rest is not looked at."""

Wrong = InvalidInput | AlreadyExists


class SubmitAll(Protocol):
    """The write path for a group of new users: one COMMIT, outcomes in their order. Raises StorageError."""

    def __call__(self, commands: Sequence[tuple[cmd.Command, PersonalPart]]) -> Sequence[TradingError | None]: ...


@attrs.frozen(kw_only=True)
class Creation:
    """What came of a list: how many users were `created`, how many were there `already`, and whom somebody else was faster with."""

    created: int
    already: int
    refused: list[TradingError]


class WrongUsers(Exception):
    """The cause of the error that refuses a list: places in it, counted from 0, and what is wrong there; `MOST_WRONG` at most."""

    def __init__(self, wrong: Sequence[tuple[int, Wrong]]) -> None:
        super().__init__("; ".join(str(error) for _, error in wrong))
        self.wrong = tuple(wrong)

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be more."""
        return len(self.wrong) == MOST_WRONG


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
        except StorageError as error:
            if not created:
                raise
            problem = f"{created} of {len(newcomers)} users were created before this: {error.problem}"
            problem = problem.replace("nothing was changed", "of this group none was created")
            hint = "Give the list again, with --skip-existing."
            raise Interrupted("users.import", error.subject, problem, hint=hint) from error
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
    # The commit has created the users: an error would say otherwise. Once the main thread has ended there are no new threads.
    except (StorageError, RuntimeError) as error:
        _log.warning("files made when they are first opened: %d (%s)", len(numbers), error)
    except NotFound:  # one of them was deleted meanwhile
        _log.info("files made when they are first opened: %d", len(numbers))


def _checked(
    live: LiveReplica, users: Iterable[tuple[str, str]], *, skip_existing: bool
) -> tuple[list[_Newcomer], int]:
    """Those who are new, and how many are there already. Raises the first error, caused by WrongUsers."""
    newcomers: list[_Newcomer] = []
    wrong: list[tuple[int, Wrong]] = []
    seen: set[str] = set()
    already = 0
    for place, user in enumerate(_steps(users)):
        try:
            if isinstance(user, InvalidInput):
                raise user
            if _is_there(live, *_first_of(user, seen), skip_existing=skip_existing):
                already += 1
            else:
                newcomers.append(_Newcomer(*user))
        except (InvalidInput, AlreadyExists) as error:
            wrong.append((place, error))
            if len(wrong) == MOST_WRONG:
                break
    if wrong:
        raise wrong[0][1] from WrongUsers(wrong)
    return newcomers, already


def _steps(users: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str] | InvalidInput]:
    """The pairs, and the errors of a list that cannot give one; it may go on after an error."""
    steps = iter(users)
    while True:
        try:
            yield next(steps)
        except StopIteration:
            return
        except InvalidInput as error:
            yield error


def _first_of(user: tuple[str, str], seen: set[str]) -> tuple[str, str]:
    """The pair. Raises InvalidInput for one outside the rules, or of an id that was `seen` before."""
    user_id, email = checked_user(*user)
    if user_id.lower() in seen:
        raise InvalidInput("users.import", user_id, "the id stands there twice", hint="Ids differ by more than case.")
    seen.add(user_id.lower())
    return user_id, email


def _is_there(live: LiveReplica, user_id: str, email: str, *, skip_existing: bool) -> bool:
    """Whether to pass over the user. Raises AlreadyExists for an id that is taken otherwise."""
    with live.history() as log:
        try:
            user = catalogue.by_id(log.connection, user_id)
        except NotFound:
            catalogue.check_free(log.connection, user_id)
            return False
    if user.email != email:
        change = shlex.join(["credit-trading", "users", "email", user_id, email])
        raise AlreadyExists("users.import", user_id, f"the user exists, as {user.email}", hint=f"Change it: {change}")
    if not skip_existing:
        hint = "Pass over those who are there: credit-trading users import FILE --skip-existing."
        raise AlreadyExists("users.import", user_id, "the user exists", hint=hint)
    return True
