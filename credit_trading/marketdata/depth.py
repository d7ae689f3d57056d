"""The book of one instrument as everybody may see it, built from events alone.

Here: levels, queues, displayed quantities, the best prices, the last price. Never here: users, balances, holds, rules, files.
Always: after the last event of a command it shows what the exchange's own book shows, order for order; waiting stops and what icebergs
hide are known, so that later events can be followed, and never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from sortedcontainers import SortedDict

from credit_trading.exchange import events as ev
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import BUY, EXTERNAL, Order


class DepthOrder(msgspec.Struct, gc=False):
    """What has to be known of an open order. `waits` is a stop that is not triggered yet: it stands in no queue and shows nothing."""

    number: int
    buys: bool
    price_ticks: int
    quantity_lots: int
    remaining_lots: int
    shown_lots: int
    display_lots: int | None
    waits: bool

    @classmethod
    def accepted(cls, event: ev.OrderAccepted) -> DepthOrder:
        order = cls(
            event.order,
            event.side == BUY,
            event.price_ticks,
            event.quantity_lots,
            event.quantity_lots,
            0,
            event.display_lots,
            event.stop_ticks is not None,
        )
        if not order.waits:
            order.shown_lots = order.slice_of(order.remaining_lots)
        return order

    @classmethod
    def of(cls, order: Order) -> DepthOrder:
        waits = order.stop_ticks is not None
        return cls(
            order.number,
            order.buys,
            order.price_ticks,
            order.quantity_lots,
            order.remaining_lots,
            0 if waits else order.shown_lots,
            order.display_lots,
            waits,
        )

    def slice_of(self, remaining_lots: int) -> int:
        """What is shown of so much when the order joins a queue."""
        return remaining_lots if self.display_lots is None else min(self.display_lots, remaining_lots)


class DepthLevel(msgspec.Struct):
    """The queue at one price, oldest first, and the lots that it shows."""

    price_ticks: int
    lots: int
    orders: dict[int, DepthOrder]


class DepthSide:
    """One side's levels, best first; none of them is empty."""

    def __init__(self, *, buys: bool) -> None:
        self._sign = -1 if buys else 1
        self._levels: SortedDict[int, DepthLevel] = SortedDict()

    def add(self, order: DepthOrder) -> None:
        """To the back of the queue at its price."""
        key = self._sign * order.price_ticks
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = DepthLevel(order.price_ticks, 0, {})
        level.orders[order.number] = order
        level.lots += order.shown_lots

    def remove(self, order: DepthOrder) -> None:
        key = self._sign * order.price_ticks
        level = self._levels[key]
        del level.orders[order.number]
        level.lots -= order.shown_lots
        if not level.orders:
            del self._levels[key]

    def show(self, order: DepthOrder, shown_lots: int) -> None:
        """The order keeps its place and shows so much from now on."""
        self._levels[self._sign * order.price_ticks].lots += shown_lots - order.shown_lots
        order.shown_lots = shown_lots

    def best(self) -> DepthLevel | None:
        return self._levels.peekitem(0)[1] if self._levels else None

    def __iter__(self) -> Iterator[DepthLevel]:
        return iter(self._levels.values())


class Depth:
    """`orders` holds every open order of the instrument by number, waiting stops too."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.last_price_ticks: int | None = None
        self.bids = DepthSide(buys=True)
        self.asks = DepthSide(buys=False)
        self.orders: dict[int, DepthOrder] = {}

    @classmethod
    def of(cls, market: Market) -> Depth:
        """As the exchange's own book stands between two commands."""
        depth = cls(market.instrument.symbol)
        depth.last_price_ticks = market.last_price_ticks
        for level in (*market.book.bids.levels(), *market.book.asks.levels()):
            depth._add(level.orders.values())
        depth._add(market.stops)
        return depth

    def apply(self, entry: ev.Entry) -> None:
        """The next event of the journal; what concerns no order here changes nothing."""
        change = _CHANGES.get(type(entry.event))
        if change is not None:
            change(self, entry.event)

    def is_same_as(self, other: Depth) -> bool:
        """Whether both show and know the same: levels, queues, waiting stops, last price."""
        return (
            self.last_price_ticks == other.last_price_ticks
            and self.orders == other.orders
            and _queues(self.bids) == _queues(other.bids)
            and _queues(self.asks) == _queues(other.asks)
        )

    def _add(self, orders: Iterable[Order]) -> None:
        for order in map(DepthOrder.of, orders):
            self.orders[order.number] = order
            if not order.waits:
                self._side(order).add(order)

    def _side(self, order: DepthOrder) -> DepthSide:
        return self.bids if order.buys else self.asks

    # What each event changes

    def _accepted(self, event: ev.OrderAccepted) -> None:
        """It stands in its queue at once, as in the exchange's own book; its trades and what ends it follow.

        One that is worked outside is nothing that the public knows of.
        """
        if event.symbol != self.symbol or event.route == EXTERNAL:
            return
        order = self.orders[event.order] = DepthOrder.accepted(event)
        if not order.waits:
            self._side(order).add(order)

    def _triggered(self, event: ev.OrderTriggered) -> None:
        order = self.orders.get(event.order)
        if order is not None:
            order.waits = False
            order.price_ticks = event.price_ticks
            self._queue(order)

    def _refreshed(self, event: ev.OrderRefreshed) -> None:
        order = self.orders.get(event.order)
        if order is not None:
            self._side(order).remove(order)
            order.shown_lots = event.shown_lots
            self._side(order).add(order)

    def _reduced(self, event: ev.OrderReduced) -> None:
        order = self.orders.get(event.order)
        if order is not None:
            self._resize(order, event.quantity_lots)
            self._side(order).show(order, min(order.shown_lots, order.remaining_lots))

    def _amended(self, event: ev.OrderAmended) -> None:
        order = self.orders.get(event.order)
        if order is None:
            return
        if event.display_lots is not None:
            order.display_lots = event.display_lots
        if order.waits:
            order.price_ticks = event.price_ticks
            self._resize(order, event.quantity_lots)
        elif event.requeued:
            self._side(order).remove(order)
            order.price_ticks = event.price_ticks
            self._resize(order, event.quantity_lots)
            self._queue(order)
        else:
            self._resize(order, event.quantity_lots)
            self._side(order).show(order, min(order.shown_lots, order.slice_of(order.remaining_lots)))
        if not order.remaining_lots:
            self._drop(order)

    def _ended(self, event: ev.OrderCanceled | ev.OrderExpired) -> None:
        order = self.orders.get(event.order)
        if order is not None:
            self._drop(order)

    def _traded(self, event: ev.Trade) -> None:
        if event.symbol != self.symbol:
            return
        self.last_price_ticks = event.price_ticks
        lots = event.quantity_lots
        maker, taker = self.orders[event.maker_order], self.orders[event.taker_order]
        self._fill(maker, lots, shown_lots=maker.shown_lots - lots)
        self._fill(taker, lots, shown_lots=min(taker.shown_lots, taker.remaining_lots - lots))

    def _fill(self, order: DepthOrder, lots: int, *, shown_lots: int) -> None:
        order.remaining_lots -= lots
        self._side(order).show(order, shown_lots)
        if not order.remaining_lots:
            self._drop(order)

    def _resize(self, order: DepthOrder, quantity_lots: int) -> None:
        """What is filled stays filled; the rest takes up the difference."""
        order.remaining_lots += quantity_lots - order.quantity_lots
        order.quantity_lots = quantity_lots

    def _queue(self, order: DepthOrder) -> None:
        """To the back, showing a whole slice."""
        order.shown_lots = order.slice_of(order.remaining_lots)
        self._side(order).add(order)

    def _drop(self, order: DepthOrder) -> None:
        del self.orders[order.number]
        if not order.waits:
            self._side(order).remove(order)


def _queues(side: DepthSide) -> list[tuple[int, int, list[int]]]:
    return [(level.price_ticks, level.lots, list(level.orders)) for level in side]


_CHANGES: dict[type[ev.Event], Callable[[Depth, Any], None]] = {
    ev.OrderAccepted: Depth._accepted,
    ev.OrderTriggered: Depth._triggered,
    ev.OrderRefreshed: Depth._refreshed,
    ev.OrderReduced: Depth._reduced,
    ev.OrderAmended: Depth._amended,
    ev.OrderCanceled: Depth._ended,
    ev.OrderExpired: Depth._ended,
    ev.Trade: Depth._traded,
}
