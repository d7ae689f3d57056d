"""What is entered off the book, or worked outside, on its way into another exchange: what is settled counts there as it did here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from credit_trading import ManualClock
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of
from tests.transfer.archives import csv_rows, deposit, exported, packed, rows, trade
from tests.transfer.test_import import imported, told

OUTSIDE: dict[str, Any] = {"price_per_credit": "2.00", "currency": CASH, "outside": "A Broker"}


def number_of(floor: Floor, kind: str, quantity: object = 2, *, asset: str = CREDIT, **more: Any) -> int:
    """Of what is entered for ann."""
    service = floor.admin.on_behalf_of("ann").transactions
    return service.record_transaction(kind, asset, quantity, **more).transaction_id  # type: ignore[arg-type]


def moved(floor: Floor, path: Path) -> tuple[int, int, int]:
    """Imports it: how many transactions were taken, here already, left out."""
    result = floor.admin.transfer.import_(path)
    assert told(result) == []
    return result.transactions, result.duplicates, result.unsettled


def test_what_is_not_settled_is_told_with_its_status_and_moves_nothing_elsewhere(
    floor: Floor, empty: Floor, clock: ManualClock, tmp_path: Path
) -> None:
    """One waits, one ran out, one was given up; the balances in the file are those without them."""
    soon = clock.now_us() + 1_000_000
    number_of(floor, "sell", 3, status="pending", **OUTSIDE)
    number_of(floor, "withdrawal", 5, status="pending", expires_at=soon)
    failed = number_of(floor, "deposit", 7, status="pending")
    clock.advance(2)
    floor.admin.on_behalf_of("ann").transactions.update_transaction_status(failed, "failed", note="no such account")
    files = exported(floor, tmp_path / "all.zip", "ann")
    expected = [
        ("settled", None, None, None),
        ("settled", None, None, None),
        ("pending", None, None, None),
        ("cancelled", "2026-01-01T00:00:01.000000Z", "2026-01-01T00:00:02.000000Z", "expired"),
        ("failed", None, "2026-01-01T00:00:02.000000Z", "no such account"),
    ]
    fields = ("status", "expires_at", "status_changed_at", "status_reason")
    assert [tuple(row[field] for field in fields) for row in rows(files, "transactions")] == expected
    assert [tuple(row[field] or None for field in fields) for row in csv_rows(files, "transactions")] == expected
    assert moved(empty, tmp_path / "all.zip") == (2, 0, 3)
    assert (empty.balance("ann"), empty.balance("ann", CREDIT)) == ("1000000.00", "100000")
    assert moved(floor, tmp_path / "all.zip") == (0, 2, 3)


def test_what_is_settled_later_comes_with_the_next_export(
    floor: Floor, empty: Floor, clock: ManualClock, tmp_path: Path
) -> None:
    """It was left out as long as it was pending; an export from before is no contradiction, and one that was edited is."""
    number = number_of(floor, "sell", 3, status="pending", **OUTSIDE)
    before = exported(floor, tmp_path / "before.zip")
    assert moved(empty, tmp_path / "before.zip") == (6, 0, 1)
    early = before["transactions.jsonl"].replace(b'"pending"', b'"settled"')
    files = {"transactions.jsonl": early}
    assert told(floor.admin.transfer.import_(packed(tmp_path / "early.zip", files))) == [
        (3, "status", f"{rows(before, 'transactions')[2]['reference']} is here already, with pending")
    ]
    clock.advance(5)
    floor.admin.on_behalf_of("ann").transactions.update_transaction_status(number, "settled")
    exported(floor, tmp_path / "after.zip")
    assert moved(empty, tmp_path / "after.zip") == (1, 6, 0)
    assert moved(empty, tmp_path / "before.zip") == (0, 6, 1)
    assert moved(floor, tmp_path / "before.zip") == (0, 6, 1)
    assert empty.balance("ann") == floor.balance("ann") == "1000006.00"
    assert empty.findings() == floor.findings() == []


def test_a_deal_that_waited_is_taken_back_elsewhere_as_it_was_here(floor: Floor, empty: Floor, tmp_path: Path) -> None:
    """Its trade has a number from when it is settled on, and so has its bust."""
    number = number_of(floor, "sell", 10, price_per_credit="4.999", currency=CASH, counterparty="bob", status="pending")
    floor.admin.on_behalf_of("bob").transactions.update_transaction_status(number, "settled")
    floor.admin.trading.bust_trade(1)
    files = exported(floor, tmp_path / "all.zip")
    kinds = [(row["user_id"], row["transaction_type"]) for row in rows(files, "transactions") if row["trade_reference"]]
    assert kinds == [("ann", "sell"), ("ann", "sell_busted"), ("bob", "buy"), ("bob", "buy_busted")]
    assert moved(empty, tmp_path / "all.zip") == (10, 0, 0)
    assert (empty.balance("bob"), empty.balance("bob", CREDIT)) == ("1000000.00", "100000")
    (statistics,) = empty.user("bob").transactions.calculate_trading_statistics()
    assert (statistics.trades, statistics.realised_profit) == (0, "0.00")


def test_what_came_in_at_a_price_has_cost_it_elsewhere_too(floor: Floor, empty: Floor, tmp_path: Path) -> None:
    """The price moves no money, and makes the profit of what is sold."""
    number_of(floor, "withdrawal", 100_000)
    number_of(floor, "deposit", 10, price_per_credit="1.50", currency=CASH)
    number_of(floor, "correction_in", 10, price_per_credit="2.50", currency=CASH)
    number_of(floor, "correction_out", 4)
    number_of(floor, "sell", 8, price_per_credit="3.00", currency=CASH, fee="0.10", outside="A Broker")
    files = exported(floor, tmp_path / "ann.zip", "ann")
    told_of = rows(files, "transactions")[-4]
    prices = ("price_per_credit", "total_value", "currency", "fee")
    assert tuple(told_of[field] for field in prices) == ("1.50", "15.00", CASH, None)
    assert moved(empty, tmp_path / "ann.zip") == (7, 0, 0)
    here, there = (one.user("ann").transactions.calculate_trading_statistics() for one in (floor, empty))
    assert (here, here[0].realised_profit) == (there, "7.90")
    assert empty.balance("ann") == "1000023.90"


def test_when_it_was_entered_is_kept_apart_from_when_it_happened_and_when_it_was_imported(
    floor: Floor, empty: Floor, clock: ManualClock, tmp_path: Path
) -> None:
    """A fill from outside, two hours after it; an import a day later. What the exchange did was entered when it happened."""
    orders = floor.admin.on_behalf_of("ann").orders
    order = orders.create_order(SYMBOL, "buy", 10, "5.00", route="external").order_id
    clock.advance(86_400)
    then = clock.now_us() - 7_200_000_000
    orders.update_order_progress(order, quantity=4, price="4.995", fee="0.03", outside="A Venue", occurred_at=then)
    files = exported(floor, tmp_path / "one.zip")
    assert [row["route"] for row in rows(files, "orders")] == ["external"]
    clock.advance(86_400)
    assert moved(empty, tmp_path / "one.zip")[0] == 7
    fill = empty.user("ann").transactions.get_transaction_history()[0]
    assert (fill.transaction_date, fill.recorded_at) == ("2026-01-01T22:00:00.000000Z", "2026-01-02T00:00:00.000000Z")
    assert (fill.counterparty, fill.symbol, fill.fee, fill.price_per_credit) == ("A Venue", SYMBOL, "0.03", "4.995")
    later = "SELECT DISTINCT event_date - recorded_at FROM trading_transactions JOIN audit_trail ON sequence = transaction_id"
    assert rows_of(empty.path("ann"), f"{later} ORDER BY 1") == [(86_400_000_000,), (172_800_000_000,)]
    again = exported(empty, tmp_path / "two.zip")
    assert again["transactions.jsonl"] == files["transactions.jsonl"]
    empty.admin.databases.rebuild("ann")
    assert empty.user("ann").transactions.get_transaction_history()[0] == fill


def test_how_cost_is_reckoned_comes_with_a_new_user_and_is_nobodys_to_change(
    floor: Floor, empty: Floor, tmp_path: Path
) -> None:
    """Whoever is here already keeps their own choice."""
    floor.user("ann").transactions.set_cost_method("fifo")
    floor.user("bob").transactions.set_cost_method("fifo")
    files = exported(floor, tmp_path / "one.zip")
    assert [row["cost_method"] for row in rows(files, "users")] == ["fifo", "fifo", "average"]
    empty.admin.databases.create_trading_database("bob", "bob@example.com")
    moved(empty, tmp_path / "one.zip")
    again = exported(empty, tmp_path / "two.zip")
    assert [row["cost_method"] for row in rows(again, "users")] == ["fifo", "average", "average"]
    assert [one.kind for one in empty.admin.journal() if one.kind == "cost_method_changed"] == ["cost_method_changed"]
    files["users.jsonl"] = files["users.jsonl"].replace(b'"fifo"', b'"lifo"')
    result = empty.admin.transfer.import_(packed(tmp_path / "three.zip", files))
    assert told(result)[0] == (1, "cost_method", "lifo: not one of average, fifo")


def test_a_bust_takes_back_what_is_settled_only(still: Floor, tmp_path: Path) -> None:
    back = trade(reference="OLD-3", transaction_type="buy_busted", fee="-0.02")
    assert told(imported(still, tmp_path, trade(status="failed"), back)) == [
        (2, "trade_reference", "no trade of that reference stands before, here or in the file")
    ]


def test_two_lines_of_one_reference_are_told_whatever_their_status(still: Floor, tmp_path: Path) -> None:
    """Of an unsettled line every field is looked at: it is told of, and must not be nonsense."""
    twice = imported(still, tmp_path, deposit(status="pending"), deposit())
    assert told(twice) == [(2, "reference", "OLD-1 of ann stands there twice")]
    assert told(imported(still, tmp_path, deposit(status="pending", user_id="eve"))) == [
        (1, "user_id", "eve: no such user, here or in the file")
    ]
