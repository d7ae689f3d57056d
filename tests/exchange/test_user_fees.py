"""Fees that an instrument or a user is given, from when on they hold, and what keeps the exchange from paying for a trade."""

from __future__ import annotations

from tests.exchange.market import Market


def test_a_user_may_have_rates_of_their_own(market: Market) -> None:
    """As maker or as taker; the other rate and the other users follow the instrument."""
    market.play("""
        rules maker 0.01 taker 0.02
        userfees ann none 0.05
        userfees bob 0.00 none
        place b1 bob sell 10 @ 5.00
        place a1 ann buy 2 @ 5.00     -> trade b1 2 @ 5.00 fees 0.50/0.00
        place c1 cat buy 2 @ 5.00     -> trade b1 2 @ 5.00 fees 0.20/0.00
        cancel b1
        place a2 ann sell 2 @ 5.00
        place b2 bob buy 2 @ 5.00     -> trade a2 2 @ 5.00 fees 0.20/0.10
    """)


def test_both_rates_taken_back_leave_the_instruments(market: Market) -> None:
    """As if there never had been others."""
    market.play("""
        rules maker 0.01 taker 0.02
        userfees ann 0.00 0.00
        userfees ann none none
        place b1 bob sell 10 @ 5.00
        place a1 ann buy 2 @ 5.00     -> trade b1 2 @ 5.00 fees 0.20/0.10
    """)
    assert market.live.markets["TREE/USD"].user_fees == {}


def test_rates_are_frozen_when_an_order_is_accepted(market: Market) -> None:
    """Whatever changes after that, it holds and pays as was agreed; also a stop that comes in later."""
    market.play("""
        rules maker 0.01 taker 0.02
        place a1 ann buy 10 @ 5.00
        place s1 ann buy 10 @ 5.00 stop 5.00
        rules maker 0.03 taker 0.04
        userfees ann 0.05 0.06
        order a1                      -> new 0 of 10 @ 5.00 hold 51.00
        place b1 bob sell 2 @ 5.00    -> trade a1 2 @ 5.00 fees 0.40/0.10, trigger s1 @ 5.00
        amend a1 quantity 8
        place b2 bob sell 8 @ 5.00    -> trade a1 6 @ 5.00 fees 1.20/0.30, trade s1 2 @ 5.00 fees 0.40/0.10
        place a2 ann buy 1 @ 5.00
        order a2                      -> new 0 of 1 @ 5.00 hold 5.30
    """)


def test_the_exchange_never_pays_for_a_trade(market: Market) -> None:
    """The lowest taker rate and the lowest maker rate that can meet are zero or more together: of the rules, of users, of open orders."""
    market.play("""
        rules taker -0.01             -> error invalid_input
        rules maker -0.01             -> error invalid_input
        rules maker -0.01 taker 0.01
        rules taker 0.009             -> error invalid_input
        userfees ann none 0.009       -> error invalid_input
        userfees ann -0.011 none      -> error invalid_input
        userfees ann none -0.001      -> error invalid_input
        userfees ann -0.01 0.01
        rules maker 0.00 taker 0.00   -> error invalid_input
        userfees ann none none
        place a1 ann buy 10 @ 5.00
        rules maker 0.00
        rules taker 0.00              -> error invalid_input
        userfees bob none 0.00        -> error invalid_input
        cancel a1
        rules taker 0.00
        userfees bob none 0.00
        place b1 bob sell 1 @ 5.00
        rules taker 0.05
        rules maker -0.01             -> error invalid_input
        userfees bob none none
        rules maker -0.01             -> error invalid_input
        cancel b1
        rules maker -0.01
    """)


def test_orders_elsewhere_do_not_stand_in_the_way(market: Market) -> None:
    """Only orders of one instrument can meet."""
    market.play("""
        list ROCK
        place x1 ann buy 1 @ 5.00 in ROCK/USD
        rules maker -0.01 taker 0.01
        place a1 ann buy 1 @ 5.00
        cancel x1
    """)


def test_rates_go_with_their_user(market: Market) -> None:
    """No order can have them any more, and nobody could take them back."""
    market.play("""
        rules maker 0.00 taker 0.01
        userfees dan -0.01 0.01
        rules taker 0.009             -> error invalid_input
        delete dan sweep ann          -> move 1000 TREE to ann, move 100000.00 USD to ann
        userfees dan none none        -> error not_found
        rules taker 0.009
    """)
    assert market.live.markets["TREE/USD"].user_fees == {}


def test_an_order_that_loses_its_place_takes_the_rates_of_its_moment(market: Market) -> None:
    """It is as a new one; else an old order of one lot would buy at old rates for ever. What keeps its place keeps its rates."""
    market.play("""
        place a1 ann buy 1 @ 5.00
        place a2 ann buy 10 @ 4.00
        rules maker 0.01 taker 0.02
        amend a2 quantity 9
        order a2                      -> new 0 of 9 @ 4.00 hold 36.00
        amend a1 quantity 10
        order a1                      -> new 0 of 10 @ 5.00 hold 51.00
        place b1 bob sell 10 @ 5.00   -> trade a1 10 @ 5.00 fees 1.00/0.50
        amend a2 price 4.50
        order a2                      -> new 0 of 9 @ 4.50 hold 41.31
        userfees ann 0.00 0.00
        amend a2 price 4.40
        order a2                      -> new 0 of 9 @ 4.40 hold 39.60
    """)
