"""An order, its words (FIX Side 54, OrdType 40, TimeInForce 59, OrdStatus 39) and its progress."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from credit_trading.money import Instrument


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """FIX OrdType (40). A stop waits unseen until a trade at or beyond its stop price; then it is a market or a limit order."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    """FIX TimeInForce (59)."""

    GTC = "GTC"
    DAY = "DAY"
    GTD = "GTD"
    IOC = "IOC"
    FOK = "FOK"


class SelfTrade(StrEnum):
    """What happens where an incoming order meets one of the same user (FIX SelfMatchPreventionInstruction 2964); the taker's decides."""

    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
    DECREMENT = "decrement"


class Route(StrEnum):
    """Where an order is worked: in the book of this exchange, or outside, from where its fills are reported."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class OrderStatus(StrEnum):
    """FIX OrdStatus (39)."""

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
    NO_OPPOSITE_PRICE = "no_opposite_price"
    FUNDS_EXHAUSTED = "funds_exhausted"
    MASS_CANCEL = "mass_cancel"
    USER_SUSPENDED = "user_suspended"
    USER_DELETED = "user_deleted"


class ExpiryReason(StrEnum):
    """Why an order expired: at its own moment, or with the session that it was for."""

    EXPIRED = "expired"
    SESSION_ENDED = "session_ended"


# As they stand in events and orders; reading an enumeration's member or value costs more than all the rest of a comparison.
BUY, SELL = Side.BUY.value, Side.SELL.value
LIMIT, MARKET, STOP, STOP_LIMIT = (
    OrderType.LIMIT.value,
    OrderType.MARKET.value,
    OrderType.STOP.value,
    OrderType.STOP_LIMIT.value,
)
DAY, GTD, IOC, FOK = (
    TimeInForce.DAY.value,
    TimeInForce.GTD.value,
    TimeInForce.IOC.value,
    TimeInForce.FOK.value,
)
_NEW, _PARTIALLY_FILLED, _FILLED = (
    OrderStatus.NEW.value,
    OrderStatus.PARTIALLY_FILLED.value,
    OrderStatus.FILLED.value,
)
INTERNAL, EXTERNAL = Route.INTERNAL.value, Route.EXTERNAL.value
CANCEL_NEWEST = SelfTrade.CANCEL_NEWEST.value
REQUESTED = CancelReason.REQUESTED.value


class OrderState(msgspec.Struct, array_like=True, gc=False):
    """An open order but for its instrument: what is kept of it on disk, by the order of the fields.

    `price_ticks` is the limit, for an order at market the collar, and 0 for a stop that will be one. `hold` is kept out of its owner's
    reach, in smallest units of `held_asset`, the asset that the order gives: quote for a buy, base for a sell. `stop_ticks` is None
    once the order has been triggered; until then it stands in no book. `shown_lots` is what the book shows of `remaining_lots`:
    all of it but for an iceberg, whose slices are of `display_lots`. `version` counts the events that changed the order, its acceptance
    included. `fee_part_ppm` is the fraction of a smallest unit, in millionths, by which the exact fees so far exceed their floor: all
    that rounding the next fee needs to know. `route` says where it is worked; one that is `external` stands in no book, pays no rates
    and, at market, has a `price_ticks` of 0.
    """

    number: int
    user: int
    buys: bool
    order_type: str
    time_in_force: str
    price_ticks: int
    quantity_lots: int
    maker_ppm: int
    taker_ppm: int
    hold: int
    held_asset: str
    expires_at_us: int | None
    client_order_id: str | None
    stop_ticks: int | None
    display_lots: int | None
    post_only: bool
    self_trade: str
    accepted_at_us: int
    at_market: bool
    remaining_lots: int
    shown_lots: int
    version: int = 1
    filled_value: int = 0
    fees_paid: int = 0
    fee_part_ppm: int = 0
    route: str = INTERNAL


class Order(OrderState, kw_only=True, array_like=False, eq=False, gc=False):
    """An open order. Changed by `Replica.apply` alone."""

    instrument: Instrument

    @property
    def filled_lots(self) -> int:
        return self.quantity_lots - self.remaining_lots

    @property
    def status(self) -> str:
        """An `OrderStatus`, while it is open or filled; how else it ended says the event that ended it."""
        if not self.remaining_lots:
            return _FILLED
        return _NEW if self.remaining_lots == self.quantity_lots else _PARTIALLY_FILLED

    def slice_of(self, remaining_lots: int) -> int:
        """What the book shows of so much when the order joins a queue."""
        return remaining_lots if self.display_lots is None else min(self.display_lots, remaining_lots)
