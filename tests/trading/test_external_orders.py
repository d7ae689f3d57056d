"""Orders that are worked outside: they hold, are filled by reports, and never meet the book."""

from __future__ import annotations

from typing import Any

import pytest

from credit_trading import ManualClock, OrderRejected
from credit_trading.clock import format_time
from credit_trading.errors import CommandConflict, InvalidInput, NotFound
from credit_trading.trading.order_service import OrderManagementService
from credit_trading.trading.outcome import OrderReport
from tests.floor import CASH, CREDIT, SYMBOL, Floor


def orders(floor: Floor, user: str = "ann") -> OrderManagementService:
    return floor.admin.on_behalf_of(user).orders


def place(floor: Floor, side: str = "buy", quantity: int = 10, price: str | None = "10.00", **more: Any) -> OrderReport:
    return floor.user("ann").orders.create_order(SYMBOL, side, quantity, price, route="external", **more)


def balances(floor: Floor, user: str = "ann") -> dict[str, tuple[str, str]]:
    return {one.asset: (one.posted, one.held) for one in floor.user(user).accounts.get_balances()}


def test_it_holds_what_it_needs_and_never_meets_the_book(floor: Floor) -> None:
    """Neither orders that would cross it, nor anybody who looks at the book."""
    floor.place("bob", "sell", 5, "9.00")
    report = place(floor)
    assert (report.order_status, report.filled_quantity) == ("new", "0")
    assert balances(floor)[CASH] == ("1000000.00", "100.00")
    book = floor.admin.market_data.get_book(SYMBOL)
    assert (book.bids, [level.price for level in book.asks]) == ([], ["9.00"])
    assert floor.place("bob", "sell", 5, "10.00").order_status == "new"
    (active,) = floor.user("ann").orders.get_active_orders()
    assert (active.route, active.hold, active.order_status) == ("external", "100.00", "new")
    assert floor.findings() == []


def test_reports_from_outside_fill_it_piece_by_piece(floor: Floor) -> None:
    """At prices finer than the tick and better than the limit, with what was charged there."""
    order = place(floor, client_order_id="x-1").order_id
    first = orders(floor).update_order_progress(
        order, quantity=4, price="9.995", fee="0.10", outside="Venue X", external_reference="exec-1"
    )
    assert (first.order_status, first.filled_quantity, first.percent_filled) == ("partially_filled", "4", "40.0")
    assert balances(floor) == {CASH: ("999959.92", "60.00"), CREDIT: ("100004", "0")}
    last = orders(floor).complete_order(client_order_id="x-1", price="9.90", outside="Venue X")
    assert (last.order_status, last.filled_quantity, last.fees) == ("filled", "10", "0.10")
    assert balances(floor) == {CASH: ("999900.52", "0.00"), CREDIT: ("100010", "0")}
    (done,) = floor.user("ann").orders.get_order_history()
    assert (done.route, done.filled_value, done.fees, done.average_price) == ("external", "99.38", "0.10", "9.938000")
    second, one = floor.user("ann").transactions.get_transaction_history()[:2]
    assert (one.transaction_type, one.quantity, one.price_per_credit, one.fee) == ("buy", "4", "9.995", "0.10")
    assert (one.order_id, one.counterparty, one.external_reference) == (order, "Venue X", "exec-1")
    assert (second.quantity, second.total_value, second.trade_id) == ("6", "59.40", None)
    assert floor.findings() == []


def test_a_sell_may_go_at_market_outside(floor: Floor, clock: ManualClock) -> None:
    order = place(floor, "sell", 10, None).order_id
    clock.advance(60)
    assert balances(floor)[CREDIT] == ("100000", "10")
    orders(floor).complete_order(order, price="12.34", fee="0.05", occurred_at="2026-01-01T00:00:07Z")
    assert balances(floor) == {CASH: ("1000123.35", "0.00"), CREDIT: ("99990", "0")}
    history = floor.user("ann").transactions.get_transaction_history()
    (sale,) = [one for one in history if one.transaction_type == "sell"]
    assert sale.transaction_date == "2026-01-01T00:00:07.000000Z"


def test_a_report_is_named_and_told_as_what_it_was(floor: Floor) -> None:
    """Which method refused, when it was, and hints that can be typed as they are."""
    order = place(floor).order_id
    with pytest.raises(InvalidInput, match="before the order was placed"):
        orders(floor).complete_order(order, price="9.00", occurred_at="2025-12-31")
    with pytest.raises(InvalidInput, match="lies in the future"):
        orders(floor).complete_order(order, price="9.00", occurred_at="2031-01-01")
    for nobody in ("", " \t"):
        with pytest.raises(InvalidInput, match="nobody is named"):
            orders(floor).complete_order(order, price="9.00", outside=nobody)
    with pytest.raises(OrderRejected, match=rf"orders show ann {order}\.$") as refused:
        orders(floor).complete_order(order, price="10.01")
    assert refused.value.operation == "orders.complete"
    with pytest.raises(OrderRejected, match=rf"orders show ann {order}\.$") as refused:
        orders(floor).update_order_progress(order, quantity=11, price="9.00")
    assert refused.value.operation == "orders.progress"
    orders(floor).cancel_order(order)
    with pytest.raises(OrderRejected, match=rf"orders show ann {order}\.$"):
        orders(floor).cancel_order(order)


def test_the_same_report_fills_once(floor: Floor) -> None:
    order = place(floor).order_id
    fill: dict[str, Any] = {"quantity": 4, "price": "9.90", "outside": "Venue X"}
    first = orders(floor).update_order_progress(order, external_reference="exec-1", key="k", **fill)
    for more in ({"key": "k"}, {"key": "k2"}, {}):
        again = orders(floor).update_order_progress(order, external_reference="exec-1", **fill, **more)
        assert (again.sequence, again.repeated, again.filled_quantity) == (first.sequence, True, "4")
    with pytest.raises(CommandConflict, match="exec-1"):
        orders(floor).update_order_progress(order, external_reference="exec-1", **(fill | {"quantity": 5}))
    with pytest.raises(CommandConflict, match="exec-1"):
        floor.admin.on_behalf_of("ann").transactions.record_transaction(
            "deposit", CASH, "1.00", external_reference="exec-1"
        )
    assert balances(floor)[CREDIT] == ("100004", "0")


@pytest.mark.parametrize(
    ("fill", "code"),
    [
        ({"quantity": 11, "price": "9.90"}, "quantity_above_remaining"),
        ({"quantity": 10, "price": "10.01"}, "price_worse_than_limit"),
        ({"quantity": 10, "price": "10.00", "fee": "1000000.00"}, "insufficient_funds"),
    ],
)
def test_a_report_that_cannot_be_is_refused_and_changes_nothing(floor: Floor, fill: dict[str, Any], code: str) -> None:
    order = place(floor).order_id
    before = balances(floor)
    with pytest.raises(OrderRejected, match=code):
        orders(floor).update_order_progress(order, **fill)
    assert balances(floor) == before
    assert floor.findings() == []


def test_progress_of_an_order_in_the_book_is_refused(floor: Floor) -> None:
    order = floor.place("ann", "buy", 10, "10.00").order_id
    with pytest.raises(OrderRejected, match="order_not_external"):
        orders(floor).update_order_progress(order, quantity=1, price="9.00")
    with pytest.raises(OrderRejected, match="order_not_external"):
        orders(floor).complete_order(order, price="9.00")


def test_what_ends_an_order_in_the_book_ends_one_outside(floor: Floor, clock: ManualClock) -> None:
    """Its owner's cancel, a mass cancel, its expiry; and then no report is taken any more."""
    ends = [
        place(floor),
        place(floor, expires_at=format_time(clock.now_us() + 1_000_000)),
        place(floor),
    ]
    assert floor.user("ann").orders.cancel_order(ends[0].order_id).order_status == "canceled"
    clock.advance(seconds=1)
    assert floor.exchange.expire_due() == 1
    assert floor.user("ann").orders.cancel_all_orders().orders == 1
    assert balances(floor)[CASH] == ("1000000.00", "0.00")
    for one in ends:
        with pytest.raises(OrderRejected, match="order_not_open"):
            orders(floor).complete_order(one.order_id, price="9.00")
    assert floor.findings() == []


def test_it_is_canceled_and_placed_again_instead_of_amended(floor: Floor) -> None:
    order = place(floor).order_id
    with pytest.raises(OrderRejected, match="order_is_external"):
        floor.user("ann").orders.amend_order(order, price="9.00")


def test_what_was_filled_outside_is_taken_though_the_instrument_is_halted(floor: Floor) -> None:
    order = place(floor).order_id
    floor.admin.instruments.halt_instrument(SYMBOL)
    assert orders(floor).complete_order(order, price="9.00").order_status == "filled"
    with pytest.raises(OrderRejected, match="instrument_halted"):
        place(floor)


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"price": None}, "needs its limit"),
        ({"stop_price": "9.00"}, '"stop price 9.00": it does not go with'),
        ({"display_quantity": 2}, '"display quantity 2"'),
        ({"post_only": True}, '"post-only": it'),
        ({"self_trade": "cancel_oldest"}, '"self-trade mode cancel_oldest"'),
        ({"order_type": "stop"}, '"order type stop"'),
        ({"time_in_force": "IOC"}, "waits"),
        ({"side": "hold"}, "buy or sell"),
        ({"price": "10.001"}, "finer than"),
    ],
)
def test_what_only_an_order_in_the_book_can_have_is_refused(floor: Floor, terms: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        place(floor, **terms)
    with pytest.raises(InvalidInput, match="no such route"):
        floor.place("ann", "buy", 1, "9.00", route="elsewhere")


def test_an_order_of_somebody_else_is_not_found(floor: Floor) -> None:
    order = place(floor).order_id
    with pytest.raises(NotFound, match="user bob has no such order"):
        orders(floor, "bob").complete_order(order, price="9.00")


def test_placed_again_under_its_name_it_is_the_same_order(floor: Floor) -> None:
    first = place(floor, client_order_id="x-1")
    again = place(floor, client_order_id="x-1")
    assert (again.order_id, again.repeated) == (first.order_id, True)
    with pytest.raises(CommandConflict):
        floor.place("ann", "buy", 10, "10.00", client_order_id="x-1")
