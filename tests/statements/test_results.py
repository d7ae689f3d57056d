"""Results: what the lines say, whatever is entered late, and a profit that is told only where it agrees with them."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from credit_trading import ManualClock
from credit_trading.clock import format_time
from credit_trading.statements.records import Statement, StatementResult
from tests.floor import CASH, CREDIT, Floor, opened
from tests.statements.past import DAY_US, FINE, USERS, Past

_SUMS = ("trades", "bought_quantity", "sold_quantity", "bought_value", "sold_value", "fees")
_ELSEWHERE = {"price_per_credit": "11.00", "currency": CASH, "outside": "elsewhere", "fee": "1.00"}


def sums_of(*statements: Statement) -> dict[tuple[str, str], list[Decimal]]:
    """Of all their results together; what adds up to nothing is left out."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal()] * len(_SUMS))
    for statement in statements:
        for one in statement.results:
            known = [Decimal(getattr(one, name)) for name in _SUMS]
            before = sums[one.credit_type, one.currency]
            sums[one.credit_type, one.currency] = [old + new for old, new in zip(before, known, strict=True)]
    return {pair: found for pair, found in sums.items() if any(found)}


def only(statement: Statement) -> StatementResult:
    (result,) = statement.results
    return result


@pytest.mark.parametrize("by", ["booked", "date"])
def test_parts_of_a_period_add_up_to_the_whole(past: Past, by: str) -> None:
    """Also where late entries and trades that were taken back fall into different ones."""
    for user in USERS:
        service = past.floor.user(user).statements
        begins = past.begins_us // DAY_US * DAY_US - 30 * DAY_US
        points = [begins + place * 23 * DAY_US for place in range(7)] + [None]
        parts = [service.get_statement(one, other, by=by) for one, other in itertools.pairwise(points)]
        assert sums_of(*parts) == sums_of(service.get_statement(begins, by=by)) != {}


@pytest.mark.parametrize("by", ["booked", "date"])
def test_results_say_what_the_lines_by_type_say(past: Past, by: str) -> None:
    for user, place in itertools.product(USERS, range(4)):
        begins = past.begins_us + place * 31 * DAY_US
        statement = past.floor.user(user).statements.get_statement(begins, begins + 31 * DAY_US, by=by)
        nets = {
            (flow.asset, kind.transaction_type): Decimal(kind.net) for flow in statement.flows for kind in flow.by_type
        }
        for asset in (CREDIT, FINE):
            for kind, sign, name in (("buy", 1, "bought_quantity"), ("sell", -1, "sold_quantity")):
                moved = nets.get((asset, kind), Decimal()) + nets.get((asset, f"{kind}_busted"), Decimal())
                told = sum(Decimal(getattr(one, name)) for one in statement.results if one.credit_type == asset)
                assert told == sign * moved
        fees = sum(Decimal(one.fees) for one in statement.results)
        assert fees == sum(Decimal(one.fees) for one in statement.fees)


@pytest.mark.parametrize("by", ["booked", "date"])
def test_a_statement_of_everything_agrees_with_the_statistics(past: Past, by: str) -> None:
    """Which never count a trade that was taken back; here it is taken off."""
    for user in USERS:
        service = past.floor.user(user)
        statement = service.statements.get_statement(by=by)
        statistics = service.transactions.calculate_trading_statistics()
        assert {
            (one.credit_type, one.currency): (*(getattr(one, name) for name in _SUMS), one.realised_profit)
            for one in statement.results
        } == {
            (one.credit_type, one.currency): (*(getattr(one, name) for name in _SUMS), one.realised_profit)
            for one in statistics
            if one.trades or Decimal(one.realised_profit or 0)
        }


def test_what_was_entered_late_changes_no_figure_of_a_month_that_is_over(floor: Floor, clock: ManualClock) -> None:
    """It counts where it was booked; of its asset no profit is told in either month, which would contradict the lines."""
    service, january = floor.user("ann").statements, ("2026-01-01", "2026-02-01")
    floor.place("ann", "sell", 3, "10.00")
    floor.place("bob", "buy", 3, "10.00")
    clock.advance(45 * 86_400)
    before = service.get_statement(*january)
    assert only(before).realised_profit is not None
    words = _ELSEWHERE | {"occurred_at": "2026-01-12T00:00:00Z"}
    floor.admin.on_behalf_of("ann").transactions.record_transaction("buy", CREDIT, 5, **words)
    after, february = service.get_statement(*january), service.get_statement("2026-02-01")
    assert sums_of(after) == sums_of(before)
    assert (only(after).realised_profit, only(after).no_profit_because) == (None, "entered_late")
    assert (only(february).trades, only(february).bought_quantity, only(february).fees) == (1, "5", "1.00")
    assert (only(february).realised_profit, only(february).no_profit_because) == (None, "entered_late")
    by_date = service.get_statement(*january, by="date")
    assert (only(by_date).trades, only(by_date).bought_quantity) == (2, "5")
    assert only(by_date).realised_profit is not None
    assert service.get_statement("2026-02-01", by="date").results == []
    assert only(service.get_statement("2026-01-01")).realised_profit == only(by_date).realised_profit


def test_the_statement_of_everything_tells_profit_of_days_before_anything_was_booked(
    floor: Floor, clock: ManualClock
) -> None:
    """Nothing lies outside of it, so nothing in it contradicts its lines; one that begins on that very day has none."""
    clock.advance(3600)
    words = _ELSEWHERE | {"occurred_at": "2025-12-12T00:00:00Z"}
    floor.admin.on_behalf_of("ann").transactions.record_transaction("sell", CREDIT, 5, **words)
    service = floor.user("ann").statements
    told = only(service.get_statement())
    assert Decimal(told.realised_profit or 0) == Decimal("54.00")
    assert only(service.get_statement("2026-01-01")).no_profit_because == "entered_late"


def test_a_trade_that_was_taken_back_later_is_taken_off_where_it_was(floor: Floor, clock: ManualClock) -> None:
    service = floor.user("ann").statements
    floor.place("ann", "sell", 3, "10.00")
    floor.place("bob", "buy", 3, "10.00")
    clock.advance(45 * 86_400)
    before = service.get_statement("2026-01-01", "2026-02-01")
    floor.admin.trading.bust_trade(1)
    after, february = service.get_statement("2026-01-01", "2026-02-01"), service.get_statement("2026-02-01")
    assert sums_of(after) == sums_of(before)
    assert only(after).no_profit_because == only(february).no_profit_because == "entered_late"
    assert (only(february).trades, only(february).sold_quantity) == (-1, "-3")
    assert service.get_statement().results == []


def test_a_period_that_cuts_a_day_has_results_without_profit(floor: Floor, clock: ManualClock) -> None:
    floor.place("ann", "sell", 3, "10.00")
    floor.place("bob", "buy", 3, "10.00")
    clock.advance(3600)
    found = only(floor.user("ann").statements.get_statement(clock.now_us() - 3600_000_000 * 2 + 1))
    assert (found.trades, found.sold_quantity) == (1, "3")
    assert (found.realised_profit, found.no_profit_because) == (None, "part_of_day")


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_a_profit_that_is_still_told_is_the_one_that_was_told_when_the_period_ended(
    tmp_path: Path, method: str
) -> None:
    """Whatever was entered late or taken back since: either nothing of it touches the period, or no profit is told any more."""
    clock, rng = ManualClock(), random.Random(7)
    with opened(tmp_path / "trading", clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", cash="5000.00", credits=300)
        service, begins = floor.user("ann"), clock.now_us() // DAY_US
        service.transactions.set_cost_method(method)
        told: list[tuple[str, str, Statement]] = []
        for week in range(12):
            for _ in range(4):
                clock.advance(rng.randint(1, 86_400))
                _trade(floor, clock, rng)
            from_us, to_us = ((begins + 7 * (week + place)) * DAY_US for place in (0, 1))
            clock.advance((to_us - clock.now_us()) / 1e6)
            period = format_time(from_us), format_time(to_us)
            told.append((*period, service.statements.get_statement(*period)))
        kept = lost = 0
        for from_, to, was in told:
            now = service.statements.get_statement(from_, to)
            assert sums_of(now) == sums_of(was)
            for one, before in zip(now.results, was.results, strict=True):
                assert one.realised_profit in (None, before.realised_profit)
                kept += one.realised_profit is not None
                lost += one.realised_profit is None and before.realised_profit is not None
        assert min(kept, lost) > 1


def _trade(floor: Floor, clock: ManualClock, rng: random.Random) -> None:
    """Now and then late by some days, or one that is taken back."""
    kind = rng.choice(("sell", "buy") * 6 + ("late", "bust"))
    if kind == "late":
        words = _ELSEWHERE | {"occurred_at": format_time(clock.now_us() - rng.randint(1, 8) * DAY_US)}
        floor.admin.on_behalf_of("ann").transactions.record_transaction(rng.choice(("buy", "sell")), CREDIT, 2, **words)
        return
    price = f"{rng.randint(900, 1100) / 100:.2f}"
    floor.place("ann", "buy" if kind == "buy" else "sell", 3, price)
    floor.place("bob", "sell" if kind == "buy" else "buy", 3, price)
    if kind == "bust":
        floor.admin.trading.bust_trade(rng.choice(_trades(floor)))


def _trades(floor: Floor) -> list[int]:
    """Those that were not taken back."""
    history = floor.user("ann").transactions.get_transaction_history()
    busted = {one.trade_id for one in history if one.transaction_type.endswith("busted")}
    return [one.trade_id for one in history if one.trade_id is not None and one.trade_id not in busted]
