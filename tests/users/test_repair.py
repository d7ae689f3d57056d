"""Repair: whatever happened to a user's file, it is what the journal gives afterwards, and what was there is kept."""

from __future__ import annotations

import random
import shutil
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import (
    Busy,
    FileAhead,
    FileCorrupt,
    FileForeign,
    FileQuarantined,
    StorageError,
    TradingError,
    Unwritable,
    VersionUnsupported,
)
from credit_trading.store.files import rename_durably
from credit_trading.store.locks import user_slot
from credit_trading.store.sqlite import connect
from credit_trading.users import kept as kept_module
from credit_trading.users import scratch as scratch_module
from credit_trading.users.repair import Rebuilt
from credit_trading.users.replacing import Replacing
from credit_trading.users.tables.schema import SHARED_TABLES, template
from reliability.disk import AVAILABLE, faulty_disk
from tests.floor import Floor, edit, opened, rows_of, shared_content
from tests.forks import run_forked
from tests.users import harm

Reopen = Callable[..., Exchange]

SCHEMA = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"


@pytest.fixture
def closed(floor: Floor) -> Floor:
    """ann has sold some of what she offers, and the exchange is closed."""
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    floor.exchange.close()
    return floor


def _path(closed: Floor) -> Path:
    return closed.exchange.home / "trading_ann_ann_example.com.db"


def _kept(home: Path) -> list[str]:
    folder = home / "quarantine"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _check(rebuilt: Rebuilt, again: Floor, live: dict[str, list[tuple[Any, ...]]], fresh: Path) -> None:
    """The file is what the journal gives, in use and off the list."""
    assert rebuilt.changed
    assert again.admin.databases.list_quarantined() == []
    assert again.user("ann").orders.get_active_orders()[0].filled_quantity == "4"
    assert shared_content(rebuilt.path) == live
    fresh.write_bytes(template())
    assert rows_of(rebuilt.path, SCHEMA) == rows_of(fresh, SCHEMA)
    assert rows_of(rebuilt.path, "PRAGMA integrity_check") == [("ok",)]
    assert rows_of(rebuilt.path, "PRAGMA journal_mode") == [("wal",)]
    assert again.findings() == []


_HARMS = [*harm.BROKEN, *harm.UNNOTICED]


@pytest.mark.parametrize(
    ("name", "met"),
    [
        *(
            pytest.param(name, False, id=f"unmet-{name}", marks=[pytest.mark.long] if place % 2 else [])
            for place, name in enumerate(_HARMS)
        ),
        *(
            pytest.param(name, True, id=f"met-{name}", marks=[pytest.mark.long] if place % 3 else [])
            for place, name in enumerate(_HARMS)
        ),
    ],
)
def test_a_rebuilt_file_is_what_the_journal_gives_and_the_old_one_is_kept(
    closed: Floor, clock: ManualClock, tmp_path: Path, name: str, met: bool
) -> None:
    """Whether or not somebody has met the damage before. What is kept is the old file, byte by byte or as a copy by SQLite."""
    path = _path(closed)
    live = shared_content(path)
    damage = harm.UNNOTICED.get(name) or harm.BROKEN[name][0]
    damage(path)
    before = path.read_bytes()
    with opened(closed.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        if met:
            again.place("cat", "sell", 1, "9.00")
            with suppress(TradingError):
                again.user("ann").orders.get_active_orders()
        if name == "other history":
            with pytest.raises(FileForeign, match=r"another history .* put the right one back; .* --accept-loss"):
                again.admin.databases.rebuild("ann")
        rebuilt = again.admin.databases.rebuild("ann", accept_loss=name == "other history")
        _check(rebuilt, again, live, tmp_path / "fresh.db")
        assert rebuilt.kept is not None
        assert rebuilt.kept.parent == closed.exchange.home / "quarantine"
        assert rebuilt.kept.name in _kept(closed.exchange.home)
        for place in (rebuilt.kept.parent, *rebuilt.kept.parent.iterdir()):
            assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600), place
        if name in ("header", "truncated", "other page size"):
            assert rebuilt.kept.read_bytes() == before
        assert again.admin.databases.rebuild("ann").changed is False
        assert again.place("bob", "buy", 1, "5.00").order_status == "filled"
        assert again.findings() == []


def test_random_damage_anywhere_is_repaired(closed: Floor, clock: ManualClock, is_long: bool) -> None:
    """Some bytes, a page, or the end of the file; whoever meets it gets an error of ours, and one rebuild puts everything right."""
    path = _path(closed)
    live, whole = shared_content(path), path.read_bytes()
    outcomes = Counter[str]()
    for seed in range(200 if is_long else 8):
        chance = random.Random(seed)
        at, length = chance.randrange(len(whole)), chance.choice((1, 100, 4096, len(whole)))
        damaged = bytearray(whole)
        damaged[at : at + length] = chance.randbytes(length) if chance.random() < 0.8 else b""
        path.write_bytes(bytes(damaged))
        with opened(closed.exchange.home, clock=clock) as exchange:
            again = Floor(exchange)
            try:
                again.user("ann").orders.get_active_orders()
                again.user("ann").audit.list_events(limit=1_000)
            except StorageError as error:
                outcomes[error.code] += 1
            rebuilt = again.admin.databases.rebuild("ann", accept_loss=True)  # the damage may be in its position
            outcomes["rebuilt"] += rebuilt.changed
            assert again.user("ann").orders.get_active_orders()[0].filled_quantity == "4", seed
        assert shared_content(path) == live, seed
        assert rows_of(path, "PRAGMA integrity_check") == [("ok",)], seed
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    assert outcomes["rebuilt"] >= 4, outcomes


def test_a_file_that_is_as_it_should_be_stays_untouched(closed: Floor, clock: ManualClock) -> None:
    """Nothing is kept of it: there is nothing to be sorry for. Nor of one that is merely behind: it catches up."""
    with opened(closed.exchange.home, clock=clock) as exchange:
        rebuilt = Floor(exchange).admin.databases.rebuild("ann")
        assert (rebuilt.changed, rebuilt.kept, rebuilt.differing_rows) == (False, None, {})
    assert _kept(closed.exchange.home) == []


def test_it_is_told_how_many_rows_differed(closed: Floor, clock: ManualClock) -> None:
    """Changed, missing and added ones, by table."""
    path = _path(closed)
    edit(
        path,
        "UPDATE balances SET posted = posted + 1, held = held + 1",
        "DELETE FROM trading_transactions WHERE transaction_id = (SELECT max(transaction_id) FROM trading_transactions)",
        "INSERT INTO assets VALUES ('ZZZ', 1, NULL), ('AAA', 1, NULL)",
    )
    with opened(closed.exchange.home, clock=clock) as exchange:
        rebuilt = Floor(exchange).admin.databases.rebuild("ann")
    assert rebuilt.differing_rows == {"balances": 2, "trading_transactions": 1, "assets": 2}
    assert rebuilt.kept is not None
    assert rows_of(rebuilt.kept, "SELECT count(*) FROM assets") == [(4,)]
    assert set(rebuilt.differing_rows) <= set(SHARED_TABLES)


def test_a_missing_file_is_made(closed: Floor, clock: ManualClock, tmp_path: Path) -> None:
    path = _path(closed)
    live = shared_content(path)
    path.unlink()
    with opened(closed.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        _check_made = again.admin.databases.rebuild("ann")
        assert _check_made.kept is None
        assert again.findings() == []
    assert shared_content(path) == live
    assert _kept(closed.exchange.home) == []


def test_two_old_files_of_one_moment_are_both_kept(closed: Floor, clock: ManualClock) -> None:
    """The clock stands still; the names differ all the same."""
    path = _path(closed)
    with opened(closed.exchange.home, clock=clock) as exchange:
        for _ in range(2):
            exchange._files.pool.close_idle()
            harm.header(path)
            Floor(exchange).admin.databases.rebuild("ann")
    stem = "trading_ann_ann_example.com.db~20260101T000000.000000Z"
    assert _kept(closed.exchange.home) == [f"{stem}.db", f"{stem}~2.db"]


def test_a_file_is_moved_with_its_wal_and_before_it(
    closed: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left alone, the WAL would be deleted as that of no database; and as long as the database is there, no other is made."""
    path = _path(closed)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").write_text(suffix)
    order: list[str] = []
    rename = rename_durably

    def noted(source: str, destination: str) -> None:
        order.append(source.removeprefix(str(path)))
        rename(source, destination)

    monkeypatch.setattr(kept_module, "rename_durably", noted)
    kept = kept_module.keep_moved(path, now_us=clock.now_us())
    assert order == ["-wal", "-shm", ""]
    assert Path(f"{kept}-wal").read_text() == "-wal"
    assert not path.exists()


def test_a_newer_file_is_left_to_a_newer_program(closed: Floor, clock: ManualClock) -> None:
    path = _path(closed)
    harm.newer(path)
    before = path.read_bytes()
    with opened(closed.exchange.home, clock=clock) as exchange, pytest.raises(VersionUnsupported):
        Floor(exchange).admin.databases.rebuild("ann", accept_loss=True)
    assert path.read_bytes() == before


def test_a_file_that_knows_more_than_the_journal_is_rebuilt_only_on_demand(closed: Floor, clock: ManualClock) -> None:
    """It may be all that is left of what happened; it is kept."""
    path = _path(closed)
    harm.ahead(path)
    with opened(closed.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(FileAhead, match="credit-trading rebuild ann --accept-loss"):
            again.admin.databases.rebuild("ann")
        assert _kept(closed.exchange.home) == []
        rebuilt = again.admin.databases.rebuild("ann", accept_loss=True)
        assert again.findings() == []
    assert rebuilt.kept is not None
    assert rows_of(rebuilt.kept, "SELECT applied_sequence FROM metadata") == [(1000,)]


def test_all_are_looked_at_and_one_that_is_refused_holds_up_nobody(closed: Floor, clock: ManualClock) -> None:
    """Progress is told; those that are well are counted, the others named."""
    harm.ahead(_path(closed))
    harm.header(closed.exchange.home / "trading_bob_bob_example.com.db")
    steps: list[tuple[int, int]] = []
    with opened(closed.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        result = again.admin.databases.rebuild_all(progress=lambda done, of: steps.append((done, of)))
        assert [one.user_id for one in result.rebuilt] == ["bob"]
        assert [(user, type(error)) for user, error in result.refused] == [("ann", FileAhead)]
        assert result.unchanged == 1
        assert steps == [(1, 3), (2, 3), (3, 3)]
        assert again.user("bob").orders.get_order_history()


# Beside others

_KEEPS_OPEN = """
import sys, credit_trading
with credit_trading.open(sys.argv[1]) as exchange:
    ann = exchange.as_user("ann")
    for number, line in enumerate(sys.stdin, 100):  # another question each time: answers are kept, and need no file
        try:
            print(len(ann.orders.get_orders(state="active", limit=number)), flush=True)
        except credit_trading.TradingError as error:
            print(error.code, flush=True)
"""


@pytest.fixture
def neighbour(closed: Floor) -> Any:
    """Another process with ann's file open in its pool; called, it reads her orders: how many, or the error's code."""
    command = [sys.executable, "-c", _KEEPS_OPEN, str(closed.exchange.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        stdin, stdout = process.stdin, process.stdout
        assert stdout is not None

        def ask() -> str:
            stdin.write("\n")
            stdin.flush()
            return stdout.readline().strip()

        assert ask() == "1"
        yield ask
        stdin.close()


def test_a_file_that_another_process_has_open_is_written_into(
    closed: Floor, clock: ManualClock, neighbour: Callable[[], str], tmp_path: Path
) -> None:
    """Its handle goes on, on the same file, and so does a reader in the middle of reading; nothing is renamed over."""
    path = _path(closed)
    live = shared_content(path)
    inode = path.stat().st_ino
    edit(path, "DELETE FROM active_orders", "DROP VIEW balances_readable")
    reader = connect(path, mode="ro")
    try:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM active_orders").fetchone() == (0,)
        with opened(closed.exchange.home, clock=clock) as exchange:
            again = Floor(exchange)
            assert neighbour() == "0"
            _check(again.admin.databases.rebuild("ann"), again, live, tmp_path / "fresh.db")
            assert neighbour() == "1"
            again.place("ann", "sell", 1, "9.00")
            assert neighbour() == "2"
        assert reader.execute("SELECT count(*) FROM active_orders").fetchone() == (0,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM active_orders").fetchone() == (2,)
    finally:
        reader.close()
    assert path.stat().st_ino == inode


def test_a_file_that_has_to_be_moved_is_not_moved_under_somebody(
    closed: Floor, reopen: Reopen, neighbour: Callable[[], str], tmp_path: Path
) -> None:
    """The error names the process; once that has met the quarantine and let go of its handle, it works."""
    path = _path(closed)
    live = shared_content(path)
    with opened(closed.exchange.home) as probe:
        (other,) = set(probe._live.lock_file.holders(user_slot(1)))
    harm.header(path)
    before = path.read_bytes()
    again = Floor(reopen(lock_timeout_s=1))
    with pytest.raises(Busy, match=rf"open elsewhere \(process {other}\)"):
        again.admin.databases.rebuild("ann")
    assert path.read_bytes() == before
    assert neighbour() == "file_quarantined"
    _check(again.admin.databases.rebuild("ann"), again, live, tmp_path / "fresh.db")
    assert neighbour() == "1"


def test_threads_that_use_the_file_wait_for_the_rebuild(closed: Floor, clock: ManualClock) -> None:
    """Orders go on meanwhile, reads give the whole of it before or after."""
    path = _path(closed)
    harm.table_dropped(path)
    with opened(closed.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        seen: tuple[list[int], list[int]] = ([], [])
        stop = threading.Event()

        def read(counts: list[int]) -> None:
            while not stop.is_set():
                with suppress(FileCorrupt, FileQuarantined):
                    counts.append(len(again.user("ann").orders.get_active_orders()))

        readers = [threading.Thread(target=read, args=[counts]) for counts in seen]
        for reader in readers:
            reader.start()
        for _ in range(5):
            again.place("ann", "sell", 1, "9.00")
            edit(path, "UPDATE balances SET posted = posted + 1")
            assert again.admin.databases.rebuild("ann").changed
        stop.set()
        for reader in readers:
            reader.join()
        assert list(seen) == [sorted(counts) for counts in seen]
        assert set(seen[0] + seen[1]) <= set(range(1, 7))
        assert again.findings() == []


# Cut short

_KILLED = """
import os, sys, credit_trading
from credit_trading.store import files
from reliability.disk import faulty_disk
home, at = sys.argv[1], int(sys.argv[2])
done = 0

def step(*_):
    global done
    done += 1
    if done == at:
        os.kill(os.getpid(), 9)

def watched(name, real):
    def call(*arguments, **options):
        step()
        return real(*arguments, **options)
    return call

class Os:
    def __getattr__(self, name):
        real = getattr(os, name)
        return watched(name, real) if name in ("rename", "link", "unlink", "replace", "fsync", "mkdir") else real

with faulty_disk() as disk, credit_trading.open(home) as exchange:
    databases = exchange.as_admin("night").databases
    disk.watch = lambda what, path: step() if "trading_ann" in path or "writing" in path or "exchange.db" in path else None
    files.os = Os()
    databases.rebuild("ann")
    disk.watch = lambda what, path: None
    print(done, flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
@pytest.mark.parametrize("damage", [harm.balance_changed, harm.header], ids=["written into", "moved"])
def test_killed_at_any_step_it_leaves_the_old_or_the_new_file(
    closed: Floor, clock: ManualClock, tmp_path: Path, damage: harm.Harm, is_long: bool
) -> None:
    """Every write, sync, rename and deletion is a step. The old file is there or kept, or the new one is there; repeating works."""
    path = _path(closed)
    live = shared_content(path)
    damage(path)
    before = path.read_bytes()
    saved = tmp_path / "saved"
    shutil.copytree(closed.exchange.home, saved)
    steps = int(_killed(closed.exchange.home, at=0).stdout)
    assert steps > 15
    every = 1 if is_long else steps // 3
    for at in range(1, steps + 1, every):
        shutil.rmtree(closed.exchange.home)
        shutil.copytree(saved, closed.exchange.home)
        assert _killed(closed.exchange.home, at=at).returncode == -9
        with opened(closed.exchange.home, clock=clock) as exchange:
            again = Floor(exchange)
            left = [name for name in _kept(closed.exchange.home) if not name.startswith(".writing-")]
            if damage is harm.header:
                assert path.exists() or left, at
                assert before in [
                    place.read_bytes() for place in (path, *(path.parent / "quarantine").glob("*.db")) if place.exists()
                ], at
            else:
                assert shared_content(path)["balances"] in (_changed(live), live["balances"]), at
            assert again.admin.databases.rebuild("ann").path == path
            assert shared_content(path) == live
            assert again.admin.databases.list_quarantined() == []
    with opened(closed.exchange.home, clock=clock) as exchange:
        assert Floor(exchange).findings() == []


def _changed(live: dict[str, list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    return [(asset, posted + 1, held, available + 1) for asset, posted, held, available in live["balances"]]


def _killed(home: Path, *, at: int) -> subprocess.CompletedProcess[str]:
    return run_forked(_KILLED, home, at)


def test_a_disk_that_is_full_while_the_old_file_is_copied_changes_nothing(
    closed: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No unfinished copy stays behind; repeated, it works."""
    path = _path(closed)
    harm.balance_changed(path)
    wrong = shared_content(path)

    def full(*_: object) -> None:
        raise Unwritable("files.rename", path, "the disk is full")

    with opened(closed.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with monkeypatch.context() as patched:
            patched.setattr(scratch_module, "rename_durably", full)
            with pytest.raises(Unwritable, match="disk is full"):
                again.admin.databases.rebuild("ann")
        assert shared_content(path) == wrong
        assert _kept(closed.exchange.home) == []
        assert again.admin.databases.rebuild("ann").changed
        assert again.findings() == []


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
def test_a_disk_that_fails_at_any_write_leaves_the_old_file_in_place(home: Path, clock: ManualClock) -> None:
    """EIO at the first write of a rebuild, the 17th, and so on, until one succeeds."""
    with faulty_disk() as disk, opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        path = floor.path("ann")
        live = shared_content(path)
        exchange._files.pool.close_idle()
        harm.balance_changed(path)
        failed = 0
        for after in range(0, 2000, 16):
            disk.fail("write", suffix="", times=None, after=after)
            try:
                floor.admin.databases.rebuild("ann")
            except TradingError:
                failed += 1
            else:
                break
            finally:
                disk.heal()
            assert shared_content(path)["balances"] in (_changed(live), live["balances"])
        assert failed > 5
        floor.admin.databases.rebuild("ann")
        assert shared_content(path) == live
        assert floor.admin.databases.list_quarantined() == []
        assert floor.findings() == []


def test_one_who_comes_late_does_not_move_what_another_has_made(
    closed: Floor, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both found the file unusable; the second sees that it is another file by now."""
    path = _path(closed)
    live = shared_content(path)
    harm.header(path)
    late, other = Floor(reopen()), Floor(reopen())
    moved = Replacing._moved

    def after_the_other(replacing: Any, *arguments: Any, **options: Any) -> Any:
        if replacing._live is late.exchange._live and not other_done:
            other_done.append(other.admin.databases.rebuild("ann"))
        return moved(replacing, *arguments, **options)

    other_done: list[Rebuilt] = []
    monkeypatch.setattr(Replacing, "_moved", after_the_other)
    rebuilt = late.admin.databases.rebuild("ann")
    assert other_done[0].changed
    assert not rebuilt.changed
    assert len(list((closed.exchange.home / "quarantine").glob("*.db"))) == 1
    assert shared_content(path) == live
