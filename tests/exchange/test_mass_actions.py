"""Canceling all at once (FIX 35=q), and users who may only leave."""

from __future__ import annotations

import pytest

from credit_trading.errors import NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from tests.exchange.market import Market


def test_all_orders_of_a_user_are_canceled_by_their_numbers(told_market: Market) -> None:
    """Resting, hidden and waiting ones; the others keep their places. How many comes first."""
    told_market.play("""
        place a1 ann sell 5 @ 5.00 show 2                                                   | - / 5.00 x 2
        place b1 bob sell 4 @ 5.00                                                          | - / 5.00 x 6
        place s1 ann buy 3 market stop 6.00                                                 | - / 5.00 x 6
        place a2 ann buy 7 @ 4.00                                                           | 4.00 x 7 / 5.00 x 6
        amend a1 price 5.01                                                                 | 4.00 x 7 / 5.00 x 4, 5.01 x 2
        cancel-all ann -> mass cancel of 3, cancel a1 mass_cancel, cancel s1 mass_cancel, cancel a2 mass_cancel | - / 5.00 x 4
        cancel-all ann -> mass cancel of 0                                                  | - / 5.00 x 4
        balance ann USD  -> 100000.00                                                       | - / 5.00 x 4
        balance ann TREE -> 1000                                                            | - / 5.00 x 4
        place c1 cat buy 1 @ 6.00 -> trade b1 1 @ 5.00                                      | - / 5.00 x 3
    """)


def test_all_orders_of_an_instrument_are_canceled_whoever_has_them(told_market: Market) -> None:
    """Those of other instruments stay; so do they if one user's are canceled in this one."""
    told_market.play("""
        list ROCK                                                                           | - / -
        place x1 ann buy 1 @ 9.00 in ROCK/USD                                               | - / -
        place b1 bob sell 4 @ 5.00                                                          | - / 5.00 x 4
        place a1 ann buy 7 @ 4.00                                                           | 4.00 x 7 / 5.00 x 4
        place b2 bob buy 2 @ 4.00                                                           | 4.00 x 9 / 5.00 x 4
        cancel-all ann here -> mass cancel of 1, cancel a1 mass_cancel                      | 4.00 x 2 / 5.00 x 4
        place a2 ann buy 7 @ 4.00                                                           | 4.00 x 9 / 5.00 x 4
        cancel-all here -> mass cancel of 3, cancel b1 mass_cancel, cancel b2 mass_cancel, cancel a2 mass_cancel  | - / -
        order x1        -> new 0 of 1 @ 9.00 hold 9.00                                      | - / -
        cancel-all ann  -> mass cancel of 1, cancel x1 mass_cancel                          | - / -
    """)


def test_one_cause_and_one_answer_for_all_that_is_canceled(market: Market) -> None:
    """The answer says how many; said again it cancels nothing more."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        place a2 ann sell 5 @ 5.00
        cancel-all ann id k1            -> mass cancel of 2, cancel a1 mass_cancel, cancel a2 mass_cancel
    """)
    assert market.answer is not None
    assert market.answer.orders == 2
    assert {entry.cause for entry in market.entries[-3:]} == {"k1"}
    market.play("""
        place a3 ann sell 5 @ 5.00
        cancel-all ann id k1            -> repeated done
        queue asks                      -> a3
        cancel-all                      -> error invalid_input
    """)


def test_all_may_be_canceled_while_nothing_trades(market: Market) -> None:
    """A halt is when one wants to."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        halt
        cancel-all ann                  -> mass cancel of 1, cancel a1 mass_cancel
        close
        cancel-all here                 -> mass cancel of 0
    """)


def test_a_suspended_user_loses_the_orders_and_may_place_none(told_market: Market) -> None:
    """In all instruments, waiting stops too; the other users' stay."""
    told_market.play("""
        list ROCK                                                                           | - / -
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place b1 bob sell 5 @ 5.00                                                          | - / 5.00 x 10
        place s1 ann sell 5 market stop 4.00                                                | - / 5.00 x 10
        place x1 ann buy 5 @ 5.00 in ROCK/USD                                               | - / 5.00 x 10
        suspend ann -> cancel a1 user_suspended, cancel s1 user_suspended, cancel x1 user_suspended  | - / 5.00 x 5
        place a2 ann buy 5 @ 5.00       -> reject user_suspended                            | - / 5.00 x 5
        place a3 ann buy 5 market       -> reject user_suspended                            | - / 5.00 x 5
        amend a1 quantity 4             -> reject user_suspended                            | - / 5.00 x 5
        place b2 bob buy 5 @ 4.00                                                           | 4.00 x 5 / 5.00 x 5
        unsuspend ann                                                                       | 4.00 x 5 / 5.00 x 5
        place a4 ann buy 5 @ 5.00       -> trade b1 5 @ 5.00                                | 4.00 x 5 / -
    """)


def test_a_suspended_user_may_cancel_and_move_money(market: Market) -> None:
    """Leaving is allowed; trading is not, on the book or off it, on either side."""
    market.play("""
        suspend ann
        cancel-all ann                  -> mass cancel of 0
        cancel named:x by ann           -> error not_found
        deposit ann 1.00 USD
        withdraw ann 2.00 USD
        balance ann USD                 -> 99999.00
        deal ann buys 1 from bob for 5.00   -> reject user_suspended
        deal bob buys 1 from ann for 5.00   -> reject user_suspended
        suspend ann
        unsuspend ann
        unsuspend ann
        deal bob buys 1 from ann for 5.00
    """)


def test_suspending_is_an_event_before_its_cancels(market: Market) -> None:
    """So that whoever follows knows why; all under one cause."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        suspend ann id k1               -> cancel a1 user_suspended
        unsuspend ann
    """)
    events = [entry.event for entry in market.entries[-3:]]
    assert events == [ev.UserSuspended(1), ev.OrderCanceled(1, 1, "user_suspended", 5), ev.UserResumed(1)]
    assert [entry.cause for entry in market.entries[-3:-1]] == ["k1", "k1"]


def test_a_suspended_user_can_be_deleted_and_be_swept_to(market: Market) -> None:
    """Suspension is about trading."""
    market.play("""
        suspend dan
        suspend cat
        delete dan sweep cat            -> move 1000 TREE to cat, move 100000.00 USD to cat
        suspend dan                     -> error not_found
        cancel-all dan                  -> error not_found
    """)


@pytest.mark.parametrize(("user", "symbol"), [(None, "ROCK/USD"), (1, "ROCK/USD"), (9, None)])
def test_all_orders_of_what_is_not_known_are_not_found(market: Market, user: int | None, symbol: str | None) -> None:
    """Malformed: nothing is recorded."""
    sequence = market.live.sequence
    with pytest.raises(NotFound):
        market.send(cmd.CancelOrders(user, symbol))
    assert market.live.sequence == sequence
