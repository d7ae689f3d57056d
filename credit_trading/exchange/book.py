"""The limit order book of one instrument: price-time priority.

Here: which orders rest, at which level, in which place. Never here: balances, users' rights, fees.
Always: a level knows the sum of what its orders show; orders at one price stand in the order in which they came; the best price is found in
O(1), adding and removing cost O(log levels) at most, and no operation walks a queue.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from credit_trading.exchange.order import Order


class Level(msgspec.Struct, eq=False, gc=False):
    """The queue at one price, oldest first, and the lots that its orders show."""

    price_ticks: int
    orders: OrderedDict[int, Order]
    lots: int


class BookSide:
    """One side's levels, best first.

    Prices stand in a heap, negated for bids. A level that runs empty stays in heap and dictionary until it comes to the top or until
    most are empty, so that a price which empties and fills again costs nothing.
    """

    def __init__(self, *, buys: bool) -> None:
        self._sign = -1 if buys else 1
        self._levels: dict[int, Level] = {}
        self._heap: list[int] = []
        self._empty = 0

    def add(self, order: Order) -> None:
        """To the back of the queue at its price."""
        key = self._sign * order.price_ticks
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = Level(order.price_ticks, OrderedDict(), order.shown_lots)
            heapq.heappush(self._heap, key)
        else:
            level.lots += order.shown_lots
            if not level.orders:
                self._empty -= 1
        level.orders[order.number] = order

    def remove(self, order: Order) -> None:
        level = self._levels[self._sign * order.price_ticks]
        del level.orders[order.number]
        level.lots -= order.shown_lots
        if not level.orders:
            self._empty += 1
            if self._empty > 64 and self._empty * 2 > len(self._heap):
                self._drop_empty()

    def reduce(self, order: Order, lots: int) -> None:
        """The order keeps its place and shows that many lots less; the caller changes the order itself."""
        self._levels[self._sign * order.price_ticks].lots -= lots

    def best(self) -> Level | None:
        """The level that trades first; None when the side is empty."""
        heap = self._heap
        while heap:
            level = self._levels[heap[0]]
            if level.orders:
                return level
            del self._levels[heapq.heappop(heap)]
            self._empty -= 1
        return None

    def levels(self) -> Iterator[Level]:
        """Levels that hold orders, best first; the first k cost O(k log k). The side must not change meanwhile."""
        heap = self._heap
        frontier = [(heap[0], 0)] if heap else []
        while frontier:
            key, place = heapq.heappop(frontier)
            for child in (2 * place + 1, 2 * place + 2):
                if child < len(heap):
                    heapq.heappush(frontier, (heap[child], child))
            level = self._levels[key]
            if level.orders:
                yield level

    def _drop_empty(self) -> None:
        self._levels = {key: level for key, level in self._levels.items() if level.orders}
        self._heap = sorted(self._levels)
        self._empty = 0


class OrderBook:
    """Both sides of one instrument."""

    def __init__(self) -> None:
        self.bids = BookSide(buys=True)
        self.asks = BookSide(buys=False)

    def side(self, *, buys: bool) -> BookSide:
        return self.bids if buys else self.asks

    def is_crossed(self) -> bool:
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid.price_ticks >= ask.price_ticks
