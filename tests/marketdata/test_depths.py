"""The books of all instruments: each event reaches the one that it concerns, and nothing is kept of what is over."""

from __future__ import annotations

from random import Random

import pytest

from credit_trading.exchange import commands as cmd
from credit_trading.marketdata.depth import Depth
from credit_trading.marketdata.depths import Depths
from tests.exchange.flow import act, ample_steps, random_flow
from tests.exchange.market import Market
from tests.exchange.replicas import SYMBOL


@pytest.fixture
def market() -> Market:
    """After some hundred commands of all kinds."""
    market = Market(cash="1000000.00", credits=1_000_000)
    for step in random_flow(ample_steps, Random(7), length=600):
        act(market, step)
    return market


def test_begun_and_followed_they_are_the_same(market: Market) -> None:
    followed = Depths()
    for entry in market.entries:
        followed.apply(entry)
    begun = Depths([Depth.of(market.live.markets[SYMBOL])])
    assert followed.by_symbol.keys() == begun.by_symbol.keys() == {SYMBOL}
    assert followed.by_symbol[SYMBOL].is_same_as(begun.by_symbol[SYMBOL])


def test_an_order_that_is_over_is_forgotten(market: Market) -> None:
    """Filled, canceled, expired or killed; otherwise memory would grow with every order that ever was."""
    depths = Depths()
    for entry in market.entries:
        depths.apply(entry)
    assert depths._of_order.keys() == market.live.orders.keys() - market.live.markets[SYMBOL].external.keys() != set()
    done = len(market.entries)
    market.send(cmd.CancelOrders(None, SYMBOL))
    for entry in market.entries[done:]:
        depths.apply(entry)
    assert not depths._of_order
    assert not depths.by_symbol[SYMBOL].orders


def test_orders_that_are_worked_outside_leave_no_trace() -> None:
    """Neither where their whole life is followed, nor where the books begin in the middle of it."""
    market = Market()
    depths = [Depths()]
    depths[0].apply(market.entries[3])
    for line in (
        "outside e1 ann buy 5 @ 5.00",
        "outside e2 bob sell 5 market",
        "place c1 cat buy 3 @ 5.00",
        "fill e1 2 @ 5.00",
        "fill e2 rest @ 5.00",
        "cancel e1",
        "outside e3 ann buy 5 @ 5.00 until +5s",
        "at +9s",
        "due -> expire e3",
    ):
        done = len(market.entries)
        depths.append(Depths([Depth.of(market.live.markets[SYMBOL])]))
        market.play(line)
        for one in depths:
            for entry in market.entries[done:]:
                one.apply(entry)
    public = [[(level.price_ticks, level.lots) for level in one.by_symbol[SYMBOL].bids] for one in depths]
    assert public == [[(500, 3)]] * len(depths)
    assert [one.by_symbol[SYMBOL].last_price_ticks for one in depths] == [None] * len(depths)
