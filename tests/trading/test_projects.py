"""Assets that belong to projects of the host application: where the reference stands, who is asked for it, what is found by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange import events as ev
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import state_digest
from credit_trading.trading.desk import Desk
from tests.floor import CASH, Floor, opened, rows_of

PEPPER, TREES, RIVER = "GS-1", "GS-2", "VCS-9"
PROJECTS = {PEPPER: "42", TREES: "42", RIVER: "river:7"}


@pytest.fixture
def floor(tmp_path: Any, clock: ManualClock) -> Iterator[Floor]:
    """Three credits of two projects, and a deal in each: two of ann's orders are done, one is open."""
    with opened(tmp_path / "trading", clock=clock) as exchange:
        floor = Floor(exchange)
        floor.admin.assets.add_asset(CASH, decimals=2)
        for user in ("ann", "bob"):
            floor.admin.databases.create_trading_database(user, f"{user}@example.com")
            floor.admin.accounts.deposit(user, CASH, "1000.00")
        for code, project_id in PROJECTS.items():
            floor.admin.assets.add_asset(code, decimals=0, project_id=project_id)
            floor.admin.instruments.add_instrument(f"{code}/{CASH}", base=code, quote=CASH, tick="0.01", lot="1")
            floor.admin.accounts.deposit("ann", code, 100)
            floor.user("ann").orders.create_order(f"{code}/{CASH}", "sell", 10, "5.00")
            floor.user("bob").orders.create_order(f"{code}/{CASH}", "buy", 10 if code != RIVER else 4, "5.00")
        yield floor


def test_the_reference_stands_wherever_the_asset_is_shown(floor: Floor) -> None:
    """Assets, instruments, orders open and done, what is answered, transactions; cash has none."""
    assert {one.code: one.project_id for one in floor.admin.assets.list_assets()} == {CASH: None, **PROJECTS}
    assert [one.project_id for one in floor.admin.instruments.list_instruments()] == ["42", "42", "river:7"]
    ann = floor.user("ann")
    assert [one.project_id for one in ann.orders.get_order_history()] == ["42", "42"]
    (open_one,) = ann.orders.get_active_orders()
    assert (open_one.project_id, ann.orders.get_order(open_one.order_id).project_id) == ("river:7", "river:7")
    assert ann.orders.amend_order(open_one.order_id, quantity=9).project_id == "river:7"
    found = ann.transactions.get_transaction_history()
    assert {(one.credit_type, one.project_id) for one in found} == {(CASH, None), *PROJECTS.items()}
    assert ann.transactions.get_transaction(found[0].transaction_id).project_id == found[0].project_id
    managed = floor.admin.on_behalf_of("ann").transactions
    entered = managed.record_transaction("withdrawal", PEPPER, 1, status="pending")
    ended = managed.update_transaction_status(entered.transaction_id, "settled")
    assert (entered.project_id, ended.project_id) == ("42", "42")
    with ann.statements.open_statement() as source:
        assert {(line.credit_type, line.project_id) for line in source.lines()} == {(CASH, None), *PROJECTS.items()}
        assert [one.project_id for one in source.statement.open_orders] == ["river:7"]


def test_it_stands_in_the_users_file_for_whoever_opens_it(floor: Floor) -> None:
    """In the table of assets, in the readable views, and as the journal gives it."""
    path = floor.path("ann")
    assert dict(rows_of(path, "SELECT asset, project_id FROM assets")) == {CASH: None, **PROJECTS}
    for view in ("trading_transactions_readable", "active_orders_readable", "order_history_readable"):
        shown = rows_of(path, f"SELECT DISTINCT credit_type, project_id FROM {view}")
        assert shown
        assert all(project_id == PROJECTS.get(code) for code, project_id in shown)
    assert floor.findings() == []


def test_it_is_found_by_in_pages(floor: Floor) -> None:
    """As if its assets were asked for one by one: transactions, open orders and done ones."""
    ann = floor.user("ann")
    for project_id in set(PROJECTS.values()):
        codes = [code for code in PROJECTS if PROJECTS[code] == project_id]
        wanted = [one for one in ann.transactions.get_transaction_history() if one.credit_type in codes]
        page = ann.transactions.get_transaction_history(project_id=project_id, limit=1)
        found = list(page)
        while page.next is not None:
            page = ann.transactions.get_transaction_history(project_id=project_id, limit=1, after=page.next)
            found += page
        assert found == wanted
        placed = [one for one in ann.orders.get_orders() if one.credit_type in codes]
        assert list(ann.orders.get_orders(project_id=project_id)) == placed
        assert {one.transaction_type for one in ann.transactions.get_transaction_history(project_id=project_id)} == {
            "deposit",
            "sell",
        }
    both = ann.transactions.get_transaction_history(project_id="42", credit_type=TREES)
    assert {one.credit_type for one in both} == {TREES}


def test_a_project_that_is_not_there_is_told(floor: Floor) -> None:
    ask = floor.user("ann").transactions.get_transaction_history
    with pytest.raises(NotFound, match="no asset belongs to this project"):
        ask(project_id="43")
    with pytest.raises(InvalidInput, match="an id is 1 to 64"):
        ask(project_id="ann@example.com")
    with pytest.raises(InvalidInput, match="VCS-9 does not belong to project 42"):
        floor.user("ann").orders.get_orders(project_id="42", symbol=f"{RIVER}/{CASH}")


def test_a_project_is_for_good(floor: Floor) -> None:
    """The journal holds it, and so does a checkpoint; two assets that differ in it alone are two states."""
    told = [entry.data for entry in floor.admin.journal() if entry.kind == "asset_added"]
    assert [one.get("project_id") for one in told] == [None, *PROJECTS.values()]
    added = ev.Entry(1, 0, "k", "c", ev.AssetAdded("GS-1", 0), None, None, None, None, None, None)
    other = ev.Entry(1, 0, "k", "c", ev.AssetAdded("GS-1", 0, "42"), None, None, None, None, None, None)
    assert _digest(added) != _digest(other)


def _digest(entry: ev.Entry) -> str:
    replica = Replica()
    replica.apply(entry)
    return state_digest(replica)


def test_whoever_checks_projects_is_asked_before_anything_is_done_and_without_a_lock(floor: Floor) -> None:
    """Others trade meanwhile: the host's database may take its time. What it does not know is refused and leaves nothing."""
    desk = _desk_of(floor)
    asked = []

    def known(project_id: str) -> None:
        asked.append(project_id)
        floor.admin.accounts.deposit("ann", CASH, "1.00")
        if project_id == "gone":
            raise NotFound("projects", project_id, "the application knows no such project", hint="Add it there.")

    desk.check_project = known
    before = floor.exchange.sequence
    with pytest.raises(NotFound, match="no such project"):
        floor.admin.assets.add_asset("GS-3", decimals=0, project_id="gone")
    with pytest.raises(InvalidInput):
        floor.admin.assets.add_asset("GS-3", decimals=0, project_id="a b")
    assert floor.kinds(after=before) == ["deposited"]
    floor.admin.assets.add_asset("EUR", decimals=2)
    floor.admin.assets.add_asset("GS-3", decimals=0, project_id="43")
    assert asked == ["gone", "43"], "only for what names a project, and only what can be one"


def _desk_of(floor: Floor) -> Desk:
    desk = floor.admin.assets._desk
    assert isinstance(desk, Desk)
    return desk
