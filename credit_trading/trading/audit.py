"""Audit trails: who did what, from where, and what it changed; a user's own, and for administrators everybody's.

Here: the services and what they show. Never here: how events are found (users/tables/trail, audit_search).
Always: a user reads the own file and sees the own side alone; an administrator reads the journal, which is the truth, also of users who are
deleted. The latest come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import attrs
import msgspec

from credit_trading.checks import checked_text
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound, TradingError
from credit_trading.journal.rows import KIND, USERS, Row
from credit_trading.journal.trail import CAUSE, PAYLOAD, SEQUENCE, TIME_US
from credit_trading.trading.audit_input import (
    OPERATION,
    Asked,
    AuditFilters,
    asked,
    causes,
    checked_most,
    checked_sequence,
    is_in_full,
)
from credit_trading.trading.audit_search import Hit, Search
from credit_trading.trading.desk import Desk
from credit_trading.trading.pages import Page, cursor, page_of, position_after
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import AuditRecord
from credit_trading.users import catalogue
from credit_trading.users.tables import trail

_MOST = 100

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@attrs.frozen(kw_only=True)
class AuditEvent:
    """One event of the journal. `details` is its payload as it is stored: whole numbers of ticks, lots, smallest units and microseconds;
    `users` are those whom it concerns.

    `actor`, `origin`, `correlation_id`, `note` and `outside` are those of the command that caused it; `actor` is `system` for what only
    the passing of time has brought about, and None where it was erased. `changes` is what it changed for whom, by user and field: the value
    before and the one after, amounts as decimal text, times as ISO 8601; nothing stands there of users whose file cannot be read.
    """

    sequence: int
    event_date: str
    kind: str
    cause: str
    actor: str | None
    origin: str | None
    correlation_id: str | None
    note: str | None
    outside: str | None
    users: list[str]
    details: dict[str, Any]
    changes: dict[str, dict[str, list[Any]]]


class AuditService:
    """The audit trail of the user it is bound to."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._principal = principal
        self._user = principal.number

    def list_events(
        self, *, limit: int = _MOST, after: str | None = None, **filters: Unpack[AuditFilters]
    ) -> Page[AuditRecord]:
        """The user's events that are all of what `filters` say, the latest first; `after` is `next` of the page before.

        Refusals are among them. Raises InvalidInput.
        """
        wanted, most = asked(**filters), checked_most(limit)
        question = (self._user, attrs.asdict(wanted))
        before = None if after is None else position_after(after, question, of=1, what=OPERATION)[0]
        if wanted.nothing:
            return Page([])
        own = trail.Wanted(
            from_us=wanted.from_us,
            to_us=wanted.to_us,
            kinds=wanted.kinds,
            causes=causes(wanted.command_id, self._principal.scope),
            actor=wanted.actor,
            origin=wanted.origin,
            correlation_id=wanted.correlation_id,
            order_id=wanted.order_id,
            text=wanted.text,
        )
        with self._desk.file_of(self._user) as connection:
            rows = trail.events(connection, own, before=before, most=most + 1)
        records = [_record(row) for row in rows]
        return page_of(records, limit=most, question=question, position=lambda record: (record.sequence,))

    def get_event(self, sequence: int) -> AuditRecord:
        """One of the user's events. Raises InvalidInput, NotFound."""
        sequence = checked_sequence(sequence)
        with self._desk.file_of(self._user) as connection:
            row = trail.event(connection, sequence)
        if row is None:
            user_id = self._principal.user_id
            hint = f"List them: credit-trading audit list --user {user_id}."
            raise NotFound("audit", sequence, f"user {user_id} has no such event", hint=hint)
        return _record(row)


class AuditAdministration:
    """The audit trail of everybody."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list_events(
        self,
        *,
        user_id: str | None = None,
        limit: int = _MOST,
        after: str | None = None,
        changes: bool = True,
        **filters: Unpack[AuditFilters],
    ) -> Page[AuditEvent]:
        """Events that are all of what `filters` say, the latest first; `after` is `next` of the page before.

        `user_id` may be a deleted user's, or `#7` for the user of that number. `changes` are looked up in users' files, unless it is False.
        A page that finds little ends after 20,000 rows were looked at, and `next` goes on. Raises InvalidInput, NotFound.
        """
        wanted, most = asked(**filters), checked_most(limit)
        user = None if user_id is None else self._number(user_id)
        question = ("admin", user, attrs.asdict(wanted))
        before = None if after is None else position_after(after, question, of=1, what=OPERATION)[0]
        search = Search(self._desk, wanted, user=user, causes=_causes(wanted, user))
        hits, further = search.page(before=before, most=most)
        found = self._changes(hits) if changes else {}
        events = [_event(hit, search, found) for hit in hits]
        return Page(events, None if further is None else cursor(question, (further,)))

    def get_event(self, sequence: int) -> AuditEvent:
        """Raises InvalidInput, NotFound."""
        sequence = checked_sequence(sequence)
        with self._desk.live.history() as log:
            last, _ = log.head()
            rows = log.rows_at([sequence]) if sequence <= last else []
        if not rows:
            raise NotFound(
                "audit", sequence, f"the journal ends at sequence {last}", hint="List them: credit-trading audit list."
            )
        search = Search(self._desk, asked(), user=None, causes=())
        hit = search.hit(rows[0])
        return _event(hit, search, self._changes([hit]))

    def _number(self, user_id: str) -> int:
        """Raises NotFound for one who never was."""
        user_id = checked_text(user_id, what="user id")
        with self._desk.live.history() as log:
            if user_id.startswith("#") and user_id[1:].isascii() and user_id[1:19].isdecimal():
                return catalogue.by_number(log.connection, int(user_id[1:19])).number
            return catalogue.former(log.connection, user_id).number

    def _changes(self, hits: Iterable[Hit]) -> Mapping[int, Mapping[int, str]]:
        """By user and sequence; one file is open at a time."""
        wanted: dict[int, list[int]] = {}
        for hit in hits:
            for user in _users(hit.row):
                wanted.setdefault(user, []).append(hit.row[SEQUENCE])
        found = {}
        for user, sequences in wanted.items():
            try:
                with self._desk.file_of(user) as connection:
                    found[user] = trail.changes_at(connection, sequences)
            except TradingError:  # deleted, or in quarantine: the journal tells the rest
                continue
        return found


def _causes(wanted: Asked, user: int | None) -> tuple[str, ...]:
    """As commands are called in the journal: of a user, what the user or an administrator calls so."""
    command_id = wanted.command_id
    if command_id is None or is_in_full(command_id):
        return () if command_id is None else (command_id,)
    if user is None:
        hint = "Give it in full, as events name it (admin/key/…), or name the user."
        raise InvalidInput("command id", command_id, "whose command it is does not follow from it", hint=hint)
    return (*causes(command_id, f"user{user}"), *causes(command_id, "admin"))


def _record(row: trail.Row) -> AuditRecord:
    given = dict(zip(trail.COLUMNS, row, strict=True))
    given["event_date"] = format_time(given["event_date"])
    given["details"] = _decode(given["details"])
    given["changes"] = None if given["changes"] is None else _decode(given["changes"])
    return AuditRecord(**given)


def _event(hit: Hit, search: Search, changes: Mapping[int, Mapping[int, str]]) -> AuditEvent:
    row, note = hit.row, hit.note
    sequence = row[SEQUENCE]
    users = list(_users(row))
    return AuditEvent(
        sequence=sequence,
        event_date=format_time(row[TIME_US]),
        kind=row[KIND],
        cause=row[CAUSE],
        actor=hit.actor,
        origin=note.origin if note else None,
        correlation_id=note.correlation_id if note else None,
        note=note.note if note else None,
        outside=note.counterparty if note else None,
        users=[search.name_of(user) for user in users],
        details=_decode(row[PAYLOAD]),
        changes={
            search.name_of(user): _decode(changes[user][sequence])
            for user in users
            if user in changes and sequence in changes[user]
        },
    )


def _users(row: Row) -> Iterable[int]:
    """The at most two; one who stands on both sides once."""
    return dict.fromkeys(row[place] for place in USERS if row[place] is not None)
