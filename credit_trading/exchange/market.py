"""One instrument as it trades: its status, its book, its last trades."""

from __future__ import annotations

from collections import deque

import attrs
import msgspec

from credit_trading.exchange.book import OrderBook
from credit_trading.money import Instrument

LAST_TRADES = 256
"""How many trades each market remembers for display; the journal holds them all."""


class TradePrint(msgspec.Struct, frozen=True, gc=False):
    """What the public sees of a trade."""

    trade: int
    sequence: int
    time_us: int
    price_ticks: int
    quantity_lots: int
    taker_side: str


@attrs.define(eq=False)
class Market:
    instrument: Instrument
    halted: bool = False
    book: OrderBook = attrs.Factory(OrderBook)
    last_trades: deque[TradePrint] = attrs.Factory(lambda: deque(maxlen=LAST_TRADES))
