"""Commands that belong together: all of them are decided in one COMMIT, or none is."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock, OutcomeUnknown, Prepared
from credit_trading.errors import Busy, InvalidInput, NotAllTaken, NotTaken, StorageError
from credit_trading.exchange.replica import Replica
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.users.bulk import creation
from reliability.disk import AVAILABLE, FaultyDisk, faulty_disk
from tests.floor import CASH, Floor, opened, rows_of, shared_content
from tests.forks import in_fork

WAL = f"{FILE_NAME}-wal"

Reopen = Callable[..., Exchange]


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    if not AVAILABLE:
        pytest.skip("needs pysqlite3 with sqlite3_vfs_find")
    with faulty_disk() as disk:
        yield disk


def deposit(floor: Floor, amount: str = "1.00", key: str | None = None) -> Prepared:
    return floor.admin.accounts.prepare_deposit("ann", CASH, amount, key=key)


def too_much(floor: Floor) -> Prepared:
    return floor.admin.accounts.prepare_withdrawal("bob", CASH, "2000000.00")


def together(floor: Floor, *commands: Prepared, **more: Any) -> list[int]:
    return [one.sequence for one in floor.exchange._sequencer.submit_together(commands, **more)]


def everything(floor: Floor) -> tuple[object, ...]:
    """All that a command could change: state, head, users, their files."""
    users = [one.user_id for one in floor.admin.databases.list_trading_databases()]
    head = floor.admin.journal_head()
    notes = rows_of(floor.exchange.home / FILE_NAME, "SELECT * FROM command_notes ORDER BY sequence")
    files = [shared_content(floor.path(user)) for user in users]
    names = sorted(path.name for path in floor.exchange.home.glob("trading_*"))
    return floor.exchange.state_digest(), head, users, notes, files, names


def test_all_of_them_are_taken_in_their_order(floor: Floor) -> None:
    head = floor.exchange.sequence
    assert together(floor, deposit(floor), deposit(floor), floor.prepared("ann", "sell", 1, "5.00")) == [
        head + 1,
        head + 2,
        head + 3,
    ]
    assert floor.balance("ann") == "1000002.00"
    assert floor.findings() == []


def test_one_that_is_rejected_in_the_middle_leaves_nothing_of_all(floor: Floor, clock: ManualClock) -> None:
    """Not even the order that was due to expire by then, nor what the replica in memory had applied."""
    floor.place("ann", "sell", 1, "9.00", expires_at="2026-01-01T00:00:05Z")
    before = everything(floor)
    clock.advance(10)
    with pytest.raises(NotAllTaken, match="command 2 cannot be taken, so none was: rejected") as error:
        together(floor, deposit(floor), too_much(floor), deposit(floor))
    assert error.value.place == 1
    assert error.value.reason.code == "rejected"
    clock.advance(-10)
    assert everything(floor) == before
    assert floor.findings() == []


def test_one_that_is_malformed_leaves_nothing_either(floor: Floor) -> None:
    """A user's row in the catalogue, which is written before the commit, is rolled back too."""
    before = everything(floor)
    command, part = creation("dan", "dan@example.com", lambda _: None)
    prepared = floor.exchange._sequencer.prepare(command, scope="admin", personal=part)
    command, part = creation("DAN", "dan@example.com", lambda _: None)
    twice = floor.exchange._sequencer.prepare(command, scope="admin", personal=part)
    with pytest.raises(NotAllTaken, match="the user dan differs only in case"):
        together(floor, prepared, deposit(floor), twice)
    assert everything(floor) == before
    assert floor.findings() == []


def test_what_no_longer_fits_is_refused_before_anything_is_decided(floor: Floor) -> None:
    before = everything(floor)

    def check(replica: Replica) -> None:
        assert replica.sequence == floor.exchange.sequence
        raise InvalidInput("test", "", "no longer as it was")

    with pytest.raises(InvalidInput, match="no longer as it was"):
        together(floor, deposit(floor), check=check)
    assert everything(floor) == before


def test_a_key_that_is_known_is_answered_again_and_the_rest_is_taken(floor: Floor) -> None:
    first = floor.admin.accounts.deposit("ann", CASH, "1.00", key="k").sequence
    assert together(floor, deposit(floor, key="k"), deposit(floor)) == [first, first + 1]
    with pytest.raises(NotAllTaken, match="used before for something else"):
        together(floor, deposit(floor), deposit(floor, "2.00", key="k"))
    assert floor.balance("ann") == "1000002.00"


def test_others_are_not_part_of_it(floor: Floor) -> None:
    """Threads that submit at the same time are decided before or after, and are not undone with it."""

    def refused() -> None:
        for _ in range(10):
            with pytest.raises(NotAllTaken):
                together(floor, *[deposit(floor) for _ in range(10)], too_much(floor))

    def others() -> None:
        for _ in range(10):
            floor.admin.accounts.deposit("cat", CASH, "1.00")

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for work in (refused, others, others)]:
            done.result()
    assert (floor.balance("ann"), floor.balance("cat")) == ("1000000.00", "1000020.00")
    assert floor.findings() == []


def test_a_wait_that_is_too_long_is_told(floor: Floor, reopen: Reopen) -> None:
    busy = Floor(reopen(lock_timeout_s=1))
    with busy.exchange._sequencer._leading, pytest.raises(Busy, match="nothing was changed"):
        together(busy, deposit(busy))


@pytest.mark.parametrize("what", ["sync", "write"])
def test_a_commit_that_fails_is_answered_truly(disk: FaultyDisk, floor: Floor, what: str) -> None:
    """As for any other submission: a fence decides, and then all are there or none is."""
    disk.fail(what, suffix=WAL)  # type: ignore[arg-type]
    told = ""
    try:
        together(floor, deposit(floor, key="k"), deposit(floor))
    except NotTaken as error:
        told = str(error)
    taken = not told
    assert taken or told.startswith('submit "admin/key/k"')
    assert floor.balance("ann") == ("1000002.00" if taken else "1000000.00")
    assert floor.findings() == []


def test_a_commit_whose_fence_fails_too_is_unknown_and_safe_to_repeat(disk: FaultyDisk, floor: Floor) -> None:
    disk.fail("sync", suffix=WAL, times=None)
    with pytest.raises(OutcomeUnknown, match="admin/key/k"):
        together(floor, deposit(floor, key="k"), deposit(floor, key="l"))
    with pytest.raises(StorageError, match="the disk still fails"):
        together(floor, deposit(floor, key="k"), deposit(floor, key="l"))
    disk.heal()
    together(floor, deposit(floor, key="k"), deposit(floor, key="l"))
    assert floor.balance("ann") == "1000002.00"
    assert floor.findings() == []


def test_a_kill_before_the_commit_leaves_nothing(
    home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is written into the transaction; then the process is gone."""
    with opened(home, clock=clock) as exchange:
        Floor(exchange).set_up("ann", "bob")
    append = Log.append

    def die_after(self: Log, *args: Any) -> bytes:
        append(self, *args)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def work() -> None:
        with opened(home, clock=clock) as exchange:
            floor = Floor(exchange)
            monkeypatch.setattr(Log, "append", die_after)
            together(floor, deposit(floor), deposit(floor))

    _, status = os.waitpid(in_fork(work), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange)
        assert floor.balance("ann") == "1000000.00"
        assert floor.findings() == []
