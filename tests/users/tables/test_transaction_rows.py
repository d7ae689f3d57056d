"""Transactions that did not happen on the book, as both sides' files show them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.exchange import events as ev
from credit_trading.users.difference import differing_rows
from credit_trading.users.scratch import scratch_file
from credit_trading.users.tables.order_rows import ORDER_EVENTS
from credit_trading.users.tables.projection import _OTHER_EVENTS
from credit_trading.users.tables.transaction_rows import TRANSACTION_EVENTS
from tests.floor import CASH, CREDIT, SYMBOL, Floor, edit, rows_of

_ROW = (
    "transaction_type, credit_type, quantity, price_per_credit, total_value, fee, currency, counterparty, status, trade_id,"
    " external_reference, note"
)


def _row(floor: Floor, user: str, number: int, columns: str = _ROW) -> tuple[Any, ...]:
    floor.user(user).orders.get_active_orders()
    sql = f"SELECT {columns} FROM trading_transactions_readable WHERE transaction_id = ?"
    (row,) = rows_of(floor.path(user), sql, (number,))
    return row


def test_every_event_that_names_a_user_has_its_rows() -> None:
    """A new kind of event would stop the files of all who have one."""
    of_users = {cls for cls in ev.KINDS.values() if cls.users is not ev.Event.users}
    assert {*ORDER_EVENTS, *TRANSACTION_EVENTS, *_OTHER_EVENTS} == of_users


def test_a_deal_is_a_buy_in_one_file_and_a_sell_in_the_other(floor: Floor, clock: ManualClock) -> None:
    """Under one number, with the terms that both agreed on, and the one who entered it says when it was."""
    ann = floor.admin.on_behalf_of("ann").transactions
    then = clock.now_us() - 3_600_000_000
    terms: dict[str, Any] = {"price_per_credit": "4.999", "currency": CASH, "counterparty": "bob", "occurred_at": then}
    number = ann.record_transaction(
        "buy", CREDIT, 1000, external_reference="deal-7", note="by fax", **terms
    ).transaction_id
    for user, kind, other in (("ann", "buy", "bob"), ("bob", "sell", "ann")):
        assert _row(floor, user, number)[:7] == (kind, CREDIT, "1000", "4.999", "4999.00", "0.00", CASH)
        assert _row(floor, user, number)[7:] == (other, "settled", 1, "deal-7", "by fax")
        assert _row(floor, user, number, "transaction_date, recorded_at") == (
            "2025-12-31T23:00:00.000000Z",
            "2026-01-01T00:00:00.000000Z",
        )


def test_the_other_side_of_a_transfer_does_not_learn_what_it_cost(floor: Floor) -> None:
    """That is between whoever receives it and their tax adviser."""
    ann = floor.admin.on_behalf_of("ann").transactions
    number = ann.record_transaction(
        "transfer_in", CREDIT, 3, price_per_credit="4.25", currency=CASH, counterparty="bob"
    ).transaction_id
    assert _row(floor, "ann", number)[:7] == ("transfer_in", CREDIT, "3", "4.25", "12.75", "0.00", CASH)
    assert _row(floor, "bob", number)[:7] == ("transfer_out", CREDIT, "3", None, None, None, None)
    held = rows_of(floor.path("bob"), "SELECT group_concat(details || coalesce(changes, '')) FROM audit_trail")
    assert "12.75" not in held[0][0]
    assert "1275" not in held[0][0]


def test_an_outside_counterparty_stands_in_the_users_file_by_name(floor: Floor) -> None:
    ann = floor.admin.on_behalf_of("ann").transactions
    number = ann.record_transaction(
        "sell", CREDIT, 3, price_per_credit="5.00", currency=CASH, fee="0.07", outside="A Broker"
    ).transaction_id
    assert _row(floor, "ann", number)[3:10] == ("5.00", "15.00", "0.07", CASH, "A Broker", "settled", None)
    assert floor.balance("ann") == "1000014.93"


@pytest.mark.parametrize(
    ("status", "note", "reason"),
    [("settled", "paid", "paid"), ("cancelled", None, "requested"), ("failed", "no such account", "no such account")],
)
def test_a_pending_one_keeps_its_row_and_tells_how_it_ended(
    floor: Floor, clock: ManualClock, status: str, note: str | None, reason: str
) -> None:
    ann = floor.admin.on_behalf_of("ann").transactions
    terms: dict[str, Any] = {"price_per_credit": "2.00", "currency": CASH, "counterparty": "bob", "status": "pending"}
    number = ann.record_transaction("sell", CREDIT, 3, note="by fax", **terms).transaction_id
    columns = "status, status_changed_at, status_reason, trade_id, note"
    assert _row(floor, "bob", number, columns) == ("pending", None, None, None, "by fax")
    assert rows_of(floor.path("bob"), "SELECT held FROM balances WHERE asset = ?", (CASH,)) == [(600,)]
    clock.advance(5)
    ann.update_transaction_status(number, status, note=note)
    trade = 1 if status == "settled" else None
    ended = (status, "2026-01-01T00:00:05.000000Z", reason, trade, "by fax")
    assert _row(floor, "ann", number, columns) == _row(floor, "bob", number, columns) == ended
    assert rows_of(floor.path("bob"), "SELECT held FROM balances WHERE asset = ?", (CASH,)) == [(0,)]
    assert floor.balance("bob") == ("999994.00" if status == "settled" else "1000000.00")
    if status == "settled":
        floor.admin.trading.bust_trade(1)
        assert floor.balance("bob") == "1000000.00"
    assert floor.findings() == []


def test_one_that_ran_out_says_so(floor: Floor, clock: ManualClock) -> None:
    soon = clock.now_us() + 1_000_000
    ann = floor.admin.on_behalf_of("ann").transactions
    number = ann.record_transaction("withdrawal", CASH, "7.00", status="pending", expires_at=soon).transaction_id
    clock.advance(2)
    floor.exchange.expire_due()
    columns = "status, status_reason, expires_at"
    assert _row(floor, "ann", number, columns) == ("cancelled", "expired", "2026-01-01T00:00:01.000000Z")


def test_a_fill_from_outside_is_a_transaction_of_its_order(floor: Floor, clock: ManualClock) -> None:
    """With the order's number, no role and no trade number; the order moves as with any fill."""
    orders = floor.admin.on_behalf_of("ann").orders
    order = orders.create_order(SYMBOL, "buy", 10, "5.00", route="external").order_id
    then = clock.now_us()
    clock.advance(60)
    done: dict[str, Any] = {"price": "4.995", "fee": "0.03", "outside": "A Venue", "occurred_at": then}
    number = orders.update_order_progress(order, quantity=4, external_reference="f-1", **done).sequence
    assert _row(
        floor, "ann", number, "transaction_type, quantity, price_per_credit, total_value, fee, counterparty"
    ) == (*("buy", "4", "4.995", "19.98", "0.03", "A Venue"),)
    columns = "order_id, role, trade_id, symbol, external_reference, transaction_date, recorded_at"
    assert _row(floor, "ann", number, columns) == (
        *(order, None, None, SYMBOL, "f-1", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:01:00.000000Z"),
    )
    left = "SELECT route, order_status, filled_quantity, filled_value, fees, hold FROM active_orders"
    assert rows_of(floor.path("ann"), left) == [("external", "partially_filled", 4, 1998, 3, 3000)]
    orders.complete_order(order, price="5.00")
    ended = "SELECT route, order_status, filled_quantity, filled_value, fees, hold FROM order_history"
    assert rows_of(floor.path("ann"), ended) == [("external", "filled", 10, 4998, 3, 0)]
    assert floor.balance("ann") == "999949.99"
    assert floor.findings() == []


def test_words_that_differ_are_counted_and_told(floor: Floor) -> None:
    """They are packed otherwise in a file that grew event by event than in one made at once; that is no difference."""
    floor.admin.accounts.deposit("ann", CASH, "1.00", note="a gift of the house")
    with scratch_file() as rebuilt:
        floor.exchange._projector.build(rebuilt, 1)
        with floor.exchange._projector.caught_up(1) as live:
            assert differing_rows(live, rebuilt) == {}
    edit(floor.path("ann"), "INSERT INTO transactions_text (rowid, words) VALUES (1, 'one more')")
    (finding,) = floor.findings()
    assert "transactions_text more 1" in finding
    assert "the row should not be there" in finding
    assert floor.admin.databases.rebuild("ann").differing_rows == {"transactions_text": 2}
    assert floor.findings() == []


def test_details_of_what_was_entered_name_no_command_of_the_other_side(floor: Floor) -> None:
    ann = floor.admin.on_behalf_of("ann").transactions
    ann.record_transaction("transfer_out", CREDIT, 2, counterparty="bob", key="anns-key")
    (row,) = rows_of(floor.path("bob"), "SELECT cause, details FROM audit_trail WHERE kind = 'transaction_entered'")
    assert row[0] is None
    assert json.loads(row[1])["counterparty"] == "ann"
    assert "anns-key" not in row[1]
