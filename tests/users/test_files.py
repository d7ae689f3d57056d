"""Users' files: given out read-only, renamed and deleted only when nobody has them open, finished after a crash."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import InvalidInput, NotFound, StorageError, UserNotEmpty
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.files import rename_durably
from credit_trading.store.sqlite import sqlite3
from credit_trading.users import catalogue, moves
from credit_trading.users import files as files_module
from credit_trading.users.files import UserFiles
from tests.floor import CASH, CREDIT, Floor, opened, rows_of, shared_content
from tests.forks import run_forked

Reopen = Callable[..., Exchange]


class Crash(Exception):
    """Where a test cuts the work short."""


def _crash(*_: object, **__: object) -> None:
    raise Crash


def _databases(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("trading_*"))


# Given out


def test_the_database_given_out_is_caught_up_and_read_only(floor: Floor) -> None:
    """It shows what was decided a moment ago; whatever is written to it is refused."""
    floor.place("ann", "sell", 10, "5.00")
    database = floor.admin.databases.get_trading_database("ann")
    try:
        assert [row["quantity"] for row in database["active_orders_readable"].rows] == ["10"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database.table("balances").insert({"asset": "GOLD", "posted": 1, "held": 0})
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database.execute("DELETE FROM active_orders")
    finally:
        database.close()


def test_a_user_gets_the_same_file(floor: Floor) -> None:
    """Also when nothing is carried over on commit: reading one's own writes brings the file up first."""
    database = floor.user("ann").get_trading_database()
    try:
        assert next(iter(database["metadata"].rows))["user_id"] == "ann"
    finally:
        database.close()


def test_reading_brings_a_file_up_that_commits_left_behind(home: Path, reopen: Reopen) -> None:
    """project_on_commit=False: the file is behind until it is read."""
    with reopen(project_on_commit=False) as exchange:
        floor = Floor(exchange).set_up("ann")
        path = floor.path("ann")
        assert rows_of(path, "SELECT applied_sequence FROM metadata") == [(0,)]
        assert len(floor.user("ann").transactions.get_transaction_history()) == 2
        assert rows_of(path, "SELECT applied_sequence FROM metadata") == [(exchange.sequence,)]


def test_an_unknown_user_has_no_database(floor: Floor) -> None:
    """Nor is one made by asking for it."""
    before = _databases(floor.exchange.home)
    with pytest.raises(NotFound, match="no such user"):
        floor.admin.databases.get_trading_database("zoe")
    assert _databases(floor.exchange.home) == before


# Deleted


def test_a_user_who_owns_something_is_not_deleted(floor: Floor) -> None:
    """A balance or an open order; the error says what is there and what to do."""
    with pytest.raises(UserNotEmpty, match="still has a balance"):
        floor.admin.databases.delete_trading_database("ann")
    floor.place("ann", "sell", 10, "5.00")
    with pytest.raises(UserNotEmpty, match=r"still has 1 open orders.*--sweep-to"):
        floor.admin.databases.delete_trading_database("ann")
    assert floor.path("ann").exists()
    assert floor.user("ann").orders.get_active_orders()


def test_sweeping_cancels_the_orders_and_moves_the_balances(floor: Floor) -> None:
    """In one command; the other user sees from whom it came; the former user's file is gone with -wal and -shm."""
    floor.place("ann", "sell", 10, "5.00")
    floor.place("ann", "buy", 10, "4.00")
    path = floor.path("ann")
    sequence = floor.exchange.sequence
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert floor.kinds(after=sequence) == ["order_canceled"] * 2 + ["transferred"] * 2 + ["user_deleted"]
    assert [path.name for path in floor.exchange.home.glob(f"{path.name}*")] == []
    assert (floor.balance("bob", CASH), floor.balance("bob", CREDIT)) == ("2000000.00", "200000")
    received = floor.user("bob").transactions.get_transaction_history(limit=2)
    assert {(one.transaction_type, one.counterparty) for one in received} == {("transfer_in", "ann")}
    assert floor.admin.market_data.get_book("VCS-1340-2020/USD").bids == []
    assert floor.findings() == []


def test_sweeping_to_oneself_or_to_nobody_is_refused(floor: Floor) -> None:
    """And changes nothing."""
    sequence = floor.exchange.sequence
    with pytest.raises(InvalidInput, match="swept to the user itself"):
        floor.admin.databases.delete_trading_database("ann", sweep_to="ann")
    with pytest.raises(NotFound):
        floor.admin.databases.delete_trading_database("ann", sweep_to="zoe")
    with pytest.raises(NotFound):
        floor.admin.databases.delete_trading_database("zoe")
    assert floor.exchange.sequence == sequence


def test_a_user_without_anything_is_deleted_with_all_files(floor: Floor) -> None:
    """The -wal and -shm of an open handle too."""
    created = floor.admin.databases.create_trading_database("dan", "dan@example.com")
    floor.user("dan").orders.get_active_orders()
    assert len(list(floor.exchange.home.glob("trading_dan_*"))) > 1
    floor.admin.databases.delete_trading_database("dan")
    assert list(floor.exchange.home.glob("trading_dan_*")) == []
    with pytest.raises(NotFound):
        floor.admin.databases.get_trading_database("dan")
    assert not created.path.exists()


def test_what_a_deleted_user_still_holds_is_not_found(floor: Floor) -> None:
    """Services that were made before say so, in one line."""
    floor.admin.databases.create_trading_database("dan", "dan@example.com")
    dan = floor.user("dan")
    floor.admin.databases.delete_trading_database("dan")
    for attempt in (
        lambda: dan.orders.get_active_orders(),
        lambda: dan.orders.create_order("VCS-1340-2020/USD", "buy", 1, "1.00"),
        lambda: dan.transactions.get_transaction_history(),
        lambda: dan.get_trading_database(),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert _databases(floor.exchange.home) == _databases(floor.exchange.home)


def test_deleting_waits_for_a_database_that_was_given_out(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads it may go on; the file goes at the next opening."""
    monkeypatch.setattr(files_module, "MOVE_TIMEOUT_S", 0.1)
    path = floor.admin.databases.create_trading_database("dan", "dan@example.com").path
    database = floor.admin.databases.get_trading_database("dan")
    floor.admin.databases.delete_trading_database("dan")
    assert "will be renamed or deleted later" in caplog.text
    assert path.exists()
    assert database["metadata"].count == 1
    database.close()
    reopen()
    assert list(floor.exchange.home.glob("trading_dan_*")) == []


# Renamed


def test_a_new_email_renames_the_file(floor: Floor) -> None:
    """All of its content comes along, the old name is gone, the metadata names the new address."""
    floor.place("ann", "sell", 10, "5.00")
    old = floor.path("ann")
    before = floor.user("ann").orders.get_active_orders()
    changed = floor.admin.databases.change_email("ann", "ann.new@example.org")
    assert changed.path.name == "trading_ann_ann.new_example.org.db"
    assert changed.path.exists()
    assert list(floor.exchange.home.glob(f"{old.name}*")) == []
    assert floor.user("ann").orders.get_active_orders() == before
    assert rows_of(changed.path, "SELECT email FROM metadata") == [("ann.new@example.org",)]
    assert floor.findings() == []


def test_a_new_email_that_looks_the_same_keeps_the_file(floor: Floor) -> None:
    """a+b@x and a_b@x are one name once sanitised."""
    floor.admin.databases.create_trading_database("dan", "a+b@x.org")
    path = floor.path("dan")
    assert floor.admin.databases.change_email("dan", "a_b@x.org").path == path
    assert floor.admin.databases.show_trading_database("dan").email == "a_b@x.org"
    assert floor.findings() == []


def test_renaming_waits_for_a_database_that_was_given_out(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen
) -> None:
    """In this process: it goes on under the old name, trading included, and is renamed when next opened."""
    monkeypatch.setattr(files_module, "MOVE_TIMEOUT_S", 0.1)
    old = floor.path("ann")
    database = floor.admin.databases.get_trading_database("ann")
    assert floor.admin.databases.change_email("ann", "new@example.org").path == old
    floor.place("ann", "sell", 10, "5.00")
    assert database["active_orders"].count == 1
    database.close()
    floor.exchange.close()
    again = Floor(reopen())
    assert again.path("ann").name == "trading_ann_new_example.org.db"
    assert not old.exists()
    assert [order.quantity for order in again.user("ann").orders.get_active_orders()] == ["10"]
    assert again.findings() == []


_HOLD_OPEN = """
import sys, credit_trading
with credit_trading.open(sys.argv[1]) as exchange:
    database = exchange.as_user("ann").get_trading_database()
    print("open", flush=True)
    sys.stdin.readline()
    print(database["metadata"].count, flush=True)
    database.close()
"""


def test_renaming_waits_for_another_process(floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen) -> None:
    """Its handle stays good; once it has let go, whoever opens the folder next renames the file."""
    monkeypatch.setattr(files_module, "MOVE_TIMEOUT_S", 0.1)
    old = floor.path("ann")
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD_OPEN, str(floor.exchange.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        assert floor.admin.databases.change_email("ann", "new@example.org").path == old
        floor.place("ann", "sell", 10, "5.00")
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "1\n"
    assert other.returncode == 0
    floor.exchange.close()
    again = Floor(reopen())
    assert (again.path("ann").name, old.exists()) == ("trading_ann_new_example.org.db", False)
    assert [order.quantity for order in again.user("ann").orders.get_active_orders()] == ["10"]
    assert again.findings() == []


def test_a_stray_file_under_the_new_name_stops_neither_the_user_nor_the_exchange(
    floor: Floor, reopen: Reopen, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator's old copy, say: it is never overwritten; the file keeps its name until the stray one is moved away."""
    old = floor.path("ann")
    stray = floor.exchange.home / "trading_ann_new_example.org.db"
    stray.write_bytes(b"somebody's")
    assert floor.admin.databases.change_email("ann", "new@example.org").path == old
    assert "will be renamed or deleted later" in caplog.text
    floor.place("ann", "sell", 10, "5.00")
    floor.exchange.close()
    again = Floor(reopen())
    assert [order.quantity for order in again.user("ann").orders.get_active_orders()] == ["10"]
    assert stray.read_bytes() == b"somebody's"
    stray.unlink()
    again.exchange.close()
    again = Floor(reopen())
    assert again.path("ann") == stray
    assert again.findings() == []


# Cut short


def test_a_user_whose_file_was_not_made_has_one_when_it_is_opened(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen
) -> None:
    """A crash between the commit that creates the user and the file."""
    monkeypatch.setattr(UserFiles, "create", _crash)
    with pytest.raises(Crash):
        floor.admin.databases.create_trading_database("dan", "dan@example.com")
    monkeypatch.undo()
    assert list(floor.exchange.home.glob("trading_dan_*")) == []
    again = Floor(reopen())
    again.admin.accounts.deposit("dan", CASH, "5.00")
    assert [one.quantity for one in again.user("dan").transactions.get_transaction_history()] == ["5.00"]
    assert again.findings() == []


def test_a_user_whose_file_cannot_be_made_just_now_exists_all_the_same(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The commit creates the user. An error would say that nothing was changed, which is not so."""

    def full(path: Path, _: bytes) -> None:
        raise StorageError("files.publish", path, "no space left on device")

    monkeypatch.setattr(files_module, "publish_new", full)
    created = floor.admin.databases.create_trading_database("dan", "dan@example.com")
    assert created.user_id == "dan"
    assert "no space left" in caplog.text
    monkeypatch.undo()
    assert floor.user("dan").orders.get_active_orders() == []
    assert created.path.exists()


def test_a_wal_left_behind_is_not_replayed_into_a_new_file(floor: Floor) -> None:
    """The file was deleted by hand, its -wal was not: the new file begins without it."""
    path = floor.path("ann")
    floor.place("ann", "sell", 10, "5.00")
    expected = shared_content(path)
    wal = Path(f"{path}-wal").read_bytes()
    floor.exchange.close()
    path.unlink()
    Path(f"{path}-wal").write_bytes(wal)
    with opened(floor.exchange.home) as exchange:
        assert Floor(exchange).user("ann").orders.get_active_orders()
        assert Floor(exchange).findings() == []
    assert shared_content(path) == expected


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_rename_that_was_cut_short_is_finished_at_the_next_opening(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen, where: str
) -> None:
    """Between the commit and the rename, and between the rename and the note that it is done."""
    old = floor.path("ann")
    floor.place("ann", "sell", 10, "5.00")
    with monkeypatch.context() as patched:
        if where == "before":
            patched.setattr(moves, "rename_durably", _crash)
        else:
            patched.setattr(catalogue, "finish_rename", _crash)
        with pytest.raises(Crash):
            floor.admin.databases.change_email("ann", "new@example.org")
    new = floor.exchange.home / "trading_ann_new_example.org.db"
    assert (old.exists(), new.exists()) == ((True, False) if where == "before" else (False, True))
    again = Floor(reopen())
    assert again.path("ann") == new
    assert (old.exists(), new.exists()) == (False, True)
    assert [order.quantity for order in again.user("ann").orders.get_active_orders()] == ["10"]
    assert again.findings() == []


def test_a_rename_that_was_cut_short_is_finished_by_the_next_use_too(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without opening the exchange again: trading and reading go on meanwhile."""
    with monkeypatch.context() as patched:
        patched.setattr(catalogue, "finish_rename", _crash)
        with pytest.raises(Crash):
            floor.admin.databases.change_email("ann", "new@example.org")
    floor.place("ann", "sell", 10, "5.00")
    assert [order.quantity for order in floor.user("ann").orders.get_active_orders()] == ["10"]
    assert floor.path("ann").name == "trading_ann_new_example.org.db"
    assert len(list(floor.exchange.home.glob("trading_ann_*.db"))) == 1
    assert floor.findings() == []


@pytest.mark.parametrize("where", ["before", "halfway", "after"])
def test_a_deletion_that_was_cut_short_is_finished_at_the_next_opening(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen, where: str
) -> None:
    """Before the files are gone, when the -wal is gone and the file is not, and before it is noted."""
    floor.admin.databases.create_trading_database("dan", "dan@example.com")
    path = floor.path("dan")
    with monkeypatch.context() as patched:
        if where == "before":
            patched.setattr(moves, "remove_database", _crash)
        elif where == "after":
            patched.setattr(UserFiles, "note", _crash)
        else:
            unlink = os.unlink
            patched.setattr(os, "unlink", lambda name: _crash() if name == str(path) else unlink(name))
        with pytest.raises(Crash):
            floor.admin.databases.delete_trading_database("dan")
    assert path.exists() == (where != "after")
    reopen()
    assert list(floor.exchange.home.glob("trading_dan_*")) == []
    assert rows_of(floor.exchange.home / FILE_NAME, "SELECT state, email FROM users WHERE user_id = 'dan'") == [
        ("deleted", None)
    ]


_CRASHES = """
import os, sys, credit_trading
from pathlib import Path
from credit_trading.users import files, moves
from credit_trading.users.files import UserFiles
home, action, point = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), 9)

exchange = credit_trading.open(home)
databases = exchange.as_admin("a").databases
{
    "publish": lambda: setattr(files, "publish_new", die),
    "rename": lambda: setattr(moves, "rename_durably", die),
    "remove": lambda: setattr(moves, "remove_database", die),
    "note": lambda: setattr(UserFiles, "note", die),
}[point]()
{
    "create": lambda: databases.create_trading_database("dan", "dan@example.com"),
    "rename": lambda: databases.change_email("ann", "new@example.org"),
    "delete": lambda: databases.delete_trading_database("ann", sweep_to="bob"),
}[action]()
"""


@pytest.mark.parametrize(
    ("action", "point", "files"),
    [
        ("create", "publish", {"ann": "trading_ann_ann_example.com.db", "dan": "trading_dan_dan_example.com.db"}),
        ("rename", "rename", {"ann": "trading_ann_new_example.org.db"}),
        ("rename", "note", {"ann": "trading_ann_new_example.org.db"}),
        ("delete", "remove", {}),
        ("delete", "note", {}),
    ],
)
def test_a_process_killed_between_commit_and_file_leaves_nothing_undone(
    home: Path, clock: ManualClock, action: str, point: str, files: dict[str, str]
) -> None:
    """SIGKILL in a process of its own; the next opening finishes what the commit decided."""
    with opened(home) as exchange:
        Floor(exchange).set_up("ann", "bob")
    child = run_forked(_CRASHES, home, action, point)
    assert child.returncode == -9, child.stderr
    with opened(home) as exchange:
        floor = Floor(exchange)
        for user in files:
            floor.user(user).orders.get_active_orders()
        names = {database.user_id: database.path.name for database in floor.admin.databases.list_trading_databases()}
        assert names == {"bob": "trading_bob_bob_example.com.db"} | files
        assert floor.findings() == []
    assert _databases(home) == sorted(names.values())


def test_opening_many_users_keeps_few_files_open(home: Path, reopen: Reopen) -> None:
    """The pool is bounded: 30 users, 4 handles."""
    exchange = reopen(pool_size=4)
    floor = Floor(exchange).set_up(*[f"u{number}" for number in range(30)])
    for number in range(30):
        floor.place(f"u{number}", "sell", 1, "9.00")
    assert exchange._files.pool.open_count <= 4
    held = [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    ]
    assert len([name for name in held if str(home / "trading_u") in name]) <= 3 * 4
    assert floor.findings() == []


def test_a_handle_that_is_dropped_unclosed_does_not_hold_the_file_for_ever(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that forgets to close what it was given: once collected, its lock is released."""
    database = floor.admin.databases.get_trading_database("ann")
    del database
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert (
            floor.admin.databases.change_email("ann", "new@example.org").path.name == "trading_ann_new_example.org.db"
        )
    assert time.monotonic() - began < 1


def test_two_changes_of_email_that_cross_leave_one_file(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second comes while the first renames: catalogue and folder move together, so nothing is left behind."""
    done: list[Any] = []

    def crossing(source: Path, destination: Path) -> None:
        rename_durably(source, destination)
        if not done:
            done.append(destination)
            other = threading.Thread(
                target=lambda: floor.exchange.as_admin("other").databases.change_email("ann", "third@example.org")
            )
            other.start()
            other.join(timeout=0.5)
            done.append(other)

    monkeypatch.setattr(moves, "rename_durably", crossing)
    floor.admin.databases.change_email("ann", "second@example.org")
    done[1].join()
    floor.place("ann", "sell", 1, "5.00")
    assert floor.findings() == []
    files = list(floor.exchange.home.glob("trading_ann_*.db"))
    assert files == [floor.path("ann")]
