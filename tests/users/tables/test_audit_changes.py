"""The audit trail: what each event changed, who brought it about, and that nothing of it is ever rewritten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import OrderRejected
from credit_trading.store.sqlite import connect, sqlite3
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of
from tests.users.flow import HOURS, USERS, RandomFlow

Changes = dict[str, list[Any]]


def _changes(floor: Floor, user: str, *, after: int) -> list[tuple[str, Changes | None]]:
    """Kinds of the user's later events, and what each changed."""
    floor.user(user).orders.get_active_orders()
    found = "SELECT kind, changes FROM audit_trail WHERE sequence > ? ORDER BY sequence"
    return [(kind, text and json.loads(text)) for kind, text in rows_of(floor.path(user), found, (after,))]


def _who(floor: Floor, user: str, *, after: int) -> list[tuple[Any, ...]]:
    floor.user(user).orders.get_active_orders()
    found = "SELECT kind, actor, origin, correlation_id FROM audit_trail WHERE sequence > ? ORDER BY sequence"
    return rows_of(floor.path(user), found, (after,))


# Before and after


def test_a_fill_tells_balances_and_order_before_and_after(floor: Floor) -> None:
    """In decimal text, and each of the two sees its own half alone."""
    start = floor.exchange.sequence
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    assert _changes(floor, "ann", after=start) == [
        ("order_accepted", {"order_status": [None, "new"], f"held {CREDIT}": ["0", "10"]}),
        (
            "trade",
            {
                f"posted {CREDIT}": ["100000", "99996"],
                f"held {CREDIT}": ["10", "6"],
                f"posted {CASH}": ["1000000.00", "1000020.00"],
                "filled_quantity": ["0", "4"],
                "hold": ["10", "6"],
                "order_status": ["new", "partially_filled"],
            },
        ),
    ]
    (_, trade) = _changes(floor, "bob", after=start)
    assert trade[1] is not None
    assert trade[1]["order_status"] == ["new", "filled"]
    assert trade[1][f"held {CASH}"] == trade[1]["hold"] == ["20.05", "0.00"]


def test_an_amend_tells_only_the_fields_that_it_changed(floor: Floor, clock: ManualClock) -> None:
    order = floor.place("ann", "buy", 10, "5.00", display_quantity=4).order_id
    orders = floor.user("ann").orders
    start = floor.exchange.sequence
    expires_at = clock.now_us() + 60_000_000
    orders.amend_order(order, price="5.01", quantity=8)
    orders.amend_order(order, expires_at=expires_at, display_quantity=2)
    orders.cancel_order(order)
    assert [changes for _, changes in _changes(floor, "ann", after=start)] == [
        {
            f"held {CASH}": ["50.13", "40.19"],
            "hold": ["50.13", "40.19"],
            "quantity": ["10", "8"],
            "price_per_credit": ["5.00", "5.01"],
        },
        {
            "expires_at": [None, "2026-01-01T00:01:00.000000Z"],
            "time_in_force": ["GTC", "GTD"],
            "displayed_quantity": ["4", "2"],
        },
        {f"held {CASH}": ["40.19", "0.00"], "hold": ["40.19", "0.00"], "order_status": ["new", "canceled"]},
    ]


def test_a_pending_transaction_tells_its_status_and_what_it_holds_on_both_sides(floor: Floor) -> None:
    start = floor.exchange.sequence
    ann = floor.admin.on_behalf_of("ann").transactions
    terms: dict[str, Any] = {"price_per_credit": "2.00", "currency": CASH, "counterparty": "bob", "status": "pending"}
    entered = ann.record_transaction("buy", CREDIT, 3, **terms).transaction_id
    ann.update_transaction_status(entered, "settled")
    assert _changes(floor, "ann", after=start) == [
        ("transaction_entered", {"status": [None, "pending"], f"held {CASH}": ["0.00", "6.00"]}),
        (
            "transaction_updated",
            {
                "status": ["pending", "settled"],
                f"held {CASH}": ["6.00", "0.00"],
                f"posted {CREDIT}": ["100000", "100003"],
                f"posted {CASH}": ["1000000.00", "999994.00"],
            },
        ),
    ]
    assert next(changes for _, changes in _changes(floor, "bob", after=start)) == {
        "status": [None, "pending"],
        f"held {CREDIT}": ["0", "3"],
    }


def test_settings_of_a_user_tell_what_they_were(floor: Floor) -> None:
    """Rates, suspension, how cost is reckoned; of an e-mail only that it changed."""
    start = floor.exchange.sequence
    admin = floor.admin
    admin.trading.set_user_fees("ann", SYMBOL, taker_fee="0.001")
    admin.trading.set_user_fees("ann", SYMBOL, maker_fee="0.0001", taker_fee="0.002")
    admin.trading.suspend_user("ann")
    admin.trading.suspend_user("ann")
    admin.trading.resume_user("ann")
    admin.databases.change_email("ann", "anns-new@example.org")
    floor.user("ann").transactions.set_cost_method("fifo")
    assert [changes for _, changes in _changes(floor, "ann", after=start)] == [
        {"taker_fee": [None, "0.001000"]},
        {"maker_fee": [None, "0.000100"], "taker_fee": ["0.001000", "0.002000"]},
        {"suspended": [False, True]},
        None,
        {"suspended": [True, False]},
        {"email": [None, "changed"]},
        {"cost_method": ["average", "fifo"]},
    ]
    assert floor.findings() == []  # all of it in one transaction of the rebuilt file


def test_what_is_refused_changes_nothing(floor: Floor) -> None:
    start = floor.exchange.sequence
    with pytest.raises(OrderRejected):
        floor.place("ann", "buy", 10**6, "500.00")
    with pytest.raises(OrderRejected):
        floor.admin.accounts.withdraw("ann", CREDIT, 10**9)
    assert _changes(floor, "ann", after=start) == [
        ("order_rejected", {"order_status": [None, "rejected"]}),
        ("command_rejected", None),
    ]


def test_changes_of_a_whole_history_hang_together(floor: Floor, clock: ManualClock, is_long: bool) -> None:
    """What a field was before an event is what it was after the one before, and in the end it is what the tables say."""
    floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
    RandomFlow(floor, clock, seed=21).run(2000 if is_long else 150)
    for user in USERS:
        floor.user(user).orders.get_active_orders()
        latest: dict[tuple[int | None, str], Any] = {}
        for order, text in rows_of(floor.path(user), "SELECT order_id, changes FROM audit_trail ORDER BY sequence"):
            for field, (before, after) in json.loads(text or "{}").items():
                key = (order if field in ("order_status", "hold", "filled_quantity") else None, field)
                if key[0] is not None or field.startswith(("posted ", "held ")):
                    assert before == latest.get(key, before), (user, key)
                    assert before != after, (user, key)
                    latest[key] = after
        for asset, posted, held in rows_of(floor.path(user), "SELECT asset, posted, held FROM balances_readable"):
            assert latest.get((None, f"posted {asset}"), posted) == posted
            assert latest.get((None, f"held {asset}"), held) == held
        orders = rows_of(
            floor.path(user),
            "SELECT order_id, order_status, hold FROM active_orders_readable UNION ALL"
            " SELECT order_id, order_status, hold FROM order_history_readable",
        )
        for order, status, hold in orders:
            assert latest[order, "order_status"] == status
            assert latest.get((order, "hold"), hold) == hold


# Who


def test_every_event_of_a_command_says_who_and_from_where(floor: Floor) -> None:
    """Not only the first; and what other users' commands brought about says nothing of them."""
    floor.place("bob", "sell", 2, "5.00")
    floor.place("bob", "sell", 2, "5.01")
    start = floor.exchange.sequence
    ann = floor.exchange.as_user("ann", origin="web", correlation_id="r-1")
    ann.orders.create_order(SYMBOL, "buy", 4, "5.01")
    assert _who(floor, "ann", after=start) == [
        (kind, "user:ann", "web", "r-1") for kind in ("order_accepted", "trade", "trade")
    ]
    assert _who(floor, "bob", after=start) == [("trade", None, None, None)] * 2


def test_a_mass_cancel_of_an_instrument_says_who_in_every_users_trail(floor: Floor) -> None:
    """Its first event is nobody's, and still every cancel is somebody's doing."""
    floor.place("ann", "sell", 10, "5.00")
    floor.place("ann", "sell", 10, "6.00")
    floor.place("bob", "sell", 10, "5.00")
    start = floor.exchange.sequence
    desk = floor.exchange.as_admin("desk", origin="console", correlation_id="t-1")
    desk.trading.cancel_all_orders(symbol=SYMBOL)
    assert _who(floor, "ann", after=start) == [("order_canceled", "admin:desk", "console", "t-1")] * 2
    assert _who(floor, "bob", after=start) == [("order_canceled", "admin:desk", "console", "t-1")]
    assert floor.findings() == []


def test_what_a_deletion_leaves_somebody_does_not_say_who_deleted(floor: Floor) -> None:
    """That command began with an event of the deleted one's alone, and its note goes when that person is erased."""
    floor.place("bob", "sell", 10, "5.00")
    start = floor.exchange.sequence
    floor.admin.databases.delete_trading_database("bob", sweep_to="ann")
    assert _who(floor, "ann", after=start) == [("transferred", None, None, None)] * 2
    with floor.exchange._live.history() as log:
        transferred = log.entry(floor.exchange.sequence - 1)
    assert transferred is not None
    assert transferred.event.kind == "transferred"
    assert floor.exchange._projector._note_of_nobodys(transferred) is None
    floor.admin.databases.erase("bob")
    assert floor.findings() == []


def test_what_time_brings_about_is_done_by_the_system(floor: Floor, clock: ManualClock) -> None:
    floor.place("ann", "sell", 1, "5.00", expires_at=clock.now_us() + 1_000_000)
    soon = clock.now_us() + 1_000_000
    ann = floor.admin.on_behalf_of("ann").transactions
    ann.record_transaction("withdrawal", CASH, "7.00", status="pending", expires_at=soon)
    start = floor.exchange.sequence
    clock.advance(2)
    floor.exchange.expire_due()
    told = _who(floor, "ann", after=start)
    assert sorted(told) == [
        ("order_expired", "system", None, None),
        ("transaction_updated", "system", None, None),
    ]


def test_a_command_that_a_slice_of_events_cuts_in_two_still_says_who(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is projected in another transaction, or years later."""
    for price in ("5.00", "5.01", "5.02"):
        floor.place("bob", "sell", 1, price)
    start = floor.exchange.sequence
    monkeypatch.setattr("credit_trading.users.projector.EVENTS_PER_TRANSACTION", 2)
    ann = floor.exchange.as_user("ann", origin="web")
    ann.orders.create_order(SYMBOL, "buy", 3, "5.02")
    assert _who(floor, "ann", after=start) == [
        (kind, "user:ann", "web", None) for kind in ("order_accepted", "trade", "trade", "trade")
    ]
    assert floor.findings() == []


# Append-only


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_trail SET actor = 'user:bob' WHERE sequence = (SELECT max(sequence) FROM audit_trail)",
        "DELETE FROM audit_trail",
        "INSERT OR REPLACE INTO audit_trail SELECT * FROM audit_trail ORDER BY sequence DESC LIMIT 1",
        "UPDATE OR REPLACE audit_trail SET sequence = sequence + 1",
        "INSERT INTO audit_trail SELECT sequence - 1, 99, event_date, kind, cause, actor, origin, correlation_id, order_id, details,"
        " changes FROM audit_trail WHERE event_number = 1",
    ],
)
def test_the_audit_trail_only_grows(floor: Floor, statement: str) -> None:
    """Whatever is tried with plain SQL; also INSERT OR REPLACE, which deletes without telling a trigger of deletions."""
    before = rows_of(floor.path("ann"), "SELECT * FROM audit_trail")
    connection = connect(floor.path("ann"), mode="rw")
    try:
        with pytest.raises(sqlite3.IntegrityError, match="audit trail"):
            connection.execute(statement)
    finally:
        connection.close()
    assert rows_of(floor.path("ann"), "SELECT * FROM audit_trail") == before


def test_rebuilding_and_repairing_need_no_way_around_the_guard(floor: Floor) -> None:
    """The file is written anew as a whole, and its guards come with it."""
    connection = connect(floor.path("ann"), mode="rw")
    connection.execute("DROP TRIGGER audit_trail_is_not_changed")
    connection.execute("UPDATE audit_trail SET actor = 'user:bob'")
    connection.close()
    assert floor.findings() != []
    assert floor.admin.databases.rebuild("ann").differing_rows == {"audit_trail": 3}
    assert floor.findings() == []
    floor.place("ann", "sell", 1, "5.00")
    assert floor.findings() == []


def test_whoever_gave_anothers_command_is_told_as_an_administrator_and_no_more(floor: Floor) -> None:
    """From where, and in which request, an administrator acted for ann is ann's; so is a try of hers that failed."""
    desk = floor.exchange.as_admin("desk", origin="203.0.113.7", correlation_id="anns-request").on_behalf_of("ann")
    desk.transactions.record_transaction("transfer_out", CREDIT, 5, counterparty="bob")
    with pytest.raises(OrderRejected):
        desk.transactions.record_transaction("transfer_out", CREDIT, 10**6, counterparty="bob")
    anns, bobs = (floor.user(user).audit.list_events(limit=2).items for user in ("ann", "bob"))
    assert [(one.actor, one.origin, one.correlation_id) for one in anns] == [
        ("admin:desk", "203.0.113.7", "anns-request")
    ] * 2
    assert [(one.actor, one.origin, one.correlation_id, one.cause) for one in bobs] == [
        ("admin:desk", None, None, None)
    ] * 2
    assert floor.findings() == []
