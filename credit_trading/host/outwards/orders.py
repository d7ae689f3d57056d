"""The open orders that a batch of events touches: the rows as they are after each event.

Here: what each kind of order event does to the order's row, to its owner's hold where only the order tells it, and to the counts of
orders. Never here: what a fill moves (movements, figures), reading and writing rows (batch).
Always: a row equals the engine's order while that is open; one that is done stays here until the end of the batch, as it was at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from credit_trading.errors import StorageError
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import BUY, GTD, OrderStatus, OrderType
from credit_trading.host.outwards import figures
from credit_trading.host.outwards.figures import Figures
from credit_trading.host.outwards.movements import Movements
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen, moment
from credit_trading.host.rows import OrderRow
from credit_trading.money.amount import format_units

_NEW, _PARTIALLY_FILLED, _FILLED = (
    OrderStatus.NEW.value,
    OrderStatus.PARTIALLY_FILLED.value,
    OrderStatus.FILLED.value,
)
_CANCELED, _EXPIRED = OrderStatus.CANCELED.value, OrderStatus.EXPIRED.value
_WITH_LIMIT = (OrderType.LIMIT.value, OrderType.STOP_LIMIT.value)
_DONE = {_FILLED: figures.FILLED, _CANCELED: figures.CANCELED, _EXPIRED: figures.EXPIRED}


def touched(seen: Iterable[Seen]) -> set[int]:
    """The orders that the events are about and that were placed before them."""
    numbers: set[int] = set()
    placed: set[int] = set()
    for one in seen:
        event: Any = one.entry.event
        kind = type(event)
        if kind is ev.OrderAccepted:
            placed.add(event.order)
        elif kind is ev.Trade:
            numbers.add(event.taker_order)
            numbers.add(event.maker_order)
        elif kind in _ORDER_EVENTS:
            numbers.add(event.order)
    return numbers - placed


class Orders:
    """`rows` by number: those that were found, and those that are placed meanwhile; `changed` are the numbers of what events touched.

    Raises StorageError for an event about an order that is not among them.
    """

    def __init__(self, found: dict[int, OrderRow], names: Names, movements: Movements, counts: Figures) -> None:
        self.rows = found
        self.placed: set[int] = set()
        self.changed: set[int] = set()
        self.done: set[int] = set()
        self._names = names
        self._movements = movements
        self._figures = counts

    def apply(self, seen: Seen) -> None:
        """One event."""
        change = _ORDER_EVENTS.get(type(seen.entry.event))
        if change is not None:
            change(self, seen, seen.entry.event)

    def of(self, numbers: Iterable[int]) -> Iterator[OrderRow]:
        """Their rows, with their texts."""
        for number in sorted(numbers):
            row = self.rows[number]
            decimals = self._names.asset(row["asset"]).decimals
            quantity, filled = row["quantity_units"], row["filled_units"]
            row["quantity"] = row["remaining"] = format_units(quantity, decimals)
            row["filled"] = format_units(filled, decimals)
            if filled:
                row["remaining"] = format_units(quantity - filled, decimals)
            yield row

    def _accepted(self, seen: Seen, event: ev.OrderAccepted) -> None:
        instrument = self._names.instrument(event.symbol)
        base, quote = instrument.base.code, instrument.quote.code
        self.rows[event.order] = OrderRow(
            order_id=event.order,
            user_id=self._names.user_id(event.user),
            instrument=event.symbol,
            asset=base,
            currency=quote,
            project_id=instrument.project_id,
            side=event.side,
            order_type=event.order_type,
            time_in_force=event.time_in_force,
            route=event.route,
            client_order_id=event.client_order_id,
            status=_NEW,
            price=instrument.format_price(event.price_ticks) if event.order_type in _WITH_LIMIT else None,
            quantity_units=event.quantity_lots * instrument.lot_units,
            filled_units=0,
            hold_units=event.hold,
            quantity="",
            filled="",
            remaining="",
            placed_at=seen.at,
            expires_at=None if event.expires_at_us is None else moment(event.expires_at_us),
            sequence=seen.entry.sequence,
            updated_at=seen.at,
        )
        self.placed.add(event.order)
        self.changed.add(event.order)
        self._movements.move(seen, event.user, quote if event.side == BUY else base, 0, event.hold)
        self._figures.order(seen, event.user, base, quote, figures.PLACED)

    def _rejected(self, seen: Seen, event: ev.OrderRejected) -> None:
        instrument = self._names.instrument(event.symbol)
        self._figures.order(seen, event.user, instrument.base.code, instrument.quote.code, figures.REJECTED)

    def _amended(self, seen: Seen, event: ev.OrderAmended) -> None:
        row = self._touch(seen, event.order)
        instrument = self._names.instrument(row["instrument"])
        self._hold(seen, event.user, row, event.hold)
        row["quantity_units"] = event.quantity_lots * instrument.lot_units
        if row["price"] is not None:
            row["price"] = instrument.format_price(event.price_ticks)
        if event.expires_at_us is not None:
            row["expires_at"] = moment(event.expires_at_us)
            row["time_in_force"] = GTD
        if row["quantity_units"] == row["filled_units"]:
            self._close(seen, event.user, row, _FILLED)

    def _triggered(self, seen: Seen, event: ev.OrderTriggered) -> None:
        self._hold(seen, event.user, self._touch(seen, event.order), event.hold)

    def _refreshed(self, seen: Seen, event: ev.OrderRefreshed) -> None:
        self._touch(seen, event.order)

    def _reduced(self, seen: Seen, event: ev.OrderReduced) -> None:
        row = self._touch(seen, event.order)
        self._hold(seen, event.user, row, event.hold)
        row["quantity_units"] = event.quantity_lots * self._names.instrument(row["instrument"]).lot_units

    def _canceled(self, seen: Seen, event: ev.OrderCanceled) -> None:
        self._end(seen, event, _CANCELED)

    def _expired(self, seen: Seen, event: ev.OrderExpired) -> None:
        self._end(seen, event, _EXPIRED)

    def _end(self, seen: Seen, event: ev.OrderCanceled | ev.OrderExpired, status: str) -> None:
        row = self._touch(seen, event.order)
        self._hold(seen, event.user, row, row["hold_units"] - event.released)
        self._close(seen, event.user, row, status)

    def _traded(self, seen: Seen, event: ev.Trade) -> None:
        units = event.quantity_lots * self._names.instrument(event.symbol).lot_units
        self._fill(seen, event.maker, event.maker_order, units, event.maker_released)
        self._fill(seen, event.taker, event.taker_order, units, event.taker_released)

    def _filled_outside(self, seen: Seen, event: ev.OrderFilledOutside) -> None:
        units = event.quantity_lots * self._names.instrument(event.symbol).lot_units
        self._fill(seen, event.user, event.order, units, event.released)

    def _fill(self, seen: Seen, user: int, number: int, units: int, released: int) -> None:
        """The hold shrinks on the balance, too, but that is the trade's to tell."""
        row = self._touch(seen, number)
        row["filled_units"] += units
        row["hold_units"] -= released
        if row["filled_units"] == row["quantity_units"]:
            self._close(seen, user, row, _FILLED)
        else:
            row["status"] = _PARTIALLY_FILLED

    def _touch(self, seen: Seen, number: int) -> OrderRow:
        self.changed.add(number)
        row = self.rows.get(number)
        if row is None:
            problem = "it is open, and the host's tables do not have it: somebody has deleted its row"
            raise StorageError("host", f"order {number}", problem, hint="Have it back: credit-trading host repair.")
        row["sequence"], row["updated_at"] = seen.entry.sequence, seen.at
        return row

    def _hold(self, seen: Seen, user: int, row: OrderRow, hold: int) -> None:
        held = row["currency"] if row["side"] == BUY else row["asset"]
        self._movements.move(seen, user, held, 0, hold - row["hold_units"])
        row["hold_units"] = hold

    def _close(self, seen: Seen, user: int, row: OrderRow, status: str) -> None:
        row["status"] = status
        self.done.add(row["order_id"])
        self._figures.order(seen, user, row["asset"], row["currency"], _DONE[status])


_ORDER_EVENTS: dict[type[ev.Event], Callable[[Orders, Seen, Any], None]] = {
    ev.OrderAccepted: Orders._accepted,
    ev.OrderRejected: Orders._rejected,
    ev.OrderAmended: Orders._amended,
    ev.OrderTriggered: Orders._triggered,
    ev.OrderRefreshed: Orders._refreshed,
    ev.OrderReduced: Orders._reduced,
    ev.OrderCanceled: Orders._canceled,
    ev.OrderExpired: Orders._expired,
    ev.OrderFilledOutside: Orders._filled_outside,
    ev.Trade: Orders._traded,
}
