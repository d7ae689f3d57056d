"""What holds whatever several users do: random flows with all kinds of commands, fees and scarce funds."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from credit_trading.errors import TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import ReplicaState, dump, restore, state_digest
from tests.exchange.flow import RATES, Step, Wait, act, any_steps, book_steps, flows, often
from tests.exchange.market import SYMBOL, Market
from tests.exchange.naive_book import NaiveBook


def _scarce(rates: tuple[str, str]) -> Market:
    """Funds for about twenty lots on either side: many orders are refused, many market orders run out of money."""
    return Market("ann", "bob", "cat", "dan", cash="21.41", credits=20, maker=rates[0], taker=rates[1])


def test_every_invariant_holds_after_every_command(is_long: bool) -> None:
    """Postings sum to zero, 0 <= held <= posted, holds are what open orders need, no book is crossed, turns are kept; replay agrees."""

    @often(120, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, most=90))
    def holds(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
            market.check()
        market.check_history()

    holds()


def test_every_events_postings_sum_to_zero(is_long: bool) -> None:
    """Per asset and event, not only in the end; and what a trade moves is its value, its lots and its fees."""

    @often(40, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, least=10, most=90))
    def sums(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
        replayed = Replica()
        for entry in market.entries:
            before = _posted(replayed)
            replayed.apply(entry)
            after = _posted(replayed)
            moved = {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}
            for asset in replayed.assets:
                assert sum(units for (_, of), units in moved.items() if of == asset) == 0
            if isinstance(entry.event, ev.Trade):
                trade = entry.event
                buyer, seller = (trade.taker, trade.maker) if trade.taker_side == "buy" else (trade.maker, trade.taker)
                fees = {trade.taker: trade.taker_fee, trade.maker: trade.maker_fee}
                assert moved.get((buyer, "TREE"), 0) == trade.quantity_lots
                assert moved.get((buyer, "USD"), 0) == -trade.value - fees[buyer]
                assert moved.get((seller, "USD"), 0) == trade.value - fees[seller]

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
        assert [held for *_, held in dump(market.live).balances if held] == []
        assert market.depth(buys=True) == market.depth(buys=False) == []
        assert not market.live.orders
        assert not market.live.client_orders
        market.check()

    drains()


def test_an_orders_fees_are_the_exact_fees_rounded_up_once(is_long: bool) -> None:
    """In however many pieces, as maker or taker, amended or not: never more than one fill would have cost."""

    @often(40, is_long=is_long)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, least=10, most=90))
    def rounded(rates: tuple[str, str], steps: list[Step]) -> None:
        market = _scarce(rates)
        for step in steps:
            act(market, step)
        maker, taker = Fraction(rates[0]), Fraction(rates[1])
        exact: dict[int, Fraction] = {}
        paid: dict[int, int] = {}
        for entry in market.entries:
            if isinstance(entry.event, ev.Trade):
                trade = entry.event
                for order, rate, fee in (
                    (trade.taker_order, taker, trade.taker_fee),
                    (trade.maker_order, maker, trade.maker_fee),
                ):
                    exact[order] = exact.get(order, Fraction(0)) + rate * trade.value
                    paid[order] = paid.get(order, 0) + fee
        assert paid == {order: -(-fees.numerator // fees.denominator) for order, fees in exact.items()}
        assert market.fees == sum(paid.values())

    rounded()


def test_a_loaded_state_goes_on_exactly_as_the_saved_one(is_long: bool) -> None:
    """Through the encoding that checkpoints use; entries, answers and digests stay equal to the last."""

    @often(80, is_long=is_long)
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
            if isinstance(step, Wait):
                act(market, step)
                engine.expire_due(loaded, time_us=market.time_us)
            else:
                request = cmd.Request.of(step.command(market), command_id=f"then{number}", prepared_us=0)
                act(market, step, command_id=f"then{number}")
                _handle(loaded, request, market.time_us)
            assert loaded.take_pending() == market.entries[before:]
        assert dump(loaded) == dump(market.live)

    continues()


def test_commands_said_twice_change_nothing(is_long: bool) -> None:
    """The whole flow again, under the same ids: every answer is the first one, and no event follows."""

    @often(40, is_long=is_long)
    @given(steps=flows(any_steps, least=5, most=40))
    def repeated(steps: list[Step]) -> None:
        market = _scarce(RATES[1])
        said: list[tuple[cmd.Request, str]] = []
        for number, step in enumerate(steps):
            if isinstance(step, Wait):
                act(market, step)
                continue
            request = cmd.Request.of(step.command(market), command_id=f"s{number}", prepared_us=0)
            act(market, step, command_id=request.id)
            answer = market.live.answers.get(request.id)
            if answer is not None:
                said.append((request, repr(answer)))
        before = dump(market.live)
        for request, answered in said:
            assert repr(engine.handle(market.live, request, time_us=market.time_us)) == answered
        assert market.live.pending == []
        assert dump(market.live) == before

    repeated()


def test_a_book_written_another_way_gives_the_same_trades_and_the_same_depth(is_long: bool) -> None:
    """Trade by trade, level by level, place by place."""

    @often(150, is_long=is_long)
    @given(steps=flows(book_steps, least=5, most=70))
    def agrees(steps: list[Step]) -> None:
        market = Market("ann", "bob", "cat", "dan", cash="1000000000.00", credits=10**9)
        naive = NaiveBook()
        first = len(market.entries)
        for step in steps:
            _mirror(naive, market, step)
            act(market, step)
            for buys in (True, False):
                side = market.live.markets[SYMBOL].book.side(buys=buys)
                real = [order for level in side.levels() for order in level.orders.values()]
                assert [(order.number, order.price_ticks, order.remaining_lots) for order in real] == [
                    (order.number, order.price, order.lots - order.filled) for order in naive.queue(buys=buys)
                ]
                depth: dict[int, int] = {}
                for order in naive.queue(buys=buys):
                    depth[order.price] = depth.get(order.price, 0) + order.lots - order.filled
                assert market.depth(buys=buys) == list(depth.items())
        trades = [entry.event for entry in market.entries[first:] if isinstance(entry.event, ev.Trade)]
        assert [
            (trade.maker_order, trade.taker_order, trade.price_ticks, trade.quantity_lots) for trade in trades
        ] == naive.trades

    agrees()


def test_the_flows_reach_every_kind_of_event_and_answer() -> None:
    """A property that only ever saw empty books would prove nothing."""
    seen: set[str] = set()
    trades = 0

    @often(120, is_long=False)
    @given(rates=st.sampled_from(RATES), steps=flows(any_steps, least=30, most=90))
    def explore(rates: tuple[str, str], steps: list[Step]) -> None:
        nonlocal trades
        market = _scarce(rates)
        for step in steps:
            act(market, step)
        for entry in market.entries:
            event = entry.event
            seen.update((event.kind, getattr(event, "code", ""), getattr(event, "reason", "")))
            trades += isinstance(event, ev.Trade)

    explore()
    assert seen >= {
        *("trade", "order_accepted", "order_rejected", "order_amended", "order_canceled", "order_expired"),
        *("deposited", "withdrawn", "transferred", "traded_off_book", "command_rejected", "user_deleted"),
        *("self_trade", "immediate_or_cancel", "fill_or_kill", "collar_reached", "funds_exhausted", "user_deleted"),
        *("order_not_open", "instrument_halted", "duplicate_client_order_id", "quantity_below_filled"),
        *("expires_in_the_past", "no_opposite_price", "insufficient_funds"),
    }
    assert trades > 500


def _posted(replica: Replica) -> dict[tuple[int, str], int]:
    return {(account, asset): balance.posted for account, asset, balance in replica.accounts}


def _handle(replica: Replica, request: cmd.Request, time_us: int) -> None:
    try:
        engine.handle(replica, request, time_us=time_us)
    except TradingError:
        return


def _mirror(naive: NaiveBook, market: Market, step: Step) -> None:
    """The same step on the other book."""
    now = market.time_us + (step.seconds * 1_000_000 if isinstance(step, Wait) else 0)
    naive.expire(now)
    if isinstance(step, Wait):
        return
    command = step.command(market)
    match command:
        case cmd.PlaceOrder():
            expires = float("inf") if command.expires_at_us is None else command.expires_at_us
            if expires > now:
                number = market.live.last_order + 1
                naive.place(
                    number,
                    command.user,
                    command.buys,
                    command.quantity_lots,
                    command.price_ticks,
                    command.time_in_force,
                    expires,
                )
        case cmd.CancelOrder(user=user, order=number) if _is_own(market, user, number):
            naive.cancel(number or 0)
        case cmd.AmendOrder(user=user, order=number, price_ticks=price, quantity_lots=lots) if _is_own(
            market, user, number
        ):
            naive.amend(number or 0, price, lots)


def _is_own(market: Market, user: int, number: int | None) -> bool:
    order = market.live.orders.get(number or 0)
    return order is not None and order.user == user
