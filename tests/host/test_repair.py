"""`host repair` where more is wrong than rows: positions, tables, histories, the host's own side; and while others are at work."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from credit_trading import ManualClock
from credit_trading.errors import FileForeign, NotFound, StorageError, VersionUnsupported
from credit_trading.host import comparing, keyed
from credit_trading.host import position as positions
from credit_trading.host import request_rows as requests
from credit_trading.host.adapter import OwnBalance
from credit_trading.host.difference import DifferenceKind as Kind
from credit_trading.host.engine import EngineAdapter
from credit_trading.host.movements import Movements
from credit_trading.host.rows import Changes, RequestRow
from credit_trading.journal.follower import Position
from tests.floor import CASH, CREDIT, Floor, opened
from tests.host.both import Both
from tests.host.database import Database
from tests.users.flow import RandomFlow


@pytest.fixture
def both(floor: Floor, clock: ManualClock, database: Database) -> Iterator[Both]:
    made = Both(floor, clock, database).init()
    floor.place("ann", "sell", 10, "9.00")
    floor.place("bob", "buy", 4, "9.00")
    made.ask()
    yield made
    made.adapter.close()


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
mostly_on_postgres = pytest.mark.parametrize(
    "database", ["postgres", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)


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
    assert [one.kind for one in both.check().differences if one.table != "trading_requests"] == []
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
def test_tables_of_another_exchange_are_never_touched(both: Both) -> None:
    both.database.execute("UPDATE trading_position SET exchange_id = 'someone-else'")
    (found,) = both.check().differences
    assert (found.kind, found.column) == (Kind.FOREIGN, "exchange_id")
    assert both.repair(other_history=True).left == [found]


@on_sqlite
@pytest.mark.parametrize("name", ["position", "activity", "requests"])
def test_a_table_that_was_dropped_is_made_and_filled_again(both: Both, name: str) -> None:
    """Of requests, what the journal does not know is gone."""
    before = both.content()
    both.database.execute(f"DROP TABLE trading_{name}")
    assert [(one.kind, one.table) for one in both.check().differences] == [(Kind.MISSING, f"trading_{name}")]
    assert both.repair(dry_run=True).changed == 1

    repaired = both.repair()

    assert both.check().differences == repaired.left
    after = both.content()
    assert {one: rows for one, rows in after.items() if one != name} == {
        one: rows for one, rows in before.items() if one != name
    }
    if name == "requests":
        known = dict(both.database.rows("SELECT id, status FROM trading_requests"))
        assert known == {"in-1": "done", "in-2": "done", "held": "held", "failed": "released", "settled": "done"}
        lost = {one.key for one in repaired.left if one.kind == Kind.REAPPLY}
        assert lost == {"in-1", "in-2", "settled"}, "nothing says that the host has done its own side"
    else:
        assert after == before


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
    }
    assert both.told() == []
    both.sync().sync()
    assert both.told() == []
    assert {user: both.floor.balance(user, CREDIT) for user in ("ann", "bob", "cat")} == sums
    assert sums["ann"] == later
    both.floor.exchange.close()


class OwnRecord(EngineAdapter):
    """A host with a table of its own beside ours, and its own side of requests."""

    def apply(self, connection: Any, changes: Changes) -> None:
        for row in changes.balances:
            key = {"user": row["user_id"], "asset": row["asset"]}
            connection.execute(text("DELETE FROM wallet WHERE user_id = :user AND asset = :asset"), key)
            connection.execute(
                text("INSERT INTO wallet VALUES (:user, :asset, :posted)"), {**key, "posted": row["posted"]}
            )

    def own_balances(self, connection: Any, after: tuple[str, str] | None, limit: int) -> Sequence[OwnBalance]:
        user, asset = after or ("", "")
        statement = (
            "SELECT user_id, asset, posted FROM wallet WHERE user_id > :user OR (user_id = :user AND asset > :asset)"
            " ORDER BY user_id, asset LIMIT :limit"
        )
        rows = connection.execute(text(statement), {"user": user, "asset": asset, "limit": limit})
        return [OwnBalance(*row) for row in rows]

    def set_own_balance(self, connection: Any, balance: OwnBalance) -> None:
        key = {"user": balance.user_id, "asset": balance.asset}
        connection.execute(text("DELETE FROM wallet WHERE user_id = :user AND asset = :asset"), key)
        connection.execute(
            text("INSERT INTO wallet VALUES (:user, :asset, :posted)"), {**key, "posted": balance.posted}
        )

    def reapply(self, connection: Any, request: RequestRow) -> bool:
        connection.execute(text("INSERT INTO done_again VALUES (:id)"), {"id": request["id"]})
        return True


@mostly_on_postgres
def test_the_hosts_own_record_is_told_of_and_left_unless_it_is_said(
    floor: Floor, clock: ManualClock, database: Database
) -> None:
    both = Both(floor, clock, database)
    both.adapter = OwnRecord(database.url)
    database.execute("CREATE TABLE wallet (user_id VARCHAR(64), asset VARCHAR(32), posted VARCHAR(40))")
    database.execute("CREATE TABLE done_again (id VARCHAR(64))")
    both.init().ask()
    assert both.told() == []

    database.execute(f"UPDATE wallet SET posted = '1.5' WHERE user_id = 'ann' AND asset = '{CASH}'")
    database.execute(f"DELETE FROM wallet WHERE user_id = 'bob' AND asset = '{CREDIT}'")
    database.execute(f"INSERT INTO wallet VALUES ('zoe', '{CREDIT}', '7')")
    database.execute("DELETE FROM trading_requests WHERE id = 'in-1'")
    found = [(one.key, one.expected, one.found) for one in both.check().differences if one.kind == Kind.OWN_TABLE]
    assert sorted(found) == [
        (f"ann {CASH}", "1000000.50", "1.5"),
        (f"bob {CREDIT}", "100000", "nothing"),
        (f"zoe {CREDIT}", "0", "7"),
    ]

    assert len(both.repair().left) == 3
    assert database.rows("SELECT id FROM done_again") == [("in-1",)], "the host's side of a lost request is done again"
    assert [one.kind for one in both.check().differences] == [Kind.OWN_TABLE] * 3
    assert both.repair(own_tables=True).left == []
    assert both.told() == []
    both.adapter.close()


@on_sqlite
def test_rows_are_not_believed_that_the_exchange_itself_contradicts(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in what derives the rows would be in both, host and expected, and be written once more by each repair."""
    apply = Movements.apply

    def forgetful(self: Movements, seen: Any) -> None:
        if seen.entry.event.kind != "deposited":
            apply(self, seen)

    monkeypatch.setattr(Movements, "apply", forgetful)
    check = both.check()
    assert Kind.DERIVATION in {one.kind for one in check.differences}
    before = both.content()
    repaired = both.repair()
    assert {one.kind for one in repaired.left} == {Kind.DERIVATION}
    assert (repaired.changed, both.content()) == (0, before)


@on_sqlite
def test_what_waits_for_a_person_is_named_by_each_check(both: Both) -> None:
    both.database.execute("UPDATE trading_requests SET reapply = true WHERE id = 'in-1'")
    both.clock.advance(7_200)
    told = {(one.kind, one.key) for one in both.check(hanging_s=3_600).differences}
    assert told >= {(Kind.REAPPLY, "in-1"), (Kind.HANGING, "held")}
    both.database.execute("UPDATE trading_requests SET status = 'finished' WHERE id = 'settled'")
    both.database.execute("UPDATE trading_requests SET status = 'unheard of' WHERE id = 'new'")
    told = {(one.kind, one.key) for one in both.check(hanging_s=8_000).differences}
    assert told == {(Kind.REAPPLY, "in-1"), (Kind.DIFFERS, "settled"), (Kind.UNEXPECTED, "new")}
    assert {(one.kind, one.key) for one in both.repair().left} == {(Kind.REAPPLY, "in-1")}
    statuses = dict(both.database.rows("SELECT id, status FROM trading_requests"))
    assert (statuses["settled"], statuses["new"]) == ("done", "set_aside")


@on_sqlite
def test_a_repair_that_dies_is_finished_by_the_next(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whichever write it dies: what was committed is right, and the rest is found again."""
    before, write, left = both.content(), keyed.change, [0]

    def dying(*arguments: Any) -> None:
        if not left[0]:
            raise MemoryError
        left[0] -= 1
        write(*arguments)

    for at in range(2):
        both.database.execute("UPDATE trading_balances SET held = '5'")
        both.database.execute("UPDATE trading_statistics SET trades = trades + 1")
        both.database.execute("UPDATE trading_requests SET status = 'refused' WHERE id = 'held'")
        with monkeypatch.context() as patch:
            left[0] = 2 * at  # what derives the expected rows writes nothing by it: there is one batch
            patch.setattr(keyed, "change", dying)
            with pytest.raises(MemoryError):
                both.repair()
        assert both.told() != []
        both.repair()
        assert both.told() == []
    assert [row for name in before for row in before[name] if name != "requests"] == [
        row for name in before for row in both.content()[name] if name != "requests"
    ]


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
        found = both.told(hanging_s=10**8)
        changed = both.repair().changed
    finally:
        done.set()
        thread.join()
    assert (found, changed, failures) == ([], 0, [])
    assert moved[-1] > moved[0] + 5, "nothing happened meanwhile"
    assert both.show().told(hanging_s=10**8) == []


@on_sqlite
def test_tables_of_a_newer_version_are_left_alone_and_none_at_all_are_made_by_init_only(both: Both) -> None:
    both.database.execute("UPDATE trading_position SET schema_version = 99")
    for act in (both.check, both.repair):
        with pytest.raises(VersionUnsupported, match="99"):
            act()
    for table in both.tables.metadata.sorted_tables:
        both.database.execute(f"DROP TABLE {table.name}")
    for act in (both.check, both.repair):
        with pytest.raises(NotFound, match="host init"):
            act()


@on_sqlite
def test_values_that_are_none_of_their_column_are_mended_too(both: Both) -> None:
    """SQLite takes whatever it is given."""
    before = both.content()
    both.database.execute("UPDATE trading_balances SET updated_at = 'yesterday', posted_units = 'many'")
    both.database.execute("UPDATE trading_statistics SET sequence = 'first'")
    both.database.execute("UPDATE trading_activity SET sequence = 'last' WHERE sequence = 8")
    both.database.execute("UPDATE trading_activity_daily SET day = 'someday' WHERE user_id = 'ann'")
    assert both.repair().left == []
    assert both.content() == before


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
    monkeypatch.setattr("credit_trading.host.walk._WAITS_S", (0.0, 0.0))
    assert both.told() == []
    failures[0] = 3
    with pytest.raises(StorageError, match="connection is lost"):
        both.check()
