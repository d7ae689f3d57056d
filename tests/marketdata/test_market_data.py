"""What everybody may ask: books, best prices and trades in decimals, and no word of who trades."""

from __future__ import annotations

import pytest

from credit_trading import ManualClock
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.marketdata.market_data import MarketData
from credit_trading.marketdata.records import LevelRecord, QueuedOrderRecord, QueueRecord, TradeRecord
from tests.floor import CASH, SYMBOL, Floor
from tests.marketdata.floors import bust, deal, trade, trade_at_once


def test_the_book_by_level_shows_price_quantity_and_number_of_orders(floor: Floor, market_data: MarketData) -> None:
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "sell", 20, "5.00")
    floor.place("bob", "sell", 5, "5.02")
    floor.place("cat", "buy", 7, "4.99")
    book = market_data.get_book(SYMBOL)
    assert book.asks == [
        LevelRecord(price="5.00", quantity="30", orders=2),
        LevelRecord(price="5.02", quantity="5", orders=1),
    ]
    assert book.bids == [LevelRecord(price="4.99", quantity="7", orders=1)]
    assert (book.symbol, book.sequence) == (SYMBOL, floor.exchange.sequence)
    assert [level.price for level in market_data.get_book(SYMBOL, 1).asks] == ["5.00"]


def test_the_book_by_order_shows_each_queue_oldest_first(floor: Floor, market_data: MarketData) -> None:
    first = floor.place("ann", "sell", 10, "5.00").order_id
    second = floor.place("bob", "sell", 20, "5.00").order_id
    third = floor.place("cat", "sell", 1, "5.01").order_id
    floor.place("cat", "buy", 4, "5.00")
    book = market_data.get_orders(SYMBOL)
    assert book.asks == [
        QueueRecord(
            price="5.00",
            orders=[
                QueuedOrderRecord(order_id=first, quantity="6"),
                QueuedOrderRecord(order_id=second, quantity="20"),
            ],
        ),
        QueueRecord(price="5.01", orders=[QueuedOrderRecord(order_id=third, quantity="1")]),
    ]
    assert (book.bids, book.sequence) == ([], floor.exchange.sequence)
    assert len(market_data.get_orders(SYMBOL, depth=1).asks) == 1


def test_the_best_prices_are_none_where_nobody_offers(floor: Floor, market_data: MarketData) -> None:
    best = market_data.get_best(SYMBOL)
    assert (best.bid_price, best.bid_quantity, best.ask_price, best.ask_quantity, best.last_price) == (None,) * 5
    trade(floor, price="5.00")
    floor.place("ann", "sell", 10, "5.02")
    floor.place("bob", "sell", 1, "5.02")
    floor.place("bob", "sell", 1, "5.03")
    best = market_data.get_best(SYMBOL)
    assert (best.bid_price, best.bid_quantity, best.ask_price, best.ask_quantity) == (None, None, "5.02", "11")
    floor.place("cat", "buy", 3, "4.99")
    floor.place("cat", "buy", 3, "4.98")
    best = market_data.get_best(SYMBOL)
    assert (best.bid_price, best.bid_quantity, best.last_price) == ("4.99", "3", "5.00")
    assert (best.symbol, best.sequence) == (SYMBOL, floor.exchange.sequence)


def test_trades_are_shown_latest_first(floor: Floor, market_data: MarketData, clock: ManualClock) -> None:
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    clock.advance(1.5)
    floor.place("cat", "buy", 9, "4.99")
    floor.place("bob", "sell", 2, "4.99")
    found = market_data.get_trades(SYMBOL)
    assert found.trades == [
        TradeRecord(
            trade_id=2,
            sequence=floor.exchange.sequence,
            time="2026-01-01T00:00:01.500000Z",
            price="4.99",
            quantity="2",
            taker_side="sell",
            busted=False,
        ),
        TradeRecord(
            trade_id=1,
            sequence=floor.exchange.sequence - 3,
            time="2026-01-01T00:00:00.000000Z",
            price="5.00",
            quantity="4",
            taker_side="buy",
            busted=False,
        ),
    ]
    assert (found.symbol, found.sequence) == (SYMBOL, floor.exchange.sequence)


def test_pages_of_trades_lead_back_to_the_first(floor: Floor, market_data: MarketData) -> None:
    trade_at_once(floor, times=25)
    pages: list[list[int]] = []
    for _ in range(4):
        page = market_data.get_trades(SYMBOL, 10, pages[-1][-1] if pages else None).trades
        pages.append([one.trade_id for one in page])
    assert pages == [list(range(25, 15, -1)), list(range(15, 5, -1)), list(range(5, 0, -1)), []]
    assert len(market_data.get_trades(SYMBOL, limit=10_000, before=10**30).trades) == 25


def test_a_busted_trade_is_marked_and_stays(floor: Floor, market_data: MarketData) -> None:
    """Also one that was shown before; the last price stays too, as it is what stops and price bands go by."""
    trade(floor, times=2)
    trade(floor, price="6.00")
    assert not any(one.busted for one in market_data.get_trades(SYMBOL).trades)
    bust(floor, 3)
    assert [(one.trade_id, one.busted) for one in market_data.get_trades(SYMBOL).trades] == [
        (3, True),
        (2, False),
        (1, False),
    ]
    assert market_data.get_best(SYMBOL).last_price == "6.00"


def test_deals_off_the_book_are_no_trades_of_the_market(floor: Floor, market_data: MarketData) -> None:
    """Nor is one that is busted; they take part in the numbering of trades only."""
    trade(floor)
    deal(floor)
    trade(floor)
    assert [one.trade_id for one in market_data.get_trades(SYMBOL).trades] == [3, 1]
    bust(floor, 2)
    assert [(one.trade_id, one.busted) for one in market_data.get_trades(SYMBOL).trades] == [(3, False), (1, False)]


def test_each_instrument_has_its_own_book_and_trades(floor: Floor, market_data: MarketData) -> None:
    """Also one that is added after the first question."""
    trade(floor)
    assert market_data.get_book(SYMBOL).asks == []
    other = "GS-11/USD"
    floor.admin.assets.add_asset("GS-11", decimals=0)
    floor.admin.instruments.add_instrument(other, base="GS-11", quote=CASH, tick="0.5", lot="1")
    floor.admin.accounts.deposit("cat", "GS-11", 100)
    floor.user("cat").orders.create_order(other, "sell", 10, "2.5")
    floor.place("cat", "sell", 3, "5.00")
    floor.user("ann").orders.create_order(other, "buy", 4, "2.5")
    assert market_data.get_book(other).asks == [LevelRecord(price="2.50", quantity="6", orders=1)]
    assert market_data.get_book(SYMBOL).asks == [LevelRecord(price="5.00", quantity="3", orders=1)]
    assert (market_data.get_best(other).last_price, market_data.get_best(SYMBOL).last_price) == ("2.50", "5.00")
    assert [one.trade_id for one in market_data.get_trades(other).trades] == [2]
    assert [one.trade_id for one in market_data.get_trades(SYMBOL).trades] == [1]
    assert market_data.check() == []


def test_no_answer_tells_anything_of_users(floor: Floor, market_data: MarketData) -> None:
    floor.exchange.submit(
        [floor.prepared("ann", "sell", 10, "5.00"), floor.prepared("bob", "buy", 4, "5.00", client_order_id="bobs")]
    )
    told = repr(
        (
            market_data.get_book(SYMBOL),
            market_data.get_orders(SYMBOL),
            market_data.get_best(SYMBOL),
            market_data.get_trades(SYMBOL),
        )
    )
    assert "5.00" in told
    assert not [word for word in ("ann", "bob", "user", "fee", "hold", "client") if word in told]


def test_a_question_that_cannot_be_answered_says_why(floor: Floor, market_data: MarketData) -> None:
    for question in (market_data.get_book, market_data.get_orders, market_data.get_best, market_data.get_trades):
        with pytest.raises(NotFound, match="no such instrument"):
            question("NO/SUCH")
    for depth in (0, -1):
        with pytest.raises(InvalidInput, match="counts levels from 1"):
            market_data.get_book(SYMBOL, depth=depth)
        with pytest.raises(InvalidInput, match="counts levels from 1"):
            market_data.get_orders(SYMBOL, depth=depth)
    for limit in (0, 10_001):
        with pytest.raises(InvalidInput, match="between 1 and 10,000"):
            market_data.get_trades(SYMBOL, limit=limit)
    with pytest.raises(InvalidInput, match="count from 1"):
        market_data.get_trades(SYMBOL, before=0)
