"""Users' files are brought forward in the background: by whom, how far behind they are at most, and what a failing file holds up."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import InvalidInput, StorageError
from credit_trading.store.locks import PROJECTOR
from credit_trading.store.sqlite import connect
from credit_trading.users import follower as followers
from credit_trading.users import mark as marks
from credit_trading.users.follower import Followed, Follower
from tests.floor import Floor, opened, rows_of
from tests.forks import in_fork, succeeded


@pytest.fixture
def floor(home: Path, clock: ManualClock) -> Iterator[Floor]:
    """As everywhere, but nothing is carried into users' files by a commit."""
    with opened(home, clock=clock, settings=Settings(project_on_commit=False)) as exchange:
        yield Floor(exchange).set_up("ann", "bob", "cat")


@pytest.fixture
def follower(floor: Floor) -> Follower:
    return floor.exchange._follower


def applied(floor: Floor, user: str) -> int:
    """Up to which event the user's file goes, as it lies there."""
    return int(rows_of(floor.path(user), "SELECT applied_sequence FROM metadata")[0][0])


def trade(floor: Floor, buyer: str, seller: str) -> None:
    floor.place(seller, "sell", 1, "5.00")
    floor.place(buyer, "buy", 1, "5.00")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes to the file and does not end."""
    other = connect(path, mode="rw")
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def wait_for(condition: Callable[[], bool], *, at_most_s: float = 10) -> None:
    deadline = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_only_the_files_of_users_who_are_named_beyond_the_mark_are_looked_at(floor: Floor, follower: Follower) -> None:
    """The first round looks at all; then ann and bob trade, and cat's file is left alone."""
    assert follower.follow() == Followed(sequence=floor.exchange.sequence, files=3, behind=0)
    trade(floor, "ann", "bob")
    head = floor.exchange.sequence
    assert applied(floor, "ann") < head
    assert follower.follow() == Followed(sequence=head, files=2, behind=0)
    assert (applied(floor, "ann"), applied(floor, "bob")) == (head, head)
    assert follower.follow() == Followed(sequence=head, files=0, behind=0)


def test_the_mark_outlives_the_process(floor: Floor, follower: Follower, reopen: Callable[..., Exchange]) -> None:
    """Another one goes on from there."""
    follower.follow()
    trade(floor, "ann", "bob")
    assert reopen(project_on_commit=False)._follower.follow().files == 2


def test_the_mark_moves_slice_by_slice_and_stays_before_one_that_is_broken_off(
    floor: Floor, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash, or when it is told to end, no file is taken for further than it is."""
    follower.follow()
    before = floor.exchange.sequence
    for _ in range(4):
        trade(floor, "ann", "bob")
    monkeypatch.setattr(followers, "ROWS_AT_ONCE", 3)
    asked = iter([False, False, True])
    followed = follower.follow(stop=lambda: next(asked))
    assert (followed.sequence, followed.files) == (before + 3, 3)
    mark = follower.mark()
    assert mark is not None
    assert mark.position.sequence == before + 3
    assert follower.follow().sequence == floor.exchange.sequence


BAD_MARKS: dict[str, Callable[[dict[str, object]], bytes]] = {
    "damaged": lambda _: b"\x00 no JSON",
    "empty": lambda _: b"",
    "of another form": lambda _: b'{"sequence": 7}',
    "of another exchange": lambda mark: msgspec.json.encode(mark | {"exchange_id": "0" * 32}),
    "on another history": lambda mark: msgspec.json.encode(mark | {"hash": "00" * 32}),
    "ahead of the journal": lambda mark: msgspec.json.encode(mark | {"sequence": 10**9}),
    "from before the machine was started": lambda mark: msgspec.json.encode(mark | {"boot": "another"}),
}


@pytest.mark.parametrize("bad", BAD_MARKS.values(), ids=BAD_MARKS)
def test_a_mark_that_is_not_of_this_journal_is_not_believed(
    floor: Floor, follower: Follower, home: Path, bad: Callable[[dict[str, object]], bytes]
) -> None:
    """All files are looked at: an older exchange.db was put back, or the file was copied here."""
    follower.follow()
    path = home / marks.FILE_NAME
    path.write_bytes(bad(msgspec.json.decode(path.read_bytes())))
    assert follower.mark() is None
    assert follower.follow() == Followed(sequence=floor.exchange.sequence, files=3, behind=0)
    assert follower.mark() is not None


def test_a_file_that_fails_holds_up_neither_the_others_nor_the_mark(
    floor: Floor, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on the mark's list, and comes after when it is tried again."""
    follower.follow()
    trade(floor, "ann", "bob")
    head = floor.exchange.sequence
    with locked(floor.path("ann")):
        assert follower.follow() == Followed(sequence=head, files=2, behind=1)
    assert (applied(floor, "bob"), applied(floor, "ann") < head) == (head, True)
    assert floor.admin.status().views.files_behind == ["ann"]
    monkeypatch.setattr(follower, "_retry_at", 0.0)
    assert follower.follow() == Followed(sequence=head, files=1, behind=0)
    assert applied(floor, "ann") == head


def test_where_most_files_fail_the_mark_stays(
    floor: Floor, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is not them: the disk is full, or no more files may be opened."""
    follower.follow()
    before = floor.exchange.sequence
    trade(floor, "ann", "bob")
    monkeypatch.setattr(followers, "MOST_BEHIND", 1)
    with locked(floor.path("ann")), locked(floor.path("bob")), pytest.raises(StorageError, match="2 users"):
        follower.follow()
    mark = follower.mark()
    assert mark is not None
    assert mark.position.sequence == before


def test_users_who_are_deleted_have_no_file_to_bring(floor: Floor, follower: Follower) -> None:
    follower.follow()
    floor.admin.databases.delete_trading_database("cat", sweep_to="ann")
    assert follower.follow().behind == 0


def test_catching_up_all_moves_the_mark(floor: Floor, follower: Follower) -> None:
    """Unless another process has the right to; the files are brought forward in any case."""
    assert floor.admin.databases.catch_up() == 0
    mark = follower.mark()
    assert mark is not None
    assert mark.position.sequence == floor.exchange.sequence
    before = mark.position.sequence
    trade(floor, "ann", "bob")
    with floor.exchange._live.lock_file.hold(PROJECTOR, timeout_s=1, operation="test"):
        floor.admin.databases.catch_up()
    mark = follower.mark()
    assert mark is not None
    assert mark.position.sequence == before
    assert applied(floor, "ann") == floor.exchange.sequence


@pytest.mark.long
def test_no_view_is_ever_far_behind_while_others_write(home: Path, is_long: bool) -> None:
    """With a round every half a second and writing without a break, the mark is never 3 s behind, nor is a file."""
    with credit_trading.open(home, create=True, settings=Settings(project_on_commit=False)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        done, counted = threading.Event(), []

        def write() -> None:
            while not done.is_set():
                trade(floor, "ann", "bob")
                trade(floor, "bob", "cat")
                counted.append(2)

        exchange.follow(0.5)
        writer = threading.Thread(target=write)
        writer.start()
        samples: list[tuple[float, int]] = []
        try:
            until = time.monotonic() + (60 if is_long else 6)
            while time.monotonic() < until:
                samples.append((time.monotonic(), exchange.sequence))
                time.sleep(0.1)
                earlier = [head for at, head in samples if at < time.monotonic() - 3]
                if earlier:
                    mark = exchange._follower.mark()
                    assert mark is not None
                    assert mark.position.sequence >= earlier[-1]
                    assert applied(floor, "bob") >= earlier[-1]
        finally:
            done.set()
            writer.join()
        assert sum(counted) > 100
        head = exchange.sequence
        wait_for(lambda: exchange.as_admin("test").status().views.sequence == head)
        assert applied(floor, "cat") == head


def test_the_thread_ends_when_the_exchange_is_closed(home: Path) -> None:
    """And the next process may follow at once."""
    with opened(home) as exchange:
        exchange.follow(0.05)
        exchange.follow(0.05)
        assert exchange.following.is_running
        assert [thread.name for thread in threading.enumerate()].count("credit-trading-follow") == 1
        wait_for(lambda: (home / marks.FILE_NAME).exists())
    assert not exchange.following.is_running
    assert "credit-trading-follow" not in [thread.name for thread in threading.enumerate()]
    with opened(home) as exchange:
        assert exchange._live.lock_file.try_acquire(PROJECTOR)
        exchange._live.lock_file.release(PROJECTOR)


def test_a_forked_child_follows_nothing_until_it_is_told_to(floor: Floor, home: Path) -> None:
    """The parent's thread goes on; the child's exchange can be used, can follow on its own, and closes without waiting for a thread."""
    exchange = floor.exchange
    exchange.follow(0.02)

    def in_child() -> None:
        assert not exchange.following.is_running
        trade(floor, "ann", "bob")
        exchange.follow(0.02)
        assert exchange.following.is_running
        exchange.close()

    for _ in range(5):
        trade(floor, "bob", "ann")
        assert succeeded(in_fork(in_child))
    assert exchange.following.is_running
    head = exchange.sequence
    wait_for(lambda: floor.admin.status().views.sequence == head)
    assert floor.findings() == []


def test_a_childs_exchange_is_closed_without_waiting_for_its_parents_thread(floor: Floor) -> None:
    """What that thread had locked at the fork stays locked in the child for good."""
    exchange = floor.exchange
    exchange.follow(0.02)
    running = exchange.following._running
    assert running is not None
    with running[2]._cond:  # type: ignore[attr-defined]  # of the event that would be set
        child = in_fork(exchange.close)
    assert succeeded(child)


def test_one_process_follows_and_another_takes_over_when_it_is_killed(home: Path) -> None:
    """Standing by is told as None."""
    opened(home).close()
    ready, tell = os.pipe()

    def follow() -> None:
        exchange = opened(home)
        exchange.follow(0.05)
        wait_for(lambda: (home / marks.FILE_NAME).exists())
        os.write(tell, b"!")
        time.sleep(30)

    child = in_fork(follow)
    assert os.read(ready, 1) == b"!"
    with opened(home) as exchange:
        rounds = exchange.following.rounds(0.01, threading.Event())
        assert [next(rounds), next(rounds)] == [None, None]
        assert exchange.as_admin("test").status().processes.follower == child
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert isinstance(next(rounds), Followed)
        assert exchange.as_admin("test").status().processes.follower == os.getpid()
        rounds.close()  # type: ignore[attr-defined]  # a generator
        assert exchange.as_admin("test").status().processes.follower is None


def test_checkpoints_are_saved_in_the_background_when_they_are_due(home: Path) -> None:
    with opened(home, settings=Settings(checkpoint_every_events=10)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        exchange.follow(0.05)
        for _ in range(5):
            trade(floor, "ann", "bob")
        wait_for(lambda: floor.admin.status().checkpoints.sequence is not None)


def test_trouble_is_told_once_and_does_not_end_the_thread(
    floor: Floor, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds go on, and the mark moves when the trouble is over."""
    asked: list[int] = []

    def fail(_: object) -> bool:
        asked.append(1)
        raise StorageError("files.write", home, "the disk is gone")

    monkeypatch.setattr(floor.exchange.following, "_beside", lambda: fail(None))
    floor.exchange.follow(0.01)
    wait_for(lambda: len(asked) > 5)
    assert caplog.text.count("the disk is gone") == 1
    assert floor.exchange.following.is_running


@pytest.mark.parametrize("every_s", [0, -1, float("nan"), float("inf"), 10**6, "1", True, None])
def test_a_period_is_a_number_above_zero(floor: Floor, every_s: float) -> None:
    with pytest.raises(InvalidInput):
        floor.exchange.follow(every_s)
    assert not floor.exchange.following.is_running
