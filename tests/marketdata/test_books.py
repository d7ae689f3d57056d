"""The books in memory follow the journal: with little reading, beside writers, threads and forks, and on the right history only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from credit_trading import Exchange
from credit_trading.errors import FileCorrupt
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import FILE_NAME
from credit_trading.marketdata import books
from credit_trading.marketdata.depths import Depths
from credit_trading.marketdata.market_data import MarketData
from credit_trading.store.sqlite import connect
from tests.floor import CASH, SYMBOL, Floor
from tests.forks import in_fork, succeeded
from tests.marketdata.floors import market_data_of, trade


def asks(market_data: MarketData) -> list[tuple[str, str]]:
    return [(level.price, level.quantity) for level in market_data.get_book(SYMBOL).asks]


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sequences at which somebody has looked into the replica."""
    looked: list[int] = []
    reading = LiveReplica.reading

    @contextmanager
    def counted(self: LiveReplica) -> Iterator[Replica]:
        with reading(self) as replica:
            looked.append(replica.sequence)
            yield replica

    monkeypatch.setattr(LiveReplica, "reading", counted)
    return looked


def overwrite(path: Path, copy: Path) -> None:
    """Puts back a copy the way SQLite's own tools do: into the file, in one transaction."""
    with closing(connect(copy, mode="ro")) as source, closing(connect(path, mode="rw")) as target:
        source.backup(target)


# What it reads


def test_after_the_first_question_only_the_journals_tail_is_read(
    floor: Floor, market_data: MarketData, snapshots: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.place("ann", "sell", 10, "5.00")
    assert asks(market_data) == [("5.00", "10")]
    floor.place("ann", "sell", 10, "5.01")
    floor.place("bob", "buy", 3, "5.00")
    applied: list[int] = []
    apply = Depths.apply

    def counted(self: Depths, entry: Entry) -> None:
        applied.append(entry.sequence)
        apply(self, entry)

    monkeypatch.setattr(Depths, "apply", counted)
    before, head = len(snapshots), floor.exchange.sequence
    assert asks(market_data) == [("5.00", "7"), ("5.01", "10")]
    assert applied == [head - 2, head - 1, head]
    assert len(snapshots) == before + 1, "the one look was this test's own, for the journal's head"
    assert asks(market_data) == [("5.00", "7"), ("5.01", "10")]
    assert len(applied) == 3


def test_a_tail_that_is_too_long_is_not_read(
    floor: Floor, market_data: MarketData, snapshots: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "LONGEST_TAIL", 8)
    monkeypatch.setattr(Depths, "apply", lambda self, entry: pytest.fail("the tail is followed"))
    assert asks(market_data) == []
    for number in range(9):
        floor.place("ann", "sell", 1, f"5.0{number}")
    before = len(snapshots)
    assert len(asks(market_data)) == 9
    assert len(snapshots) == before + 1


def test_a_long_tail_is_read_in_stretches(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of them others may read; the answer is of the last, which ends with a commit."""
    monkeypatch.setattr(books, "ROWS_AT_ONCE", 3)
    assert asks(market_data) == []
    trade(floor, times=7)
    floor.place("ann", "sell", 2, "5.00")
    assert asks(market_data) == [("5.00", "2")]
    assert market_data.get_book(SYMBOL).sequence == floor.exchange.sequence
    assert market_data.check() == []


def test_what_fails_on_the_way_is_built_again(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book that took half of the events must not be shown."""
    floor.place("ann", "sell", 10, "5.00")
    assert asks(market_data) == [("5.00", "10")]
    floor.place("bob", "buy", 3, "5.00")
    with monkeypatch.context() as patch:
        patch.setattr(Depths, "_forget_ended", lambda self, depth, order: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            market_data.get_book(SYMBOL)
    assert asks(market_data) == [("5.00", "7")]


# Beside writers and other threads


def test_a_question_does_not_wait_for_a_writer(floor: Floor, market_data: MarketData) -> None:
    """Neither for this process's, who holds the replica, nor for its transaction; what is not committed is not seen."""
    floor.place("ann", "sell", 10, "5.00")
    assert asks(market_data) == [("5.00", "10")]
    floor.place("bob", "buy", 3, "5.00")
    seen: list[object] = []
    reader = threading.Thread(target=lambda: seen.append((asks(market_data), market_data.get_trades(SYMBOL).trades[0])))
    with floor.exchange._live.writing():
        reader.start()
        reader.join(3)
        assert not reader.is_alive()
    assert seen == [([("5.00", "7")], market_data.get_trades(SYMBOL).trades[0])]


def test_threads_that_ask_while_others_trade_see_no_half_of_a_commit(
    floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit sells and buys the same: after it there is no offer, in the middle of it there is one."""
    monkeypatch.setattr(books, "ROWS_AT_ONCE", 1)
    errors: list[BaseException] = []
    stop = threading.Event()

    def look() -> None:
        try:
            last = 0
            while not stop.is_set():
                book = market_data.get_book(SYMBOL)
                assert book.asks == []
                assert book.sequence >= last
                last = book.sequence
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        floor.exchange.submit([floor.prepared("ann", "sell", 10, "5.00"), floor.prepared("bob", "buy", 10, "5.00")])
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert market_data.check() == []


def test_another_opening_of_the_folder_is_followed_too(
    floor: Floor, market_data: MarketData, reopen: Callable[..., Exchange]
) -> None:
    other = Floor(reopen())
    assert asks(market_data) == []
    other.place("ann", "sell", 10, "5.00")
    assert asks(market_data) == asks(market_data_of(other.exchange)) == [("5.00", "10")]


# Forks


def test_parent_and_child_both_go_on_after_a_fork(floor: Floor, market_data: MarketData) -> None:
    """With the books that they had in common."""
    floor.place("ann", "sell", 100, "5.00")
    assert asks(market_data) == [("5.00", "100")]

    def trade_and_look() -> None:
        floor.place("bob", "buy", 1, "5.00")
        assert 98 <= int(asks(market_data)[0][1]) <= 99
        assert market_data.get_trades(SYMBOL).trades

    child = in_fork(trade_and_look)
    trade_and_look()
    assert succeeded(child)
    assert asks(market_data) == [("5.00", "98")]
    assert len(market_data.get_trades(SYMBOL).trades) == 2
    assert market_data.check() == []


def test_a_child_can_ask_although_another_thread_was_just_asking(floor: Floor, market_data: MarketData) -> None:
    """Of the lock that the other thread held nothing is left in the child, and no file is open there."""
    stop = threading.Event()
    errors: list[BaseException] = []
    floor.place("ann", "sell", 100, "5.00")

    def ask() -> None:
        try:
            while not stop.is_set():
                market_data.get_book(SYMBOL)
                market_data.get_trades(SYMBOL)
        except BaseException as error:
            errors.append(error)
            raise

    def ask_once() -> None:
        """From the thread that came out of the fork, and from a new one."""
        assert market_data.get_book(SYMBOL).asks
        assert market_data.get_trades(SYMBOL).sequence
        answers: list[object] = []
        new = threading.Thread(
            target=lambda: answers.append((market_data.get_book(SYMBOL), market_data.get_trades(SYMBOL)))
        )
        new.start()
        new.join()
        assert answers

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(20):
        time.sleep(0.01)
        children.append(in_fork(ask_once))
        floor.place("bob", "buy", 1, "5.00")
    done = [succeeded(child) for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert done == [True] * 20


# Another history


@pytest.fixture
def older(floor: Floor, tmp_path: Path) -> Path:
    """A copy of exchange.db from before anybody traded."""
    copy = tmp_path / "older.db"
    with floor.exchange._live.history() as log, closing(connect(copy, mode="rwc")) as target:
        log.connection.backup(target)
    return copy


def test_on_an_older_exchange_db_that_was_put_back_the_books_start_anew(
    floor: Floor, market_data: MarketData, older: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The replica refuses once, whoever asks first; from then on the journal that is there is followed."""
    trade(floor, times=3)
    floor.place("ann", "sell", 10, "5.00")
    assert asks(market_data) == [("5.00", "10")]
    overwrite(floor.exchange.home / FILE_NAME, older)
    with pytest.raises(FileCorrupt, match="replaced by another or an older one"):
        market_data.get_book(SYMBOL)
    assert asks(market_data) == []
    floor.place("bob", "sell", 1, "6.00")
    assert asks(market_data) == [("6.00", "1")]
    assert [record.message for record in caplog.records if record.name == books.__name__] == [
        "the books in memory start anew: it is ahead of the journal"
    ]


def test_a_journal_that_grew_as_long_in_another_way_is_not_taken_for_the_same(
    floor: Floor, market_data: MarketData, older: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The sequence alone says nothing: the chain's hash there is another."""
    floor.place("ann", "sell", 10, "5.00")
    assert asks(market_data) == [("5.00", "10")]
    head = floor.exchange.sequence
    overwrite(floor.exchange.home / FILE_NAME, older)
    with pytest.raises(FileCorrupt):
        floor.admin.accounts.deposit("ann", CASH, "1.00")
    floor.place("bob", "sell", 1, "6.00")
    assert floor.exchange.sequence == head
    caplog.set_level(logging.WARNING)
    assert asks(market_data) == [("6.00", "1")]
    assert f"it stands on another history (at sequence {head})" in caplog.text
