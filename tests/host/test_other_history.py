"""`host repair` where the position is wrong: set back, of another history, or of an exchange that was put back itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import FileForeign
from credit_trading.host import request_rows as requests
from credit_trading.host.checking import repair as repairing
from credit_trading.host.checking.difference import DifferenceKind as Kind
from credit_trading.host.checking.walk import Walk
from tests.floor import CREDIT, Floor, opened
from tests.host.both import Both, on_sqlite
from tests.host.database import Database


@pytest.fixture
def both(floor: Floor, clock: ManualClock, database: Database) -> Iterator[Both]:
    yield from Both.begun(floor, clock, database)


@on_sqlite
def test_a_position_that_was_set_back_is_mended_without_asking_for_anything_twice(both: Both) -> None:
    """The rows are ahead of it. Repair takes them back to it; the follower goes on from there; no request is carried out again."""
    before, balance = both.content(), both.floor.balance("ann", CREDIT)
    sequence = both.desk.reading(lambda replica: replica.sequence) - 8
    with both.desk.live.history() as log:
        chain_hash = log.hash_at(sequence).hex()
    both.database.execute("UPDATE trading_position SET sequence = :at, hash = :hash", at=sequence, hash=chain_hash)

    assert {one.kind for one in both.check().differences} >= {Kind.AHEAD, Kind.DIFFERS}
    both.repair()
    assert {one.table for one in both.check().differences} == {"trading_requests"}
    assert both.database.rows("SELECT id FROM trading_requests WHERE status = 'set_aside'") == [("nobody",)]
    both.show()

    assert both.content() == before
    assert both.told() == []
    assert both.floor.balance("ann", CREDIT) == balance


@on_sqlite
def test_a_position_on_another_history_is_touched_only_if_that_is_said(both: Both) -> None:
    before = both.content()
    both.database.execute("UPDATE trading_position SET sequence = sequence - 3")
    (found,) = both.check().differences
    assert (found.kind, found.table, found.column) == (Kind.FOREIGN, "trading_position", "hash")

    repaired = both.repair()
    assert (repaired.left, repaired.changed) == ([found], 0)
    assert both.content() == before
    assert both.repair(dry_run=True, other_history=True).changed == 1
    assert both.repair(other_history=True).left == []

    assert both.content() == before
    assert both.told() == []


@on_sqlite
def test_history_and_requests_are_put_right_together_or_not_at_all(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next repair would not know any more that what the journal lacks has to be carried out again."""
    both.database.execute("UPDATE trading_position SET sequence = sequence - 3")
    both.database.execute("UPDATE trading_requests SET status = 'done' WHERE id = 'new'")
    before, record = both.content(), repairing._Repair._record

    def dying(self: Any, host: Any, table: str, *rest: Any) -> None:
        if table == "trading_position":
            raise MemoryError
        record(self, host, table, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(repairing._Repair, "_record", dying)
        with pytest.raises(MemoryError):
            both.repair(other_history=True)
    assert both.content() == before
    with monkeypatch.context() as patch:
        patch.delattr(Walk, "go")
        with pytest.raises(AttributeError):
            both.repair(other_history=True)
    both.repair()
    assert both.database.rows("SELECT status FROM trading_requests WHERE id = 'new'") == [("new",)]
    assert both.told() == []


@on_sqlite
def test_tables_of_another_exchange_are_never_touched(both: Both) -> None:
    both.database.execute("UPDATE trading_position SET exchange_id = 'someone-else'")
    (found,) = both.check().differences
    assert (found.kind, found.column) == (Kind.FOREIGN, "exchange_id")
    assert both.repair(other_history=True).left == [found]


@on_sqlite
def test_after_the_exchange_was_put_back_what_it_forgot_is_carried_out_again(both: Both, home: Path) -> None:
    """The host's side of each request was done once, so that the exchange's has to be there once."""
    copy = home.parent / "copy"
    both.floor.exchange.close()
    shutil.copytree(home, copy)
    both.floor = Floor(opened(home, clock=both.clock))
    both.sync()
    later = both.floor.balance("ann", CREDIT)
    with both.adapter.transaction() as connection:
        requests.deposit(connection, "later", user_id="bob", amount="40", asset=CREDIT)
        requests.withdraw(connection, "paid", user_id="cat", amount="6", asset=CREDIT)
        requests.withdraw(connection, "too-much", user_id="cat", amount="99999999", asset=CREDIT)
    both.sync()
    with both.adapter.transaction() as connection:
        requests.confirm(connection, "paid")
        requests.confirm(connection, "held")
    both.sync()
    sums = {user: both.floor.balance(user, CREDIT) for user in ("ann", "bob", "cat")}
    both.floor.exchange.close()
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    both.floor = Floor(opened(home, clock=both.clock))
    with pytest.raises(FileForeign):
        both.sync()
    (found,) = both.check().differences
    assert found.kind == Kind.AHEAD

    both.repair(other_history=True)

    assert dict(both.database.rows("SELECT id, status FROM trading_requests WHERE sequence IS NULL")) == {
        "later": "new",
        "paid": "new",
        "new": "new",
        "nobody": "set_aside",
        "too-much": "refused",
    }
    assert both.told() == []
    both.sync().sync()
    assert both.told() == []
    assert {user: both.floor.balance(user, CREDIT) for user in ("ann", "bob", "cat")} == sums
    assert sums["ann"] == later
    both.floor.exchange.close()
