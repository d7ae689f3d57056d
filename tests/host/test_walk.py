"""`host check` while others are at work, databases fail, and the derivation itself is wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import StorageError
from credit_trading.host import position as positions
from credit_trading.host.checking import comparing
from credit_trading.host.checking.difference import DifferenceKind as Kind
from credit_trading.host.outwards.movements import Movements
from credit_trading.host.outwards.orders import Orders
from credit_trading.journal.follower import Position
from tests.floor import Floor
from tests.host.both import Both, on_sqlite
from tests.host.database import Database
from tests.users.flow import RandomFlow


@pytest.fixture
def both(floor: Floor, clock: ManualClock, database: Database) -> Iterator[Both]:
    yield from Both.begun(floor, clock, database)


mostly_on_postgres = pytest.mark.parametrize(
    "database", ["postgres", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)


@mostly_on_postgres
def test_trading_and_following_during_checks_and_repairs_are_no_differences(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread trades and follows between the pages, which are small; nothing is found, and nothing changed."""
    monkeypatch.setattr(comparing, "ROWS_AT_ONCE", 30)
    done, failures, moved = threading.Event(), [], [both.position()]

    def at_work() -> None:
        flow = RandomFlow(both.floor, both.clock, seed=3)
        try:
            while not done.wait(0.02):
                flow.run(2)
                both.show()
                moved.append(both.position())
        except Exception as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    thread = threading.Thread(target=at_work)
    thread.start()
    try:
        found: list[str] = []
        while moved[-1] <= moved[0] + 5 and not failures:
            found += both.told(hanging_s=10**8)
        changed = both.repair().changed
    finally:
        done.set()
        thread.join()
    assert (found, changed, failures) == ([], 0, [])
    assert both.show().told(hanging_s=10**8) == []


@on_sqlite
def test_a_page_is_tried_again_where_the_database_fails(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is started anew, or another one who waits for us: the check goes on."""
    locked, failures = positions.locked, [2]

    def failing(*arguments: Any) -> Position:
        if failures[0]:
            failures[0] -= 1
            raise StorageError("host", "it", "the connection is lost")
        return locked(*arguments)

    monkeypatch.setattr(positions, "locked", failing)
    monkeypatch.setattr("credit_trading.host.checking.walk._WAITS_S", (0.0, 0.0))
    assert both.told() == []
    failures[0] = 3
    with pytest.raises(StorageError, match="connection is lost"):
        both.check()


def forget(monkeypatch: pytest.MonkeyPatch, part: Any, kind: str) -> None:
    """A part of the derivation that does not look at events of that kind."""
    apply = part.apply

    def forgetful(self: Any, seen: Any) -> None:
        if seen.entry.event.kind != kind:
            apply(self, seen)

    monkeypatch.setattr(part, "apply", forgetful)


@on_sqlite
def test_rows_are_not_believed_that_the_exchange_itself_contradicts(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in what derives the rows would be in both, host and expected, and be written once more by each repair."""
    forget(monkeypatch, Orders, "trade")
    forget(monkeypatch, Movements, "deposited")
    check = both.check()
    wrong = {one.table for one in check.differences if one.kind == Kind.DERIVATION}
    assert wrong == {"trading_balances", "trading_orders"}
    before = both.content()
    repaired = both.repair()
    assert {one.kind for one in repaired.left} == {Kind.DERIVATION}
    assert (repaired.changed, both.content()) == (0, before)
