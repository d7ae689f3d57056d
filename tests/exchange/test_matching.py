"""Who trades with whom, at which price, and what becomes of the rest."""

from __future__ import annotations

from tests.exchange.market import Market


def test_the_best_price_trades_first_and_at_the_makers_price(market: Market) -> None:
    """The incoming order pays what the resting one asked for, not its own limit."""
    market.play("""
        place a1 ann sell 10 @ 5.02
        place b1 bob sell 10 @ 5.00
        place c1 cat buy 10 @ 5.05    -> trade b1 10 @ 5.00
        balance cat USD               -> 99950.00
        place d1 dan sell 1 @ 4.00
        place c2 cat buy 1 @ 9.99     -> trade d1 1 @ 4.00
        book asks                     -> 5.02 x 10
    """)


def test_an_incoming_sell_takes_the_highest_bid_at_its_price(market: Market) -> None:
    """The same rule, mirrored."""
    market.play("""
        place a1 ann buy 10 @ 4.98
        place b1 bob buy 10 @ 5.00
        place c1 cat sell 15 @ 4.90   -> trade b1 10 @ 5.00, trade a1 5 @ 4.98
        balance cat USD               -> 100074.90
        book bids                     -> 4.98 x 5
    """)


def test_at_one_price_the_oldest_order_trades_first(market: Market) -> None:
    """Time priority within a level."""
    market.play("""
        place a1 ann sell 3 @ 5.00
        place b1 bob sell 3 @ 5.00
        place a2 ann sell 3 @ 5.00
        place c1 cat buy 2 @ 5.00     -> trade a1 2 @ 5.00
        place c2 cat buy 5 @ 5.00     -> trade a1 1 @ 5.00, trade b1 3 @ 5.00, trade a2 1 @ 5.00
        order a2                      -> partially_filled 1 of 3 @ 5.00 hold 2
    """)


def test_a_partly_filled_order_keeps_its_place(market: Market) -> None:
    """Being traded against is no change of the order."""
    market.play("""
        place a1 ann sell 10 @ 5.00
        place c1 cat buy 4 @ 5.00     -> trade a1 4 @ 5.00
        place b1 bob sell 10 @ 5.00
        queue asks                    -> a1, b1
        place c2 cat buy 7 @ 5.00     -> trade a1 6 @ 5.00, trade b1 1 @ 5.00
    """)


def test_a_sweep_goes_through_the_levels_and_the_rest_of_it_stays(market: Market) -> None:
    """A limit order trades level by level up to its limit and then stands in the book."""
    market.play("""
        place a1 ann sell 2 @ 5.00
        place a2 ann sell 2 @ 5.01
        place b1 bob sell 2 @ 5.02
        place b2 bob sell 2 @ 5.03
        place c1 cat buy 9 @ 5.02     -> trade a1 2 @ 5.00, trade a2 2 @ 5.01, trade b1 2 @ 5.02
        order c1                      -> partially_filled 6 of 9 @ 5.02 hold 15.06
        answer                        -> partially_filled 6 of 9 for 30.06 fees 0.00
        book bids                     -> 5.02 x 3
        book asks                     -> 5.03 x 2
        balance cat USD               -> 99969.94 held 15.06
    """)


def test_prices_that_do_not_meet_do_not_trade(market: Market) -> None:
    """One tick apart is apart."""
    market.play("""
        place a1 ann sell 1 @ 5.01
        place b1 bob buy 1 @ 5.00
        book asks                     -> 5.01 x 1
        book bids                     -> 5.00 x 1
    """)


def test_immediate_or_cancel_trades_what_it_can_and_never_rests(market: Market) -> None:
    """FIX TimeInForce 3."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob buy 10 @ 5.00 IOC  -> trade a1 4 @ 5.00, cancel b1 immediate_or_cancel
        answer                          -> canceled 4 of 10 for 20.00 fees 0.00
        place b2 bob buy 10 @ 5.00 IOC  -> cancel b2 immediate_or_cancel
        book bids                       -> empty
        balance bob USD                 -> 99980.00
        place a2 ann sell 4 @ 5.00
        place b3 bob buy 4 @ 5.00 IOC   -> trade a2 4 @ 5.00
    """)


def test_fill_or_kill_fills_across_levels_when_all_of_it_can(market: Market) -> None:
    """FIX TimeInForce 4: everything at once, at as many prices as it takes."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob sell 4 @ 5.01
        place c1 cat buy 8 @ 5.01 FOK   -> trade a1 4 @ 5.00, trade b1 4 @ 5.01
        answer                          -> filled 8 of 8 for 40.04 fees 0.00
    """)


def test_fill_or_kill_touches_nothing_when_one_lot_is_missing(market: Market) -> None:
    """Neither depth beyond the limit nor part of the quantity counts."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob sell 3 @ 5.01
        place b2 bob sell 9 @ 5.02
        place c1 cat buy 8 @ 5.01 FOK   -> cancel c1 fill_or_kill
        answer                          -> canceled 0 of 8 for 0.00 fees 0.00
        book asks                       -> 5.00 x 4, 5.01 x 3, 5.02 x 9
        balance cat USD                 -> 100000.00
        place c2 cat sell 1 @ 5.00 FOK  -> cancel c2 fill_or_kill
    """)


def test_an_own_order_in_the_way_kills_a_fill_or_kill(market: Market) -> None:
    """It could only be filled past the user's own order, which never trades with it; behind the last needed lot it does not matter."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place c1 cat sell 1 @ 5.00
        place a2 ann sell 4 @ 5.00
        place c2 cat buy 8 @ 5.00 FOK   -> cancel c2 fill_or_kill
        place c3 cat buy 5 @ 5.00 FOK   -> cancel c3 fill_or_kill
        place c4 cat buy 4 @ 5.00 FOK   -> trade a1 4 @ 5.00
        queue asks                      -> c1, a2
    """)


def test_a_users_orders_never_trade_with_each_other(market: Market) -> None:
    """Cancel newest: the incoming order ends at the own one; what it traded before stands."""
    market.play("""
        place b1 bob sell 3 @ 4.99
        place a1 ann sell 5 @ 5.00
        place b2 bob sell 5 @ 5.01
        place a2 ann buy 9 @ 5.01     -> trade b1 3 @ 4.99, cancel a2 self_trade
        answer                        -> canceled 3 of 9 for 14.97 fees 0.00
        queue asks                    -> a1, b2
        order a1                      -> new 0 of 5 @ 5.00 hold 5
        balance ann USD               -> 99985.03
        place a3 ann buy 9 @ 5.01 IOC -> cancel a3 self_trade
        place a4 ann buy 9 market     -> cancel a4 self_trade
    """)


def test_an_own_order_behind_others_does_no_harm(market: Market) -> None:
    """Only the order that would be traded with next is looked at."""
    market.play("""
        place b1 bob sell 3 @ 5.00
        place a1 ann sell 5 @ 5.00
        place a2 ann buy 3 @ 5.00     -> trade b1 3 @ 5.00
        place a3 ann buy 3 @ 4.99
        queue bids                    -> a3
    """)


def test_a_market_order_trades_within_its_collar_and_cancels_the_rest(market: Market) -> None:
    """The collar is 5 % from the best opposite price: 5.00 gives 5.25, and 5.26 is out of reach."""
    market.play("""
        place a1 ann sell 2 @ 5.00
        place a2 ann sell 2 @ 5.25
        place a3 ann sell 2 @ 5.26
        place b1 bob buy 9 market     -> trade a1 2 @ 5.00, trade a2 2 @ 5.25, cancel b1 collar_reached
        answer                        -> canceled 4 of 9 for 20.50 fees 0.00
        balance bob USD               -> 99979.50
        book asks                     -> 5.26 x 2
        place c1 cat buy 2 @ 4.00
        place c2 cat buy 2 @ 3.80
        place c3 cat buy 2 @ 3.79
        place b2 bob sell 6 market    -> trade c1 2 @ 4.00, trade c2 2 @ 3.80, cancel b2 collar_reached
        balance bob TREE              -> 1000
    """)


def test_the_collar_is_rounded_towards_the_best_price(market: Market) -> None:
    """5 % of 0.19 is less than one tick, so only the best price itself is in reach."""
    market.play("""
        place a1 ann sell 2 @ 0.19
        place a2 ann sell 2 @ 0.20
        place b1 bob buy 3 market     -> trade a1 2 @ 0.19, cancel b1 collar_reached
    """)


def test_the_collar_is_the_instruments(market: Market) -> None:
    """None at all means the best price and no other."""
    market.play("""
        place a1 ann sell 2 @ 5.00
        place a2 ann sell 2 @ 5.50
        place a3 ann sell 2 @ 5.51
        rules collar 0.00
        place b1 bob buy 3 market     -> trade a1 2 @ 5.00, cancel b1 collar_reached
        place a4 ann sell 2 @ 5.00
        rules collar 0.10
        place b2 bob buy 9 market     -> trade a4 2 @ 5.00, trade a2 2 @ 5.50, cancel b2 collar_reached
        place c1 cat buy 1 @ 0.50
        rules collar 1.00
        place b3 bob sell 2 market    -> trade c1 1 @ 0.50, cancel b3 collar_reached
    """)


def test_lots_and_ticks_may_be_coarse() -> None:
    """Ten credits a lot, five cents a tick: quantities and values are told in credits and dollars all the same."""
    market = Market(tick="0.05", lot="10", maker="0.001", taker="0.002", tells_book=True)
    market.play("""
        place a1 ann sell 200 @ 5.05 show 50                                                | - / 5.05 x 50
        place s1 cat buy 30 market stop 5.05                                                | - / 5.05 x 50
        rules min-value 101.00 min-quantity 20                                              | - / 5.05 x 50
        place b1 bob buy 20 @ 5.00    -> reject value_too_small                             | - / 5.05 x 50
        place b2 bob buy 20 @ 5.05    -> trade a1 20 @ 5.05 fees 0.21/0.11, trigger s1 @ 5.30
                                       + trade a1 30 @ 5.05 fees 0.31/0.15, refresh a1 50   | - / 5.05 x 50
        balance bob TREE              -> 1020                                               | - / 5.05 x 50
        balance cat USD               -> 99848.19                                           | - / 5.05 x 50
        bust 1                                                                              | - / 5.05 x 50
        balance bob USD               -> 100000.00                                          | - / 5.05 x 50
        balance ann TREE              -> 970 held 150                                       | - / 5.05 x 50
    """)


def test_a_market_order_that_is_filled_leaves_nothing_behind(market: Market) -> None:
    """What its hold kept beyond the price it got is free again."""
    market.play("""
        place a1 ann sell 10 @ 5.00
        place b1 bob buy 4 market     -> trade a1 4 @ 5.00
        answer                        -> filled 4 of 4 for 20.00 fees 0.00
        balance bob USD               -> 99980.00
    """)


def test_a_market_order_needs_an_opposite_price(market: Market) -> None:
    """Without one there is nothing that a collar could start from; own orders on its own side do not count."""
    market.play("""
        place b1 bob buy 4 market     -> reject no_opposite_price
        place a1 ann buy 1 @ 5.00
        place b2 bob buy 4 market     -> reject no_opposite_price
    """)


def test_a_market_buy_stops_before_the_fill_that_it_cannot_pay() -> None:
    """Funds run out in the middle of a level: whole lots up to what is available, never a balance below zero."""
    market = Market(cash="22.00", taker="0.0025")
    market.play("""
        place a1 ann sell 2 @ 5.00
        place a2 ann sell 9 @ 5.10
        place b1 bob buy 9 market     -> trade a1 2 @ 5.00 fees 0.03/0.00, trade a2 2 @ 5.10 fees 0.03/0.00, cancel b1 funds_exhausted
        balance bob USD               -> 1.74
        balance bob TREE              -> 1004
        place b2 bob buy 1 market     -> cancel b2 funds_exhausted
    """)


def test_a_market_buy_may_spend_the_last_cent() -> None:
    """The cut lies exactly where the money ends, the fee included."""
    market = Market(cash="20.05", taker="0.0025")
    market.play("""
        place a1 ann sell 9 @ 5.00
        place b1 bob buy 5 market     -> trade a1 4 @ 5.00 fees 0.05/0.00, cancel b1 funds_exhausted
        balance bob USD               -> 0.00
        place b2 bob buy 1 market     -> reject insufficient_funds
    """)
    poorer = Market(cash="20.04", taker="0.0025")
    poorer.play("""
        place a1 ann sell 9 @ 5.00
        place b1 bob buy 5 market     -> trade a1 3 @ 5.00 fees 0.04/0.00, cancel b1 funds_exhausted
        balance bob USD               -> 5.00
    """)


def test_a_market_order_with_nothing_available_is_rejected() -> None:
    """Held money is not available, and a sell gives credits that the user must have."""
    market = Market(cash="10.00", credits=5)
    market.play("""
        place a1 ann sell 5 @ 5.00
        place b1 bob buy 2 @ 4.99
        place b2 bob buy 1 @ 0.02
        place b3 bob buy 1 market     -> reject insufficient_funds
        place c1 cat sell 6 market    -> reject insufficient_funds
        place c2 cat sell 5 market    -> trade b1 2 @ 4.99, cancel c2 collar_reached
    """)
