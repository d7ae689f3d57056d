"""A user's orders through the public face: placed, amended, cancelled, shown, and nobody else's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock, OrderRejected, Rejection, User
from credit_trading.errors import CommandConflict, InvalidInput, NotFound, TradingError
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened

Reopen = Callable[..., Exchange]


def test_an_order_shows_its_progress_fill_by_fill(floor: Floor) -> None:
    """Filled, remaining, percent and average price, in the report and in the file; then it moves to the history."""
    floor.place("ann", "sell", 3, "5.00")
    floor.place("cat", "sell", 9, "5.10")
    report = floor.place("bob", "buy", 7, "5.10", client_order_id="b1")
    assert (report.order_status, report.filled_quantity, report.remaining_quantity) == ("filled", "7", "0")
    assert (report.percent_filled, report.average_price) == ("100.0", "5.057142")
    (resting,) = floor.user("cat").orders.get_active_orders()
    assert (resting.order_status, resting.filled_quantity, resting.remaining_quantity) == ("partially_filled", "4", "5")
    assert (resting.percent_filled, resting.average_price, resting.filled_value) == ("44.4", "5.100000", "20.40")
    (done,) = floor.user("bob").orders.get_order_history()
    assert (done.order_id, done.order_status, done.fees, done.hold) == (report.order_id, "filled", "0.09", "0.00")
    assert done.fees == report.fees
    assert floor.user("bob").orders.get_active_orders() == []
    assert floor.findings() == []


def test_active_orders_are_oldest_first_and_history_latest_first(floor: Floor) -> None:
    """Of one instrument where asked for; the history as long as asked for."""
    ids = [floor.place("ann", "sell", 1, f"{price}.00").order_id for price in (7, 6, 5)]
    mine = floor.user("ann").orders
    assert [order.order_id for order in mine.get_active_orders()] == ids
    assert [order.order_id for order in mine.get_active_orders(symbol=SYMBOL)] == ids
    assert mine.get_active_orders(symbol="OTHER/USD") == []
    for order in ids:
        mine.cancel_order(order)
    assert [order.order_id for order in mine.get_order_history()] == ids[::-1]
    assert [order.order_id for order in mine.get_order_history(limit=2)] == ids[:0:-1]
    assert {(order.order_status, order.reason) for order in mine.get_order_history()} == {("canceled", "requested")}


def test_an_order_is_found_by_either_of_its_names(floor: Floor, clock: ManualClock) -> None:
    """By number, or by the client's own id: the latest of that name, once it may be used again."""
    mine = floor.user("ann").orders
    first = floor.place("ann", "sell", 1, "5.00", client_order_id="mine", command_id="a")
    mine.cancel_order(client_order_id="mine")
    clock.advance(86_401)
    second = floor.place("ann", "sell", 2, "6.00", client_order_id="mine", command_id="b")
    assert mine.get_order(first.order_id).order_status == "canceled"
    assert mine.get_order(client_order_id="mine").order_id == second.order_id
    mine.amend_order(client_order_id="mine", quantity=1)
    mine.cancel_order(client_order_id="mine")
    assert mine.get_order(client_order_id="mine").order_id == second.order_id
    for wrong in (
        {},
        {"order_id": 1, "client_order_id": "mine"},
        {"order_id": 0},
        {"order_id": -1},
        {"order_id": True},
    ):
        with pytest.raises(InvalidInput):
            mine.get_order(**wrong)


def test_a_rejected_duplicate_never_hides_the_order_whose_name_it_took(floor: Floor) -> None:
    """Open or done; whoever lost an answer and asks by the name must learn what became of the order."""
    mine = floor.user("ann").orders
    first = floor.place("ann", "sell", 1, "5.00", client_order_id="abc", command_id="k1")

    def duplicate(command_id: str) -> int:
        with pytest.raises(OrderRejected, match="duplicate_client_order_id"):
            floor.place("ann", "sell", 2, "5.00", client_order_id="abc", command_id=command_id)
        return mine.get_order_history(limit=1)[0].order_id

    duplicate("k2")
    assert mine.get_order(client_order_id="abc").order_id == first.order_id
    floor.place("bob", "buy", 1, "5.00")
    refused = duplicate("k3")
    told = mine.get_order(client_order_id="abc")
    assert (told.order_id, told.order_status) == (first.order_id, "filled")
    assert mine.get_order(refused).reason == "duplicate_client_order_id"
    with pytest.raises(OrderRejected, match="order_not_open"):
        mine.cancel_order(client_order_id="abc")


def test_a_client_order_id_that_stands_for_nothing_is_not_found(floor: Floor) -> None:
    """Prepared too: it is an error and leaves nothing in the journal."""
    floor.place("ann", "sell", 1, "5.00", client_order_id="hers")
    sequence = floor.exchange.sequence
    mine = floor.user("bob").orders
    outcomes = floor.exchange.submit(
        [
            mine.prepare_cancel(client_order_id="hers"),
            mine.prepare_amend(client_order_id="never", symbol=SYMBOL, quantity=1),
        ]
    )
    assert [type(outcome.error) for outcome in outcomes] == [NotFound, NotFound]
    assert floor.exchange.sequence == sequence


def test_an_amend_shows_no_more_than_the_order_is(floor: Floor) -> None:
    """As placing does; the quantity that it has then is what counts."""
    order = floor.place("ann", "sell", 5, "5.00", display_quantity=2).order_id
    mine = floor.user("ann").orders
    for display, quantity in ((6, None), (5, 4)):
        with pytest.raises(InvalidInput, match="more than the order's quantity"):
            mine.amend_order(order, display_quantity=display, quantity=quantity)
    mine.amend_order(order, display_quantity=5)
    mine.amend_order(order, display_quantity=6, quantity=7)
    assert mine.get_order(order).displayed_quantity == "6"


def test_less_quantity_keeps_the_place_and_a_new_price_loses_it(floor: Floor) -> None:
    """FIX 35=G: what the file and the book show afterwards."""
    first = floor.place("ann", "sell", 10, "5.00")
    floor.place("cat", "sell", 10, "5.00")
    floor.user("ann").orders.amend_order(first.order_id, quantity=4)
    floor.place("bob", "buy", 4, "5.00")
    assert floor.user("ann").orders.get_order(first.order_id).order_status == "filled"
    moved = floor.place("ann", "sell", 10, "4.99")
    report = floor.user("ann").orders.amend_order(moved.order_id, price="5.00")
    assert report.order_status == "new"
    floor.place("bob", "buy", 10, "5.00")
    assert floor.user("cat").orders.get_active_orders() == []
    assert floor.findings() == []


def test_an_amended_order_that_crosses_trades(floor: Floor) -> None:
    """At the resting order's price, and says so in its report."""
    floor.place("ann", "sell", 5, "5.00")
    order = floor.place("bob", "buy", 5, "4.00")
    report = floor.user("bob").orders.amend_order(order.order_id, price="5.50")
    assert (report.order_status, report.average_price) == ("filled", "5.000000")


def test_another_users_order_is_not_found(floor: Floor) -> None:
    """Whether it is open, done or was never there: one answer, which tells nothing; and nothing is left in the journal."""
    theirs = floor.place("ann", "sell", 5, "5.00", client_order_id="secret")
    done = floor.place("ann", "sell", 5, "6.00")
    floor.user("ann").orders.cancel_order(done.order_id)
    sequence = floor.exchange.sequence
    mine = floor.user("bob").orders
    for order in (theirs.order_id, done.order_id, 999):
        for attempt in (
            lambda order=order: mine.get_order(order),
            lambda order=order: mine.cancel_order(order),
            lambda order=order: mine.amend_order(order, quantity=1),
        ):
            with pytest.raises(NotFound, match="user bob has no such order"):
                attempt()
    with pytest.raises(NotFound):
        mine.cancel_order(client_order_id="secret")
    (outcome,) = floor.exchange.submit([mine.prepare_cancel(theirs.order_id)])
    assert isinstance(outcome.error, NotFound)
    assert floor.exchange.sequence == sequence
    assert floor.user("ann").orders.get_order(theirs.order_id).order_status == "new"


def test_cancelling_twice_or_what_is_filled_is_rejected(floor: Floor) -> None:
    """The market's no, with its code; the order stays as it was."""
    order = floor.place("ann", "sell", 5, "5.00")
    mine = floor.user("ann").orders
    assert mine.cancel_order(order.order_id).order_status == "canceled"
    filled = floor.place("ann", "sell", 5, "5.00")
    floor.place("bob", "buy", 5, "5.00")
    for number in (order.order_id, filled.order_id):
        for attempt in (mine.cancel_order, lambda one: mine.amend_order(one, quantity=3)):
            with pytest.raises(OrderRejected) as error:
                attempt(number)
            assert error.value.rejection == Rejection.ORDER_NOT_OPEN
    assert mine.get_order(filled.order_id).order_status == "filled"


def test_a_single_call_raises_what_submit_returns(floor: Floor) -> None:
    """Outcomes come in the order of the commands, refusals and errors among them, in one commit."""
    poor = ("ann", "buy", 10**6, "500.00")
    with pytest.raises(OrderRejected) as error:
        floor.place(*poor)
    assert error.value.rejection == Rejection.INSUFFICIENT_FUNDS
    sequence = floor.exchange.sequence
    outcomes = floor.exchange.submit(
        [
            floor.prepared("ann", "sell", 5, "5.00"),
            floor.prepared(*poor),
            floor.user("ann").orders.prepare_cancel(999_999),
            floor.prepared("bob", "buy", 2, "5.00"),
            floor.prepared("bob", "buy", 2, None),
        ]
    )
    assert [outcome.ok for outcome in outcomes] == [True, False, False, True, True]
    assert [outcome.status for outcome in outcomes] == ["new", "rejected", "", "filled", "filled"]
    assert outcomes[1].rejection is Rejection.INSUFFICIENT_FUNDS
    assert isinstance(outcomes[2].error, NotFound)
    assert floor.kinds(after=sequence)[:2] == ["order_accepted", "order_rejected"]
    assert floor.exchange.submit([]) == []
    (history,) = [
        order for order in floor.user("ann").orders.get_order_history() if order.order_id == outcomes[1].order_id
    ]
    assert (history.order_status, history.reason) == ("rejected", "insufficient_funds")


def test_a_client_order_id_is_carried_out_once_for_ever_and_everywhere(
    floor: Floor, reopen: Reopen, home: Path, clock: ManualClock
) -> None:
    """Repeated at once, through another opening, and after a restart; with other content it is refused."""
    first = floor.place("ann", "sell", 5, "5.00", client_order_id="c")
    other = Floor(reopen())
    for one in (floor, other):
        again = one.place("ann", "sell", 5, "5.00", client_order_id="c")
        assert (again.order_id, again.repeated) == (first.order_id, True)
        with pytest.raises(CommandConflict):
            one.place("ann", "sell", 6, "5.00", client_order_id="c")
    bobs = other.place("bob", "sell", 6, "5.00", client_order_id="c")
    assert not bobs.repeated
    floor.exchange.close()
    other.exchange.close()
    with opened(home, clock=clock) as exchange:
        again = Floor(exchange).place("ann", "sell", 5, "5.00", client_order_id="c")
        assert (again.order_id, again.repeated) == (first.order_id, True)
        assert len(exchange.as_user("ann").orders.get_active_orders()) == 1


def test_a_repeated_command_gets_its_first_answer_whatever_happened_since(floor: Floor) -> None:
    """The order was new then; that it is filled by now is what get_order is for."""
    first = floor.place("ann", "sell", 5, "5.00", command_id="c")
    floor.place("bob", "buy", 5, "5.00")
    again = floor.place("ann", "sell", 5, "5.00", command_id="c")
    assert again.repeated
    assert (again.order_status, again.filled_quantity) == ("new", "0") == (first.order_status, first.filled_quantity)


def test_a_repeated_refusal_is_the_same_refusal(floor: Floor) -> None:
    """Even when the money has come meanwhile."""
    for _ in range(2):
        with pytest.raises(OrderRejected) as error:
            floor.place("ann", "buy", 1000, "5000.00", command_id="c")
        assert error.value.rejection == Rejection.INSUFFICIENT_FUNDS
        floor.admin.accounts.deposit("ann", CASH, "9000000.00")
    assert floor.kinds().count("order_rejected") == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("buy", "1", "5.001"), InvalidInput),
        (("buy", "1.5", "5.00"), InvalidInput),
        (("buy", "0", "5.00"), InvalidInput),
        (("buy", "-1", "5.00"), InvalidInput),
        (("buy", "NaN", "5.00"), InvalidInput),
        (("buy", "1e400", "5.00"), InvalidInput),
        (("buy", "1,000", "5.00"), InvalidInput),
        (("buy", "٣", "5.00"), InvalidInput),
        (("buy", 1.0, "5.00"), InvalidInput),
        (("buy", "1", "0.00"), InvalidInput),
        (("buy", "1", "Infinity"), InvalidInput),
        (("buy", str(2**62), "99999999.00"), InvalidInput),
        (("hold", "1", "5.00"), InvalidInput),
    ],
)
def test_what_cannot_be_an_order_raises_and_leaves_nothing(
    floor: Floor, order: tuple[Any, ...], error: type[TradingError]
) -> None:
    """Off the grid, not a number, too large: before the journal, in one line."""
    sequence = floor.exchange.sequence
    with pytest.raises(error) as told:
        floor.place("ann", *order)
    assert "\n" not in str(told.value)
    assert floor.exchange.sequence == sequence


def test_an_instrument_that_is_unknown_is_not_found(floor: Floor) -> None:
    """Before the journal."""
    sequence = floor.exchange.sequence
    with pytest.raises(NotFound):
        floor.user("ann").orders.create_order("OTHER/USD", "buy", 1, "5.00")
    with pytest.raises(NotFound):
        floor.user("ann").orders.cancel_all_orders(symbol="OTHER/USD")
    assert floor.exchange.sequence == sequence


def test_a_users_services_have_no_parameter_for_another_user(floor: Floor) -> None:
    """Who acts is settled when the services are made: nothing that can be passed names a user, by id, number or e-mail."""
    session: User = floor.user("ann")
    services = [session, session.orders, session.transactions, session.accounts, session.market_data]
    methods = [
        method
        for service in services
        for name, method in inspect.getmembers(service, callable)
        if not name.startswith("_")
    ]
    assert len(methods) > 12
    for method in methods:
        for name in inspect.signature(method).parameters:
            assert not any(
                word in name for word in ("user", "owner", "number", "email", "account", "buyer", "seller")
            ), name


def test_an_admin_acts_for_a_user_under_the_admins_name(floor: Floor) -> None:
    """The order is the user's, the audit trail names the admin."""
    report = floor.admin.on_behalf_of("ann").orders.create_order(SYMBOL, "sell", 1, "5.00", client_order_id="x")
    assert floor.user("ann").orders.get_order(client_order_id="x").order_id == report.order_id
    assert floor.user("ann").audit.list_events(limit=1)[0].actor == "admin:setup"


# Time


def test_an_order_expires_by_the_sweep_and_before_anything_later_can_match_it(floor: Floor, clock: ManualClock) -> None:
    """At its exact instant, not a microsecond before."""
    at = clock.now_us() + 60_000_000
    first = floor.place("ann", "sell", 5, "5.00", expires_at=at)
    second = floor.place("ann", "sell", 5, "5.00", expires_at="2026-01-01T00:02:00+00:00")
    clock.set(at - 1)
    assert floor.exchange.expire_due() == 0
    clock.set(at)
    assert floor.exchange.expire_due() == 1
    assert floor.exchange.expire_due() == 0
    shown = floor.user("ann").orders.get_order(first.order_id)
    assert (shown.order_status, shown.reason, shown.closed_at) == ("expired", "expired", "2026-01-01T00:01:00.000000Z")
    clock.advance(3600)
    assert floor.place("bob", "buy", 5, "5.00").order_status == "new"
    assert floor.user("ann").orders.get_order(second.order_id).order_status == "expired"
    assert {one.asset: one.held for one in floor.user("ann").accounts.get_balances()} == {CASH: "0.00", CREDIT: "0"}
    with pytest.raises(OrderRejected) as error:
        floor.place("ann", "sell", 5, "5.00", expires_at=clock.now_us())
    assert error.value.rejection == Rejection.EXPIRES_IN_THE_PAST
    assert floor.findings() == []


def test_the_id_in_a_report_or_a_journal_entry_repeats_the_command(floor: Floor) -> None:
    """As it stands there, made up or chosen: what OutcomeUnknown tells a caller to do must not happen twice."""
    for given in ({}, {"client_order_id": "c1"}, {"command_id": "x1"}):
        report = floor.place("ann", "sell", 1, "5.00", **given)
        more = {"client_order_id": "c1"} if "client_order_id" in given else {}
        again = floor.place("ann", "sell", 1, "5.00", command_id=report.command_id, **more)
        assert (again.order_id, again.repeated) == (report.order_id, True)
    floor.admin.accounts.deposit("ann", CASH, "1.00")
    cause = list(floor.admin.journal())[-1].cause
    assert floor.admin.accounts.deposit("ann", CASH, "1.00", key=cause).repeated
    assert len(floor.user("ann").orders.get_active_orders()) == 3


def test_the_full_form_of_an_id_holds_nothing_but_ids(floor: Floor) -> None:
    """Another user's scope, an e-mail in disguise, too many parts: each is refused."""
    number = floor.place("ann", "sell", 1, "5.00").command_id.split("/")[0]
    for bad in (f"{number}/id/ann@example.com", f"{number}/id/a/b", "user99/id/x", "admin/id/x"):
        with pytest.raises(InvalidInput, match="an id is 1 to 64"):
            floor.place("ann", "sell", 1, "5.00", command_id=bad)


def test_no_user_can_take_a_key_that_is_an_administrators(floor: Floor) -> None:
    """Nor the name of an import, nor that of another order: whatever form it is given in."""
    own = floor.user("ann").orders
    for taken in ("user1/key/inv-1", "user1/record/INV-1", "user1/order/zz", "user1/"):
        with pytest.raises(InvalidInput, match="this is no command id of user1"):
            floor.place("ann", "sell", 1, "5.00", command_id=taken)
        with pytest.raises(InvalidInput, match="this is no command id of user1"):
            own.cancel_all_orders(command_id=taken)
    assert not floor.admin.on_behalf_of("ann").transactions.record_transaction("fee", CASH, "5", key="inv-1").repeated
    first = floor.place("ann", "sell", 1, "5.00", client_order_id="zz")
    again = floor.place("ann", "sell", 1, "5.00", client_order_id="zz", command_id=first.command_id)
    assert (again.order_id, again.repeated) == (first.order_id, True)


@pytest.mark.parametrize("moment", [True, 0, -1, 2**62, "2026-06-01", "soon", 1.5])
def test_an_expiry_that_is_no_moment_is_refused_before_the_journal(floor: Floor, moment: Any) -> None:
    """A bool is no number of microseconds, a year has four digits, and a time has an offset."""
    sequence = floor.exchange.sequence
    with pytest.raises(InvalidInput, match="not a moment"):
        floor.place("ann", "sell", 1, "5.00", expires_at=moment)
    assert floor.exchange.sequence == sequence


def test_an_amend_is_counted_on_the_grid_of_its_own_instrument(floor: Floor) -> None:
    """Naming another instrument is refused: its ticks and lots would mean something else."""
    floor.admin.instruments.add_instrument("X", base=CREDIT, quote=CASH, tick="0.50", lot="10")
    order = floor.place("ann", "sell", 10, "5.00").order_id
    orders = floor.user("ann").orders
    (outcome,) = floor.exchange.submit([orders.prepare_amend(order, symbol="X", price="12.50", quantity=40)])
    assert isinstance(outcome.error, InvalidInput)
    assert (orders.get_order(order).price_per_credit, orders.get_order(order).quantity) == ("5.00", "10")


def test_what_is_no_prepared_command_is_refused(floor: Floor) -> None:
    """A lone command, a number, a list of numbers."""
    submit: Any = floor.exchange.submit
    for wrong in (floor.prepared("ann", "sell", 1, "5.00"), 1, [1]):
        with pytest.raises(InvalidInput, match="prepare_"):
            submit(wrong)


def test_an_exchange_that_was_closed_stays_closed(floor: Floor) -> None:
    """Its services raise one clear line instead of opening it again behind the host's back."""
    ann = floor.user("ann")
    floor.exchange.close()
    with pytest.raises(TradingError, match="it is closed"):
        ann.orders.create_order(SYMBOL, "sell", 1, "5.00")
