"""marketdata.db follows the journal: each trade exactly once, whatever was interrupted, put back, damaged or done by two at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange
from credit_trading.errors import Busy, FileCorrupt, FileForeign, Unwritable
from credit_trading.journal.log import FILE_NAME
from credit_trading.journal.tail import Tail, tail_after
from credit_trading.marketdata import prints, trade_file, trade_history
from credit_trading.marketdata.market_data import MarketData
from credit_trading.store.locks import MARKET_DATA
from credit_trading.store.sqlite import Connection, TrackedConnection, connect
from reliability.disk import AVAILABLE, faulty_disk
from tests.floor import CASH, SYMBOL, Floor, copy_of, edit, opened, put, rows_of
from tests.forks import in_fork, succeeded
from tests.marketdata.floors import bust, deal, file_of, kept, market_data_of, trade, trade_at_once

Warnings = Callable[[], list[str]]


def ids(market_data: MarketData) -> list[int]:
    return [one.trade_id for one in market_data.get_trades(SYMBOL, limit=10_000).trades]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Warnings:
    """What was warned of since the last time, as far as it concerns marketdata.db."""

    def told() -> list[str]:
        found = [
            record.getMessage()
            for record in caplog.records
            if record.name.startswith("credit_trading.marketdata.trade_")
        ]
        caplog.clear()
        return found

    return told


def busy_market(floor: Floor) -> None:
    """Trades in one commit and in many, a deal, and busts of both."""
    trade_at_once(floor, times=20)
    deal(floor)
    trade(floor, times=3)
    bust(floor, 5)
    bust(floor, 21)
    bust(floor, 24)


BUSY_IDS = [24, 23, 22, *range(20, 0, -1)]


# Following


def test_it_makes_its_file_on_the_first_question_and_keeps_it_closed(floor: Floor, market_data: MarketData) -> None:
    """For its owner only, and with no handle open that a fork would pass on."""
    trade(floor)
    assert not file_of(floor).exists()
    assert ids(market_data) == [1]
    assert file_of(floor).stat().st_mode & 0o777 == 0o600
    links = [Path("/proc/self/fd") / descriptor for descriptor in os.listdir("/proc/self/fd")]
    assert not [link for link in links if link.is_symlink() and os.readlink(link).startswith(str(file_of(floor)))]


def test_made_anew_it_is_what_it_was(floor: Floor, market_data: MarketData, warnings: Warnings) -> None:
    """Followed step by step, with questions in between, or all at once."""
    trade(floor, times=2)
    assert ids(market_data) == [2, 1]
    bust(floor, 1)
    busy = [*range(23, 2, -1)]
    trade_at_once(floor, times=21)
    assert ids(market_data) == [*busy, 2, 1]
    deal(floor)
    bust(floor, 23)
    assert ids(market_data) == [*busy, 2, 1]
    before = kept(floor)
    file_of(floor).unlink()
    assert ids(market_data) == [*busy, 2, 1]
    assert kept(floor) == before
    assert warnings() == []


def test_it_is_brought_forward_in_bounded_transactions(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored before an interruption stays; the rest follows with the next question."""
    busy_market(floor)
    monkeypatch.setattr(trade_history, "ROWS_PER_TRANSACTION", 20)
    store, calls = prints.store, []

    def interrupted(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        store(*arguments)

    monkeypatch.setattr(prints, "store", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ids(market_data)
    assert rows_of(file_of(floor), "SELECT sequence FROM position") == [(40,)]
    assert market_data.check() == []
    assert ids(market_data) == BUSY_IDS
    assert market_data.check() == []


def test_killed_at_any_statement_it_holds_the_trades_up_to_its_position(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    """A child that catches up is killed before each of its statements on the file, the first, the second and so on."""
    monkeypatch.setattr(trade_history, "ROWS_PER_TRANSACTION", 4)

    def dies_before(statement: int) -> bool:
        class Killed(TrackedConnection):
            left = statement

            def execute(self, *arguments: Any) -> Any:
                Killed.left -= 1
                if not Killed.left:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().execute(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(trade_file, "connect", partial(connect, factory=Killed))
            return not succeeded(in_fork(lambda: ids(market_data)))

    killed = 0
    trade(floor)
    while dies_before(killed + 1):
        killed += 1
        assert market_data.check() == []
        trade(floor, times=2)
    assert killed > 20
    assert ids(market_data) == [*range(1 + 2 * killed, 0, -1)]
    assert market_data.check() == []
    assert warnings() == []


def test_processes_that_catch_up_at_once_store_each_trade_once(floor: Floor, home: Path, warnings: Warnings) -> None:
    """In small transactions, so that they often find that another one was faster."""
    trade_at_once(floor, times=400)
    children = [
        subprocess.Popen([sys.executable, "-c", _READER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    told = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    for child in children:
        out, _ = child.communicate(timeout=60)
        told.append(out.split())
    assert told == [[b"400", b"0"]] * 3
    assert ids(market_data_of(floor.exchange)) == [*range(400, 0, -1)]
    assert market_data_of(floor.exchange).check() == []
    assert warnings() == []


def test_where_another_process_was_faster_it_goes_on_from_there(
    floor: Floor,
    market_data: MarketData,
    reopen: Callable[..., Exchange],
    monkeypatch: pytest.MonkeyPatch,
    warnings: Warnings,
) -> None:
    """The other one stores the same rows after this one has read them from the journal, and before it stores them."""
    busy_market(floor)
    other = market_data_of(reopen())
    overtaken: list[list[int]] = []

    def read(*arguments: Any, **more: Any) -> Tail:
        tail = tail_after(*arguments, **more)
        if not overtaken:
            overtaken.append([])
            overtaken[0] = ids(other)
        return tail

    monkeypatch.setattr(trade_history, "tail_after", read)
    assert ids(market_data) == overtaken[0] == BUSY_IDS
    assert market_data.check() == []
    assert warnings() == []


def test_where_another_process_has_started_over_it_does_not_do_so_again(
    floor: Floor, market_data: MarketData, reopen: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find that the file is another exchange's; the other one is done with it first."""
    busy_market(floor)
    other = market_data_of(reopen())
    assert ids(other) == BUSY_IDS
    edit(file_of(floor), "UPDATE position SET exchange_id = 'another'")
    overtaken: list[list[int]] = []
    started: list[Connection] = []
    start_over = prints.start_over

    def read(*arguments: Any, **more: Any) -> Tail:
        try:
            return tail_after(*arguments, **more)
        except FileForeign:
            if not overtaken:
                overtaken.append([])
                overtaken[0] = ids(other)
            raise

    def counted(connection: Connection) -> None:
        started.append(connection)
        start_over(connection)

    monkeypatch.setattr(trade_history, "tail_after", read)
    monkeypatch.setattr(prints, "start_over", counted)
    assert ids(market_data) == overtaken[0] == BUSY_IDS
    assert len(started) == 1
    assert market_data.check() == []


_READER = """
import logging, sys
import credit_trading
from credit_trading.marketdata import trade_history
from credit_trading.marketdata.market_data import MarketData

warned = []
handler = logging.Handler()
handler.emit = warned.append
logging.getLogger("credit_trading.marketdata").addHandler(handler)
trade_history.ROWS_PER_TRANSACTION = 7
with credit_trading.open(sys.argv[1]) as exchange:
    market_data = MarketData(exchange._live, timeout_s=30)
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(market_data.get_trades("VCS-1340-2020/USD", limit=10_000).trades), len(warned), flush=True)
"""


# Beside others


def test_a_question_does_not_wait_for_those_who_write_or_read_elsewhere(floor: Floor, market_data: MarketData) -> None:
    """Somebody writes to exchange.db and is not done; somebody else reads marketdata.db for long."""
    trade(floor)
    assert ids(market_data) == [1]
    trade(floor)
    with (
        closing(connect(floor.exchange.home / FILE_NAME, mode="rw")) as writer,
        closing(connect(file_of(floor), mode="ro")) as reader,
    ):
        writer.execute("BEGIN IMMEDIATE")
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM trades").fetchone() == (1,)
        assert ids(market_data) == [2, 1]
        assert reader.execute("SELECT count(*) FROM trades").fetchone() == (1,)


def test_what_is_caught_up_can_be_read_while_somebody_writes_to_the_file(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not caught up yet waits for the writer, and not for ever."""
    monkeypatch.setattr(trade_file, "connect", partial(connect, busy_timeout_s=0.1))
    trade(floor)
    assert ids(market_data) == [1]
    with closing(connect(file_of(floor), mode="rw")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert ids(market_data) == [1]
        trade(floor)
        with pytest.raises(Busy, match=trade_file.FILE_NAME):
            ids(market_data)
        writer.execute("ROLLBACK")
        assert ids(market_data) == [2, 1]


def test_threads_ask_for_trades_at_once(floor: Floor, market_data: MarketData, warnings: Warnings) -> None:
    found: list[list[int]] = []

    def ask() -> None:
        for _ in range(10):
            found.append(ids(market_data))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    trade(floor, times=10)
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert all(one == [*range(len(one), 0, -1)] for one in found)
    assert ids(market_data) == [*range(10, 0, -1)]
    assert warnings() == []


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3, in a build that exports sqlite3_vfs_find")
def test_a_full_disk_is_an_error_and_no_reason_to_start_over(
    floor: Floor, market_data: MarketData, warnings: Warnings
) -> None:
    trade(floor)
    assert ids(market_data) == [1]
    trade(floor)
    with faulty_disk() as disk:
        disk.fail("write", suffix=f"{trade_file.FILE_NAME}-wal", times=None, error="full")
        with pytest.raises(Unwritable, match="disk is full"):
            ids(market_data)
    assert market_data.check() == []
    assert ids(market_data) == [2, 1]
    assert warnings() == []


def test_a_damaged_journal_is_no_reason_to_start_over(floor: Floor, warnings: Warnings) -> None:
    history = trade_history.TradeHistory(floor.exchange._live, timeout_s=5)
    trade(floor)
    assert len(history.latest(SYMBOL, limit=10, before=10)[1]) == 1
    trade(floor)
    edit(floor.exchange.home / FILE_NAME, "UPDATE journal SET payload = '{' WHERE kind = 'trade' AND sequence > 14")
    for _ in range(2):
        with pytest.raises(FileCorrupt, match="the payload does not fit its kind"):
            history.latest(SYMBOL, limit=10, before=10)
    assert [row[0] for row in kept(floor)[:-1]] == [1]
    assert warnings() == []


# Files that were put there


def test_an_old_copy_heals_itself(floor: Floor, market_data: MarketData, tmp_path: Path, warnings: Warnings) -> None:
    trade(floor, times=2)
    assert ids(market_data) == [2, 1]
    copy = copy_of(file_of(floor), tmp_path / "copy")
    trade(floor, times=2)
    bust(floor, 1)
    assert ids(market_data) == [4, 3, 2, 1]
    before = kept(floor)
    put(copy, file_of(floor))
    assert ids(market_data) == [4, 3, 2, 1]
    assert kept(floor) == before
    assert warnings() == []


def test_a_file_of_another_exchange_starts_over_in_place(
    floor: Floor, market_data: MarketData, tmp_path: Path, warnings: Warnings
) -> None:
    with opened(tmp_path / "other") as exchange:
        other = Floor(exchange).set_up("ann", "bob")
        trade(other, times=9)
        assert len(ids(market_data_of(exchange))) == 9
    trade(floor)
    put(tmp_path / "other" / trade_file.FILE_NAME, file_of(floor))
    with closing(connect(file_of(floor), mode="ro")) as reader:
        assert reader.execute("SELECT count(*) FROM trades").fetchone() == (9,)
        assert ids(market_data) == [1]
        assert reader.execute("SELECT count(*) FROM trades").fetchone() == (1,)
    assert warnings() == [f"{file_of(floor)} starts over: it belongs to another exchange"]
    assert (market_data.check(), warnings()) == ([], [])


@pytest.mark.parametrize("trades_since", [0, 1, 5])
def test_after_an_older_exchange_db_was_put_back_it_starts_over(
    floor: Floor, market_data: MarketData, tmp_path: Path, warnings: Warnings, trades_since: int
) -> None:
    """Whether the journal is shorter since, or has grown as long or longer in another way."""
    older = tmp_path / "older.db"
    with floor.exchange._live.history() as log, closing(connect(older, mode="rwc")) as target:
        log.connection.backup(target)
    trade(floor)
    assert ids(market_data) == [1]
    with closing(connect(older, mode="ro")) as source, closing(connect(log.path, mode="rw")) as target:
        source.backup(target)
    with pytest.raises(FileCorrupt, match="replaced by another or an older one"):
        floor.admin.accounts.deposit("ann", CASH, "1.00")
    trade(floor, times=trades_since, price="6.00")
    shown = market_data.get_trades(SYMBOL).trades
    assert [(one.trade_id, one.price) for one in shown] == [(number, "6.00") for number in range(trades_since, 0, -1)]
    (warning,) = warnings()
    assert "starts over" in warning
    assert market_data.check() == []


def _overwrite(path: Path, *, at: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * length)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "text instead of a database": lambda path: path.write_text("Nothing to see here.\n" * 300),
    "the beginning is gone": lambda path: _overwrite(path, at=0, length=100),
    "every page but the first is gone": lambda path: _overwrite(path, at=4096, length=path.stat().st_size - 4096),
    "the end is gone": lambda path: os.truncate(path, 4096),
    "a table is gone": lambda path: edit(path, "DROP TABLE trades"),
    "a column is gone": lambda path: edit(path, "ALTER TABLE trades DROP COLUMN busted"),
    "another column": lambda path: edit(path, "ALTER TABLE position RENAME COLUMN hash TO sum"),
    "it does not know its position": lambda path: edit(path, "DELETE FROM position"),
    "a trade beyond its position": lambda path: edit(
        path, "INSERT INTO trades VALUES (4, 1, 1, 'VCS-1340-2020/USD', 1, 1, 'buy', 0)"
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_anew(
    floor: Floor, market_data: MarketData, warnings: Warnings, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """All of it follows from the journal."""
    trade(floor, times=3)
    assert ids(market_data) == [3, 2, 1]
    before = kept(floor)
    if damage in ("a column is gone", "a table is gone"):
        edit(file_of(floor), "DROP INDEX trades_busted", "DROP INDEX trades_of_symbol")
    DAMAGES[damage](file_of(floor))
    trade(floor)
    assert ids(market_data) == [4, 3, 2, 1]
    (warning,) = warnings()
    assert "is made anew" in warning
    assert kept(floor)[:3] == before[:3]
    assert ids(market_data) == [4, 3, 2, 1]
    assert (market_data.check(), warnings()) == ([], [])


@pytest.mark.parametrize("unfinished", ["not a byte", "no table"])
def test_a_file_that_was_never_finished_is_completed(
    floor: Floor, market_data: MarketData, warnings: Warnings, unfinished: str
) -> None:
    """A crash came while it was made."""
    trade(floor)
    if unfinished == "no table":
        connect(file_of(floor), mode="rwc").close()
    else:
        file_of(floor).touch()
    assert ids(market_data) == [1]
    assert warnings() == []
    assert rows_of(file_of(floor), "PRAGMA journal_mode") == [("wal",)]


def test_a_wal_that_was_left_alone_is_not_taken_into_the_new_file(
    floor: Floor, market_data: MarketData, tmp_path: Path
) -> None:
    """Somebody deleted the database and forgot its -wal, which is whole and holds another page in every place."""
    wal = Path(f"{file_of(floor)}-wal")
    trade(floor)
    with closing(connect(tmp_path / "other.db", mode="rwc")) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
        wal.write_bytes(Path(f"{tmp_path / 'other.db'}-wal").read_bytes())
    assert wal.stat().st_size > 4096
    assert ids(market_data) == [1]
    assert market_data.check() == []


@pytest.mark.parametrize("version", [2, 99])
def test_a_file_of_another_version_starts_over_in_place(
    floor: Floor, market_data: MarketData, warnings: Warnings, version: int
) -> None:
    """Also one of a later version: whichever runs, it can make its own."""
    trade(floor)
    assert ids(market_data) == [1]
    before = kept(floor)
    edit(
        file_of(floor),
        f"PRAGMA user_version = {version}",
        "ALTER TABLE trades RENAME TO prints",
        "CREATE VIEW trades AS SELECT * FROM prints",
        'CREATE TABLE "a table of its own" (x)',
    )
    with closing(connect(file_of(floor), mode="ro")) as reader:
        assert reader.execute("PRAGMA user_version").fetchone() == (version,)
        assert ids(market_data) == [1]
        assert reader.execute("PRAGMA user_version").fetchone() == (1,)
    assert kept(floor) == before
    (warning,) = warnings()
    assert f"is of version {version}, not 1" in warning
    assert rows_of(file_of(floor), "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY 1") == [
        ("position",),
        ("trades",),
    ]


def test_another_programs_database_is_left_alone(floor: Floor, market_data: MarketData) -> None:
    """It does not follow from the journal, so it is not ours to delete."""
    with closing(connect(file_of(floor), mode="rwc")) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute("INSERT INTO recipes VALUES ('bread')")
    trade(floor)
    with pytest.raises(FileForeign, match="a database of another program"):
        ids(market_data)
    assert rows_of(file_of(floor), "SELECT name FROM recipes") == [("bread",)]


def test_a_damaged_file_is_not_deleted_while_somebody_has_it_open(
    floor: Floor, reopen: Callable[..., Exchange], warnings: Warnings
) -> None:
    """Whoever has it open holds its lock; a file that is replaced under an open handle would be damaged at once."""
    market_data = MarketData(floor.exchange._live, timeout_s=0.2)
    trade(floor)
    file_of(floor).write_text("Nothing to see here.")
    with reopen()._live.lock_file.hold(MARKET_DATA, shared=True, timeout_s=1, operation="test"):
        with pytest.raises(Busy):
            ids(market_data)
        assert file_of(floor).read_text() == "Nothing to see here."
    assert warnings() == []
    assert ids(market_data) == [1]
    assert len(warnings()) == 1


def test_a_file_that_stays_damaged_is_an_error(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made anew once for a question and not over and over."""
    trade(floor)
    monkeypatch.setattr(prints, "_INSERT", "INSERT INTO nowhere VALUES (?)")
    with pytest.raises(FileCorrupt, match=r"its tables are not as they should be.*Delete the file"):
        ids(market_data)
    monkeypatch.undo()
    assert ids(market_data) == [1]


def test_the_files_lock_is_held_while_it_is_open(floor: Floor, reopen: Callable[..., Exchange]) -> None:
    """Shared with others who have it open, and against whoever comes to delete it."""
    file = trade_file.TradeFile(floor.exchange._live, timeout_s=1)
    others = reopen()._live.lock_file
    with file.opened():
        assert not others.try_acquire(MARKET_DATA)
        with file.opened():
            pass
    assert others.try_acquire(MARKET_DATA)
    others.release(MARKET_DATA)


def test_what_another_process_has_made_anew_meanwhile_stays(
    floor: Floor, market_data: MarketData, warnings: Warnings
) -> None:
    """Two meet the same damage at once; the second one to come by must not delete what the first has made."""
    trade(floor)
    file_of(floor).write_text("Nothing to see here.")
    file = trade_file.TradeFile(floor.exchange._live, timeout_s=1)
    with pytest.raises(trade_file.Damaged) as met, file.opened():
        pass
    assert ids(market_data) == [1]
    before = kept(floor)
    file.delete(met.value)
    assert kept(floor) == before
    assert len(warnings()) == 1
