"""Deleting a user: first a copy that is proven, or nothing is deleted."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import (
    Busy,
    FileCorrupt,
    NotTaken,
    PrivateFactsMissing,
    TradingError,
    Unwritable,
    UserNotEmpty,
)
from credit_trading.store.sqlite import Connection
from credit_trading.users import deletion, manager, scratch
from credit_trading.users.private_writer import PrivateWriter
from tests.floor import Floor, edit, rows_of, shared_content
from tests.users import harm

ANN = 1


@pytest.fixture
def told(floor: Floor) -> Floor:
    """ann has an order, and private facts."""
    floor.place("ann", "sell", 10, "5.00")
    with PrivateWriter(floor.exchange._files, floor.exchange._projector).writing(ANN) as connection:
        connection.execute("CREATE TABLE wishes (wish TEXT, number INTEGER PRIMARY KEY AUTOINCREMENT)")
        connection.execute("INSERT INTO wishes (wish) VALUES ('more')")
    return floor


def kept_in(floor: Floor) -> list[Path]:
    folder = floor.exchange.home / "deleted"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_copy_of_the_file_is_kept_with_all_that_is_in_it(told: Floor) -> None:
    """As it was before what deletion itself does: orders and balances are still there."""
    path = told.path("ann")
    live = shared_content(path)
    kept = told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert kept is not None
    assert kept_in(told) == [kept]
    assert kept.name.startswith(path.name)
    assert shared_content(kept) == live
    assert live["active_orders"]
    assert rows_of(kept, "SELECT wish FROM wishes") == [("more",)]
    assert not path.exists()
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(kept.parent.stat().st_mode)) == (0o600, 0o700)
    assert told.findings() == []


def test_a_file_that_is_behind_is_brought_forward_first(told: Floor, reopen: Callable[..., Exchange]) -> None:
    elsewhere = reopen(project_on_commit=False)
    elsewhere.as_admin("x").accounts.deposit("cat", "USD", "1.00")
    kept = elsewhere.as_admin("x").databases.delete_trading_database("cat", sweep_to="bob")
    assert kept is not None
    assert rows_of(kept, "SELECT kind FROM audit_trail ORDER BY sequence")[-1] == ("deposited",)
    assert rows_of(kept, "SELECT count(*) FROM audit_trail WHERE kind = 'deposited'") == [(3,)]


def test_without_a_backup_nothing_is_kept(told: Floor) -> None:
    assert told.admin.databases.delete_trading_database("ann", sweep_to="bob", backup=False) is None
    assert kept_in(told) == []
    assert told.findings() == []


def _balance_changed(floor: Floor) -> None:
    edit(floor.path("ann"), "UPDATE balances SET posted = posted + 1")


def _page_damaged(floor: Floor) -> None:
    path = floor.path("ann")
    floor.exchange._files.pool.close_idle()
    harm.page_of_rows(path)


def _private_page_damaged(floor: Floor) -> None:
    path = floor.path("ann")
    ((page,),) = rows_of(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'wishes'")
    floor.exchange._files.pool.close_idle()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(bytes(content))


def _gone(floor: Floor) -> None:
    path = floor.path("ann")
    floor.exchange._files.pool.close_idle()
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (_balance_changed, FileCorrupt),
        (_page_damaged, FileCorrupt),
        (_private_page_damaged, FileCorrupt),
        (_gone, PrivateFactsMissing),
    ],
)
def test_what_is_not_whole_or_not_what_the_journal_gives_is_not_deleted(
    told: Floor, damage: Callable[[Floor], None], kind: type[TradingError]
) -> None:
    """Nothing is left in the folder; both ways out are told, and one of them works."""
    damage(told)
    before = told.exchange.sequence
    with pytest.raises(kind, match=r"the user was not deleted.*users delete ann --no-backup") as refused:
        told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert "\n" not in str(refused.value)
    assert str(told.path("ann")) in str(refused.value)
    assert (told.exchange.sequence, kept_in(told)) == (before, [])
    told.admin.databases.delete_trading_database("ann", sweep_to="bob", backup=False)
    assert told.findings() == []


def test_where_there_is_no_room_for_the_copy_nothing_is_deleted(told: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Connection, path: Path) -> None:
        raise Unwritable("users.copy", path, "the disk is full", hint="Free some space, then repeat.")

    with monkeypatch.context() as patched:
        patched.setattr(deletion, "publish_copy", full)
        with pytest.raises(Unwritable, match=r"the disk is full; no copy could be made.*Free some space.*--no-backup"):
            told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert kept_in(told) == []
    assert told.balance("ann") == "1000000.00"
    told.admin.databases.delete_trading_database("ann", sweep_to="bob")


def test_a_copy_that_is_not_what_was_written_is_noticed(told: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read back: the file itself is whole."""
    publish = scratch.publish_copy

    def flipped(live: Connection, path: Path) -> None:
        publish(live, path)
        harm.page_of_rows(path)

    monkeypatch.setattr(deletion, "publish_copy", flipped)
    with pytest.raises(FileCorrupt, match="the user was not deleted"):
        told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert kept_in(told) == []


def test_a_user_who_may_not_be_deleted_leaves_no_copy(told: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one whose deletion did not take effect."""
    with pytest.raises(UserNotEmpty):
        told.admin.databases.delete_trading_database("ann")
    assert kept_in(told) == []

    def fails(*_: object) -> None:
        raise NotTaken("users", "", "the disk failed")

    databases = told.admin.databases
    monkeypatch.setattr(databases, "_submit", fails)
    with pytest.raises(NotTaken, match=r"the disk failed\.$"):
        databases.delete_trading_database("ann", sweep_to="bob")
    assert kept_in(told) == []
    assert told.path("ann").exists()


def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> list[int]:
    """`act` is done by others after each copy, before the deletion; with how many copies were made before."""
    copies: list[int] = []

    def copied(*arguments: Any) -> deletion.Copied:
        made = deletion.keep_verified(*arguments)
        act(len(copies))
        copies.append(made.sequence)
        return made

    monkeypatch.setattr(manager, "keep_verified", copied)
    return copies


def _depositing(reopen: Callable[..., Exchange]) -> Callable[[], None]:
    """As another process does it."""
    accounts = reopen(project_on_commit=False).as_admin("x").accounts

    def deposit() -> None:
        accounts.deposit("ann", "USD", "7.00")

    return deposit


def test_what_happens_after_the_copy_is_in_the_next_one(
    told: Floor, reopen: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process deposits twice: the copy that is kept has both, and is the only one."""
    deposit = _depositing(reopen)
    copies = _meanwhile(monkeypatch, lambda made: deposit() if made < 2 else None)
    kept = told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert kept is not None
    assert kept_in(told) == [kept]
    assert len(set(copies)) == 3
    assert rows_of(kept, "SELECT count(*) FROM audit_trail WHERE kind = 'deposited'") == [(4,)]
    assert rows_of(kept, "SELECT wish FROM wishes") == [("more",)]
    assert told.findings() == []


def test_a_user_who_does_not_stop_is_not_deleted(
    told: Floor, reopen: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = _depositing(reopen)
    copies = _meanwhile(monkeypatch, lambda _: deposit())
    with pytest.raises(Busy, match=r"each of the 4 times.*was not deleted.*users suspend ann") as refused:
        told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert "\n" not in str(refused.value)
    assert (len(copies), kept_in(told)) == (4, [])
    assert told.balance("ann") == "1000028.00"
    assert told.findings() == []


def test_an_order_that_expires_in_the_moment_of_the_deletion_holds_it_up_no_more_than_others(
    told: Floor, clock: ManualClock
) -> None:
    """That comes with the deletion itself; nobody else would ever make it happen."""
    told.place("ann", "sell", 10, "6.00", expires_at=clock.now_us() + 1_000_000)
    clock.advance(7200)
    assert told.admin.databases.delete_trading_database("ann", sweep_to="bob") is not None
    assert told.kinds()[-1] == "user_deleted"
    assert "order_expired" in told.kinds()
