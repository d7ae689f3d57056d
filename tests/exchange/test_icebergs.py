"""Icebergs: an order of which the book shows one slice at a time (FIX DisplayQty 1138)."""

from __future__ import annotations

import pytest

from tests.exchange.market import Market


def test_each_new_slice_joins_the_end_of_the_queue(told_market: Market) -> None:
    """What is hidden has no place; whoever came meanwhile trades first."""
    told_market.play("""
        place a1 ann sell 10 @ 5.00 show 3                                                  | - / 5.00 x 3
        place b1 bob sell 4 @ 5.00                                                          | - / 5.00 x 7
        order a1                   -> new 0 of 10 @ 5.00 showing 3 hold 10                  | - / 5.00 x 7
        place c1 cat buy 2 @ 5.00  -> trade a1 2 @ 5.00                                     | - / 5.00 x 5
        queue asks                 -> a1, b1                                                | - / 5.00 x 5
        place c2 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00, refresh a1 3                       | - / 5.00 x 7
        queue asks                 -> b1, a1                                                | - / 5.00 x 7
        place c3 cat buy 5 @ 5.00  -> trade b1 4 @ 5.00, trade a1 1 @ 5.00                  | - / 5.00 x 2
    """)


def test_one_sweep_goes_round_the_queue_slice_by_slice(told_market: Market) -> None:
    """Two icebergs and a plain order at one price: each visit takes what is shown, the last slice is as small as the rest."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00 show 2                                                   | - / 5.00 x 2
        place b1 bob sell 7 @ 5.00 show 3                                                   | - / 5.00 x 5
        place a2 ann sell 1 @ 5.00                                                          | - / 5.00 x 6
        place d1 dan sell 9 @ 5.01                                                          | - / 5.00 x 6, 5.01 x 9
        place c1 cat buy 14 @ 5.01 -> trade a1 2 @ 5.00, refresh a1 2, trade b1 3 @ 5.00, refresh b1 3, trade a2 1 @ 5.00
                                    + trade a1 2 @ 5.00, refresh a1 1, trade b1 3 @ 5.00, refresh b1 1, trade a1 1 @ 5.00
                                    + trade b1 1 @ 5.00, trade d1 1 @ 5.01                  | - / 5.01 x 8
        answer                     -> filled 14 of 14 for 70.01 fees 0.00                   | - / 5.01 x 8
    """)


def test_an_incoming_iceberg_trades_all_of_its_quantity(told_market: Market) -> None:
    """Only what then rests is sliced."""
    told_market.play("""
        place a1 ann sell 6 @ 5.00                                                          | - / 5.00 x 6
        place b1 bob buy 20 @ 5.00 show 4  -> trade a1 6 @ 5.00                             | 5.00 x 4 / -
        order b1                   -> partially_filled 6 of 20 @ 5.00 showing 4 hold 70.00  | 5.00 x 4 / -
        place c1 cat sell 14 @ 5.00  -> trade b1 4 @ 5.00, refresh b1 4, trade b1 4 @ 5.00, refresh b1 4
                                      + trade b1 4 @ 5.00, refresh b1 2, trade b1 2 @ 5.00  | - / -
    """)


def test_a_slice_that_exceeds_the_order_shows_all_of_it(told_market: Market) -> None:
    """It is then an order like any other."""
    told_market.play("""
        place a1 ann sell 3 @ 5.00 show 9                                                   | - / 5.00 x 3
        place b1 bob buy 1 @ 5.00  -> trade a1 1 @ 5.00                                     | - / 5.00 x 2
        place b2 bob buy 2 @ 5.00  -> trade a1 2 @ 5.00                                     | - / -
    """)


def test_fill_or_kill_counts_what_icebergs_hide(told_market: Market) -> None:
    """All of it can trade at once, in as many slices as it takes."""
    told_market.play("""
        place a1 ann sell 9 @ 5.00 show 2                                                   | - / 5.00 x 2
        place b1 bob sell 2 @ 5.00                                                          | - / 5.00 x 4
        place c1 cat buy 12 @ 5.00 FOK -> cancel c1 fill_or_kill                            | - / 5.00 x 4
        place c2 cat buy 11 @ 5.00 FOK -> trade a1 2 @ 5.00, refresh a1 2, trade b1 2 @ 5.00
                                    + trade a1 2 @ 5.00, refresh a1 2, trade a1 2 @ 5.00, refresh a1 2
                                    + trade a1 2 @ 5.00, refresh a1 1, trade a1 1 @ 5.00    | - / -
    """)


def test_a_smaller_quantity_keeps_slice_and_place(told_market: Market) -> None:
    """It comes off what is hidden; the slice shrinks only when nothing else is left."""
    told_market.play("""
        place a1 ann sell 10 @ 5.00 show 4                                                  | - / 5.00 x 4
        place b1 bob sell 5 @ 5.00                                                          | - / 5.00 x 9
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00                                     | - / 5.00 x 8
        amend a1 quantity 6                                                                 | - / 5.00 x 8
        order a1                   -> partially_filled 1 of 6 @ 5.00 showing 3 hold 5       | - / 5.00 x 8
        amend a1 quantity 3                                                                 | - / 5.00 x 7
        queue asks                 -> a1, b1                                                | - / 5.00 x 7
        order a1                   -> partially_filled 1 of 3 @ 5.00 showing 2 hold 2       | - / 5.00 x 7
        place c2 cat buy 3 @ 5.00  -> trade a1 2 @ 5.00, trade b1 1 @ 5.00                  | - / 5.00 x 4
    """)


def test_more_quantity_or_another_price_begins_a_new_slice_at_the_end(told_market: Market) -> None:
    """As with any order, the place is lost."""
    told_market.play("""
        place a1 ann sell 10 @ 5.00 show 4                                                  | - / 5.00 x 4
        place b1 bob sell 5 @ 5.00                                                          | - / 5.00 x 9
        place c1 cat buy 3 @ 5.00  -> trade a1 3 @ 5.00                                     | - / 5.00 x 6
        amend a1 quantity 11                                                                | - / 5.00 x 9
        queue asks                 -> b1, a1                                                | - / 5.00 x 9
        place c2 cat buy 7 @ 5.00  -> trade b1 5 @ 5.00, trade a1 2 @ 5.00                  | - / 5.00 x 2
        amend a1 price 5.01                                                                 | - / 5.01 x 4
    """)


def test_a_smaller_slice_keeps_the_place_and_a_larger_one_loses_it(told_market: Market) -> None:
    """Showing more is asking for more of the queue; showing less is asking for less."""
    told_market.play("""
        place a1 ann sell 10 @ 5.00 show 4                                                  | - / 5.00 x 4
        place b1 bob sell 5 @ 5.00                                                          | - / 5.00 x 9
        amend a1 show 2                                                                     | - / 5.00 x 7
        queue asks                 -> a1, b1                                                | - / 5.00 x 7
        place c1 cat buy 2 @ 5.00  -> trade a1 2 @ 5.00, refresh a1 2                       | - / 5.00 x 7
        amend b1 quantity 4                                                                 | - / 5.00 x 6
        cancel b1                                                                           | - / 5.00 x 2
        place b2 bob sell 5 @ 5.00                                                          | - / 5.00 x 7
        amend a1 show 3                                                                     | - / 5.00 x 8
        queue asks                 -> b2, a1                                                | - / 5.00 x 8
    """)


def test_a_plain_order_may_hide_what_it_has(told_market: Market) -> None:
    """It shows less from then on, in its place."""
    told_market.play("""
        place a1 ann sell 10 @ 5.00                                                         | - / 5.00 x 10
        place b1 bob sell 5 @ 5.00                                                          | - / 5.00 x 15
        amend a1 show 4                                                                     | - / 5.00 x 9
        queue asks                 -> a1, b1                                                | - / 5.00 x 9
        place c1 cat buy 5 @ 5.00  -> trade a1 4 @ 5.00, refresh a1 4, trade b1 1 @ 5.00    | - / 5.00 x 8
    """)


def test_an_iceberg_amended_into_a_cross_is_the_taker(told_market: Market) -> None:
    """With all of its quantity; against another iceberg, slice by slice of that one."""
    told_market.play("""
        place a1 ann sell 5 @ 5.05 show 2                                                   | - / 5.05 x 2
        place b1 bob buy 9 @ 5.00 show 3                                                    | 5.00 x 3 / 5.05 x 2
        amend b1 price 5.05 -> trade a1 2 @ 5.05, refresh a1 2, trade a1 2 @ 5.05, refresh a1 1, trade a1 1 @ 5.05  | 5.05 x 3 / -
        order b1                   -> partially_filled 5 of 9 @ 5.05 showing 3 hold 20.20   | 5.05 x 3 / -
    """)


def test_an_iceberg_holds_all_that_it_hides() -> None:
    """Funds are kept for the whole order, not for its slice."""
    market = Market(cash="50.00", credits=10)
    market.play("""
        place a1 ann buy 10 @ 5.00 show 1
        balance ann USD                     -> 50.00 held 50.00
        place a2 ann sell 10 @ 6.00 show 1
        place a3 ann sell 1 @ 6.00          -> reject insufficient_funds
        cancel a1
        balance ann USD                     -> 50.00
    """)


@pytest.mark.parametrize(
    ("mode", "happens", "book", "own", "incoming"),
    [
        ("cancel_newest", "cancel b2 self_trade", "- / 5.00 x 3", "new 0 of 10 @ 5.00 showing 3 hold 10", "closed"),
        ("cancel_oldest", "cancel b1 self_trade", "5.00 x 8 / -", "closed", "new 0 of 8 @ 5.00 hold 40.00"),
        ("cancel_both", "cancel b1 self_trade, cancel b2 self_trade", "- / -", "closed", "closed"),
        (
            "decrement",
            "reduce b1 to 2, cancel b2 self_trade",
            "- / 5.00 x 2",
            "new 0 of 2 @ 5.00 showing 2 hold 2",
            "closed",
        ),
    ],
)
def test_an_own_iceberg_is_met_with_all_that_it_hides(
    told_market: Market, mode: str, happens: str, book: str, own: str, incoming: str
) -> None:
    """Self-trade prevention looks at the order, not at its slice."""
    told_market.play(f"""
        place b1 bob sell 10 @ 5.00 show 3                        | - / 5.00 x 3
        place b2 bob buy 8 @ 5.00 stp {mode}  -> {happens}        | {book}
        order b1  -> {own}                                        | {book}
        order b2  -> {incoming}                                   | {book}
    """)


def test_an_iceberg_amended_into_an_own_order_follows_its_own_mode(told_market: Market) -> None:
    """Slices, then an own order, then more slices: decrement takes the overlap from both, hidden lots included."""
    told_market.play("""
        place a1 ann sell 4 @ 5.00 show 2                                                   | - / 5.00 x 2
        place b1 bob sell 3 @ 5.00                                                          | - / 5.00 x 5
        place b2 bob buy 9 @ 4.90 show 1 stp decrement                                      | 4.90 x 1 / 5.00 x 5
        amend b2 price 5.00 -> trade a1 2 @ 5.00, refresh a1 2, cancel b1 self_trade, reduce b2 to 6
                             + trade a1 2 @ 5.00                                            | 5.00 x 1 / -
        order b2            -> partially_filled 4 of 6 @ 5.00 showing 1 hold 10.00          | 5.00 x 1 / -
    """)


def test_an_iceberg_has_a_hundred_slices_at_most(market: Market) -> None:
    """Each slice is an event under the lock that all share; an order of a few cents must not hold it for minutes."""
    market.play("""
        place a1 ann sell 100 @ 5.00 show 1
        place a2 ann sell 101 @ 5.00 show 1           -> reject display_too_small
        place a3 ann sell 201 @ 5.00 show 2           -> reject display_too_small
        place a4 ann sell 200 @ 5.00 show 2
        amend a4 quantity 201                         -> reject display_too_small
        amend a4 show 1                               -> reject display_too_small
        place b1 bob buy 2 @ 5.00                     -> trade a1 1 @ 5.00, refresh a1 1, trade a4 1 @ 5.00
        amend a4 quantity 201
        amend a4 quantity 101 show 1
    """)
