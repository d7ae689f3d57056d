"""Several processes and threads on one folder, and forks: nothing lost, nothing twice, nobody starved.

Kills in great number are in tests/reliability.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock, OrderRejected, SystemClock
from credit_trading.errors import StorageError
from tests.floor import CASH, SYMBOL, Floor, opened
from tests.forks import in_fork, succeeded

Start = Callable[..., subprocess.Popen[str]]

_TRADER = """
import json, sys, time, random, credit_trading
home, user, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
chance = random.Random(user)
with credit_trading.open(home) as exchange:
    me = exchange.as_user(user)
    print("ready", flush=True)
    sys.stdin.readline()
    end, placed, seen, waits = time.monotonic() + seconds, 0, set(), []
    while time.monotonic() < end:
        began = time.monotonic()
        price = f"{chance.randrange(495, 506) / 100:.2f}"
        side, quantity = chance.choice(["buy", "sell"]), chance.randrange(1, 5)
        me.orders.create_order("VCS-1340-2020/USD", side, quantity, price, client_order_id=f"{user}-{placed}")
        waits.append(time.monotonic() - began)
        placed += 1
        if placed % 20 == 0:
            exchange.market_data.get_book("VCS-1340-2020/USD", depth=5)
            seen |= {one.counterparty for one in me.transactions.get_transaction_history(limit=20) if one.counterparty}
    print(json.dumps({"placed": placed, "seen": sorted(seen), "longest_s": max(waits)}), flush=True)
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a Python program with these arguments; in the end none is left."""
    with ExitStack() as children:

        def start_one(code: str, *args: object) -> subprocess.Popen[str]:
            child = subprocess.Popen(
                [sys.executable, "-c", code, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            children.enter_context(child)
            children.callback(child.kill)
            return child

        yield start_one


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()


TRADERS = ["ann", "bob", "cat", "dan"]


@pytest.fixture
def crowded(home: Path) -> Path:
    """A folder with four funded users, on the real clock."""
    with opened(home, clock=SystemClock()) as exchange:
        Floor(exchange).set_up(*TRADERS)
    return home


def _check(home: Path) -> Floor:
    """The folder opened anew, with nothing wrong in it; the caller closes it."""
    floor = Floor(opened(home, clock=SystemClock()))
    assert floor.findings() == []
    return floor


def test_four_processes_trade_in_one_folder_at_once(crowded: Path, is_long: bool, start: Start) -> None:
    """No findings; none starved; each sees the others' orders in its own trades; every acknowledged order is there once."""
    seconds = 10 if is_long else 2
    children = [start(_TRADER, crowded, user, seconds) for user in TRADERS]
    assert [_line(child) for child in children] == ["ready"] * 4
    for child in children:
        _go(child)
    told = [json.loads(_line(child)) for child in children]
    assert [child.wait(30) for child in children] == [0] * 4
    placed = [one["placed"] for one in told]
    assert min(placed) > 0.15 * sum(placed) / len(placed), placed
    for user, one in zip(TRADERS, told, strict=True):
        assert set(one["seen"]) == set(TRADERS) - {user}
    with _check(crowded).exchange as exchange:
        for user, count in zip(TRADERS, placed, strict=True):
            mine = exchange.as_user(user).orders
            orders = [*mine.get_active_orders(), *mine.get_order_history()]
            assert sorted(order.client_order_id or "" for order in orders) == sorted(
                f"{user}-{n}" for n in range(count)
            )


def test_a_process_that_is_killed_in_the_middle_harms_nobody(crowded: Path, start: Start) -> None:
    """kill -9 of one of three while all of them place orders: the others go on at once."""
    children = [start(_TRADER, crowded, user, 1.2) for user in TRADERS[:3]]
    assert [_line(child) for child in children] == ["ready"] * 3
    for child in children:
        _go(child)
    time.sleep(0.5)
    children[0].kill()
    told = [json.loads(_line(child)) for child in children[1:]]
    assert [child.wait(30) for child in children] == [-signal.SIGKILL, 0, 0]
    for one in told:
        assert one["placed"] > 10
        assert one["longest_s"] < 1
    _check(crowded).exchange.close()


def test_eight_threads_share_an_exchange(floor: Floor) -> None:
    """Orders, cancels, reads and deposits at once; every answer belongs to the one who asked."""
    users = ["ann", "bob", "cat"]
    told: list[tuple[str, str, int]] = []
    errors: list[BaseException] = []

    def trade(name: int) -> None:
        chance = random.Random(name)
        try:
            for number in range(25):
                user = chance.choice(users)
                mine = floor.user(user)
                report = mine.orders.create_order(
                    SYMBOL,
                    chance.choice(["buy", "sell"]),
                    2,
                    f"{chance.randrange(98, 103) / 20:.2f}",
                    client_order_id=f"{name}-{number}",
                )
                told.append((user, f"{name}-{number}", report.order_id))
                assert mine.orders.get_order(report.order_id).client_order_id == f"{name}-{number}"
                if number % 5 == 0:
                    floor.admin.accounts.deposit(user, CASH, "1.00", key=f"{name}-{number}")
                    floor.exchange.market_data.get_book(SYMBOL)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=trade, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({order for _, _, order in told}) == 8 * 25
    for user, client_order_id, order in told:
        assert floor.user(user).orders.get_order(order).client_order_id == client_order_id
    assert floor.findings() == []
    assert floor.kinds().count("deposited") == 6 + 8 * 5


def test_two_openings_in_one_process_are_as_two_processes(floor: Floor, reopen: Callable[..., Exchange]) -> None:
    """Each sees at once what the other has done: books, trades, users, balances."""
    other = Floor(reopen())
    order = floor.place("ann", "sell", 10, "5.00")
    assert [level.quantity for level in other.exchange.market_data.get_book(SYMBOL).asks] == ["10"]
    assert other.place("bob", "buy", 4, "5.00").order_status == "filled"
    assert floor.user("ann").orders.get_order(order.order_id).filled_quantity == "4"
    other.add("dan")
    assert floor.place("dan", "buy", 6, "5.00").order_status == "filled"
    assert floor.exchange.state_digest() == other.exchange.state_digest()
    assert floor.findings() == other.findings() == []


# Forks


def test_a_forked_child_and_its_parent_both_go_on(floor: Floor) -> None:
    """With the exchange that was opened before the fork, at the same time; both see what the other does."""
    floor.place("ann", "sell", 100, "5.00")
    floor.user("ann").orders.get_active_orders()

    def trade(user: str) -> None:
        for number in range(30):
            report = floor.place(user, "buy", 1, "5.00", client_order_id=f"{user}-{number}")
            assert report.order_status == "filled"
            assert floor.user(user).transactions.get_transaction_history(limit=1)[0].order_id == report.order_id

    child = in_fork(lambda: trade("bob"))
    trade("cat")
    assert succeeded(child)
    assert floor.user("ann").orders.get_active_orders()[0].filled_quantity == "60"
    assert len(floor.user("bob").transactions.get_transaction_history()) == 32
    assert floor.findings() == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_open_database_is_inherited(floor: Floor) -> None:
    """SQLite's locks belong to the process that took them: a child with its parent's handles would write without any."""
    for user in ("ann", "bob"):
        floor.user(user).orders.get_active_orders()

    def look() -> None:
        links = [Path("/proc/self/fd") / descriptor for descriptor in os.listdir("/proc/self/fd")]
        opened_here = [os.readlink(link) for link in links if link.is_symlink()]
        assert opened_here
        assert not [name for name in opened_here if name.startswith(str(floor.exchange.home))]

    assert succeeded(in_fork(look))


def test_ids_made_up_after_a_fork_are_not_its_parents(floor: Floor) -> None:
    """Otherwise the second of the two would be told the first one's answer."""

    def place() -> None:
        assert not floor.place("bob", "buy", 1, "4.00").repeated

    floor.place("ann", "buy", 1, "4.00")
    children = [in_fork(place) for _ in range(3)]
    place()
    assert all(succeeded(child) for child in children)
    assert floor.kinds().count("order_accepted") == 5
    assert floor.findings() == []


def test_forking_while_other_threads_write_is_safe(floor: Floor) -> None:
    """Pre-forking servers do: each child trades and reads its user's file, the parent's threads never stop."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def write(user: str) -> None:
        try:
            while not stop.is_set():
                floor.place(user, "buy", 1, "4.00")
                floor.user(user).orders.get_active_orders()
        except BaseException as error:
            errors.append(error)
            raise

    def serve() -> None:
        for number in range(5):
            floor.place("cat", "sell", 1, "6.00")
            for user in ("ann", "bob", "cat"):
                assert floor.user(user).transactions.get_transaction_history(limit=1), number

    threads = [threading.Thread(target=write, args=(user,)) for user in ("ann", "bob")]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(8):
        time.sleep(0.05)
        children.append(in_fork(serve))
    done = [succeeded(child) for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert done == [True] * 8
    assert floor.findings() == []
    assert len(floor.user("cat").orders.get_active_orders()) == 40


def test_two_processes_see_the_same_sessions_open_and_close(floor: Floor, clock: ManualClock) -> None:
    """Whoever comes first at a boundary opens the instrument for both; nobody opens it twice."""
    floor.admin.instruments.set_schedule(SYMBOL, hours="mon-fri 09:00-17:30", time_zone="UTC")
    nine_us = clock.now_us() + 9 * 3600 * 1_000_000

    def open_the_session() -> None:
        clock.set(nine_us)
        assert floor.exchange.expire_due() == 0
        assert floor.admin.instruments.show_instrument(SYMBOL).status == "open"
        assert floor.place("bob", "buy", 1, "4.00", time_in_force="DAY").order_status == "new"

    assert succeeded(in_fork(open_the_session))
    assert floor.admin.instruments.show_instrument(SYMBOL).next_close == "2026-01-01T17:30:00.000000Z"
    clock.set(nine_us + 1)
    assert floor.place("cat", "sell", 1, "6.00").order_status == "new"
    clock.advance(8.5 * 3600)

    def find_it_closed() -> None:
        with pytest.raises(OrderRejected, match="instrument_closed"):
            floor.place("bob", "buy", 1, "4.00")

    assert floor.exchange.expire_due() == 1
    assert succeeded(in_fork(find_it_closed))
    assert floor.kinds().count("instrument_status_changed") == 3  # closed by the schedule at first, opened, closed
    assert floor.user("bob").orders.get_order_history()[-1].reason == "session_ended"
    assert floor.findings() == []


_INHERITED: Floor | None = None


def _work(user: str) -> str:
    assert _INHERITED is not None
    return _INHERITED.place(user, "buy", 1, "4.00").order_status


def test_multiprocessing_forks_workers_that_use_the_parents_exchange(floor: Floor) -> None:
    """A pool of forked workers, and the parent between them."""
    global _INHERITED
    _INHERITED = floor
    try:
        with multiprocessing.get_context("fork").Pool(3) as pool:
            answers = pool.map_async(_work, ["ann", "bob", "cat"] * 5)
            floor.place("ann", "buy", 1, "4.00")
            assert answers.get(30) == ["new"] * 15
            pool.close()
            pool.join()
    finally:
        _INHERITED = None
    assert floor.findings() == []
    assert floor.kinds().count("order_accepted") == 16


def _open_and_place(home: str, user: str) -> str:
    with opened(Path(home)) as exchange:
        return Floor(exchange).place(user, "buy", 1, "4.00").order_status


def test_multiprocessing_spawns_workers_that_open_the_folder_themselves(floor: Floor) -> None:
    """While the parent has it open."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        answers = pool.starmap_async(_open_and_place, [(str(floor.exchange.home), user) for user in ("ann", "bob")])
        floor.place("cat", "buy", 1, "4.00")
        assert answers.get(30) == ["new"] * 2
        pool.close()
        pool.join()
    assert floor.findings() == []
    assert floor.kinds().count("order_accepted") == 3


def test_a_file_given_out_before_a_fork_is_refused_in_the_child_only(floor: Floor) -> None:
    """SQLite cannot open it there safely; the message says what to do, and other users' files are not concerned."""
    database = floor.admin.databases.get_trading_database("ann")

    def look() -> None:
        floor.place("ann", "buy", 1, "4.00")
        assert floor.user("bob").transactions.get_transaction_history()
        with pytest.raises(StorageError, match="forked"):
            floor.user("ann").orders.get_active_orders()

    assert succeeded(in_fork(look))
    assert database["metadata"].count == 1
    database.close()
    assert len(floor.user("ann").orders.get_active_orders()) == 1
    assert floor.findings() == []


# Alone


def test_an_sqlite_that_several_processes_can_corrupt_files_with_serves_one_only(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way round: whoever links the affected version is alone, or is refused with a line that says what to do."""
    home = floor.exchange.home
    as_another = (
        "import credit_trading.journal.live as live, credit_trading, sys\n"
        "live.has_wal_reset_bug = lambda: sys.argv[2] == 'affected'\n"
        "credit_trading.open(sys.argv[1]).close()\n"
    )

    def another(kind: str) -> str:
        command = [sys.executable, "-c", as_another, str(home), kind]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr

    assert "Install pysqlite3" in another("affected")
    assert another("sound") == ""
    floor.exchange.close()
    assert another("affected") == ""
    monkeypatch.setattr("credit_trading.journal.live.has_wal_reset_bug", lambda: True)
    with opened(home):
        assert "Install pysqlite3" in another("sound")
