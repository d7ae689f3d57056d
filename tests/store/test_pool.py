"""The connection pool: one user at a time for each key, a bound on what stays open, nothing closed under anybody."""

from __future__ import annotations

import logging
import random
import threading
import time
import timeit
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from credit_trading.errors import Busy, OrderRejected, StorageError
from credit_trading.store.pool import ConnectionPool
from credit_trading.store.sqlite import Connection, connect, sqlite3, translated

InFork = Callable[[Callable[[], object]], str]


class Files:
    """Opens and closes one database for each key, and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: list[str] = []
        self.open: Counter[str] = Counter()
        self.most_open = 0
        self.before_opening: Callable[[str], None] = lambda key: None
        self.before_closing: Callable[[str], None] = lambda key: None

    def opener(self, key: str) -> Connection:
        self.before_opening(key)
        connection = connect(self.folder / key, mode="rwc")
        self.log.append(f"open {key}")
        self.open[key] += 1
        self.most_open = max(self.most_open, self.open.total())
        return connection

    def closer(self, key: str, connection: Connection) -> None:
        self.before_closing(key)
        self.log.append(f"close {key}")
        self.open[key] -= 1
        connection.close()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def pool(files: Files) -> Iterator[ConnectionPool[str]]:
    """Three connections, a short patience; at the end all that was opened has been closed."""
    pool = ConnectionPool(files.opener, files.closer, 3, timeout_s=5)
    yield pool
    pool.close()
    assert files.open.total() == 0
    assert pool.open_count == 0


def _use(pool: ConnectionPool[str], *keys: str) -> None:
    for key in keys:
        with pool.checkout(key) as connection:
            connection.execute("SELECT 1")


@contextmanager
def _in_use_elsewhere(pool: ConnectionPool[str], key: str) -> Iterator[threading.Event]:
    """Another thread uses the key until the event is set, at the latest until the end of the block."""
    taken, done = threading.Event(), threading.Event()

    def use() -> None:
        with pool.checkout(key):
            taken.set()
            done.wait(5)

    thread = threading.Thread(target=use)
    thread.start()
    assert taken.wait(5)
    try:
        yield done
    finally:
        done.set()
        thread.join()


def test_a_returned_connection_stays_open_for_the_next_one(pool: ConnectionPool[str], files: Files) -> None:
    """The second checkout is a hit, and finds the same connection."""
    with pool.checkout("a") as first:
        pass
    with pool.checkout("a") as second:
        assert second is first
    assert files.log == ["open a"]
    assert (pool.hits, pool.misses, pool.open_count) == (1, 1, 1)


def test_the_least_recently_used_one_is_closed(pool: ConnectionPool[str], files: Files) -> None:
    """Before the new one is opened, so that there are never more than the bound."""
    _use(pool, "a", "b", "c", "a", "d")
    assert files.log == ["open a", "open b", "open c", "close b", "open d"]
    _use(pool, "a", "c", "d")
    assert (pool.hits, pool.misses, pool.open_count) == (4, 4, 3)
    assert files.most_open == 3


def test_the_bound_is_exceeded_only_while_all_are_in_use(pool: ConnectionPool[str], files: Files) -> None:
    """One in use is never closed; as soon as there is an idle one too many, it goes."""
    with pool.checkout("a") as a, pool.checkout("b"), pool.checkout("c"):
        with pool.checkout("d"):
            assert pool.open_count == 4
            assert a.execute("SELECT 1").fetchone() == (1,)
        assert files.log[-1] == "close d"
        assert pool.open_count == 3


def test_a_key_in_use_is_waited_for(pool: ConnectionPool[str], files: Files) -> None:
    """The connection goes to whoever waits, without being closed in between."""
    with _in_use_elsewhere(pool, "a") as done:
        threading.Timer(0.05, done.set).start()
        _use(pool, "a")
    assert files.log == ["open a"]
    assert (pool.hits, pool.misses) == (1, 1)


def test_waiting_for_a_key_ends_in_busy(pool: ConnectionPool[str]) -> None:
    """And leaves the place in the queue to the next one."""
    with _in_use_elsewhere(pool, "a"):
        with pytest.raises(Busy, match=r'"a".*0\.05 s'):
            _enter(pool, "a", timeout_s=0.05)
        with pytest.raises(Busy):
            pool.discard("a", timeout_s=0)
        _use(pool, "b")
    _use(pool, "a")


def test_a_turn_that_comes_as_patience_ends_goes_to_the_next_one(pool: ConnectionPool[str]) -> None:
    """Whoever has just given up must not keep it."""
    turn = threading.Lock()
    turn.acquire()
    lease = pool._claim("a", 0)
    lease.waiters = deque([turn])
    pool._return("a", lease, keep=True)
    assert not lease.waiters, "the turn has come"
    pool._withdraw("a", lease, turn)
    _enter(pool, "a", timeout_s=0)


def _enter(pool: ConnectionPool[str], key: str, *, timeout_s: float | None = None) -> None:
    with pool.checkout(key, timeout_s=timeout_s):
        pass


def test_waiting_threads_are_served_in_the_order_in_which_they_came(pool: ConnectionPool[str]) -> None:
    """Whoever returns a connection and wants it again stands last."""
    order: list[int] = []

    def use(number: int) -> None:
        with pool.checkout("a"):
            order.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    with pool.checkout("a"):
        for thread in threads:
            thread.start()
            time.sleep(0.02)
    use(4)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_different_keys_are_opened_at_the_same_time(pool: ConnectionPool[str], files: Files) -> None:
    """Neither opener returns before the other has begun."""
    both = threading.Barrier(2, timeout=5)

    def meet(key: str) -> None:
        both.wait()

    files.before_opening = meet
    threads = [threading.Thread(target=_use, args=(pool, key)) for key in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(files.log) == ["open a", "open b"]


def test_a_hit_does_not_wait_for_a_slow_closing(pool: ConnectionPool[str], files: Files) -> None:
    """But the key that is being closed is not opened a second time meanwhile."""
    _use(pool, "a", "b", "c")
    closing, go_on = threading.Event(), threading.Event()

    def wait(key: str) -> None:
        closing.set()
        go_on.wait(5)

    files.before_closing = wait
    thread = threading.Thread(target=_use, args=(pool, "d"))
    thread.start()
    assert closing.wait(5)
    _use(pool, "b")
    with pytest.raises(Busy):
        _enter(pool, "a", timeout_s=0.02)
    go_on.set()
    thread.join()
    _use(pool, "a")
    assert files.log.index("close a") < files.log.index("open d")
    assert max(files.open.values()) == 1


def test_a_connection_that_sqlite_complained_about_is_closed(pool: ConnectionPool[str], files: Files) -> None:
    """Whether its error comes as it is or translated: the handle may be broken."""
    with pytest.raises(sqlite3.OperationalError), pool.checkout("a") as connection:
        connection.execute("not SQL")
    assert files.log == ["open a", "close a"]
    full = sqlite3.OperationalError("database or disk is full")
    with pytest.raises(StorageError), pool.checkout("a"), translated("test.write", "a"):
        raise full
    assert files.log == ["open a", "close a"] * 2


def test_other_exceptions_leave_the_connection_open(pool: ConnectionPool[str], files: Files) -> None:
    """A rejected order says nothing about the file."""
    with pytest.raises(OrderRejected), pool.checkout("a"):
        raise OrderRejected("orders.create", "1", "halted", "trading is halted")
    _use(pool, "a")
    assert files.log == ["open a"]


def test_a_connection_left_in_a_transaction_is_closed(pool: ConnectionPool[str], files: Files) -> None:
    """The next user must not commit it by accident. On an exception silently, otherwise it is a bug."""
    with pytest.raises(ValueError, match="mine"), pool.checkout("a") as connection:
        _fail_in_transaction(connection)
    assert files.log == ["open a", "close a"]
    with pytest.raises(AssertionError, match="middle of a transaction"), pool.checkout("a") as connection:
        connection.execute("BEGIN")
    assert files.log == ["open a", "close a"] * 2


def _fail_in_transaction(connection: Connection) -> None:
    connection.execute("BEGIN")
    raise ValueError("mine")


def test_an_opener_that_fails_leaves_no_trace(pool: ConnectionPool[str], files: Files) -> None:
    """Its error goes to the caller; whoever waited opens it anew."""

    def refuse(key: str) -> None:
        raise StorageError("test.open", key, "refused")

    files.before_opening = refuse
    with pytest.raises(StorageError, match="refused"):
        _enter(pool, "a")
    assert pool.open_count == 0
    files.before_opening = lambda key: None
    _use(pool, "a")


def test_a_waiting_thread_opens_what_its_predecessor_could_not(pool: ConnectionPool[str], files: Files) -> None:
    """A failed opening is passed on as an invitation to try."""
    opening, go_on = threading.Event(), threading.Event()

    def refuse_once(key: str) -> None:
        files.before_opening = lambda key: None
        opening.set()
        go_on.wait(5)
        raise StorageError("test.open", key, "refused")

    files.before_opening = refuse_once
    errors: list[StorageError] = []

    def use() -> None:
        with pytest.raises(StorageError) as caught:
            _enter(pool, "a")
        errors.append(caught.value)

    thread = threading.Thread(target=use)
    thread.start()
    assert opening.wait(5)
    threading.Timer(0.05, go_on.set).start()
    _use(pool, "a")
    thread.join()
    assert len(errors) == 1
    assert files.log == ["open a"]


def test_a_closer_that_fails_is_logged_and_disturbs_nobody(
    pool: ConnectionPool[str], files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever needs the place of another connection can do nothing about that one's disk."""

    def refuse(key: str) -> None:
        files.open[key] -= 1
        raise sqlite3.OperationalError("disk I/O error")

    _use(pool, "a", "b", "c")
    files.before_closing = refuse
    with caplog.at_level(logging.WARNING):
        _use(pool, "d")
    assert "'a' failed: disk I/O error" in caplog.text
    files.before_closing = lambda key: None
    _use(pool, "a")
    assert pool.open_count == 3


def test_discarding_closes_what_is_idle(pool: ConnectionPool[str], files: Files) -> None:
    """The next checkout opens it anew; discarding what is not open is fine."""
    _use(pool, "a", "b")
    pool.discard("a", timeout_s=0)
    pool.discard("never opened", timeout_s=0)
    assert files.log == ["open a", "open b", "close a"]
    assert pool.open_count == 1
    _use(pool, "a")


def test_discarding_waits_for_the_user(pool: ConnectionPool[str], files: Files) -> None:
    """A connection in use is never closed."""
    with _in_use_elsewhere(pool, "a") as done:
        threading.Timer(0.05, done.set).start()
        pool.discard("a", timeout_s=5)
        assert files.log == ["open a", "close a"]


def test_a_vacated_key_stays_closed_for_the_whole_block(pool: ConnectionPool[str], files: Files) -> None:
    """Otherwise another thread could open the file just before it is moved."""
    _use(pool, "a")
    with pool.vacated("a"):
        assert files.log == ["open a", "close a"]
        with pytest.raises(Busy):
            _enter(pool, "a", timeout_s=0.02)
        _use(pool, "b")
    _use(pool, "a")


def test_idle_connections_can_be_closed_without_closing_the_pool(pool: ConnectionPool[str], files: Files) -> None:
    """As a process does before it forks."""
    _use(pool, "a", "b")
    with pool.checkout("b"):
        pool.close_idle()
        assert files.log == ["open a", "open b", "close a"]
    _use(pool, "a")


def test_a_closed_pool_refuses_and_can_be_closed_again(pool: ConnectionPool[str], files: Files) -> None:
    """What is in use is closed when it comes back; who waits for it is refused."""
    _use(pool, "a")
    refused: list[StorageError] = []

    def wait() -> None:
        with pytest.raises(StorageError, match="closed") as caught:
            _enter(pool, "b")
        refused.append(caught.value)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    with pool.checkout("b") as connection, pool.checkout("c"):
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        began = time.monotonic()
        pool.close()
        pool.close()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert files.log == ["open a", "open b", "open c", "close a"]
    for thread in threads:
        thread.join()
    assert len(refused) == 2
    assert time.monotonic() - began < 1
    assert files.log[-2:] == ["close c", "close b"]
    with pytest.raises(StorageError, match="closed"):
        _enter(pool, "a")


def test_a_forked_child_forgets_without_closing(pool: ConnectionPool[str], files: Files, in_fork: InFork) -> None:
    """Idle ones and those in use; leaving a block that began before the fork does nothing; other keys can be opened."""
    _use(pool, "a")

    def child() -> str:
        log = list(files.log)
        pool.abandon()
        assert pool.open_count == 0
        block.__exit__(None, None, None)
        assert files.log == log
        _use(pool, "c")
        return "fine"

    block = pool.checkout("b")
    with block as connection:
        assert in_fork(child) == "fine"
        assert connection.execute("SELECT 1").fetchone() == (1,)
    _use(pool, "a")


def test_a_child_forked_while_another_thread_used_the_pool_can_use_it(
    pool: ConnectionPool[str], in_fork: InFork
) -> None:
    """The other thread's lock on the pool does not exist any more in the child."""
    with pool._mutex:

        def child() -> str:
            pool.abandon()
            _use(pool, "a")
            return "fine"

        assert in_fork(child) == "fine"


def test_many_threads_never_share_a_connection_nor_exceed_the_bound(pool: ConnectionPool[str], files: Files) -> None:
    """Random use with errors and discards, seeded; a key in use twice or a connection leaked would be seen."""
    users: Counter[str] = Counter()
    end = time.monotonic() + 0.8
    problems: list[str] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < end:
            key = chance.choice("abcdefg")
            if chance.random() < 0.05:
                pool.discard(key)
            with suppress(sqlite3.OperationalError), pool.checkout(key) as connection:
                users[key] += 1
                if users[key] != 1 or files.open[key] != 1:
                    problems.append(f"{key}: {users[key]} users, {files.open[key]} open")
                try:
                    connection.execute("SELECT 1" if chance.random() < 0.9 else "not SQL")
                finally:
                    users[key] -= 1  # before anybody else can have it

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert files.open.total() <= 3
    assert files.most_open <= 5
    assert pool.hits > 0


def test_a_hit_is_cheap(pool: ConnectionPool[str]) -> None:
    """A few microseconds; the bound is generous, for machines that are busy with something else."""
    _use(pool, "a")
    best_s = min(timeit.repeat(lambda: _enter(pool, "a"), number=1000, repeat=5)) / 1000
    assert best_s < 30e-6
