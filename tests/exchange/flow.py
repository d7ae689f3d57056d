"""Random order flow: what several users may ask for, as data that hypothesis can shrink.

Here: the steps and how each becomes a command in the present state of a market. Never here: what should come of it.
"""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import settings
from hypothesis import strategies as st

from credit_trading.errors import TradingError
from credit_trading.exchange import commands as cmd
from tests.exchange.market import CASH, CREDIT, SYMBOL, Market

USERS = 4
RATES = [("0", "0"), ("-0.0001", "0.0025"), ("0.0025", "0.001"), ("-0.001", "0.001"), ("0.003333", "0.007777")]
"""Maker and taker: free, rebated, maker above taker, rebate as high as the fee, crooked."""


@attrs.frozen
class Place:
    user: int
    buys: bool
    price_ticks: int | None
    lots: int
    force: str = "GTC"
    seconds: int = 0
    name: str | None = None

    def command(self, market: Market) -> cmd.Command:
        force = "IOC" if self.price_ticks is None else self.force
        expires_at_us = market.time_us + self.seconds * 1_000_000 if force == "GTD" else None
        return cmd.PlaceOrder(
            self.user, SYMBOL, self.buys, self.lots, self.price_ticks, force, expires_at_us, self.name
        )


@attrs.frozen
class Cancel:
    """`which` chooses among the open orders, now and then one that is not open; so for Amend."""

    which: int

    def command(self, market: Market) -> cmd.Command:
        return cmd.CancelOrder(*_order(market, self.which))


@attrs.frozen
class Amend:
    which: int
    price_ticks: int | None
    lots: int | None

    def command(self, market: Market) -> cmd.Command:
        user, number = _order(market, self.which)
        return cmd.AmendOrder(user, SYMBOL, number, None, self.price_ticks, self.lots)


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
class Delete:
    user: int
    sweep_to: int | None

    def command(self, _: Market) -> cmd.Command:
        return cmd.DeleteUser(self.user, self.sweep_to)


@attrs.frozen
class Halt:
    halted: bool

    def command(self, _: Market) -> cmd.Command:
        return cmd.SetInstrumentStatus(SYMBOL, halted=self.halted)


@attrs.frozen
class Wait:
    seconds: int


Step = Place | Cancel | Amend | Move | Deal | Delete | Halt | Wait

users = st.integers(1, USERS)
prices = st.integers(97, 103)
lots = st.integers(1, 12)
whiches = st.integers(0, 40)

places = st.builds(
    Place,
    user=users,
    buys=st.booleans(),
    price_ticks=st.sampled_from([None, *range(97, 104), *range(98, 103)]),
    lots=lots,
    force=st.sampled_from(["GTC", "GTC", "GTC", "GTD", "IOC", "FOK"]),
    seconds=st.integers(0, 9),
)
named = st.builds(Place, user=users, buys=st.booleans(), price_ticks=prices, lots=lots, name=st.sampled_from("xy"))
amends = st.builds(Amend, which=whiches, price_ticks=st.none() | prices, lots=st.none() | lots)
cancels = st.builds(Cancel, which=whiches)
waits = st.builds(Wait, seconds=st.integers(1, 4))
moves = st.builds(
    Move, user=users, asset=st.sampled_from([CASH, CREDIT]), amount=st.integers(1, 900), withdraws=st.booleans()
)
deals = st.builds(Deal, buyer=users, seller=users, lots=lots, price_ticks=prices)
deletes = st.builds(Delete, user=users, sweep_to=st.none() | users)
halts = st.builds(Halt, halted=st.sampled_from([False, False, False, True]))


def _weighted(*weighted: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Step]:
    """One of these, as often as it says; `one_of` would count a strategy once however often it is named."""
    names = [place for place, (weight, _) in enumerate(weighted) for _ in range(weight)]
    return st.sampled_from(names).flatmap(lambda place: weighted[place][1])


book_steps = _weighted((20, places), (5, amends), (2, cancels), (2, waits))
"""What a book alone can answer: no money, no names, no halts."""
any_steps = _weighted(
    (36, places), (4, named), (8, amends), (3, cancels), (2, moves), (1, deals), (4, waits), (1, halts), (1, deletes)
)


def flows(steps: st.SearchStrategy[Step], *, most: int, least: int = 0) -> st.SearchStrategy[list[Step]]:
    """Lists of every length alike: left to themselves, most would be of a few steps only."""
    lengths = st.integers(least, most)
    return lengths.flatmap(lambda length: st.lists(steps, min_size=length, max_size=length))


def act(market: Market, step: Step, *, command_id: str | None = None) -> None:
    """One step; what is malformed is refused by the engine and changes nothing."""
    if isinstance(step, Wait):
        market.time_us += step.seconds * 1_000_000
        market.expire()
        return
    try:
        market.send(step.command(market), command_id=command_id)
    except TradingError:
        return


def often(examples: int, *, is_long: bool) -> settings:
    """The same examples in every run; thirty times as many in a long one."""
    return settings(max_examples=examples * (30 if is_long else 1), derandomize=True, deadline=None, database=None)


def _order(market: Market, which: int) -> tuple[int, int]:
    """User and number."""
    numbers = sorted(market.live.orders)
    if which >= 36 or not numbers:
        return which % USERS + 1, which
    number = numbers[which % len(numbers)]
    return market.live.orders[number].user, number
