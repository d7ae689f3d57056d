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
    assert depths._of_order.keys() == market.live.orders.keys() != set()
    done = len(market.entries)
    market.send(cmd.CancelOrders(None, SYMBOL))
    for entry in market.entries[done:]:
        depths.apply(entry)
    assert not depths._of_order
    assert not depths.by_symbol[SYMBOL].orders
