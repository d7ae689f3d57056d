"""Projects of the host: only those that it knows, and no trading in what it has retired."""

from __future__ import annotations

import pytest

from credit_trading import Settings
from credit_trading.errors import InvalidInput, NotFound, OrderRejected, StorageError
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.inwards import projects
from credit_trading.host.inwards.inward import Asked
from credit_trading.journal.notes import Note
from tests.floor import CASH, Floor
from tests.host.both_sides import BothSides
from tests.host.database import Database

ONLY_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def both(floor: Floor, database: Database) -> BothSides:
    """Two instruments of project p1, one of p2."""
    both = BothSides.of(floor, database)
    for code, project in (("P1-A", "p1"), ("P1-B", "p1"), ("P2-A", "p2")):
        floor.admin.assets.add_asset(code, decimals=0, project_id=project)
        floor.admin.instruments.add_instrument(f"{code}/USD", base=code, quote=CASH, tick="0.01", lot="1")
        floor.admin.accounts.deposit("ann", code, 100)
    return both


def halted(both: BothSides) -> list[str]:
    return sorted(one.symbol for one in both.floor.admin.instruments.list_instruments() if one.status == "halted")


@ONLY_SQLITE
def test_a_retired_projects_instruments_are_halted_once_and_orders_stay(both: BothSides) -> None:
    order = both.floor.user("ann").orders.create_order("P1-A/USD", "sell", 5, "2.00")
    both.write("r-1", kind="retire_project", project_id="p1", actor="erin")
    assert both.sync() == Asked(retired=1)
    assert halted(both) == ["P1-A/USD", "P1-B/USD"]
    assert both.rows("SELECT status, code FROM trading_requests") == [("done", None)]
    assert [one.order_id for one in both.floor.user("ann").orders.get_active_orders()] == [order.order_id]
    with pytest.raises(OrderRejected, match="instrument_halted"):
        both.floor.user("bob").orders.create_order("P1-A/USD", "buy", 5, "2.00")
    both.floor.admin.instruments.resume_instrument("P1-A/USD")
    both.change("r-1", status="new")
    both.sync()
    assert (both.status("r-1"), halted(both)) == ("done", ["P1-B/USD"])


@ONLY_SQLITE
def test_halts_that_a_dead_worker_left_undone_are_done_by_the_next(both: BothSides) -> None:
    both.write("r-1", kind="retire_project", project_id="p1")
    desk = both.floor.exchange._desk
    first, _ = projects.halts(desk, "r-1", "p1", Note(actor="host"))
    desk.sequencer.submit([first])
    assert halted(both) == ["P1-A/USD"]
    both.sync()
    assert (both.status("r-1"), halted(both)) == ("done", ["P1-A/USD", "P1-B/USD"])
    assert len(both.causes()) == 2


@ONLY_SQLITE
def test_a_host_may_leave_the_instruments_of_retired_projects_open(both: BothSides) -> None:
    both.settings = Settings(host_on_retire="ignore")
    both.write("r-1", kind="retire_project", project_id="p1")
    both.write("r-2", kind="retire_project", project_id="p9")
    assert both.sync() == Asked(retired=2)
    assert (both.statuses(), halted(both)) == ({"r-1": "done", "r-2": "done"}, [])


def test_an_asset_of_a_project_that_the_host_does_not_have_is_refused(both: BothSides) -> None:
    both.execute("CREATE TABLE projects (id INTEGER PRIMARY KEY, retired_at VARCHAR(20))")
    both.execute("INSERT INTO projects VALUES (1, NULL), (2, '2026-01-01')")
    adapter = EngineAdapter(both.database.url, projects="projects.id:retired_at")
    both.floor.exchange._desk.check_project = projects.checker(adapter)
    add = both.floor.admin.assets.add_asset
    assert add("NEW", decimals=0, project_id="1").project_id == "1"
    for project, error, words in (
        ("3", NotFound, "no such project"),
        ("x", NotFound, "no such project"),
        ("2", InvalidInput, "retired"),
    ):
        with pytest.raises(error, match=words):
            add("OTHER", decimals=0, project_id=project)
    assert "OTHER" not in [asset.code for asset in both.floor.admin.assets.list_assets()]
    adapter.close()


def test_a_database_that_nobody_asks_about_projects_may_be_down(floor: Floor) -> None:
    """And one that is to be asked refuses what it cannot tell."""
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    desk = floor.exchange._desk
    desk.check_project = projects.checker(EngineAdapter(nowhere))
    floor.admin.assets.add_asset("NEW", decimals=0, project_id="1")
    desk.check_project = projects.checker(EngineAdapter(nowhere, projects="projects.id"))
    with pytest.raises(StorageError):
        floor.admin.assets.add_asset("OTHER", decimals=0, project_id="1")
