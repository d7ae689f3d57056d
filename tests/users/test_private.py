"""Private facts: on the disk when the transaction ends, carried over by every rebuild, never made anew as nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import FileCorrupt, FileQuarantined, NotFound, PrivateFactsMissing, StorageError
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.sqlite import connect
from credit_trading.users import private, scratch
from credit_trading.users.files import UserFiles
from credit_trading.users.private_writer import PrivateWriter
from reliability.disk import AVAILABLE, faulty_disk
from tests.floor import Floor, copy_of, edit, opened, put, rows_of, shared_content
from tests.users import harm
from tests.users.version_1 import make_version_1

Reopen = Callable[..., Exchange]

ANN, BOB = 1, 2

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS paper_positions (id INTEGER PRIMARY KEY AUTOINCREMENT, symbol TEXT NOT NULL, lots INTEGER,"
    " twice INTEGER AS (2 * lots) STORED, raw BLOB) STRICT",
    "CREATE INDEX IF NOT EXISTS paper_by_symbol ON paper_positions (symbol)",
    'CREATE TABLE IF NOT EXISTS "odd ""name" ("a column" TEXT PRIMARY KEY, value) WITHOUT ROWID',
    "CREATE TABLE IF NOT EXISTS paper_log (text TEXT)",
    "CREATE VIEW IF NOT EXISTS paper_long AS SELECT * FROM paper_positions WHERE lots > 0",
    "CREATE TRIGGER IF NOT EXISTS paper_told AFTER INSERT ON paper_positions BEGIN INSERT INTO paper_log VALUES ('added'); END",
)
TABLES = ['odd "name', "paper_log", "paper_positions"]


def _write(exchange: Exchange, number: int = ANN, *, lots: int = 5) -> None:
    writer = PrivateWriter(exchange._files, exchange._projector)
    with writer.writing(number) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO paper_positions (symbol, lots, raw) VALUES ('X', ?, x'00ff')", (lots,))
        connection.execute("INSERT INTO paper_positions (symbol, lots) VALUES ('gone', 1)")
        connection.execute("DELETE FROM paper_positions WHERE symbol = 'gone'")
        connection.execute('INSERT OR REPLACE INTO "odd ""name" VALUES (\'k\', 1.5)')


def _private(path: Path) -> list[Any]:
    """All of it: rows, counters, and how it is spelled."""
    return [
        rows_of(path, "SELECT * FROM paper_positions ORDER BY id"),
        rows_of(path, 'SELECT * FROM "odd ""name" ORDER BY 1'),
        rows_of(path, "SELECT * FROM paper_log"),
        rows_of(path, "SELECT name, seq FROM sqlite_sequence"),
        rows_of(path, "SELECT name, sql FROM sqlite_schema WHERE name LIKE 'paper%' OR name LIKE 'odd%' ORDER BY 1"),
    ]


def _marked(home: Path) -> list[tuple[Any, ...]]:
    return rows_of(home / FILE_NAME, "SELECT number FROM private_facts ORDER BY 1")


@pytest.fixture
def told(floor: Floor) -> Floor:
    """ann has an order, and private facts."""
    floor.place("ann", "sell", 10, "5.00")
    _write(floor.exchange)
    return floor


# Writing


def test_a_user_is_marked_before_the_first_fact_is_written(floor: Floor) -> None:
    """In another commit, on exchange.db; once. What is not committed leaves a mark at most."""
    writer = PrivateWriter(floor.exchange._files, floor.exchange._projector)
    with suppress(ZeroDivisionError), writer.writing(ANN) as connection:
        assert _marked(floor.exchange.home) == [(ANN,)]
        connection.execute("CREATE TABLE paper (a)")
        raise ZeroDivisionError
    assert rows_of(floor.path("ann"), "SELECT name FROM sqlite_schema WHERE name = 'paper'") == []
    _write(floor.exchange)
    _write(floor.exchange, BOB)
    assert _marked(floor.exchange.home) == [(ANN,), (BOB,)]
    assert floor.findings() == []


def test_each_write_is_marked_with_the_generation_that_is_then(floor: Floor) -> None:
    """A backup that begins a generation copies whoever is marked with the last one's number or a later one. One commit for each at most."""
    journal = floor.exchange.home / FILE_NAME
    begun = []
    for turn in (1, 2):
        _write(floor.exchange, lots=turn)
        floor.exchange._files.note("x", "", lambda connection: begun.append(private.begin_generation(connection)))
        assert rows_of(journal, "SELECT number, generation FROM private_facts") == [(ANN, turn)]
    assert begun == [2, 3]
    _write(floor.exchange, BOB)
    assert rows_of(journal, "SELECT number, generation FROM private_facts ORDER BY 1") == [(ANN, 2), (BOB, 3)]
    since = rows_of(journal, "SELECT since FROM private_facts")
    with edited_seldom(floor.exchange) as commits:
        _write(floor.exchange)
        _write(floor.exchange)
    assert len(commits) == 1
    assert rows_of(journal, "SELECT number, generation FROM private_facts ORDER BY 1") == [(ANN, 3), (BOB, 3)]
    assert rows_of(journal, "SELECT since FROM private_facts") == since


@contextmanager
def edited_seldom(exchange: Exchange) -> Iterator[list[object]]:
    """Notes of the block's commits on exchange.db."""
    commit, commits = exchange._live.commit, list[object]()

    def noted(*given: Any) -> None:
        commits.append(given)
        commit(*given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exchange._live, "commit", noted)
        yield commits


def test_nothing_private_is_written_for_a_user_who_is_being_deleted(told: Floor, reopen: Reopen) -> None:
    """It would be gone with the file, though it was said to be on the disk. Another process that waits for the deletion is refused."""
    databases, elsewhere = told.admin.databases, reopen()
    told_of = list[str]()
    submit, threads = databases._submit, list[threading.Thread]()

    def write() -> None:
        try:
            _write(elsewhere, lots=99)
            told_of.append("written")
        except NotFound as error:
            told_of.append(error.problem)

    def submit_late(*given: Any) -> None:
        threads.append(threading.Thread(target=write))
        threads[0].start()
        time.sleep(0.3)
        submit(*given)

    with elsewhere._files.checkout(ANN):
        pass  # it knows the file, and has it open
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(databases, "_submit", submit_late)
        kept = databases.delete_trading_database("ann", sweep_to="bob")
    threads[0].join()
    assert told_of == ["the user is deleted"]
    assert kept is not None
    assert rows_of(kept, "SELECT lots FROM paper_positions") == [(5,)]


def test_the_transaction_is_synced_and_the_next_projection_is_not(home: Path, clock: ManualClock) -> None:
    """synchronous=FULL for the private transaction alone, on the pooled handle."""
    if not AVAILABLE:
        pytest.skip("needs pysqlite3 with sqlite3_vfs_find")
    with faulty_disk() as disk, opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        _write(exchange)
        before = disk.count("sync", "ann_example.com.db-wal")
        _write(exchange)
        assert disk.count("sync", "ann_example.com.db-wal") > before
        before = disk.count("sync", "ann_example.com.db-wal")
        floor.place("ann", "sell", 10, "5.00")
        assert disk.count("sync", "ann_example.com.db-wal") == before
        (wanted,) = rows_of(floor.path("ann"), "SELECT count(*) FROM active_orders")
        assert wanted == (1,)


def test_a_file_that_is_not_there_yet_is_made_first(floor: Floor) -> None:
    """A user who has no facts yet has nothing to lose."""
    path = floor.path("ann")
    floor.exchange._files.pool.close_idle()
    path.unlink()
    _write(floor.exchange)
    assert len(_private(path)[0]) == 1


def test_nothing_is_written_without_the_mark(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk refuses it: so does the writer."""

    def fails(*_: object, **__: object) -> None:
        raise StorageError("users.file", "ann", "the disk failed")

    with monkeypatch.context() as patched:
        patched.setattr(UserFiles, "note", fails)
        with pytest.raises(StorageError, match="the disk failed"):
            _write(floor.exchange)
    assert rows_of(floor.path("ann"), "SELECT name FROM sqlite_schema WHERE name LIKE 'paper%'") == []
    assert _marked(floor.exchange.home) == []


def test_a_file_in_quarantine_takes_no_facts(told: Floor) -> None:
    edit(told.path("ann"), "UPDATE metadata SET applied_hash = zeroblob(32)")
    for error in (StorageError, FileQuarantined):
        with pytest.raises(error):
            _write(told.exchange)
    assert len(_private(told.path("ann"))[0]) == 1


# Missing


def test_a_missing_file_that_held_private_facts_is_an_error_not_a_new_file(told: Floor, tmp_path: Path) -> None:
    """Whoever looks is told what to do; orders go on. Restored, it catches up and all is there."""
    path = told.path("ann")
    told.exchange._files.pool.close_idle()
    backup = copy_of(path, tmp_path / "backup")
    facts = _private(path)
    path.unlink()
    assert told.place("bob", "buy", 4, "5.00").order_status == "filled"
    for _ in range(2):
        with pytest.raises(PrivateFactsMissing, match=r"the file is gone.*--accept-loss") as missing:
            told.user("ann").orders.get_active_orders()
        assert missing.value.subject == str(path)
    with pytest.raises(PrivateFactsMissing):
        told.admin.databases.rebuild("ann")
    assert [user for user, _ in told.admin.databases.rebuild_all().refused] == ["ann"]
    assert not path.exists()
    put(backup, path)
    assert told.user("ann").orders.get_active_orders()[0].filled_quantity == "4"
    assert _private(path) == facts
    assert told.findings() == []


def test_their_loss_can_be_accepted(told: Floor) -> None:
    """In words; then the user is marked no more, and a file that is missing again is made anew."""
    path = told.path("ann")
    told.exchange._files.pool.close_idle()
    path.unlink()
    rebuilt = told.admin.databases.rebuild("ann", accept_loss=True)
    assert (rebuilt.kept, list(rebuilt.carried_over)) == (None, [])
    assert _marked(told.exchange.home) == []
    assert len(told.user("ann").orders.get_active_orders()) == 1
    told.exchange._files.pool.close_idle()
    path.unlink()
    assert len(told.user("ann").orders.get_orders(state="active")) == 1
    assert told.findings() == []


def test_deleting_a_user_ends_the_matter(told: Floor) -> None:
    path = told.path("ann")
    told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    assert not path.exists()
    assert _marked(told.exchange.home) == []
    with pytest.raises(NotFound):
        _write(told.exchange)


# Carried over


@pytest.mark.parametrize(
    "damage",
    [harm.table_dropped, harm.view_dropped, harm.balance_changed, harm.other_history, harm.gap, harm.other_program],
)
def test_a_rebuild_carries_private_tables_over(told: Floor, clock: ManualClock, damage: harm.Harm) -> None:
    """Rows, generated columns, counters, indices, views and triggers; the shared tables are the journal's."""
    path = told.path("ann")
    told.exchange.close()
    live, facts = shared_content(path), _private(path)
    damage(path)
    with opened(told.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        rebuilt = again.admin.databases.rebuild("ann", accept_loss=damage is harm.other_history)
        assert rebuilt.changed
        assert (list(rebuilt.carried_over), list(rebuilt.left_behind)) == (TABLES, [])
        assert again.findings() == []
        assert _marked(exchange.home) == [(ANN,)]
        assert (shared_content(path), _private(path)) == (live, facts)
        _write(exchange)
    assert [row[0] for row in _private(path)[0]] == [1, 3]  # 2 was given out and deleted: it is not given out again


def test_a_new_projection_version_carries_them_over(told: Floor, clock: ManualClock) -> None:
    path = told.path("ann")
    told.exchange.close()
    facts, today = _private(path), shared_content(path)
    make_version_1(path)
    connection = connect(path, mode="rw")
    for statement in SCHEMA[:4]:
        connection.execute(statement)
    connection.execute("INSERT INTO paper_positions (symbol, lots, raw) VALUES ('X', 5, x'00ff')")
    connection.execute("UPDATE sqlite_sequence SET seq = 2")
    connection.execute('INSERT INTO "odd ""name" VALUES (\'k\', 1.5)')
    connection.execute("INSERT INTO paper_log VALUES ('added'), ('added')")
    for statement in SCHEMA[4:]:
        connection.execute(statement)
    connection.close()
    with opened(told.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert again.user("ann").orders.get_active_orders()
        assert again.findings() == []
    assert (_private(path), shared_content(path)) == (facts, today)


def _damage_page_of(path: Path, table: str) -> None:
    ((page,),) = rows_of(path, "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("table", ["paper_positions", "paper_by_symbol", 'odd "name'])
def test_private_tables_that_are_damaged_are_not_left_behind_unasked(
    told: Floor, clock: ManualClock, table: str
) -> None:
    """The file stays as it is; with their loss accepted, they are in the kept one only, and named."""
    path = told.path("ann")
    told.exchange.close()
    _damage_page_of(path, table)
    before = path.read_bytes()
    with opened(told.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(PrivateFactsMissing, match="its private tables cannot be read"):
            again.admin.databases.rebuild("ann")
        exchange._files.pool.close_idle()
        assert path.read_bytes() == before
        rebuilt = again.admin.databases.rebuild("ann", accept_loss=True)
        assert (list(rebuilt.carried_over), list(rebuilt.left_behind)) == ([], TABLES)
        assert rebuilt.kept is not None
        assert _marked(exchange.home) == []
        assert again.findings() == []


@pytest.mark.parametrize("damage", [harm.header, harm.emptied, harm.other_users, harm.truncated])
def test_a_file_whose_private_facts_cannot_be_seen_is_not_rebuilt_unasked(
    told: Floor, clock: ManualClock, damage: harm.Harm
) -> None:
    """Also where it is another file altogether: this user's are not in it, and that one's are nobody's business here."""
    path = told.path("ann")
    _write(told.exchange, 3)
    told.exchange.close()
    live = shared_content(path)
    damage(path)
    with opened(told.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(PrivateFactsMissing):
            again.admin.databases.rebuild("ann")
        rebuilt = again.admin.databases.rebuild("ann", accept_loss=True)
        assert rebuilt.kept is not None
        assert list(rebuilt.carried_over) == []
        assert rows_of(path, "SELECT name FROM sqlite_schema WHERE name LIKE 'paper%'") == []
        assert _marked(exchange.home) == [(3,)]
        assert again.findings() == []
    assert shared_content(path) == live


def test_a_damaged_shared_table_does_not_cost_the_private_ones(told: Floor, clock: ManualClock) -> None:
    path = told.path("ann")
    told.exchange.close()
    live, facts = shared_content(path), _private(path)
    harm.page_of_rows(path)
    with opened(told.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        with pytest.raises(FileCorrupt):
            again.user("ann").audit.list_events(limit=1_000)
        assert list(again.admin.databases.rebuild("ann").carried_over) == TABLES
        assert again.findings() == []
    assert (shared_content(path), _private(path)) == (live, facts)


def test_no_fact_is_written_between_its_table_being_read_and_replaced(
    told: Floor, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer in another process waits for the rebuild, and its fact is there afterwards."""
    edit(told.path("ann"), "DROP VIEW balances_readable")
    told.exchange._files.pool.close_idle()
    other = reopen()
    writer = threading.Thread(target=_write, args=[other], kwargs={"lots": 77})
    carry_over = private.carry_over

    def slowly(old: Any, new: Any) -> list[str]:
        carried = carry_over(old, new)
        writer.start()
        writer.join(timeout=0.5)
        assert writer.is_alive()
        return carried

    monkeypatch.setattr(private, "carry_over", slowly)
    assert told.admin.databases.rebuild("ann").changed
    writer.join()
    assert [row[2] for row in _private(told.path("ann"))[0]] == [5, 77]
    assert told.findings() == []


_WRITES = """
import sys, credit_trading
from credit_trading.users.private_writer import PrivateWriter
with credit_trading.open(sys.argv[1]) as exchange:
    writer = PrivateWriter(exchange._files, exchange._projector)
    for number in range(1, 10**9):
        with writer.writing(1) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS paper (number INTEGER PRIMARY KEY)")
            connection.execute("INSERT INTO paper VALUES (?)", (number,))
        print(number, flush=True)
"""


def test_what_was_written_is_there_after_a_kill_and_rebuilds(floor: Floor, is_long: bool) -> None:
    """Another process writes without a break while this one rebuilds the file; then it is killed. Every number it told is there."""
    path = floor.path("ann")
    command = [sys.executable, "-c", _WRITES, str(floor.exchange.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline())]
        for _ in range(30 if is_long else 5):
            edit(path, "UPDATE balances SET posted = posted + 1")
            assert list(floor.admin.databases.rebuild("ann").carried_over) == ["paper"]
            told.append(int(process.stdout.readline()))
        process.kill()
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    numbers = [row[0] for row in rows_of(path, "SELECT number FROM paper ORDER BY 1")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert told[-1] <= len(numbers) <= told[-1] + 1
    assert floor.findings() == []


def test_a_rebuild_that_fails_halfway_keeps_them(told: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the live file is touched before all of the new one is there."""
    path = told.path("ann")
    facts = _private(path)
    edit(path, "DROP VIEW balances_readable")

    def fails(*_: object) -> None:
        raise StorageError("users.file", path, "the disk failed")

    with monkeypatch.context() as patched:
        patched.setattr(scratch, "write_into", fails)
        patched.setattr("credit_trading.users.replacing.write_into", fails)
        with pytest.raises(StorageError, match="the disk failed"):
            told.admin.databases.rebuild("ann")
    assert _private(path) == facts
    assert told.admin.databases.rebuild("ann").changed
    assert _private(path) == facts
