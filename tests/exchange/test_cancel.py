"""Taking orders off the book, and what may still be done while an instrument is halted (FIX 35=F)."""

from __future__ import annotations

import pytest

from tests.exchange.market import Market


def test_canceling_frees_all_that_the_order_held(market: Market) -> None:
    """Also after a part of it has traded."""
    market.play("""
        place a1 ann buy 10 @ 5.00
        place b1 bob sell 4 @ 5.00    -> trade a1 4 @ 5.00
        balance ann USD               -> 99980.00 held 30.00
        cancel a1
        answer                        -> canceled 4 of 10 for 20.00 fees 0.00
        balance ann USD               -> 99980.00
        place b2 bob sell 10 @ 5.00
        balance bob TREE              -> 996 held 10
        cancel b2
        balance bob TREE              -> 996
        book bids                     -> empty
        book asks                     -> empty
    """)


def test_canceling_leaves_the_others_in_their_order(market: Market) -> None:
    """From the front, the middle and the back of the queue."""
    market.play("""
        place a1 ann sell 1 @ 5.00
        place b1 bob sell 2 @ 5.00
        place a2 ann sell 3 @ 5.00
        place b2 bob sell 4 @ 5.00
        place a3 ann sell 5 @ 5.00
        cancel a2
        queue asks                    -> a1, b1, b2, a3
        cancel a1
        cancel a3
        queue asks                    -> b1, b2
        book asks                     -> 5.00 x 6
    """)


def test_an_order_that_is_done_cannot_be_canceled(market: Market) -> None:
    """Canceled twice, filled, rejected: open no longer."""
    market.play("""
        place a1 ann sell 1 @ 5.00
        cancel a1
        cancel a1                     -> reject order_not_open
        amend a1 price 5.01           -> reject order_not_open
        place a2 ann sell 1 @ 5.00
        place b1 bob buy 1 @ 5.00     -> trade a2 1 @ 5.00
        cancel a2                     -> reject order_not_open
        cancel b1                     -> reject order_not_open
        place a3 ann sell 1 market    -> reject no_opposite_price
        cancel a3 by ann              -> reject order_not_open
    """)


def test_an_order_that_never_was_or_is_anothers_is_not_found(market: Market) -> None:
    """Malformed, not rejected: nothing is recorded, and nothing is told of another user's order."""
    market.play("""
        place a1 ann sell 1 @ 5.00 named x1
        cancel #2 by ann              -> error not_found
        cancel #0 by ann              -> error not_found
        cancel a1 by bob              -> error not_found
        amend a1 by bob price 5.01    -> error not_found
        cancel named:x1 by bob        -> error not_found
        cancel named:x2 by ann        -> error not_found
        queue asks                    -> a1
        cancel named:x1 by ann
        book asks                     -> empty
    """)


def test_a_halted_instrument_takes_cancels_only(market: Market) -> None:
    """FIX SecurityTradingStatus: orders stay, may leave and expire; nothing comes in, nothing is changed, nothing trades."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        place a2 ann sell 5 @ 5.01
        place a3 ann sell 5 @ 5.02 until +5s
        halt
        place b1 bob buy 5 @ 5.00     -> reject instrument_halted
        place b2 bob buy 5 market     -> reject instrument_halted
        amend a1 quantity 4           -> reject instrument_halted
        amend a1 price 5.03           -> reject instrument_halted
        cancel a2
        at +5s
        due                           -> expire a3
        halt
        resume
        place b3 bob buy 5 @ 5.00     -> trade a1 5 @ 5.00
        resume
    """)


@pytest.mark.parametrize("after", [0, 70, 200])
def test_many_prices_that_run_empty_do_no_harm(market: Market, after: int) -> None:
    """Empty levels are dropped once they are many; those that fill again are found again."""
    for step in range(after):
        market.play(f"place a{step} ann sell 1 @ {5 + step // 100}.{step % 100:02}")
    for step in range(0, after, 2):
        market.play(f"cancel a{step}")
    for step in range(1, after - 10, 2):
        market.play(f"cancel a{step}")
    market.play("place b1 bob sell 2 @ 5.00")
    assert market.depth(buys=False)[0] == (500, 2)
    assert len(market.depth(buys=False)) == 1 + min(after, 10) // 2
