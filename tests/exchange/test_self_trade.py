"""Self-trade prevention (FIX SelfMatchPreventionInstruction 2964): four modes, the taker's decides."""

from __future__ import annotations

import pytest

from tests.exchange.market import Market


def test_cancel_newest_ends_the_incoming_order_where_it_meets_an_own_one(told_market: Market) -> None:
    """What it traded before stands; nothing else is touched."""
    told_market.play("""
        place b1 bob sell 3 @ 4.99                                                          | - / 4.99 x 3
        place a1 ann sell 5 @ 5.00                                                          | - / 4.99 x 3, 5.00 x 5
        place b2 bob sell 5 @ 5.00                                                          | - / 4.99 x 3, 5.00 x 10
        place a2 ann buy 9 @ 5.00 stp cancel_newest -> trade b1 3 @ 4.99, cancel a2 self_trade   | - / 5.00 x 10
    """)


def test_cancel_oldest_clears_own_orders_out_of_the_way(told_market: Market) -> None:
    """At every level, and the incoming order goes on to those behind."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place b1 bob sell 3 @ 5.00                                                          | - / 5.00 x 8
        place a2 ann sell 4 @ 5.01                                                          | - / 5.00 x 8, 5.01 x 4
        place b2 bob sell 3 @ 5.02                                                          | - / 5.00 x 8, 5.01 x 4, 5.02 x 3
        place a3 ann buy 9 @ 5.02 stp cancel_oldest -> cancel a1 self_trade, trade b1 3 @ 5.00, cancel a2 self_trade
                                                     + trade b2 3 @ 5.02                    | 5.02 x 3 / -
        balance ann TREE -> 1006                                                            | 5.02 x 3 / -
    """)


def test_cancel_both_ends_both_at_the_first_own_order(told_market: Market) -> None:
    """The maker's cancel first; own orders behind stay."""
    told_market.play("""
        place b1 bob sell 3 @ 5.00                                                          | - / 5.00 x 3
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 8
        place a2 ann sell 4 @ 5.01                                                          | - / 5.00 x 8, 5.01 x 4
        place a3 ann buy 9 @ 5.01 stp cancel_both -> trade b1 3 @ 5.00, cancel a1 self_trade, cancel a3 self_trade  | - / 5.01 x 4
        balance ann TREE -> 1003 held 4                                                     | - / 5.01 x 4
    """)


def test_decrement_takes_the_overlap_from_both(told_market: Market) -> None:
    """Without a trade: a smaller maker is gone and the taker goes on with less; a larger one keeps its place with less."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place b1 bob sell 2 @ 5.00                                                          | - / 5.00 x 7
        place a2 ann sell 8 @ 5.00                                                          | - / 5.00 x 15
        place b2 bob sell 1 @ 5.00                                                          | - / 5.00 x 16
        place a3 ann buy 9 @ 5.00 stp decrement -> cancel a1 self_trade, reduce a3 to 4, trade b1 2 @ 5.00
                                                 + reduce a2 to 6, cancel a3 self_trade     | - / 5.00 x 7
        answer           -> canceled 2 of 4 for 10.00 fees 0.00                             | - / 5.00 x 7
        queue asks       -> a2, b2                                                          | - / 5.00 x 7
        order a2         -> new 0 of 6 @ 5.00 hold 6                                        | - / 5.00 x 7
        balance ann USD  -> 99990.00                                                        | - / 5.00 x 7
        last             -> 5.00                                                            | - / 5.00 x 7
    """)


def test_decrement_of_equal_sizes_ends_both(told_market: Market) -> None:
    """Both reach nothing: the maker's cancel first."""
    told_market.play("""
        place a1 ann buy 5 @ 5.00                                                           | 5.00 x 5 / -
        place b1 bob buy 5 @ 5.00                                                           | 5.00 x 10 / -
        place a2 ann sell 5 @ 5.00 stp decrement -> cancel a1 self_trade, cancel a2 self_trade   | 5.00 x 5 / -
        last             -> none                                                            | 5.00 x 5 / -
        balance ann USD  -> 100000.00                                                       | 5.00 x 5 / -
        balance ann TREE -> 1000                                                            | 5.00 x 5 / -
    """)


def test_decrement_after_a_partial_fill_counts_what_remains(told_market: Market) -> None:
    """The total falls by the overlap, what is filled stays filled."""
    told_market.play("""
        place a1 ann sell 9 @ 5.00                                                          | - / 5.00 x 9
        place b1 bob buy 4 @ 5.00 -> trade a1 4 @ 5.00                                      | - / 5.00 x 5
        place a2 ann buy 3 @ 5.00 stp decrement -> reduce a1 to 6, cancel a2 self_trade     | - / 5.00 x 2
        order a1         -> partially_filled 4 of 6 @ 5.00 hold 2                           | - / 5.00 x 2
        amend a1 quantity 5                                                                 | - / 5.00 x 1
        place b2 bob buy 2 @ 5.00 -> trade a1 1 @ 5.00                                      | 5.00 x 1 / -
    """)


def test_the_takers_mode_decides_and_the_makers_does_not(told_market: Market) -> None:
    """Each order keeps its own for the time when it comes in again."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00 stp cancel_both                                          | - / 5.00 x 5
        place a2 ann buy 5 @ 5.00 stp cancel_oldest -> cancel a1 self_trade                 | 5.00 x 5 / -
        place a3 ann sell 5 @ 5.10 stp cancel_both                                          | 5.00 x 5 / 5.10 x 5
        amend a3 price 5.00 -> cancel a2 self_trade, cancel a3 self_trade                   | - / -
    """)


def test_the_instruments_mode_is_frozen_when_an_order_is_accepted(told_market: Market) -> None:
    """Another usual mode is for orders to come."""
    told_market.play("""
        place a1 ann buy 5 @ 4.90                                                           | 4.90 x 5 / -
        rules stp cancel_oldest                                                             | 4.90 x 5 / -
        place a2 ann sell 5 @ 5.00                                                          | 4.90 x 5 / 5.00 x 5
        amend a1 price 5.00 -> cancel a1 self_trade                                         | - / 5.00 x 5
        place a3 ann buy 2 @ 5.00 -> cancel a2 self_trade                                   | 5.00 x 2 / -
        place a4 ann sell 2 @ 5.00 stp cancel_newest -> cancel a4 self_trade                | 5.00 x 2 / -
    """)


@pytest.mark.parametrize(
    ("mode", "happens", "book", "balance"),
    [
        ("cancel_newest", "trade b1 2 @ 5.00, cancel a2 self_trade", "- / 5.01 x 3, 5.02 x 9", "99990.00"),
        ("cancel_oldest", "trade b1 2 @ 5.00, cancel a1 self_trade, trade b2 7 @ 5.02", "- / 5.02 x 2", "99954.86"),
        ("cancel_both", "trade b1 2 @ 5.00, cancel a1 self_trade, cancel a2 self_trade", "- / 5.02 x 9", "99990.00"),
        (
            "decrement",
            "trade b1 2 @ 5.00, cancel a1 self_trade, reduce a2 to 6, trade b2 4 @ 5.02",
            "- / 5.02 x 5",
            "99969.92",
        ),
    ],
)
def test_an_order_at_market_follows_its_mode_too(
    told_market: Market, mode: str, happens: str, book: str, balance: str
) -> None:
    """Buying: what it held beyond what it paid is given back."""
    told_market.play(f"""
        place b1 bob sell 2 @ 5.00                                | - / 5.00 x 2
        place a1 ann sell 3 @ 5.01                                | - / 5.00 x 2, 5.01 x 3
        place b2 bob sell 9 @ 5.02                                | - / 5.00 x 2, 5.01 x 3, 5.02 x 9
        place a2 ann buy 9 market stp {mode} -> {happens}         | {book}
        balance ann USD -> {balance}                              | {book}
    """)


@pytest.mark.parametrize(
    ("mode", "happens", "book"),
    [
        ("cancel_newest", "cancel a3 fill_or_kill", "- / 5.00 x 2, 5.01 x 7"),
        ("cancel_oldest", "trade b1 2 @ 5.00, cancel a1 self_trade, trade b2 4 @ 5.01", "- / -"),
        ("cancel_both", "cancel a3 fill_or_kill", "- / 5.00 x 2, 5.01 x 7"),
        ("decrement", "cancel a3 fill_or_kill", "- / 5.00 x 2, 5.01 x 7"),
    ],
)
def test_fill_or_kill_across_levels_with_an_own_order_in_between(
    told_market: Market, mode: str, happens: str, book: str
) -> None:
    """Own lots never fill it. Passed over they are skipped in the count; else the order is killed and nothing is touched."""
    told_market.play(f"""
        place b1 bob sell 2 @ 5.00                                | - / 5.00 x 2
        place a1 ann sell 3 @ 5.01                                | - / 5.00 x 2, 5.01 x 3
        place b2 bob sell 4 @ 5.01                                | - / 5.00 x 2, 5.01 x 7
        place a2 ann buy 7 @ 5.01 FOK stp {mode} -> cancel a2 fill_or_kill   | - / 5.00 x 2, 5.01 x 7
        place a3 ann buy 6 @ 5.01 FOK stp {mode} -> {happens}     | {book}
    """)


@pytest.mark.parametrize("mode", ["cancel_newest", "cancel_oldest", "cancel_both", "decrement"])
def test_fill_or_kill_is_not_hindered_by_an_own_order_behind_the_last_lot(told_market: Market, mode: str) -> None:
    """Only an order that would be met is in the way."""
    told_market.play(f"""
        place b1 bob sell 2 @ 5.00                                | - / 5.00 x 2
        place a1 ann sell 3 @ 5.00                                | - / 5.00 x 5
        place a2 ann buy 2 @ 5.00 FOK stp {mode} -> trade b1 2 @ 5.00   | - / 5.00 x 3
    """)


def test_fill_or_kill_meets_an_own_order_before_the_slice_that_comes_after_it(told_market: Market) -> None:
    """Hidden lots count only where they can be reached: the iceberg's next slice stands behind the own order."""
    told_market.play("""
        place b1 bob sell 9 @ 5.00 show 2                                                   | - / 5.00 x 2
        place a1 ann sell 3 @ 5.00                                                          | - / 5.00 x 5
        place a2 ann buy 3 @ 5.00 FOK -> cancel a2 fill_or_kill                             | - / 5.00 x 5
        place a3 ann buy 3 @ 5.00 FOK stp decrement -> cancel a3 fill_or_kill               | - / 5.00 x 5
        place a4 ann buy 2 @ 5.00 FOK -> trade b1 2 @ 5.00, refresh b1 2                    | - / 5.00 x 5
        place a5 ann buy 7 @ 5.00 FOK stp cancel_oldest -> cancel a1 self_trade, trade b1 2 @ 5.00, refresh b1 2
                                    + trade b1 2 @ 5.00, refresh b1 2, trade b1 2 @ 5.00, refresh b1 1, trade b1 1 @ 5.00 | - / -
    """)
