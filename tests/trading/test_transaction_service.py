"""What an administrator enters that did not happen on the book: exact, once, and only what the ledger allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credit_trading import ManagedUser, ManualClock, OrderRejected, User
from credit_trading.clock import format_time
from credit_trading.errors import CommandConflict, InvalidInput, NotFound, TradingError, UserNotEmpty
from credit_trading.trading.records import TransactionRecord
from credit_trading.trading.transaction_service import TransactionReport
from tests.floor import CASH, CREDIT, SYMBOL, Floor

PRICED: dict[str, Any] = {"price_per_credit": "12.50", "currency": CASH}


def managed(floor: Floor, user: str = "ann") -> ManagedUser:
    return floor.admin.on_behalf_of(user)


def record(floor: Floor, transaction_type: str, asset: str, quantity: object, **more: Any) -> TransactionReport:
    return managed(floor).transactions.record_transaction(transaction_type, asset, quantity, **more)  # type: ignore[arg-type]


def latest(user: User) -> TransactionRecord:
    return user.transactions.get_transaction(
        max(one.transaction_id for one in user.transactions.get_transaction_history())
    )


def balances(floor: Floor, user: str = "ann") -> dict[str, tuple[str, str]]:
    return {one.asset: (one.posted, one.held) for one in floor.user(user).accounts.get_balances()}


BEFORE = {CASH: ("1000000.00", "0.00"), CREDIT: ("100000", "0")}

SETTLED = [
    ("buy", CREDIT, 10, {**PRICED, "outside": "Acme", "fee": "0.50"}, {CASH: "999874.50", CREDIT: "100010"}),
    ("sell", CREDIT, 10, {**PRICED, "outside": "Acme", "fee": "0.50"}, {CASH: "1000124.50", CREDIT: "99990"}),
    ("buy", CREDIT, 10, {**PRICED, "counterparty": "bob"}, {CASH: "999875.00", CREDIT: "100010"}),
    ("sell", CREDIT, 10, {**PRICED, "counterparty": "bob"}, {CASH: "1000125.00", CREDIT: "99990"}),
    ("deposit", CREDIT, 10, PRICED, {CASH: "1000000.00", CREDIT: "100010"}),
    ("withdrawal", CASH, "7.25", {}, {CASH: "999992.75", CREDIT: "100000"}),
    ("transfer_in", CASH, "7.25", {"counterparty": "bob"}, {CASH: "1000007.25", CREDIT: "100000"}),
    ("transfer_out", CREDIT, 3, {"counterparty": "bob"}, {CASH: "1000000.00", CREDIT: "99997"}),
    ("transfer_in", CREDIT, 3, {"outside": "registry", **PRICED}, {CASH: "1000000.00", CREDIT: "100003"}),
    ("fee", CASH, "1.00", {}, {CASH: "999999.00", CREDIT: "100000"}),
    ("fee", CASH, "1.00", {"outside": "registry"}, {CASH: "999999.00", CREDIT: "100000"}),
    ("correction_in", CREDIT, 1, PRICED, {CASH: "1000000.00", CREDIT: "100001"}),
    ("correction_out", CASH, "0.01", {}, {CASH: "999999.99", CREDIT: "100000"}),
]


@pytest.mark.parametrize(("kind", "asset", "quantity", "terms", "after"), SETTLED)
def test_what_is_entered_moves_what_its_type_says(
    floor: Floor, kind: str, asset: str, quantity: object, terms: dict[str, Any], after: dict[str, str]
) -> None:
    """And stands in the user's history as it was entered; on the other side, if that is a user here, the other way round."""
    report = record(floor, kind, asset, quantity, note="as agreed", external_reference="ref-1", **terms)
    assert {asset: posted for asset, (posted, _) in balances(floor).items()} == after
    found = managed(floor).transactions.get_transaction(report.transaction_id)
    assert (found.transaction_type, found.credit_type, found.quantity) == (kind, asset, str(quantity))
    assert (found.status, report.status, found.note) == ("settled", "settled", "as agreed")
    assert (found.external_reference, found.order_id) == ("ref-1", None)
    assert found.counterparty == terms.get("counterparty", terms.get("outside"))
    assert found.total_value == report.total_value == (PRICED and "125.00" if quantity == 10 else found.total_value)
    if "counterparty" in terms:
        opposite = {"buy": "sell", "sell": "buy", "transfer_in": "transfer_out", "transfer_out": "transfer_in"}
        other = floor.user("bob").transactions.get_transaction(report.transaction_id)
        assert (other.transaction_type, other.counterparty) == (opposite[kind], "ann")
        assert (other.quantity, other.total_value, other.fee) == (found.quantity, found.total_value, found.fee)
    else:
        assert balances(floor, "bob") == BEFORE
    earned = {one.asset: one.posted for one in floor.admin.accounts.get_fees()}
    assert earned == ({CASH: "1.00"} if kind == "fee" and not terms else {})
    assert floor.findings() == []


@pytest.mark.parametrize(("kind", "asset", "quantity", "terms", "after"), SETTLED)
def test_what_is_pending_holds_what_it_will_take_and_moves_nothing_until_it_is_settled(
    floor: Floor, kind: str, asset: str, quantity: object, terms: dict[str, Any], after: dict[str, str]
) -> None:
    report = record(floor, kind, asset, quantity, status="pending", **terms)
    pending = balances(floor)
    assert {asset: posted for asset, (posted, _) in pending.items()} == {CASH: "1000000.00", CREDIT: "100000"}
    takes = {
        asset: format(float(BEFORE[asset][0]) - float(after[asset]), ".2f" if asset == CASH else ".0f")
        for asset in after
        if float(after[asset]) < float(BEFORE[asset][0])
    }
    assert {asset: held for asset, (_, held) in pending.items() if float(held)} == takes
    assert managed(floor).transactions.get_transaction(report.transaction_id).status == "pending"
    settled = managed(floor).transactions.update_transaction_status(report.transaction_id, "settled", note="arrived")
    assert (settled.transaction_id, settled.status) == (report.transaction_id, "settled")
    assert {asset: posted for asset, (posted, _) in balances(floor).items()} == after
    assert not any(float(held) for _, held in balances(floor).values())
    assert managed(floor).transactions.get_transaction(report.transaction_id).status == "settled"
    assert floor.findings() == []


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_what_comes_to_nothing_gives_back_what_it_held_on_both_sides(floor: Floor, status: str) -> None:
    report = record(floor, "buy", CREDIT, 10, status="pending", counterparty="bob", **PRICED)
    assert (balances(floor)[CASH][1], balances(floor, "bob")[CREDIT][1]) == ("125.00", "10")
    managed(floor, "bob").transactions.update_transaction_status(report.transaction_id, status, note="no reply")
    assert (balances(floor), balances(floor, "bob")) == (BEFORE, BEFORE)
    for user in ("ann", "bob"):
        found = floor.user(user).transactions.get_transaction(report.transaction_id)
        assert found.status == status
    assert floor.findings() == []


def test_a_transaction_is_moved_on_once(floor: Floor) -> None:
    report = record(floor, "withdrawal", CASH, "5.00", status="pending")
    update = managed(floor).transactions.update_transaction_status
    first = update(report.transaction_id, "failed", command_id="u-1")
    again = update(report.transaction_id, "failed", command_id="u-1")
    assert (again.sequence, again.repeated, first.repeated) == (first.sequence, True, False)
    for status in ("settled", "cancelled", "failed"):
        with pytest.raises(OrderRejected, match="transaction_not_pending"):
            update(report.transaction_id, status)
    settled = record(floor, "withdrawal", CASH, "5.00")
    with pytest.raises(OrderRejected, match="transaction_not_pending"):
        update(settled.transaction_id, "failed")
    with pytest.raises(InvalidInput, match="settled, cancelled, failed"):
        update(report.transaction_id, "pending")
    assert balances(floor)[CASH] == ("999995.00", "0.00")


def test_a_pending_transaction_that_nobody_moves_on_is_cancelled_when_its_time_is_up(
    floor: Floor, clock: ManualClock
) -> None:
    report = record(
        floor, "withdrawal", CASH, "5.00", status="pending", expires_at=format_time(clock.now_us() + 60_000_000)
    )
    clock.advance(seconds=59)
    floor.exchange.expire_due()
    assert balances(floor)[CASH][1] == "5.00"
    clock.advance(seconds=1)
    with pytest.raises(OrderRejected, match="transaction_not_pending"):
        managed(floor).transactions.update_transaction_status(report.transaction_id, "settled")
    assert balances(floor) == BEFORE
    found = managed(floor).transactions.get_transaction(report.transaction_id)
    assert (found.status, found.status_reason) == ("cancelled", "expired")
    assert floor.findings() == []


def test_what_happened_before_stands_at_its_time_and_says_when_it_was_entered(floor: Floor, clock: ManualClock) -> None:
    report = record(floor, "buy", CREDIT, 1, outside="Acme", occurred_at="2024-02-29T12:00:00Z", **PRICED)
    found = managed(floor).transactions.get_transaction(report.transaction_id)
    assert found.transaction_date == "2024-02-29T12:00:00.000000Z"
    assert found.recorded_at == format_time(clock.now_us())
    with pytest.raises(InvalidInput, match="future"):
        record(floor, "buy", CREDIT, 1, outside="Acme", occurred_at="2031-01-01T00:00:00Z", **PRICED)


def test_the_same_key_or_reference_gives_the_first_answer_and_moves_nothing_again(floor: Floor) -> None:
    deal: dict[str, Any] = {"counterparty": "bob", "external_reference": "inv-7", **PRICED}
    first = record(floor, "buy", CREDIT, 10, key="k-1", **deal)
    after = balances(floor)
    for key in ("k-1", "k-2", None):
        again = record(floor, "buy", CREDIT, 10, key=key, **deal)
        assert (again.transaction_id, again.repeated) == (first.transaction_id, True)
    assert balances(floor) == after


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": 11},
        {"price_per_credit": "12.51"},
        {"counterparty": "cat"},
        {"occurred_at": "2024-01-01T00:00:00Z"},
        {"status": "pending"},
    ],
)
def test_a_reference_that_stood_for_something_else_is_refused(floor: Floor, other: dict[str, Any]) -> None:
    deal: dict[str, Any] = {"quantity": 10, "counterparty": "bob", "external_reference": "inv-7", **PRICED}
    managed(floor).transactions.record_transaction("buy", CREDIT, **deal)
    after = balances(floor)
    with pytest.raises(CommandConflict, match="inv-7"):
        managed(floor).transactions.record_transaction("buy", CREDIT, **(deal | other))
    assert balances(floor) == after


def test_a_reference_is_one_of_each_party_and_free_for_all_others(floor: Floor) -> None:
    """The other side of a deal cannot enter it once more; somebody who has no part in it may have the same number in their books."""
    record(floor, "buy", CREDIT, 10, counterparty="bob", external_reference="inv-7", **PRICED)
    with pytest.raises(CommandConflict, match="inv-7"):
        managed(floor, "bob").transactions.record_transaction(
            "sell", CREDIT, 10, counterparty="ann", external_reference="inv-7", **PRICED
        )
    assert (
        not managed(floor, "cat")
        .transactions.record_transaction("deposit", CREDIT, 1, external_reference="inv-7")
        .repeated
    )


def test_another_name_outside_under_the_same_reference_is_something_else(floor: Floor) -> None:
    deal: dict[str, Any] = {"external_reference": "inv-7", "key": "k", **PRICED}
    record(floor, "buy", CREDIT, 10, outside="Acme", **deal)
    with pytest.raises(CommandConflict):
        record(floor, "buy", CREDIT, 10, outside="Other Ltd", **deal)


def test_what_is_not_there_cannot_be_given(floor: Floor) -> None:
    for status in ("settled", "pending"):
        for kind, asset, quantity, terms in (
            ("sell", CREDIT, 100_001, {"outside": "Acme", **PRICED}),
            ("buy", CREDIT, 100_000, {"outside": "Acme", **PRICED}),
            ("withdrawal", CASH, "1000000.01", {}),
            ("transfer_in", CASH, "1000000.01", {"counterparty": "bob"}),
            ("correction_out", CREDIT, 100_001, {}),
        ):
            lacking = terms.get("counterparty", "ann")
            with pytest.raises(OrderRejected, match=f"insufficient_funds.*accounts show {lacking}"):
                record(floor, kind, asset, quantity, status=status, **terms)
    assert (balances(floor), balances(floor, "bob")) == (BEFORE, BEFORE)
    record(floor, "withdrawal", CASH, "999999.99", status="pending")
    with pytest.raises(OrderRejected, match="insufficient_funds"):
        floor.place("ann", "buy", 1, "1.00")


REFUSED: list[tuple[str, Any, Any, dict[str, Any], str]] = [
    ("gift", CREDIT, 1, {}, "no such transaction type"),
    ("buy", CREDIT, 1, {**PRICED}, "needs its other side"),
    ("transfer_out", CREDIT, 1, {}, "needs its other side"),
    ("buy", CREDIT, 1, {**PRICED, "outside": "Acme", "counterparty": "bob"}, "one of the two"),
    ("deposit", CREDIT, 1, {"counterparty": "bob"}, "no user on its other side"),
    ("buy", CREDIT, 1, {"outside": "Acme"}, "needs a price"),
    ("buy", CREDIT, 1, {"outside": "Acme", "price_per_credit": "1"}, "needs a price and its currency"),
    ("deposit", CREDIT, 1, {"currency": CASH}, "needs its currency, and a currency a price"),
    ("withdrawal", CREDIT, 1, PRICED, "what goes out has no price"),
    ("deposit", CREDIT, 1, {"fee": "1.00"}, "fee of its own"),
    ("buy", CREDIT, 1, {**PRICED, "counterparty": "bob", "fee": "1.00"}, "fee of its own"),
    ("deposit", CREDIT, 1, {"status": "failed"}, "settled or pending"),
    ("deposit", CREDIT, 1, {"expires_at": "2031-01-01T00:00:00Z"}, "only a pending"),
    ("buy", CREDIT, 1, {"outside": "Acme", "price_per_credit": "0.001", "currency": CASH}, "finer than"),
    ("buy", CREDIT, 1, {"outside": "x" * 201, **PRICED}, "longer than 200"),
    ("deposit", CREDIT, "1.5", {}, "finer than the smallest unit"),
    ("deposit", CREDIT, 0, {}, "zero"),
    ("deposit", CREDIT, -1, {}, "below zero|negative|not a"),
    ("deposit", CREDIT, 1, {"occurred_at": "yesterday"}, "not a moment"),
    ("deposit", CREDIT, 1, {"occurred_at": "2026-02-30"}, "there is no such day"),
    ("deposit", CREDIT, 1, {"occurred_at": "2031-01-01"}, "lies in the future"),
    ("deposit", CREDIT, 1, {"outside": ""}, "nobody is named"),
    ("sell", CREDIT, 1, {"outside": "  ", **PRICED}, "nobody is named"),
    ("sell", CREDIT, 1, {"counterparty": "ann", **PRICED}, '"ann": both sides are the same user'),
    ("deposit", CREDIT, 1, {"external_reference": "a b"}, "an id is"),
    ("buy", CASH, 1, {"price_per_credit": "1", "currency": CASH, "outside": "Acme"}, "paid for with itself"),
]


@pytest.mark.parametrize(("kind", "asset", "quantity", "terms", "rule"), REFUSED)
def test_what_cannot_be_a_transaction_is_refused_in_one_line_and_leaves_nothing(
    floor: Floor, kind: str, asset: str, quantity: object, terms: dict[str, Any], rule: str
) -> None:
    head = floor.exchange.sequence
    with pytest.raises(InvalidInput, match=rule) as refused:
        record(floor, kind, asset, quantity, **terms)
    assert "\n" not in str(refused.value)
    assert refused.value.hint
    assert floor.exchange.sequence == head


def test_a_user_who_acts_for_themselves_can_enter_nothing(floor: Floor) -> None:
    own = floor.user("ann")
    for service, names in (
        (own.transactions, ("record_transaction", "prepare_transaction", "update_transaction_status")),
        (own.orders, ("update_order_progress", "complete_order", "prepare_progress")),
    ):
        assert not any(hasattr(service, name) for name in names)


def test_a_transaction_of_somebody_else_is_not_found(floor: Floor) -> None:
    report = record(floor, "withdrawal", CASH, "5.00", status="pending")
    bob = managed(floor, "bob").transactions
    look: list[Callable[[], object]] = [
        lambda: bob.get_transaction(report.transaction_id),
        lambda: bob.update_transaction_status(report.transaction_id, "failed"),
    ]
    for attempt in look:
        with pytest.raises(NotFound, match="user bob has no such transaction"):
            attempt()
    assert balances(floor)[CASH][1] == "5.00"


def test_a_user_with_something_pending_is_not_empty_and_is_swept_after_it_is_given_up(floor: Floor) -> None:
    record(floor, "buy", CREDIT, 10, status="pending", counterparty="bob", **PRICED)
    with pytest.raises(UserNotEmpty):
        floor.admin.databases.delete_trading_database("bob")
    floor.admin.databases.delete_trading_database("bob", sweep_to="cat")
    assert balances(floor) == BEFORE
    found = latest(floor.user("ann"))
    assert (found.status, found.status_reason) == ("cancelled", "user_deleted")
    assert floor.findings() == []


def test_a_deal_is_taken_back_like_a_trade(floor: Floor) -> None:
    """One that was settled at once, and one that was settled later."""
    deals = [
        record(floor, "buy", CREDIT, 10, counterparty="bob", **PRICED),
        record(floor, "sell", CREDIT, 4, counterparty="bob", status="pending", **PRICED),
    ]
    managed(floor).transactions.update_transaction_status(deals[1].transaction_id, "settled")
    for deal in deals:
        trade_id = managed(floor).transactions.get_transaction(deal.transaction_id).trade_id
        assert trade_id is not None
        floor.admin.trading.bust_trade(trade_id)
    assert (balances(floor), balances(floor, "bob")) == (BEFORE, BEFORE)
    assert floor.findings() == []


def test_prepared_transactions_go_together_with_orders_in_one_commit(floor: Floor) -> None:
    service = managed(floor).transactions
    prepared = [
        service.prepare_transaction("deposit", CASH, "5.00", key="a"),
        floor.prepared("ann", "buy", 1, "1.00"),
        service.prepare_transaction("withdrawal", CASH, "9000000.00"),
    ]
    outcomes = floor.exchange.submit(prepared)
    assert [outcome.ok for outcome in outcomes] == [True, True, False]
    again = floor.exchange.submit([service.prepare_transaction("deposit", CASH, "5.00", key="a")])
    assert again[0].repeated


def test_references_of_one_group_are_told_apart(floor: Floor) -> None:
    """Neither is in the journal yet when the second is decided."""
    service = managed(floor).transactions
    first, same, other = floor.exchange.submit(
        service.prepare_transaction("deposit", CASH, amount, external_reference="w-1")
        for amount in ("5.00", "5.00", "6.00")
    )
    assert (first.repeated, same.repeated, same.sequence) == (False, True, first.sequence)
    assert isinstance(other.error, TradingError)
    assert balances(floor)[CASH][0] == "1000005.00"


def test_the_market_is_not_touched(floor: Floor) -> None:
    record(floor, "buy", CREDIT, 10, counterparty="bob", **PRICED)
    assert floor.admin.market_data.get_trades(SYMBOL).trades == []
    assert floor.admin.instruments.show_instrument(SYMBOL).last_price is None
