"""Orders that are worked outside: they hold what they need, stand in no book, and are filled by reports alone."""

from __future__ import annotations

import pytest

from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.state import state_digest
from credit_trading.verify.state import check_state
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, CREDIT, START_US, SYMBOL


def test_it_stands_in_no_book_and_meets_nobody(told_market: Market) -> None:
    """Neither those that would trade with it nor those that come later; no price is made."""
    told_market.play("""
        place b1 bob sell 5 @ 5.00                                                | - / 5.00 x 5
        outside e1 ann buy 5 @ 6.00                                               | - / 5.00 x 5
        outside e2 cat sell 5 @ 4.00                                              | - / 5.00 x 5
        place c1 cat sell 5 @ 5.50                                                | - / 5.00 x 5, 5.50 x 5
        order e1                  -> new 0 of 5 @ 6.00 outside hold 30.00         | - / 5.00 x 5, 5.50 x 5
        order e2                  -> new 0 of 5 @ 4.00 outside hold 5             | - / 5.00 x 5, 5.50 x 5
        fill e1 5 @ 5.90                                                          | - / 5.00 x 5, 5.50 x 5
        last                      -> none                                         | - / 5.00 x 5, 5.50 x 5
        cancel e2                                                                 | - / 5.00 x 5, 5.50 x 5
        balance cat TREE          -> 1000 held 5                                  | - / 5.00 x 5, 5.50 x 5
    """)


def test_it_neither_elects_stops_nor_is_in_the_way_of_its_owner(market: Market) -> None:
    """Self-trade prevention and stops look at the book, and it is not there."""
    market.play("""
        place s1 bob buy 1 @ 9.00 stop 6.00
        outside e1 ann sell 5 @ 6.00
        place a1 ann buy 5 @ 6.00
        place c1 cat sell 5 @ 6.00    -> trade a1 5 @ 6.00, trigger s1 @ 9.00
        fill e1 rest @ 9.00
        order s1                      -> new 0 of 1 @ 9.00 hold 9.00
    """)


def test_its_rates_bind_nobody() -> None:
    """It pays none here; orders in the book, and users' own rates, may have rebates as before."""
    Market(maker="-0.001", taker="0.002").play("""
        outside e1 ann buy 5 @ 5.00
        place a1 bob buy 5 @ 5.00
        rules maker -0.0015 taker 0.0015
        userfees cat -0.001 0.0015
        place c1 cat sell 5 @ 5.00    -> trade a1 5 @ 5.00 fees 0.04/-0.02
    """)


def test_its_fills_come_from_outside_and_cost_what_was_charged_there(fee_market: Market) -> None:
    """The exchange charges nothing, whatever its rates; what is held pays first, and what a better price leaves is free at once."""
    outside = fee_market.live.accounts.issue(CASH), fee_market.live.accounts.issue(CREDIT)
    fee_market.play("""
        outside e1 ann buy 10 @ 5.00
        balance ann USD               -> 100000.00 held 50.00
        fill e1 4 @ 4.75 fee 0.10
        answer                        -> partially_filled 4 of 10 for 19.00 fees 0.10
        balance ann USD               -> 99980.90 held 30.00
        balance ann TREE              -> 1004
        fill e1 rest @ 5.00 fee 0.20
        answer                        -> filled 10 of 10 for 49.00 fees 0.30
        balance ann USD               -> 99950.70
        balance ann TREE              -> 1010
        order e1                      -> closed
        outside e2 ann sell 10 @ 5.00
        fill e2 3 @ 5.5 fee 0.50
        balance ann TREE              -> 1007 held 7
        balance ann USD               -> 99966.70
        fees                          -> 0.00
    """)
    assert fee_market.live.accounts.issue(CASH) == outside[0] - 5000 + 70 + 1600
    assert fee_market.live.accounts.issue(CREDIT) == outside[1] + 7


def test_a_report_says_how_the_order_stands_after_it(market: Market) -> None:
    """OrderQty, CumQty and the totals: whoever repeats it much later is told what was told at first."""
    market.play("""
        outside e1 ann buy 10 @ 5.00
        at +5s
        fill e1 4 @ 4.75 fee 0.10 was +2s
        fill e1 6 @ 4.00 fee 0.20
    """)
    first, last = (entry.event for entry in market.entries if isinstance(entry.event, ev.OrderFilledOutside))
    assert first == ev.OrderFilledOutside(
        *(1, 1, SYMBOL, "buy", START_US + 2_000_000, 4, 475, 2, 1900, 10, 2000),
        *(10, 4, 1900, 10),
    )
    assert isinstance(last, ev.OrderFilledOutside)
    assert (last.order_lots, last.filled_lots, last.filled_value, last.fees) == (10, 10, 4300, 30)
    assert (last.released, last.occurred_at_us) == (3000, START_US + 5_000_000)


def test_a_sell_may_go_at_market_and_a_buy_needs_its_limit(market: Market) -> None:
    """Nobody knows what a buy without a limit would cost."""
    market.play("""
        outside e1 ann buy 10 market              -> error invalid_input
        outside e1 ann sell 10 market
        order e1                                  -> new 0 of 10 market outside hold 10
        fill e1 9 @ 0.01
        fill e1 rest @ 900.00
        balance ann USD                           -> 100900.09
    """)
    market.check_history()


@pytest.mark.parametrize("force", ["IOC", "FOK"])
def test_it_waits_for_reports(market: Market, force: str) -> None:
    market.play(f"outside e1 ann buy 10 @ 5.00 {force}  -> error invalid_input")


def test_it_is_checked_as_an_order_for_the_book_but_for_the_book(market: Market) -> None:
    """Suspension, status, name, expiry, filters and funds, in their order; no opposite price is needed."""
    market.play("""
        rules min-quantity 2 max-quantity 9 min-value 20.00 band 0.10 reference 5.00 max-open 1
        outside e1 ann buy 1 @ 5.00                     -> reject quantity_too_small
        outside e1 ann buy 10 @ 5.00                    -> reject quantity_too_large
        outside e1 ann buy 2 @ 5.00                     -> reject value_too_small
        outside e1 ann buy 5 @ 5.51                     -> reject price_outside_band
        outside e1 ann buy 5 @ 5.00 DAY                 -> reject no_session_end
        outside e1 ann buy 5 @ 5.00 until +0s           -> reject expires_in_the_past
        outside e2 ann sell 5 market named x
        outside e3 ann sell 5 market                    -> reject too_many_open_orders
        place a1 ann buy 5 @ 5.00                       -> reject too_many_open_orders
        rules max-open none
        place a1 ann buy 5 @ 5.00 named x               -> reject duplicate_client_order_id
        withdraw ann 99980.00 USD
        outside e3 ann buy 5 @ 5.00                     -> reject insufficient_funds
        close
        outside e3 ann buy 4 @ 5.00                     -> reject instrument_closed
        halt
        outside e3 ann buy 4 @ 5.00                     -> reject instrument_halted
        suspend ann                                     -> cancel e2 user_suspended
        outside e3 ann buy 4 @ 5.00                     -> reject user_suspended
    """)
    event = market.entries[-1].event
    assert isinstance(event, ev.OrderRejected)
    assert (event.route, event.code) == ("external", "user_suspended")


def test_what_has_happened_is_taken_whether_or_not_the_instrument_trades(market: Market) -> None:
    market.play("""
        outside e1 ann buy 10 @ 5.00
        halt
        fill e1 4 @ 5.00
        resume
        close
        fill e1 rest @ 5.00
        balance ann TREE              -> 1010
    """)


def test_a_fill_is_within_the_orders_limit_and_quantity(market: Market) -> None:
    """By the exact price, however fine it is."""
    market.play("""
        outside e1 ann buy 100 @ 5.00
        fill e1 100 @ 5.0001          -> reject price_worse_than_limit
        fill e1 101 @ 4.00            -> reject quantity_above_remaining
        fill e1 50 @ 4.9998
        outside e2 ann sell 100 @ 5.00
        fill e2 100 @ 4.9999          -> reject price_worse_than_limit
        fill e2 50 @ 5
        fill e2 51 @ 4.00             -> reject quantity_above_remaining
        fill e2 rest @ 5.0002
        balance ann USD               -> 100250.02 held 250.00
    """)


def test_what_is_not_exact_to_the_smallest_unit_raises(market: Market) -> None:
    """Nothing is rounded; the report may name each price by itself."""
    market.play("""
        outside e1 ann buy 100 @ 5.00
        fill e1 3 @ 4.995             -> error invalid_input
        fill e1 1 @ 0.001             -> error invalid_input
        fill e1 1 @ 0.00              -> error invalid_input
        fill e1 2 @ 4.995
        answer                        -> partially_filled 2 of 100 for 9.99 fees 0.00
    """)


def test_a_fee_beyond_the_funds_is_refused() -> None:
    """What the fill releases pays for it too, and what other orders hold does not."""
    market = Market(cash="50.00", credits=10)
    market.play("""
        outside e1 ann buy 5 @ 5.00
        place a1 ann buy 5 @ 4.00
        fill e1 5 @ 4.00 fee 10.01    -> reject insufficient_funds
        fill e1 5 @ 4.00 fee 10.00
        balance ann USD               -> 20.00 held 20.00
        outside e2 bob sell 5 @ 1.00
        withdraw bob 49.00 USD
        fill e2 2 @ 1.00 fee 3.01     -> reject insufficient_funds
        fill e2 2 @ 1.00 fee 3.00
        balance bob USD               -> 0.00
        balance bob TREE              -> 8 held 3
    """)


def test_no_more_is_filled_than_accounts_can_hold() -> None:
    """Neither in one report nor over an order's life."""
    market = Market("ann", "bob", cash="0.00", credits=10)
    market.play("""
        outside e1 ann sell 3 @ 1.00
        fill e1 1 @ 46116860184273879.05      -> reject value_too_large
        fill e1 1 @ 46116860184273879.04
        fill e1 1 @ 1.00                      -> reject value_too_large
        outside e2 bob sell 3 @ 1.00
        fill e2 1 @ 1.00                      -> reject issue_cap_exceeded
        withdraw ann 1.00 USD
        fill e2 1 @ 1.00
    """)


def test_only_open_orders_of_the_user_that_are_worked_outside_are_reported_on(market: Market) -> None:
    market.play("""
        place a1 ann buy 5 @ 5.00
        fill a1 1 @ 5.00                  -> reject order_not_external
        outside e1 ann buy 5 @ 5.00 named x
        fill e1 1 @ 5.00 by bob           -> error not_found
        fill #9 1 @ 5.00 by ann           -> error not_found
        fill named:y 1 @ 5.00 by ann      -> error not_found
        fill named:x 1 @ 5.00 by ann
        cancel named:x by ann
        fill e1 1 @ 5.00                  -> reject order_not_open
        fill e1 1 @ 5.00 was +1s          -> reject order_not_open
        outside e2 ann buy 5 @ 5.00
        fill e2 1 @ 5.00 was +1s          -> error invalid_input
    """)
    with pytest.raises(InvalidInput, match="TREE/USD"):
        market.send(cmd.FillOutside(1, "OTHER/USD", market.orders["e2"], None, 1, 500, 2))


def test_it_is_not_filled_before_it_was_placed(market: Market) -> None:
    """At the same moment it may be."""
    market.play("""
        at +5s
        outside e1 ann buy 5 @ 5.00
        at +9s
        fill e1 1 @ 5.00 was +4.999999s   -> error invalid_input
        fill e1 1 @ 5.00 was +5s
    """)
    with pytest.raises(InvalidInput, match="before the order was placed"):
        market.send(cmd.FillOutside(1, SYMBOL, market.orders["e1"], None, 1, 500, 2, occurred_at_us=START_US))


def test_it_is_not_amended(market: Market) -> None:
    market.play("""
        outside e1 ann buy 5 @ 5.00
        amend e1 quantity 4               -> reject order_is_external
        amend e1 until +9s                -> reject order_is_external
        order e1                          -> new 0 of 5 @ 5.00 outside hold 25.00
    """)


def test_it_ends_as_others_do(market: Market) -> None:
    """Cancel, mass cancel, expiry, the end of the session, suspension, deletion; each gives back what is held."""
    market.play("""
        schedule +0s-+20s
        outside e1 ann buy 5 @ 5.00
        outside e2 ann buy 5 @ 5.00 until +5s
        outside e3 ann sell 5 market DAY
        outside e4 bob buy 5 @ 5.00
        outside e5 cat buy 5 @ 5.00
        fill e1 1 @ 5.00
        fill e2 1 @ 5.00
        cancel e1
        at +5s
        due                               -> expire e2
        balance ann USD                   -> 99990.00
        cancel-all bob                    -> mass cancel of 1, cancel e4 mass_cancel
        suspend cat                       -> cancel e5 user_suspended
        outside e6 dan buy 5 @ 5.00
        outside e7 ann buy 5 @ 5.00
        cancel-all here                   -> mass cancel of 3, cancel e3 mass_cancel, cancel e6 mass_cancel, cancel e7 mass_cancel
        outside e8 ann sell 5 market DAY
        at +20s
        due                               -> expire e8 session_ended, session closes
        open
        outside e9 dan buy 5 @ 5.00
        delete dan sweep ann              -> cancel e9 user_deleted, move 1000 TREE to ann, move 100000.00 USD to ann
        balance ann TREE                  -> 2002
    """)
    assert not market.live.orders
    assert not market.live.markets[SYMBOL].external


def test_its_name_and_its_id_are_as_an_orders(market: Market) -> None:
    """The first answer again while it is remembered; another order under the name is refused."""
    market.play("""
        outside e1 ann buy 5 @ 5.00 named x id user1/order/x
        outside e2 ann buy 5 @ 5.00 named x id user1/order/x      -> repeated new
        outside e2 ann buy 6 @ 5.00 named x id user1/order/x      -> error command_conflict
        outside e2 ann buy 6 @ 5.00 named x                       -> reject duplicate_client_order_id
        fill named:x rest @ 5.00 by ann id k1
        fill named:x rest @ 5.00 by ann id k1                     -> repeated filled
        fill named:x 1 @ 5.00 by ann id k1                        -> error command_conflict
        balance ann TREE                                          -> 1005
    """)


def test_a_saved_state_keeps_what_is_worked_outside_and_what_is_pending(market: Market) -> None:
    """In the order in which they came, with what is filled; and goes on alike."""
    market.play("""
        outside e1 ann sell 5 market until +9s
        outside e2 bob buy 5 @ 5.00 named x
        fill e2 2 @ 4.50 fee 0.10
        place c1 cat buy 5 @ 5.00
        enter t1 ann buy 1 TREE with bob for 5.00 pending until +8s
        enter t2 cat fee 1.00 USD earned pending
    """)
    market.check_history()
    assert [order.route for order in market.live.orders.values()] == ["external", "external", "internal"]


@pytest.mark.parametrize("spoil", ["route", "hold", "external", "pending"])
def test_the_digest_and_the_checks_see_what_is_wrong(spoil: str) -> None:
    """Planted: an order in two places or none, a hold that nobody needs, a pending transaction that nothing is held for."""
    market = Market()
    market.play("""
        outside e1 ann sell 5 market
        place a1 bob buy 5 @ 5.00
        enter t1 ann fee 1.00 USD pending
    """)
    live = market.live
    if spoil == "route":
        live.orders[2].route = "external"
    elif spoil == "hold":
        live.orders[1].hold -= 1
    elif spoil == "external":
        live.markets[SYMBOL].external.clear()
    else:
        live.pending_transactions.clear()
    assert check_state(live)
    if spoil != "route":  # where an order stands tells the digest which way it goes
        assert state_digest(live) != state_digest(market.followed)
