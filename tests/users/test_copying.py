"""Copies of users' files: whole, told truly where they stand, and nobody waits for them for long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import (
    Busy,
    FileCorrupt,
    FileForeign,
    FileQuarantined,
    NotFound,
    PrivateFactsMissing,
    TradingError,
)
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.snapshot import Snapshots
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users import copying, handles
from credit_trading.users.copying import Copying, FileCopy, Skipped
from credit_trading.users.private_writer import PrivateWriter
from tests.floor import CASH, Floor, copy_of, edit, opened, put, rows_of, shared_content
from tests.forks import in_fork, succeeded
from tests.users import harm
from tests.users.test_at_rest import aged
from tests.users.version_1 import make_version_1

Reopen = Callable[..., Exchange]

ANN, BOB, CAT = 1, 2, 3


def of(exchange: Exchange) -> Copying:
    return Copying(exchange._live, exchange._files, exchange._projector)


def all_of(exchange: Exchange, *numbers: int) -> dict[int, FileCopy | Skipped]:
    found = list(of(exchange).copies(numbers or (ANN, BOB, CAT), lambda copy: copy))
    return {one.number: one for one in found}


def good(found: FileCopy | Skipped) -> FileCopy:
    assert isinstance(found, FileCopy), found
    return found


def refused(found: FileCopy | Skipped) -> TradingError:
    assert isinstance(found, Skipped), found
    return found.error


def laid_out(copy: FileCopy, folder: Path) -> Path:
    """The copy as a file."""
    folder.mkdir(exist_ok=True)
    path = folder / "copy.db"
    path.unlink(missing_ok=True)
    path.write_bytes(copy.content)
    return path


def check(copy: FileCopy, folder: Path, live: Path) -> None:
    """Whole, equal to the file that it was made of, and where it says."""
    path = laid_out(copy, folder)
    with closing(connect(path, mode="rw")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ((sequence, chain_hash, number),) = rows_of(
        path, "SELECT applied_sequence, applied_hash, user_number FROM metadata"
    )
    assert (copy.sequence, copy.hash, copy.number) == (sequence, chain_hash, number)
    assert shared_content(path) == shared_content(live)
    assert rows_of(live.parent / FILE_NAME, "SELECT hash FROM journal WHERE sequence = ?", (copy.sequence,)) == [
        (copy.hash,)
    ]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The handles whose files were copied by SQLite."""
    handles: list[Connection] = []
    take = Snapshots.take

    def noted(snapshots: Snapshots, live: Connection) -> bytes:
        handles.append(live)
        return take(snapshots, live)

    monkeypatch.setattr(Snapshots, "take", noted)
    return handles


@pytest.fixture
def traded(floor: Floor) -> Floor:
    """ann has sold something to bob; ann has private facts; cat has looked. The files of all three are open."""
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    floor.user("cat").orders.get_active_orders()
    write_private(floor.exchange, "first")
    return floor


def write_private(exchange: Exchange, wish: str, number: int = ANN) -> None:
    with PrivateWriter(exchange._files, exchange._projector).writing(number) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS wishes (wish TEXT)")
        connection.execute("INSERT INTO wishes VALUES (?)", (wish,))


def at_rest_in(traded: Floor, clock: ManualClock, **settings: int | bool) -> tuple[Exchange, dict[int, Path]]:
    """The exchange opened again, with nobody's file open and all of them at rest."""
    paths = {ANN: traded.path("ann"), BOB: traded.path("bob"), CAT: traded.path("cat")}
    traded.exchange.close()
    for path in paths.values():
        aged(path)
    return opened(traded.exchange.home, clock=clock, settings=Settings(**settings)), paths  # type: ignore[arg-type]


# What a copy is


def test_files_in_use_are_copied_by_sqlite(traded: Floor, tmp_path: Path, taken: list[Connection]) -> None:
    found = all_of(traded.exchange)
    assert len(taken) == 3
    for number, user in ((ANN, "ann"), (BOB, "bob"), (CAT, "cat")):
        check(good(found[number]), tmp_path / "copies", traded.path(user))
    assert rows_of(laid_out(good(found[ANN]), tmp_path), "SELECT wish FROM wishes") == [("first",)]


def test_files_at_rest_are_read_as_they_are(
    traded: Floor, clock: ManualClock, tmp_path: Path, taken: list[Connection]
) -> None:
    """They are byte for byte the same, nobody has them open afterwards, and nothing is left beside them."""
    exchange, paths = at_rest_in(traded, clock)
    with exchange:
        found = all_of(exchange, BOB, CAT)
        assert taken == []
        for number in (BOB, CAT):
            assert good(found[number]).content == paths[number].read_bytes()
            check(good(found[number]), tmp_path / "copies", paths[number])
        assert exchange._files.pool.open_count == 0
        assert exchange._live.lock_file.holders(1024 + BOB) == []


def test_a_file_with_private_facts_is_copied_by_sqlite_though_at_rest(
    traded: Floor, clock: ManualClock, tmp_path: Path, taken: list[Connection]
) -> None:
    """It is to be checked."""
    exchange, paths = at_rest_in(traded, clock)
    with exchange:
        copy = good(all_of(exchange)[ANN])
        assert len(taken) == 1
        check(copy, tmp_path, paths[ANN])
        assert rows_of(laid_out(copy, tmp_path), "SELECT wish FROM wishes") == [("first",)]


def test_a_file_that_is_behind_is_brought_forward_first(traded: Floor, clock: ManualClock, tmp_path: Path) -> None:
    exchange, paths = at_rest_in(traded, clock, project_on_commit=False)
    with exchange:
        exchange.as_admin("x").accounts.deposit("ann", CASH, "1.00")
        found = all_of(exchange)
        check(good(found[ANN]), tmp_path, paths[ANN])
        assert good(found[ANN]).sequence == exchange.sequence > good(found[BOB]).sequence


def test_a_file_of_an_older_version_is_rebuilt_first(traded: Floor, clock: ManualClock, tmp_path: Path) -> None:
    exchange, paths = at_rest_in(traded, clock)
    make_version_1(paths[ANN])
    aged(paths[ANN])
    with exchange:
        check(good(all_of(exchange)[ANN]), tmp_path, paths[ANN])


def test_an_old_copy_that_was_put_back_is_told_as_what_it_is(
    traded: Floor, clock: ManualClock, tmp_path: Path, taken: list[Connection]
) -> None:
    """All hints say that the file has come far; the file itself says where it stands."""
    exchange, paths = at_rest_in(traded, clock)
    old = copy_of(paths[ANN], tmp_path / "old")
    with exchange:
        exchange.as_admin("x").accounts.deposit("ann", CASH, "1.00")
        exchange.as_admin("x").databases.catch_up()
    put(old, paths[ANN])
    aged(paths[ANN])
    with opened(exchange.home, clock=clock) as again:
        copy = good(all_of(again)[ANN])
        assert len(taken) == 1
        check(copy, tmp_path, paths[ANN])


# What is never read as bytes


def _by_a_reader(exchange: Exchange) -> object:
    return exchange.as_admin("x").databases.get_trading_database("ann")


def _by_another_exchange(exchange: Exchange) -> object:
    other = opened(exchange.home)
    other.as_user("ann").orders.get_active_orders()
    return other


def _by_another_program(exchange: Exchange) -> object:
    connection = connect(exchange.as_admin("x").databases.show_trading_database("ann").path, mode="rw")
    connection.execute("SELECT count(*) FROM balances").fetchone()
    return connection


@pytest.mark.parametrize("opened_by", [_by_a_reader, _by_another_exchange, _by_another_program])
def test_a_file_that_anybody_has_open_is_copied_by_sqlite(
    traded: Floor, clock: ManualClock, opened_by: Callable[[Exchange], object], taken: list[Connection]
) -> None:
    exchange, paths = at_rest_in(traded, clock)
    with exchange:
        handle = opened_by(exchange)
        exchange._files.pool.close_idle()
        aged(paths[ANN])
        found = all_of(exchange)
        assert len(taken) == 1
        assert shared_content(paths[ANN])["balances"]
        assert isinstance(found[ANN], FileCopy)
        handle.close() if hasattr(handle, "close") else None


def test_a_file_that_another_process_has_open_is_copied_by_sqlite(
    traded: Floor, clock: ManualClock, taken: list[Connection]
) -> None:
    exchange, paths = at_rest_in(traded, clock)
    program = (
        "import sys, credit_trading\n"
        "with credit_trading.open(sys.argv[1]) as exchange:\n"
        "    exchange.as_user('ann').orders.get_active_orders()\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(exchange.home)]
    with exchange, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "open\n"
        aged(paths[ANN])
        assert isinstance(all_of(exchange)[ANN], FileCopy)
        assert len(taken) == 1
        child.stdin.close()


def test_what_stands_in_the_wal_alone_is_copied(traded: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """As a process leaves it that was killed."""
    path = traded.path("ann")
    with closing(connect(path, mode="rw")) as reader:
        reader.execute("SELECT count(*) FROM balances").fetchone()
        write_private(traded.exchange, "in the WAL")
        kept = copy_of(path, tmp_path / "killed")
    traded.exchange.close()
    put(kept, path)
    aged(path)
    with opened(traded.exchange.home, clock=clock) as exchange:
        copy = good(all_of(exchange)[ANN])
    assert ("in the WAL",) in rows_of(laid_out(copy, tmp_path), "SELECT wish FROM wishes")


# Who cannot be copied


def test_a_broken_file_is_told_and_holds_up_nobody(traded: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """It is put in quarantine, and from then on told as such; another user's file in its place is not taken for it."""
    exchange, paths = at_rest_in(traded, clock)
    with exchange:
        harm.other_users(paths[ANN])
        aged(paths[ANN])
        first, second = all_of(exchange), all_of(exchange)
        assert isinstance(refused(first[ANN]), FileForeign)
        assert isinstance(refused(second[ANN]), FileQuarantined)
        for found in (first, second):
            check(good(found[BOB]), tmp_path, paths[BOB])


@pytest.mark.parametrize("in_use", [False, True])
def test_a_damaged_file_with_private_facts_is_no_copy(
    traded: Floor, clock: ManualClock, tmp_path: Path, in_use: bool
) -> None:
    """However well all goes that uses it: it would take the place of a good copy. It is in quarantine from then on, and told."""
    exchange, paths = at_rest_in(traded, clock)
    harm.page_of_rows(paths[ANN], "wishes")
    for suffix in ("-wal", "-shm"):  # else it would not look as if it were at rest
        Path(f"{paths[ANN]}{suffix}").unlink(missing_ok=True)
    aged(paths[ANN])
    with exchange:
        if in_use:
            assert exchange.as_user("ann").orders.get_active_orders()
        found = all_of(exchange)
        assert isinstance(refused(found[ANN]), FileCorrupt)
        assert "damaged" in refused(found[ANN]).problem
        check(good(found[BOB]), tmp_path, paths[BOB])
        assert [one.user_id for one in exchange.as_admin("x").databases.list_quarantined()] == ["ann"]
        assert isinstance(refused(all_of(exchange)[ANN]), FileQuarantined)


def test_what_is_in_quarantine_is_not_read_however_well_it_looks(traded: Floor, clock: ManualClock) -> None:
    exchange, _ = at_rest_in(traded, clock)
    edit(exchange.home / FILE_NAME, "INSERT INTO quarantine VALUES (2, 1, 'file_corrupt', 'because')")
    with exchange:
        assert isinstance(refused(all_of(exchange)[BOB]), FileQuarantined)


def test_a_missing_file_is_made_anew_unless_it_held_private_facts(
    traded: Floor, clock: ManualClock, tmp_path: Path
) -> None:
    exchange, paths = at_rest_in(traded, clock)
    live = shared_content(paths[BOB])
    paths[ANN].unlink()
    paths[BOB].unlink()
    with exchange:
        found = all_of(exchange)
        assert shared_content(laid_out(good(found[BOB]), tmp_path)) == live
        assert isinstance(refused(found[ANN]), PrivateFactsMissing)


def test_a_file_that_another_program_has_locked_is_told(
    traded: Floor, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while; the others are copied meanwhile."""
    monkeypatch.setattr(handles, "connect", partial(connect, busy_timeout_s=0.1))
    exchange, paths = at_rest_in(traded, clock, lock_timeout_s=1)
    with exchange, closing(connect(paths[ANN], mode="rw")) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        found = all_of(exchange)
        assert isinstance(refused(found[ANN]), Busy)
        check(good(found[BOB]), tmp_path, paths[BOB])


def test_who_is_deleted_is_left_out(traded: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it begins, and while it is under way."""
    traded.admin.databases.delete_trading_database("cat", sweep_to="bob")
    assert list(all_of(traded.exchange)) == [ANN, BOB]
    with pytest.raises(NotFound):
        of(traded.exchange).copy(CAT)
    (wanted,) = of(traded.exchange)._wanted([BOB])
    traded.admin.databases.delete_trading_database("bob", sweep_to="ann")
    monkeypatch.setattr(Copying, "_wanted", lambda *_: [wanted])
    assert all_of(traded.exchange, BOB) == {}


# Many, and others meanwhile


@pytest.fixture
def crowd(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Floor:
    floor.admin.databases.create_trading_databases((f"u{n}", f"u{n}@example.com") for n in range(4, 41))
    monkeypatch.setattr(copying, "AT_ONCE", 4)
    monkeypatch.setattr(copying, "AHEAD_BYTES", 300_000)
    return floor


def test_copies_come_in_order_and_little_is_done_ahead(crowd: Floor) -> None:
    """Also when nobody wants the rest there is nothing left over: no thread, no file."""
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1, 41):
            asked.append(number)
            yield number

    copies = of(crowd.exchange).copies(numbers(), lambda copy: copy.number)
    assert next(copies) == 1
    assert len(asked) <= 12
    assert isinstance(copies, Generator)
    copies.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("copy")]
    assert list(of(crowd.exchange).copies(range(1, 41), lambda copy: copy.number)) == list(range(1, 41))


def test_without_more_threads_one_does_it_all(crowd: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the main thread has ended there are no new ones."""

    def refuses(*_: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuses)
    assert list(of(crowd.exchange).copies(range(1, 41), lambda copy: copy.number)) == list(range(1, 41))


def test_what_the_caller_raises_ends_it(crowd: Floor) -> None:
    """Though it is an error that would be told of a user, had copying raised it."""

    def each(_: FileCopy) -> None:
        raise NotFound("place", "a", "the archive is gone")

    with pytest.raises(NotFound, match="the archive is gone"):
        list(of(crowd.exchange).copies(range(1, 41), each))
    assert len(all_of(crowd.exchange)) == 3


def test_the_position_is_told_as_of_the_copy(
    traded: Floor, reopen: Reopen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may bring the file forward in between."""
    take, other = Snapshots.take, reopen()

    def late(snapshots: Snapshots, live: Connection) -> bytes:
        other.as_admin("x").accounts.deposit("ann", CASH, "1.00")
        return take(snapshots, live)

    monkeypatch.setattr(Snapshots, "take", late)
    copy = of(traded.exchange).copy(ANN)
    assert rows_of(traded.path("ann"), "SELECT applied_sequence FROM metadata") == [(other.sequence,)]
    assert rows_of(laid_out(copy, tmp_path), "SELECT applied_sequence FROM metadata") == [(copy.sequence,)]


def test_orders_go_on_while_their_users_are_copied(traded: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """In this exchange and in another on the folder; files are at rest and in use by turns. Copies are whole, and no order waits long."""
    exchange, paths = at_rest_in(traded, clock)
    other = opened(exchange.home, clock=clock)
    waits_s: list[float] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def trade(on: Exchange, user: str) -> None:
        try:
            while not done.is_set():
                start = time.monotonic()
                on.as_user(user).orders.create_order("VCS-1340-2020/USD", "buy", 1, "1.00")
                waits_s.append(time.monotonic() - start)
                on._files.pool.close_idle()
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=trade, args=(on, user)) for on, user in ((exchange, "ann"), (other, "bob"))]
    for thread in threads:
        thread.start()
    copies: list[FileCopy] = []
    until = time.monotonic() + 1.0
    try:
        while time.monotonic() < until or (len(waits_s) <= 20 and not errors):
            for path in paths.values():
                with suppress(FileNotFoundError):
                    aged(path)
            copies += map(good, all_of(exchange, ANN, BOB, CAT).values())
    finally:
        done.set()
        for thread in threads:
            thread.join()
    with exchange, other:
        assert errors == []
        assert len(waits_s) > 20
        assert max(waits_s) < 1.0
        assert {copy.number for copy in copies} == {ANN, BOB, CAT}
        for copy in copies[:: max(1, len(copies) // 30)]:
            path = laid_out(copy, tmp_path)
            ((sequence, events),) = rows_of(path, "SELECT applied_sequence, event_number FROM metadata")
            assert sequence == copy.sequence
            assert rows_of(path, "SELECT count(*), max(sequence) FROM audit_trail") == [(events, sequence)]
            assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
        assert Floor(exchange).findings() == []


def test_a_process_may_fork_while_copies_are_made(traded: Floor) -> None:
    """The child opens the same files and copies them too; the parent goes on."""
    done = threading.Event()
    failed: list[BaseException] = []

    def copy_on() -> None:
        try:
            while not done.is_set():
                all_of(traded.exchange)
        except BaseException as error:
            failed.append(error)
            raise

    def in_child() -> None:
        assert isinstance(of(traded.exchange).copy(ANN), FileCopy)
        traded.place("ann", "buy", 1, "1.00")

    thread = threading.Thread(target=copy_on)
    thread.start()
    try:
        for _ in range(4):
            assert succeeded(in_fork(in_child))
    finally:
        done.set()
        thread.join()
    assert failed == []
    assert traded.findings() == []


# Private facts


class _Slow:
    """A private write that stands between its first statement and its commit until it may go on."""

    def __init__(self, exchange: Exchange) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write, args=(exchange,))
        self._thread.start()
        assert self.begun.wait(10)

    def _write(self, exchange: Exchange) -> None:
        with PrivateWriter(exchange._files, exchange._projector).writing(ANN) as connection:
            connection.execute("INSERT INTO wishes VALUES ('slow')")
            self.begun.set()
            assert self.may_end.wait(10)

    def end(self) -> None:
        self.may_end.set()
        self._thread.join()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_copy_waits_for_a_private_fact_that_is_being_written(
    traded: Floor, reopen: Reopen, tmp_path: Path, elsewhere: bool
) -> None:
    """In this process, or in another: what was marked before the backup began is in the copy."""
    slow = _Slow(reopen() if elsewhere else traded.exchange)
    threading.Timer(0.2, slow.end).start()
    copy = of(traded.exchange).copy(ANN)
    assert rows_of(laid_out(copy, tmp_path), "SELECT wish FROM wishes") == [("first",), ("slow",)]
    slow.end()


def test_a_private_fact_waits_for_the_copy_that_is_being_made(
    traded: Floor, reopen: Reopen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is in the next one: marking comes with the lock that the copy holds."""
    take, writing = Snapshots.take, threading.Event()
    other = reopen()

    def write() -> None:
        writing.set()
        write_private(other, "later")

    thread = threading.Thread(target=write)

    def slow(snapshots: Snapshots, live: Connection) -> bytes:
        if not writing.is_set():
            thread.start()
            assert writing.wait(10)
            time.sleep(0.2)
            assert rows_of(traded.exchange.home / FILE_NAME, "SELECT generation FROM private_facts") == [(1,)]
        return take(snapshots, live)

    edit(traded.exchange.home / FILE_NAME, "UPDATE backup_generation SET generation = 2")
    monkeypatch.setattr(Snapshots, "take", slow)
    copy = of(traded.exchange).copy(ANN)
    thread.join()
    assert rows_of(laid_out(copy, tmp_path), "SELECT wish FROM wishes") == [("first",)]
    assert rows_of(traded.exchange.home / FILE_NAME, "SELECT generation FROM private_facts") == [(2,)]
    again = of(traded.exchange).copy(ANN)
    assert rows_of(laid_out(again, tmp_path), "SELECT wish FROM wishes") == [("first",), ("later",)]


def test_a_private_fact_is_not_written_under_a_file_that_is_read_at_rest(
    traded: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer's handle waits for the reader's lock. It is the user's first one: else the file would not be read as it is."""
    exchange, paths = at_rest_in(traded, clock)
    other = opened(exchange.home, clock=clock)
    thread = threading.Thread(target=write_private, args=(other, "later", BOB))
    read = os.read

    def slow_read(descriptor: int, size: int) -> bytes:
        monkeypatch.undo()
        thread.start()
        time.sleep(0.2)
        assert other._files.pool.open_count == 0 or not Path(f"{paths[BOB]}-wal").exists()
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", slow_read)
    with exchange, other:
        content = good(all_of(exchange, BOB)[BOB]).content
        thread.join()
        assert b"later" not in content
        assert b"later" in good(all_of(exchange, BOB)[BOB]).content


def test_a_file_whose_words_another_process_has_packed_anew_is_sound(
    traded: Floor, reopen: Callable[..., Exchange]
) -> None:
    """FTS5 keeps in mind how its tables lie, in each connection, and does not ask before it checks them."""
    other = Floor(reopen())
    copying_ = Copying(traded.exchange._live, traded.exchange._files, traded.exchange._projector)
    for _ in range(4):
        traded.place("ann", "sell", 1, "9.90")
        assert isinstance(copying_.copy(ANN), FileCopy)
        for _ in range(40):
            other.place("ann", "sell", 1, "9.90")
        assert isinstance(copying_.copy(ANN), FileCopy)
