"""Files of an older projection version: rebuilt from the journal by whoever opens them next, whole or not at all, and by one alone."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import Busy, FileForeign, StorageError, VersionUnsupported
from credit_trading.store.sqlite import connect
from credit_trading.users import projector as projector_module
from credit_trading.users.files import UserFiles
from credit_trading.users.tables.projection import Projection
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION, template
from reliability.disk import AVAILABLE, faulty_disk
from tests.floor import Floor, edit, opened, put, rows_of, shared_content
from tests.forks import run_forked
from tests.users.version_1 import make_version_1

Reopen = Callable[..., Exchange]

USERS = ("ann", "bob", "cat")
TODAY = (SCHEMA_VERSION, PROJECTION_VERSION)


@attrs.frozen
class Folder:
    """A closed exchange whose users' files are of version 1, and what was in them before."""

    home: Path
    paths: dict[str, Path]
    today: dict[str, dict[str, list[tuple[Any, ...]]]]


@pytest.fixture(scope="module")
def _first_old(_founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Only to be copied."""
    home = Path(shutil.copytree(_founded, tmp_path_factory.mktemp("old") / "trading"))
    with opened(home) as exchange:
        floor = Floor(exchange)
        for _ in range(3):
            floor.place("ann", "sell", 10, "5.00")
            floor.place("bob", "buy", 4, "5.00")
        floor.place("cat", "sell", 1, "6.00")
        paths = {user: floor.path(user) for user in USERS}
        today = {user: shared_content(path) for user, path in paths.items()}
    for path in paths.values():
        make_version_1(path)
    return Folder(home, paths, today)


@pytest.fixture
def old(_first_old: Folder, home: Path) -> Folder:
    """ann, bob and cat have traded; ann has an order that is filled in part, and one that is untouched."""
    shutil.copytree(_first_old.home, home)
    return Folder(home, {user: home / path.name for user, path in _first_old.paths.items()}, _first_old.today)


def _version(path: Path) -> tuple[int, int]:
    """Of the schema and of the projection."""
    (projection,) = rows_of(path, "SELECT projection_version FROM metadata")[0]
    return rows_of(path, "PRAGMA user_version")[0][0], projection


def _is_version_1(path: Path) -> bool:
    """Untouched: its number, its columns and its rows."""
    columns = [row[1] for row in rows_of(path, "PRAGMA table_info(active_orders)")]
    notes = {row[0] for row in rows_of(path, "SELECT note FROM trading_transactions")}
    return _version(path) == (1, 1) and "version" not in columns and notes == {"of version 1"}


@pytest.fixture(autouse=True)
def _all_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """That a file of an older version is rebuilt is no reason for a warning."""
    caplog.set_level(logging.INFO, "credit_trading")


def _rebuilt(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "rebuilt" in record.message]


def _schema(path: Path) -> list[tuple[Any, ...]]:
    return rows_of(path, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2")


# By whom


def test_reading_rebuilds_an_older_file(
    old: Folder, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """To the last row, table, view and description; a warning names the user's number; the second reading finds nothing to do."""
    assert all(_is_version_1(path) for path in old.paths.values())
    with opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        (first, *_) = again.user("ann").orders.get_active_orders()
        assert (first.filled_quantity, first.version) == ("2", 2)
        assert _rebuilt(caplog) == [
            f"the file of user #1 is of version 1; it is rebuilt as version {PROJECTION_VERSION}"
        ]
        assert _is_version_1(old.paths["bob"])
        again.user("ann").orders.get_active_orders()
        assert again.findings() == []
        assert len(_rebuilt(caplog)) == 3
        assert exchange._projector.faults == {}
    fresh = tmp_path / "fresh.db"
    fresh.write_bytes(template())
    for user, path in old.paths.items():
        assert shared_content(path) == old.today[user]
        assert _version(path) == TODAY
        assert _schema(path) == _schema(fresh)
        described = "SELECT * FROM column_descriptions ORDER BY 1, 2"
        assert rows_of(path, described) == rows_of(fresh, described)


def test_a_commit_rebuilds_the_files_of_those_it_concerns(old: Folder, clock: ManualClock) -> None:
    """Before it brings them forward; the other files wait."""
    with opened(old.home, clock=clock) as exchange:
        Floor(exchange).place("bob", "buy", 1, "5.00")
        assert [_version(old.paths[user]) for user in USERS] == [TODAY, TODAY, (1, 1)]
        for user in ("ann", "bob"):
            assert rows_of(old.paths[user], "SELECT applied_sequence FROM metadata") == [(exchange.sequence,)]


def test_verifying_rebuilds_every_older_file(old: Folder, clock: ManualClock) -> None:
    """It is no finding: the journal gives what they lack."""
    with opened(old.home, clock=clock) as exchange:
        assert Floor(exchange).findings() == []
    assert [_version(path) for path in old.paths.values()] == [TODAY] * 3


def test_catching_up_rebuilds_every_older_file(old: Folder, clock: ManualClock) -> None:
    with opened(old.home, clock=clock) as exchange:
        exchange.as_admin("night").databases.catch_up()
        assert [_version(path) for path in old.paths.values()] == [TODAY] * 3


def test_an_old_backup_of_an_older_version_heals_while_the_exchange_stays_open(old: Folder, clock: ManualClock) -> None:
    """Put back months later, beside a file that is open: it is rebuilt up to now, not up to where it stood."""
    copy = old.home.parent / "backup.db"
    copy.write_bytes(old.paths["ann"].read_bytes())
    with opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        again.place("bob", "buy", 2, "5.00")
        now = shared_content(old.paths["ann"])
        exchange._files.pool.close_idle()
        put(copy, old.paths["ann"])
        assert len(again.user("ann").orders.get_active_orders()) == 2
        assert shared_content(old.paths["ann"]) == now


# By whom not


def test_an_older_file_of_somebody_else_is_refused_and_left_as_it_is(old: Folder, clock: ManualClock) -> None:
    """Rebuilding is for the user's own file; what is foreign stays foreign, whatever its version."""
    before = old.paths["cat"].read_bytes()
    old.paths["ann"].write_bytes(before)
    with opened(old.home, clock=clock) as exchange, pytest.raises(FileForeign, match="belongs to user #3"):
        Floor(exchange).user("ann").orders.get_active_orders()
    assert old.paths["ann"].read_bytes() == before


def test_an_older_file_that_is_ahead_of_the_journal_is_refused(old: Folder, clock: ManualClock) -> None:
    """The journal was put back from a backup: the file may be all that is left of what happened since."""
    edit(old.paths["ann"], "UPDATE metadata SET applied_sequence = 1000")
    with opened(old.home, clock=clock) as exchange, pytest.raises(FileForeign, match="ahead of the journal"):
        Floor(exchange).user("ann").orders.get_active_orders()
    assert _is_version_1(old.paths["ann"])


# Beside others


def test_readers_keep_what_they_have_begun_to_read(old: Folder, clock: ManualClock) -> None:
    """Any program's open handle goes on: the moment it was reading stays whole, and the next look shows the rebuilt file."""
    reader = connect(old.paths["ann"], mode="ro")
    try:
        reader.execute("BEGIN")
        rows = reader.execute("SELECT * FROM trading_transactions ORDER BY 1")
        first = rows.fetchone()
        with opened(old.home, clock=clock) as exchange:
            Floor(exchange).user("ann").orders.get_active_orders()
            assert {row[-1] for row in [first, *rows]} == {"of version 1"}
            assert reader.execute("SELECT projection_version FROM metadata").fetchone() == (1,)
            reader.execute("COMMIT")
            assert reader.execute("SELECT projection_version FROM metadata").fetchone() == (PROJECTION_VERSION,)
            assert reader.execute("SELECT max(version) FROM active_orders").fetchone() == (2,)
    finally:
        reader.close()


def test_a_database_given_out_before_goes_on_after(old: Folder, clock: ManualClock) -> None:
    """An older file is written into, not replaced: the handle that somebody keeps shows it rebuilt, and then each event."""
    with opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        database = again.user("ann").get_trading_database()
        try:
            assert database["active_orders"].count == 2
            exchange._files.pool.close_idle()
            edit(old.paths["ann"], "UPDATE metadata SET projection_version = 1", "DELETE FROM active_orders")
            assert database["active_orders"].count == 0
            again.user("ann").orders.get_active_orders()
            assert database["active_orders"].count == 2
            again.place("ann", "sell", 1, "7.00")
            assert database["active_orders"].count == 3
        finally:
            database.close()


def test_one_who_comes_late_does_not_put_an_older_state_back(
    old: Folder, reopen: Reopen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It saw the older version, but before it has the lock another has rebuilt the file and carried later events into it."""
    late, other = Floor(reopen()), Floor(reopen())
    rebuilding = UserFiles.rebuilding

    @contextmanager
    def after_the_other(files: UserFiles, number: int, **how: Any) -> Iterator[None]:
        if files is late.exchange._files:
            other.user("ann").orders.get_active_orders()
            other.place("bob", "buy", 3, "5.00")
        with rebuilding(files, number, **how):
            yield

    monkeypatch.setattr(UserFiles, "rebuilding", after_the_other)
    sequence = other.exchange.sequence
    late.user("ann").orders.get_active_orders()
    assert other.exchange.sequence > sequence
    assert rows_of(old.paths["ann"], "SELECT applied_sequence FROM metadata") == [(other.exchange.sequence,)]
    assert [line for line in _rebuilt(caplog) if "#1 " in line] == [
        f"the file of user #1 is of version 1; it is rebuilt as version {PROJECTION_VERSION}"
    ]
    assert late.findings() == []


def test_one_who_comes_late_leaves_a_file_that_a_newer_version_has_rebuilt(
    old: Folder, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer program was faster: its file is refused as any newer one, and stays as it is."""
    late = Floor(reopen())
    rebuilding = UserFiles.rebuilding

    @contextmanager
    def after_the_newer(files: UserFiles, number: int, **how: Any) -> Iterator[None]:
        edit(old.paths["ann"], "UPDATE metadata SET projection_version = 99")
        with rebuilding(files, number, **how):
            yield

    monkeypatch.setattr(UserFiles, "rebuilding", after_the_newer)
    with pytest.raises(VersionUnsupported, match="version 99, which is newer"):
        late.user("ann").orders.get_active_orders()
    assert _version(old.paths["ann"]) == (1, 99)


_REBUILDS_ALL = """
import logging, sys
import credit_trading
home, users = sys.argv[1], sys.argv[2].split(",")
told = []
handler = logging.Handler()
handler.emit = lambda record: told.append(record)
logging.getLogger("credit_trading").addHandler(handler)
logging.getLogger("credit_trading").setLevel("INFO")
with credit_trading.open(home) as exchange:
    print("ready", flush=True)
    sys.stdin.readline()
    for user in users:
        trades = exchange.as_user(user).transactions.get_transaction_history()
        assert trades[-1].note is None, user
        assert len([one for one in trades if one.trade_id]) >= 1, user
warnings = [record for record in told if record.levelname == "WARNING"]
print(sum("rebuilt" in record.getMessage() for record in told), len(warnings), flush=True)
"""


def test_processes_that_meet_the_same_files_rebuild_each_once(home: Path, clock: ManualClock) -> None:
    """Three at the same moment over the same ten files, while this one trades on: none fails, no file is rebuilt twice."""
    users = [f"u{number}" for number in range(10)]
    with opened(home) as exchange:
        floor = Floor(exchange).set_up(*users)
        for user, other in zip(users, [*users[1:], users[0]], strict=True):
            floor.place(user, "sell", 5, "5.00")
            floor.place(other, "buy", 5, "5.00")
        paths = [floor.path(user) for user in users]
    for path in paths:
        make_version_1(path)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _REBUILDS_ALL, str(home), ",".join(users)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    with opened(home) as exchange:
        floor = Floor(exchange)
        exchange._sequencer._project_on_commit = False  # the workers do it
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        while any(worker.poll() is None for worker in workers):
            floor.place("u0", "sell", 1, "5.00")
            floor.place("u1", "buy", 1, "5.00")
        told = [worker.communicate() for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0, 0], told
        counts = [tuple(map(int, out.split())) for out, _ in told]
        assert sum(rebuilt for rebuilt, _ in counts) == len(users), told
        assert all(warnings == 0 for _, warnings in counts), told
        assert floor.findings() == []


def test_a_file_that_another_program_has_locked_is_rebuilt_later(
    old: Folder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order does not wait for it; reading waits its time, says so, and works once the file is free."""
    monkeypatch.setattr(projector_module, "LOCK_WAIT_MS", 100)
    blocker = connect(old.paths["ann"], mode="rw")
    blocker.execute("BEGIN IMMEDIATE")
    failures: list[StorageError] = []

    def use(again: Floor) -> None:
        again.place("ann", "sell", 1, "5.00")
        try:
            again.user("ann").orders.get_active_orders()
        except StorageError as error:
            failures.append(error)

    with opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        user = threading.Thread(target=use, args=[again], daemon=True)  # left to itself, SQLite's backup waits for ever
        user.start()
        user.join(timeout=5)
        blocked = user.is_alive()
        blocker.execute("ROLLBACK")
        blocker.close()
        user.join()
        assert not blocked
        assert [type(failure) for failure in failures] == [Busy]
        assert "kept the file locked" in str(failures[0])
        assert len(again.user("ann").orders.get_active_orders()) == 3
        assert again.findings() == []


def test_whoever_waits_too_long_for_another_to_rebuild_is_told_so(
    old: Folder, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order does not wait for that at all."""
    again, other = Floor(reopen(lock_timeout_s=1)), Floor(reopen())
    with other.exchange._files.rebuilding(1):
        began = time.monotonic()
        again.place("ann", "sell", 1, "5.00")
        assert time.monotonic() - began < 0.8
        with pytest.raises(Busy, match=r"user #1.*another process has been rebuilding the file for 1 s"):
            again.user("ann").orders.get_active_orders()
        assert list(again.exchange._projector.faults) == [1]
        assert again.user("bob").orders.get_active_orders() == []
    assert len(again.user("ann").orders.get_active_orders()) == 3


# Cut short


class Crash(Exception):
    pass


def test_a_rebuilding_that_fails_leaves_the_older_file(
    old: Folder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the user's history; the next one to open it begins anew."""
    apply, done = Projection.apply, 0

    def failing(self: Projection, entry: Any) -> None:
        nonlocal done
        done += 1
        if done == 5:
            raise Crash
        apply(self, entry)

    with opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        with monkeypatch.context() as patched:
            patched.setattr(Projection, "apply", failing)
            with pytest.raises(Crash):
                again.user("ann").orders.get_active_orders()
        assert _is_version_1(old.paths["ann"])
        assert len(again.user("ann").orders.get_active_orders()) == 2
        assert again.findings() == []


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
@pytest.mark.parametrize("error", ["io", "full"])
def test_at_whichever_write_the_disk_fails_the_older_file_is_whole(old: Folder, clock: ManualClock, error: Any) -> None:
    """At the first write to the file, the fifth, and so on, until there is none left to fail; then it is rebuilt."""
    with faulty_disk() as disk, opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        failed = 0
        for after in range(0, 500, 4):
            disk.fail("write", suffix=f"{old.paths['ann'].name}-wal", times=None, error=error, after=after)
            try:
                again.user("ann").orders.get_active_orders()
            except StorageError:
                failed += 1
                disk.heal()
                assert _is_version_1(old.paths["ann"])
            else:
                break
            finally:
                disk.heal()
        assert failed > 10
        assert again.findings() == []
    assert shared_content(old.paths["ann"]) == old.today["ann"]


_KILLED_WHILE_REBUILDING = """
import os, sys
from reliability.disk import faulty_disk
import credit_trading
home, suffix, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
with faulty_disk() as disk:
    call, done = disk._call, 0

    def killed(what, real, file, *rest):
        global done
        if what == "write" and disk._paths[file].endswith(suffix):
            done += 1
            if done == at:
                os.kill(os.getpid(), 9)
        return call(what, real, file, *rest)

    disk._call = killed
    credit_trading.open(home).as_user("ann").orders.get_active_orders()
"""


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
@pytest.mark.parametrize("at", [1, 2, 30, 60])
def test_a_process_killed_while_rebuilding_leaves_the_older_file(old: Folder, clock: ManualClock, at: int) -> None:
    """SIGKILL at a write to the file's WAL; whoever opens it next waits for no lock and rebuilds it."""
    name = old.paths["ann"].name
    killed = run_forked(_KILLED_WHILE_REBUILDING, old.home, f"{name}-wal", at)
    assert killed.returncode == -9, killed.stderr
    assert _is_version_1(old.paths["ann"])
    with opened(old.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert len(again.user("ann").orders.get_active_orders()) == 2
        assert again.findings() == []
    assert shared_content(old.paths["ann"]) == old.today["ann"]


def test_a_rebuilt_file_needs_no_second_warning(
    old: Folder, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed and opened again, it is a file like any other."""
    for _ in range(2):
        with opened(old.home, clock=clock) as exchange, caplog.at_level(logging.INFO):
            assert Floor(exchange).findings() == []
    assert len(_rebuilt(caplog)) == 3
