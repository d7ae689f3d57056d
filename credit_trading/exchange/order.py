"""An order, its words (FIX Side 54, OrdType 40, TimeInForce 59, OrdStatus 39) and its progress."""

from __future__ import annotations

from enum import StrEnum

import attrs

from credit_trading.money import Instrument


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class CancelReason(StrEnum):
    """Why an order ended before it was filled, beside expiry."""

    REQUESTED = "requested"
    SELF_TRADE = "self_trade"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    COLLAR_REACHED = "collar_reached"
    FUNDS_EXHAUSTED = "funds_exhausted"
    USER_DELETED = "user_deleted"


# As they stand in events and orders; reading an enumeration's member or value costs more than all the rest of a comparison.
BUY, SELL = Side.BUY.value, Side.SELL.value
LIMIT, MARKET = OrderType.LIMIT.value, OrderType.MARKET.value


@attrs.define(eq=False)
class Order:
    """An open order. Changed by `Replica.apply` alone.

    `price_ticks` is the limit, for a market order the collar. `hold` is kept out of its owner's reach, in smallest units of the
    asset that the order gives. `fee_part_ppm` is the fraction of a smallest unit, in millionths, by which the exact fees so far
    exceed their floor: all that rounding the next fee needs to know.
    """

    number: int
    user: int
    instrument: Instrument
    buys: bool
    order_type: str
    time_in_force: str
    price_ticks: int
    quantity_lots: int
    maker_ppm: int
    taker_ppm: int
    hold: int
    expires_at_us: int | None
    client_order_id: str | None
    accepted_at_us: int
    remaining_lots: int
    filled_value: int = 0
    fees_paid: int = 0
    fee_part_ppm: int = 0

    @property
    def filled_lots(self) -> int:
        return self.quantity_lots - self.remaining_lots

    @property
    def held_asset(self) -> str:
        """The asset that the order gives: quote for a buy, base for a sell."""
        return self.instrument.quote.code if self.buys else self.instrument.base.code

    @property
    def status(self) -> OrderStatus:
        """While it is open, or filled; how else it ended says the event that ended it."""
        if self.remaining_lots == self.quantity_lots:
            return OrderStatus.NEW
        return OrderStatus.PARTIALLY_FILLED if self.remaining_lots else OrderStatus.FILLED
