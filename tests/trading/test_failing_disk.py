"""A disk that fails under the write path: the answer is true or says that it is not known, and trading goes on."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock, Outcome, OutcomeUnknown, Prepared
from credit_trading.errors import NotFound, NotTaken, StorageError, Unwritable
from credit_trading.journal.log import FILE_NAME
from reliability.disk import AVAILABLE, FaultyDisk, faulty_disk
from tests.floor import CASH, Floor, opened, rows_of

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")

WAL = f"{FILE_NAME}-wal"


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


@pytest.fixture
def failing(disk: FaultyDisk, floor: Floor) -> Floor:
    """An exchange on the faulty disk; its WAL has been written to before."""
    return floor


def _deposits(floor: Floor, user: str = "ann") -> int:
    """How many deposits of 1.00 the journal holds for the user, read by hand."""
    number = {"ann": 1, "bob": 2, "cat": 3}[user]
    return int(
        rows_of(
            floor.exchange.home / FILE_NAME,
            "SELECT count(*) FROM journal WHERE kind = 'deposited' AND user_a = ? AND payload ->> 'amount' = 100",
            (number,),
        )[0][0]
    )


def _fences(floor: Floor) -> int:
    return floor.kinds().count("fenced")


def _goes_on(floor: Floor) -> None:
    """Orders meet, files are caught up, nothing is wrong - here and for whoever opens the folder next."""
    order = floor.place("ann", "sell", 1, "3.00")
    assert floor.place("bob", "buy", 1, "3.00").order_status == "filled"
    assert floor.user("ann").orders.get_order(order.order_id).order_status == "filled"
    assert floor.findings() == []
    floor.exchange.close()
    with opened(floor.exchange.home) as again:
        assert Floor(again).findings() == []


@pytest.mark.parametrize("what", ["sync", "write"])
def test_a_commit_that_fails_once_is_fenced_and_answered_truly(failing: Floor, disk: FaultyDisk, what: str) -> None:
    """Taken or NotTaken, as the journal has it after the fence; then trading goes on in the same process."""
    disk.fail(what, suffix=WAL)  # type: ignore[arg-type]
    problem = ""
    try:
        failing.admin.accounts.deposit("ann", CASH, "1.00", key="k")
    except NotTaken as error:
        problem = str(error)
    taken = not problem
    path = failing.exchange.home / FILE_NAME
    assert taken or problem.startswith(
        f'submit "admin/key/k": the commit on {path} failed (disk I/O error); nothing was changed.'
    )
    assert _fences(failing) == 1
    assert _deposits(failing) == taken
    assert failing.admin.accounts.deposit("ann", CASH, "1.00", key="k").repeated == taken
    assert _deposits(failing) == 1
    _goes_on(failing)


def test_a_commit_whose_fence_fails_too_is_unknown_and_safe_to_repeat(failing: Floor, disk: FaultyDisk) -> None:
    """While the disk fails nothing else is decided; once it works, the same id is carried out exactly once."""
    disk.fail("sync", suffix=WAL, times=None)
    with pytest.raises(OutcomeUnknown, match="the same id") as error:
        failing.admin.accounts.deposit("ann", CASH, "1.00", key="k")
    assert error.value.command_id == "admin/key/k"
    assert error.value.took_effect is None
    path = failing.exchange.home / FILE_NAME
    assert str(error.value).startswith(
        f'submit "admin/key/k": the commit on {path} failed (disk I/O error), and so did'
    )
    before = _deposits(failing)
    with pytest.raises(StorageError, match=r"exchange\.fence.*the disk still fails; nothing was changed") as later:
        failing.place("bob", "buy", 1, "2.00")
    assert later.value.took_effect is False
    disk.heal()
    failing.admin.accounts.deposit("ann", CASH, "1.00", key="k")
    assert _deposits(failing) == 1
    assert _fences(failing) >= 1
    assert failing.kinds().count("order_accepted") == 0
    assert before in (0, 1)
    _goes_on(failing)


def test_the_fence_comes_before_anything_else_that_is_decided(failing: Floor, disk: FaultyDisk) -> None:
    """After an unknown outcome the next event in the journal, or the next but the doubtful one, is the fence."""
    disk.fail("sync", suffix=WAL, times=2)
    sequence = failing.exchange.sequence
    with pytest.raises(OutcomeUnknown):
        failing.place("bob", "buy", 1, "2.00", command_id="c")
    failing.place("cat", "buy", 1, "1.00")
    kinds = failing.kinds(after=sequence)
    assert next(kind for kind in kinds if kind != "order_accepted") == "fenced"
    assert kinds[-1] == "order_accepted"
    assert kinds.index("fenced") in (0, 1)
    repeated = failing.place("bob", "buy", 1, "2.00", command_id="c")
    assert repeated.repeated == (kinds.index("fenced") == 1)
    _goes_on(failing)


def test_an_unknown_outcome_is_settled_by_whoever_opens_the_folder_next(home: Path) -> None:
    """The process dies after its COMMIT raised and its fence failed; measured, the lost row may well be there afterwards."""
    with opened(home) as exchange:
        Floor(exchange).set_up("ann", "bob", "cat")
    child = os.fork()
    if child == 0:
        try:
            with faulty_disk() as disk:
                floor = Floor(opened(home))
                floor.admin.accounts.deposit("bob", CASH, "1.00")
                disk.fail("sync", suffix=WAL, times=None)
                try:
                    floor.admin.accounts.deposit("ann", CASH, "1.00", key="k")
                except OutcomeUnknown:
                    os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    floor = Floor(opened(home))
    there = _deposits(floor)
    assert floor.admin.accounts.deposit("ann", CASH, "1.00", key="k").repeated == bool(there)
    assert _deposits(floor) == 1
    _goes_on(floor)


def test_whatever_syncs_fail_no_answer_is_ever_wrong(failing: Floor, disk: FaultyDisk, is_long: bool) -> None:
    """Seeded: syncs and writes fail at random; each deposit is repeated under its key until it is answered."""
    chance = random.Random(5)
    wanted = 400 if is_long else 60
    told: dict[str, int] = {}
    for number in range(wanted):
        if chance.random() < 0.5:
            what = chance.choice(["sync", "sync", "write"])
            disk.fail(what, suffix=WAL, times=chance.randrange(1, 4), after=chance.randrange(3))  # type: ignore[arg-type]
        for _ in range(20):
            try:
                failing.admin.accounts.deposit("ann", CASH, "1.00", key=f"k{number}")
            except NotTaken:
                told["not taken"] = told.get("not taken", 0) + 1
                assert _deposits(failing) == number
            except OutcomeUnknown:
                told["unknown"] = told.get("unknown", 0) + 1
            except StorageError:
                told["fence"] = told.get("fence", 0) + 1
                assert _deposits(failing) <= number + 1
            else:
                break
        assert _deposits(failing) == number + 1
    assert set(told) == {"not taken", "unknown", "fence"}
    disk.heal()
    assert failing.balance("ann") == f"{1_000_000 + wanted}.00"
    _goes_on(failing)


def test_a_full_disk_is_a_clear_error_and_changes_nothing(failing: Floor, disk: FaultyDisk) -> None:
    """ENOSPC: orders, deposits, new users; one line that says what to do, and all goes on when there is space again."""
    before, digest = failing.exchange.sequence, failing.exchange.state_digest()
    disk.fail("write", suffix="-wal", times=None, error="full")
    attempts: list[Callable[[], object]] = [
        lambda: failing.admin.accounts.deposit("ann", CASH, "1.00"),
        lambda: failing.place("bob", "buy", 1, "2.00"),
        lambda: failing.admin.databases.create_trading_database("dan", "dan@example.com"),
        lambda: failing.admin.databases.change_email("ann", "new@example.com"),
    ]
    for attempt in attempts:
        with pytest.raises(Unwritable, match="the disk is full") as error:
            attempt()
        assert f'exchange.write "{failing.exchange.home / FILE_NAME}"' in str(error.value)
        assert "nothing was changed" in str(error.value)
        assert "\n" not in str(error.value)
        assert "Free some space" in str(error.value)
    with pytest.raises(NotFound):
        failing.user("dan")
    disk.heal()
    assert (failing.exchange.sequence, failing.exchange.state_digest()) == (before, digest)
    assert [path.name for path in failing.exchange.home.glob("*dan*")] == []
    for attempt in attempts:
        attempt()
    _goes_on(failing)


def test_a_disk_that_fills_up_in_the_middle_of_a_group_changes_nothing(failing: Floor, disk: FaultyDisk) -> None:
    """A large group is written in many pieces, some of them before its COMMIT."""
    sequence, digest = failing.exchange.sequence, failing.exchange.state_digest()
    group = [failing.prepared("bob", "buy", 1, "2.00") for _ in range(3000)]
    for after in (0, 20, 100):
        disk.fail("write", suffix=WAL, times=None, error="full", after=after)
        with pytest.raises(Unwritable, match="the disk is full"):
            failing.exchange.submit(group)
        disk.heal()
        assert (failing.exchange.sequence, failing.exchange.state_digest()) == (sequence, digest)
    assert all(outcome.ok and not outcome.repeated for outcome in failing.exchange.submit(group))
    _goes_on(failing)


def test_a_disk_that_fills_up_before_the_commit_leaves_no_trace_in_memory(failing: Floor, disk: FaultyDisk) -> None:
    """SQLite writes early when its cache is small, and then the rows fail and not the COMMIT."""
    sequence, digest = failing.exchange.sequence, failing.exchange.state_digest()
    group = [failing.prepared("bob", "buy", 1, "2.00") for _ in range(300)]
    with failing.exchange._live.reading():
        failing.exchange._live.log.connection.execute("PRAGMA cache_size = 2")
    for error in ("full", "io"):
        disk.fail("write", suffix=WAL, times=None, error=error)
        with pytest.raises(StorageError):
            failing.exchange.submit(group)
        disk.heal()
        assert (failing.exchange.sequence, failing.exchange.state_digest()) == (sequence, digest)
    assert failing.place("bob", "buy", 1, "2.00").order_status == "new"
    _goes_on(failing)


def test_a_sweep_whose_commit_fails_tells_the_truth(failing: Floor, disk: FaultyDisk, clock: ManualClock) -> None:
    """Either the order has expired, or it says that it has not."""
    failing.place("ann", "sell", 1, "5.00", expires_at="2026-01-01T00:01:00Z")
    clock.advance(120)
    disk.fail("sync", suffix=WAL)
    try:
        assert failing.exchange.expire_due() == 1
    except NotTaken:
        assert failing.exchange.expire_due() == 1
    assert failing.kinds().count("order_expired") == 1
    _goes_on(failing)


def test_a_users_file_that_cannot_be_written_stops_no_one(failing: Floor, disk: FaultyDisk) -> None:
    """The trade is decided in the journal; the file shows it as soon as it can be written again."""
    failing.place("ann", "sell", 5, "3.00")
    disk.fail("write", suffix="ann_example.com.db-wal", times=None, error="full")
    trade = failing.place("bob", "buy", 5, "3.00")
    assert trade.order_status == "filled"
    assert failing.user("bob").transactions.get_transaction_history()[0].counterparty == "ann"
    with pytest.raises(Unwritable, match="disk is full"):
        failing.user("ann").orders.get_active_orders()
    disk.heal()
    assert failing.user("ann").transactions.get_transaction_history()[0].counterparty == "bob"
    _goes_on(failing)


def _together(exchange: Exchange, groups: list[list[Prepared]]) -> list[list[Outcome] | BaseException]:
    """Each group from a thread of its own, all in one commit; what each thread was told."""
    told: list[list[Outcome] | BaseException] = [[] for _ in groups]

    def run(place: int) -> None:
        try:
            told[place] = exchange.submit(groups[place])
        except Exception as error:  # noqa: BLE001 - the test looks at it in its own thread
            told[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(groups))]
    with exchange._sequencer._leading:
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while len(exchange._sequencer._waiting) < len(groups):
            assert time.monotonic() < deadline
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    return told


def _four_callers(floor: Floor) -> list[list[Prepared]]:
    """One repeats what is done already, one asks for what cannot be, two want something new."""
    deposit = floor.admin.accounts.prepare_deposit
    deposit_again = deposit("cat", CASH, "7.00", key="done")
    floor.exchange.submit([deposit_again])
    ghost = floor.user("ann").orders.prepare_cancel(999)
    return [[deposit_again], [ghost], [deposit("ann", CASH, "1.00", key="a")], [deposit("bob", CASH, "1.00", key="b")]]


def test_callers_who_share_a_commit_each_get_their_own_outcome(failing: Floor) -> None:
    """In one group: an old answer, an error, two new ones."""
    groups = _four_callers(failing)
    before = failing.exchange.sequence
    repeated, ghost, ann, bob = _together(failing.exchange, groups)
    assert isinstance(repeated, list)
    assert repeated[0].repeated
    assert isinstance(ghost, list)
    assert isinstance(ghost[0].error, NotFound)
    assert isinstance(ann, list)
    assert isinstance(bob, list)
    assert {ann[0].command_id, bob[0].command_id} == {"admin/key/a", "admin/key/b"}
    assert failing.exchange.sequence == before + 2
    _goes_on(failing)


@pytest.mark.parametrize("times", [1, 2])
def test_callers_who_share_a_commit_that_fails_each_learn_about_their_own_command(
    failing: Floor, disk: FaultyDisk, times: int
) -> None:
    """Who repeats what is done already has nothing to fear from it; the others hear about their own command, by its id."""
    groups = _four_callers(failing)
    disk.fail("sync", suffix=WAL, times=times)
    repeated, ghost, ann, bob = _together(failing.exchange, groups)
    assert isinstance(repeated, list)
    assert repeated[0].repeated
    assert isinstance(ghost, list)
    assert isinstance(ghost[0].error, NotFound)
    for told, command_id in ((ann, "admin/key/a"), (bob, "admin/key/b")):
        if isinstance(told, list):
            assert times == 1
            assert told[0].command_id == command_id
        else:
            assert isinstance(told, NotTaken if times == 1 else OutcomeUnknown)
            assert told.subject == command_id
    assert ann is not bob
    for outcomes in (failing.exchange.submit(group) for group in groups[2:]):
        assert outcomes[0].ok
    assert (_deposits(failing, "ann"), _deposits(failing, "bob")) == (1, 1)
    _goes_on(failing)


def test_a_bug_in_one_callers_command_does_not_reach_the_others(
    failing: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group is tried again caller by caller; only the one whose command cannot be decided hears of it."""
    from credit_trading.exchange import commands as cmd

    class _Nonsense(cmd.Command, frozen=True):
        pass

    deposit = failing.admin.accounts.prepare_deposit
    nonsense = failing.exchange._sequencer.prepare(_Nonsense(), scope="admin")
    ann, bad, bob = _together(
        failing.exchange,
        [[deposit("ann", CASH, "1.00", key="a")], [nonsense], [deposit("bob", CASH, "1.00", key="b")]],
    )
    assert isinstance(bad, KeyError)
    assert isinstance(ann, list)
    assert isinstance(bob, list)
    assert ann[0].ok
    assert bob[0].ok
    assert (_deposits(failing, "ann"), _deposits(failing, "bob")) == (1, 1)
    _goes_on(failing)


def test_a_checkpoint_on_a_full_disk_is_left_out(failing: Floor, disk: FaultyDisk) -> None:
    """Closing works, whatever the disk says."""
    disk.fail("write", times=None, error="full")
    disk.fail("sync", times=None)
    failing.exchange.close()
    disk.heal()
    with opened(failing.exchange.home) as again:
        assert Floor(again).findings() == []
