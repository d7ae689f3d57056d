"""The audit trail of a user's file: one row for each event of the user's history.

Here: who acted and from where, and what of an event its row tells. Never here: what the event does to orders and balances.
Always: no row names another user's command, order or fee; rows are added and never touched again (triggers of the schema see to it).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from credit_trading.exchange import events as ev
from credit_trading.exchange.engine import EXPIRY, SCHEDULE
from credit_trading.journal.notes import Note
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql

SYSTEM = "system"
"""The actor of what only the passing of time has brought about."""

Shown = tuple[int | None, str]
"""Which of the user's orders an event is about, and the user's side of it as JSON."""

_Who = tuple[str | None, str | None, str | None]
"""Actor, origin and correlation id."""

_NOBODY: _Who = (None, None, None)
_CLOCK: _Who = (SYSTEM, None, None)
_ADMIN = "admin:"

_encode = msgspec.json.Encoder().encode


class AuditTrail:
    """Adds rows, which `write` writes in the caller's transaction; `user_id_of` names a user number, `note_of` as for the projection."""

    def __init__(
        self,
        connection: Connection,
        user: int,
        user_id_of: Callable[[int], str],
        note_of: Callable[[ev.Entry], Note | None],
    ) -> None:
        self._executemany = connection.executemany
        self._rows: list[tuple[str | int | None, ...]] = []
        self._user = user
        self._scope = f"user{user}/"
        self._user_id_of = user_id_of
        self._note_of = note_of
        last = connection.execute(sql.LAST_AUDITED).fetchone()
        self._last_cause: str | None = last[0] if last else None
        self._last_who: _Who = last[1:] if last else _NOBODY

    def add(self, entry: ev.Entry, note: Note | None, shown: Shown, changes: str | None) -> None:
        """`note` is the one on the command whose first event this is; `changes` is JSON."""
        own = entry.cause.startswith(self._scope)
        hidden = not own and entry.cause.startswith("user")
        who = self._who(entry, note, own=own, hidden=hidden)
        cause = None if hidden else entry.cause
        self._last_cause, self._last_who = cause, who
        order_id, details = shown
        number = entry.number_a if entry.user_a == self._user else entry.number_b
        self._rows.append(
            (entry.sequence, number, entry.time_us, entry.event.kind, cause, *who, order_id, details, changes)
        )

    def write(self) -> None:
        """The rows that were added since the last time: together they cost half."""
        self._executemany(sql.INSERT_AUDIT, self._rows)
        self._rows.clear()

    def _who(self, entry: ev.Entry, note: Note | None, *, own: bool, hidden: bool) -> _Who:
        """What follows from a command is as its first event; of another user's command only is told that an administrator gave it, if so.

        A mass cancel of an instrument begins with an event of nobody's.
        """
        if hidden:
            return (note.actor, None, None) if note is not None and note.actor.startswith(_ADMIN) else _NOBODY
        if entry.content is not None:
            if note is not None:
                return note.actor, note.origin, note.correlation_id
            return (f"user:{self._user_id_of(self._user)}", None, None) if own else _NOBODY
        if entry.cause in (EXPIRY, SCHEDULE):
            return _CLOCK
        if entry.cause == self._last_cause:
            return self._last_who
        if isinstance(entry.event, ev.OrderCanceled):
            note = self._note_of(entry)
        return _NOBODY if note is None else (note.actor, note.origin, note.correlation_id)


def own_details(event: ev.Event) -> str:
    """An event that concerns this user alone, as it stands in the journal."""
    return _encode(event).decode()


def details(**known: object) -> str:
    """The user's side of an event that concerns two; None is left out."""
    return _encode({name: value for name, value in known.items() if value is not None}).decode()
