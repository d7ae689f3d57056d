"""Other order books in pure Python, from PyPI, each driven by its own calls through the same messages.

Here: one class per package, and the one way in which all of them are played. Never here: patches; a peer is as its authors ship it.
Always: a package that is not installed is None, and everything else runs. None of them knows immediate-or-cancel: the order is entered
and what is left of it canceled. None knows a modify: the order is canceled and entered anew, which is what the flow asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from time import perf_counter
from typing import Any, Protocol

from benchmarks.flow import (
    CANCEL,
    CANCEL_ACK,
    CANCEL_REJECT,
    MODIFY_ACK,
    MODIFY_REJECT,
    NEW,
    ORDER_ACK,
    TRADE,
    Matcher,
    Message,
    Report,
)

SYMBOL = "flow"


class Peer(Protocol):
    """What a package can do, in its own words underneath."""

    def enter(self, side: int, number: int, price: int, lots: int) -> Iterator[tuple[int, int, int]]:
        """Matches an order; price, lots and maker of each trade."""

    def left(self, number: int) -> int:
        """The lots of an order that rest; 0 where it does not."""

    def cancel(self, number: int) -> None: ...


class LightMatchingEngine:
    """lightmatchingengine: the best price is looked for among all, and a cancel looks through its queue. Price 0 means "market"."""

    def __init__(self) -> None:
        self._engine = import_module("lightmatchingengine.lightmatchingengine").LightMatchingEngine()
        self._orders: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}

    def enter(self, side: int, number: int, price: int, lots: int) -> Iterator[tuple[int, int, int]]:
        order, trades = self._engine.add_order(SYMBOL, price, lots, side + 1)
        self._orders[number], self._numbers[order.order_id] = order, number
        for trade in trades:
            if trade.order_id != order.order_id:  # each match is told twice, once for either side
                yield trade.trade_price, trade.trade_qty, self._numbers[trade.order_id]

    def left(self, number: int) -> int:
        order = self._orders.get(number)
        return order.leaves_qty if order else 0

    def cancel(self, number: int) -> None:
        self._engine.cancel_order(self._orders.pop(number).order_id, SYMBOL)


class PyOrderBook:
    """pyorderbook: a heap of levels, decimal prices, UUIDs."""

    def __init__(self) -> None:
        package = import_module("pyorderbook")
        self._book, self._order = package.Book(), package.Order
        self._sides = package.Side.BID, package.Side.ASK
        self._orders: dict[int, Any] = {}
        self._numbers: dict[Any, int] = {}

    def enter(self, side: int, number: int, price: int, lots: int) -> Iterator[tuple[int, int, int]]:
        order = self._order(self._sides[side], SYMBOL, price, lots)
        self._orders[number], self._numbers[order.id] = order, number
        for trade in self._book.match(order).trades:
            yield int(trade.fill_price), trade.fill_quantity, self._numbers[trade.standing_order_id]

    def left(self, number: int) -> int:
        order = self._orders.get(number)
        return order.quantity if order else 0

    def cancel(self, number: int) -> None:
        self._book.cancel(self._orders.pop(number))


class OrderMatching:
    """order-matching: orders are placed and then matched, each looked for among all that rest; float prices and sizes."""

    def __init__(self) -> None:
        import_module("loguru").logger.disable("order_matching")  # else every order is written to stderr
        matching, order = import_module("order_matching.matching_engine"), import_module("order_matching.order")
        sides = import_module("order_matching.enums").Side
        self._engine, self._order = matching.MatchingEngine(seed=1), order.LimitOrder
        self._list = import_module("order_matching.orders").Orders
        self._sides = sides.BUY, sides.SELL
        self._now = datetime(2026, 1, 1, tzinfo=UTC).replace(
            tzinfo=None
        )  # it compares with datetime.max, which has no zone
        self._orders: dict[int, Any] = {}

    def enter(self, side: int, number: int, price: int, lots: int) -> Iterator[tuple[int, int, int]]:
        self._now += timedelta(microseconds=1)
        order = self._orders[number] = self._order(
            side=self._sides[side],
            price=float(price),
            size=float(lots),
            timestamp=self._now,
            order_id=str(number),
            trader_id="flow",
        )
        self._engine.place(self._list([order]))
        for trade in self._engine.match(self._now).trades:
            yield int(trade.price), int(trade.size), int(trade.book_order_id)

    def left(self, number: int) -> int:
        order = self._orders.get(number)
        return int(order.size) if order else 0

    def cancel(self, number: int) -> None:
        self._engine.cancel_order(self._orders.pop(number).order_id)


class PeerBook:
    """A peer as a matcher of the flow."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._entered: dict[int, tuple[int, int]] = {}

    def play(self, messages: Sequence[Message], reports: list[Report]) -> float:
        start = perf_counter()
        report, peer = reports.append, self._peer
        for message in messages:
            kind, side, ioc, _, lots, sequence, number, price, _ = message
            if kind == NEW:
                report((ORDER_ACK, sequence, side, number, price, lots))
                self._enter(message, side, reports)
                if ioc and peer.left(number):
                    peer.cancel(number)
                    report((CANCEL_ACK, sequence, side, number, price))
            elif not peer.left(number):
                report((CANCEL_REJECT if kind == CANCEL else MODIFY_REJECT, sequence, number))
            else:
                peer.cancel(number)
                side, entered_price = self._entered[number]
                if kind == CANCEL:
                    report((CANCEL_ACK, sequence, side, number, entered_price))
                else:
                    self._enter(message, side, reports)
                    report((MODIFY_ACK, sequence, side, number, price, lots))
        return perf_counter() - start

    def _enter(self, message: Message, side: int, reports: list[Report]) -> None:
        _, _, _, _, lots, sequence, number, price, _ = message
        self._entered[number] = side, price
        for maker_price, traded, maker in self._peer.enter(side, number, price, lots):
            reports.append((TRADE, sequence, maker_price, traded, maker, number))


PEERS: dict[str, Callable[[], Peer]] = {
    "lightmatchingengine": LightMatchingEngine,
    "pyorderbook": PyOrderBook,
    "order-matching": OrderMatching,
}
"""By their names on PyPI."""


def peer_book(name: str) -> Matcher | None:
    """A new book of that package; None if it, or what it needs, cannot be imported."""
    try:
        return PeerBook(PEERS[name]())
    except ImportError:
        return None
