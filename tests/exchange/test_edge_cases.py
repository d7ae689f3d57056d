"""Where order books go wrong: every line says what it brings about and which book it leaves."""

from __future__ import annotations

from tests.exchange.market import Market


def test_cancels_in_the_middle_and_at_the_head_and_then_a_sweep(told_market: Market) -> None:
    """The queue closes up behind whoever leaves it."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00                                                                  | - / 5.00 x 5
        place b1 bob sell 6 @ 5.00                                                                  | - / 5.00 x 11
        place a2 ann sell 7 @ 5.00                                                                  | - / 5.00 x 18
        place b2 bob sell 8 @ 5.00                                                                  | - / 5.00 x 26
        cancel a2                                                                                   | - / 5.00 x 19
        cancel a1                                                                                   | - / 5.00 x 14
        place c1 cat buy 9 @ 5.00 -> trade b1 6 @ 5.00, trade b2 3 @ 5.00                           | - / 5.00 x 5
        place c2 cat buy 9 @ 5.00 -> trade b2 5 @ 5.00                                              | 5.00 x 4 / -
    """)


def test_scattered_cancels_in_a_deep_queue(told_market: Market) -> None:
    """Every third order leaves; the rest trade in the order in which they came."""
    told_market.play("40 times place a* ann sell * @ 5.00 | - / 5.00 x 820")
    left, lots = list(range(1, 41)), 820
    for number in (*range(36, 0, -6), *range(3, 40, 6)):
        lots -= number
        left.remove(number)
        told_market.play(f"cancel a{number} | - / 5.00 x {lots}")
    trades = ", ".join(f"trade a{number} {number} @ 5.00" for number in left)
    told_market.play(f"place b1 bob buy {lots + 1} @ 5.00 -> {trades} | 5.00 x 1 / -")


def test_a_sweep_of_exactly_three_levels(told_market: Market) -> None:
    """Nothing of the sweep is left, and nothing of the levels; the fourth is untouched."""
    told_market.play("""
        place a1 ann sell 2 @ 5.00                              | - / 5.00 x 2
        place a2 ann sell 3 @ 5.01                              | - / 5.00 x 2, 5.01 x 3
        place b1 bob sell 4 @ 5.01                              | - / 5.00 x 2, 5.01 x 7
        place a3 ann sell 5 @ 5.02                              | - / 5.00 x 2, 5.01 x 7, 5.02 x 5
        place a4 ann sell 6 @ 5.03                              | - / 5.00 x 2, 5.01 x 7, 5.02 x 5, 5.03 x 6
        place c1 cat buy 14 @ 5.02 -> trade a1 2 @ 5.00, trade a2 3 @ 5.01, trade b1 4 @ 5.01, trade a3 5 @ 5.02  | - / 5.03 x 6
        answer                     -> filled 14 of 14 for 70.17 fees 0.00                                         | - / 5.03 x 6
        balance cat USD            -> 99929.83                                                                    | - / 5.03 x 6
    """)


def test_what_is_left_of_a_sweep_becomes_the_best_price(told_market: Market) -> None:
    """On its own side, above every bid that was there; the next order trades with it first."""
    told_market.play("""
        place b1 bob buy 9 @ 4.98                                                           | 4.98 x 9 / -
        place a1 ann sell 2 @ 5.00                                                          | 4.98 x 9 / 5.00 x 2
        place a2 ann sell 2 @ 5.02                                                          | 4.98 x 9 / 5.00 x 2, 5.02 x 2
        place c1 cat buy 7 @ 5.01  -> trade a1 2 @ 5.00                                     | 5.01 x 5, 4.98 x 9 / 5.02 x 2
        place d1 dan sell 6 @ 4.98 -> trade c1 5 @ 5.01, trade b1 1 @ 4.98                  | 4.98 x 8 / 5.02 x 2
        place d2 dan sell 9 @ 4.90 -> trade b1 8 @ 4.98                                     | - / 4.90 x 1, 5.02 x 2
    """)


def test_an_amend_into_a_cross_fills_at_the_makers_price(told_market: Market) -> None:
    """Also far past it: what the maker asked for is what is paid."""
    told_market.play("""
        place a1 ann sell 4 @ 5.05                                                          | - / 5.05 x 4
        place b1 bob buy 3 @ 5.00                                                           | 5.00 x 3 / 5.05 x 4
        amend b1 price 5.05        -> trade a1 3 @ 5.05                                     | - / 5.05 x 1
        place b2 bob buy 3 @ 5.00                                                           | 5.00 x 3 / 5.05 x 1
        amend b2 price 9.99        -> trade a1 1 @ 5.05                                     | 9.99 x 2 / -
        order b2                   -> partially_filled 1 of 3 @ 9.99 hold 19.98             | 9.99 x 2 / -
        place a2 ann sell 5 @ 12.00                                                         | 9.99 x 2 / 12.00 x 5
        amend a2 price 0.01        -> trade b2 2 @ 9.99                                     | - / 0.01 x 3
        balance bob USD            -> 99959.82                                              | - / 0.01 x 3
    """)


def test_repricing_one_of_two_orders_at_a_level(told_market: Market) -> None:
    """The other stays where it is, alone; coming back means coming last."""
    told_market.play("""
        place a1 ann buy 4 @ 5.00                                                           | 5.00 x 4 / -
        place b1 bob buy 6 @ 5.00                                                           | 5.00 x 10 / -
        amend a1 price 4.99                                                                 | 5.00 x 6, 4.99 x 4 / -
        amend a1 price 5.00                                                                 | 5.00 x 10 / -
        place c1 cat sell 7 @ 5.00 -> trade b1 6 @ 5.00, trade a1 1 @ 5.00                  | 5.00 x 3 / -
    """)


def test_a_partial_fill_and_then_a_cancel_or_another_price(told_market: Market) -> None:
    """Only what remains leaves, or moves."""
    told_market.play("""
        place a1 ann sell 9 @ 5.00                                                          | - / 5.00 x 9
        place a2 ann sell 5 @ 5.00                                                          | - / 5.00 x 14
        place b1 bob buy 4 @ 5.00  -> trade a1 4 @ 5.00                                     | - / 5.00 x 10
        amend a1 price 5.02                                                                 | - / 5.00 x 5, 5.02 x 5
        order a1                   -> partially_filled 4 of 9 @ 5.02 hold 5                 | - / 5.00 x 5, 5.02 x 5
        place b2 bob buy 7 @ 5.02  -> trade a2 5 @ 5.00, trade a1 2 @ 5.02                  | - / 5.02 x 3
        cancel a1                                                                           | - / -
        answer                     -> canceled 6 of 9 for 30.04 fees 0.00                   | - / -
        balance ann TREE           -> 989                                                   | - / -
    """)


def test_what_is_filled_or_unknown_can_be_neither_canceled_nor_amended(told_market: Market) -> None:
    """Filled is an answer of the market; never having been is an error, and so is belonging to somebody else."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place b1 bob buy 5 @ 5.00  -> trade a1 5 @ 5.00                                     | - / -
        cancel a1                  -> reject order_not_open                                 | - / -
        amend a1 quantity 9        -> reject order_not_open                                 | - / -
        cancel b1                  -> reject order_not_open                                 | - / -
        cancel #77 by ann          -> error not_found                                       | - / -
        amend #77 by ann price 1.00  -> error not_found                                     | - / -
        cancel named:none by ann   -> error not_found                                       | - / -
        place c1 cat sell 1 @ 5.00                                                          | - / 5.00 x 1
        cancel c1 by ann           -> error not_found                                       | - / 5.00 x 1
    """)


def test_an_id_that_was_used_places_nothing_new(told_market: Market) -> None:
    """Said again it gets the first answer, however the order stands by now; meaning something else it is refused."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00 named x                                                  | - / 5.00 x 5
        place a1 ann sell 5 @ 5.00 named x       -> repeated new                            | - / 5.00 x 5
        place b1 bob buy 5 @ 5.00 -> trade a1 5 @ 5.00                                      | - / -
        place a1 ann sell 5 @ 5.00 named x       -> repeated new                            | - / -
        place a2 ann sell 6 @ 5.00 named x       -> error command_conflict                  | - / -
        place a2 ann sell 6 @ 5.00 named x id k  -> reject duplicate_client_order_id        | - / -
    """)


def test_both_sides_trade_at_the_makers_price(told_market: Market) -> None:
    """A better limit than needed is never paid for, buying or selling."""
    told_market.play("""
        place a1 ann sell 5 @ 4.90                                                          | - / 4.90 x 5
        place b1 bob buy 2 @ 5.10  -> trade a1 2 @ 4.90                                     | - / 4.90 x 3
        cancel a1                                                                           | - / -
        place c1 cat buy 5 @ 5.10                                                           | 5.10 x 5 / -
        place d1 dan sell 2 @ 4.90 -> trade c1 2 @ 5.10                                     | 5.10 x 3 / -
        balance bob USD            -> 99990.20                                              | 5.10 x 3 / -
        balance dan USD            -> 100010.20                                             | 5.10 x 3 / -
    """)


def test_no_level_is_left_behind_when_the_best_order_leaves(told_market: Market) -> None:
    """The next best is the best; an order at the old price finds nobody there."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place a2 ann sell 5 @ 5.01                                                          | - / 5.00 x 5, 5.01 x 5
        cancel a1                                                                           | - / 5.01 x 5
        place b1 bob buy 5 @ 5.00                                                           | 5.00 x 5 / 5.01 x 5
        cancel b1                                                                           | - / 5.01 x 5
        place c1 cat sell 5 @ 5.00                                                          | - / 5.00 x 5, 5.01 x 5
        place b2 bob buy 6 @ 5.01  -> trade c1 5 @ 5.00, trade a2 1 @ 5.01                  | - / 5.01 x 4
        cancel a2                                                                           | - / -
        place b3 bob buy 1 market  -> reject no_opposite_price                              | - / -
    """)


def test_what_is_left_of_immediate_or_cancel_is_nowhere(told_market: Market) -> None:
    """Neither in the book nor held; a part of a level may be left, never a part of the order."""
    told_market.play("""
        place a1 ann sell 4 @ 5.00                                                          | - / 5.00 x 4
        place a2 ann sell 4 @ 5.01                                                          | - / 5.00 x 4, 5.01 x 4
        place b1 bob buy 9 @ 5.00 IOC -> trade a1 4 @ 5.00, cancel b1 immediate_or_cancel   | - / 5.01 x 4
        place b2 bob buy 3 @ 5.01 IOC -> trade a2 3 @ 5.01                                  | - / 5.01 x 1
        place b3 bob buy 3 @ 5.00 IOC -> cancel b3 immediate_or_cancel                      | - / 5.01 x 1
        balance bob USD            -> 99964.97                                              | - / 5.01 x 1
    """)


def test_a_limit_that_crosses_stops_at_its_own_price(told_market: Market) -> None:
    """Not a tick further, however much is left."""
    told_market.play("""
        place a1 ann sell 2 @ 5.00                                                          | - / 5.00 x 2
        place a2 ann sell 2 @ 5.01                                                          | - / 5.00 x 2, 5.01 x 2
        place a3 ann sell 2 @ 5.02                                                          | - / 5.00 x 2, 5.01 x 2, 5.02 x 2
        place b1 bob buy 99 @ 5.01 -> trade a1 2 @ 5.00, trade a2 2 @ 5.01                  | 5.01 x 95 / 5.02 x 2
    """)


def test_five_thousand_fills_in_one_sweep() -> None:
    """One order against five thousand at five prices: each in its turn, the value exact, the last one in part."""
    market = Market(credits=5001, tells_book=True)
    for number in range(5):
        levels = ", ".join(f"5.0{price} x 1000" for price in range(number + 1))
        market.play(f"1000 times place s{number}-* ann sell 1 @ 5.0{number} | - / {levels}")
    trades = ", ".join(f"trade s{number}-{place} 1 @ 5.0{number}" for number in range(5) for place in range(1, 1001))
    market.play(f"""
        amend s4-1000 quantity 2                              | - / 5.00 x 1000, 5.01 x 1000, 5.02 x 1000, 5.03 x 1000, 5.04 x 1001
        place b1 bob buy 5000 @ 5.04 -> {trades}              | - / 5.04 x 1
        answer          -> filled 5000 of 5000 for 25100.00 fees 0.00                       | - / 5.04 x 1
        order s4-1000   -> partially_filled 1 of 2 @ 5.04 hold 1                            | - / 5.04 x 1
    """)


def test_an_order_is_gone_at_the_instant_at_which_another_would_match_it(told_market: Market) -> None:
    """Good till date ends before anything else of that moment; a microsecond earlier it trades."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00 until +5s                                                | - / 5.00 x 5
        place a2 ann sell 5 @ 5.01                                                          | - / 5.00 x 5, 5.01 x 5
        at +4.999999s                                                                       | - / 5.00 x 5, 5.01 x 5
        place b1 bob buy 1 @ 5.01  -> trade a1 1 @ 5.00                                     | - / 5.00 x 4, 5.01 x 5
        at +5s                                                                              | - / 5.00 x 4, 5.01 x 5
        place b2 bob buy 1 @ 5.01  -> expire a1, trade a2 1 @ 5.01                          | - / 5.01 x 4
    """)


def test_post_only_at_the_touch(told_market: Market) -> None:
    """One tick short of the best opposite price it rests; at it, it is refused, whoever stands there."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place b1 bob buy 5 @ 5.00 post-only  -> reject post_only_would_take                 | - / 5.00 x 5
        place b2 bob buy 5 @ 4.99 post-only                                                 | 4.99 x 5 / 5.00 x 5
        place a2 ann buy 5 @ 5.00 post-only  -> reject post_only_would_take                 | 4.99 x 5 / 5.00 x 5
        place b3 bob sell 5 @ 4.99 post-only -> reject post_only_would_take                 | 4.99 x 5 / 5.00 x 5
        amend b2 price 5.00                  -> reject post_only_would_take                 | 4.99 x 5 / 5.00 x 5
        cancel a1                                                                           | 4.99 x 5 / -
        amend b2 price 5.00                                                                 | 5.00 x 5 / -
        place c1 cat sell 9 @ 5.00           -> trade b2 5 @ 5.00                           | - / 5.00 x 4
    """)


def test_an_amend_down_to_what_is_filled_ends_the_order(told_market: Market) -> None:
    """Filled, not canceled; one lot less is refused, and the one behind it moves up."""
    told_market.play("""
        place a1 ann sell 9 @ 5.00                                                          | - / 5.00 x 9
        place a2 ann sell 3 @ 5.00                                                          | - / 5.00 x 12
        place b1 bob buy 4 @ 5.00  -> trade a1 4 @ 5.00                                     | - / 5.00 x 8
        amend a1 quantity 3        -> reject quantity_below_filled                          | - / 5.00 x 8
        amend a1 quantity 4                                                                 | - / 5.00 x 3
        answer                     -> filled 4 of 4 for 20.00 fees 0.00                     | - / 5.00 x 3
        place b2 bob buy 1 @ 5.00  -> trade a2 1 @ 5.00                                     | - / 5.00 x 2
        balance ann TREE           -> 995 held 2                                            | - / 5.00 x 2
    """)


def test_rounding_a_fee_over_many_fills_costs_no_more_than_one_fill() -> None:
    """0.33 cents of fee each: the seller's seven fills pay 3 cents, as one fill of 7.00 would; each buyer pays a cent of their own."""
    market = Market(maker="0.0033", taker="0.0033", tells_book=True)
    market.play("""
        place a1 ann sell 7 @ 1.00                                                          | - / 1.00 x 7
        place b1 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.01                      | - / 1.00 x 6
        place b2 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.00                      | - / 1.00 x 5
        place b3 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.00                      | - / 1.00 x 4
        place b4 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.01                      | - / 1.00 x 3
        place b5 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.00                      | - / 1.00 x 2
        place b6 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.00                      | - / 1.00 x 1
        place b7 bob buy 1 @ 1.00  -> trade a1 1 @ 1.00 fees 0.01/0.01                      | - / -
        balance ann USD            -> 100006.97                                             | - / -
        place c1 cat sell 7 @ 1.00                                                          | - / 1.00 x 7
        place d1 dan buy 7 @ 1.00  -> trade c1 7 @ 1.00 fees 0.03/0.03                      | - / -
        balance cat USD            -> 100006.97                                             | - / -
    """)


def test_a_market_buy_that_runs_out_of_funds_in_mid_sweep() -> None:
    """Whole lots as far as the money goes, fees counted; what stood behind the cut stays as it was."""
    market = Market(cash="22.00", taker="0.0025", tells_book=True)
    market.play("""
        place a1 ann sell 2 @ 5.00                                                          | - / 5.00 x 2
        place c1 cat sell 4 @ 5.10                                                          | - / 5.00 x 2, 5.10 x 4
        place a2 ann sell 9 @ 5.20                                                          | - / 5.00 x 2, 5.10 x 4, 5.20 x 9
        place b1 bob buy 9 market  -> trade a1 2 @ 5.00 fees 0.03/0.00, trade c1 2 @ 5.10 fees 0.03/0.00
                                    + cancel b1 funds_exhausted                             | - / 5.10 x 2, 5.20 x 9
        answer                     -> canceled 4 of 9 for 20.20 fees 0.06                   | - / 5.10 x 2, 5.20 x 9
        balance bob USD            -> 1.74                                                  | - / 5.10 x 2, 5.20 x 9
        place d1 dan buy 3 @ 5.20  -> trade c1 2 @ 5.10 fees 0.03/0.00, trade a2 1 @ 5.20 fees 0.01/0.00  | - / 5.20 x 8
    """)
