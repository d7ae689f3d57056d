"""One instrument as it trades: its rules, its status, its book, and the orders beside it: stops that wait, and what is worked outside."""

from __future__ import annotations

from enum import StrEnum

import attrs

from credit_trading.exchange.book import OrderBook
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import Order
from credit_trading.exchange.schedule import NO_BOUNDARIES, Boundaries, Schedule
from credit_trading.exchange.stops import StopOrders
from credit_trading.money import Instrument


class MarketStatus(StrEnum):
    """FIX SecurityTradingStatus (326): `halted` (2) and `closed` (18) take cancels only; a halt outweighs the session."""

    OPEN = "open"
    HALTED = "halted"
    CLOSED = "closed"


class StatusReason(StrEnum):
    """Why a status changed."""

    REQUESTED = "requested"
    SCHEDULE = "schedule"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"


@attrs.define(eq=False)
class Market:
    """`boundaries` are the next opening and close by `schedule`. `user_fees` are users' own (maker, taker) rates, None for the rules'.

    `external` are the open orders that are worked outside, by number.
    """

    instrument: Instrument
    rules: MarketRules
    schedule: Schedule | None = None
    boundaries: Boundaries = NO_BOUNDARIES
    halted: bool = False
    session_open: bool = True
    last_price_ticks: int | None = None
    user_fees: dict[int, tuple[int | None, int | None]] = attrs.Factory(dict)
    book: OrderBook = attrs.Factory(OrderBook)
    stops: StopOrders = attrs.Factory(StopOrders)
    external: dict[int, Order] = attrs.Factory(dict)

    @property
    def status(self) -> MarketStatus:
        if self.halted:
            return MarketStatus.HALTED
        return MarketStatus.OPEN if self.session_open else MarketStatus.CLOSED

    @property
    def reference_ticks(self) -> int | None:
        """What the price band is laid around."""
        return self.last_price_ticks if self.rules.reference_ticks is None else self.rules.reference_ticks

    def rates_of(self, user: int) -> tuple[int, int]:
        """The (maker, taker) rates of the user's next order, in millionths."""
        rules = self.rules
        if user not in self.user_fees:
            return rules.maker_ppm, rules.taker_ppm
        maker_ppm, taker_ppm = self.user_fees[user]
        return (
            rules.maker_ppm if maker_ppm is None else maker_ppm,
            rules.taker_ppm if taker_ppm is None else taker_ppm,
        )
