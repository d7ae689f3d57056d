"""Market data on the exchange that the test has open."""

from __future__ import annotations

import pytest

from credit_trading.marketdata.market_data import MarketData
from tests.floor import Floor
from tests.marketdata.floors import market_data_of


@pytest.fixture
def market_data(floor: Floor) -> MarketData:
    """It has not been asked anything yet."""
    return market_data_of(floor.exchange)
