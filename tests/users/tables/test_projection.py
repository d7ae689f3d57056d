"""How events show in a user's file: open orders as the engine has them, busts as transactions of their own, nothing of other users."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import OrderRejected
from credit_trading.exchange.order import Order
from credit_trading.exchange.replica import Replica
from credit_trading.trading.records import AuditRecord, OrderRecord
from credit_trading.trading.transaction_service import TransactionReport
from credit_trading.users.tables.words import TEXT_TABLES
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of
from tests.users.flow import HOURS, USERS, RandomFlow


def _order(floor: Floor, user: str, number: int) -> OrderRecord:
    return floor.user(user).orders.get_order(number)


def _row(floor: Floor, user: str, number: int, columns: str) -> tuple[Any, ...]:
    """Of an open order, as the table has it."""
    floor.user(user).orders.get_active_orders()
    (row,) = rows_of(floor.path(user), f"SELECT {columns} FROM active_orders WHERE order_id = ?", (number,))
    return row


def _trail(floor: Floor, user: str, *, after: int = 0) -> list[AuditRecord]:
    """Oldest first."""
    return [one for one in reversed(floor.user(user).audit.list_events(limit=1_000)) if one.sequence > after]


def _deal(floor: Floor, buyer: str, seller: str, **terms: Any) -> TransactionReport:
    """One credit for dollars, unless the terms say otherwise."""
    deals = floor.admin.on_behalf_of(buyer).transactions
    credit_type, quantity = terms.pop("credit_type", CREDIT), terms.pop("quantity", 1)
    return deals.record_transaction("buy", credit_type, quantity, currency=CASH, counterparty=seller, **terms)


# As the engine has it

_COLUMNS = (
    "order_id, client_order_id, symbol, credit_type, currency, side, order_type, time_in_force, price_per_credit,"
    " price_decimals, stop_price, displayed_quantity, post_only, self_trade, route, version, quantity, filled_quantity,"
    " remaining_quantity, filled_value, fees, hold, order_status, expires_at, created_at"
)


def _as_row(order: Order, stop_price: int | None) -> tuple[Any, ...]:
    """What the file must say of an open order; a stop that is triggered has forgotten its stop price, the file has not."""
    instrument = order.instrument
    if order.stop_ticks is not None:
        stop_price = instrument.price_units(order.stop_ticks)
    return (
        order.number,
        order.client_order_id,
        instrument.symbol,
        instrument.base.code,
        instrument.quote.code,
        "buy" if order.buys else "sell",
        order.order_type,
        order.time_in_force,
        instrument.price_units(order.price_ticks) if order.order_type in ("limit", "stop_limit") else None,
        instrument.price_decimals,
        stop_price,
        None if order.display_lots is None else instrument.quantity_units(order.display_lots),
        int(order.post_only),
        order.self_trade,
        order.route,
        order.version,
        instrument.quantity_units(order.quantity_lots),
        instrument.quantity_units(order.filled_lots),
        instrument.quantity_units(order.remaining_lots),
        order.filled_value,
        order.fees_paid,
        order.hold,
        order.status,
        order.expires_at_us,
        order.accepted_at_us,
    )


def _check_against_the_engine(floor: Floor) -> None:
    """Every user's open orders, column for column, and balances."""

    def look(replica: Replica) -> dict[str, tuple[list[Order], dict[str, tuple[int, int]]]]:
        return {
            user: (
                sorted((one for one in replica.orders.values() if one.user == number), key=lambda one: one.number),
                {asset: (each.posted, each.held) for asset, each in replica.accounts.of(number).items()},
            )
            for number, user in enumerate(USERS, 1)
        }

    for user, (orders, balances) in floor.exchange._desk.reading(look).items():
        floor.user(user).orders.get_active_orders()
        path = floor.path(user)
        rows = rows_of(path, f"SELECT {_COLUMNS}, triggered_at FROM active_orders ORDER BY order_id")
        assert [row[:-1] for row in rows] == [
            _as_row(order, row[10]) for order, row in zip(orders, rows, strict=True)
        ], user
        for order, row in zip(orders, rows, strict=True):
            waits = order.stop_ticks is not None
            assert (row[10] is None, row[-1] is None) == (
                not order.order_type.startswith("stop"),
                waits or not order.order_type.startswith("stop"),
            ), row
        held = rows_of(path, "SELECT asset, posted, held FROM balances WHERE posted OR held")
        assert {asset: (posted, held) for asset, posted, held in held} == balances, user


def _check_sums(path: Path) -> None:
    """Balances and statistics are the sums of the transactions, busts included."""
    for asset, posted in rows_of(path, "SELECT asset, posted FROM balances"):
        moved = rows_of(
            path,
            "SELECT coalesce(sum(CASE WHEN credit_type = ?1 THEN CASE WHEN transaction_type IN"
            " ('deposit', 'transfer_in', 'correction_in', 'buy', 'sell_busted') THEN quantity ELSE -quantity END END), 0)"
            " + coalesce(sum(CASE WHEN currency = ?1 THEN CASE WHEN transaction_type IN ('sell', 'buy_busted') THEN total_value"
            " WHEN transaction_type IN ('buy', 'sell_busted') THEN -total_value ELSE 0 END - fee END), 0)"
            " FROM trading_transactions WHERE status = 'settled'",
            (asset,),
        )
        assert moved == [(posted,)], asset
    counted = rows_of(
        path,
        "SELECT credit_type, currency, trades, bought_quantity, sold_quantity, bought_value, sold_value, fees"
        " FROM trading_statistics",
    )
    totals: dict[tuple[str, str], Counter[str]] = {}
    for kind, base, quote, quantity, value, fee in rows_of(
        path,
        "SELECT transaction_type, credit_type, currency, quantity, total_value, fee FROM trading_transactions"
        " WHERE status = 'settled' AND transaction_type IN ('buy', 'sell', 'buy_busted', 'sell_busted')",
    ):
        sign = -1 if kind.endswith("_busted") else 1
        total = totals.setdefault((base, quote), Counter())
        total.update({"trades": sign, f"{kind[:3]}": sign * quantity, f"{kind[:3]} value": sign * value, "fees": fee})
    for base, quote, *sums in counted:
        total = totals.get((base, quote), Counter())
        assert sums == [total[name] for name in ("trades", "buy", "sel", "buy value", "sel value", "fees")]


@pytest.mark.parametrize("seed", range(3))
def test_open_orders_and_balances_equal_the_engines_whatever_happens(
    floor: Floor, clock: ManualClock, is_long: bool, seed: int
) -> None:
    """Order for order and column for column, every few commands of a random flow over every order type and rule."""
    floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
    flow = RandomFlow(floor, clock, seed=seed)
    for _ in range(250 if is_long else 16):
        flow.run(8)
        _check_against_the_engine(floor)
    for user in USERS:
        _check_sums(floor.path(user))
    assert floor.findings() == []


def test_the_random_flow_has_every_event_that_a_file_shows(floor: Floor, clock: ManualClock) -> None:
    """Otherwise the test above would not look at all of them."""
    floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
    RandomFlow(floor, clock, seed=0).run(500)
    kinds = {one.kind for user in USERS for one in _trail(floor, user)}
    assert kinds == {
        *("user_created", "user_suspended", "user_resumed", "user_fees_changed", "deposited", "withdrawn"),
        *("order_accepted", "order_rejected", "order_amended", "order_triggered", "order_refreshed", "order_reduced"),
        *("order_canceled", "orders_mass_canceled", "order_expired", "command_rejected"),
        *("trade", "trade_busted", "transaction_entered", "transaction_updated", "order_filled_outside"),
    }
    reasons = {row[0] for user in USERS for row in rows_of(floor.path(user), "SELECT reason FROM order_history")}
    assert {"expired", "session_ended", "mass_cancel", "user_suspended", "self_trade"} <= reasons


# Stops


def test_a_waiting_stop_shows_its_stop_price_and_no_other(floor: Floor) -> None:
    """At market it has no limit and, if it buys, holds nothing yet; with a limit it holds as any limit order does."""
    at_market = floor.place("ann", "buy", 10, None, stop_price="5.50").order_id
    with_limit = floor.place("ann", "buy", 10, "6.00", stop_price="5.50").order_id
    assert _row(floor, "ann", at_market, "order_type, price_per_credit, stop_price, hold, triggered_at, version") == (
        *("stop", None, 550, 0, None, 1),
    )
    assert _row(floor, "ann", with_limit, "order_type, price_per_credit, stop_price, hold, triggered_at, version") == (
        *("stop_limit", 600, 550, 6015, None, 1),
    )
    shown = _order(floor, "ann", with_limit)
    assert (shown.price_per_credit, shown.stop_price, shown.hold, shown.order_status) == (
        "6.00",
        "5.50",
        "60.15",
        "new",
    )


def test_a_triggered_stop_keeps_its_stop_price_and_says_when(floor: Floor, clock: ManualClock) -> None:
    """Its limit rests in the book; its version counts the trigger and each fill."""
    stop = floor.place("ann", "buy", 10, "5.50", stop_price="5.20").order_id
    clock.advance(60)
    floor.place("bob", "sell", 1, "5.20")
    floor.place("cat", "buy", 1, "5.20")
    at = clock.now_us()
    assert _row(floor, "ann", stop, "price_per_credit, stop_price, triggered_at, version, order_status") == (
        *(550, 520, at, 2, "new"),
    )
    clock.advance(60)
    floor.place("bob", "sell", 4, "5.50")
    assert _row(floor, "ann", stop, "triggered_at, version, order_status, updated_at") == (
        *(at, 3, "partially_filled", at + 60_000_000),
    )


def test_a_stop_at_market_never_shows_its_collar(floor: Floor) -> None:
    """Its price stays empty when it is triggered, funded, filled in part and cut off; what it held is free again."""
    stop = floor.place("ann", "buy", 10, None, stop_price="5.20").order_id
    floor.place("bob", "sell", 3, "5.20")
    floor.place("bob", "sell", 2, "5.21")
    floor.place("cat", "buy", 1, "5.20")
    order = _order(floor, "ann", stop)
    assert (order.price_per_credit, order.stop_price, order.filled_quantity) == (None, "5.20", "4")
    assert (order.order_status, order.reason, order.hold) == ("canceled", "collar_reached", "0.00")
    assert order.triggered_at is not None
    assert order.version == 4  # accepted, triggered, two fills
    assert rows_of(floor.path("ann"), "SELECT held FROM balances WHERE asset = 'USD'") == [(0,)]


# Icebergs and self-trade prevention


def test_an_iceberg_shows_its_slice_and_counts_its_refreshes(floor: Floor) -> None:
    """The whole remainder is the owner's to see; the size of a slice is not what the last one shows."""
    iceberg = floor.place("ann", "sell", 10, "5.00", display_quantity=4).order_id
    floor.place("bob", "buy", 4, "5.00")
    assert _row(floor, "ann", iceberg, "displayed_quantity, remaining_quantity, hold, version") == (4, 6, 6, 3)
    floor.place("bob", "buy", 4, "5.00")
    assert _row(floor, "ann", iceberg, "displayed_quantity, remaining_quantity, hold, version") == (4, 2, 2, 5)
    assert _order(floor, "ann", iceberg).displayed_quantity == "4"
    floor.user("ann").orders.amend_order(iceberg, display_quantity=1)
    assert _row(floor, "ann", iceberg, "displayed_quantity, version") == (1, 6)


def test_an_order_that_self_trade_prevention_reduced_keeps_its_place_with_less(floor: Floor) -> None:
    """Neither filled nor canceled: quantity, remainder and hold shrink together."""
    resting = floor.place("ann", "sell", 10, "5.00").order_id
    incoming = floor.place("ann", "buy", 4, "5.00", self_trade="decrement").order_id
    assert _row(
        floor, "ann", resting, "quantity, filled_quantity, remaining_quantity, hold, version, order_status"
    ) == (*(6, 0, 6, 6, 2, "new"),)
    done = _order(floor, "ann", incoming)
    assert (done.order_status, done.reason, done.self_trade) == ("canceled", "self_trade", "decrement")
    assert rows_of(floor.path("ann"), "SELECT asset, held FROM balances ORDER BY asset") == [("USD", 0), (CREDIT, 6)]


# Amends


def test_a_new_expiry_makes_the_order_gtd(floor: Floor, clock: ManualClock) -> None:
    """The price and the quantity stay as they are; another amend leaves the expiry alone."""
    order = floor.place("ann", "sell", 10, "5.00").order_id
    expires_at = clock.now_us() + 90_000_000
    floor.user("ann").orders.amend_order(order, expires_at=expires_at)
    assert _row(floor, "ann", order, "time_in_force, expires_at, price_per_credit, quantity, version") == (
        *("GTD", expires_at, 500, 10, 2),
    )
    floor.user("ann").orders.amend_order(order, price="6.00", quantity=8)
    assert _row(floor, "ann", order, "time_in_force, expires_at, price_per_credit, quantity, version") == (
        *("GTD", expires_at, 600, 8, 3),
    )


def test_an_amended_stop_at_market_still_shows_no_price(floor: Floor) -> None:
    order = floor.place("ann", "sell", 10, None, stop_price="4.00").order_id
    floor.user("ann").orders.amend_order(order, quantity=7)
    assert _row(floor, "ann", order, "price_per_credit, stop_price, quantity, hold, version") == (None, 400, 7, 7, 2)


def test_an_order_amended_down_to_what_is_filled_is_filled(floor: Floor) -> None:
    order = floor.place("ann", "sell", 10, "5.00").order_id
    floor.place("bob", "buy", 4, "5.00")
    floor.user("ann").orders.amend_order(order, quantity=4)
    done = _order(floor, "ann", order)
    assert (done.order_status, done.reason, done.quantity, done.remaining_quantity, done.version) == (
        *("filled", None, "4", "0", 3),
    )


# How orders end


def test_the_reason_tells_an_expiry_from_the_end_of_a_session(floor: Floor, clock: ManualClock) -> None:
    """Both are expired orders: FIX ExecType C."""
    floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
    day = floor.place("ann", "sell", 10, "5.00", time_in_force="DAY").order_id
    assert _order(floor, "ann", day).expires_at == "2026-01-01T23:00:00.000000Z"
    dated = floor.place("ann", "sell", 10, "5.00", expires_at=clock.now_us() + 1_000_000).order_id
    clock.advance(86_400)
    floor.exchange.expire_due()
    ended = rows_of(floor.path("ann"), "SELECT order_id, order_status, reason FROM order_history ORDER BY order_id")
    assert ended == [(day, "expired", "session_ended"), (dated, "expired", "expired")]


def test_mass_cancels_and_suspensions_stand_in_the_trail_before_the_cancels(floor: Floor) -> None:
    """One row for what was asked, then one for each order; the rows of the orders say why."""
    for price in ("5.00", "6.00"):
        floor.place("ann", "sell", 10, price)
    sequence = floor.exchange.sequence
    floor.user("ann").orders.cancel_all_orders()
    floor.place("ann", "sell", 10, "5.00")
    floor.admin.trading.suspend_user("ann")
    floor.admin.trading.resume_user("ann")
    trail = _trail(floor, "ann", after=sequence)
    assert [(one.kind, one.order_id, one.actor) for one in trail] == [
        ("orders_mass_canceled", None, "user:ann"),
        ("order_canceled", 1, "user:ann"),
        ("order_canceled", 2, "user:ann"),
        ("order_accepted", 3, "user:ann"),
        ("user_suspended", None, "admin:setup"),
        ("order_canceled", 3, "admin:setup"),
        ("user_resumed", None, "admin:setup"),
    ]
    assert trail[0].details == {"orders": 2, "user": 1}
    ended = rows_of(floor.path("ann"), "SELECT order_id, reason FROM order_history ORDER BY order_id")
    assert ended == [(1, "mass_cancel"), (2, "mass_cancel"), (3, "user_suspended")]


def test_a_users_own_fees_stand_in_the_trail_alone(floor: Floor) -> None:
    sequence = floor.exchange.sequence
    floor.admin.trading.set_user_fees("ann", SYMBOL, taker_fee="0.001")
    (told,) = _trail(floor, "ann", after=sequence)
    assert (told.kind, told.details) == (
        "user_fees_changed",
        {"user": 1, "symbol": SYMBOL, "taker_ppm": 1000},
    )
    assert _trail(floor, "bob", after=sequence) == []


def test_a_refused_order_shows_what_was_asked(floor: Floor) -> None:
    """Its stop price, its slice and its mode too; it never was, so its version is 0."""
    floor.place("bob", "sell", 1, "5.00")
    floor.place("cat", "buy", 1, "5.00")
    with pytest.raises(OrderRejected, match="stop_would_trigger"):
        floor.place("ann", "buy", 9, "6.00", stop_price="4.00", display_quantity=2, self_trade="cancel_both")
    floor.place("bob", "sell", 1, "5.00")
    with pytest.raises(OrderRejected, match="post_only_would_take"):
        floor.place("ann", "buy", 9, "5.00", post_only=True)
    columns = "order_type, price_per_credit, stop_price, displayed_quantity, post_only, self_trade, version, reason"
    assert rows_of(floor.path("ann"), f"SELECT {columns} FROM order_history ORDER BY order_id") == [
        ("stop_limit", 600, 400, 2, 0, "cancel_both", 0, "stop_would_trigger"),
        ("limit", 500, None, None, 1, "cancel_newest", 0, "post_only_would_take"),
    ]
    (refused, _) = floor.user("ann").orders.get_order_history()
    assert refused.post_only is True


# Busts


def _statistics(floor: Floor, user: str) -> tuple[Any, ...]:
    (one,) = floor.user(user).transactions.calculate_trading_statistics()
    return one.trades, one.bought_quantity, one.sold_quantity, one.bought_value, one.sold_value, one.fees


def test_a_busted_trade_is_a_transaction_of_its_own_in_both_files(floor: Floor, clock: ManualClock) -> None:
    """The trade's row stays; beside it stands its mirror, which has the price that only the row knew, and the fee given back."""
    resting = floor.place("ann", "sell", 1000, "5.00").order_id
    taking = floor.place("bob", "buy", 1000, "5.00").order_id
    before = {user: (floor.balance(user), floor.balance(user, CREDIT)) for user in ("ann", "bob")}
    assert before == {"ann": ("1005000.50", "99000"), "bob": ("994987.50", "101000")}
    clock.advance(5)
    report = floor.admin.trading.bust_trade(1, note="fat finger")
    for user, order, kind, fee, other in (
        ("ann", resting, "sell", "-0.50", "bob"),
        ("bob", taking, "buy", "12.50", "ann"),
    ):
        bust, trade = floor.user(user).transactions.get_transaction_history(limit=2)
        assert (trade.transaction_type, trade.fee, trade.note) == (kind, fee, None)
        assert (bust.transaction_type, bust.transaction_id) == (f"{kind}_busted", report.sequence)
        assert bust.fee == (f"-{fee}" if fee[0] != "-" else fee[1:])
        assert (bust.note, bust.transaction_date[:19]) == ("fat finger", "2026-01-01T00:00:05")
        same = ("trade_id", "symbol", "credit_type", "quantity", "price_per_credit", "total_value", "currency")
        for name in (*same, "order_id", "role", "counterparty", "status"):
            assert getattr(bust, name) == getattr(trade, name), name
        assert (bust.order_id, bust.counterparty, bust.price_per_credit) == (order, other, "5.00")
        assert (floor.balance(user), floor.balance(user, CREDIT)) == ("1000000.00", "100000")
        assert _statistics(floor, user) == (0, "0", "0", "0.00", "0.00", "0.00")
        assert _order(floor, user, order).order_status == "filled"
        _check_sums(floor.path(user))
    assert floor.findings() == []


def test_busting_one_of_several_trades_takes_back_that_one_alone(floor: Floor) -> None:
    """And twice is once."""
    floor.place("ann", "sell", 10, "5.00")
    for quantity in (2, 3):
        floor.place("bob", "buy", quantity, "5.00")
    for _ in range(2):
        floor.admin.trading.bust_trade(1)
    assert _statistics(floor, "bob") == (1, "3", "0", "15.00", "0.00", "0.04")
    kinds = [(one.transaction_type, one.trade_id) for one in floor.user("bob").transactions.get_transaction_history()]
    assert kinds[:3] == [("buy_busted", 1), ("buy", 2), ("buy", 1)]


def test_a_busted_deal_off_the_book_keeps_its_reference_and_its_finer_price(floor: Floor) -> None:
    _deal(floor, "ann", "bob", quantity=1000, price_per_credit="4.99999", external_reference="deal-7")
    floor.admin.trading.bust_trade(1)
    (bust, _, *_) = floor.user("bob").transactions.get_transaction_history()
    assert (bust.transaction_type, bust.price_per_credit, bust.total_value) == ("sell_busted", "4.99999", "4999.99")
    assert (bust.external_reference, bust.symbol, bust.order_id, bust.fee) == ("deal-7", None, None, "0.00")
    assert floor.balance("ann") == floor.balance("bob") == "1000000.00"
    assert floor.findings() == []


def test_a_bust_leaves_totals_as_if_the_trade_had_never_been(floor: Floor) -> None:
    """One that did not fit with it is known again; one that does not fit without it either stays empty."""
    floor.admin.assets.add_asset("FINE", decimals=18)
    for user, asset, amount in (("ann", "FINE", "1"), ("bob", "FINE", "3")):
        floor.admin.accounts.deposit(user, asset, amount)
    for _ in range(10):
        for buyer, seller in (("ann", "bob"), ("bob", "ann")):
            _deal(floor, buyer, seller, credit_type="FINE", price_per_credit="1")
    floor.admin.trading.bust_trade(20)
    (one,) = [one for one in floor.user("ann").transactions.calculate_trading_statistics() if one.credit_type == "FINE"]
    assert (one.trades, one.bought_quantity, one.sold_quantity, one.sold_value) == (
        *(19, None, "9.000000000000000000", "9.00"),
    )
    assert floor.findings() == []


def test_a_refused_bust_tells_neither_side_about_the_other(floor: Floor) -> None:
    """Both are told that it was refused, and only to whom it was refused is said why."""
    floor.place("ann", "sell", 100_000, "1.00")
    floor.place("bob", "buy", 100_000, "1.00")
    floor.admin.accounts.withdraw("ann", CASH, floor.balance("ann"))
    sequence = floor.exchange.sequence
    with pytest.raises(OrderRejected, match="cannot_give_back"):
        floor.admin.trading.bust_trade(1)
    for user, code in (("ann", "cannot_give_back"), ("bob", "refused_for_counterparty")):
        (told,) = _trail(floor, user, after=sequence)
        assert (told.kind, told.order_id, told.actor) == ("command_rejected", None, "admin:setup")
        assert told.details == {"command": "BustTrade", "code": code}


def test_a_refused_deal_says_why_to_the_side_that_was_refused(floor: Floor) -> None:
    """Who is suspended or short of money is nobody else's business."""
    floor.admin.trading.suspend_user("cat")
    for buyer, seller, price, code in (
        ("ann", "bob", "2000000", "insufficient_funds"),
        ("ann", "cat", "1", "user_suspended"),
    ):
        sequence = floor.exchange.sequence
        with pytest.raises(OrderRejected, match=code):
            _deal(floor, buyer, seller, price_per_credit=price)
        refused = "cat" if code == "user_suspended" else buyer
        for user in (buyer, seller):
            (told,) = _trail(floor, user, after=sequence)
            expected = code if user == refused else "refused_for_counterparty"
            assert told.details == {"command": "EnterTransaction", "code": expected}
    assert floor.findings() == []


# What others may know


def _text_of(path: Path) -> str:
    """Every value of every table and view, as text."""
    names = {name for (name,) in rows_of(path, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}
    return "\n".join(repr(row) for name in names - {*TEXT_TABLES} for row in rows_of(path, f"SELECT * FROM {name}"))


def _causes(trail: Iterable[AuditRecord]) -> list[tuple[str, str | None]]:
    return [(one.kind, one.cause) for one in trail]


def test_a_stop_that_another_users_order_triggers_does_not_tell_whose(floor: Floor) -> None:
    """Trigger and fills are ann's events, and the first ones of them; but what caused them is bob's command."""
    floor.place("cat", "sell", 1, "5.00")
    floor.place("cat", "sell", 50, "5.10")
    floor.place("ann", "buy", 3, "5.20", stop_price="5.00", command_id="anns-own")
    floor.place("ann", "buy", 1, None, stop_price="5.00")
    sequence = floor.exchange.sequence
    taker = floor.exchange.as_user("bob", origin="bobs-address", correlation_id="bobs-request")
    taker.orders.create_order(SYMBOL, "buy", 1, "5.00", client_order_id="bobs-name", command_id="bobs-command")
    assert floor.kinds(after=sequence) == ["order_accepted", "trade", *["order_triggered", "trade"] * 2]
    assert _causes(_trail(floor, "ann", after=sequence)) == [("order_triggered", None), ("trade", None)] * 2
    assert {one.actor for one in _trail(floor, "ann", after=sequence)} == {None}
    for user in ("ann", "cat"):
        assert "bobs-" not in _text_of(floor.path(user))
        assert "user2/" not in _text_of(floor.path(user))


def test_an_icebergs_refresh_does_not_tell_whose_order_took_the_slice(floor: Floor) -> None:
    floor.place("ann", "sell", 10, "5.00", display_quantity=4)
    sequence = floor.exchange.sequence
    floor.place("bob", "buy", 4, "5.00", command_id="bobs-command")
    assert _causes(_trail(floor, "ann", after=sequence)) == [("trade", None), ("order_refreshed", None)]
    assert not re.search(r"bobs-|user2/", _text_of(floor.path("ann")))


def test_the_trail_names_the_commands_of_the_user_of_admins_and_the_passing_of_time(
    floor: Floor, clock: ManualClock
) -> None:
    """An admin's command for a user is named to that user alone, whoever the other side is; one's own stop as one's own."""
    sequence = floor.exchange.sequence
    _deal(floor, "ann", "bob", price_per_credit="1.00", external_reference="deal-7")
    causes = {user: _causes(_trail(floor, user, after=sequence)) for user in ("ann", "bob")}
    assert re.fullmatch(r"user1/.+", causes["ann"][0][1] or "")
    assert causes["bob"] == [("transaction_entered", None)]
    sequence = floor.exchange.sequence
    floor.place("bob", "sell", 1, "5.00")
    floor.place("bob", "sell", 5, "5.10")
    floor.place("ann", "buy", 3, "5.20", stop_price="5.00", expires_at=clock.now_us() + 1_000_000)
    floor.place("ann", "buy", 1, "5.00", command_id="own")
    floor.place("ann", "sell", 1, "9.00", expires_at=clock.now_us() + 1_000_000, command_id="dated")
    clock.advance(2)
    floor.exchange.expire_due()
    assert _causes(_trail(floor, "ann", after=sequence))[1:] == [
        *[(kind, "user1/id/own") for kind in ("order_accepted", "trade", "order_triggered", "trade")],
        ("order_accepted", "user1/id/dated"),
        ("order_expired", "expiry"),
    ]
