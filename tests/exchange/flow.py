"""Random order flow: what several users may ask for, as data that hypothesis or a seeded driver can make, shrink and play again.

Here: which choices there are and how often each is made. Never here: the steps themselves (steps), what should come of them.
Always: a step is made of choices from the tables below and of nothing else, so that both drivers make the same kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from credit_trading.errors import TradingError
from credit_trading.exchange.market_rules import RuleChanges
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, CREDIT, SECOND_US
from tests.exchange.steps import (
    USERS,
    Amend,
    Bust,
    Cancel,
    CancelAll,
    CostMethod,
    Deal,
    Delete,
    Enter,
    Fill,
    Move,
    MoveOn,
    Place,
    PlaceOutside,
    Rules,
    Status,
    Step,
    Suspend,
    UserFees,
    Wait,
)

RATES = [("0", "0"), ("-0.0001", "0.0025"), ("0.0025", "0.001"), ("-0.001", "0.001"), ("0.003333", "0.007777")]
"""Maker and taker: free, rebated, maker above taker, rebate as high as the fee, crooked."""

Choices = dict[str, Sequence[Any]]
Table = list[tuple[int, type[Step], Choices]]
"""How often of the sum of all, what, and for each of its fields the values to choose from, all alike."""

_users = range(1, USERS + 1)
_sides = (True, False)
_lots = range(1, 13)
_ticks = (*range(97, 104), *range(98, 103))
_seconds = range(10)
_which = range(41)
_modes = (None, None, "cancel_newest", "cancel_oldest", "cancel_both", "decrement")
_forces = ("GTC", "GTC", "GTC", "GTD", "DAY", "IOC", "FOK")
_resting = ("GTC", "GTC", "GTD", "DAY")

_placed: Choices = {"user": _users, "buys": _sides, "lots": _lots, "self_trade": _modes, "seconds": _seconds}
_priced: Choices = {**_placed, "price_ticks": _ticks, "force": _forces}
_priced_or_at_market: Choices = {**_placed, "price_ticks": (None, *_ticks), "force": _forces}
_stop: Choices = {**_priced_or_at_market, "stop_ticks": range(97, 104), "display_lots": (None, None, None, 2)}
_post_only: Choices = {**_priced, "force": _resting, "post_only": (True,)}
_amended: Choices = {"which": _which, "price_ticks": (None, *_ticks), "lots": (None, *_lots)}
_amended_at_all: Choices = {
    **_amended,
    "seconds": (None, None, *_seconds),
    "display_lots": (None, *range(1, 6)),
    "ahead": (None, None, 0, 0, 1),
}

_outside: Choices = {"user": _users, "buys": _sides, "lots": _lots, "price_ticks": (None, *_ticks), "seconds": _seconds}
_prices = (*range(970, 1040, 5), *range(990, 1010, 10), 1001)

book_steps: Table = [
    (14, Place, _priced_or_at_market),
    (8, Place, {**_priced, "display_lots": range(1, 5)}),
    (13, Place, _stop),
    (2, Place, _post_only),
    (6, Amend, _amended),
    (3, Amend, _amended_at_all),
    (3, Cancel, {"which": _which}),
    (2, PlaceOutside, {**_outside, "force": _resting}),
    (3, Fill, {"which": _which, "lots": (None, 1, 2, 3, 5, 10), "price": _prices}),
    (3, Wait, {"seconds": range(1, 5)}),
]
"""What a book alone can answer: no money, no names. What ends many orders at once is rare, or there would be no deep book."""

rare_steps: Table = [
    (2, CancelAll, {"user": (*_users, None)}),
    (1, Suspend, {"user": _users, "lifts": (False,)}),
    (16, Suspend, {"user": _users, "lifts": (True,)}),
    (1, Status, {"halted": (True,)}),
    (1, Status, {"is_open": (False,)}),
    (30, Status, {"is_open": (True,), "halted": (False,)}),
]
"""What shuts somebody out, and more often what lets them in again."""

_changes = [
    RuleChanges(maker_ppm=100, taker_ppm=200),
    RuleChanges(maker_ppm=-500, taker_ppm=1500),
    RuleChanges(self_trade="decrement"),
    RuleChanges(min_lots=2, max_lots=9),
    RuleChanges(min_lots=None, max_lots=None),
    RuleChanges(min_value=300),
    RuleChanges(min_value=None),
    RuleChanges(band_ppm=20_000),
    RuleChanges(band_ppm=None),
    RuleChanges(max_open_orders=3),
    RuleChanges(max_open_orders=None),
]
_named: Choices = {"user": _users, "buys": _sides, "price_ticks": _ticks, "lots": _lots, "name": ("x", "y", "z")}
_big_buy: Choices = {"user": _users, "buys": (True,), "price_ticks": (None,), "lots": range(4, 20)}

_deal: Choices = {"user": _users, "buys": _sides, "lots": _lots, "price_ticks": _ticks}
_entered: Choices = {
    "user": _users,
    "kind": ("deposit", "withdrawal", "transfer_in", "transfer_out", "fee", "correction_in", "correction_out"),
    "asset": (CASH, CREDIT),
    "amount": range(1, 20),
    "other": (None, *_users),
}

money_steps: Table = [
    (12, Place, _named),
    (9, Place, {**_big_buy, "stop_ticks": (None, None, 102)}),
    (9, Move, {"user": _users, "asset": (CASH, CREDIT), "amount": range(1, 900, 7), "withdraws": _sides}),
    (5, Deal, {**_deal, "other": _users}),
    (3, Deal, {**_deal, "fee": (0, 3), "ago": (None, 0, 5)}),
    (5, Deal, {**_deal, "other": (None, *_users), "pending": (True,), "seconds": (None, *range(12))}),
    (5, Enter, _entered),
    (5, Enter, {**_entered, "pending": (True,), "seconds": (None, *range(12))}),
    (4, Enter, {**_entered, "other": (None,), "pending": (True,), "guarded": (True,), "seconds": (None,) * 9 + (3,)}),
    (9, MoveOn, {"which": _which, "status": ("settled", "settled", "cancelled", "failed", "pending")}),
    (1, MoveOn, {"which": _which, "status": ("settled",), "user": _users}),
    (5, MoveOn, {"which": _which, "status": ("settled", "cancelled", "failed"), "guarded": (True, False, False)}),
    (4, Fill, {"which": _which, "lots": (None, 1, 2), "price": _prices, "fee": (0, 1, 400)}),
    (3, PlaceOutside, {**_outside, "name": ("x", "y", "z")}),
    (1, CostMethod, {"user": _users, "method": ("average", "fifo", "lifo")}),
    (12, Bust, {"which": range(6)}),
    (5, Delete, {"user": _users, "sweep_to": (None, *_users)}),
    (3, UserFees, {"user": _users, "maker_ppm": (None, 0, 500, -50), "taker_ppm": (None, 900, 2500)}),
    (5, Rules, {"changes": _changes}),
]
"""What moves money, or changes what it takes to trade."""


def _times(weight: int, table: Table) -> Table:
    return [(weight * often, kind, choices) for often, kind, choices in table]


ample_steps: Table = [*_times(10, book_steps), *rare_steps]
"""For users who can pay for everything."""
any_steps: Table = [*_times(10, book_steps), *_times(3, rare_steps), *_times(3, money_steps)]


def flows(table: Table, *, most: int, least: int = 0) -> st.SearchStrategy[list[Step]]:
    """Lists of every length alike: left to themselves, most would be of a few steps only."""
    kinds: list[st.SearchStrategy[Step]] = [
        st.builds(kind, **{name: st.sampled_from(list(values)) for name, values in choices.items()})
        for _, kind, choices in table
    ]
    # Positions from which to choose as often as the table says; `one_of` would count a strategy once however often it is named.
    places = [place for place, (weight, *_) in enumerate(table) for _ in range(weight)]
    step: st.SearchStrategy[Step] = st.sampled_from(places).flatmap(lambda place: kinds[place])
    lengths = st.integers(least, most)
    return lengths.flatmap(lambda length: st.lists(step, min_size=length, max_size=length))


def random_flow(table: Table, random: Random, *, length: int) -> list[Step]:
    """The same kinds of steps, many times faster; what fails is made small by `shrunk`."""
    rows = random.choices(table, [weight for weight, *_ in table], k=length)
    return [kind(**{name: random.choice(values) for name, values in choices.items()}) for _, kind, choices in rows]


def act(market: Market, step: Step, *, command_id: str | None = None) -> None:
    """One step; what is malformed is refused by the engine and changes nothing."""
    if isinstance(step, Wait):
        market.time_us += step.seconds * SECOND_US
    command = step.command(market)
    if command is None:
        market.advance()
        return
    try:
        market.send(command, command_id=command_id)
    except TradingError:
        return


def often(examples: int, *, is_long: bool) -> settings:
    """The same examples in every run; thirty times as many in a long one."""
    return settings(max_examples=examples * (30 if is_long else 1), derandomize=True, deadline=None, database=None)
