"""Saving, loading and comparing replicas; and that entries are applied in their turn or not at all."""

from __future__ import annotations

import pytest

from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import dump, restore, state_digest
from tests.exchange.market import Market
from tests.exchange.replicas import START_US, SYMBOL, calendar


def _played(*scripts: str) -> Market:
    market = Market()
    for script in scripts:
        market.play(script)
    return market


def test_the_digest_is_of_what_is_owned_ordered_and_listed() -> None:
    """When it happened and under which ids makes no difference."""
    orders = "place a1 ann sell 5 @ 5.00 {} \n place b1 bob buy 2 @ 5.00 {} -> trade a1 2 @ 5.00"
    early, late = _played(orders.format("", "")), _played("at +60s", orders.format("id k1", "id k2"))
    assert state_digest(early.live) == state_digest(late.live)
    assert dump(early.live) != dump(late.live)


@pytest.mark.parametrize(
    "difference",
    [
        "deposit ann 0.01 USD",
        "place a3 ann sell 1 @ 6.00",
        "amend a1 quantity 4",
        "amend a1 price 5.01",
        "cancel a2",
        "create eve",
        "halt",
        "close",
        "suspend bob",
        "rules max-open 9",
        "userfees bob 0.01 0.01",
        "schedule +0s-+10s",
        "amend a1 show 2",
        "amend a1 until +9s",
        "place s1 ann buy 1 market stop 9.00",
    ],
)
def test_the_digest_tells_states_apart(difference: str) -> None:
    """A cent, a lot, a place in the queue, a status, a user, a rule, a slice, an expiry, a stop."""
    book = "place a1 ann sell 5 @ 5.00 \n place a2 ann sell 5 @ 5.00"
    assert state_digest(_played(book).live) != state_digest(_played(book, difference).live)


def test_the_digest_sees_who_stands_first() -> None:
    """Two books of equal depth and equal orders, one of which was amended there and back."""
    book = "place a1 ann sell 5 @ 5.00 \n place b1 bob sell 5 @ 5.00"
    there_and_back = "amend a1 price 5.01 \n amend a1 price 5.00"
    assert state_digest(_played(book).live) != state_digest(_played(book, there_and_back).live)


def test_a_loaded_replica_knows_slices_stops_and_modes(market: Market) -> None:
    """What an order will do later is part of the state: the same command has the same consequences on both."""
    market.play("""
        place a1 ann sell 9 @ 5.00 show 2 stp decrement
        place b1 bob sell 4 @ 5.00
        place c1 cat buy 1 @ 5.00              -> trade a1 1 @ 5.00
        place s1 bob buy 3 market stop 5.01 stp cancel_oldest
        place s2 bob sell 3 @ 4.00 stop 4.99 show 1
        place a2 ann sell 2 @ 5.01 DAY         -> reject no_session_end
        schedule +0s-+5s +8s-+9s
        place a3 ann sell 2 @ 5.01 DAY post-only
        place a4 ann buy 2 @ 3.00 DAY
        userfees cat 0.01 0.02
        rules band 0.50 max-open 9
        place x1 ann buy 1 @ 4.00 named x
        cancel x1
        bust 1
    """)
    loaded = restore(dump(market.live))
    before = len(market.entries)
    sweep = cmd.PlaceOrder(4, SYMBOL, True, 13, 501, "GTC")
    market.send(sweep, command_id="k")
    engine.handle(
        loaded, cmd.Request.of(sweep, command_id="k", prepared_us=0), time_us=market.time_us, calendar=calendar
    )
    engine.advance(loaded, time_us=START_US + 9_000_000, calendar=calendar)
    market.time_us = START_US + 9_000_000
    market.advance()
    assert loaded.take_pending() == market.entries[before:]
    assert dump(loaded) == dump(market.live)
    kinds = {entry.event.kind for entry in market.entries[before:]}
    assert kinds >= {"trade", "order_refreshed", "order_triggered", "order_expired", "instrument_status_changed"}


def test_a_rejection_is_no_difference_in_state() -> None:
    """It stands in the history, and only there."""
    refused = """
        withdraw ann 999999.00 USD    -> reject insufficient_funds
        place a1 ann sell 1 market    -> reject no_opposite_price
    """
    assert state_digest(_played(refused).live) == state_digest(_played().live)


def test_a_loaded_replica_sweeps_a_users_orders_in_the_same_order(market: Market) -> None:
    """By their numbers: the order in which they lie in memory differs."""
    market.play("""
        place a1 ann sell 1 @ 5.02
        place a2 ann sell 1 @ 5.01
        place a3 ann buy 1 @ 4.98
        place a4 ann buy 1 @ 4.99
        amend a2 price 5.03
    """)
    loaded = restore(dump(market.live))
    request = cmd.Request.of(cmd.DeleteUser(1, 2), command_id="k", prepared_us=0)
    engine.handle(loaded, request, time_us=START_US)
    canceled = [entry.event.order for entry in loaded.take_pending() if isinstance(entry.event, ev.OrderCanceled)]
    assert canceled == [1, 2, 3, 4]
    market.play("""
        delete ann sweep bob          -> cancel a1 user_deleted, cancel a2 user_deleted
                                       + cancel a3 user_deleted, cancel a4 user_deleted
                                       + move 1000 TREE to bob, move 100000.00 USD to bob
    """)
    assert dump(loaded).balances == dump(market.live).balances


def test_entries_out_of_turn_are_a_bug_and_stop(market: Market) -> None:
    """A gap, a repetition, a wrong number in a user's history: never something to go on from."""
    last = market.entries[-1]
    with pytest.raises(AssertionError, match="journal entry"):
        market.live.apply(last)
    with pytest.raises(AssertionError, match="journal entry"):
        Replica().apply(last)
    replayed = Replica()
    for entry in market.entries[:-1]:
        replayed.apply(entry)
    wrong = ev.Entry(
        last.sequence, last.time_us, last.cause, last.content, last.event, last.user_a, 99, 0, None, None, None
    )
    with pytest.raises(AssertionError, match="event 99"):
        replayed.apply(wrong)


def test_each_users_history_is_dense_and_points_backwards(market: Market) -> None:
    """Walking back from the last event by the pointers meets every event of the user once."""
    market.play("""
        place a1 ann sell 5 @ 5.00
        place b1 bob buy 2 @ 5.00             -> trade a1 2 @ 5.00
        deal cat buys 1 from ann for 5.00
        withdraw ann 999999.00 USD            -> reject insufficient_funds
        cancel a1
    """)
    by_sequence = {entry.sequence: entry for entry in market.entries}
    for user in market.live.users.values():
        sequence, numbers = user.last_sequence, []
        while sequence:
            entry = by_sequence[sequence]
            places = {
                entry.user_a: (entry.number_a, entry.previous_a),
                entry.user_b: (entry.number_b, entry.previous_b),
            }
            number, previous = places[user.number]
            numbers.append(number)
            sequence = previous or 0
        assert numbers == list(range(user.event_count, 0, -1))
    assert market.live.users[1].event_count == 8
