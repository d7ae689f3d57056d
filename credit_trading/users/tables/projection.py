"""From events to rows: how each event of a user's history shows in the user's file.

Here: which rows each kind of event writes, and those of users, money and trades. Never here: order rows (order_rows), sums (totals), the
audit trail (audit), positions and transactions (projector).
Always: rows follow from the events and the catalogue alone; a user sees nothing of the other side of a trade but who it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from credit_trading.errors import FileCorrupt
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import Side
from credit_trading.exchange.recorded import BUSTS, TRADES
from credit_trading.journal.notes import Note
from credit_trading.money import Asset, Instrument
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql
from credit_trading.users.tables.audit import AuditTrail, Shown, details, own_details
from credit_trading.users.tables.order_rows import ORDER_EVENTS, OrderRows
from credit_trading.users.tables.totals import Totals

REFUSED_FOR_COUNTERPARTY = "refused_for_counterparty"
"""All that a user is told of a deal that the other side could not make."""


class Projection:
    """Writes one user's events, in order, into the open transaction of their file.

    `assets` and `instruments` are looked up by code and symbol (they never change once added); `user_id_of` names a user number,
    `email_of` tells the present e-mail of one, `note_of` the note on a command's first event, all from exchange.db's personal tables.
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
        note_of: Callable[[int], Note | None],
    ) -> None:
        self._execute = connection.execute
        self._user = user
        self._instrument = instruments
        self._user_id_of = user_id_of
        self._email_of = email_of
        self._note_of = note_of
        self._totals = Totals(connection, assets)
        self._orders = OrderRows(connection, user, self._totals, instruments)
        self._audit = AuditTrail(connection, user, user_id_of)

    def apply(self, entry: ev.Entry) -> None:
        """One event of the user's history."""
        note = self._note_of(entry.sequence) if entry.content is not None else None
        self._audit.add(entry, note, self._rows_of(entry, note))

    def _rows_of(self, entry: ev.Entry, note: Note | None) -> Shown:
        event = entry.event
        order_event = ORDER_EVENTS.get(type(event))
        if order_event is not None:
            return order_event(self._orders, entry, event)
        return _OTHER_EVENTS[type(event)](self, entry, event, note)

    def _only_told(self, _: ev.Entry, event: ev.Event, __: Note | None) -> Shown:
        """An event that changes no table but the audit trail."""
        return None, own_details(event)

    def _user_named(self, _: ev.Entry, event: ev.UserCreated | ev.UserEmailChanged, __: Note | None) -> Shown:
        self._execute(
            "UPDATE metadata SET user_id = ?, email = ?", (self._user_id_of(self._user), self._email_of(self._user))
        )
        return None, own_details(event)

    def _command_rejected(self, _: ev.Entry, event: ev.CommandRejected, __: Note | None) -> Shown:
        """Why it was refused is told to whom it was refused; the other side of a deal or a bust learns that it was not their fault."""
        if event.user != self._user:
            return None, details(command=event.command, code=REFUSED_FOR_COUNTERPARTY)
        return event.order, details(command=event.command, code=event.code, order=event.order)

    def _deposited(self, entry: ev.Entry, event: ev.Deposited, note: Note | None) -> Shown:
        self._totals.post(event.asset, event.amount, 0)
        self._money_moved(entry, "deposit", event.asset, event.amount, note=note)
        return None, own_details(event)

    def _withdrawn(self, entry: ev.Entry, event: ev.Withdrawn, note: Note | None) -> Shown:
        self._totals.post(event.asset, -event.amount, 0)
        self._money_moved(entry, "withdrawal", event.asset, event.amount, note=note)
        return None, own_details(event)

    def _transferred(self, entry: ev.Entry, event: ev.Transferred, note: Note | None) -> Shown:
        incoming = event.receiver == self._user
        other = self._user_id_of(event.sender if incoming else event.receiver)
        self._totals.post(event.asset, event.amount if incoming else -event.amount, 0)
        kind = "transfer_in" if incoming else "transfer_out"
        self._money_moved(entry, kind, event.asset, event.amount, counterparty=other, note=note)
        return None, details(type=kind, asset=event.asset, amount=event.amount, counterparty=other)

    def _money_moved(
        self, entry: ev.Entry, kind: str, asset: str, amount: int, *, note: Note | None, counterparty: str | None = None
    ) -> None:
        remark = note.note if note else None
        self._execute(
            sql.INSERT_TRANSACTION,
            (
                entry.sequence,
                entry.time_us,
                kind,
                asset,
                amount,
                *[None] * 3,
                0,
                None,
                counterparty,
                *[None] * 5,
                remark,
            ),
        )

    def _traded_off_book(self, entry: ev.Entry, event: ev.TradedOffBook, note: Note | None) -> Shown:
        buys = event.buyer == self._user
        other = self._user_id_of(event.seller if buys else event.buyer)
        self._totals.post(event.base, event.quantity if buys else -event.quantity, 0)
        self._totals.post(event.quote, -event.total if buys else event.total, 0)
        kind = "buy" if buys else "sell"
        self._execute(
            sql.INSERT_TRANSACTION,
            (
                entry.sequence,
                entry.time_us,
                kind,
                event.base,
                event.quantity,
                event.price,
                event.price_decimals,
                event.total,
                0,
                event.quote,
                other,
                None,
                None,
                event.trade,
                None,
                event.external_reference,
                note.note if note else None,
            ),
        )
        self._totals.count_trade(
            event.base, event.quote, buys=buys, quantity=event.quantity, value=event.total, fee=0, at=entry.time_us
        )
        told = {"type": kind, "credit_type": event.base, "quantity": event.quantity, "total": event.total}
        return None, details(**told, currency=event.quote, trade=event.trade, counterparty=other)

    def _transaction_recorded(self, entry: ev.Entry, event: ev.TransactionRecorded, note: Note | None) -> Shown:
        if event.counterparty is not None:
            counterparty: str | None = self._user_id_of(event.counterparty)
        else:
            counterparty = note.counterparty if note else None
        self._totals.post(event.asset, event.asset_change, 0)
        if event.currency is not None:
            self._totals.post(event.currency, event.currency_change, 0)
        self._execute(
            sql.INSERT_RECORDED,
            (
                entry.sequence,
                event.occurred_at_us,
                event.transaction_type,
                event.asset,
                event.quantity,
                event.price,
                event.price_decimals,
                event.total,
                event.fee,
                event.currency,
                counterparty,
                event.symbol,
                event.role,
                event.external_reference,
                note.note if note else None,
                entry.time_us,
                event.reference,
                event.trade_reference,
            ),
        )
        self._count_recorded(event)
        told = {"type": event.transaction_type, "credit_type": event.asset, "quantity": event.quantity}
        told |= {"total": event.total, "currency": event.currency, "fee": event.fee or None}
        return None, details(**told, reference=event.reference, counterparty=counterparty)

    def _count_recorded(self, event: ev.TransactionRecorded) -> None:
        """A recorded trade counts as one that was made here; its bust takes that back."""
        if event.currency is None or event.total is None:
            return
        traded = {"quantity": event.quantity, "value": event.total}
        if event.transaction_type in TRADES:
            buys = TRADES[event.transaction_type] > 0
            at = event.occurred_at_us
            self._totals.count_trade(event.asset, event.currency, buys=buys, **traded, fee=event.fee, at=at)
        elif event.transaction_type in BUSTS:
            buys = BUSTS[event.transaction_type] < 0
            self._totals.uncount_trade(event.asset, event.currency, buys=buys, **traded, fee=-event.fee)

    def _traded(self, entry: ev.Entry, event: ev.Trade, _: Note | None) -> Shown:
        takes = event.taker == self._user
        buys = (event.taker_side == Side.BUY) == takes
        if takes:
            order, fee, released, other = event.taker_order, event.taker_fee, event.taker_released, event.maker
        else:
            order, fee, released, other = event.maker_order, event.maker_fee, event.maker_released, event.taker
        instrument = self._instrument(event.symbol)
        base, quote = instrument.base.code, instrument.quote.code
        quantity, value = instrument.quantity_units(event.quantity_lots), event.value
        counterparty, role = self._user_id_of(other), "taker" if takes else "maker"
        self._execute(
            sql.INSERT_TRANSACTION,
            (
                entry.sequence,
                entry.time_us,
                "buy" if buys else "sell",
                base,
                quantity,
                instrument.price_units(event.price_ticks),
                instrument.price_decimals,
                value,
                fee,
                quote,
                counterparty,
                event.symbol,
                order,
                event.trade,
                role,
                None,
                None,
            ),
        )
        if buys:
            self._totals.post(base, quantity, 0)
            self._totals.post(quote, -value - fee, -released)
        else:
            self._totals.post(base, -quantity, -released)
            self._totals.post(quote, value - fee, 0)
        self._totals.count_trade(base, quote, buys=buys, quantity=quantity, value=value, fee=fee, at=entry.time_us)
        self._orders.fill(
            order, instrument, quantity=quantity, value=value, fee=fee, released=released, at=entry.time_us
        )
        told = {"trade": event.trade, "price_ticks": event.price_ticks, "quantity_lots": event.quantity_lots}
        return order, details(**told, fee=fee, role=role, counterparty=counterparty)

    def _trade_busted(self, entry: ev.Entry, event: ev.TradeBusted, note: Note | None) -> Shown:
        """The price, which the event does not have, and the order are those of the trade's own row."""
        buys = event.buyer == self._user
        fee = event.buyer_fee if buys else event.seller_fee
        quantity, value = event.quantity, event.value
        found = self._execute(
            sql.INSERT_BUST, (entry.sequence, entry.time_us, note.note if note else None, event.trade)
        ).fetchall()
        if not found:
            raise FileCorrupt(
                "users.file",
                f"user #{self._user}",
                f"trade {event.trade} is missing from trading_transactions",
                hint="Move the file away; it is rebuilt from the journal when next opened.",
            )
        kind, order, counterparty = found[0]
        self._totals.post(event.base, -quantity if buys else quantity, 0)
        self._totals.post(event.quote, value + fee if buys else fee - value, 0)
        self._totals.uncount_trade(event.base, event.quote, buys=buys, quantity=quantity, value=value, fee=fee)
        told = {"type": kind, "credit_type": event.base, "quantity": quantity, "total": value, "currency": event.quote}
        return order, details(**told, fee=-fee, trade=event.trade, counterparty=counterparty)


_OTHER_EVENTS: dict[type[ev.Event], Callable[[Projection, ev.Entry, Any, Note | None], Shown]] = {
    ev.UserCreated: Projection._user_named,
    ev.UserEmailChanged: Projection._user_named,
    ev.UserFeesChanged: Projection._only_told,
    ev.UserSuspended: Projection._only_told,
    ev.UserResumed: Projection._only_told,
    ev.UserDeleted: Projection._only_told,
    ev.OrdersMassCanceled: Projection._only_told,
    ev.CommandRejected: Projection._command_rejected,
    ev.Deposited: Projection._deposited,
    ev.Withdrawn: Projection._withdrawn,
    ev.Transferred: Projection._transferred,
    ev.TradedOffBook: Projection._traded_off_book,
    ev.TransactionRecorded: Projection._transaction_recorded,
    ev.Trade: Projection._traded,
    ev.TradeBusted: Projection._trade_busted,
}
"""All others that stand in a user's history."""
