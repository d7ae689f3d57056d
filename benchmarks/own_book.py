"""The exchange's own order book alone: its `BookSide`s, a small matching loop, and orders that know no more than a book needs.

Here: what an order costs before accounts, rules and events. Never here: how a level keeps its queue (credit_trading.exchange.book).
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import msgspec

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
from credit_trading.exchange.book import BookSide


class RestingOrder(msgspec.Struct, eq=False, gc=False):
    """What a book asks of an order, and its side: 0 buy, 1 sell."""

    number: int
    side: int
    price_ticks: int
    shown_lots: int


class OwnBook:
    """Orders by id, and the two sides: buys, sells."""

    def __init__(self) -> None:
        self._orders: dict[int, RestingOrder] = {}
        self._sides: tuple[Any, Any] = BookSide(buys=True), BookSide(buys=False)
        """Any: they are typed for the engine's orders, and ask less of them."""

    def play(self, messages: Sequence[Message], reports: list[Report]) -> float:
        start = perf_counter()
        report, orders, sides = reports.append, self._orders, self._sides
        for kind, side, ioc, _, lots, sequence, number, price, _ in messages:
            if kind == NEW:
                if number in orders:
                    raise FlowError(f"message {sequence}: order {number} is in the book already")
                report((ORDER_ACK, sequence, side, number, price, lots))
                rest = self._match(sequence, side, number, price, lots, reports)
                if rest and ioc:
                    report((CANCEL_ACK, sequence, side, number, price))
                elif rest:
                    self._add(number, side, price, rest)
                continue
            order = orders.pop(number, None)
            if order is None:
                report((CANCEL_REJECT if kind == CANCEL else MODIFY_REJECT, sequence, number))
                continue
            sides[order.side].remove(order)
            if kind == CANCEL:
                report((CANCEL_ACK, sequence, order.side, number, order.price_ticks))
                continue
            rest = self._match(sequence, order.side, number, price, lots, reports)
            report((MODIFY_ACK, sequence, order.side, number, price, lots))
            if rest:
                self._add(number, order.side, price, rest)
        return perf_counter() - start

    def _add(self, number: int, side: int, price_ticks: int, lots: int) -> None:
        order = self._orders[number] = RestingOrder(number, side, price_ticks, lots)
        self._sides[side].add(order)

    def _match(self, sequence: int, side: int, number: int, price: int, lots: int, reports: list[Report]) -> int:
        """The lots that are left."""
        opposite = self._sides[1 - side]
        while lots:
            level = opposite.best()
            if level is None or (level.price_ticks < price if side else level.price_ticks > price):
                break
            maker = next(iter(level.orders.values()))
            if maker.shown_lots <= lots:
                traded = maker.shown_lots
                opposite.remove(maker)
                del self._orders[maker.number]
            else:
                traded = lots
                opposite.reduce(maker, traded)
                maker.shown_lots -= traded
            lots -= traded
            reports.append((TRADE, sequence, level.price_ticks, traded, maker.number, number))
        return lots
