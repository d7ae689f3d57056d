"""(h) What one operation on the order book costs while few orders rest, and while very many do.

Here: add, cancel, amend and best, each timed by itself. Always: what is canceled or amended stands in the middle of its queue, where
looking for it would take longest; the number of prices stays the same, so that more orders mean longer queues.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from benchmarks.own_book import RestingOrder
from credit_trading.exchange.book import BookSide

GOAL = Target(kind="at most", ratio=5)
"""Memory that no cache holds may cost some; a thousand times as many orders that were looked through would cost far more."""
PRICES = 100
LOTS = 1000
ROUNDS = 20
"""Of each repetition: in each, every operation is done once at every price."""


class DeepBook:
    """A side of sells with so many resting orders, in equal queues."""

    def __init__(self, orders: int) -> None:
        side: Any = BookSide(buys=False)  # Any: it is typed for the engine's orders, and asks less of them
        self._side = side
        self._numbers = count(1)
        self._queues: list[list[RestingOrder]] = [[] for _ in range(PRICES)]
        """The same queues as the book's, to know who stands where without asking it."""
        for _ in range(orders // PRICES):
            for order in self._newcomers():
                self._side.add(order)

    def round_us(self) -> dict[str, float]:
        """Microseconds per operation; as many orders rest after it as before."""
        side = self._side
        middles = [queue[len(queue) // 2] for queue in self._queues]
        measured = {
            "best": _timed(middles, lambda _: side.best()),
            "amend down": _timed(middles, self._amend_down),
            "cancel": _timed(self._leaving(), side.remove),
            "add": _timed(self._newcomers(), side.add),
        }
        requeued = self._leaving()
        for order in requeued:
            self._queues[order.price_ticks % PRICES].append(order)
        return measured | {"amend price": _timed(requeued, self._amend_price)}

    def _newcomers(self) -> list[RestingOrder]:
        """One more at every price."""
        orders = [RestingOrder(next(self._numbers), 1, 1 + place, LOTS) for place in range(PRICES)]
        for queue, order in zip(self._queues, orders, strict=True):
            queue.append(order)
        return orders

    def _leaving(self) -> list[RestingOrder]:
        """One less at every price: the one in the middle."""
        return [queue.pop(len(queue) // 2) for queue in self._queues]

    def _amend_down(self, order: RestingOrder) -> None:
        self._side.reduce(order, 1)
        order.shown_lots -= 1

    def _amend_price(self, order: RestingOrder) -> None:
        """To the next price, and from the last to the first: no queue grows."""
        self._side.remove(order)
        order.price_ticks = order.price_ticks % PRICES + 1
        self._side.add(order)


def operations(counts: Counts, _: Path) -> list[Figure]:
    """Microseconds of each operation at each depth, compared with the same operation at the first."""
    least, *deeper = counts.resting_orders
    depths = {orders: DeepBook(orders) for orders in counts.resting_orders}
    measured: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _turn in range(counts.repetitions * ROUNDS):
        for orders, book in depths.items():
            for operation, microseconds in book.round_us().items():
                measured[operation, orders].append(microseconds)
    return [
        compare(
            "h",
            f"{operation}, {orders:,} orders rest",
            measured[operation, orders],
            unit="µs",
            compared_with=f"{least:,} rest",
            compared=measured[operation, least],
            target=GOAL,
        )
        for operation in ("add", "cancel", "amend down", "amend price", "best")
        for orders in deeper
    ]


def _timed(orders: list[RestingOrder], operation: Callable[[RestingOrder], object]) -> float:
    start = perf_counter()
    for order in orders:
        operation(order)
    return (perf_counter() - start) * 1e6 / len(orders)
