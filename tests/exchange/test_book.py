"""The order book by itself: levels best first, queues oldest first, sums kept, empty levels out of the way."""

from __future__ import annotations

from random import Random

import pytest

from credit_trading.exchange.book import BookSide, OrderBook
from credit_trading.exchange.order import Order
from tests.exchange.market import Market

INSTRUMENT = Market("ann").instrument


def _order(number: int, *, buys: bool, price_ticks: int, lots: int = 1) -> Order:
    return Order(
        number=number,
        user=1,
        instrument=INSTRUMENT,
        buys=buys,
        order_type="limit",
        time_in_force="GTC",
        price_ticks=price_ticks,
        quantity_lots=lots,
        maker_ppm=0,
        taker_ppm=0,
        hold=0,
        held_asset="USD" if buys else "TREE",
        expires_at_us=None,
        client_order_id=None,
        stop_ticks=None,
        display_lots=None,
        post_only=False,
        self_trade="cancel_newest",
        accepted_at_us=0,
        at_market=False,
        remaining_lots=lots,
        shown_lots=lots,
    )


def _content(side: BookSide) -> list[tuple[int, int, list[int]]]:
    return [(level.price_ticks, level.lots, list(level.orders)) for level in side.levels()]


def test_bids_fall_and_asks_rise() -> None:
    """The level that trades first comes first."""
    book = OrderBook()
    for number, price_ticks in enumerate((5, 9, 7, 9), 1):
        book.bids.add(_order(number, buys=True, price_ticks=price_ticks))
        book.asks.add(_order(number, buys=False, price_ticks=price_ticks + 10))
    assert _content(book.bids) == [(9, 2, [2, 4]), (7, 1, [3]), (5, 1, [1])]
    assert _content(book.asks) == [(15, 1, [1]), (17, 1, [3]), (19, 2, [2, 4])]
    assert book.side(buys=True) is book.bids
    assert not book.is_crossed()
    book.asks.add(_order(9, buys=False, price_ticks=9))
    assert book.is_crossed()


def test_an_empty_side_has_no_best_level() -> None:
    """Before the first order and after the last one."""
    side = BookSide(buys=False)
    assert side.best() is None
    order = _order(1, buys=False, price_ticks=5)
    side.add(order)
    side.remove(order)
    assert side.best() is None
    assert list(side.levels()) == []
    side.add(order)
    assert _content(side) == [(5, 1, [1])]


@pytest.mark.parametrize("buys", [True, False])
@pytest.mark.parametrize("width", [3, 40, 1000])
def test_a_side_equals_sorted_lists_whatever_comes_and_goes(buys: bool, width: int) -> None:
    """Wide books drop their empty levels in bulk, narrow ones fill them again."""
    random, side, open_orders = Random(width), BookSide(buys=buys), dict[int, Order]()
    for number in range(4000):
        if open_orders and random.random() < (0.3 if number % 1000 < 500 else 0.7):
            order = open_orders[random.choice(list(open_orders))]
            if random.random() < 0.3 and order.shown_lots > 1:
                side.reduce(order, 1)
                order.shown_lots -= 1
            else:
                side.remove(open_orders.pop(order.number))
        else:
            order = _order(number, buys=buys, price_ticks=random.randint(1, width), lots=random.randint(1, 5))
            side.add(order)
            open_orders[number] = order
        if number % 7 == 0:
            side.best()
        if number % 50 == 0:
            expected: dict[int, tuple[int, int, list[int]]] = {}
            for order in sorted(open_orders.values(), key=lambda one: -one.price_ticks if buys else one.price_ticks):
                _, lots, numbers = expected.get(order.price_ticks, (0, 0, []))
                expected[order.price_ticks] = order.price_ticks, lots + order.shown_lots, [*numbers, order.number]
            assert _content(side) == list(expected.values())
            best = side.best()
            assert (best.price_ticks if best else None) == next(iter(expected), None)
