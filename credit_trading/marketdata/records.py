"""Market data as values: exact decimal text, ISO times, nobody's name.

Always: `sequence` is the journal's, up to which an answer knows what happened; quantities are what is shown, not what icebergs hide.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class LevelRecord:
    """All open orders at one price."""

    price: str
    quantity: str
    orders: int


@attrs.frozen(kw_only=True)
class BookRecord:
    """Both sides by level, best first."""

    symbol: str
    sequence: int
    bids: list[LevelRecord]
    asks: list[LevelRecord]


@attrs.frozen(kw_only=True)
class QueuedOrderRecord:
    """One order in its place. `order_id` says nothing to anybody but its owner."""

    order_id: int
    quantity: str


@attrs.frozen(kw_only=True)
class QueueRecord:
    """The orders at one price, oldest first: the order in which they trade."""

    price: str
    orders: list[QueuedOrderRecord]


@attrs.frozen(kw_only=True)
class OrderBookRecord:
    """Both sides by order, best price first."""

    symbol: str
    sequence: int
    bids: list[QueueRecord]
    asks: list[QueueRecord]


@attrs.frozen(kw_only=True)
class BestRecord:
    """The best bid and offer and the price of the last trade; None where there is none."""

    symbol: str
    sequence: int
    bid_price: str | None
    bid_quantity: str | None
    ask_price: str | None
    ask_quantity: str | None
    last_price: str | None


@attrs.frozen(kw_only=True)
class TradeRecord:
    """What the public sees of a trade. `sequence` is where it stands in the journal; `taker_side` is the incoming order's.

    `busted`: it was undone by an administrator.
    """

    trade_id: int
    sequence: int
    time: str
    price: str
    quantity: str
    taker_side: str
    busted: bool


@attrs.frozen(kw_only=True)
class TradesRecord:
    """Trades in the book, latest first; deals off the book are none."""

    symbol: str
    sequence: int
    trades: list[TradeRecord]
