"""What a fill costs and what an order must hold: the two formulas, against exact fractions and against random lives of orders."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_trading.exchange.fees import affordable_lots, buy_hold, fee_of, next_fee_part
from credit_trading.money.amount import RATE_SCALE
from tests.exchange.market import Market

rates_ppm = st.integers(-RATE_SCALE, RATE_SCALE) | st.sampled_from([-100, 0, 1, 333, 2500, 3333, 7777])
values = st.integers(0, 5000) | st.integers(0, 2**62)
given_often = settings(max_examples=400, derandomize=True, deadline=None, database=None)


@given_often
@given(rate_ppm=rates_ppm, fills=st.lists(values, min_size=1, max_size=12))
def test_many_fills_cost_what_the_running_total_says(rate_ppm: int, fills: list[int]) -> None:
    """Each is charged ceil(T + r·v) - ceil(T) with T the exact fees so far, though only T's fraction is kept."""
    total, part = Fraction(0), 0
    for value in fills:
        after = total + Fraction(rate_ppm * value, RATE_SCALE)
        assert fee_of(fee_part_ppm=part, rate_ppm=rate_ppm, value=value) == ceil(after) - ceil(total)
        part = next_fee_part(fee_part_ppm=part, rate_ppm=rate_ppm, value=value)
        total = after
        assert Fraction(part, RATE_SCALE) == total - (total.numerator // total.denominator)


@given_often
@given(rate_ppm=rates_ppm, fills=st.lists(values, min_size=1, max_size=12))
def test_many_fills_never_cost_more_than_one(rate_ppm: int, fills: list[int]) -> None:
    """Nor less: at one rate they cost exactly the same, rounded up once."""
    part = paid = 0
    for value in fills:
        paid += fee_of(fee_part_ppm=part, rate_ppm=rate_ppm, value=value)
        part = next_fee_part(fee_part_ppm=part, rate_ppm=rate_ppm, value=value)
    assert (
        paid
        == fee_of(fee_part_ppm=0, rate_ppm=rate_ppm, value=sum(fills))
        == ceil(Fraction(rate_ppm, 10**6) * sum(fills))
    )


@given_often
@given(
    funds=st.integers(-5, 100_000),
    lot_value=st.integers(1, 5000),
    fee_part_ppm=st.integers(0, RATE_SCALE - 1),
    rate_ppm=st.integers(0, RATE_SCALE),
    most_lots=st.integers(1, 300),
)
def test_as_many_lots_are_bought_as_can_be_paid_and_no_more(
    funds: int, lot_value: int, fee_part_ppm: int, rate_ppm: int, most_lots: int
) -> None:
    """Counted one by one."""

    def cost(lots: int) -> int:
        return lots * lot_value + fee_of(fee_part_ppm=fee_part_ppm, rate_ppm=rate_ppm, value=lots * lot_value)

    payable = 0
    while payable < most_lots and cost(payable + 1) <= funds:
        payable += 1
    found = affordable_lots(
        funds=funds, lot_value=lot_value, fee_part_ppm=fee_part_ppm, rate_ppm=rate_ppm, most_lots=most_lots
    )
    assert found == payable


# Holds

Hold = Callable[..., int]
"""What a buy holds for the rest of it: `value` at the limit, the fraction of its fees so far, and its two rates."""


def _taker_rate_only(*, value: int, fee_part_ppm: int, maker_ppm: int, taker_ppm: int) -> int:
    """Forgets that a resting order pays the maker's rate, which may be the higher one."""
    return value + fee_of(fee_part_ppm=fee_part_ppm, rate_ppm=taker_ppm, value=value)


def _rounded_anew(*, value: int, fee_part_ppm: int, maker_ppm: int, taker_ppm: int) -> int:
    """Forgets what rounding the fees so far has already taken."""
    return value + ceil(Fraction(max(maker_ppm, taker_ppm, 0) * value, RATE_SCALE))


def _one_unit_short(**order: int) -> int:
    return buy_hold(**order) - 1


@attrs.frozen
class _Lives:
    """How many random orders lived, how often they traded, and how many at some time had less than they needed."""

    orders: int
    fills: int
    short: int


def _live(hold_of: Hold, *, orders: int, seed: int) -> _Lives:
    """Each buyer owns exactly the first hold: every fill is paid from it, and what then remains must cover the next hold.

    An order trades as a taker first, at its limit or better, and as a maker afterwards, at its limit; now and then it is amended
    down, which may only set money free, or to another price, for which its owner pays in what more is held.
    """
    random = Random(seed)
    fills = short = 0
    for _ in range(orders):
        taker_ppm = random.choice((0, 1, 333, 1000, 2500, 3333, 7777, random.randrange(20_000)))
        maker_ppm = random.choice((-taker_ppm, 0, taker_ppm, random.randint(-taker_ppm, 20_000)))
        price, lots, part = random.randint(1, 400), random.randint(1, 60), 0

        def hold(*, rates: tuple[int, int] = (maker_ppm, taker_ppm)) -> int:
            return hold_of(value=price * lots, fee_part_ppm=part, maker_ppm=rates[0], taker_ppm=rates[1])  # noqa: B023

        cash = held = hold()
        failed = False
        taking = random.random() < 0.7
        while lots and not failed:
            taking = taking and random.random() < 0.7
            rate_ppm, paid = (taker_ppm, random.randint(max(price - 9, 1), price)) if taking else (maker_ppm, price)
            filled = random.randint(1, lots)
            fee = fee_of(fee_part_ppm=part, rate_ppm=rate_ppm, value=paid * filled)
            part = next_fee_part(fee_part_ppm=part, rate_ppm=rate_ppm, value=paid * filled)
            lots -= filled
            fills += 1
            cash -= paid * filled + fee
            # A maker's rebate is income; what is spent is what the hold has to cover, so it may not be spent in advance.
            held = hold() if lots else 0
            failed = cash < held
            if lots and random.random() < 0.2:
                lots, price = random.randint(1, lots), random.randint(1, 400)
                cash += max(hold() - cash, 0)
                held = hold()
        short += failed
    return _Lives(orders, fills, short)


@pytest.fixture
def orders(is_long: bool) -> int:
    return 200_000 if is_long else 12_000


def test_the_hold_covers_every_way_in_which_an_order_can_fill(orders: int) -> None:
    """Tens of thousands of random fills, rebates, price improvements and amends; not one leaves less than the next hold."""
    lives = _live(buy_hold, orders=orders, seed=1)
    assert lives.fills > 2 * orders
    assert lives.short == 0


@pytest.mark.parametrize("naive", [_taker_rate_only, _rounded_anew, _one_unit_short])
def test_a_simpler_hold_would_run_short(naive: Hold, orders: int) -> None:
    """The same lives: each of the obvious formulas leaves some orders with less than they need."""
    assert _live(naive, orders=orders // 4, seed=1).short > 10


@given_often
@given(
    value=st.integers(1, 5000),
    fee_part_ppm=st.integers(0, RATE_SCALE - 1),
    taker_ppm=st.integers(0, RATE_SCALE),
    maker_ppm=st.integers(-RATE_SCALE, RATE_SCALE),
)
def test_the_hold_is_not_a_unit_more_than_the_worst_fill(
    value: int, fee_part_ppm: int, taker_ppm: int, maker_ppm: int
) -> None:
    """All of the rest at the limit and the higher rate takes exactly the hold."""
    worst = max(
        value + fee_of(fee_part_ppm=fee_part_ppm, rate_ppm=rate_ppm, value=value)
        for rate_ppm in (maker_ppm, taker_ppm, 0)
    )
    hold = buy_hold(value=value, fee_part_ppm=fee_part_ppm, maker_ppm=maker_ppm, taker_ppm=taker_ppm)
    assert hold == worst


def test_taker_pays_and_maker_is_paid_a_rebate(fee_market: Market) -> None:
    """The buyer pays on top, the seller from the proceeds; rebates are rounded in the exchange's favour."""
    fee_market.play("""
        place a1 ann sell 10 @ 5.00
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00 fees 0.05/0.00
        place b2 bob buy 6 @ 5.00     -> trade a1 6 @ 5.00 fees 0.08/0.00
        balance ann USD               -> 100050.00
        balance bob USD               -> 99949.87
        fees                          -> 0.13
        place b3 bob buy 100 @ 5.00
        order b3                      -> new 0 of 100 @ 5.00 hold 501.25
        place a2 ann sell 60 @ 5.00   -> trade b3 60 @ 5.00 fees 0.75/-0.03
        order b3                      -> partially_filled 60 of 100 @ 5.00 hold 200.50
        place a3 ann sell 40 @ 5.00   -> trade b3 40 @ 5.00 fees 0.50/-0.02
        balance bob USD               -> 99449.92
        fees                          -> 1.33
    """)


def test_small_fills_add_up_to_one_rounding() -> None:
    """Fees of 0.25 cents each: the first fill pays the cent, the next three nothing; the fifth pays the next cent."""
    market = Market(maker="0.0025", taker="0.0025")
    market.play("""
        place a1 ann sell 5 @ 1.00
        place b1 bob buy 1 @ 1.00     -> trade a1 1 @ 1.00 fees 0.01/0.01
        place b2 bob buy 1 @ 1.00     -> trade a1 1 @ 1.00 fees 0.01/0.00
        place b3 bob buy 1 @ 1.00     -> trade a1 1 @ 1.00 fees 0.01/0.00
        place b4 bob buy 1 @ 1.00     -> trade a1 1 @ 1.00 fees 0.01/0.00
        place b5 bob buy 1 @ 1.00     -> trade a1 1 @ 1.00 fees 0.01/0.01
        balance ann USD               -> 100004.98
        fees                          -> 0.07
    """)


def test_a_price_better_than_the_limit_sets_the_difference_free(fee_market: Market) -> None:
    """The hold for what remains is kept, the rest is released with the fill."""
    fee_market.play("""
        place a1 ann sell 4 @ 4.00
        place b1 bob buy 10 @ 5.00    -> trade a1 4 @ 4.00 fees 0.04/0.00
        order b1                      -> partially_filled 4 of 10 @ 5.00 hold 30.08
        balance bob USD               -> 99983.96 held 30.08
        place a2 ann sell 6 @ 5.00    -> trade b1 6 @ 5.00 fees 0.08/0.00
        balance bob USD               -> 99953.96
    """)


def test_a_buy_holds_its_value_and_the_most_its_fees_can_take(fee_market: Market) -> None:
    """Exactly what is needed may be spent, and not a cent less."""
    fee_market.play("""
        withdraw ann 99949.88 USD
        place a1 ann buy 10 @ 5.00    -> reject insufficient_funds
        deposit ann 0.01 USD
        place a2 ann buy 10 @ 5.00
        balance ann USD               -> 50.13 held 50.13
        place b1 bob sell 10 @ 5.00   -> trade a2 10 @ 5.00 fees 0.13/0.00
        balance ann USD               -> 0.13
    """)


def test_a_maker_fee_above_the_takers_is_held_too() -> None:
    """An order that rests pays the maker's rate: f is the higher of the two."""
    market = Market(maker="0.0100", taker="0.0010", cash="101.00")
    market.play("""
        place a1 ann buy 20 @ 5.00
        balance ann USD               -> 101.00 held 101.00
        place b1 bob sell 7 @ 5.00    -> trade a1 7 @ 5.00 fees 0.04/0.35
        order a1                      -> partially_filled 7 of 20 @ 5.00 hold 65.65
        place b2 bob sell 13 @ 5.00   -> trade a1 13 @ 5.00 fees 0.07/0.65
        balance ann USD               -> 0.00
    """)


def test_a_sell_holds_its_credits_and_pays_its_fee_from_the_proceeds(fee_market: Market) -> None:
    """No cash is needed to sell."""
    fee_market.play("""
        withdraw ann 100000.00 USD
        place a1 ann sell 10 @ 5.00
        balance ann TREE              -> 1000 held 10
        place b1 bob buy 4 @ 6.00     -> trade a1 4 @ 5.00 fees 0.05/0.00
        balance ann TREE              -> 996 held 6
        place c1 cat buy 5 @ 1.00
        place a2 ann sell 5 @ 1.00    -> trade c1 5 @ 1.00 fees 0.02/0.00
        balance ann USD               -> 24.98
    """)


def test_a_fee_may_take_all_of_a_tiny_sale() -> None:
    """One cent of value, one cent of fee: the seller gets nothing, and never less."""
    market = Market(taker="0.0001")
    market.play("""
        place b1 bob buy 1 @ 0.01
        withdraw ann 100000.00 USD
        place a1 ann sell 1 @ 0.01    -> trade b1 1 @ 0.01 fees 0.01/0.00
        balance ann USD               -> 0.00
    """)
