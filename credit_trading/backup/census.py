"""Who the users were at a moment: what the journal says of them, and the rows of an archive that fit.

Here: choosing each user's row among those that sets hold. Never here: writing them into an exchange.db (refounding).
Always: a row is the right one if the journal holds its digest as of the moment. Between two sets an e-mail may have come and gone: then no
set has the row, and another takes its place, which is told.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from credit_trading.backup.people import UserRow
from credit_trading.exchange.events import UserCreated, UserDeleted, UserEmailChanged
from credit_trading.journal.rows import Row, decode
from credit_trading.users import catalogue
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.naming import file_name

NOWHERE = "unknown@email.invalid"
"""Stands for an e-mail that is in no set; the domain leads nowhere (RFC 2606)."""

_KIND = 2
_KINDS = frozenset(kind.kind for kind in (UserCreated, UserEmailChanged, UserDeleted))


@attrs.define
class Person:
    """As the journal has a user: `digest` is that of id, e-mail and salt."""

    number: int
    created_at_us: int
    digest: str
    deleted: bool = False

    def is_in(self, row: UserRow) -> bool:
        """Whether the row is as the journal has it."""
        if self.deleted:
            return True
        if row.email is None or row.salt is None:
            return False
        return catalogue.person_digest(row.user_id, row.email, row.salt) == self.digest


class Census:
    """Filled with all rows of the journal up to the moment, then with those of the sets, in the order of their moments."""

    def __init__(self) -> None:
        self.persons: dict[int, Person] = {}
        self._found: dict[int, UserRow] = {}
        self._second: dict[int, tuple[int, UserRow]] = {}

    def read(self, stored: Iterable[Row]) -> None:
        for row in stored:
            if row[_KIND] not in _KINDS:
                continue
            event = decode(row).event
            if isinstance(event, UserCreated):
                self.persons[event.user] = Person(event.user, row[1], event.digest)
            elif isinstance(event, UserEmailChanged):
                self.persons[event.user].digest = event.digest
            elif isinstance(event, UserDeleted):
                self.persons[event.user].deleted = True

    def consider(self, row: UserRow, *, later: bool) -> None:
        """`later`: the row is of after the moment, or may be."""
        person = self.persons.get(row.number)
        if person is None or row.number in self._found:
            return
        if person.is_in(row):
            self._found[row.number] = row
            return
        rank = 0 if row.email is None else 2 if later else 1
        before = self._second.get(row.number)
        if before is None or rank > before[0] or (rank == before[0] and not later):
            self._second[row.number] = rank, row

    @property
    def active(self) -> int:
        return sum(not person.deleted for person in self.persons.values())

    def missing(self) -> list[int]:
        """Users of whom no set has any row, by number."""
        return sorted(self.persons.keys() - self._found.keys() - self._second.keys())

    def users(self) -> tuple[list[StoredUser], list[StoredUser]]:
        """All by number; and those among them whose e-mail as of the moment is in no set, as they are from now on."""
        users, changed = [], []
        for person in sorted(self.persons.values(), key=lambda one: one.number):
            row = self._found.get(person.number)
            if row is not None:
                users.append(_deleted(row) if person.deleted else _as_active(row))
                continue
            _, row = self._second[person.number]
            user = _as_active(_with_email(row))
            users.append(user)
            changed.append(user)
        return users, changed


def _with_email(row: UserRow) -> UserRow:
    """With a new salt, and with an address that leads nowhere if there is none; and the file's name after it."""
    email = row.email or NOWHERE
    return UserRow(
        number=row.number,
        user_id=row.user_id,
        folded_id=row.folded_id,
        email=email,
        salt=catalogue.new_salt(),
        file_name=file_name(row.user_id, email),
        previous_file_name=None,
        state="active",
        created_at=row.created_at,
    )


def _as_active(row: UserRow) -> StoredUser:
    """A rename that was under way is finished: there is no file yet."""
    return StoredUser(
        row.number,
        row.user_id,
        row.folded_id,
        row.email,
        row.salt,
        row.file_name,
        None,
        "active",
        row.created_at,
    )


def _deleted(row: UserRow) -> StoredUser:
    return StoredUser(row.number, row.user_id, row.folded_id, None, None, None, None, "deleted", row.created_at)
