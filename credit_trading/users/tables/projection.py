"""From events to rows: how each event of a user's history shows in the user's file.

Here: who writes what of each kind of event, and the user's own facts: name, rates, suspension, how cost is reckoned. Never here: rows of
orders (order_rows) and transactions (transaction_rows), sums (totals), the audit trail (audit), positions and transactions (projector).
Always: rows follow from the events and the catalogue alone; a user sees nothing of the other side of a trade but who it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from credit_trading.exchange import events as ev
from credit_trading.journal.notes import Note
from credit_trading.money import Asset, Instrument
from credit_trading.money.amount import RATE_SCALE, format_units
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql
from credit_trading.users.tables.audit import AuditTrail, Shown, details, own_details
from credit_trading.users.tables.changes import Changes
from credit_trading.users.tables.order_rows import ORDER_EVENTS, OrderRows
from credit_trading.users.tables.totals import Totals
from credit_trading.users.tables.transaction_rows import TRANSACTION_EVENTS, TransactionRows
from credit_trading.users.tables.words import Words

REFUSED_FOR_COUNTERPARTY = "refused_for_counterparty"
"""All that a user is told of a deal that the other side could not make."""

_RATE_DECIMALS = len(str(RATE_SCALE)) - 1


class Projection:
    """Writes one user's events, in order, into the open transaction of their file.

    `assets` and `instruments` are looked up by code and symbol (they never change once added); `user_id_of` names a user number,
    `email_of` tells the present e-mail of one, `note_of` the note on an event's command where this is its first event or where that one
    concerned nobody, all from exchange.db's personal tables. `finish` comes after the last event of the transaction.
    """

    def __init__(
        self,
        connection: Connection,
        user: int,
        *,
        assets: Callable[[str], Asset],
        instruments: Callable[[str], Instrument],
        user_id_of: Callable[[int], str],
        email_of: Callable[[int], str],
        note_of: Callable[[ev.Entry], Note | None],
    ) -> None:
        self._execute = connection.execute
        self._user = user
        self._user_id_of = user_id_of
        self._email_of = email_of
        self._note_of = note_of
        self._changes = Changes()
        self._totals = Totals(connection, assets, self._changes)
        self._orders = OrderRows(connection, user, self._totals, self._changes, instruments)
        self._transactions = TransactionRows(
            connection,
            user,
            self._totals,
            self._orders,
            self._changes,
            instruments=instruments,
            user_id_of=user_id_of,
        )
        self._audit = AuditTrail(connection, user, user_id_of, note_of)
        self._words = Words(connection)

    def apply(self, entry: ev.Entry) -> None:
        """One event of the user's history."""
        note = self._note_of(entry) if entry.content is not None else None
        shown = self._rows_of(entry, note)
        self._words.see(entry)
        self._audit.add(entry, note, shown, self._changes.taken())

    def finish(self) -> None:
        """What is done once for all events of the transaction."""
        self._audit.write()
        self._totals.finish()
        self._words.write()

    def _rows_of(self, entry: ev.Entry, note: Note | None) -> Shown:
        event, kind = entry.event, type(entry.event)
        order_event = ORDER_EVENTS.get(kind)
        if order_event is not None:
            return order_event(self._orders, entry, event)
        transaction_event = TRANSACTION_EVENTS.get(kind)
        if transaction_event is not None:
            return transaction_event(self._transactions, entry, event, note)
        return _OTHER_EVENTS[kind](self, event)

    def _only_told(self, event: ev.Event) -> Shown:
        """An event that changes no table but the audit trail."""
        return None, own_details(event)

    def _user_named(self, event: ev.UserCreated | ev.UserEmailChanged) -> Shown:
        self._execute(
            "UPDATE metadata SET user_id = ?, email = ?", (self._user_id_of(self._user), self._email_of(self._user))
        )
        if isinstance(event, ev.UserEmailChanged):
            self._changes.add("email", None, "changed")  # which it was and is would outlive the person in copies
        return None, own_details(event)

    def _fees_changed(self, event: ev.UserFeesChanged) -> Shown:
        self._audit.write()
        row = self._execute(sql.LAST_FEES, (event.symbol,)).fetchone()
        before = msgspec.json.decode(row[0], type=ev.UserFeesChanged) if row else ev.UserFeesChanged(0, event.symbol)
        self._changes.add("maker_fee", _rate(before.maker_ppm), _rate(event.maker_ppm))
        self._changes.add("taker_fee", _rate(before.taker_ppm), _rate(event.taker_ppm))
        return None, own_details(event)

    def _suspension_changed(self, event: ev.UserSuspended | ev.UserResumed) -> Shown:
        self._audit.write()
        row = self._execute(sql.LAST_SUSPENSION).fetchone()
        before = row is not None and row[0] == ev.UserSuspended.kind
        self._changes.add("suspended", before, isinstance(event, ev.UserSuspended))
        return None, own_details(event)

    def _cost_method_changed(self, event: ev.CostMethodChanged) -> Shown:
        (before,) = self._execute("SELECT cost_method FROM metadata").fetchone()
        self._execute("UPDATE metadata SET cost_method = ?", (event.method,))
        if event.method != before:
            self._changes.add("cost_method", before, event.method)
            self._totals.method_changed(event.method)
        return None, own_details(event)

    def _command_rejected(self, event: ev.CommandRejected) -> Shown:
        """Why it was refused is told to whom it was refused; the other side of a deal or a bust learns that it was not their fault."""
        if event.user != self._user:
            return None, details(command=event.command, code=REFUSED_FOR_COUNTERPARTY)
        return event.order, details(command=event.command, code=event.code, order=event.order)


def _rate(ppm: int | None) -> str | None:
    return None if ppm is None else format_units(ppm, _RATE_DECIMALS)


_OTHER_EVENTS: dict[type[ev.Event], Callable[[Projection, Any], Shown]] = {
    ev.UserCreated: Projection._user_named,
    ev.UserEmailChanged: Projection._user_named,
    ev.UserFeesChanged: Projection._fees_changed,
    ev.UserSuspended: Projection._suspension_changed,
    ev.UserResumed: Projection._suspension_changed,
    ev.UserDeleted: Projection._only_told,
    ev.CostMethodChanged: Projection._cost_method_changed,
    ev.OrdersMassCanceled: Projection._only_told,
    ev.CommandRejected: Projection._command_rejected,
}
"""All others that stand in a user's history."""
