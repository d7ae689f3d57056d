"""`host repair` where more is wrong than some rows: tables, versions, values that nobody can read; and where it dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import FileCorrupt, NotFound, VersionUnsupported
from credit_trading.host import keyed
from credit_trading.host.checking.difference import DifferenceKind as Kind
from tests.floor import Floor, edit
from tests.host.both import Both, on_sqlite
from tests.host.database import Database


@pytest.fixture
def both(floor: Floor, clock: ManualClock, database: Database) -> Iterator[Both]:
    yield from Both.begun(floor, clock, database)


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
def test_what_waits_for_a_person_is_named_by_each_check(both: Both) -> None:
    both.database.execute("UPDATE trading_requests SET reapply = true WHERE id = 'in-1'")
    both.clock.advance(7_200)
    told = {(one.kind, one.key) for one in both.check(hanging_s=3_600).differences}
    assert told >= {(Kind.REAPPLY, "in-1"), (Kind.HANGING, "held")}
    both.database.execute("UPDATE trading_requests SET status = 'finished' WHERE id = 'settled'")
    both.database.execute("UPDATE trading_requests SET decision = NULL WHERE id = 'settled'")
    both.database.execute("UPDATE trading_requests SET status = 'unheard of' WHERE id = 'new'")
    told = {(one.kind, one.key) for one in both.check(hanging_s=8_000).differences}
    assert told == {(Kind.REAPPLY, "in-1"), (Kind.DIFFERS, "settled"), (Kind.UNEXPECTED, "new")}
    left = {(one.kind, one.key) for one in both.repair().left}
    assert left == {(Kind.REAPPLY, "in-1"), (Kind.REAPPLY, "settled")}, "nothing says that the host has credited it"
    statuses = dict(both.database.rows("SELECT id, status FROM trading_requests"))
    assert (statuses["settled"], statuses["new"]) == ("done", "set_aside")


@on_sqlite
def test_who_acted_may_be_erased_from_the_exchange_alone(both: Both, home: Path) -> None:
    edit(home / "exchange.db", "DELETE FROM command_notes")
    assert both.told() == []
    both.database.execute("UPDATE trading_activity SET sentence = 'it was somebody' WHERE sequence = 8")
    both.repair()
    assert both.database.rows("SELECT actor FROM trading_activity WHERE sequence = 8") != [("erased",)]


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
    assert both.repair().left == []
    assert both.content() == before
    both.database.execute("UPDATE trading_activity_daily SET day = 'someday' WHERE user_id = 'ann'")
    with pytest.raises(FileCorrupt, match=r"trading_activity_daily.*cannot be read.*by hand"):
        both.repair()
