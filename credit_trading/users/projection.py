"""From events to rows: how each event of a user's history shows in the user's file.

Here: the SQL that writes a user's tables, one function per kind of event. Never here: positions, transactions, which events (projector).
Always: rows follow from the events and the catalogue alone; a user sees nothing of the other side of a trade but who it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from credit_trading.errors import FileCorrupt
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import OrderStatus, OrderType, Side
from credit_trading.journal.notes import Note
from credit_trading.money import Asset, Instrument
from credit_trading.store.sqlite import Connection
from credit_trading.users import statements as sql

_ENDED = {
    OrderStatus.FILLED: "orders_filled",
    OrderStatus.CANCELED: "orders_canceled",
    OrderStatus.EXPIRED: "orders_expired",
}


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
        self._asset = assets
        self._instrument = instruments
        self._user_id_of = user_id_of
        self._email_of = email_of
        self._note_of = note_of
        self._known_assets: set[str] = {row[0] for row in connection.execute("SELECT asset FROM assets")}

    def apply(self, entry: ev.Entry) -> None:
        """One event of the user's history."""
        event = entry.event
        note = self._note_of(entry.sequence) if entry.content is not None else None
        project = _PROJECT[type(event)]
        order_id, details = project(self, entry, event, note)
        self._audit(entry, note, order_id, details)

    def _audit(self, entry: ev.Entry, note: Note | None, order_id: int | None, details: str) -> None:
        """The cause of a fill of a resting order is the other side's command, which is none of this user's business."""
        own_cause = entry.user_a == self._user
        actor = origin = correlation_id = None
        if note is not None:
            actor, origin, correlation_id = note.actor, note.origin, note.correlation_id
        elif entry.content is not None and own_cause:
            actor = f"user:{self._user_id_of(self._user)}"
        self._execute(
            sql.INSERT_AUDIT,
            (
                entry.sequence,
                entry.number_a if own_cause else entry.number_b,
                entry.time_us,
                entry.event.kind,
                entry.cause if own_cause else None,
                actor,
                origin,
                correlation_id,
                order_id,
                details,
            ),
        )

    def _post(self, asset: str, posted: int, held: int) -> None:
        self._know(asset)
        self._execute(sql.POST, (asset, posted, held))

    def _know(self, asset: str) -> None:
        if asset not in self._known_assets:
            self._known_assets.add(asset)
            self._execute("INSERT INTO assets (asset, decimals) VALUES (?, ?)", (asset, self._asset(asset).decimals))

    def _know_pair(self, instrument: Instrument) -> None:
        self._know(instrument.base.code)
        self._know(instrument.quote.code)

    def _user_named(self, _: ev.Entry, event: ev.UserCreated | ev.UserEmailChanged, __: Note | None) -> _Shown:
        self._execute(
            "UPDATE metadata SET user_id = ?, email = ?", (self._user_id_of(self._user), self._email_of(self._user))
        )
        return None, _own(event)

    def _user_deleted(self, _: ev.Entry, event: ev.UserDeleted, __: Note | None) -> _Shown:
        return None, _own(event)

    def _deposited(self, entry: ev.Entry, event: ev.Deposited, note: Note | None) -> _Shown:
        self._post(event.asset, event.amount, 0)
        self._money_moved(entry, "deposit", event.asset, event.amount, note=note)
        return None, _own(event)

    def _withdrawn(self, entry: ev.Entry, event: ev.Withdrawn, note: Note | None) -> _Shown:
        self._post(event.asset, -event.amount, 0)
        self._money_moved(entry, "withdrawal", event.asset, event.amount, note=note)
        return None, _own(event)

    def _transferred(self, entry: ev.Entry, event: ev.Transferred, note: Note | None) -> _Shown:
        incoming = event.receiver == self._user
        other = self._user_id_of(event.sender if incoming else event.receiver)
        self._post(event.asset, event.amount if incoming else -event.amount, 0)
        kind = "transfer_in" if incoming else "transfer_out"
        self._money_moved(entry, kind, event.asset, event.amount, counterparty=other, note=note)
        return None, _json(type=kind, asset=event.asset, amount=event.amount, counterparty=other)

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

    def _traded_off_book(self, entry: ev.Entry, event: ev.TradedOffBook, note: Note | None) -> _Shown:
        buys = event.buyer == self._user
        other = self._user_id_of(event.seller if buys else event.buyer)
        self._post(event.base, event.quantity if buys else -event.quantity, 0)
        self._post(event.quote, -event.total if buys else event.total, 0)
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
        self._count_trade(
            event.base, event.quote, buys=buys, quantity=event.quantity, value=event.total, fee=0, at=entry.time_us
        )
        details = {"type": kind, "credit_type": event.base, "quantity": event.quantity, "total": event.total}
        return None, _json(**details, currency=event.quote, trade=event.trade, counterparty=other)

    def _count_trade(self, base: str, quote: str, *, buys: bool, quantity: int, value: int, fee: int, at: int) -> None:
        bought, sold = (quantity, 0) if buys else (0, quantity)
        paid, earned = (value, 0) if buys else (0, value)
        self._execute(sql.COUNT_TRADE, (base, quote, bought, sold, paid, earned, fee, at))

    def _count_order(self, counter: str, instrument: Instrument) -> None:
        self._execute(sql.COUNT_ORDER[counter], (instrument.base.code, instrument.quote.code))

    def _order_accepted(self, entry: ev.Entry, event: ev.OrderAccepted, _: Note | None) -> _Shown:
        instrument = self._instrument(event.symbol)
        quantity = instrument.quantity_units(event.quantity_lots)
        price = None if event.order_type == OrderType.MARKET else instrument.price_units(event.price_ticks)
        self._know_pair(instrument)
        self._execute(
            sql.INSERT_ORDER,
            (
                event.order,
                event.client_order_id,
                event.symbol,
                instrument.base.code,
                instrument.quote.code,
                event.side,
                event.order_type,
                event.time_in_force,
                price,
                instrument.price_decimals,
                quantity,
                quantity,
                event.hold,
                event.expires_at_us,
                entry.time_us,
                entry.time_us,
            ),
        )
        self._post((instrument.quote if event.side == Side.BUY else instrument.base).code, 0, event.hold)
        self._count_order("orders_placed", instrument)
        return event.order, _own(event)

    def _order_rejected(self, entry: ev.Entry, event: ev.OrderRejected, _: Note | None) -> _Shown:
        instrument = self._instrument(event.symbol)
        quantity = instrument.quantity_units(event.quantity_lots)
        self._know_pair(instrument)
        self._execute(
            sql.INSERT_REJECTED,
            (
                event.order,
                event.client_order_id,
                event.symbol,
                instrument.base.code,
                instrument.quote.code,
                event.side,
                event.order_type,
                event.time_in_force,
                None if event.price_ticks is None else instrument.price_units(event.price_ticks),
                instrument.price_decimals,
                quantity,
                quantity,
                event.expires_at_us,
                entry.time_us,
                entry.time_us,
                event.code,
                entry.time_us,
            ),
        )
        self._count_order("orders_rejected", instrument)
        return event.order, _own(event)

    def _order_amended(self, entry: ev.Entry, event: ev.OrderAmended, _: Note | None) -> _Shown:
        symbol, old_hold, side, filled = self._open_order("symbol, hold, side, filled_quantity", event.order)
        instrument = self._instrument(symbol)
        quantity = instrument.quantity_units(event.quantity_lots)
        self._execute(
            "UPDATE active_orders SET price_per_credit = ?, quantity = ?, remaining_quantity = ?, hold = ?, updated_at = ?"
            " WHERE order_id = ?",
            (
                instrument.price_units(event.price_ticks),
                quantity,
                quantity - filled,
                event.hold,
                entry.time_us,
                event.order,
            ),
        )
        self._post((instrument.quote if side == Side.BUY else instrument.base).code, 0, event.hold - old_hold)
        if quantity == filled:
            self._close(event.order, OrderStatus.FILLED, "", instrument, entry.time_us)
        return event.order, _own(event)

    def _order_canceled(self, entry: ev.Entry, event: ev.OrderCanceled, _: Note | None) -> _Shown:
        self._end(entry, event.order, OrderStatus.CANCELED, event.reason, event.released)
        return event.order, _own(event)

    def _order_expired(self, entry: ev.Entry, event: ev.OrderExpired, _: Note | None) -> _Shown:
        self._end(entry, event.order, OrderStatus.EXPIRED, "expired", event.released)
        return event.order, _own(event)

    def _end(self, entry: ev.Entry, order: int, status: OrderStatus, reason: str, released: int) -> None:
        symbol, side = self._open_order("symbol, side", order)
        instrument = self._instrument(symbol)
        self._post((instrument.quote if side == Side.BUY else instrument.base).code, 0, -released)
        self._close(order, status, reason, instrument, entry.time_us)

    def _open_order(self, columns: str, order: int) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._execute(
            f"SELECT {columns} FROM active_orders WHERE order_id = ?", (order,)
        ).fetchone()
        return row or self._missing(order)

    def _missing(self, order: int) -> NoReturn:
        raise FileCorrupt(
            "users.file",
            f"user #{self._user}",
            f"order {order} is missing from active_orders",
            hint="Move the file away; it is rebuilt from the journal when next opened.",
        )

    def _close(self, order: int, status: OrderStatus, reason: str, instrument: Instrument, at: int) -> None:
        """From the active orders to the history."""
        self._execute(sql.CLOSE_ORDER, (status.value, at, reason, order))
        self._execute("DELETE FROM active_orders WHERE order_id = ?", (order,))
        self._count_order(_ENDED[status], instrument)

    def _command_rejected(self, _: ev.Entry, event: ev.CommandRejected, __: Note | None) -> _Shown:
        return event.order, _json(command=event.command, code=event.code, order=event.order)

    def _traded(self, entry: ev.Entry, event: ev.Trade, _: Note | None) -> _Shown:
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
            self._post(base, quantity, 0)
            self._post(quote, -value - fee, -released)
        else:
            self._post(base, -quantity, -released)
            self._post(quote, value - fee, 0)
        self._count_trade(base, quote, buys=buys, quantity=quantity, value=value, fee=fee, at=entry.time_us)
        remaining = self._execute(sql.FILL_ORDER, (quantity, value, fee, released, entry.time_us, order)).fetchall()
        if not remaining:
            self._missing(order)
        if remaining[0][0] == 0:
            self._close(order, OrderStatus.FILLED, "", instrument, entry.time_us)
        details = {"trade": event.trade, "price_ticks": event.price_ticks, "quantity_lots": event.quantity_lots}
        return order, _json(**details, fee=fee, role=role, counterparty=counterparty)


_Shown = tuple[int | None, str]
"""Which of the user's orders an event is about, and the user's side of it as JSON."""

_encode = msgspec.json.Encoder().encode

_PROJECT: dict[type[ev.Event], Callable[[Projection, ev.Entry, Any, Note | None], _Shown]] = {
    ev.UserCreated: Projection._user_named,
    ev.UserEmailChanged: Projection._user_named,
    ev.UserDeleted: Projection._user_deleted,
    ev.Deposited: Projection._deposited,
    ev.Withdrawn: Projection._withdrawn,
    ev.Transferred: Projection._transferred,
    ev.TradedOffBook: Projection._traded_off_book,
    ev.OrderAccepted: Projection._order_accepted,
    ev.OrderRejected: Projection._order_rejected,
    ev.OrderAmended: Projection._order_amended,
    ev.OrderCanceled: Projection._order_canceled,
    ev.OrderExpired: Projection._order_expired,
    ev.CommandRejected: Projection._command_rejected,
    ev.Trade: Projection._traded,
}


def _own(event: ev.Event) -> str:
    """An event that concerns this user alone, as it stands in the journal."""
    return _encode(event).decode()


def _json(**details: object) -> str:
    return _encode({name: value for name, value in details.items() if value is not None}).decode()
