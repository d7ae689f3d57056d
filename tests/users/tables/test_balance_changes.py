"""What each event posts stands in `balance_changes`, in order, and adds up to what the user has."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.users.scratch import scratch_file
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of, shared_content
from tests.users.flow import HOURS, USERS, RandomFlow

_CHANGES = "SELECT asset, booked_at, sequence, transaction_id, transaction_date, change, balance FROM balance_changes"


def _changes(floor: Floor, user: str, asset: str, *, after: int) -> list[tuple[Any, ...]]:
    floor.user(user).orders.get_active_orders()
    return rows_of(floor.path(user), f"{_CHANGES} WHERE asset = ? AND sequence > ? ORDER BY sequence", (asset, after))


def check(path: Path) -> None:
    """Each balance is the one before and the change; the last is what is posted; dates are those of the transactions."""
    rows = rows_of(path, f"{_CHANGES} ORDER BY asset, booked_at, sequence")
    last: dict[str, int] = {}
    for asset, of_asset in groupby(rows, key=lambda row: row[0]):
        balance, sequence = 0, 0
        for row in of_asset:
            balance += row[5]
            assert row[5] != 0, row
            assert (row[6], row[2] > sequence) == (balance, True), row
            sequence = row[2]
        last[asset] = balance
    posted = dict(rows_of(path, "SELECT asset, posted FROM balances"))
    assert {asset: last.get(asset, 0) for asset in posted} == posted
    strays = rows_of(
        path,
        "SELECT sequence FROM balance_changes AS c WHERE NOT EXISTS (SELECT 1 FROM trading_transactions AS t"
        " WHERE t.transaction_id = c.transaction_id AND t.transaction_date = c.transaction_date AND t.status = 'settled')"
        " UNION SELECT sequence FROM balance_changes AS c LEFT JOIN audit_trail AS a USING (sequence)"
        " WHERE a.event_date IS NOT c.booked_at",
    )
    assert strays == []


@pytest.mark.parametrize("seed", [11, 12])
def test_changes_add_up_to_balances_whatever_happens(
    floor: Floor, clock: ManualClock, is_long: bool, seed: int
) -> None:
    """Live, rebuilt from the journal, and by the engine's own balances (`findings`)."""
    floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
    flow = RandomFlow(floor, clock, seed=seed)
    for _ in range(20 if is_long else 1):
        flow.run(100)
        for number, user in enumerate(USERS, 1):
            floor.user(user).orders.get_active_orders()
            check(floor.path(user))
            with scratch_file() as rebuilt:
                floor.exchange._projector.build(rebuilt, number)
                for table, rows in shared_content(floor.path(user)).items():
                    assert rebuilt.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() == rows, table
    assert floor.findings() == []


def test_a_fill_and_its_bust_are_two_changes_in_each_asset(floor: Floor, clock: ManualClock) -> None:
    floor.place("ann", "sell", 1000, "5.00")
    start = floor.exchange.sequence
    floor.place("bob", "buy", 1000, "5.00")
    traded, at = floor.exchange.sequence, clock.now_us()
    clock.advance(1)
    floor.admin.trading.bust_trade(1)
    busted, then = floor.exchange.sequence, at + 1_000_000
    assert _changes(floor, "bob", CASH, after=start) == [
        (CASH, at, traded, traded, at, -501_250, 99_498_750),
        (CASH, then, busted, busted, then, 501_250, 100_000_000),
    ]
    assert [row[5] for row in _changes(floor, "ann", CREDIT, after=start)] == [-1000, 1000]


def test_what_is_entered_late_is_booked_now_and_dated_then(floor: Floor, clock: ManualClock) -> None:
    """A pending one is booked when it is settled, under the number with which it came."""
    start, now = floor.exchange.sequence, clock.now_us()
    ann = floor.admin.on_behalf_of("ann").transactions
    entered = ann.record_transaction("deposit", CREDIT, 5, occurred_at=now - 9, status="pending").transaction_id
    assert _changes(floor, "ann", CREDIT, after=start) == []
    clock.advance(1)
    settled = ann.update_transaction_status(entered, "settled").sequence
    assert _changes(floor, "ann", CREDIT, after=start) == [
        (CREDIT, now + 1_000_000, settled, entered, now - 9, 5, 100_005)
    ]
    late = "SELECT count(*) FROM balance_changes WHERE transaction_date < booked_at"
    assert rows_of(floor.path("ann"), late) == [(1,)]


def test_nothing_is_booked_for_what_only_holds(floor: Floor) -> None:
    start = floor.exchange.sequence
    ann = floor.admin.on_behalf_of("ann").transactions
    entered = ann.record_transaction("withdrawal", CASH, "7.00", status="pending").transaction_id
    order = floor.place("ann", "buy", 1, "5.00").order_id
    assert rows_of(floor.path("ann"), "SELECT held FROM balances WHERE asset = ?", (CASH,)) == [(1_202,)]
    floor.user("ann").orders.cancel_order(order)
    ann.update_transaction_status(entered, "failed")
    assert _changes(floor, "ann", CASH, after=start) == []
    assert rows_of(floor.path("ann"), "SELECT held FROM balances WHERE asset = ?", (CASH,)) == [(0,)]
