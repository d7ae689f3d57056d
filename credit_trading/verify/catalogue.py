"""The catalogue of users against the journal: who they are, when they came, how their files are called.

Here: rows of `users`, one by one. Never here: the files themselves (files).
Always: a row that seems wrong is looked at twice, because users may be created, renamed and deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from credit_trading.errors import TradingError
from credit_trading.exchange.events import UserCreated, UserEmailChanged
from credit_trading.journal.live import LiveReplica
from credit_trading.users import catalogue
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.naming import file_name, path_in
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding

USERS_AT_ONCE = 1_000


@attrs.frozen
class Known:
    """What the journal says of a user; `person` and `created_at_us` are None where nobody has read that far back."""

    deleted: bool
    person: str | None = None
    created_at_us: int | None = None


def pages(live: LiveReplica) -> Iterator[list[StoredUser]]:
    """All rows, in stretches, by number."""
    after = -(1 << 63)
    while True:
        with live.history() as log:
            page = catalogue.page(log.connection, after=after, most=USERS_AT_ONCE)
        if not page:
            return
        yield page
        after = page[-1].number


def check_user(user: StoredUser, known: Known | None) -> list[Finding]:
    """One row; `known` is None for a number that the journal does not have."""
    if known is None:
        return [_finding(user, "the journal knows no such user")]
    return [
        *_check_names(user, known),
        *(_check_deleted(user) if user.state == "deleted" else _check_person(user, known)),
    ]


def missing(number: int) -> Finding:
    """A user of the journal without a row."""
    return Finding(
        file=EXCHANGE, row=f"users #{number}", problem="the user of the journal is missing here", repair=RESTORE
    )


def known_from_history(live: LiveReplica, number: int) -> Known | None:
    """From the user's own events, which is quick for one user."""
    with live.reading() as replica:
        state = replica.users.get(number)
        if state is None:
            return None
        last, deleted = state.last_sequence, state.deleted
    with live.history() as log:
        sequences = log.history_of(number, last=last, after=0)
        entries = [entry for entry in map(log.entry, sequences) if entry is not None]
    named = [entry for entry in entries if isinstance(entry.event, UserCreated | UserEmailChanged)]
    digests = [entry.event.digest for entry in named if isinstance(entry.event, UserCreated | UserEmailChanged)]
    return Known(deleted, digests[-1] if digests else None, named[0].time_us if named else None)


def _check_names(user: StoredUser, known: Known) -> Iterator[Finding]:
    if user.folded_id != user.user_id.lower():
        yield _finding(user, "the folded id is not that of the id", expected=user.user_id.lower(), found=user.folded_id)
    if (user.state != "active") != known.deleted:
        expected = "deleting or deleted" if known.deleted else "active"
        yield _finding(user, "the state is not as the journal has it", expected=expected, found=user.state)
    if known.created_at_us is not None and user.created_at_us != known.created_at_us:
        yield _finding(
            user,
            "created_at is not the time of the event",
            expected=str(known.created_at_us),
            found=str(user.created_at_us),
        )


def _check_person(user: StoredUser, known: Known) -> Iterator[Finding]:
    """A user whose personal part is there."""
    if user.email is None or user.file_name is None or user.salt is None:
        yield _finding(user, "e-mail, salt or file name is missing")
        return
    digest = catalogue.person_digest(user.user_id, user.email, user.salt)
    if known.person is not None and digest != known.person:
        yield _finding(
            user,
            "id, e-mail or salt are not those that the journal has the digest of",
            expected=known.person,
            found=digest,
        )
    names = [file_name(user.user_id, user.email, suffix=suffix) for suffix in ("", f"~{user.number}")]
    if user.file_name not in names:
        yield _finding(user, "the file is not called after the user", expected=names[0], found=user.file_name)
    if user.previous_file_name is not None:
        yield from _check_former(user, user.previous_file_name)


def _check_former(user: StoredUser, name: str) -> Iterator[Finding]:
    """The e-mail that it was called after is not known any more, the id is."""
    try:
        path_in(Path(), name)
    except TradingError as error:
        yield _finding(user, error.problem, found=name)
        return
    if not name.startswith(file_name(user.user_id, "").removesuffix(".db")):
        yield _finding(user, "the file was never called so", expected=f"{file_name(user.user_id, '...')}", found=name)


def _check_deleted(user: StoredUser) -> Iterator[Finding]:
    if any(value is not None for value in (user.email, user.salt, user.file_name, user.previous_file_name)):
        yield _finding(user, "the user is deleted, and something personal is still there")


def _finding(user: StoredUser, problem: str, *, expected: str | None = None, found: str | None = None) -> Finding:
    row = f"users #{user.number} ({user.user_id})"
    return Finding(file=EXCHANGE, row=row, problem=problem, expected=expected, found=found, repair=RESTORE)
