"""The audit trail of a user's file: one row for each event of the user's history.

Here: who acted and from where, and what of an event its row tells. Never here: what the event does to orders and balances.
Always: no row names another user's command, order or fee.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from credit_trading.exchange import events as ev
from credit_trading.journal.notes import Note
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql

Shown = tuple[int | None, str]
"""Which of the user's orders an event is about, and the user's side of it as JSON."""

_encode = msgspec.json.Encoder().encode


class AuditTrail:
    """Adds rows in the caller's transaction; `user_id_of` names a user number."""

    def __init__(self, connection: Connection, user: int, user_id_of: Callable[[int], str]) -> None:
        self._execute = connection.execute
        self._user = user
        self._scope = f"user{user}/"
        self._user_id_of = user_id_of

    def add(self, entry: ev.Entry, note: Note | None, shown: Shown) -> None:
        """`note` is the one on the command whose first event this is."""
        own = entry.cause.startswith(self._scope)
        actor = origin = correlation_id = None
        if note is not None:
            actor, origin, correlation_id = note.actor, note.origin, note.correlation_id
        elif entry.content is not None and own:
            actor = f"user:{self._user_id_of(self._user)}"
        order_id, details = shown
        self._execute(
            sql.INSERT_AUDIT,
            (
                entry.sequence,
                entry.number_a if entry.user_a == self._user else entry.number_b,
                entry.time_us,
                entry.event.kind,
                entry.cause if own or not entry.cause.startswith("user") else None,
                actor,
                origin,
                correlation_id,
                order_id,
                details,
            ),
        )


def own_details(event: ev.Event) -> str:
    """An event that concerns this user alone, as it stands in the journal."""
    return _encode(event).decode()


def details(**known: object) -> str:
    """The user's side of an event that concerns two; None is left out."""
    return _encode({name: value for name, value in known.items() if value is not None}).decode()
