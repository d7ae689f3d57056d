"""Changing an order that is open: what keeps its place, what loses it, what is refused (FIX 35=G)."""

from __future__ import annotations

from tests.exchange.market import Market


def test_reducing_an_order_keeps_its_place_in_the_queue(market: Market) -> None:
    """FIX 35=G, quantity down: priority kept (CME, Binance amend-keep-priority)."""
    market.play("""
        place a1 ann sell 10 @ 5.00
        place b1 bob sell 10 @ 5.00
        amend a1 quantity 4
        order a1                      -> new 0 of 4 @ 5.00 hold 4
        place c1 cat buy 6 @ 5.00     -> trade a1 4 @ 5.00, trade b1 2 @ 5.00
        book asks                     -> 5.00 x 8
    """)


def test_more_quantity_goes_to_the_back_of_the_queue(market: Market) -> None:
    """Otherwise a single lot would be a ticket for any size."""
    market.play("""
        place a1 ann sell 1 @ 5.00
        place b1 bob sell 10 @ 5.00
        amend a1 quantity 2
        queue asks                    -> b1, a1
        place c1 cat buy 11 @ 5.00    -> trade b1 10 @ 5.00, trade a1 1 @ 5.00
        order a1                      -> partially_filled 1 of 2 @ 5.00 hold 1
    """)


def test_another_price_goes_to_the_back_of_the_queue_there(market: Market) -> None:
    """Also when the quantity goes down at the same time, and when the price comes back."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        place b1 bob sell 5 @ 5.00
        place c1 cat sell 5 @ 5.01
        amend a1 price 5.01 quantity 3
        queue asks                    -> b1, c1, a1
        amend a1 price 5.00
        queue asks                    -> b1, a1, c1
        amend b1 price 4.99
        queue asks                    -> b1, a1, c1
        book asks                     -> 4.99 x 5, 5.00 x 3, 5.01 x 5
    """)


def test_an_amend_that_changes_nothing_keeps_the_place(market: Market) -> None:
    """The same price and quantity, said again, are no reason to lose it."""
    market.play("""
        place a1 ann buy 5 @ 5.00
        place b1 bob buy 5 @ 5.00
        amend a1 price 5.00 quantity 5
        amend a1
        queue bids                    -> a1, b1
        balance ann USD               -> 100000.00 held 25.00
    """)


def test_an_amend_that_crosses_trades_at_the_makers_price(market: Market) -> None:
    """The amended order comes in anew: it is the taker."""
    market.play("""
        place a1 ann sell 5 @ 5.05
        place a2 ann sell 5 @ 5.06
        place b1 bob buy 8 @ 5.00
        amend b1 price 5.06           -> trade a1 5 @ 5.05, trade a2 3 @ 5.06
        order b1                      -> closed
        answer                        -> filled 8 of 8 for 40.43 fees 0.00
        balance bob USD               -> 99959.57
        place b2 bob buy 8 @ 5.00
        amend b2 price 5.07           -> trade a2 2 @ 5.06
        order b2                      -> partially_filled 2 of 8 @ 5.07 hold 30.42
    """)


def test_more_quantity_at_a_price_that_the_other_side_left_does_not_trade(market: Market) -> None:
    """Quantity alone never crosses: were there anything to trade with, it would have traded before."""
    market.play("""
        place a1 ann sell 5 @ 5.05
        place b1 bob buy 5 @ 5.04
        amend b1 quantity 50
        book bids                     -> 5.04 x 50
    """)


def test_a_crossing_amend_stops_at_an_own_order(market: Market) -> None:
    """The amended order is the incoming one, and that is the one that is canceled."""
    market.play("""
        place a1 ann sell 5 @ 5.05
        place b1 bob sell 5 @ 5.06
        place b2 bob buy 8 @ 5.00
        amend b2 price 5.06           -> trade a1 5 @ 5.05, cancel b2 self_trade
        queue asks                    -> b1
        balance bob USD               -> 99974.75
    """)


def test_reducing_to_what_is_filled_completes_the_order(market: Market) -> None:
    """Quantity is the total, what is filled included."""
    market.play("""
        place a1 ann buy 10 @ 5.00
        place b1 bob sell 4 @ 5.00    -> trade a1 4 @ 5.00
        amend a1 quantity 4
        answer                        -> filled 4 of 4 for 20.00 fees 0.00
        order a1                      -> closed
        book bids                     -> empty
        balance ann USD               -> 99980.00
        cancel a1                     -> reject order_not_open
    """)


def test_reducing_to_what_is_filled_completes_the_order_whatever_its_new_price(market: Market) -> None:
    """Nothing remains that could trade at it."""
    market.play("""
        place a1 ann buy 10 @ 5.00
        place b1 bob sell 4 @ 5.00    -> trade a1 4 @ 5.00
        place b2 bob sell 4 @ 5.10
        amend a1 quantity 4 price 5.10
        order a1                      -> closed
        book asks                     -> 5.10 x 4
    """)


def test_reducing_below_what_is_filled_is_refused(market: Market) -> None:
    """What has been traded cannot be taken back; the order stays as it was."""
    market.play("""
        place a1 ann buy 10 @ 5.00
        place b1 bob sell 4 @ 5.00    -> trade a1 4 @ 5.00
        amend a1 quantity 3           -> reject quantity_below_filled
        order a1                      -> partially_filled 4 of 10 @ 5.00 hold 30.00
    """)


def test_an_amend_that_the_balance_does_not_cover_is_refused() -> None:
    """Only the difference has to be available; the order and its place stay as they were."""
    market = Market(cash="100.00", credits=10)
    market.play("""
        place a1 ann buy 10 @ 5.00
        place b1 bob buy 10 @ 5.00
        amend a1 quantity 21          -> reject insufficient_funds
        amend a1 price 10.01          -> reject insufficient_funds
        queue bids                    -> a1, b1
        amend a1 price 10.00
        balance ann USD               -> 100.00 held 100.00
        amend a1 price 0.01
        balance ann USD               -> 100.00 held 0.10
        place c1 cat sell 10 @ 9.00
        amend c1 quantity 11          -> reject insufficient_funds
        amend c1 quantity 9
        balance cat TREE              -> 10 held 9
    """)


def test_an_amended_order_keeps_the_fees_it_has_paid() -> None:
    """T goes on: three fills with an amend between them cost what one fill of their sum would, rounded up once."""
    market = Market(maker="0.0025", taker="0.0025")
    market.play("""
        place a1 ann buy 3 @ 1.00
        order a1                      -> new 0 of 3 @ 1.00 hold 3.01
        place b1 bob sell 1 @ 1.00    -> trade a1 1 @ 1.00 fees 0.01/0.01
        order a1                      -> partially_filled 1 of 3 @ 1.00 hold 2.00
        amend a1 quantity 4
        order a1                      -> partially_filled 1 of 4 @ 1.00 hold 3.00
        place b2 bob sell 3 @ 1.00    -> trade a1 3 @ 1.00 fees 0.01/0.00
        balance ann USD               -> 99995.99
        fees                          -> 0.03
    """)


def test_a_new_expiry_keeps_the_place_and_makes_the_order_good_till_date(market: Market) -> None:
    """Sooner or later than before, or where there was none; it must lie in the future."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        place a2 ann sell 5 @ 5.00 until +9s
        place b1 bob sell 5 @ 5.00
        amend a1 until +5s
        amend a2 until +6s quantity 4
        queue asks                    -> a1, a2, b1
        at +4s
        amend a1 until +4s            -> reject expires_in_the_past
        amend a2 until +7s
        at +5s
        due                           -> expire a1
        at +6s
        due
        at +7s
        due                           -> expire a2
    """)
    assert market.live.orders[market.orders["b1"]].expires_at_us is None


def test_an_amend_of_another_version_is_refused(market: Market) -> None:
    """Every event that changes the order counts one; a rejection counts nothing."""
    market.play("""
        place a1 ann sell 9 @ 5.00 show 3
        amend a1 quantity 8 version 2 -> reject version_changed
        amend a1 quantity 8 version 1
        amend a1 quantity 7 version 1 -> reject version_changed
        place b1 bob buy 1 @ 5.00     -> trade a1 1 @ 5.00
        amend a1 quantity 7 version 3
        place b2 bob buy 2 @ 5.00     -> trade a1 2 @ 5.00, refresh a1 3
        amend a1 price 5.01 version 5 -> reject version_changed
        amend a1 price 5.01 version 6
        place a2 ann buy 1 @ 5.01 stp decrement -> reduce a1 to 6, cancel a2 self_trade
        amend a1 price 5.02 version 8
        amend a1 version 9
        amend a1 version 10
        cancel a1
        amend a1 version 10           -> reject order_not_open
    """)


def test_being_triggered_is_a_version_too(market: Market) -> None:
    """And each trade after that, as taker or as maker."""
    market.play("""
        place s1 bob buy 3 @ 5.01 stop 5.00
        place a1 ann sell 1 @ 5.00
        place a2 ann sell 1 @ 5.01
        place c1 cat buy 1 @ 5.00     -> trade a1 1 @ 5.00, trigger s1 @ 5.01, trade a2 1 @ 5.01
        amend s1 quantity 2 version 2 -> reject version_changed
        amend s1 quantity 2 version 3
    """)


def test_a_post_only_order_stays_one_when_it_is_amended(market: Market) -> None:
    """A new price that would take is refused and changes nothing; another quantity cannot take."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        place b1 bob buy 5 @ 4.90 post-only
        amend b1 price 5.00           -> reject post_only_would_take
        amend b1 price 5.01 quantity 6 -> reject post_only_would_take
        order b1                      -> new 0 of 5 @ 4.90 hold 24.50
        amend b1 price 4.99
        amend b1 quantity 9
        amend b1 until +5s
        cancel a1
        amend b1 price 5.00
        book bids                     -> 5.00 x 9
    """)


def test_orders_are_amended_by_client_order_id_too(market: Market) -> None:
    """Whichever name the owner prefers."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x1
        amend named:x1 by ann price 5.01
        book asks                     -> 5.01 x 5
        amend named:x1 by bob price 5.02 -> error not_found
    """)
