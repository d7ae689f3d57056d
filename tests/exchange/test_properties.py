"""What holds whatever several users do: random flows with all kinds of commands, fees and scarce funds."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from credit_trading.errors import TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import ReplicaState, dump, restore, state_digest
from tests.exchange.flow import RATES, act, any_steps, flows, often, random_flow
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, SYMBOL, calendar, schedule_of
from tests.exchange.steps import Step


def _scarce(rates: tuple[str, str]) -> Market:
    """Funds for about twenty lots on either side: many orders are refused, many market orders run out of money."""
    market = Market("ann", "bob", "cat", "dan", cash="21.41", credits=20, maker=rates[0], taker=rates[1])
    market.send(cmd.SetSchedule(SYMBOL, schedule_of((0, 8), (9, 20), (22, 90))))
    return market


def test_every_invariant_holds_after_every_command(is_long: bool) -> None:
    """Postings sum to zero, 0 <= held <= posted, holds are what open orders need, no book is crossed, turns are kept; replay agrees."""

    @often(60, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, most=90))
    def holds(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
            market.check()
        market.check_history()

    holds()


def test_every_events_postings_sum_to_zero(is_long: bool) -> None:
    """Per asset and event, not only in the end; what a trade moves is its value, its lots and its fees, and a bust moves it all back."""

    @often(20, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, least=10, most=90))
    def sums(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
        replayed, moves = Replica(), dict[int, dict[tuple[int, str], int]]()
        for entry in market.entries:
            before = _posted(replayed)
            replayed.apply(entry)
            after = _posted(replayed)
            changes = {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}
            moved = {key: units for key, units in changes.items() if units}
            for asset in replayed.assets:
                assert sum(units for (_, of), units in moved.items() if of == asset) == 0
            if isinstance(entry.event, ev.Trade):
                trade = entry.event
                buyer, seller = (trade.taker, trade.maker) if trade.taker_side == "buy" else (trade.maker, trade.taker)
                fees = {trade.taker: trade.taker_fee, trade.maker: trade.maker_fee}
                assert moved.get((buyer, "TREE"), 0) == trade.quantity_lots
                assert moved.get((buyer, "USD"), 0) == -trade.value - fees[buyer]
                assert moved.get((seller, "USD"), 0) == trade.value - fees[seller]
                moves[trade.trade] = moved
            if isinstance(entry.event, ev.TradeBusted) and entry.event.symbol:
                assert moved == {key: -units for key, units in moves[entry.event.trade].items()}

    sums()


def test_canceling_everything_brings_every_hold_to_zero(is_long: bool) -> None:
    """No unit stays behind, whatever was filled, amended or refunded before."""

    @often(60, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, most=90))
    def drains(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
        for number in sorted(market.live.orders):
            market.send(cmd.CancelOrder(market.live.orders[number].user, number))
        for number, pending in list(market.live.pending_transactions.items()):
            market.send(cmd.UpdateTransaction(pending.user, number, "failed", pending.guarded or msgspec.UNSET))
        assert [held for *_, held in dump(market.live).balances if held] == []
        assert market.depth(buys=True) == market.depth(buys=False) == []
        assert not market.live.orders
        assert not market.live.markets[SYMBOL].external
        assert not market.live.pending_transactions
        assert not len(market.live.markets[SYMBOL].stops)
        market.check()

    drains()


def test_an_orders_fees_are_the_exact_fees_rounded_up_once(is_long: bool) -> None:
    """In however many pieces, as maker or taker, amended or not: never more than one fill would have cost."""

    @often(20, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, least=10, most=90))
    def rounded(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
        rates_of: dict[int, tuple[Fraction, Fraction]] = {}
        exact: dict[int, Fraction] = {}
        paid: dict[int, int] = {}
        given_back = earned = 0
        for event in (entry.event for entry in market.entries):
            if isinstance(event, ev.TransactionEntered | ev.TransactionUpdated):
                if event.earned and event.status == "settled" and event.asset == CASH:
                    earned -= event.asset_change
            elif isinstance(event, ev.OrderAccepted | ev.OrderAmended):
                assert event.maker_ppm is not None
                assert event.taker_ppm is not None
                rates_of[event.order] = Fraction(event.maker_ppm, 10**6), Fraction(event.taker_ppm, 10**6)
            elif isinstance(event, ev.Trade):
                for order, rate, fee in (
                    (event.taker_order, rates_of[event.taker_order][1], event.taker_fee),
                    (event.maker_order, rates_of[event.maker_order][0], event.maker_fee),
                ):
                    exact[order] = exact.get(order, Fraction(0)) + rate * event.value
                    paid[order] = paid.get(order, 0) + fee
            elif isinstance(event, ev.TradeBusted):
                given_back += event.buyer_fee + event.seller_fee
        assert paid == {order: -(-fees.numerator // fees.denominator) for order, fees in exact.items()}
        assert market.fees == sum(paid.values()) - given_back + earned

    rounded()


def test_a_loaded_state_goes_on_exactly_as_the_saved_one(is_long: bool) -> None:
    """Through the encoding that checkpoints use; entries, answers and digests stay equal to the last."""

    @often(40, is_long=is_long)
    @given(
        rates=st.sampled_from(RATES),
        first=flows(any_steps, most=60),
        then=flows(any_steps, least=1, most=25),
    )
    def continues(rates: tuple[str, str], first: list[Step], then: list[Step]) -> None:
        market = _scarce(rates)
        for step in first:
            act(market, step)
        saved = msgspec.msgpack.encode(dump(market.live))
        loaded = restore(msgspec.msgpack.decode(saved, type=ReplicaState))
        assert state_digest(loaded) == state_digest(market.live)
        for number, step in enumerate(then):
            before = market.live.sequence
            command = step.command(market)
            act(market, step, command_id=f"then{number}")
            if command is None:
                engine.advance(loaded, time_us=market.time_us, calendar=calendar)
            else:
                _handle(loaded, cmd.Request.of(command, command_id=f"then{number}", prepared_us=0), market.time_us)
            assert loaded.take_pending() == market.entries[before:]
        assert dump(loaded) == dump(market.live)

    continues()


def test_commands_said_twice_change_nothing(is_long: bool) -> None:
    """The whole flow again, under the same ids: every answer is the first one, and no event follows."""

    @often(20, is_long=is_long)
    @given(steps=flows(any_steps, least=5, most=40))
    def repeated(steps: list[Step]) -> None:
        market = _scarce(RATES[1])
        said: list[tuple[cmd.Request, str]] = []
        for number, step in enumerate(steps):
            command = step.command(market)
            if command is None:
                act(market, step)
                continue
            request = cmd.Request.of(command, command_id=f"s{number}", prepared_us=0)
            act(market, step, command_id=request.id)
            answer = market.live.answers.get(request.id)
            if answer is not None:
                said.append((request, repr(answer)))
        before = dump(market.live)
        for request, answered in said:
            answer = engine.handle(market.live, request, time_us=market.time_us, calendar=calendar)
            assert repr(answer) == answered
        assert market.live.pending == []
        assert dump(market.live) == before

    repeated()


def test_seeded_flows_keep_every_invariant_and_reach_every_kind_of_event(is_long: bool) -> None:
    """Made of the same table, all steps as likely as it says. A property that only ever saw empty books would prove nothing."""
    seen: set[str] = set()
    updates: Counter[tuple[str, str]] = Counter()
    trades = 0
    for seed in range(6000 if is_long else 140):
        market = _scarce(RATES[seed % len(RATES)])
        for step in random_flow(any_steps, Random(seed), length=80):
            act(market, step)
            market.check()
        market.check_history()
        for event in (entry.event for entry in market.entries):
            seen.update((event.kind, getattr(event, "code", ""), getattr(event, "reason", "")))
            trades += isinstance(event, ev.Trade)
            if isinstance(event, ev.TransactionUpdated):
                updates[event.status, event.reason] += 1
    assert seen >= {
        *("trade", "order_accepted", "order_rejected", "order_amended", "order_canceled", "order_expired"),
        *("order_triggered", "order_refreshed", "order_reduced", "orders_mass_canceled", "trade_busted"),
        *("deposited", "withdrawn", "transferred", "command_rejected", "user_deleted"),
        *("transaction_entered", "transaction_updated", "cost_method_changed", "order_filled_outside"),
        *("user_suspended", "user_resumed", "user_fees_changed", "instrument_rules_changed"),
        *("instrument_status_changed", "schedule", "requested", "session_ended", "expired", "mass_cancel"),
        *("self_trade", "immediate_or_cancel", "fill_or_kill", "collar_reached", "funds_exhausted", "user_deleted"),
    }
    assert {code.value for code in Rejection} - seen <= {
        *("issue_cap_exceeded", "value_too_large", "no_session_end", "display_too_small")
    }
    assert trades > 500
    assert min(updates.values()) > 10
    assert len(updates) == 5, "settled, cancelled, failed by request; cancelled by time and with its user"


def _posted(replica: Replica) -> dict[tuple[int, str], int]:
    return {(account, asset): balance.posted for account, asset, balance in replica.accounts}


def _handle(replica: Replica, request: cmd.Request, time_us: int) -> None:
    try:
        engine.handle(replica, request, time_us=time_us, calendar=calendar)
    except TradingError:
        return
