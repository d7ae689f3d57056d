"""An event as the host's tables see it: with its moment, who acted, and the request that it answers.

Here: who acted, as the audit trail tells it, and which request of the host a command carries out. Never here: rows of tables.
Always: all of a command's events have the actor of its first one, wherever a batch begins; what only time brought about was done by
`exchange`. Nothing here depends on where a batch begins or ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from credit_trading.exchange.events import Entry, TransactionUpdated
from credit_trading.host.outwards.names import Names
from credit_trading.host.request import request_of
from credit_trading.journal import notes
from credit_trading.journal.notes import Note
from credit_trading.journal.rows import CONTENT, NOTE, Row, decode
from credit_trading.journal.trail import CAUSE, SEQUENCE, History, command_start

EXCHANGE = "exchange"
"""The actor of what only the passing of time, or the upkeep of the journal, has brought about."""

ERASED = "erased"
"""The actor where a note said it that was erased."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_USER = re.compile(r"user([0-9]{1,18})/", re.ASCII)

_Who = tuple[str, str | None]
"""Actor and correlation id."""


class Seen(msgspec.Struct, frozen=True, gc=False):
    """`at` is aware and in UTC. `request` is the id of the host's request that the event answers, and whether it ends a withdrawal."""

    entry: Entry
    at: datetime
    actor: str
    correlation_id: str | None
    request: tuple[str, bool] | None


def seen_in(history: History, rows: Sequence[Row], names: Names) -> list[Seen]:
    """These rows of the journal, which follow on each other."""
    return list(_seen(history, rows, names)) if rows else []


def moment(time_us: int) -> datetime:
    """In UTC."""
    return _EPOCH + timedelta(microseconds=time_us)


def _seen(history: History, rows: Sequence[Row], names: Names) -> Iterator[Seen]:
    noted = _notes(history, rows[0][SEQUENCE], rows[-1][SEQUENCE])
    who: _Who = (EXCHANGE, None)
    cause = None  # of the command whose first event was seen last
    time_us, at = 0, _EPOCH
    for row in rows:
        if row[CONTENT] is not None:
            cause = row[CAUSE]
            who = _who(row, noted.get(row[SEQUENCE]), names)
        elif row[CAUSE] != cause:
            cause = row[CAUSE]
            who = _who_began(history, row, names)
        if row[1] != time_us:
            time_us, at = row[1], moment(row[1])
        entry = decode(row)
        yield Seen(entry, at, *who, _request(entry, names))


def _request(entry: Entry, names: Names) -> tuple[str, bool] | None:
    """A transaction that a request has entered is that request's, whoever ends it."""
    if type(entry.event) is TransactionUpdated:
        entered = request_of(names.entry(entry.event.transaction).cause)
        return None if entered is None else (entered[0], True)
    return request_of(entry.cause)


def _who_began(history: History, row: Row, names: Names) -> _Who:
    """Of an event that is not the first of its command, which began before the batch."""
    if "/" not in row[CAUSE]:
        return EXCHANGE, None
    start = command_start(history, row)
    if start is None:
        return EXCHANGE, None
    return _who(start, _notes(history, start[SEQUENCE], start[SEQUENCE]).get(start[SEQUENCE]), names)


def _who(start: Row, note: Note | None, names: Names) -> _Who:
    if note is not None:
        return note.actor, note.correlation_id
    of_user = _OF_USER.match(start[CAUSE])
    if start[NOTE] is not None or of_user is None:
        return ERASED, None
    return f"user:{names.user_id(int(of_user[1]))}", None


def _notes(history: History, first: int, last: int) -> dict[int, Note]:
    with history() as log:
        return {stored.sequence: stored.note for stored in notes.between(log.connection, first, last)}
