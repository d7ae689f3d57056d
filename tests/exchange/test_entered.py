"""What is agreed off the book and entered by an admin: settled at once or pending, with a user or with somebody outside."""

from __future__ import annotations

import pytest

from credit_trading.errors import InvalidInput, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES
from credit_trading.exchange.entered import MOVES, TRADES, TYPES
from credit_trading.exchange.state import dump
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, CREDIT, START_US


def test_a_deal_with_a_user_is_one_event_in_both_histories(fee_market: Market) -> None:
    """Credits one way, money the other, no fee, and a trade number that a bust may name."""
    fee_market.play("""
        enter t1 ann sell 10 TREE with bob for 50.00
        balance ann USD               -> 100050.00
        balance ann TREE              -> 990
        balance bob USD               -> 99950.00
        balance bob TREE              -> 1010
        fees                          -> 0.00
        last                          -> none
    """)
    event = fee_market.entries[-1].event
    assert isinstance(event, ev.TransactionEntered)
    assert (event.users(), event.trade, event.asset_change, event.currency_change) == ((1, 2), 1, -10, 5000)
    assert event.occurred_at_us == START_US


def test_each_type_moves_what_it_says_against_the_outside_world(market: Market) -> None:
    """A buyer pays the fee on top, a seller out of the proceeds; what comes in may say what it cost, and nobody pays that here."""
    market.play("""
        enter t1 ann deposit 7 TREE for 70.00
        enter t2 ann correction_in 3 TREE for 9.99
        enter t3 ann transfer_in 10 TREE
        balance ann TREE              -> 1020
        balance ann USD               -> 100000.00
        enter t4 ann withdrawal 7 TREE
        enter t5 ann correction_out 3 TREE
        enter t6 ann transfer_out 10 TREE
        balance ann TREE              -> 1000
        enter t7 ann buy 10 TREE for 50.00 fee 0.25
        balance ann TREE              -> 1010
        balance ann USD               -> 99949.75
        enter t8 ann sell 10 TREE for 50.00 fee 0.25
        balance ann USD               -> 99999.50
        enter t9 ann fee 9.50 USD
        balance ann USD               -> 99990.00
        fees                          -> 0.00
        enter t10 ann fee 9.50 USD earned
        fees                          -> 9.50
    """)
    kinds = [entry.event.transaction_type for entry in market.entries if isinstance(entry.event, ev.TransactionEntered)]
    assert set(kinds) == set(TYPES)
    assert all(event.trade is None for event in _entered(market)), "only a deal between two users can be busted"
    assert market.live.accounts.balance(FEES, CASH).posted == 950


def test_a_fee_above_the_proceeds_is_paid_by_the_seller(market: Market) -> None:
    """Out of what is there; if it is not, nothing is sold."""
    market.play("""
        withdraw ann 99999.00 USD
        enter t1 ann sell 1 TREE for 1.00 fee 2.01    -> reject insufficient_funds
        enter t1 ann sell 1 TREE for 1.00 fee 2.00
        balance ann USD                               -> 0.00
        balance ann TREE                              -> 999
    """)


def test_what_is_not_there_cannot_be_given() -> None:
    """By whichever side; what orders hold does not count."""
    market = Market(cash="10.00", credits=5)
    market.play("""
        place a1 ann buy 1 @ 4.00
        enter t1 ann withdrawal 6.01 USD               -> reject insufficient_funds
        enter t1 ann fee 6.01 USD earned               -> reject insufficient_funds
        enter t1 ann buy 2 TREE for 6.00 fee 0.01      -> reject insufficient_funds
        enter t1 ann buy 2 TREE with bob for 6.02      -> reject insufficient_funds
        enter t1 ann sell 2 TREE with bob for 10.02    -> reject insufficient_funds
        enter t1 ann transfer_in 6 TREE with bob       -> reject insufficient_funds
    """)
    event = market.entries[-1].event
    assert isinstance(event, ev.CommandRejected)
    assert (event.user, event.other, event.command) == (2, 1, "EnterTransaction"), "whoever lacks it comes first"
    market.play("""
        enter t1 ann transfer_in 5 TREE with bob
        balance bob TREE                               -> 0
    """)


def test_no_more_comes_in_than_accounts_can_hold() -> None:
    """When it is entered, and again when it is settled: others may have brought something in meanwhile."""
    Market("ann", "bob", cash="0.00", credits=0).play("""
        deposit ann 46116860184273879.03 USD
        enter t1 ann deposit 0.02 USD               -> reject issue_cap_exceeded
        enter t1 ann deposit 0.02 USD pending       -> reject issue_cap_exceeded
        enter t2 ann deposit 0.01 USD pending
        enter t3 bob transfer_in 9000000.00 USD with ann pending
        deposit bob 0.01 USD
        update t2 settled                           -> reject issue_cap_exceeded
        update t3 settled
        withdraw bob 0.01 USD
        update t2 settled
        enter t4 ann fee 1.00 USD earned
        enter t5 ann deposit 0.01 USD               -> reject issue_cap_exceeded
    """)


def test_a_pending_transaction_holds_what_it_will_take(market: Market) -> None:
    """From both sides; settled it is as if it had been entered so, and only now it is a trade."""
    market.play("""
        enter t1 ann buy 10 TREE with bob for 50.00 pending
        balance ann USD               -> 100000.00 held 50.00
        balance bob TREE              -> 1000 held 10
        balance bob USD               -> 100000.00
        withdraw ann 99950.01 USD     -> reject insufficient_funds
        place b1 bob sell 991 @ 5.00  -> reject insufficient_funds
        enter t2 cat deposit 5 TREE pending
        balance cat TREE              -> 1000
        enter t3 cat fee 5.00 USD earned pending
        balance cat USD               -> 100000.00 held 5.00
    """)
    assert market.live.last_trade == 0
    assert [event.trade for event in _entered(market)] == [None, None, None]
    market.play("""
        update t1 settled by bob
        balance ann USD               -> 99950.00
        balance ann TREE              -> 1010
        balance bob TREE              -> 990
        balance bob USD               -> 100050.00
        update t2 settled
        balance cat TREE              -> 1005
        fees                          -> 0.00
        update t3 settled
        fees                          -> 5.00
    """)
    assert market.live.last_trade == 1
    assert not market.live.pending_transactions
    market.check_history()


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_what_comes_to_nothing_gives_back_what_it_held(market: Market, status: str) -> None:
    market.play(f"""
        enter t1 ann buy 10 TREE with bob for 50.00 pending
        update t1 {status}
        balance ann USD               -> 100000.00
        balance bob TREE              -> 1000
    """)
    assert market.live.last_trade == 0


def test_only_what_is_pending_can_be_moved_on(market: Market) -> None:
    """Once, by one of its sides, and to one of the other statuses."""
    market.play("""
        enter t1 ann transfer_out 10 TREE with bob pending
        update t1 settled by cat      -> error not_found
        update t1 pending             -> error invalid_input
        update t1 done                -> error invalid_input
        update t1 settled id k1
        update t1 settled id k1       -> repeated done
        update t1 settled             -> reject transaction_not_pending
        update t1 failed by bob       -> reject transaction_not_pending
        enter t2 ann deposit 10 TREE
        update t2 cancelled           -> reject transaction_not_pending
        update #999 settled           -> error not_found
        balance bob TREE              -> 1010
    """)


def test_what_is_due_is_cancelled_before_anything_else_happens(market: Market) -> None:
    """By its moment and number; at the same moment orders come first. So what it held can pay for the command that comes then."""
    market.play("""
        enter t2 bob withdrawal 1000 TREE pending until +7s
        enter t1 ann buy 10 TREE with bob for 50.00 pending until +5s   -> reject insufficient_funds
        enter t1 ann transfer_out 1000 TREE with bob pending until +5s
        place a1 ann buy 1 @ 5.00 until +5s
        enter t3 cat fee 1.00 USD pending until +5s
        at +4s
        due
        withdraw ann 1 TREE           -> reject insufficient_funds
        at +5s
        withdraw ann 1000 TREE        -> expire a1, cancelled t1 expired, cancelled t3 expired
        at +8s
        due                           -> cancelled t2 expired
        balance bob TREE              -> 1000
        update t2 settled             -> reject transaction_not_pending
    """)
    market.check_history()


def test_an_expiry_lies_ahead_and_is_for_what_is_pending(market: Market) -> None:
    market.play("""
        at +5s
        enter t1 ann deposit 1 TREE until +9s             -> error invalid_input
        enter t1 ann deposit 1 TREE pending until +5s     -> reject expires_in_the_past
        enter t1 ann deposit 1 TREE pending until +6s
    """)


def test_it_may_have_happened_before_and_not_after(market: Market) -> None:
    """The time of entry is the journal's; that of the deed stands in the event."""
    market.play("""
        enter t1 ann deposit 1 TREE was -3s
        enter t2 ann deposit 1 TREE was +0s
        enter t3 ann deposit 1 TREE was +0.000001s        -> error invalid_input
        at +5s
        enter t4 ann deposit 1 TREE
    """)
    assert [event.occurred_at_us - START_US for event in _entered(market)] == [-3_000_000, 0, 5_000_000]


def test_what_is_guarded_is_ended_by_a_guarded_update_alone(market: Market) -> None:
    """Credits that another database waits for: were they free here before it says so, they could be in both places."""
    market.play("""
        enter t1 ann withdrawal 1000 TREE pending guarded
        withdraw ann 1 TREE                 -> reject insufficient_funds
        update t1 settled                   -> reject transaction_guarded
        update t1 cancelled                 -> reject transaction_guarded
        update t1 failed                    -> reject transaction_guarded
        update t1 failed guarded by bob     -> error not_found
        update t1 done guarded              -> error invalid_input
        balance ann TREE                    -> 1000 held 1000
        update t1 settled guarded id k1
        update t1 settled guarded id k1     -> repeated done
        update t1 failed guarded            -> reject transaction_not_pending
        balance ann TREE                    -> 0
        enter t2 bob withdrawal 10 TREE pending guarded
        suspend bob
        at +9000s
        due
        balance bob TREE                    -> 1000 held 10
        update t2 failed guarded
        balance bob TREE                    -> 1000
    """)
    market.check_history()


def test_a_guarded_update_moves_nothing_else_on(market: Market) -> None:
    """What an administrator has entered is theirs to end."""
    market.play("""
        enter t1 ann withdrawal 10 TREE pending
        update t1 settled guarded           -> reject transaction_not_guarded
        enter t2 ann deposit 10 TREE
        update t2 settled guarded           -> reject transaction_not_pending
        update t1 settled
        balance ann TREE                    -> 1000
    """)


def test_a_repeated_id_with_another_guard_asks_for_something_else(market: Market) -> None:
    market.play("""
        enter t1 ann withdrawal 10 TREE pending guarded id k1
        enter t1 ann withdrawal 10 TREE pending id k1           -> error command_conflict
        enter t1 ann withdrawal 10 TREE pending guarded id k1   -> repeated done
    """)


@pytest.mark.parametrize("words", ["", "pending until +5s", "pending with bob"])
def test_what_ends_by_itself_or_has_another_side_cannot_be_guarded(market: Market, words: str) -> None:
    """Settled at once, by time, or by whoever deletes the other user."""
    before = market.live.sequence
    market.play(f"""
        enter t1 ann transfer_out 10 TREE guarded {words}       -> error invalid_input
        balance ann TREE                                        -> 1000
    """)
    assert market.live.sequence == before


def test_whoever_has_a_guarded_transaction_cannot_be_deleted() -> None:
    """Swept or not: nothing is canceled, moved or given up before it is refused; once it has ended they may go."""
    market = Market("ann", "bob")
    market.play("""
        place a1 ann buy 1 @ 5.00
        enter t1 ann transfer_out 1 TREE with bob pending
        enter t2 ann withdrawal 999 TREE pending guarded
    """)
    before = dump(market.live)
    for sweep_to in (2, None):
        with pytest.raises(UserNotEmpty, match=f"still has transaction {market.transactions['t2']}, .* has not ended"):
            market.send(cmd.DeleteUser(1, sweep_to))
    assert dump(market.live) == before
    market.play("""
        update t2 settled guarded
        delete ann sweep bob      -> cancel a1 user_deleted, cancelled t1 user_deleted
                                   + move 1 TREE to bob, move 100000.00 USD to bob
    """)


def test_guarded_income_keeps_its_user_too() -> None:
    """There is no balance to sweep, and yet the other database counts on it."""
    market = Market("ann", "bob", cash="0.00", credits=0)
    market.play("""
        enter t1 ann deposit 10 TREE pending guarded
        delete ann                -> error user_not_empty
        delete bob
    """)


def test_commands_without_a_guard_have_the_content_that_they_always_had() -> None:
    """Digests of money movements are remembered for ever: as they were computed before there was a guard."""
    entered = cmd.EnterTransaction(1, "withdrawal", CASH, 500, pending=True, external_reference="R-1")
    moved_on = cmd.UpdateTransaction(1, 17, "settled")
    contents = [cmd.Request.of(command, command_id="k", prepared_us=0).content for command in (entered, moved_on)]
    assert contents == ["226a6cb20b989431", "81f2337e074bb24e"]


def test_a_suspended_users_deals_are_refused_and_pending_ones_stay(market: Market) -> None:
    """Money may still come and go, and what was agreed before may be settled."""
    market.play("""
        enter t1 ann buy 10 TREE with bob for 50.00 pending
        suspend bob
        enter t2 ann buy 1 TREE with bob for 5.00     -> reject user_suspended
        enter t2 bob sell 1 TREE for 5.00             -> reject user_suspended
        enter t2 bob transfer_out 1 TREE with ann
        enter t3 bob fee 1.00 USD earned
        update t1 settled
        balance bob TREE                              -> 989
    """)


def test_a_deleted_users_pending_transactions_are_cancelled(market: Market) -> None:
    """On whichever side, after the orders and before the sweep: nothing is held when the balances go."""
    market.play("""
        enter t1 ann transfer_out 10 TREE with bob pending
        enter t2 bob buy 1 TREE with ann for 5.00 pending until +9s
        enter t3 cat buy 1 TREE with bob for 5.00 pending
        place a1 ann buy 1 @ 5.00
        delete ann sweep cat      -> cancel a1 user_deleted, cancelled t1 user_deleted, cancelled t2 user_deleted
                                   + move 1000 TREE to cat, move 100000.00 USD to cat
        balance bob USD           -> 100000.00
        balance bob TREE          -> 1000 held 1
        update t1 settled by bob  -> reject transaction_not_pending
        at +9s
        due
    """)


def test_pending_income_keeps_nobody_from_going() -> None:
    """It is no balance and no order: there is nothing to sweep."""
    Market("ann", "bob", cash="0.00", credits=0).play("""
        enter t1 ann deposit 10 TREE pending
        delete ann                -> cancelled t1 user_deleted
        update t1 settled by ann  -> error not_found
    """)


@pytest.mark.parametrize(
    "words",
    [
        "ann swap 10 TREE",
        "ann deposit 10 TREE with bob",
        "ann fee 10 TREE with bob",
        "ann correction_in 10 TREE with bob",
        "ann transfer_in 10 TREE with ann",
        "ann withdrawal 10 TREE for 5.00",
        "ann transfer_out 10 TREE with bob for 5.00",
        "ann buy 10 TREE",
        "ann sell 10 TREE with bob",
        "ann buy 10 TREE with bob for 5.00 fee 0.01",
        "ann deposit 10 TREE for 5.00 fee 0.01",
        "ann deposit 10.00 USD for 5.00",
        "ann deposit 10 TREE earned",
    ],
)
def test_what_does_not_go_together_raises_and_leaves_nothing(market: Market, words: str) -> None:
    before = market.live.sequence
    market.play(f"enter t1 {words} -> error invalid_input")
    assert market.live.sequence == before


@pytest.mark.parametrize(
    "terms",
    [
        {"total": 5001},
        {"total": None},
        {"price": None},
        {"price_decimals": None},
        {"currency": None},
        {"price": 5, "total": 0},
        {"quantity": 0, "total": 0},
        {"quantity": -10, "total": -5000},
        {"fee": -1, "counterparty": None},
        {"quantity": 2**54, "total": 2**54 * 500},
    ],
)
def test_a_trades_numbers_are_positive_and_its_total_exact(market: Market, terms: dict[str, int | None]) -> None:
    """Whoever prepared the command: the engine does not believe them."""
    good = {"quantity": 10, "currency": CASH, "price": 500, "price_decimals": 2, "total": 5000, "counterparty": 2}
    with pytest.raises(InvalidInput):
        market.send(cmd.EnterTransaction(1, "buy", CREDIT, **{**good, **terms}))  # type: ignore[arg-type]
    market.send(cmd.EnterTransaction(1, "buy", CREDIT, **good))  # type: ignore[arg-type]


def test_unknown_names_are_not_found(market: Market) -> None:
    before = market.live.sequence
    for command in (
        cmd.EnterTransaction(9, "deposit", CREDIT, 1),
        cmd.EnterTransaction(1, "transfer_in", CREDIT, 1, counterparty=9),
        cmd.EnterTransaction(1, "deposit", "GOLD", 1),
        cmd.EnterTransaction(1, "deposit", CREDIT, 1, "EUR", 100, 2, 100),
        cmd.UpdateTransaction(9, 1, "settled"),
        cmd.SetCostMethod(9, "fifo"),
    ):
        with pytest.raises(Exception, match=r"no such (user|asset)"):
            market.send(command)
    assert market.live.sequence == before


def test_the_cost_method_is_told_and_moves_nothing(market: Market) -> None:
    before = list(market.live.accounts)
    (entry,) = market.send(cmd.SetCostMethod(1, "fifo"))
    assert (entry.event, entry.user_a) == (ev.CostMethodChanged(1, "fifo"), 1)
    with pytest.raises(InvalidInput, match="average, fifo"):
        market.send(cmd.SetCostMethod(1, "lifo"))
    assert list(market.live.accounts) == before
    market.check()


def test_a_deal_that_was_pending_can_be_busted_once_it_is_settled(fee_market: Market) -> None:
    """Both kinds; each gives back exactly what it moved."""
    fee_market.play("""
        enter t1 ann buy 10 TREE with bob for 50.00
        enter t2 ann sell 4 TREE with bob for 30.00 pending
        update t2 settled
        bust 2
        bust 1
        balance ann USD               -> 100000.00
        balance ann TREE              -> 1000
        balance bob USD               -> 100000.00
        bust 1                        -> repeated done
    """)


def test_every_type_is_a_trade_or_a_move() -> None:
    assert set(TYPES) == set(TRADES) | set(MOVES)
    assert not set(TRADES) & set(MOVES)


def _entered(market: Market) -> list[ev.TransactionEntered]:
    return [entry.event for entry in market.entries if isinstance(entry.event, ev.TransactionEntered)]
