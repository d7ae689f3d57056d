"""The market that most tests of this room are played on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exchange.market import Market


@pytest.fixture
def market() -> Iterator[Market]:
    """No fees, tick 0.01, lot 1; ann, bob, cat and dan have 100,000.00 USD and 1,000 credits each."""
    market = Market()
    yield market
    market.check_history()


@pytest.fixture
def fee_market() -> Iterator[Market]:
    """As `market`, with a taker fee of 0.25 % and a maker rebate of 0.01 %."""
    market = Market(maker="-0.0001", taker="0.0025")
    yield market
    market.check_history()


@pytest.fixture
def told_market() -> Iterator[Market]:
    """As `market`; every line must say which book it leaves."""
    market = Market(tells_book=True)
    yield market
    market.check_history()
