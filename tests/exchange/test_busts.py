"""Taking a trade back (FIX ExecType H): all that it posted is posted back, fees included, and nothing else is touched."""

from __future__ import annotations

import pytest

from credit_trading.errors import NotFound
from credit_trading.exchange import events as ev
from tests.exchange.market import Market


def test_a_bust_gives_everybody_back_what_the_trade_took(fee_market: Market) -> None:
    """The buyer value and fee, the seller the credits; the seller gives back the proceeds, the exchange both fees."""
    fee_market.play("""
        place a1 ann sell 100 @ 5.00
        place b1 bob buy 100 @ 5.00   -> trade a1 100 @ 5.00 fees 1.25/-0.05
        balance ann USD               -> 100500.05
        balance bob USD               -> 99498.75
        fees                          -> 1.20
        bust 1
        balance ann USD               -> 100000.00
        balance ann TREE              -> 1000
        balance bob USD               -> 100000.00
        balance bob TREE              -> 1000
        fees                          -> 0.00
    """)
    event = fee_market.entries[-1].event
    assert isinstance(event, ev.TradeBusted)
    assert event == ev.TradeBusted(1, 2, 1, "TREE", "USD", 100, 50000, 125, -5, "TREE/USD")
    assert event.users() == (2, 1)


def test_a_bust_of_a_trade_that_the_buyer_made(fee_market: Market) -> None:
    """The other way round: the taker sold."""
    fee_market.play("""
        place b1 bob buy 100 @ 5.00
        place a1 ann sell 100 @ 5.00  -> trade b1 100 @ 5.00 fees 1.25/-0.05
        bust 1
        balance ann USD               -> 100000.00
        balance bob USD               -> 100000.00
        fees                          -> 0.00
    """)


def test_a_bust_touches_neither_orders_nor_prices_nor_stops(told_market: Market) -> None:
    """What the orders have done stays done: filled lots, the last price, the stop that came in."""
    told_market.play("""
        place a1 ann sell 9 @ 5.00                                                          | - / 5.00 x 9
        place s1 cat buy 1 @ 4.90 stop 5.00                                                 | - / 5.00 x 9
        place b1 bob buy 4 @ 5.00  -> trade a1 4 @ 5.00, trigger s1 @ 4.90                  | 4.90 x 1 / 5.00 x 5
        bust 1                                                                              | 4.90 x 1 / 5.00 x 5
        order a1                   -> partially_filled 4 of 9 @ 5.00 hold 5                 | 4.90 x 1 / 5.00 x 5
        last                       -> 5.00                                                  | 4.90 x 1 / 5.00 x 5
        order s1                   -> new 0 of 1 @ 4.90 hold 4.90                           | 4.90 x 1 / 5.00 x 5
        amend a1 quantity 3        -> reject quantity_below_filled                          | 4.90 x 1 / 5.00 x 5
        balance ann TREE           -> 1000 held 5                                           | 4.90 x 1 / 5.00 x 5
    """)


def test_a_trade_is_busted_once(market: Market) -> None:
    """Again, under whatever id, it gets the first answer."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00
        bust 1 id k1
    """)
    first = market.answer
    assert first is not None
    assert first.sequence == market.live.sequence
    market.play("""
        bust 1 id k2                  -> repeated done
        bust 1                        -> repeated done
        balance ann USD               -> 100000.00
    """)
    assert market.answer == first
    assert market.live.busted[1].sequence == first.sequence


def test_what_is_no_longer_available_cannot_be_given_back() -> None:
    """The buyer's credits or the seller's proceeds: spent, withdrawn or held. The rejection names who lacks it first."""
    market = Market(cash="20.00", credits=4)
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00
        withdraw ann 20.01 USD
        bust 1                        -> reject cannot_give_back
    """)
    event = market.entries[-1].event
    assert isinstance(event, ev.CommandRejected)
    assert (event.user, event.other, event.command) == (1, 2, "BustTrade")
    market.play("""
        deposit ann 0.01 USD
        place b2 bob sell 5 @ 9.00
        bust 1                        -> reject cannot_give_back
    """)
    event = market.entries[-1].event
    assert isinstance(event, ev.CommandRejected)
    assert (event.user, event.other) == (2, 1)
    market.play("""
        amend b2 quantity 4
        bust 1
        balance ann USD               -> 0.00
        balance bob TREE              -> 4 held 4
        balance bob USD               -> 20.00
    """)


def test_a_refused_bust_may_be_tried_again(market: Market) -> None:
    """Under a new id; the refused command keeps its answer."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00
        withdraw bob 1004 TREE
        bust 1 id k1                  -> reject cannot_give_back
        deposit bob 4 TREE
        bust 1 id k1                  -> repeated cannot_give_back
        bust 1 id k2
        balance bob TREE              -> 0
    """)


def test_a_seller_gives_back_the_proceeds_less_the_fee_that_returns(market: Market) -> None:
    """Only what the trade brought in has to be there, to the cent."""
    market.play("""
        rules taker 0.01
        place b1 bob buy 4 @ 5.00
        place a1 ann sell 4 @ 5.00    -> trade b1 4 @ 5.00 fees 0.20/0.00
        withdraw ann 100000.01 USD
        bust 1                        -> reject cannot_give_back
        deposit ann 0.01 USD
        bust 1
        balance ann USD               -> 0.00
        fees                          -> 0.00
    """)


def test_a_deal_off_the_book_can_be_busted_too(fee_market: Market) -> None:
    """It had no fees, and no instrument."""
    fee_market.play("""
        deal ann buys 7 from bob for 12.32
        bust 1
        balance ann USD               -> 100000.00
        balance bob TREE              -> 1000
        bust 1                        -> repeated done
    """)


def test_a_trade_of_a_deleted_user_stays(market: Market) -> None:
    """There is nobody to give anything back to."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00
        delete ann sweep cat          -> move 996 TREE to cat, move 100020.00 USD to cat
        bust 1                        -> error not_found
    """)
    with pytest.raises(NotFound):
        market.send(market.bust_of(1))


def test_suspended_users_trades_can_be_busted(market: Market) -> None:
    """It is the admin who acts."""
    market.play("""
        place a1 ann sell 4 @ 5.00
        place b1 bob buy 4 @ 5.00     -> trade a1 4 @ 5.00
        suspend ann
        halt
        bust 1
        balance ann USD               -> 100000.00
    """)
