"""The steps of random flows: what a user or an admin may ask for, as data, and the command that each becomes in the market of that moment.

Here: how a choice becomes a command. Never here: which choices there are and how often (flow), what should come of it.
"""

from __future__ import annotations

import attrs

from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.market_rules import RuleChanges
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, CREDIT, SECOND_US, SYMBOL

USERS = 4


@attrs.frozen
class Place:
    """`price_ticks` is None at market. What the other choices forbid is left out: an order at market has no slices."""

    user: int
    buys: bool
    price_ticks: int | None
    lots: int
    force: str = "GTC"
    seconds: int = 0
    name: str | None = None
    stop_ticks: int | None = None
    display_lots: int | None = None
    post_only: bool = False
    self_trade: str | None = None

    def command(self, market: Market) -> cmd.Command:
        force = self.force
        if self.stop_ticks is None and self.price_ticks is None:
            force = "IOC"
        elif self.stop_ticks is not None and force in ("IOC", "FOK"):
            force = "GTC"
        return cmd.PlaceOrder(
            self.user,
            SYMBOL,
            self.buys,
            self.lots,
            self.price_ticks,
            force,
            market.time_us + self.seconds * SECOND_US if force == "GTD" else None,
            self.name,
            self.stop_ticks,
            None if self.price_ticks is None else self.display_lots,
            self.post_only and self.stop_ticks is None and force in ("GTC", "DAY", "GTD"),
            self.self_trade,
        )


@attrs.frozen
class Cancel:
    """`which` chooses among the open orders, now and then one that is not open; so for Amend."""

    which: int

    def command(self, market: Market) -> cmd.Command:
        return cmd.CancelOrder(*_order(market, self.which))


@attrs.frozen
class Amend:
    """`ahead` is how far the expected version lies from the order's; None expects none."""

    which: int
    price_ticks: int | None = None
    lots: int | None = None
    seconds: int | None = None
    display_lots: int | None = None
    ahead: int | None = None

    def command(self, market: Market) -> cmd.Command:
        user, number = _order(market, self.which)
        order = market.live.orders.get(number)
        expires_at_us = None if self.seconds is None else market.time_us + self.seconds * SECOND_US
        version = None if self.ahead is None else (order.version if order else 1) + self.ahead
        return cmd.AmendOrder(
            user, SYMBOL, number, None, self.price_ticks, self.lots, expires_at_us, self.display_lots, version
        )


@attrs.frozen
class CancelAll:
    """Of a user, or of everybody in the instrument."""

    user: int | None

    def command(self, _: Market) -> cmd.Command:
        return cmd.CancelOrders(self.user, SYMBOL)


@attrs.frozen
class Suspend:
    user: int
    lifts: bool

    def command(self, _: Market) -> cmd.Command:
        return (cmd.ResumeUser if self.lifts else cmd.SuspendUser)(self.user)


@attrs.frozen
class Status:
    halted: bool | None = None
    is_open: bool | None = None

    def command(self, _: Market) -> cmd.Command:
        return cmd.SetInstrumentStatus(SYMBOL, halted=self.halted, session_open=self.is_open)


@attrs.frozen
class Move:
    user: int
    asset: str
    amount: int
    withdraws: bool

    def command(self, _: Market) -> cmd.Command:
        return (cmd.Withdraw if self.withdraws else cmd.Deposit)(self.user, self.asset, self.amount)


@attrs.frozen
class Deal:
    buyer: int
    seller: int
    lots: int
    price_ticks: int

    def command(self, _: Market) -> cmd.Command:
        total = self.lots * self.price_ticks
        return cmd.TradeOffBook(self.buyer, self.seller, CREDIT, CASH, self.lots, self.price_ticks, 2, total)


@attrs.frozen
class Bust:
    """`which` counts back from the last trade; without a trade, a trade that never was is a wait."""

    which: int

    def command(self, market: Market) -> cmd.Command | None:
        events = (entry.event for entry in reversed(market.entries))
        trades = [event.trade for event in events if isinstance(event, ev.Trade | ev.TradedOffBook)]
        return market.bust_of(trades[self.which % len(trades)]) if trades else None


@attrs.frozen
class Rules:
    """Other fees for orders to come, or a filter that comes or goes."""

    changes: RuleChanges

    def command(self, _: Market) -> cmd.Command:
        return cmd.SetRules(SYMBOL, self.changes)


@attrs.frozen
class UserFees:
    user: int
    maker_ppm: int | None
    taker_ppm: int | None

    def command(self, _: Market) -> cmd.Command:
        return cmd.SetUserFees(self.user, SYMBOL, self.maker_ppm, self.taker_ppm)


@attrs.frozen
class Delete:
    user: int
    sweep_to: int | None

    def command(self, _: Market) -> cmd.Command:
        return cmd.DeleteUser(self.user, self.sweep_to)


@attrs.frozen
class Wait:
    seconds: int

    def command(self, _: Market) -> None:
        return None


Step = Place | Cancel | Amend | CancelAll | Suspend | Status | Move | Deal | Bust | Rules | UserFees | Delete | Wait


def _order(market: Market, which: int) -> tuple[int, int]:
    """User and number."""
    numbers = sorted(market.live.orders)
    if which >= 36 or not numbers:
        return which % USERS + 1, which
    number = numbers[which % len(numbers)]
    return market.live.orders[number].user, number
