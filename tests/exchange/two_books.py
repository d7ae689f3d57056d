"""The engine and the naive book side by side: one flow for both, and every difference is a failure.

Here: how a command becomes a call of the naive book, and how both tell what happened in the same words. Never here: rules.
Always: after each step both told the same events in the same order, and both books stand alike, place by place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from credit_trading.errors import TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.market_rules import MarketRules, RuleChanges
from credit_trading.exchange.state import dump
from tests.exchange.market import Market
from tests.exchange.naive_book import NaiveBook, NaiveOrder, Told
from tests.exchange.naive_checks import NEVER, Change, Filters
from tests.exchange.replicas import CASH, CREDIT, SECOND_US, START_US, SYMBOL, schedule_of
from tests.exchange.steps import Step, Wait

SESSIONS = [(start, start + 18) for start in range(0, 400, 20)]
"""Eighteen seconds open, two closed."""
FILTERS = [
    Filters(),
    Filters(band_percent=2, max_open=4),
    Filters(),
    Filters(min_lots=2, max_lots=9, min_value=350),
    Filters(),
    Filters(band_percent=3, reference=101, min_value=250, max_open=6),
]


class TwoBooks:
    """Amply funded users: the naive book has no money and cannot foresee that it runs out."""

    def __init__(self, filters: Filters) -> None:
        self.market = Market("ann", "bob", "cat", "dan", cash="1000000000.00", credits=10**9)
        boundaries = sorted(
            (START_US + moment * SECOND_US, opens)
            for session in SESSIONS
            for moment, opens in zip(session, (True, False), strict=True)
        )
        self.naive = NaiveBook(filters, [boundary for boundary in boundaries if boundary[0] > START_US])
        self.market.send(cmd.SetSchedule(SYMBOL, schedule_of(*SESSIONS)))
        band_ppm = None if filters.band_percent is None else filters.band_percent * 10_000
        self.market.send(
            cmd.SetRules(
                SYMBOL,
                RuleChanges(
                    min_lots=filters.min_lots,
                    max_lots=filters.max_lots,
                    min_value=filters.min_value,
                    band_ppm=band_ppm,
                    reference_ticks=filters.reference,
                    max_open_orders=filters.max_open,
                ),
            )
        )

        self._issued = self._issues()

    def play(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.step(step)
        self.drain()

    def step(self, step: Step) -> None:
        if isinstance(step, Wait):
            self.market.time_us += step.seconds * SECOND_US
        command = step.command(self.market)
        number = self.market.live.last_order + 1
        self.naive.advance(self.market.time_us)
        if command is not None:
            self._tell_naive(command, number)
        expected, self.naive.told = self.naive.told, []
        happened = self._engine_tells(command)
        assert happened == expected, f"{step}\n    engine: {happened}\n    naive:  {expected}"
        self._compare_books(step)

    def drain(self) -> None:
        """Everything is canceled; nothing is held any more, and no unit has come or gone but by fills from outside."""
        for number in sorted(self.market.live.orders):
            self.market.send(cmd.CancelOrder(self.market.live.orders[number].user, number))
        assert [held for *_, held in dump(self.market.live).balances if held] == []
        assert self.market.depth(buys=True) == self.market.depth(buys=False) == []
        cash, credits = self._issued
        for event in (entry.event for entry in self.market.entries):
            if isinstance(event, ev.OrderFilledOutside):
                sign = 1 if event.side == "buy" else -1
                cash, credits = cash - sign * event.value, credits + sign * event.quantity_lots
        assert self._issues() == [cash, credits]
        self.market.check()

    def _issues(self) -> list[int]:
        return [self.market.live.accounts.issue(asset) for asset in (CASH, CREDIT)]

    def _tell_naive(self, command: cmd.Command, number: int) -> None:
        naive, now = self.naive, self.market.time_us
        match command:
            case cmd.PlaceOrder():
                naive.place(_naive_order(command, number, self.market.live.markets[SYMBOL].rules), now)
            case cmd.PlaceExternalOrder():
                naive.place(_naive_order(command, number, self.market.live.markets[SYMBOL].rules), now)
            case cmd.FillOutside(user=user, order=order, quantity_lots=lots, price=price):
                naive.fill(order or 0, user, number - 1, lots, price)
            case cmd.CancelOrder(user=user, order=order):
                naive.cancel(order or 0, user, number - 1)
            case cmd.AmendOrder(user=user, order=order):
                change = Change(
                    command.price_ticks,
                    command.quantity_lots,
                    command.expires_at_us,
                    command.display_lots,
                    command.expected_version,
                )
                naive.amend(order or 0, user, number - 1, change, now)
            case cmd.CancelOrders(user=user):
                naive.cancel_all(user)
            case cmd.SuspendUser(user=user):
                naive.suspend(user)
            case cmd.ResumeUser(user=user):
                naive.resume_user(user)
            case cmd.SetInstrumentStatus(halted=halted, session_open=is_open):
                naive.set_status(halted=halted, is_open=is_open)
            case _:
                raise AssertionError(f"the naive book knows no {command}")

    def _engine_tells(self, command: cmd.Command | None) -> list[Told]:
        before = len(self.market.entries)
        refused: list[Told] = []
        try:
            if command is None:
                self.market.advance()
            else:
                self.market.send(command)
        except TradingError:
            refused.append(("invalid",))
        return [told(entry.event) for entry in self.market.entries[before:]] + refused

    def _compare_books(self, step: Step) -> None:
        replica = self.market.live
        for buys in (True, False):
            levels = self.market.side(buys=buys).levels()
            queue = self.naive.queue(buys=buys)
            real = [
                (order.number, order.price_ticks, order.remaining_lots, order.shown_lots, order.version)
                for level in levels
                for order in level.orders.values()
            ]
            naive = [(order.number, order.price, order.rest, order.shown, order.version) for order in queue]
            assert real == naive, f"after {step}, {'bids' if buys else 'asks'}\n    engine: {real}\n    naive:  {naive}"
            depth: dict[int | None, int] = {}
            for order in queue:
                depth[order.price] = depth.get(order.price, 0) + order.shown
            assert self.market.depth(buys=buys) == list(depth.items())
        waiting = {number for number, order in replica.orders.items() if order.stop_ticks is not None}
        assert waiting == {order.number for order in self.naive.orders if order.waits}, f"stops after {step}"
        outside = [(one.number, one.rest, one.version) for one in self.naive.orders if one.outside]
        worked = replica.markets[SYMBOL].external.values()
        assert outside == [(order.number, order.remaining_lots, order.version) for order in worked], f"after {step}"
        assert len(replica.orders) == len(self.naive.orders)


def told(event: ev.Event) -> Told:
    """An event in the words of the naive book."""
    match event:
        case ev.OrderAccepted(order=order, price_ticks=price):
            return "accepted", order, price or None
        case ev.OrderRejected(code=code) | ev.CommandRejected(code=code):
            return "rejected", code
        case ev.OrderAmended(order=order, price_ticks=price, quantity_lots=lots):
            return "amended", order, price or None, lots
        case ev.OrderTriggered(order=order, price_ticks=price):
            return "triggered", order, price
        case ev.OrderRefreshed(order=order, shown_lots=lots):
            return "refreshed", order, lots
        case ev.OrderReduced(order=order, quantity_lots=lots):
            return "reduced", order, lots
        case ev.OrderCanceled(order=order, reason=reason):
            return "canceled", order, reason
        case ev.OrderExpired(order=order, reason=reason):
            return "expired", order, reason
        case ev.OrdersMassCanceled(orders=orders):
            return "mass_canceled", orders
        case ev.OrderFilledOutside(order=order, quantity_lots=lots, price=price):
            return "filled_outside", order, lots, price
        case ev.Trade(maker_order=maker, taker_order=taker, price_ticks=price, quantity_lots=lots):
            return "trade", maker, taker, price, lots
        case ev.UserSuspended(user=user):
            return "suspended", user
        case ev.UserResumed(user=user):
            return "resumed", user
        case ev.InstrumentStatusChanged(halted=halted, session_open=is_open):
            return "status", halted, is_open
    raise AssertionError(f"nobody asked for {event}")


def shrunk(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """A short part of a flow that fails still: ever smaller pieces are left out as long as it does."""
    left = list(steps)
    size = len(left) // 2
    while size:
        start = 0
        while start < len(left):
            rest = left[:start] + left[start + size :]
            if fails(rest):
                left = rest
            else:
                start += size
        size //= 2
    return left


def _naive_order(command: cmd.PlaceOrder | cmd.PlaceExternalOrder, number: int, rules: MarketRules) -> NaiveOrder:
    return NaiveOrder(
        number,
        command.user,
        command.buys,
        command.price_ticks,
        command.quantity_lots,
        command.time_in_force,
        NEVER if command.expires_at_us is None else command.expires_at_us,
        command.stop_ticks,
        command.display_lots,
        command.post_only,
        command.self_trade or rules.self_trade,
        command.price_ticks is None,
        isinstance(command, cmd.PlaceExternalOrder),
    )
