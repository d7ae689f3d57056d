"""A user's transactions as rows: money in and out, trades and what takes them back, deals that were made off the book or elsewhere.

Here: what each such event does to `trading_transactions`, to balances and, of a fill, to the order. Never here: how an order's row moves
(order_rows), sums (totals).
Always: a user sees who the other side was and what both agreed on, and nothing else of it: no fee, no order, no command. Rows come in as
`settled` or `pending`, and what is settled is posted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from credit_trading.errors import FileCorrupt
from credit_trading.exchange import entered
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import Side
from credit_trading.exchange.recorded import BUSTS
from credit_trading.journal.notes import Note
from credit_trading.money import Instrument
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql
from credit_trading.users.tables.audit import Shown, details, own_details
from credit_trading.users.tables.changes import Booking, Changes
from credit_trading.users.tables.order_rows import OrderRows
from credit_trading.users.tables.totals import Totals

_PENDING, _SETTLED = entered.TransactionStatus.PENDING.value, entered.TransactionStatus.SETTLED.value
_REQUESTED = "requested"
_OPPOSITE = {"buy": "sell", "sell": "buy", "transfer_in": "transfer_out", "transfer_out": "transfer_in"}
"""What the other side's file calls it."""


class TransactionRows:
    """Writes one user's transactions, in order, into the open transaction of their file; `user_id_of` names a user number."""

    def __init__(
        self,
        connection: Connection,
        user: int,
        totals: Totals,
        orders: OrderRows,
        changes: Changes,
        *,
        instruments: Callable[[str], Instrument],
        user_id_of: Callable[[int], str],
    ) -> None:
        self._execute = connection.execute
        self._user = user
        self._totals = totals
        self._orders = orders
        self._changes = changes
        self._instrument = instruments
        self._user_id_of = user_id_of

    def deposited(self, entry: ev.Entry, event: ev.Deposited, note: Note | None) -> Shown:
        self._money_moved(entry, "deposit", event.asset, event.amount, note=note)
        return None, own_details(event)

    def withdrawn(self, entry: ev.Entry, event: ev.Withdrawn, note: Note | None) -> Shown:
        self._money_moved(entry, "withdrawal", event.asset, event.amount, note=note)
        return None, own_details(event)

    def transferred(self, entry: ev.Entry, event: ev.Transferred, note: Note | None) -> Shown:
        incoming = event.receiver == self._user
        other = self._user_id_of(event.sender if incoming else event.receiver)
        kind = "transfer_in" if incoming else "transfer_out"
        self._money_moved(entry, kind, event.asset, event.amount, counterparty=other, note=note)
        return None, details(type=kind, asset=event.asset, amount=event.amount, counterparty=other)

    def _money_moved(
        self, entry: ev.Entry, kind: str, asset: str, amount: int, *, note: Note | None, counterparty: str | None = None
    ) -> None:
        self._totals.post(asset, amount * entered.MOVES[kind], 0, _booked(entry, entry.time_us))
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
        self._moved(entry.sequence, entry.time_us, kind, asset, amount)

    def traded_off_book(self, entry: ev.Entry, event: ev.TradedOffBook, note: Note | None) -> Shown:
        """As journals before `transaction_entered` tell of a deal between two users."""
        buys = event.buyer == self._user
        kind, other = ("buy", event.seller) if buys else ("sell", event.buyer)
        counterparty = self._user_id_of(other)
        booking = _booked(entry, entry.time_us)
        self._totals.post(event.base, event.quantity if buys else -event.quantity, 0, booking)
        self._totals.post(event.quote, -event.total if buys else event.total, 0, booking)
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
                counterparty,
                None,
                None,
                event.trade,
                None,
                event.external_reference,
                note.note if note else None,
            ),
        )
        self._moved(entry.sequence, entry.time_us, kind, event.base, event.quantity, event.quote, event.total)
        told = {"type": kind, "credit_type": event.base, "quantity": event.quantity, "total": event.total}
        return None, details(**told, currency=event.quote, trade=event.trade, counterparty=counterparty)

    def recorded(self, entry: ev.Entry, event: ev.TransactionRecorded, note: Note | None) -> Shown:
        counterparty = self._other_side(event.counterparty, note)
        booking = _booked(entry, event.occurred_at_us)
        self._totals.post(event.asset, event.asset_change, 0, booking)
        if event.currency is not None:
            self._totals.post(event.currency, event.currency_change, 0, booking)
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
                entry.time_us if event.recorded_at_us is None else event.recorded_at_us,
                event.reference,
                event.trade_reference,
            ),
        )
        if event.transaction_type in BUSTS:
            self._taken_back_elsewhere(event)
        else:
            self._moved(
                entry.sequence,
                event.occurred_at_us,
                event.transaction_type,
                event.asset,
                event.quantity,
                event.currency,
                event.total,
                event.fee,
            )
        told = {"type": event.transaction_type, "credit_type": event.asset, "quantity": event.quantity}
        told |= {"total": event.total, "currency": event.currency, "fee": event.fee or None}
        return None, details(**told, reference=event.reference, counterparty=counterparty)

    def _taken_back_elsewhere(self, event: ev.TransactionRecorded) -> None:
        assert event.currency is not None, f"{event.reference} takes back no trade"
        assert event.total is not None, f"{event.reference} takes back no trade"
        self._totals.busted(
            asset=event.asset,
            currency=event.currency,
            trade_id=None,
            trade_reference=event.trade_reference,
        )

    def entered(self, entry: ev.Entry, event: ev.TransactionEntered, note: Note | None) -> Shown:
        """The other side of a transfer does not learn what it cost: a price that both have agreed on is one of a buy or a sell."""
        own = event.user == self._user
        kind = event.transaction_type if own else _OPPOSITE[event.transaction_type]
        priced = own or kind in entered.TRADES
        currency, total = (event.currency, event.total) if priced else (None, None)
        counterparty = self._other_side(event.counterparty if own else event.user, note)
        self._execute(
            sql.INSERT_ENTERED,
            (
                entry.sequence,
                event.occurred_at_us,
                kind,
                event.asset,
                event.quantity,
                event.price if priced else None,
                event.price_decimals if priced else None,
                total,
                event.fee,
                currency,
                counterparty,
                event.status,
                None,
                None,
                event.trade,
                event.external_reference,
                note.note if note else None,
                entry.time_us,
                event.expires_at_us,
            ),
        )
        self._changes.add("status", None, event.status)
        changes = self._changes_of(event)
        if event.status == _SETTLED:
            self._post(changes, _booked(entry, event.occurred_at_us))
            self._moved(
                entry.sequence, event.occurred_at_us, kind, event.asset, event.quantity, currency, total, event.fee
            )
        else:
            self._hold(changes, 1)
        told = {"type": kind, "credit_type": event.asset, "quantity": event.quantity, "total": total}
        told |= {"currency": currency, "fee": event.fee or None, "trade": event.trade, "status": event.status}
        return None, details(**told, counterparty=counterparty, occurred_at_us=event.occurred_at_us)

    def updated(self, entry: ev.Entry, event: ev.TransactionUpdated, note: Note | None) -> Shown:
        """What was held is let go of; what is settled is posted, and belongs to the day on which it happened."""
        remark = note.note if note else None
        reason = remark if remark is not None and event.reason == _REQUESTED else event.reason
        found = self._execute(
            sql.UPDATE_TRANSACTION, (event.status, entry.time_us, reason, event.trade, event.transaction)
        ).fetchall()
        if not found:
            self._missing(f"pending transaction {event.transaction}")
        date, kind, quantity, total, fee, currency, counterparty = found[0]
        self._changes.add("status", _PENDING, event.status)
        changes = self._changes_of(event)
        self._hold(changes, -1)
        if event.status == _SETTLED:
            self._post(changes, Booking(entry.time_us, entry.sequence, event.transaction, date))
            self._moved(event.transaction, date, kind, event.asset, quantity, currency, total, fee)
        told = {"transaction": event.transaction, "status": event.status, "reason": event.reason}
        return None, details(**told, type=kind, trade=event.trade, counterparty=counterparty)

    def _changes_of(self, event: ev.TransactionEntered | ev.TransactionUpdated) -> list[tuple[str, int]]:
        """By asset, as they concern this user: the other side's are the opposite."""
        sign = 1 if event.user == self._user else -1
        changes = [(event.asset, sign * event.asset_change)]
        if event.currency is not None:
            changes.append((event.currency, sign * event.currency_change))
        return changes

    def _post(self, changes: list[tuple[str, int]], booking: Booking) -> None:
        for asset, change in changes:
            self._totals.post(asset, change, 0, booking)

    def _hold(self, changes: list[tuple[str, int]], sign: int) -> None:
        """What of them is below zero is held, or with `sign` -1 let go of."""
        for asset, change in changes:
            self._totals.post(asset, 0, sign * max(0, -change))

    def filled_outside(self, entry: ev.Entry, event: ev.OrderFilledOutside, note: Note | None) -> Shown:
        instrument = self._instrument(event.symbol)
        quantity = instrument.quantity_units(event.quantity_lots)
        counterparty = self._other_side(None, note)
        self._execute(
            sql.INSERT_ENTERED,
            (
                entry.sequence,
                event.occurred_at_us,
                event.side,
                instrument.base.code,
                quantity,
                event.price,
                event.price_decimals,
                event.value,
                event.fee,
                instrument.quote.code,
                counterparty,
                _SETTLED,
                event.symbol,
                event.order,
                None,
                event.external_reference,
                note.note if note else None,
                entry.time_us,
                None,
            ),
        )
        self._fill(
            entry,
            event.order,
            instrument,
            at=event.occurred_at_us,
            buys=event.side == Side.BUY,
            quantity=quantity,
            value=event.value,
            fee=event.fee,
            released=event.released,
        )
        told = {"price": event.price, "price_decimals": event.price_decimals, "quantity_lots": event.quantity_lots}
        told |= {"fee": event.fee, "occurred_at_us": event.occurred_at_us}
        return event.order, details(**told, external_reference=event.external_reference, counterparty=counterparty)

    def traded(self, entry: ev.Entry, event: ev.Trade, _: Note | None) -> Shown:
        takes = event.taker == self._user
        buys = (event.taker_side == Side.BUY) == takes
        if takes:
            order, fee, released, other = event.taker_order, event.taker_fee, event.taker_released, event.maker
        else:
            order, fee, released, other = event.maker_order, event.maker_fee, event.maker_released, event.taker
        instrument = self._instrument(event.symbol)
        quantity, value = instrument.quantity_units(event.quantity_lots), event.value
        counterparty, role = self._user_id_of(other), "taker" if takes else "maker"
        self._execute(
            sql.INSERT_TRANSACTION,
            (
                entry.sequence,
                entry.time_us,
                "buy" if buys else "sell",
                instrument.base.code,
                quantity,
                instrument.price_units(event.price_ticks),
                instrument.price_decimals,
                value,
                fee,
                instrument.quote.code,
                counterparty,
                event.symbol,
                order,
                event.trade,
                role,
                None,
                None,
            ),
        )
        self._fill(
            entry,
            order,
            instrument,
            at=entry.time_us,
            buys=buys,
            quantity=quantity,
            value=value,
            fee=fee,
            released=released,
        )
        told = {"trade": event.trade, "price_ticks": event.price_ticks, "quantity_lots": event.quantity_lots}
        return order, details(**told, fee=fee, role=role, counterparty=counterparty)

    def _fill(
        self,
        entry: ev.Entry,
        order: int,
        instrument: Instrument,
        *,
        at: int,
        buys: bool,
        quantity: int,
        value: int,
        fee: int,
        released: int,
    ) -> None:
        """What one fill moves, between balances and of the order; it happened at `at`."""
        base, quote, booking = instrument.base.code, instrument.quote.code, _booked(entry, at)
        if buys:
            kind, side = "buy", Side.BUY
            self._totals.post(base, quantity, 0, booking)
            self._totals.post(quote, -value - fee, -released, booking)
        else:
            kind, side = "sell", Side.SELL
            self._totals.post(base, -quantity, -released, booking)
            self._totals.post(quote, value - fee, 0, booking)
        self._orders.fill(
            order,
            instrument,
            side=side,
            quantity=quantity,
            value=value,
            fee=fee,
            released=released,
            at=entry.time_us,
        )
        self._moved(entry.sequence, at, kind, base, quantity, quote, value, fee)

    def busted(self, entry: ev.Entry, event: ev.TradeBusted, note: Note | None) -> Shown:
        """The price, which the event does not have, and the order are those of the trade's own row."""
        buys = event.buyer == self._user
        fee = event.buyer_fee if buys else event.seller_fee
        quantity, value = event.quantity, event.value
        found = self._execute(
            sql.INSERT_BUST, (entry.sequence, entry.time_us, note.note if note else None, event.trade)
        ).fetchall()
        if not found:
            self._missing(f"trade {event.trade}")
        kind, order, counterparty = found[0]
        booking = _booked(entry, entry.time_us)
        self._totals.post(event.base, -quantity if buys else quantity, 0, booking)
        self._totals.post(event.quote, value + fee if buys else fee - value, 0, booking)
        self._totals.busted(asset=event.base, currency=event.quote, trade_id=event.trade)
        told = {"type": kind, "credit_type": event.base, "quantity": quantity, "total": value, "currency": event.quote}
        return order, details(**told, fee=-fee, trade=event.trade, counterparty=counterparty)

    def _moved(
        self,
        transaction_id: int,
        at: int,
        kind: str,
        asset: str,
        quantity: int,
        currency: str | None = None,
        total: int | None = None,
        fee: int = 0,
    ) -> None:
        self._totals.moved(
            transaction_id=transaction_id,
            at=at,
            transaction_type=kind,
            asset=asset,
            quantity=quantity,
            currency=currency,
            total=total,
            fee=fee,
        )

    def _other_side(self, user: int | None, note: Note | None) -> str | None:
        """A user here by id, or who the note says that it was elsewhere."""
        if user is not None:
            return self._user_id_of(user)
        return note.counterparty if note else None

    def _missing(self, what: str) -> NoReturn:
        raise FileCorrupt(
            "users.file",
            f"user #{self._user}",
            f"{what} is missing from trading_transactions",
            hint="Move the file away; it is rebuilt from the journal when next opened.",
        )


def _booked(entry: ev.Entry, transaction_date: int) -> Booking:
    """A posting of the event that the transaction came with."""
    return Booking(entry.time_us, entry.sequence, entry.sequence, transaction_date)


TRANSACTION_EVENTS: dict[type[ev.Event], Callable[[TransactionRows, ev.Entry, Any, Note | None], Shown]] = {
    ev.Deposited: TransactionRows.deposited,
    ev.Withdrawn: TransactionRows.withdrawn,
    ev.Transferred: TransactionRows.transferred,
    ev.TradedOffBook: TransactionRows.traded_off_book,
    ev.TransactionRecorded: TransactionRows.recorded,
    ev.TransactionEntered: TransactionRows.entered,
    ev.TransactionUpdated: TransactionRows.updated,
    ev.OrderFilledOutside: TransactionRows.filled_outside,
    ev.Trade: TransactionRows.traded,
    ev.TradeBusted: TransactionRows.busted,
}
"""The events that move what a user has, or will."""
