"""The steps of random flows: what a user or an admin may ask for, as data, and the command that each becomes in the market of that moment.

Here: how a choice becomes a command. Never here: which choices there are and how often (flow), what should come of it.
"""

from __future__ import annotations

import attrs
import msgspec

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
    """`other` is a user, or None for somebody outside, who may charge a fee. `ago` and `seconds` lie before and after now."""

    user: int
    buys: bool
    lots: int
    price_ticks: int
    other: int | None = None
    fee: int = 0
    ago: int | None = None
    pending: bool = False
    seconds: int | None = None

    def command(self, market: Market) -> cmd.Command:
        return cmd.EnterTransaction(
            self.user,
            "buy" if self.buys else "sell",
            CREDIT,
            self.lots,
            CASH,
            self.price_ticks,
            2,
            self.lots * self.price_ticks,
            0 if self.other else self.fee,
            self.other,
            None if self.ago is None else market.time_us - self.ago * SECOND_US,
            self.pending,
            market.time_us + self.seconds * SECOND_US if self.pending and self.seconds is not None else None,
        )


@attrs.frozen
class Enter:
    """Anything but a deal; what the type forbids is left out. A fee without anybody outside is earned."""

    user: int
    kind: str
    asset: str
    amount: int
    other: int | None = None
    pending: bool = False
    seconds: int | None = None
    guarded: bool | msgspec.UnsetType = msgspec.UNSET

    def command(self, market: Market) -> cmd.Command:
        return cmd.EnterTransaction(
            self.user,
            self.kind,
            self.asset,
            self.amount,
            counterparty=self.other if self.kind.startswith("transfer") else None,
            pending=self.pending,
            expires_at_us=market.time_us + self.seconds * SECOND_US if self.pending and self.seconds else None,
            earned=self.kind == "fee" and self.other is None,
            guarded=self.guarded,
        )


@attrs.frozen
class MoveOn:
    """`which` chooses among what is pending, now and then something that is not; by one of its sides, or by anybody.

    `guarded` None is as what was chosen is.
    """

    which: int
    status: str
    user: int | None = None
    guarded: bool | None = None

    def command(self, market: Market) -> cmd.Command:
        pending = sorted(market.live.pending_transactions)
        number = pending[self.which % len(pending)] if pending and self.which < 36 else self.which + 1
        found = market.live.pending_transactions.get(number)
        user = found.counterparty or found.user if found and self.which % 2 else found.user if found else 1
        is_guarded = found is not None and found.guarded if self.guarded is None else self.guarded
        return cmd.UpdateTransaction(self.user or user, number, self.status, is_guarded or msgspec.UNSET)


@attrs.frozen
class PlaceOutside:
    """A buy without a price is one at the first tick."""

    user: int
    buys: bool
    price_ticks: int | None
    lots: int
    force: str = "GTC"
    seconds: int = 0
    name: str | None = None

    def command(self, market: Market) -> cmd.Command:
        return cmd.PlaceExternalOrder(
            self.user,
            SYMBOL,
            self.buys,
            self.lots,
            self.price_ticks or (1 if self.buys else None),
            self.force,
            market.time_us + self.seconds * SECOND_US if self.force == "GTD" else None,
            self.name,
        )


@attrs.frozen
class Fill:
    """`which` chooses among the orders that are worked outside, now and then any number. None is all that remains.

    `price` is in tenths of a tick, so that some are not exact and some are worse than the limit.
    """

    which: int
    lots: int | None
    price: int
    fee: int = 0

    def command(self, market: Market) -> cmd.Command:
        outside = sorted(number for number, order in market.live.orders.items() if order.route == "external")
        number = outside[self.which % len(outside)] if outside and self.which < 36 else self.which
        order = market.live.orders.get(number)
        user = order.user if order else self.which % USERS + 1
        return cmd.FillOutside(user, SYMBOL, number, None, self.lots, self.price, 3, self.fee)


@attrs.frozen
class CostMethod:
    user: int
    method: str

    def command(self, _: Market) -> cmd.Command:
        return cmd.SetCostMethod(self.user, self.method)


@attrs.frozen
class Bust:
    """`which` counts back from the last trade; without a trade, a trade that never was is a wait."""

    which: int

    def command(self, market: Market) -> cmd.Command | None:
        events = (entry.event for entry in reversed(market.entries))
        traded = ev.Trade | ev.TransactionEntered | ev.TransactionUpdated
        trades = [event.trade for event in events if isinstance(event, traded) and event.trade is not None]
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


_Orders = Place | Cancel | Amend | CancelAll | PlaceOutside | Fill
_Money = Move | Deal | Enter | MoveOn | Bust | CostMethod
Step = _Orders | _Money | Suspend | Status | Rules | UserFees | Delete | Wait


def _order(market: Market, which: int) -> tuple[int, int]:
    """User and number."""
    numbers = sorted(market.live.orders)
    if which >= 36 or not numbers:
        return which % USERS + 1, which
    number = numbers[which % len(numbers)]
    return market.live.orders[number].user, number
