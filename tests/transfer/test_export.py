"""Exports: exact, sorted, equal for equal content, and telling nothing of others."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import AlreadyExists, Busy, FileQuarantined, NotFound, StorageError
from credit_trading.store.sqlite import Connection
from credit_trading.transfer import export as export_module
from credit_trading.transfer.schema import FILE_NAMES, TABLES
from credit_trading.users import catalogue
from credit_trading.users.tables import contents
from tests.floor import CASH, CREDIT, SYMBOL, Floor, edit, rows_of
from tests.transfer.archives import csv_rows, exported, rows

Reopen = Callable[..., Exchange]


@pytest.fixture
def traded(floor: Floor) -> Floor:
    """Ann sells to bob, with fees; a deal off the book, busted; an open order; a remark that a spreadsheet would run."""
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    floor.admin.transactions.record_transaction(
        buyer="bob",
        seller="cat",
        credit_type=CREDIT,
        quantity=8,
        price_per_credit="1.125",
        currency=CASH,
        external_reference="INV-7",
        note="=cmd|x",
    )
    floor.admin.trading.bust_trade(2, note="a mistake")
    floor.admin.accounts.withdraw("cat", CASH, "0.05")
    return floor


def test_it_holds_exact_amounts_and_utc_times_in_the_order_of_the_schema(traded: Floor, tmp_path: Path) -> None:
    """Of each table both files say the same."""
    files = exported(traded, tmp_path / "all.zip")
    assert list(files) == ["manifest.json", *FILE_NAMES]
    prefix = traded.exchange._desk.reading(lambda replica: replica.exchange_id)[:8]
    bob = [row for row in rows(files, "transactions") if row["user_id"] == "bob"]
    assert [row["transaction_type"] for row in bob] == ["deposit", "deposit", "buy", "buy", "buy_busted"]
    assert bob[2] == {
        "user_id": "bob",
        "reference": f"{prefix}-{traded.exchange.sequence - 3}",
        "transaction_date": "2026-01-01T00:00:00.000000Z",
        "transaction_type": "buy",
        "credit_type": CREDIT,
        "quantity": "4",
        "price_per_credit": "5.00",
        "total_value": "20.00",
        "currency": CASH,
        "fee": "0.05",
        "counterparty": "ann",
        "symbol": SYMBOL,
        "role": "taker",
        "trade_reference": f"{prefix}-trade-1",
        "external_reference": None,
        "note": None,
        "status": "settled",
        "recorded_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": None,
        "status_changed_at": None,
        "status_reason": None,
    }
    assert [row["price_per_credit"] for row in bob[3:]] == ["1.125", "1.125"]
    assert rows(files, "balances")[-2] == {"user_id": "cat", "asset": CASH, "posted": "999999.95"}
    assert [(row["user_id"], row["order_status"]) for row in rows(files, "orders")] == [
        ("ann", "partially_filled"),
        ("bob", "filled"),
    ]
    for table in TABLES:
        as_csv = [{name: value or None for name, value in row.items()} for row in csv_rows(files, table.name)]
        for row in as_csv:
            row.update({"note": "=cmd|x"} if row.get("note") == "'=cmd|x" else {})
        assert as_csv == rows(files, table.name)


def test_two_exports_of_the_same_content_are_equal(
    traded: Floor, clock: ManualClock, tmp_path: Path, reopen: Reopen
) -> None:
    """Later, after closing and opening, and after the files were made anew from the journal."""
    traded.admin.transfer.export(tmp_path / "one.zip")
    clock.advance(3600)
    traded.admin.transfer.export(tmp_path / "two.zip")
    traded.exchange.close()
    again = Floor(reopen())
    again.admin.transfer.export(tmp_path / "three.zip")
    again.admin.databases.rebuild_all()
    again.path("ann").with_name("caught_up.json").unlink(missing_ok=True)
    again.admin.transfer.export(tmp_path / "four.zip")
    one, *others = ((tmp_path / f"{name}.zip").read_bytes() for name in ("one", "two", "three", "four"))
    assert [other == one for other in others] == [True] * 3
    again.admin.accounts.deposit("ann", CASH, "1.00")
    again.admin.transfer.export(tmp_path / "five.zip")
    assert (tmp_path / "five.zip").read_bytes() != one


def test_nothing_in_it_tells_when_or_by_whom_it_was_written(traded: Floor, tmp_path: Path) -> None:
    """Entries have one time and one mode; the file is for its owner."""
    traded.admin.transfer.export(tmp_path / "all.zip")
    assert stat.S_IMODE((tmp_path / "all.zip").stat().st_mode) == 0o600
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert {(one.date_time, one.external_attr >> 16) for one in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100600)
        }


def test_a_users_export_tells_of_others_only_who_they_were(traded: Floor, tmp_path: Path) -> None:
    """No e-mail, balance, fee or order of another; assets and instruments only as far as they are the user's."""
    traded.admin.assets.add_asset("EUR", decimals=2)
    files = exported(traded, tmp_path / "cat.zip", "cat")
    assert {row["user_id"] for table in ("users", "balances", "transactions") for row in rows(files, table)} == {"cat"}
    assert rows(files, "orders") == rows(files, "instruments") == []
    assert [row["asset"] for row in rows(files, "assets")] == [CASH, CREDIT]
    everything = b"".join(files.values())
    assert b"bob" in everything
    for foreign in (b"ann", b"bob@", b"@example.com,bob"):
        assert foreign not in everything


def test_a_file_that_is_there_is_not_written_over(floor: Floor, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_text("mine")
    with pytest.raises(AlreadyExists):
        floor.admin.transfer.export(tmp_path / "all.zip")
    assert (tmp_path / "all.zip").read_text() == "mine"


def test_an_export_that_fails_leaves_nothing(floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's file in quarantine, an unknown user, a disk that is full at the end, no such folder."""
    target = tmp_path / "out" / "all.zip"
    with pytest.raises(StorageError):
        floor.admin.transfer.export(target)
    target.parent.mkdir()
    with pytest.raises(NotFound):
        floor.admin.transfer.export(target, user_id="dan")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(export_module, "_write_zip", full)
        with pytest.raises(StorageError, match="space"):
            floor.admin.transfer.export(target)
    edit(floor.path("ann"), "DROP TABLE balances")
    with pytest.raises((StorageError, FileQuarantined)):
        floor.admin.transfer.export(target)
    assert list(target.parent.iterdir()) == []


def test_a_user_is_shown_as_of_one_moment_while_others_trade(
    floor: Floor, reopen: Reopen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two tables of ann's, another process writes into her file: what is told is of one moment all the same."""
    other = Floor(reopen())
    balances = contents.balances

    def meanwhile(connection: Connection) -> list[contents.Row]:
        found = balances(connection)
        other.admin.accounts.deposit("ann", CASH, "1.00")
        return found

    monkeypatch.setattr(contents, "balances", meanwhile)
    files = exported(floor, tmp_path / "ann.zip", "ann")
    amounts = [row["quantity"] for row in rows(files, "transactions") if row["credit_type"] == CASH]
    assert amounts == [row["posted"] for row in rows(files, "balances") if row["asset"] == CASH] == ["1000000.00"]
    assert rows_of(floor.path("ann"), "SELECT count(*) FROM trading_transactions") == [(3,)]


def test_all_are_shown_as_of_one_moment_while_they_trade(
    traded: Floor, empty: Floor, reopen: Reopen, tmp_path: Path
) -> None:
    """After each user another process deals, fills, cancels and pays in, and comes and goes: the export is that of before it began."""
    before = exported(traded, tmp_path / "before.zip")
    other = Floor(reopen())
    steps: list[int] = []

    def meanwhile(done: int, _: int) -> None:
        steps.append(done)
        other.admin.transactions.record_transaction(
            buyer="cat", seller="ann", credit_type=CREDIT, quantity=7, price_per_credit="1.00", currency=CASH
        )
        other.place("bob", "buy", 2, "5.00")
        other.admin.trading.cancel_all_orders(user_id="ann")
        other.admin.assets.add_asset(f"EUR{done}", decimals=2)
        other.admin.databases.create_trading_database(f"new{done}", "new@example.com")
        other.admin.accounts.deposit(f"new{done}", CASH, "1.00")

    traded.admin.transfer.export(tmp_path / "all.zip", progress=meanwhile)
    assert steps == [1, 2, 3]
    assert (tmp_path / "all.zip").read_bytes() == (tmp_path / "before.zip").read_bytes()
    result = empty.admin.transfer.import_(tmp_path / "all.zip")
    assert (result.problems, result.transactions) == ([], len(rows(before, "transactions")))
    assert traded.findings() == []


def test_who_is_deleted_meanwhile_is_in_no_export_and_nothing_is_lost(
    traded: Floor, reopen: Reopen, tmp_path: Path
) -> None:
    """What the user had went to another, who may have been written already: so it begins again."""
    other = Floor(reopen())
    steps: list[tuple[int, int]] = []

    def meanwhile(*at: int) -> None:
        steps.append((at[0], at[1]))
        if len(steps) == 1:
            other.admin.databases.delete_trading_database("cat", sweep_to="ann", backup=False)

    traded.admin.transfer.export(tmp_path / "all.zip", progress=meanwhile)
    assert steps == [(1, 3), (2, 3), (1, 2), (2, 2)]
    traded.admin.transfer.export(tmp_path / "after.zip")
    assert (tmp_path / "all.zip").read_bytes() == (tmp_path / "after.zip").read_bytes()
    with pytest.raises(NotFound):
        traded.admin.transfer.export(tmp_path / "cat.zip", user_id="cat")


def test_who_is_deleted_before_the_users_are_listed_leaves_no_gap(
    traded: Floor, reopen: Reopen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue is read after the moment was taken."""
    other = Floor(reopen())
    page = catalogue.page

    def later(connection: Connection, *, after: int, most: int) -> list[catalogue.StoredUser]:
        monkeypatch.undo()
        other.admin.databases.delete_trading_database("cat", sweep_to="ann", backup=False)
        return page(connection, after=after, most=most)

    monkeypatch.setattr(catalogue, "page", later)
    traded.admin.transfer.export(tmp_path / "all.zip")
    traded.admin.transfer.export(tmp_path / "after.zip")
    assert (tmp_path / "all.zip").read_bytes() == (tmp_path / "after.zip").read_bytes()


def test_deletions_without_end_end_an_export(floor: Floor, tmp_path: Path) -> None:
    """It says so, and leaves nothing."""
    for number in range(9):
        floor.admin.databases.create_trading_database(f"zoe{number}", "zoe@example.com")
    names = iter([f"zoe{number}" for number in range(8, -1, -1)])

    def meanwhile(done: int, _: int) -> None:
        if done == 1:
            floor.admin.databases.delete_trading_database(next(names), backup=False)

    with pytest.raises(Busy, match="users kept being deleted meanwhile; nothing was written"):
        floor.admin.transfer.export(tmp_path / "all.zip", progress=meanwhile)
    assert not (tmp_path / "all.zip").exists()


def test_progress_counts_the_users(floor: Floor, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    floor.admin.transfer.export(tmp_path / "all.zip", progress=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]
