"""Money and credits that move without a match: deposits, withdrawals, off-book deals, the end of a user."""

from __future__ import annotations

import pytest

from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.accounts import FEES, OUTSIDE, Accounts
from tests.exchange.market import Market


def test_a_deposit_comes_from_outside_and_a_withdrawal_goes_there(market: Market) -> None:
    """Two postings each; outside is negative by what is inside."""
    before = market.live.accounts.issue("USD")
    market.play("""
        deposit ann 12.34 USD
        balance ann USD               -> 100012.34
        withdraw ann 100000.00 USD
        balance ann USD               -> 12.34
        withdraw ann 12.35 USD        -> reject insufficient_funds
        withdraw ann 12.34 USD
        balance ann USD               -> 0.00
        withdraw bob 1000 TREE
        withdraw bob 1 TREE           -> reject insufficient_funds
    """)
    assert market.live.accounts.issue("USD") == before - 100_000_00


def test_what_is_held_cannot_be_withdrawn() -> None:
    """Only what is available: posted less held."""
    market = Market(cash="100.00", credits=10)
    market.play("""
        place a1 ann buy 10 @ 6.00
        withdraw ann 40.01 USD        -> reject insufficient_funds
        withdraw ann 40.00 USD
        place b1 bob sell 10 @ 7.00
        withdraw bob 1 TREE           -> reject insufficient_funds
        cancel b1
        withdraw bob 1 TREE
        place c1 cat sell 10 @ 6.00   -> trade a1 10 @ 6.00
        balance ann USD               -> 0.00
    """)


def test_an_assets_issue_is_capped() -> None:
    """All that is inside fits 2^62 smallest units, so that the sum of any two numbers fits 63 bits."""
    market = Market("ann", "bob", cash="0.00", credits=0)
    market.play("""
        deposit ann 46116860184273879.03 USD
        deposit bob 0.02 USD          -> reject issue_cap_exceeded
        deposit bob 0.01 USD
        deposit bob 0.01 USD          -> reject issue_cap_exceeded
        withdraw ann 1.00 USD
        deposit bob 1.00 USD
        deposit bob 1 TREE
    """)


def test_an_off_book_deal_settles_at_once_and_without_fees(fee_market: Market) -> None:
    """Credits one way, money the other, in one event."""
    fee_market.play("""
        deal ann buys 7 from bob for 12.32
        balance ann USD               -> 99987.68
        balance ann TREE              -> 1007
        balance bob USD               -> 100012.32
        balance bob TREE              -> 993
        fees                          -> 0.00
        book asks                     -> empty
    """)


def test_an_off_book_deal_needs_what_is_available_on_both_sides() -> None:
    """The buyer is checked first; what orders hold does not count."""
    market = Market(cash="10.00", credits=5)
    market.play("""
        deal ann buys 5 from bob for 10.01    -> reject insufficient_funds
        deal ann buys 6 from bob for  9.96    -> reject insufficient_funds
        place b1 bob sell 1 @ 9.00
        deal ann buys 5 from bob for 10.00    -> reject insufficient_funds
        place a1 ann buy 1 @ 1.00
        deal ann buys 4 from bob for 10.00    -> reject insufficient_funds
        deal ann buys 4 from bob for 9.00
        balance ann USD                       -> 1.00 held 1.00
        balance bob TREE                      -> 1 held 1
    """)


def test_an_off_book_deal_has_two_sides(market: Market) -> None:
    """A user cannot deal with themselves, nor with somebody who is not there."""
    market.play("""
        deal ann buys 5 from ann for 10.00    -> error invalid_input
        delete dan sweep ann                  -> move 1000 TREE to ann, move 100000.00 USD to ann
        deal ann buys 5 from dan for 10.00    -> error not_found
        deal dan buys 5 from ann for 10.00    -> error not_found
    """)


def test_an_asset_is_not_paid_for_with_itself(market: Market) -> None:
    """It would move the same money to and fro and count as a trade."""
    with pytest.raises(InvalidInput, match="cannot be paid for with itself"):
        market.send(cmd.EnterTransaction(1, "buy", "USD", 5, "USD", 100, 2, 5, counterparty=2))


def test_a_user_who_has_anything_is_not_deleted_just_so() -> None:
    """Orders or a balance: the user stays, with both."""
    market = Market("ann", "bob", cash="5.00", credits=0)
    market.play("""
        place a1 ann buy 1 @ 5.00
        delete ann                    -> error user_not_empty
        cancel a1
        delete ann                    -> error user_not_empty
        withdraw ann 5.00 USD
        delete ann
        delete ann                    -> error not_found
        deposit ann 5.00 USD          -> error not_found
        place a2 ann buy 1 @ 5.00     -> error not_found
    """)


def test_a_sweep_cancels_the_orders_and_moves_the_balances(market: Market) -> None:
    """Orders in the order of their numbers, then assets in the order of their codes; nothing is lost."""
    market.play("""
        place a1 ann buy 10 @ 5.00
        place a2 ann sell 10 @ 6.00 until +9s
        place a3 ann buy 10 @ 5.50
        place b1 bob sell 4 @ 5.50    -> trade a3 4 @ 5.50
        delete ann sweep bob          -> cancel a1 user_deleted, cancel a2 user_deleted, cancel a3 user_deleted
                                       + move 1004 TREE to bob, move 99978.00 USD to bob
        balance bob USD               -> 200000.00
        balance bob TREE              -> 2000
        balance ann USD               -> 0.00
        book bids                     -> empty
        book asks                     -> empty
        at +9s
        due
    """)


def test_a_sweep_goes_to_another_living_user(market: Market) -> None:
    """Refused before anything is canceled or moved."""
    market.play("""
        place a1 ann buy 1 @ 5.00
        delete ann sweep ann          -> error invalid_input
        delete bob sweep cat          -> move 1000 TREE to cat, move 100000.00 USD to cat
        delete ann sweep bob          -> error not_found
        queue bids                    -> a1
    """)


def test_numbers_of_deleted_users_are_never_given_out_again(market: Market) -> None:
    """The journal knows users by number only."""
    market.play("""
        delete dan sweep ann          -> move 1000 TREE to ann, move 100000.00 USD to ann
        create eve
        balance eve USD               -> 0.00
    """)
    assert market.users["eve"] == 5


def test_a_balance_below_its_hold_or_below_zero_is_a_bug_and_stops() -> None:
    """Double entry is kept by assertions that stay on, for users; outside and fees may stand below zero."""
    accounts = Accounts()
    accounts.move(OUTSIDE, 1, "USD", 10)
    accounts.move(FEES, 1, "USD", 1)
    accounts.hold(1, "USD", 11)
    with pytest.raises(AssertionError):
        accounts.post(1, "USD", -1)
    with pytest.raises(AssertionError):
        Accounts().move(1, 2, "USD", 1)
    with pytest.raises(AssertionError):
        Accounts().hold(1, "USD", 1)
    with pytest.raises(AssertionError):
        Accounts().hold(1, "USD", -1)


def test_empty_balances_are_left_out() -> None:
    """Having had something once is no difference in state."""
    accounts = Accounts()
    accounts.move(OUTSIDE, 1, "USD", 10)
    accounts.move(1, OUTSIDE, "USD", 10)
    assert list(accounts) == []
    assert accounts.of(1) == {}
    assert accounts.available(2, "USD") == 0
