"""A process that stops in the middle of something: others are told so within their timeout, and all goes on once it continues or dies.

Stopped with SIGSTOP, as by a debugger, a full disk's writer asleep, a laptop's lid: it keeps every lock, and nobody can tell when it
will go on. Each child stops itself at the very place that its test names.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from credit_trading import Settings
from credit_trading.errors import Busy
from credit_trading.journal.live import LiveReplica
from credit_trading.marketdata import prints
from credit_trading.store.locks import WRITER, LockFile
from credit_trading.trading.sequencer import Sequencer
from credit_trading.users import projector
from credit_trading.users.projector import Projector
from reliability.disk import AVAILABLE, faulty_disk
from tests.floor import SYMBOL, Floor, edit, opened
from tests.forks import in_fork

TIMEOUT_S = 1
LATE_S = 2.5
"""How much later than its timeout a caller may hear, on a machine that does other things too."""

End = Literal["continues", "dies"]
ends = pytest.mark.parametrize("end", ["continues", "dies"])


@pytest.fixture
def floor(home: Path) -> Iterator[Floor]:
    """Three funded users, and callers who do not wait for longer than a second."""
    with opened(home, settings=Settings(lock_timeout_s=TIMEOUT_S)) as exchange:
        yield Floor(exchange).set_up("ann", "bob", "cat")


class Paused:
    """A child that has stopped itself."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if done:
                assert os.WIFSTOPPED(status), f"it did not come to where it stops: {status}"
                return
            time.sleep(0.002)
        raise AssertionError("it neither stopped nor ended")

    def end(self, how: End) -> None:
        """It goes on and succeeds, or is killed where it is."""
        os.kill(self.pid, signal.SIGCONT if how == "continues" else signal.SIGKILL)
        code = self._exit_code()
        assert code == (0 if how == "continues" else -signal.SIGKILL)

    def _exit_code(self) -> int | None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        return None

    def reap(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@contextmanager
def paused(action: Callable[[], object]) -> Iterator[Paused]:
    """A child that runs the action, which stops it; nothing is left of it in the end."""
    child = Paused(in_fork(action))
    try:
        yield child
    finally:
        child.reap()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _stopping(owner: object, name: str, *, where: Callable[..., bool] = lambda *_, **__: True) -> None:
    """From now on the function stops its process before it does its work. Only for a child: it is never undone."""
    original = getattr(owner, name)

    def stop_first(*arguments: Any, **named: Any) -> Any:
        if where(*arguments, **named):
            _stop()
        return original(*arguments, **named)

    setattr(owner, name, stop_first)


def _told_busy(action: Callable[[], object], *, within_s: float = TIMEOUT_S + LATE_S) -> str:
    """What the caller is told, in time."""
    began = time.monotonic()
    with pytest.raises(Busy) as error:
        action()
    waited_s = time.monotonic() - began
    assert waited_s < within_s, f"told after {waited_s:.1f} s"
    line = str(error.value)
    assert line.isprintable()
    assert error.value.operation
    assert error.value.hint
    return line


# The places at which a child stops


def _in_its_turn(floor: Floor) -> None:
    """As the writer, before anything is decided."""
    _stopping(Sequencer, "_decide")
    floor.place("bob", "buy", 1, "5.00", client_order_id="paused")


def _before_its_commit(floor: Floor) -> None:
    """All is appended; SQLite's own lock is held too."""
    _stopping(LiveReplica, "_commit")
    floor.place("bob", "buy", 1, "5.00", client_order_id="paused")


def _in_its_commit(floor: Floor) -> None:
    """Written to the WAL and not yet durable."""
    with faulty_disk() as disk:

        def stop_at_the_first_sync(what: str, path: str) -> None:
            if what == "sync" and path.endswith("exchange.db-wal"):
                disk.watch = lambda _, __: None
                _stop()

        disk.watch = stop_at_the_first_sync
        floor.place("bob", "buy", 1, "5.00", client_order_id="paused")


def _next_in_line(floor: Floor) -> None:
    """First in the queue, not yet the writer."""
    _stopping(LockFile, "_take", where=lambda _, slot, **__: slot == WRITER)
    floor.place("bob", "buy", 1, "5.00", client_order_id="paused")


WRITING = [
    pytest.param(_in_its_turn, "writer", id="in its turn"),
    pytest.param(_before_its_commit, "writer", id="before COMMIT"),
    pytest.param(
        _in_its_commit,
        "writer",
        id="inside COMMIT",
        marks=pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3, in a build that exports its VFS"),
    ),
    pytest.param(_next_in_line, "next writer", id="holding NEXT"),
]


@ends
@pytest.mark.parametrize(("stop", "lock"), WRITING)
def test_writers_are_told_who_is_in_the_way_and_readers_go_on(
    floor: Floor, stop: Callable[[Floor], None], lock: str, end: End
) -> None:
    """In time, naming the process; what is committed can be read all the while; then everything goes on."""
    floor.place("ann", "sell", 5, "5.00")
    with paused(lambda: stop(floor)) as child:
        line = _told_busy(lambda: floor.place("cat", "buy", 1, "5.00"))
        assert "exchange.write" in line
        assert f"process {child.pid} has the lock ({lock})" in line
        assert "nothing was changed" in line
        assert f"see what process {child.pid} waits for" in line
        assert floor.user("ann").orders.get_active_orders()[0].filled_quantity == "0"
        assert floor.exchange.market_data.get_book(SYMBOL).asks[0].quantity == "5"
        child.end(end)
    assert floor.place("cat", "buy", 1, "5.00").order_status == "filled"
    mine = [*floor.user("bob").orders.get_active_orders(), *floor.user("bob").orders.get_order_history()]
    assert [order.client_order_id for order in mine] in ([["paused"]] if end == "continues" else [[], ["paused"]])
    assert floor.findings() == []


@ends
def test_threads_and_processes_behind_each_other_are_all_told_in_time(floor: Floor, end: End) -> None:
    """Whoever queues behind one that waits in vain still hears of the one that is in the way, not of the queue."""
    lines: list[str] = []

    def ask(user: str) -> None:
        try:
            floor.place(user, "buy", 1, "4.00")
        except Busy as error:
            lines.append(str(error))

    def queue_up(paused_one: int) -> None:
        line = _told_busy(lambda: floor.place("cat", "buy", 1, "4.00"))
        assert f"process {paused_one} has the lock (writer)" in line

    with paused(lambda: _in_its_turn(floor)) as child:
        others = [in_fork(partial(queue_up, child.pid)) for _ in range(3)]
        threads = [threading.Thread(target=ask, args=(user,)) for user in ("ann", "bob", "cat") * 2]
        began = time.monotonic()
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        for thread in threads:
            thread.join(30)
        waited_s = time.monotonic() - began
        assert [os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) for other in others] == [0, 0, 0]
        assert len(lines) == len(threads)
        assert any(f"process {child.pid} has the lock (writer)" in line for line in lines)
        assert waited_s < 2 * TIMEOUT_S + LATE_S
        child.end(end)
    assert floor.place("cat", "buy", 1, "4.00").order_status == "new"
    assert floor.findings() == []


@ends
def test_one_that_stops_while_it_reads_holds_nobody_up(floor: Floor, end: End) -> None:
    """It has the exchange open, and a replica in use; nothing of it is locked for others."""

    def read() -> None:
        with floor.exchange._live.reading():
            _stop()

    with paused(read) as child:
        for number in range(20):
            assert floor.place("cat", "buy", 1, "4.00", client_order_id=str(number)).order_status == "new"
        child.end(end)
    assert floor.findings() == []


@ends
def test_a_users_file_that_is_held_holds_up_its_readers_only(
    floor: Floor, end: End, caplog: pytest.LogCaptureFixture
) -> None:
    """In a transaction on it: trading goes on for all, and for other users reading too; renaming and deleting wait until later."""
    floor.place("ann", "buy", 1, "4.00")

    def project() -> None:
        _stopping(Projector, "_apply", where=lambda _, __, head, ___: head.number == 2)
        floor.place("bob", "buy", 1, "4.00", client_order_id="paused")

    with paused(project) as child:
        assert floor.place("bob", "sell", 1, "4.00").order_status == "filled"
        line = _told_busy(lambda: floor.user("bob").orders.get_active_orders())
        assert str(floor.path("bob")) in line
        assert len(floor.user("ann").orders.get_order_history()) == 1
        with caplog.at_level(logging.WARNING):
            changed = floor.admin.databases.change_email("bob", "new@example.com")
        assert "open elsewhere and will be renamed or deleted later" in caplog.text
        assert changed.email == "new@example.com"
        assert changed.path.name == "trading_bob_bob_example.com.db"
        child.end(end)
    assert [order.client_order_id for order in floor.user("bob").orders.get_active_orders()] == ["paused"]
    assert floor.path("bob").name == "trading_bob_new_example.com.db"
    assert floor.findings() == []


def test_a_thread_that_keeps_a_users_file_holds_up_no_order_of_others(home: Path) -> None:
    """It may rebuild the file for long: what is decided meanwhile is answered, and shown when the file is next read."""
    with opened(home, settings=Settings(lock_timeout_s=30)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        with ThreadPoolExecutor(1) as another, exchange._files.checkout(2):
            placed = another.submit(floor.place, "bob", "buy", 1, "4.00")
            assert placed.result(timeout=10).order_status == "new"
        assert len(floor.user("bob").orders.get_active_orders()) == 1
        assert floor.findings() == []


@ends
def test_one_that_rebuilds_a_file_holds_up_those_who_want_that_file(floor: Floor, end: End) -> None:
    """They are told what it does; nobody else waits; the file is whole afterwards."""
    floor.place("bob", "buy", 1, "4.00")
    edit(floor.path("bob"), "UPDATE metadata SET projection_version = 1", "DELETE FROM active_orders")

    def rebuild() -> None:
        _stopping(projector, "write_into")
        assert len(floor.user("bob").orders.get_active_orders()) == 1

    with paused(rebuild) as child:
        line = _told_busy(lambda: floor.user("bob").orders.get_active_orders())
        assert "another process has been rebuilding the file for 1 s" in line
        assert floor.place("bob", "buy", 1, "4.00").order_status == "new"
        assert floor.user("ann").orders.get_active_orders() == []
        child.end(end)
    assert len(floor.user("bob").orders.get_active_orders()) == 2
    assert floor.findings() == []


@ends
def test_one_that_makes_a_users_file_holds_up_nobody_else(floor: Floor, end: End) -> None:
    """A new user whose file another process is making: told so; the file is there once that one goes on or is gone."""

    def create() -> None:
        import credit_trading.users.files as files

        _stopping(files, "publish_new")
        floor.admin.databases.create_trading_database("dan", "dan@example.com")

    with paused(create) as child:
        line = _told_busy(lambda: floor.user("dan").orders.get_active_orders())
        assert f"process {child.pid} has the lock (user 4)" in line
        assert floor.place("bob", "buy", 1, "4.00").order_status == "new"
        child.end(end)
    assert floor.user("dan").orders.get_active_orders() == []
    assert floor.findings() == []


@ends
def test_one_that_writes_market_data_holds_up_market_data_at_most(floor: Floor, end: End) -> None:
    """The book needs no file; the list of trades may be refused, in time; orders are none of its concern."""
    floor.place("ann", "sell", 5, "5.00")
    floor.place("bob", "buy", 1, "5.00")

    def follow() -> None:
        _stopping(prints, "store")
        floor.exchange.market_data.get_trades(SYMBOL)

    with paused(follow) as child:
        assert floor.place("cat", "buy", 1, "5.00").order_status == "filled"
        assert floor.exchange.market_data.get_book(SYMBOL).asks[0].quantity == "3"
        line = _told_busy(lambda: floor.exchange.market_data.get_trades(SYMBOL))
        assert "marketdata.db" in line
        child.end(end)
    assert len(floor.exchange.market_data.get_trades(SYMBOL).trades) == 2
    assert floor.findings() == []


@ends
def test_opening_and_closing_wait_for_nobody_who_is_stopped(floor: Floor, end: End, home: Path) -> None:
    """Another process may come and go while the writer stands still."""
    with paused(lambda: _in_its_turn(floor)) as child:
        began = time.monotonic()
        with opened(home, settings=Settings(lock_timeout_s=TIMEOUT_S)) as other:
            assert other.sequence == floor.exchange.sequence
        assert time.monotonic() - began < TIMEOUT_S + LATE_S
        child.end(end)
    assert floor.findings() == []
