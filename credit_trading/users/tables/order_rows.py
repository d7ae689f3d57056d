"""A user's orders as rows: the active ones, and from there into the history.

Here: what each kind of order event does to the order's row, its hold and the counts of orders. Never here: what a fill moves between
balances (projection). Always: an order stands in one of the two tables; while it is active its row equals the engine's order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from credit_trading.clock import format_time
from credit_trading.errors import FileCorrupt
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import OrderStatus, OrderType, Side
from credit_trading.money import Asset, Instrument
from credit_trading.money.amount import format_units
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql
from credit_trading.users.tables.audit import Shown, own_details
from credit_trading.users.tables.changes import Changes
from credit_trading.users.tables.totals import Totals

_NEW, _PARTIALLY_FILLED = OrderStatus.NEW.value, OrderStatus.PARTIALLY_FILLED.value
_WITH_LIMIT = (OrderType.LIMIT.value, OrderType.STOP_LIMIT.value)


class OrderRows:
    """Writes one user's order events, in order, into the open transaction of their file."""

    def __init__(
        self,
        connection: Connection,
        user: int,
        totals: Totals,
        changes: Changes,
        instruments: Callable[[str], Instrument],
    ) -> None:
        self._execute = connection.execute
        self._user = user
        self._totals = totals
        self._changes = changes
        self._instrument = instruments

    def accepted(self, entry: ev.Entry, event: ev.OrderAccepted) -> Shown:
        instrument = self._instrument(event.symbol)
        self._totals.know(instrument)
        price_ticks = event.price_ticks if event.order_type in _WITH_LIMIT else None  # at market it is the collar
        self._execute(sql.INSERT_ORDER, (*_asked(entry, event, instrument, price_ticks), event.hold))
        self._changes.add("order_status", None, _NEW)
        self._totals.post(_given(instrument, event.side).code, 0, event.hold)
        base, quote = instrument.base.code, instrument.quote.code
        self._totals.order_placed(asset=base, currency=quote, at=entry.time_us)
        return event.order, own_details(event)

    def rejected(self, entry: ev.Entry, event: ev.OrderRejected) -> Shown:
        instrument = self._instrument(event.symbol)
        self._totals.know(instrument)
        self._execute(sql.INSERT_REJECTED, (*_asked(entry, event, instrument, event.price_ticks), event.code))
        self._changes.add("order_status", None, OrderStatus.REJECTED.value)
        base, quote = instrument.base.code, instrument.quote.code
        self._totals.order_rejected(asset=base, currency=quote, at=entry.time_us)
        return event.order, own_details(event)

    def amended(self, entry: ev.Entry, event: ev.OrderAmended) -> Shown:
        before = self._active(
            "quantity, price_per_credit, expires_at, time_in_force, displayed_quantity, order_status", event.order
        )
        instrument, filled = self._held_anew(event.order, event.hold)
        quantity = instrument.quantity_units(event.quantity_lots)
        ((price, expires_at, time_in_force, displayed),) = self._execute(
            sql.AMEND_ORDER,
            (
                instrument.price_units(event.price_ticks),
                quantity,
                event.hold,
                event.expires_at_us,
                None if event.display_lots is None else instrument.quantity_units(event.display_lots),
                entry.time_us,
                event.order,
            ),
        ).fetchall()
        decimals, add = instrument.base.decimals, self._changes.add
        add("quantity", format_units(before[0], decimals), format_units(quantity, decimals))
        add("price_per_credit", _text(before[1], instrument.price_decimals), _text(price, instrument.price_decimals))
        add("expires_at", _moment(before[2]), _moment(expires_at))
        add("time_in_force", before[3], time_in_force)
        add("displayed_quantity", _text(before[4], decimals), _text(displayed, decimals))
        if quantity == filled:
            self._close(event.order, before[5], OrderStatus.FILLED, "", instrument, entry.time_us)
        return event.order, own_details(event)

    def triggered(self, entry: ev.Entry, event: ev.OrderTriggered) -> Shown:
        self._held_anew(event.order, event.hold)
        self._execute(sql.TRIGGER_ORDER, (event.hold, entry.time_us, event.order))
        self._changes.add("triggered_at", None, format_time(entry.time_us))
        return event.order, own_details(event)

    def refreshed(self, entry: ev.Entry, event: ev.OrderRefreshed) -> Shown:
        self._execute(sql.REFRESH_ORDER, (entry.time_us, event.order))
        return event.order, own_details(event)

    def reduced(self, entry: ev.Entry, event: ev.OrderReduced) -> Shown:
        (before,) = self._active("quantity", event.order)
        instrument, _ = self._held_anew(event.order, event.hold)
        quantity = instrument.quantity_units(event.quantity_lots)
        self._execute(sql.REDUCE_ORDER, (quantity, event.hold, entry.time_us, event.order))
        decimals = instrument.base.decimals
        self._changes.add("quantity", format_units(before, decimals), format_units(quantity, decimals))
        return event.order, own_details(event)

    def canceled(self, entry: ev.Entry, event: ev.OrderCanceled) -> Shown:
        self._end(entry, event, OrderStatus.CANCELED)
        return event.order, own_details(event)

    def expired(self, entry: ev.Entry, event: ev.OrderExpired) -> Shown:
        self._end(entry, event, OrderStatus.EXPIRED)
        return event.order, own_details(event)

    def fill(
        self,
        order: int,
        instrument: Instrument,
        *,
        side: str,
        quantity: int,
        value: int,
        fee: int,
        released: int,
        at: int,
    ) -> None:
        """One order's half of a trade; its hold shrinks by `released`, the balances are the caller's to move."""
        row = self._execute(sql.FILL_ORDER, (quantity, value, fee, released, at, order)).fetchall()
        if not row:
            self._missing(order)
        remaining, filled, hold = row[0]
        before = _NEW if filled == quantity else _PARTIALLY_FILLED
        decimals = instrument.base.decimals
        self._changes.add("filled_quantity", format_units(filled - quantity, decimals), format_units(filled, decimals))
        if released:
            self._hold_changes(instrument, side, hold + released, hold)
        if remaining == 0:
            self._close(order, before, OrderStatus.FILLED, "", instrument, at)
        else:
            self._changes.add("order_status", before, _PARTIALLY_FILLED)

    def _end(self, entry: ev.Entry, event: ev.OrderCanceled | ev.OrderExpired, status: OrderStatus) -> None:
        symbol, side, hold, before = self._active("symbol, side, hold, order_status", event.order)
        instrument = self._instrument(symbol)
        self._totals.post(_given(instrument, side).code, 0, -event.released)
        self._hold_changes(instrument, side, hold, hold - event.released)
        self._close(event.order, before, status, event.reason, instrument, entry.time_us)

    def _held_anew(self, order: int, hold: int) -> tuple[Instrument, int]:
        """Brings what the balance holds for the order to `hold`; returns its instrument and filled quantity."""
        symbol, side, old_hold, filled = self._active("symbol, side, hold, filled_quantity", order)
        instrument = self._instrument(symbol)
        self._totals.post(_given(instrument, side).code, 0, hold - old_hold)
        self._hold_changes(instrument, side, old_hold, hold)
        return instrument, filled

    def _hold_changes(self, instrument: Instrument, side: str, before: int, after: int) -> None:
        decimals = _given(instrument, side).decimals
        self._changes.add("hold", format_units(before, decimals), format_units(after, decimals))

    def _active(self, columns: str, order: int) -> tuple[Any, ...]:
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

    def _close(
        self, order: int, before: str, status: OrderStatus, reason: str, instrument: Instrument, at: int
    ) -> None:
        """From the active orders to the history; `before` is the status that it had."""
        ((quantity, filled, accepted_at),) = self._execute(
            sql.CLOSE_ORDER, (status.value, at, reason, order)
        ).fetchall()
        self._execute("DELETE FROM active_orders WHERE order_id = ?", (order,))
        self._changes.add("order_status", before, status.value)
        self._totals.order_done(
            asset=instrument.base.code,
            currency=instrument.quote.code,
            quantity=quantity,
            filled_quantity=filled,
            accepted_at=accepted_at,
            closed_at=at,
            status=status.value,
        )


def _given(instrument: Instrument, side: str) -> Asset:
    """What an order of that side gives, and so holds."""
    return instrument.quote if side == Side.BUY else instrument.base


def _text(units: int | None, decimals: int) -> str | None:
    return None if units is None else format_units(units, decimals)


def _moment(time_us: int | None) -> str | None:
    return None if time_us is None else format_time(time_us)


def _asked(
    entry: ev.Entry, event: ev.OrderAccepted | ev.OrderRejected, instrument: Instrument, price_ticks: int | None
) -> tuple[object, ...]:
    """What was asked for, as the columns that an accepted and a rejected order have in common."""
    return (
        event.order,
        event.client_order_id,
        event.symbol,
        instrument.base.code,
        instrument.quote.code,
        event.side,
        event.order_type,
        event.time_in_force,
        None if price_ticks is None else instrument.price_units(price_ticks),
        instrument.price_decimals,
        None if event.stop_ticks is None else instrument.price_units(event.stop_ticks),
        None if event.display_lots is None else instrument.quantity_units(event.display_lots),
        int(event.post_only),
        event.self_trade,
        event.route,
        instrument.quantity_units(event.quantity_lots),
        event.expires_at_us,
        entry.time_us,
    )


ORDER_EVENTS: dict[type[ev.Event], Callable[[OrderRows, ev.Entry, Any], Shown]] = {
    ev.OrderAccepted: OrderRows.accepted,
    ev.OrderRejected: OrderRows.rejected,
    ev.OrderAmended: OrderRows.amended,
    ev.OrderTriggered: OrderRows.triggered,
    ev.OrderRefreshed: OrderRows.refreshed,
    ev.OrderReduced: OrderRows.reduced,
    ev.OrderCanceled: OrderRows.canceled,
    ev.OrderExpired: OrderRows.expired,
}
"""The events about one order of one user."""
