"""What an admin does to trading: mass cancels, suspensions, users' own fees, trades taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading import Exchange, OrderRejected
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.journal.log import FILE_NAME, Log
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of

Reopen = Callable[..., Exchange]


def _balances(floor: Floor) -> list[tuple[str, str]]:
    return [(floor.balance(user), floor.balance(user, CREDIT)) for user in ("ann", "bob", "cat")]


# Mass cancel


def test_an_admin_cancels_all_orders_of_a_user_or_of_an_instrument(floor: Floor) -> None:
    """Or of one in the other; each file shows its own."""
    floor.admin.instruments.add_instrument("X", base=CREDIT, quote=CASH, tick="0.50", lot="10")
    for user in ("ann", "bob"):
        floor.place(user, "buy", 1, "4.00")
        floor.place(user, "buy", 1, None, stop_price="9.00")
        floor.user(user).orders.create_order("X", "sell", 10, "7.50")
    told = [
        floor.admin.trading.cancel_all_orders(user_id="ann", symbol="X").orders,
        floor.admin.trading.cancel_all_orders(user_id="ann").orders,
        floor.admin.trading.cancel_all_orders(symbol=SYMBOL).orders,
        floor.admin.trading.cancel_all_orders(symbol=SYMBOL).orders,
    ]
    assert told == [1, 2, 2, 0]
    assert [order.symbol for order in floor.user("bob").orders.get_active_orders()] == ["X"]
    assert {order.reason for order in floor.user("bob").orders.get_order_history()} == {"mass_cancel"}
    assert floor.user("ann").orders.get_active_orders() == []
    assert floor.findings() == []


def test_a_mass_cancel_names_somebody_or_something(floor: Floor) -> None:
    """Everything at once is more likely a slip; unknown names are not found."""
    sequence = floor.exchange.sequence
    with pytest.raises(InvalidInput, match="neither a user nor an instrument"):
        floor.admin.trading.cancel_all_orders()
    with pytest.raises(NotFound):
        floor.admin.trading.cancel_all_orders(user_id="zoe")
    with pytest.raises(NotFound):
        floor.admin.trading.cancel_all_orders(user_id="ann", symbol="X")
    assert floor.exchange.sequence == sequence


# Suspension


def test_a_suspended_user_may_cancel_and_move_money_and_nothing_else(floor: Floor, reopen: Reopen) -> None:
    """Open orders go at once; another process knows it too; resumed, all is as before."""
    orders = [floor.place("ann", "sell", 5, "5.00"), floor.place("ann", "sell", 5, None, stop_price="3.00")]
    told = floor.admin.trading.suspend_user("ann", note="documents expired")
    assert (told.suspended, told.orders) == (True, 2)
    mine = floor.user("ann").orders
    assert {mine.get_order(order.order_id).reason for order in orders} == {"user_suspended"}
    assert floor.admin.databases.show_trading_database("ann").suspended
    deal = {"credit_type": CREDIT, "quantity": 1, "price_per_credit": "5.00", "currency": CASH}
    attempts: list[Callable[[], object]] = [
        lambda: floor.place("ann", "sell", 1, "5.00"),
        lambda: Floor(reopen()).place("ann", "sell", 1, "5.00"),
        lambda: mine.amend_order(orders[0].order_id, quantity=1),
        lambda: floor.admin.transactions.record_transaction(buyer="ann", seller="bob", **deal),  # type: ignore[arg-type]
        lambda: floor.admin.transactions.record_transaction(buyer="bob", seller="ann", **deal),  # type: ignore[arg-type]
    ]
    for attempt in attempts:
        with pytest.raises(OrderRejected, match="user_suspended"):
            attempt()
    with pytest.raises(OrderRejected, match="order_not_open"):
        mine.cancel_order(orders[0].order_id)
    floor.admin.accounts.deposit("ann", CASH, "1.00")
    floor.admin.accounts.withdraw("ann", CASH, "1.00")
    assert floor.admin.trading.suspend_user("ann").orders == 0
    assert floor.admin.trading.resume_user("ann").suspended is False
    assert floor.place("ann", "sell", 1, "5.00").order_status == "new"
    trail = floor.user("ann").audit.list_events(limit=1_000)
    suspension = next(entry for entry in reversed(trail) if entry.kind == "user_suspended")
    assert suspension.actor == "admin:setup"
    notes = rows_of(floor.exchange.home / FILE_NAME, "SELECT sequence FROM command_notes WHERE note LIKE 'documents%'")
    assert notes == [(told.sequence,)]
    assert floor.findings() == []


# Users' own fees


def test_a_users_own_fees_hold_for_the_orders_that_come_from_then_on(floor: Floor, reopen: Reopen) -> None:
    """Each order keeps the rates that it was accepted with; None is the instrument's."""
    floor.place("ann", "sell", 100, "10.00")
    old = floor.place("bob", "buy", 10, "9.00").order_id
    given = floor.admin.trading.set_user_fees("bob", SYMBOL, taker_fee="0.001")
    assert (given.maker_fee, given.taker_fee) == (None, "0.001")
    assert floor.place("bob", "buy", 10, "10.00").fees == "0.10"
    assert floor.place("cat", "buy", 10, "10.00").fees == "0.25"
    assert Floor(reopen()).place("bob", "buy", 10, "10.00").fees == "0.10"
    floor.admin.trading.set_user_fees("bob", SYMBOL, maker_fee="0.002", taker_fee="0.001")
    assert [(fees.symbol, fees.maker_fee) for fees in floor.admin.trading.get_user_fees("bob")] == [(SYMBOL, "0.002")]
    floor.place("cat", "sell", 10, "9.00")
    assert floor.user("bob").orders.get_order(old).fees == "0.00"  # a rebate of less than a cent, rounded up
    floor.admin.trading.set_user_fees("bob", SYMBOL)
    assert floor.admin.trading.get_user_fees("bob") == []
    assert floor.place("bob", "buy", 10, "10.00").fees == "0.25"
    assert floor.findings() == []


def test_fees_by_which_the_exchange_could_pay_are_refused(floor: Floor) -> None:
    """Over all rates in force: the instrument's, users' own, and those of open orders."""
    trading, sequence = floor.admin.trading, floor.exchange.sequence
    for rates in ({"taker_fee": "-0.0001"}, {"taker_fee": "0"}, {"maker_fee": "-0.0026"}):
        with pytest.raises(InvalidInput):
            trading.set_user_fees("bob", SYMBOL, **rates)
    with pytest.raises(InvalidInput):
        trading.set_user_fees("bob", SYMBOL, taker_fee="much")
    with pytest.raises(NotFound):
        trading.set_user_fees("zoe", SYMBOL, taker_fee="0.1")
    with pytest.raises(NotFound):
        trading.set_user_fees("bob", "X", taker_fee="0.1")
    assert floor.exchange.sequence == sequence
    trading.set_user_fees("bob", SYMBOL, maker_fee="-0.002")
    with pytest.raises(InvalidInput, match="users with rates of their own"):
        floor.admin.instruments.set_rules(SYMBOL, taker_fee="0.001")
    floor.place("bob", "buy", 10, "9.00")
    trading.set_user_fees("bob", SYMBOL)
    with pytest.raises(InvalidInput, match="orders that are open"):
        floor.admin.instruments.set_rules(SYMBOL, taker_fee="0.001")
    floor.admin.trading.cancel_all_orders(user_id="bob")
    assert floor.admin.instruments.set_rules(SYMBOL, taker_fee="0.001").taker_fee == "0.001"


# Busts


@pytest.mark.parametrize(("resting", "incoming"), [("sell", "buy"), ("buy", "sell")])
def test_a_trade_is_taken_back_whichever_side_came_in(floor: Floor, resting: str, incoming: str) -> None:
    """Everybody has what they had before."""
    before = _balances(floor)
    floor.place("ann", resting, 40, "10.00")
    floor.place("bob", incoming, 40, "10.00")
    report = floor.admin.trading.bust_trade(1)
    assert (report.buyer, report.seller) == (("bob", "ann") if incoming == "buy" else ("ann", "bob"))
    assert _balances(floor) == before
    assert floor.findings() == []


def test_a_busted_trade_is_taken_back_with_its_fees(floor: Floor) -> None:
    """FIX ExecType H. The orders stay as they are; both files show it; the print is marked."""
    before = _balances(floor)
    order = floor.place("ann", "sell", 100, "10.00").order_id
    floor.place("bob", "buy", 40, "10.00")
    report = floor.admin.trading.bust_trade(1, note="wrong price")
    assert (report.buyer, report.seller, report.quantity, report.total_value) == ("bob", "ann", "40", "400.00")
    assert (report.buyer_fee, report.seller_fee, report.repeated) == ("1.00", "-0.04", False)
    assert _balances(floor) == before
    assert floor.admin.accounts.get_fees() == []
    assert floor.user("ann").orders.get_order(order).filled_quantity == "40"
    for user, kind in (("bob", "buy_busted"), ("ann", "sell_busted")):
        latest = floor.user(user).transactions.get_transaction_history(limit=1)[0]
        assert (latest.transaction_type, latest.trade_id, latest.quantity) == (kind, 1, "40")
        assert (latest.transaction_id, latest.note) == (report.sequence, "wrong price")
    (trade,) = floor.exchange.market_data.get_trades(SYMBOL).trades
    assert trade.busted
    assert floor.admin.instruments.show_instrument(SYMBOL).last_price == "10.00"
    assert floor.findings() == []


def test_a_trade_is_busted_once(floor: Floor, reopen: Reopen) -> None:
    """Again, from anywhere, it is the first answer."""
    floor.place("ann", "sell", 100, "10.00")
    floor.place("bob", "buy", 40, "10.00")
    first = floor.admin.trading.bust_trade(1)
    after = _balances(floor)
    for one in (floor, Floor(reopen())):
        again = one.admin.trading.bust_trade(1)
        assert (again.repeated, again.sequence, again.quantity) == (True, first.sequence, "40")
    assert _balances(floor) == after
    assert floor.kinds().count("trade_busted") == 1


def test_a_deal_off_the_book_is_busted_likewise(floor: Floor) -> None:
    """It has no symbol and no fees."""
    before = _balances(floor)
    floor.admin.transactions.record_transaction(
        buyer="ann", seller="bob", credit_type=CREDIT, quantity=100, price_per_credit="12.3456", currency=CASH
    )
    report = floor.admin.trading.bust_trade(1)
    assert (report.symbol, report.buyer, report.total_value, report.buyer_fee) == (None, "ann", "1234.56", "0.00")
    assert _balances(floor) == before
    assert floor.findings() == []


def test_who_no_longer_has_it_cannot_give_it_back(floor: Floor) -> None:
    """The error names who lacks what; when it is there again, the trade is busted after all."""
    dan = floor.add("dan", cash="402.00", credits=1)
    floor.place("ann", "sell", 40, "10.00")
    dan.orders.create_order(SYMBOL, "buy", 40, "10.00")
    order = dan.orders.create_order(SYMBOL, "sell", 2, "20.00").order_id
    with pytest.raises(OrderRejected, match="cannot_give_back") as error:
        floor.admin.trading.bust_trade(1)
    assert f"dan must give back 40 {CREDIT}" in str(error.value)
    dan.orders.cancel_order(order)
    floor.admin.accounts.withdraw("ann", CASH, floor.balance("ann"))
    with pytest.raises(OrderRejected, match="cannot_give_back") as error:
        floor.admin.trading.bust_trade(1)
    assert "ann must give back 400.04 USD" in str(error.value)
    floor.admin.accounts.deposit("ann", CASH, "400.04")
    assert not floor.admin.trading.bust_trade(1).repeated
    assert (floor.balance("ann"), floor.balance("dan")) == ("0", "402.00")
    assert floor.findings() == []


def test_a_trade_that_never_was_or_whose_party_is_gone_is_not_found(floor: Floor) -> None:
    """Nothing is left in the journal."""
    floor.place("ann", "sell", 40, "10.00")
    floor.place("bob", "buy", 40, "10.00")
    floor.admin.databases.delete_trading_database("bob", sweep_to="cat")
    sequence = floor.exchange.sequence
    for trade in (1, 2, 2**62):
        with pytest.raises(NotFound):
            floor.admin.trading.bust_trade(trade)
    for nonsense in (0, -1, True, 2**63, "1"):
        with pytest.raises(InvalidInput, match="a trade id is"):
            floor.admin.trading.bust_trade(nonsense)  # type: ignore[arg-type]
    assert floor.exchange.sequence == sequence


def test_every_trade_is_found_by_its_number_in_few_rows(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the book and off it, between rows without trades; nobody's neighbours, none before the first and none after the last."""
    expected: dict[int, str] = {}
    for step in range(60):
        quiet = [floor.prepared("cat", "buy", 1, "1.00") for _ in range(step % 7)]
        loud = [floor.prepared("ann", "sell", 1, "10.00"), floor.prepared("bob", "buy", 1, "10.00")] if step % 3 else []
        floor.exchange.submit(quiet + loud)
        if loud:
            expected[len(expected) + 1] = "trade"
        elif step % 2:
            floor.admin.transactions.record_transaction(
                buyer="ann", seller="bob", credit_type=CREDIT, quantity=1, price_per_credit="1", currency=CASH
            )
            expected[len(expected) + 1] = "transaction_entered"
    head = floor.exchange.sequence
    log = Log.open(Path(floor.exchange.home / FILE_NAME))
    statements: list[str] = []
    log.connection.set_trace_callback(statements.append)
    try:
        for number, kind in expected.items():
            statements.clear()
            trade = log.trade(number)
            assert trade is not None
            assert (trade.trade, trade.kind) == (number, kind)
            assert 1 <= len(statements) - 1 <= head.bit_length()  # one looks for the head
        assert log.trade(0) is None
        assert log.trade(len(expected) + 1) is None
    finally:
        log.connection.set_trace_callback(None)
        log.close()
