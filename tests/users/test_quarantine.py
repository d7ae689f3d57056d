"""Quarantine: a broken file is refused by every process without being opened, what is passing or exchange.db's fault condemns none."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import (
    Busy,
    FileAhead,
    FileCorrupt,
    FileForeign,
    FileQuarantined,
    NotFound,
    StorageError,
    TradingError,
    Unwritable,
    VersionUnsupported,
)
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.sqlite import connect, sqlite3
from credit_trading.users import handles, quarantine
from credit_trading.users import projector as projector_module
from reliability.disk import AVAILABLE, Error, Operation, faulty_disk
from tests.floor import Floor, copy_of, edit, opened, put, rows_of, shared_content
from tests.users import harm

Reopen = Callable[..., Exchange]


def _listed(floor: Floor) -> list[tuple[str, str]]:
    return [(one.user_id, one.code) for one in floor.admin.databases.list_quarantined()]


def _closed(floor: Floor) -> Path:
    """ann's file, with an order in it; the exchange is closed."""
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    floor.exchange.close()
    return path


@pytest.mark.parametrize("name", harm.BROKEN)
def test_a_broken_file_is_put_in_quarantine_by_the_first_who_meets_it(
    floor: Floor, clock: ManualClock, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also after a commit that concerns the user, which succeeds; told once in the log; the others trade on, and this user too."""
    path = _closed(floor)
    damage, words = harm.BROKEN[name]
    damage(path)
    before = path.read_bytes()
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert again.place("bob", "buy", 4, "5.00").order_status == "filled"
        assert again.place("bob", "buy", 4, "5.00").order_status == "filled"
        ((user, code),) = _listed(again)
        assert user == "ann"
        assert code in {"file_corrupt", "file_foreign"}
        with pytest.raises(FileQuarantined, match=words) as refused:
            again.user("ann").orders.get_active_orders()
        assert refused.value.subject == str(path)
        assert "in quarantine since 2026-01-01T00:00:00.000000Z" in str(refused.value)
        assert "credit-trading rebuild ann" in refused.value.hint
        assert "credit-trading quarantine release ann" in refused.value.hint
        assert again.user("bob").orders.get_active_orders() == []
        assert again.place("ann", "sell", 1, "9.00").order_status == "new"
    assert path.read_bytes() == before
    assert len([record for record in caplog.records if "in quarantine" in record.message]) == 1


def test_a_page_that_only_a_reader_meets_is_enough(floor: Floor, clock: ManualClock) -> None:
    """Catching up does not read the table; whoever asks for its rows does."""
    path = _closed(floor)
    harm.page_of_rows(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert again.user("ann").orders.get_active_orders()
        assert _listed(again) == []
        with pytest.raises(FileCorrupt, match="damaged"):
            again.user("ann").audit.list_events(limit=1_000)
        assert _listed(again) == [("ann", "file_corrupt")]


_READS = """
import sys, credit_trading
from credit_trading.users import files
opened = []
real = files.open_handle
files.open_handle = lambda path, *rest: opened.append(path.name) or real(path, *rest)
with credit_trading.open(sys.argv[1]) as exchange:
    for line in sys.stdin:
        try:
            exchange.as_user(line.strip()).orders.get_active_orders()
            print("read", flush=True)
        except credit_trading.TradingError as error:
            print(error.code, sum("trading_ann" in name for name in opened), flush=True)
"""


def test_every_process_refuses_it_and_does_not_open_it(floor: Floor) -> None:
    """One that had it open lets go of it, one that comes later never opens it."""
    floor.place("ann", "sell", 10, "5.00")
    command = [sys.executable, "-c", _READS, str(floor.exchange.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def ask(user: str) -> str:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(f"{user}\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert ask("ann") == "read"
        edit(floor.path("ann"), "UPDATE metadata SET applied_hash = zeroblob(32)")
        with pytest.raises(FileForeign):
            floor.user("ann").orders.get_active_orders()
        locks = floor.exchange._live.lock_file
        assert locks.holders(1024 + 1) == [other.pid]
        assert ask("ann") == "file_quarantined 1"
        assert locks.holders(1024 + 1) == []
        assert ask("bob") == "read"
        other.stdin.close()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as late:
        assert late.communicate("ann\n", timeout=60)[0].strip() == "file_quarantined 0"


# What is no reason


@pytest.mark.parametrize(("damage", "error"), [(harm.newer, VersionUnsupported), (harm.ahead, FileAhead)])
def test_a_file_of_a_newer_program_or_ahead_of_the_journal_is_refused_but_not_condemned(
    floor: Floor, clock: ManualClock, damage: harm.Harm, error: type[TradingError]
) -> None:
    path = _closed(floor)
    damage(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        for _ in range(2):
            with pytest.raises(error):
                again.user("ann").orders.get_active_orders()
        assert _listed(again) == []


def test_an_older_exchange_db_condemns_nobody(floor: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """Put back by mistake, it makes every file look ahead; the message says so, and with the right one all is well again."""
    home = floor.exchange.home
    floor.exchange.close()
    old = copy_of(home / FILE_NAME, tmp_path / "old")
    with opened(home, clock=clock) as exchange:
        again = Floor(exchange)
        again.place("ann", "sell", 10, "5.00")
        again.place("bob", "buy", 4, "5.00")
        path = again.path("ann")
    right = copy_of(home / FILE_NAME, tmp_path / "right")
    put(old, home / FILE_NAME)
    for checkpoint in (home / "checkpoints").glob("*"):
        checkpoint.unlink()
    with opened(home, clock=clock) as exchange:
        again = Floor(exchange)
        for user in ("ann", "bob"):
            with pytest.raises(FileAhead, match=r"ahead of the journal.*exchange.db is an old one"):
                again.user(user).orders.get_active_orders()
        assert _listed(again) == []
        with pytest.raises(FileAhead, match="--accept-loss"):
            again.admin.databases.rebuild("ann")
        assert [user for user, _ in again.admin.databases.rebuild_all().refused] == ["ann", "bob"]
    put(right, home / FILE_NAME)
    before = shared_content(path)
    with opened(home, clock=clock) as exchange:
        again = Floor(exchange)
        assert len(again.user("ann").orders.get_active_orders()) == 1
        assert again.findings() == []
    assert shared_content(path) == before


def test_a_file_that_somebody_has_locked_is_not_condemned(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector_module, "LOCK_WAIT_MS", 50)
    blocker = connect(floor.path("ann"), mode="rw")
    blocker.execute("BEGIN IMMEDIATE")
    try:
        floor.place("ann", "sell", 10, "5.00")
        with pytest.raises(Busy):
            floor.user("ann").orders.get_active_orders()
    finally:
        blocker.close()
    assert _listed(floor) == []


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
def test_a_disk_that_fails_condemns_no_file(home: Path, clock: ManualClock) -> None:
    """EIO at writing and opening, a full disk: refused then, used again when the disk works."""
    with faulty_disk() as disk, opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        faults: list[tuple[Operation, Error, str]] = [
            ("write", "io", "-wal"),
            ("write", "full", "-wal"),
            ("open", "io", ""),
        ]
        for what, error, suffix in faults:
            exchange._files.pool.close_idle()
            disk.fail(what, suffix=f"ann_example.com.db{suffix}", times=None, error=error)
            floor.place("ann", "sell", 10, "5.00")
            with pytest.raises(StorageError):
                floor.user("ann").orders.get_active_orders()
            disk.heal()
            assert _listed(floor) == []
            assert floor.user("ann").orders.get_active_orders()


def test_a_fault_of_ours_condemns_no_file(floor: Floor) -> None:
    """A statement with too few parameters, a closed connection; only what blames this very file does."""
    path = floor.path("ann")
    for number, error, expected in (
        (1, FileCorrupt("users.file", path, "damaged"), True),
        (1, FileForeign("follow", path, "another history"), True),
        (1, FileCorrupt("users.file", "user #1", "order 1 is missing"), True),
        (1, FileAhead("users.file", path, "ahead"), False),
        (1, FileCorrupt("exchange.read", path.parent / FILE_NAME, "damaged"), False),
        (1, FileCorrupt("journal", "sequence 3", "broken"), False),
        (1, FileCorrupt("users.file", "user #2", "order 1 is missing"), False),
        (1, Unwritable("users.file", path, "permission denied"), False),
        (1, Busy("users.file", path, "locked"), False),
    ):
        assert quarantine.condemns(error, number, path) == expected, error
    with pytest.raises(FileCorrupt) as told, handles.as_user_file(path):
        sqlite3.connect(":memory:").execute("SELECT ?", ())
    assert not quarantine.condemns(told.value, 1, path)


def test_what_is_wrong_with_exchange_db_is_not_taken_for_the_files_fault(floor: Floor) -> None:
    """A table of its that is gone is named, and the user's file stays in use."""
    floor.exchange._projector._names.clear()
    floor.exchange._sequencer._project_on_commit = False
    floor.place("ann", "sell", 10, "5.00")
    edit(floor.exchange.home / FILE_NAME, "ALTER TABLE command_notes RENAME TO gone")
    with pytest.raises(FileCorrupt, match=FILE_NAME):
        floor.user("ann").orders.get_active_orders()
    edit(floor.exchange.home / FILE_NAME, "ALTER TABLE gone RENAME TO command_notes")
    assert len(floor.user("ann").orders.get_active_orders()) == 1
    assert _listed(floor) == []


def test_a_list_that_cannot_be_written_is_a_warning(
    floor: Floor, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever met the broken file is told about it, not about the list; it is listed when that works again."""
    path = _closed(floor)
    harm.other_history(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        edit(
            floor.exchange.home / FILE_NAME,
            "CREATE TRIGGER no BEFORE INSERT ON quarantine BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
        )
        with caplog.at_level(logging.WARNING), pytest.raises(FileForeign, match="another history"):
            again.user("ann").orders.get_active_orders()
        assert "could not be noted" in caplog.text
        assert _listed(again) == []
        edit(floor.exchange.home / FILE_NAME, "DROP TRIGGER no")
        with pytest.raises(FileForeign, match="another history"):
            again.user("ann").orders.get_active_orders()
        assert _listed(again) == [("ann", "file_foreign")]


# The way out


def test_release_takes_a_file_off_the_list_only_if_it_is_whole(
    floor: Floor, clock: ManualClock, tmp_path: Path
) -> None:
    """Put back from a backup it is looked at again, catches up and is used; before that it says what is wrong."""
    path = _closed(floor)
    good = copy_of(path, tmp_path / "backup")
    harm.truncated(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        again.place("bob", "buy", 4, "5.00")
        with pytest.raises(FileQuarantined, match="stays in quarantine: the database is damaged"):
            again.admin.databases.release("ann")
        assert _listed(again) == [("ann", "file_corrupt")]
        put(good, path)
        with pytest.raises(FileQuarantined):
            again.user("ann").orders.get_active_orders()
        assert again.admin.databases.release("ann") is True
        assert _listed(again) == []
        assert again.user("ann").orders.get_active_orders()[0].filled_quantity == "4"
        assert again.admin.databases.release("ann") is False
        assert exchange._projector.faults == {}
        assert again.findings() == []


def test_release_finds_damage_that_catching_up_does_not_meet(floor: Floor, clock: ManualClock) -> None:
    path = _closed(floor)
    harm.page_of_rows(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(FileCorrupt):
            again.user("ann").audit.list_events(limit=1_000)
        with pytest.raises(FileQuarantined, match="stays in quarantine"):
            again.admin.databases.release("ann")
        assert _listed(again) == [("ann", "file_corrupt")]


def test_a_file_that_was_moved_away_is_made_anew_and_off_the_list(floor: Floor, clock: ManualClock) -> None:
    """As the messages have always said; the one that was moved is the operator's."""
    path = _closed(floor)
    live = shared_content(path)
    harm.header(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(FileCorrupt):
            again.user("ann").orders.get_active_orders()
        path.rename(floor.exchange.home.parent / "away.db")
        assert len(again.user("ann").orders.get_active_orders()) == 1
        assert _listed(again) == []
        assert again.findings() == []
    assert shared_content(path) == live


def test_a_user_whose_file_is_in_quarantine_can_be_deleted(floor: Floor, clock: ManualClock) -> None:
    """File, entry and all; but not with a copy of what cannot be copied."""
    path = _closed(floor)
    harm.header(path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(FileCorrupt, match=r"the user was not deleted.*--no-backup"):
            again.admin.databases.delete_trading_database("ann", sweep_to="bob")
        assert len(_listed(again)) == 1
        again.admin.databases.delete_trading_database("ann", sweep_to="bob", backup=False)
        assert _listed(again) == []
        assert not path.exists()
        with pytest.raises(NotFound):
            again.admin.databases.release("ann")
    assert rows_of(floor.exchange.home / FILE_NAME, "SELECT count(*) FROM quarantine") == [(0,)]


def test_a_file_that_is_not_what_the_journal_gives_is_not_released(floor: Floor) -> None:
    """Its position may be right and its pages whole all the same."""
    floor.user("ann").orders.get_active_orders()
    path, journal = floor.path("ann"), floor.exchange.home / FILE_NAME
    edit(journal, "INSERT INTO quarantine VALUES (1, 1, 'file_corrupt', 'because')")
    edit(path, "UPDATE balances SET posted = posted + 1")
    with pytest.raises(FileQuarantined, match="it is not what the journal gives"):
        floor.admin.databases.release("ann")
    edit(path, "UPDATE balances SET posted = posted - 1")
    floor.admin.databases.release("ann")
    assert floor.findings() == []
