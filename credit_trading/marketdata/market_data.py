"""What everybody may ask of a market: its book by level and by order, its best prices, its trades.

Here: questions and answers. Never here: how the answers are kept (books, trade_history).
"""

from __future__ import annotations

from itertools import islice

from credit_trading.checks import LARGEST, checked_number
from credit_trading.clock import format_time
from credit_trading.journal.live import LiveReplica
from credit_trading.marketdata.books import Books
from credit_trading.marketdata.check import Fault, check
from credit_trading.marketdata.depth import DepthSide
from credit_trading.marketdata.prints import TradePrint
from credit_trading.marketdata.records import (
    BestRecord,
    BookRecord,
    LevelRecord,
    OrderBookRecord,
    QueuedOrderRecord,
    QueueRecord,
    TradeRecord,
    TradesRecord,
)
from credit_trading.marketdata.trade_history import TradeHistory
from credit_trading.money import Instrument

MOST_TRADES = 10_000
"""In one answer; `before` leads on."""


class MarketData:
    """Follows the journal by itself and never asks a user's file. May be used from many threads.

    An order whose time is up stands in the book until the next command of anybody, or `Exchange.expire_due`, has ended it. All questions
    raise InvalidInput for what is no symbol or no number.
    """

    def __init__(self, live: LiveReplica, *, timeout_s: float) -> None:
        self._live = live
        self._books = Books(live, timeout_s=timeout_s)
        self._trade_history = TradeHistory(live, timeout_s=timeout_s)

    def get_book(self, symbol: str, depth: int | None = None) -> BookRecord:
        """By level: the best `depth` prices of each side, all of them if None. Raises NotFound."""
        _check_depth(depth)
        with self._books.caught_up() as standing:
            sequence, (book, show) = standing.position.sequence, standing.book(symbol)
            bids, asks = _levels(book.bids, depth, show), _levels(book.asks, depth, show)
        return BookRecord(symbol=symbol, sequence=sequence, bids=bids, asks=asks)

    def get_orders(self, symbol: str, depth: int | None = None) -> OrderBookRecord:
        """By order: the queues at the best `depth` prices of each side, at all of them if None. Raises NotFound."""
        _check_depth(depth)
        with self._books.caught_up() as standing:
            sequence, (book, show) = standing.position.sequence, standing.book(symbol)
            bids, asks = _queues(book.bids, depth, show), _queues(book.asks, depth, show)
        return OrderBookRecord(symbol=symbol, sequence=sequence, bids=bids, asks=asks)

    def get_best(self, symbol: str) -> BestRecord:
        """The best bid and offer, and the price of the last trade. Raises NotFound."""
        with self._books.caught_up() as standing:
            sequence, (book, show) = standing.position.sequence, standing.book(symbol)
            last_ticks = book.last_price_ticks
            (bid_price, bid_quantity), (ask_price, ask_quantity) = _best(book.bids, show), _best(book.asks, show)
        return BestRecord(
            symbol=symbol,
            sequence=sequence,
            bid_price=bid_price,
            bid_quantity=bid_quantity,
            ask_price=ask_price,
            ask_quantity=ask_quantity,
            last_price=None if last_ticks is None else show.format_price(last_ticks),
        )

    def get_trades(self, symbol: str, limit: int = 50, before: int | None = None) -> TradesRecord:
        """The latest first, 1 to 10,000 of them; those with ids below `before`, if that is given. Raises NotFound."""
        limit = checked_number(
            limit,
            what="trades",
            problem=f"between 1 and {MOST_TRADES:,} trades are shown at once",
            hint="Give --limit 50.",
            least=1,
            most=MOST_TRADES,
        )
        before = LARGEST if before is None else _trade_id(before)
        with self._books.caught_up() as standing:
            _, show = standing.book(symbol)
        position, found = self._trade_history.latest(show.symbol, limit=limit, before=before)
        return TradesRecord(symbol=symbol, sequence=position.sequence, trades=[_trade(trade, show) for trade in found])

    def check(self) -> list[Fault]:
        """What is wrong with it: see `credit_trading.marketdata.check`."""
        return check(self._live, self._trade_history)


def _check_depth(depth: int | None) -> None:
    if depth is not None:
        problem = "the depth counts levels from 1"
        checked_number(depth, what="book", problem=problem, hint="Give --depth 10.", least=1)


def _trade_id(before: int) -> int:
    """No id is larger than SQLite's integers, so none is left out."""
    problem, hint = "trade ids count from 1", "Give the last id of the page before."
    return min(checked_number(before, what="trades", problem=problem, hint=hint, least=1, most=None), LARGEST)


def _levels(side: DepthSide, depth: int | None, show: Instrument) -> list[LevelRecord]:
    return [
        LevelRecord(
            price=show.format_price(level.price_ticks),
            quantity=show.format_quantity(level.lots),
            orders=len(level.orders),
        )
        for level in islice(side, depth)
    ]


def _best(side: DepthSide, show: Instrument) -> tuple[str | None, str | None]:
    """Price and quantity."""
    level = side.best()
    return (None, None) if level is None else (show.format_price(level.price_ticks), show.format_quantity(level.lots))


def _queues(side: DepthSide, depth: int | None, show: Instrument) -> list[QueueRecord]:
    return [
        QueueRecord(
            price=show.format_price(level.price_ticks),
            orders=[
                QueuedOrderRecord(order_id=order.number, quantity=show.format_quantity(order.shown_lots))
                for order in level.orders.values()
            ],
        )
        for level in islice(side, depth)
    ]


def _trade(trade: TradePrint, show: Instrument) -> TradeRecord:
    return TradeRecord(
        trade_id=trade.trade_id,
        sequence=trade.sequence,
        time=format_time(trade.time_us),
        price=show.format_price(trade.price_ticks),
        quantity=show.format_quantity(trade.quantity_lots),
        taker_side=trade.taker_side,
        busted=trade.busted,
    )
