"""The engine behind the line protocol of tracebook-conformance, a suite for matching engines: run as a program, it answers on stdout.

Here: the suite's operations as commands, and the engine's events and books as the suite's observations. Never here: a book, a queue, or
anything that an engine decides. Always: each operation goes to the engine, and each answer is read from its events and its state.

Where the suite's market is not like this one, its words are translated:

- Prices off the tick are snapped to it, by the suite's own formula. The engine takes whole ticks.
- Under the policy NONE an owner may trade with themselves. A user never does, so an owner's buys and sells are two users'.
- A replaced order always goes to the back. An amend that would keep its place is a cancel and a new order instead.
- A reduction to nothing is a cancel.
- A market order that finds no price is done without a trade. The engine says so by rejecting it.
- There is no money. Whoever gives an order is lent all that may be issued; what no order holds is taken back after each operation.

No value exceeds 2^62 units: with the suite's 12 decimals of quantity and a tick of 0.01, an order may be worth 46,116 and one to buy at
market a tenth of that. The suite's are worth less than 2,000.

Matching pro rata is not ours: it is refused before the first operation, in the one way that the protocol has, an error for an answer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from tracebook.conformance.model import (
    BookSnapshot,
    BookState,
    ConformanceConfig,
    ConformanceError,
    EngineMetadata,
    Observation,
    Outcome,
    RestingOrder,
    TradeFill,
    canonical_decimal,
)
from tracebook.conformance.protocol import serve_stdio
from tracebook.core.order import NO_OWNER, OrderSide, OrderType, SelfTradePolicy
from tracebook.events import MarketEvent

import credit_trading
from credit_trading.errors import NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.book import BookSide
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import Order, SelfTrade, TimeInForce
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.replica import Replica
from credit_trading.money import Asset, Instrument
from credit_trading.money.amount import MAX_UNITS
from credit_trading.verify.state import check_state

RULES = MarketRules(collar_ppm=9_000_000)
"""No fees; market orders reach ten times the best price, since the suite's have no limit at all."""

SELF_TRADE: Final = {
    SelfTradePolicy.NONE: SelfTrade.CANCEL_NEWEST,
    SelfTradePolicy.CANCEL_INCOMING: SelfTrade.CANCEL_NEWEST,
    SelfTradePolicy.CANCEL_RESTING: SelfTrade.CANCEL_OLDEST,
}

TIME_IN_FORCE: Final = {
    OrderType.LIMIT: TimeInForce.GTC,
    OrderType.MARKET: TimeInForce.IOC,
    OrderType.IOC: TimeInForce.IOC,
    OrderType.FOK: TimeInForce.FOK,
}

APPLIED = Outcome("applied")


class EngineAdapter:
    """One run of the suite on an exchange of its own; time counts the commands."""

    def __init__(self, config: ConformanceConfig) -> None:
        if config.matching_algorithm != "fifo":
            raise ConformanceError(
                f"matching algorithm {config.matching_algorithm!r} is not ours: price, then time, only"
            )
        self.metadata = EngineMetadata("credit-trading", credit_trading.__version__, "Python")
        self._tick_size = config.tick_size
        self._lot_decimals = config.quantity_decimal_places
        self._policy = config.self_trade_policy
        self._replica = Replica()
        self._time_us = 0
        self._users: dict[tuple[int, bool | None], int] = {}
        self._owners: dict[int, int] = {}
        self._orders: dict[tuple[str, int], tuple[int, int]] = {}
        """The suite's symbol and order id: the user and the engine's number of the order that last bore that id."""
        self._ids: dict[int, int] = {}
        """The engine's order number: the suite's order id."""
        self._replica.record(ev.Founded("conformance", 1, 1), time_us=0, cause="founding", content=None)
        tick = canonical_decimal(config.tick_size)
        self._base = Asset.checked("BASE", self._lot_decimals)
        self._quote = Asset.checked("QUOTE", self._lot_decimals + len(tick.partition(".")[2]))
        self._must(cmd.AddAsset(self._base))
        self._must(cmd.AddAsset(self._quote))
        self._operations: dict[str, Callable[[MarketEvent], Outcome]] = {
            "new": self._new,
            "cancel": self._cancel,
            "reduce": self._reduce,
            "replace": self._replace,
            "clear": self._clear,
        }

    def apply(self, event: MarketEvent, index: int) -> Observation:
        self._replica.take_pending()
        outcome = self._operations[event.op](event)
        trades = tuple(self._fills(entry.event for entry in self._replica.take_pending()))
        self._take_back()
        state = self.snapshot()
        return Observation(index, outcome, trades, state.digest(), state.order_count)

    def snapshot(self) -> BookState:
        """Every order that stands in a book, in the order in which it trades."""
        books = [(symbol, self._replica.markets[symbol].book) for symbol in sorted(self._replica.markets)]
        return BookState(
            tuple(
                BookSnapshot(symbol, tuple(self._queue(book.bids)), tuple(self._queue(book.asks)))
                for symbol, book in books
            )
        )

    def close(self) -> None:
        """Nothing is open; what the suite has led to must be sound, or the program ends with an error and the suite fails."""
        findings = check_state(self._replica)
        assert not findings, findings

    # The suite's operations

    def _new(self, event: MarketEvent) -> Outcome:
        if event.symbol not in self._replica.markets:
            self._add_instrument(event.symbol)
        if self._open_order(event) is not None:
            return _rejected("DUPLICATE_ORDER_ID")
        at_market = event.order_type is OrderType.MARKET
        price_ticks, lots = None if at_market else self._ticks(event.price or 0), self._lots(event.quantity or 0)
        if lots <= 0 or (price_ticks is not None and price_ticks <= 0):
            return _rejected("INVALID_ORDER")
        buys = event.side is OrderSide.BUY
        user = self._user(event.owner, buys=buys)
        code = self._place(event, user, TIME_IN_FORCE[event.order_type], buys=buys, lots=lots, price_ticks=price_ticks)
        return APPLIED if code == Rejection.NO_OPPOSITE_PRICE else _outcome(code, "INVALID_ORDER")

    def _cancel(self, event: MarketEvent) -> Outcome:
        """Also how the engine is asked about an order that is not open: to the suite, one that never was is the same."""
        user, number = self._named(event)
        try:
            return _outcome(self._ask(cmd.CancelOrder(user=user, order=number)), "INVALID_CANCEL")
        except NotFound:
            return _rejected("ORDER_NOT_ACTIVE")

    def _reduce(self, event: MarketEvent) -> Outcome:
        order, lots = self._open_order(event), self._lots(event.quantity or 0)
        if order is None or lots == order.remaining_lots:
            return self._cancel(event)
        return _outcome(self._amend(order, lots=order.quantity_lots - lots), "INVALID_ORDER")

    def _replace(self, event: MarketEvent) -> Outcome:
        order = self._open_order(event)
        if order is None:
            return self._cancel(event)
        price_ticks = order.price_ticks if event.price is None else self._ticks(event.price)
        remaining_lots = order.remaining_lots if event.quantity is None else self._lots(event.quantity)
        if price_ticks <= 0 or remaining_lots <= 0:
            return _rejected("INVALID_REPLACEMENT")
        if price_ticks == order.price_ticks and remaining_lots <= order.remaining_lots:
            self._must(cmd.CancelOrder(user=order.user, order=order.number))
            gtc = TimeInForce.GTC
            code = self._place(event, order.user, gtc, buys=order.buys, lots=remaining_lots, price_ticks=price_ticks)
        else:
            code = self._amend(order, lots=order.filled_lots + remaining_lots, price_ticks=price_ticks)
        return _outcome(code, "INVALID_REPLACEMENT")

    def _clear(self, event: MarketEvent) -> Outcome:
        if event.symbol not in self._replica.markets:
            self._add_instrument(event.symbol)
        self._must(cmd.CancelOrders(user=None, symbol=event.symbol))
        return APPLIED

    # Commands

    def _ask(self, command: cmd.Command) -> str:
        """The code of the engine's rejection, or nothing."""
        self._time_us += 1
        request = cmd.Request.of(command, command_id=str(self._time_us), prepared_us=self._time_us)
        return engine.handle(self._replica, request, time_us=self._time_us).code

    def _must(self, command: cmd.Command) -> None:
        code = self._ask(command)
        assert not code, f"{command}: {code}"

    def _place(
        self, event: MarketEvent, user: int, force: TimeInForce, *, buys: bool, lots: int, price_ticks: int | None
    ) -> str:
        self._lend(user)
        command = cmd.PlaceOrder(
            user=user,
            symbol=event.symbol,
            buys=buys,
            quantity_lots=lots,
            price_ticks=price_ticks,
            time_in_force=force.value,
            self_trade=SELF_TRADE[self._policy].value,
        )
        code = self._ask(command)
        number = self._replica.last_order
        self._orders[event.symbol, event.order_id or 0] = user, number
        self._ids[number] = event.order_id or 0
        return code

    def _amend(self, order: Order, *, lots: int, price_ticks: int | None = None) -> str:
        self._lend(order.user)
        command = cmd.AmendOrder(
            user=order.user,
            symbol=order.instrument.symbol,
            order=order.number,
            price_ticks=price_ticks,
            quantity_lots=lots,
        )
        return self._ask(command)

    def _add_instrument(self, symbol: str) -> None:
        tick, lot = canonical_decimal(self._tick_size), self._base.format(1)
        instrument = Instrument.checked(symbol, self._base, self._quote, tick_size=tick, lot_size=lot)
        self._must(cmd.AddInstrument(instrument, RULES))

    def _user(self, owner: int, *, buys: bool) -> int:
        """The user who stands for that owner, made when first named."""
        trades_with_itself = self._policy is SelfTradePolicy.NONE or owner == NO_OWNER
        who = owner, buys if trades_with_itself else None
        if who not in self._users:
            self._must(cmd.CreateUser(f"owner {owner}"))
            self._users[who] = len(self._users) + 1
            self._owners[self._users[who]] = owner
        return self._users[who]

    def _lend(self, user: int) -> None:
        for asset in (self._base.code, self._quote.code):
            if rest := MAX_UNITS - self._replica.accounts.issue(asset):
                self._must(cmd.Deposit(user, asset, rest))

    def _take_back(self) -> None:
        for user in self._owners:
            for asset, balance in self._replica.accounts.of(user).items():
                if balance.available:
                    self._must(cmd.Withdraw(user, asset, balance.available))

    # Numbers and names

    def _named(self, event: MarketEvent) -> tuple[int, int]:
        """User and order number; order 0 of some user, which never was, for an id that nobody used."""
        return self._orders.get((event.symbol, event.order_id or 0), (1, 0))

    def _open_order(self, event: MarketEvent) -> Order | None:
        return self._replica.orders.get(self._named(event)[1])

    def _ticks(self, price: float) -> int:
        return round(price / self._tick_size)

    def _lots(self, quantity: float) -> int:
        """To as many decimals as the suite compares."""
        return int(Decimal(canonical_decimal(quantity, self._lot_decimals)).scaleb(self._lot_decimals))

    def _fills(self, events: Iterable[ev.Event]) -> Iterable[TradeFill]:
        for event in events:
            if isinstance(event, ev.Trade):
                instrument = self._replica.markets[event.symbol].instrument
                taker, maker = self._ids[event.taker_order], self._ids[event.maker_order]
                buy, sell = (taker, maker) if event.taker_side == "buy" else (maker, taker)
                price = canonical_decimal(instrument.format_price(event.price_ticks))
                quantity = canonical_decimal(instrument.format_quantity(event.quantity_lots))
                yield TradeFill(event.symbol, buy, sell, price, quantity)

    def _queue(self, side: BookSide) -> Iterable[RestingOrder]:
        for level in side.levels():
            for order in level.orders.values():
                price = canonical_decimal(order.instrument.format_price(order.price_ticks))
                remaining = canonical_decimal(order.instrument.format_quantity(order.remaining_lots))
                yield RestingOrder(self._ids[order.number], price, remaining, self._owners[order.user])


def _rejected(reason: str) -> Outcome:
    return Outcome("rejected", reason)


def _outcome(code: str, invalid: str) -> Outcome:
    """The engine's answer in the suite's words; `invalid` is what the suite calls anything but an order that is not open."""
    if not code:
        return APPLIED
    return _rejected("ORDER_NOT_ACTIVE" if code == Rejection.ORDER_NOT_OPEN else invalid)


if __name__ == "__main__":
    code = serve_stdio(EngineAdapter)
    sys.stdout.flush()
    os._exit(code)  # the suite gives a candidate half a second to end: on a busy machine tidying up takes longer
