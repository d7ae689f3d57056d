"""The yardstick: an order book as one would simply write it in Python, with sorted prices and a queue for each.

Here: price-time priority and nothing else. Never here: anything of credit_trading, money, users; tuning beyond the plain idea.
Always: a canceled order stays in its queue, with no lots, until the matching comes upon it.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from time import perf_counter

from benchmarks.flow import (
    CANCEL,
    CANCEL_ACK,
    CANCEL_REJECT,
    MODIFY_ACK,
    MODIFY_REJECT,
    NEW,
    ORDER_ACK,
    TRADE,
    FlowError,
    Message,
    Report,
)


class _Order:
    __slots__ = ("lots", "number", "price", "side")

    def __init__(self, number: int, side: int, price: int, lots: int) -> None:
        self.number = number
        self.side = side
        self.price = price
        self.lots = lots


class PlainBook:
    """Prices are sorted so that the best stands last; a sell's price counts negative for it."""

    def __init__(self) -> None:
        self._orders: dict[int, _Order] = {}
        self._queues: tuple[dict[int, deque[_Order]], dict[int, deque[_Order]]] = ({}, {})
        self._keys: tuple[list[int], list[int]] = ([], [])

    def play(self, messages: Sequence[Message], reports: list[Report]) -> float:
        start = perf_counter()
        report = reports.append
        for kind, side, ioc, _, lots, sequence, number, price, _ in messages:
            if kind == NEW:
                if number in self._orders:
                    raise FlowError(f"message {sequence}: order {number} is in the book already")
                report((ORDER_ACK, sequence, side, number, price, lots))
                rest = self._match(sequence, side, number, price, lots, reports)
                if rest and ioc:
                    report((CANCEL_ACK, sequence, side, number, price))
                elif rest:
                    self._add(number, side, price, rest)
                continue
            order = self._orders.pop(number, None)
            if order is None:
                report((CANCEL_REJECT if kind == CANCEL else MODIFY_REJECT, sequence, number))
                continue
            order.lots = 0
            if kind == CANCEL:
                report((CANCEL_ACK, sequence, order.side, number, order.price))
                continue
            rest = self._match(sequence, order.side, number, price, lots, reports)
            report((MODIFY_ACK, sequence, order.side, number, price, lots))
            if rest:
                self._add(number, order.side, price, rest)
        return perf_counter() - start

    def _add(self, number: int, side: int, price: int, lots: int) -> None:
        key = -price if side else price
        queue = self._queues[side].get(key)
        if queue is None:
            queue = self._queues[side][key] = deque()
            insort(self._keys[side], key)
        order = self._orders[number] = _Order(number, side, price, lots)
        queue.append(order)

    def _match(self, sequence: int, side: int, number: int, price: int, lots: int, reports: list[Report]) -> int:
        """The lots that are left."""
        keys, queues = self._keys[1 - side], self._queues[1 - side]
        limit = price if side else -price
        while lots and keys and keys[-1] >= limit:
            queue = queues[keys[-1]]
            while lots and queue:
                maker = queue[0]
                traded = min(lots, maker.lots)
                if traded:
                    reports.append((TRADE, sequence, maker.price, traded, maker.number, number))
                    lots -= traded
                    maker.lots -= traded
                    if not maker.lots:
                        del self._orders[maker.number]
                if not maker.lots:
                    queue.popleft()
            if not queue:
                del queues[keys.pop()]
        return lots
