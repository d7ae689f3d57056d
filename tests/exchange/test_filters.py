"""What an instrument asks of orders: quantity, value, distance from a reference price, number of open orders.

Always: exactly at its limit a filter lets an order through.
"""

from __future__ import annotations

import pytest

from tests.exchange.market import Market


@pytest.mark.parametrize("order", ["@ 5.00", "@ 5.00 IOC", "market stop 6.00", "@ 5.00 stop 6.00", "@ 5.00 show 1"])
def test_quantity_below_the_minimum_or_above_the_maximum(market: Market, order: str) -> None:
    """Of every type of order; the shown slice is no quantity of its own."""
    rest = "cancel b{} immediate_or_cancel" if "IOC" in order else ""
    market.play(f"""
        rules min-quantity 3 max-quantity 8
        place b1 bob buy 2 {order}    -> reject quantity_too_small
        place b2 bob buy 3 {order}    -> {rest.format(2)}
        place b3 bob buy 8 {order}    -> {rest.format(3)}
        place b4 bob buy 9 {order}    -> reject quantity_too_large
    """)


def test_an_amended_quantity_is_filtered_as_long_as_something_remains(market: Market) -> None:
    """The total counts, what is filled included; completing an order is always allowed, and what is not given is not looked at."""
    market.play("""
        place a1 ann sell 6 @ 5.00
        place b1 bob buy 2 @ 5.00     -> trade a1 2 @ 5.00
        rules min-quantity 4 max-quantity 5
        amend a1 price 5.01
        amend a1 quantity 6           -> reject quantity_too_large
        amend a1 quantity 3           -> reject quantity_too_small
        amend a1 quantity 5
        amend a1 quantity 4
        amend a1 quantity 2
        answer                        -> filled 2 of 2 for 10.00 fees 0.00
    """)


def test_a_value_below_the_minimum(market: Market) -> None:
    """At the limit; at market the best opposite price counts, for a stop at market its stop price."""
    market.play("""
        rules min-value 20.00
        place a1 ann sell 4 @ 4.99                -> reject value_too_small
        place a2 ann sell 4 @ 5.00
        place b1 bob buy 3 market                 -> reject value_too_small
        place b2 bob buy 4 market                 -> trade a2 4 @ 5.00
        place b3 bob buy 4 market                 -> reject no_opposite_price
        place s1 bob buy 3 market stop 6.66       -> reject value_too_small
        place s2 bob buy 3 market stop 6.67
        place s3 bob buy 3 @ 6.66 stop 7.00       -> reject value_too_small
        place s4 bob buy 3 @ 6.67 stop 5.01
        place s5 bob sell 5 market stop 3.99      -> reject value_too_small
        place s6 bob sell 5 market stop 4.00
        place c1 cat buy 3 @ 6.66 FOK             -> reject value_too_small
    """)


def test_an_amended_value_is_filtered_if_price_or_quantity_is_given(market: Market) -> None:
    """Not for a new expiry or slice; and not where nothing remains."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        rules min-value 20.01
        amend a1 until +60s
        amend a1 show 1
        amend a1 quantity 4           -> reject value_too_small
        amend a1 price 5.00           -> reject value_too_small
        amend a1 price 5.01
        amend a1 price 3.00 quantity 7
        amend a1 quantity 6           -> reject value_too_small
        place b1 bob buy 7 @ 2.99 IOC -> cancel b1 immediate_or_cancel
        place s1 bob buy 4 market stop 6.00
        amend s1 quantity 3           -> reject value_too_small
        amend s1 quantity 5
    """)


def test_a_limit_price_outside_the_band_around_the_reference(market: Market) -> None:
    """Both ways, of limit and stop-limit orders; orders at market have none."""
    market.play("""
        rules band 0.02 reference 5.00
        place a1 ann sell 1 @ 5.11                -> reject price_outside_band
        place a2 ann sell 1 @ 5.10
        place b1 bob buy 1 @ 4.89                 -> reject price_outside_band
        place b2 bob buy 1 @ 4.90
        place a3 ann sell 1 @ 4.89 IOC            -> reject price_outside_band
        place s1 bob buy 1 @ 5.11 stop 5.05       -> reject price_outside_band
        place s2 bob buy 1 @ 5.10 stop 9.00
        place s3 bob buy 1 market stop 9.00
        amend a2 price 5.11                       -> reject price_outside_band
        amend a2 price 5.09
        rules band none
        place a4 ann sell 1 @ 9.99
        rules band 0.02
        amend a4 quantity 2
        amend a4 price 9.99
        amend a4 price 9.98                       -> reject price_outside_band
    """)


def test_the_band_is_rounded_towards_the_reference(market: Market) -> None:
    """5 % of 0.39 is less than two ticks."""
    market.play("""
        rules band 0.05 reference 0.39
        place a1 ann sell 1 @ 0.41                -> reject price_outside_band
        place a2 ann sell 1 @ 0.40
        place b1 bob buy 1 @ 0.37                 -> reject price_outside_band
        place b2 bob buy 1 @ 0.38
    """)


def test_without_a_reference_the_band_is_around_the_last_trade(market: Market) -> None:
    """And without a trade there is no band."""
    market.play("""
        rules band 0.10
        place a1 ann sell 1 @ 50.00
        place b1 bob buy 1 @ 50.00                -> trade a1 1 @ 50.00
        place a2 ann sell 1 @ 55.01               -> reject price_outside_band
        place a3 ann sell 1 @ 55.00
        place b2 bob buy 1 @ 55.00                -> trade a3 1 @ 55.00
        place a4 ann sell 1 @ 60.50
        rules reference 5.00
        place a5 ann sell 1 @ 55.00               -> reject price_outside_band
        place a6 ann sell 1 @ 5.50
        cancel a6
        rules reference none
        place b3 bob buy 1 @ 49.49                -> reject price_outside_band
        place b4 bob buy 1 @ 49.50
    """)


def test_open_orders_are_counted_per_user_and_waiting_stops_among_them(market: Market) -> None:
    """Only orders that may stay open are refused; those that are done make room."""
    market.play("""
        rules max-open 2
        place a1 ann sell 5 @ 5.00
        place a2 ann buy 5 market stop 6.00
        place a3 ann sell 5 @ 5.01                -> reject too_many_open_orders
        place a4 ann buy 5 @ 4.00 until +9s       -> reject too_many_open_orders
        place a5 ann buy 5 market stop 6.00       -> reject too_many_open_orders
        place b1 bob buy 1 @ 4.90
        place a6 ann sell 1 @ 4.90 IOC            -> trade b1 1 @ 4.90
        place b2 bob buy 1 @ 4.90
        place a7 ann sell 1 market                -> trade b2 1 @ 4.90
        place a8 ann sell 1 @ 4.90 FOK            -> cancel a8 fill_or_kill
        amend a1 quantity 6
        cancel a2
        place a9 ann buy 5 @ 4.00
        place a10 ann buy 5 @ 4.00                -> reject too_many_open_orders
        place b3 bob buy 6 @ 5.00                 -> trade a1 6 @ 5.00
        place a11 ann buy 5 @ 4.00
        rules max-open 1
        place a12 ann buy 5 @ 4.00                -> reject too_many_open_orders
        rules max-open none
        place a13 ann buy 5 @ 4.00
    """)


def test_open_orders_elsewhere_do_not_count(market: Market) -> None:
    """The limit is the instrument's."""
    market.play("""
        list ROCK
        place x1 ann buy 1 @ 5.00 in ROCK/USD
        rules max-open 1
        place a1 ann buy 1 @ 5.00
        place a2 ann buy 1 @ 5.00                 -> reject too_many_open_orders
    """)


def test_a_minimum_above_the_maximum_is_refused(market: Market) -> None:
    """Malformed: no quantity could pass."""
    market.play("""
        rules min-quantity 5
        rules max-quantity 4                      -> error invalid_input
        rules min-quantity 6 max-quantity 5       -> error invalid_input
        rules max-quantity 5
        place b1 bob buy 5 @ 5.00
    """)


def test_new_rules_leave_open_orders_as_they_are(market: Market) -> None:
    """They are asked of what comes from now on, changes included."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        rules min-quantity 9
        rules max-quantity 9 band 0.01 reference 1.00
        order a1                                  -> new 0 of 5 @ 5.00 hold 5
        place b1 bob buy 9 @ 5.00                 -> reject price_outside_band
        rules band none
        place b2 bob buy 9 @ 5.00                 -> trade a1 5 @ 5.00
    """)
