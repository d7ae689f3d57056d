"""The book that follows from events alone: it is the exchange's own, and shows what may be seen of it."""

from __future__ import annotations

from random import Random

import pytest

from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.book import BookSide
from credit_trading.marketdata.depth import Depth, DepthSide
from tests.exchange.flow import act, ample_steps, any_steps, random_flow
from tests.exchange.market import Market
from tests.exchange.replicas import SYMBOL, schedule_of

Queues = list[tuple[int, int, list[tuple[int, int]]]]

FLOW = 1_200
"""Steps of one random flow; twenty times as many in a long run."""


@pytest.fixture
def market() -> Market:
    """No fees, tick 0.01, lot 1; ann, bob, cat and dan have 100,000.00 USD and 1,000 credits each."""
    return Market()


def followed(market: Market) -> Depth:
    """What the market's entries lead to."""
    depth = Depth(SYMBOL)
    for entry in market.entries:
        depth.apply(entry)
    return depth


def shown(side: DepthSide | BookSide) -> Queues:
    """Of each level, best first: price, displayed lots, and each order's number and displayed lots, oldest first."""
    levels = side.levels() if isinstance(side, BookSide) else side
    return [
        (level.price_ticks, level.lots, [(order.number, order.shown_lots) for order in level.orders.values()])
        for level in levels
    ]


def assert_shows_the_book(depth: Depth, market: Market) -> None:
    """Order for order what the exchange's own book shows, and nothing of what does not stand in it."""
    own = market.live.markets[SYMBOL]
    bids, asks = shown(depth.bids), shown(depth.asks)
    assert bids == shown(own.book.bids)
    assert asks == shown(own.book.asks)
    best_bid, best_ask = depth.bids.best(), depth.asks.best()
    assert (best_bid.price_ticks if best_bid else None) == (bids[0][0] if bids else None)
    assert (best_ask.price_ticks if best_ask else None) == (asks[0][0] if asks else None)
    assert depth.last_price_ticks == own.last_price_ticks
    assert depth.orders.keys() == market.live.orders.keys() - own.external.keys()


# Random flow


def random_market(*, rich: bool) -> Market:
    """Sessions with a pause in between, so that DAY orders expire; the poor run out of funds now and then."""
    cash, credits = ("1000000000.00", 10**9) if rich else ("21.41", 20)
    market = Market("ann", "bob", "cat", "dan", cash=cash, credits=credits, maker="-0.0001", taker="0.0025")
    market.send(cmd.SetSchedule(SYMBOL, schedule_of(*((start, start + 38) for start in range(0, 40_000, 40)))))
    return market


@pytest.mark.parametrize("seed", range(6))
def test_after_every_command_it_shows_the_exchanges_own_book(seed: int, is_long: bool) -> None:
    """Every order type, amend, self-trade mode, expiry, session, mass cancel: level for level, order for order."""
    random = Random(seed)
    rich = seed % 2 == 0
    market, depth, applied = random_market(rich=rich), Depth(SYMBOL), 0
    for step in random_flow(ample_steps if rich else any_steps, random, length=FLOW * (20 if is_long else 1)):
        act(market, step)
        for entry in market.entries[applied:]:
            depth.apply(entry)
        applied = len(market.entries)
        assert_shows_the_book(depth, market)


def test_the_random_flow_has_every_event_that_changes_a_book() -> None:
    """Otherwise the test above proves less than it says."""
    market = random_market(rich=True)
    for step in random_flow(ample_steps, Random(0), length=FLOW):
        act(market, step)
    kinds = {type(entry.event) for entry in market.entries}
    assert kinds >= {
        ev.OrderAccepted,
        ev.OrderAmended,
        ev.OrderTriggered,
        ev.OrderRefreshed,
        ev.OrderReduced,
        ev.OrderCanceled,
        ev.OrderExpired,
        ev.Trade,
    }


@pytest.mark.parametrize("seed", range(3))
def test_begun_from_the_exchanges_book_it_goes_on_as_one_followed_from_the_beginning(seed: int) -> None:
    """What is hidden in icebergs and the stops that wait are part of what it begins with."""
    random = Random(seed)
    market = random_market(rich=True)
    begun: list[tuple[Depth, int]] = []
    for place, step in enumerate(random_flow(ample_steps, random, length=FLOW)):
        act(market, step)
        if place % 100 == 0:
            begun.append((Depth.of(market.live.markets[SYMBOL]), len(market.entries)))
    whole = followed(market)
    for depth, applied in begun:
        for entry in market.entries[applied:]:
            depth.apply(entry)
        assert depth.is_same_as(whole)
        assert_shows_the_book(depth, market)


# What is shown and what is not


def test_a_level_shows_the_sum_and_the_queue_in_the_order_of_arrival(market: Market) -> None:
    market.play("""
        place a1 ann sell 10 @ 5.00
        place b1 bob sell 20 @ 5.00
        place a2 ann sell 5 @ 5.02
        place c1 cat buy 7 @ 4.99
        place d1 dan buy 4 @ 5.00     -> trade a1 4 @ 5.00
    """)
    depth = followed(market)
    assert shown(depth.asks) == [(500, 26, [(1, 6), (2, 20)]), (502, 5, [(3, 5)])]
    assert shown(depth.bids) == [(499, 7, [(4, 7)])]
    assert depth.last_price_ticks == 500


def test_an_iceberg_shows_its_slice_and_each_new_one_at_the_end_of_the_queue(market: Market) -> None:
    market.play("""
        place a1 ann sell 10 @ 5.00 show 3
        place b1 bob sell 4 @ 5.00
        place c1 cat buy 2 @ 5.00     -> trade a1 2 @ 5.00
    """)
    assert shown(followed(market).asks) == [(500, 5, [(1, 1), (2, 4)])]
    market.play("place c2 cat buy 2 @ 5.00     -> trade a1 1 @ 5.00, refresh a1 3, trade b1 1 @ 5.00")
    assert shown(followed(market).asks) == [(500, 6, [(2, 3), (1, 3)])]


def test_what_an_incoming_iceberg_does_not_trade_shows_one_slice_at_most(market: Market) -> None:
    market.play("""
        place a1 ann sell 6 @ 5.00
        place c1 cat buy 10 @ 5.00 show 3     -> trade a1 6 @ 5.00
        place a2 ann sell 8 @ 4.98     -> trade c1 3 @ 5.00, refresh c1 1, trade c1 1 @ 5.00
    """)
    assert shown(followed(market).asks) == [(498, 4, [(3, 4)])]
    market.play("""
        place c2 cat buy 6 @ 4.98 show 3     -> trade a2 4 @ 4.98
    """)
    assert shown(followed(market).bids) == [(498, 2, [(4, 2)])]


def test_a_stop_is_not_seen_before_it_is_triggered(market: Market) -> None:
    market.play("""
        place s1 ann buy 5 @ 5.05 stop 5.02
        place s2 bob sell 5 market stop 4.90
        place a1 cat sell 3 @ 5.02
    """)
    depth = followed(market)
    assert (shown(depth.bids), shown(depth.asks)) == ([], [(502, 3, [(3, 3)])])
    market.play("place b1 dan buy 3 @ 5.02     -> trade a1 3 @ 5.02, trigger s1 @ 5.05")
    depth = followed(market)
    assert (shown(depth.bids), shown(depth.asks)) == ([(505, 5, [(1, 5)])], [])


def test_a_waiting_stop_that_is_amended_and_canceled_leaves_no_trace(market: Market) -> None:
    market.play("""
        place s1 ann buy 5 @ 5.05 stop 5.02
        amend s1 price 5.06 quantity 8
        amend s1 quantity 2
        cancel s1
    """)
    depth = followed(market)
    assert (shown(depth.bids), depth.orders) == ([], {})


def test_self_trade_prevention_that_takes_from_an_order_leaves_it_in_its_place(market: Market) -> None:
    """From an iceberg it takes what is hidden first: the slice stays as long as so much remains."""
    market.play("""
        place a1 ann sell 10 @ 5.00 show 4
        place b1 bob sell 3 @ 5.00
        place a2 ann buy 5 @ 5.00 stp decrement     -> reduce a1 to 5, cancel a2 self_trade
    """)
    assert shown(followed(market).asks) == [(500, 7, [(1, 4), (2, 3)])]
    market.play("place a3 ann buy 3 @ 5.00 stp decrement     -> reduce a1 to 2, cancel a3 self_trade")
    assert shown(followed(market).asks) == [(500, 5, [(1, 2), (2, 3)])]


def test_amending_keeps_or_loses_the_place_as_the_exchange_says(market: Market) -> None:
    market.play("""
        place a1 ann sell 10 @ 5.00
        place b1 bob sell 10 @ 5.00
        place c1 cat sell 10 @ 5.00
        amend a1 quantity 4
        amend b1 quantity 12
    """)
    assert shown(followed(market).asks) == [(500, 26, [(1, 4), (3, 10), (2, 12)])]
    market.play("""
        amend a1 price 5.01
        place d1 dan buy 3 @ 5.00     -> trade c1 3 @ 5.00
        amend c1 quantity 3
    """)
    assert shown(followed(market).asks) == [(500, 12, [(2, 12)]), (501, 4, [(1, 4)])]


def test_another_instruments_events_change_nothing(market: Market) -> None:
    """Most events name an order and no instrument."""
    market.play("""
        place a1 ann sell 10 @ 5.00 show 4
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00, refresh a1 4
        amend a1 quantity 8
        place s1 cat buy 1 market stop 5.00     -> reject stop_would_trigger
        cancel a1
    """)
    other = Depth("OTHER/USD")
    for entry in market.entries:
        other.apply(entry)
    assert other.is_same_as(Depth("OTHER/USD"))
