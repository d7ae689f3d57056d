"""Rounds of following: rests after failures, what is said of them, and that nothing ends them but being told to."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator

import attrs
import pytest

from credit_trading.errors import FileForeign, InvalidInput, StorageError, TradingError
from credit_trading.host import standing
from credit_trading.host.following import BackOff, HostFollowing, Synced
from credit_trading.host.standing import Standing
from credit_trading.journal.follower import Position
from credit_trading.users.background import checked_period
from tests.floor import Floor
from tests.forks import in_fork, succeeded

DOWN = StorageError("host", "sqlite:///app.db", "it is down", hint="Start it.")


@attrs.define
class Time:
    """A monotonic clock that only waits move, and the end of rounds after so many waits."""

    most: int
    now_s: float = 0.0
    waits: list[float] = attrs.Factory(list)

    def __call__(self) -> float:
        return self.now_s

    def is_set(self) -> bool:
        return len(self.waits) >= self.most

    def wait(self, timeout: float) -> None:
        self.waits.append(timeout)
        self.now_s += timeout


def synced(sequence: int = 7) -> Synced:
    return Synced(1, 0, 0, Position("x", sequence, b""))


def following(floor: Floor, time: Time, answers: Iterator[Synced | Exception], *, chance: float = 0.0) -> HostFollowing:
    """Rounds that come to these answers, one after the other."""

    def round(stop: Callable[[], bool]) -> Synced:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def said() -> Standing:
        clock = floor.exchange._sequencer.clock
        return Standing(floor.exchange.home, exchange_id="x", host="app", clock=clock, monotonic=time)

    return HostFollowing(round, said, join_s=5, back_off=BackOff(lambda: chance), monotonic=time)


def test_rests_double_up_to_half_a_minute() -> None:
    back_off = BackOff(lambda: 0.0)
    assert [back_off.failed() for _ in range(11)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    back_off.cleared()
    assert back_off.failed() == 0.1


def test_a_rest_is_shorter_by_chance_but_never_less_than_half() -> None:
    """So that workers that failed together do not come back together, and none comes back at once."""
    back_off = BackOff(lambda: 0.999)
    assert 0.05 <= back_off.failed() < 0.051
    for _ in range(5_000):
        rest_s = back_off.failed()
    assert 15 <= rest_s < 15.1


def test_a_failure_is_followed_by_longer_and_longer_rests_and_a_success_clears_them(floor: Floor) -> None:
    """On a clock that stands still but for the rests."""
    time = Time(most=7)
    answers: Iterator[Synced | Exception] = iter([DOWN, DOWN, DOWN, synced(), DOWN, synced(), synced()])
    came = list(following(floor, time, answers).rounds(1.0, time))
    assert time.waits == [0.1, 0.2, 0.4, 1.0, 0.1, 1.0, 1.0]
    assert [type(one) for one in came] == [*[StorageError] * 3, Synced, StorageError, Synced, Synced]


@pytest.mark.parametrize("raised", [ValueError("host's own"), AssertionError("bug"), KeyError("x"), RecursionError()])
def test_whatever_the_hosts_own_code_raises_is_one_more_failure(floor: Floor, raised: Exception) -> None:
    """An adapter may raise anything: it is told as one line, and tried again."""
    time = Time(most=2)
    first, second = following(floor, time, iter([raised, synced()])).rounds(1.0, time)
    assert isinstance(first, StorageError)
    assert type(raised).__name__ in str(first)
    assert first.__cause__ is raised
    assert isinstance(second, Synced)


def test_no_password_gets_into_an_error_or_the_word_that_is_left(floor: Floor) -> None:
    time = Time(most=1)
    raised = RuntimeError("could not connect to postgresql://me:hunter2@db/app?password=hunter2")
    (error,) = following(floor, time, iter([raised])).rounds(1.0, time)
    assert "postgresql://me:***@db/app?password=***" in str(error)
    assert b"hunter2" not in (floor.exchange.home / standing.FILE_NAME).read_bytes()


def test_one_round_raises_what_went_wrong_and_leaves_word_of_it(floor: Floor) -> None:
    time = Time(most=1)
    rounds = following(floor, time, iter([FileForeign("follow", "host", "it is ahead"), synced()]))
    with pytest.raises(FileForeign):
        rounds.once(lambda: False)
    assert b"it is ahead" in (floor.exchange.home / standing.FILE_NAME).read_bytes()
    assert rounds.once(lambda: False) == synced()
    assert b"it is ahead" not in (floor.exchange.home / standing.FILE_NAME).read_bytes()


def test_the_thread_says_once_what_keeps_it_and_goes_on(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    """Forty failures of one kind are one line; it ends when it is told to."""
    failures, well = 40, threading.Event()

    def round(stop: Callable[[], bool]) -> Synced:
        nonlocal failures
        failures -= 1
        if failures > 0:
            raise DOWN
        well.set()
        return synced()

    class Hurry(BackOff):
        def failed(self) -> float:
            return super().failed() * 0

    def said() -> Standing:
        return Standing(floor.exchange.home, exchange_id="x", host="app", clock=floor.exchange._sequencer.clock)

    rounds = HostFollowing(round, said, join_s=5, back_off=Hurry())
    with caplog.at_level(logging.INFO, "credit_trading.host.following"):
        rounds.start(0.001)
        rounds.start(0.001)
        assert rounds.is_running
        assert well.wait(10)
        rounds.stop()
    assert not rounds.is_running
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"the host's database is not brought forward: {DOWN}",
        "the host's database is brought forward again",
    ]


def test_a_forked_child_follows_nothing_until_it_is_told_to(floor: Floor) -> None:
    """And the lock that the parent's thread holds during a round is nobody's in the child."""
    inside, go_on = threading.Event(), threading.Event()

    def round(stop: Callable[[], bool]) -> Synced:
        inside.set()
        go_on.wait(10)
        return synced()

    link = floor.exchange._link
    link.following._round = round
    link.following._make_standing = lambda: Standing(
        floor.exchange.home, exchange_id="x", host="app", clock=floor.exchange._sequencer.clock
    )
    link.following.start(0.01)
    assert inside.wait(5)

    def in_child() -> None:
        assert not link.following.is_running
        link.following.stop()
        go_on.set()
        link.following.once(lambda: False)
        link.following.start(0.01)
        assert link.following.is_running
        link.following.stop()

    assert link.following._running is not None
    with link.following._running[2]._cond:  # type: ignore[attr-defined]  # as if the thread were looking at its end just now
        child = in_fork(in_child)
    assert succeeded(child)
    go_on.set()
    floor.exchange.close()
    assert not link.following.is_running
    assert os.getpid() != child


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf"), True, "1", None, 86_401])
def test_a_period_is_a_number_of_seconds_above_zero(every: object) -> None:
    with pytest.raises(InvalidInput):
        checked_period(every)  # type: ignore[arg-type]  # that is what is tried


def test_without_a_journal_there_is_no_word_and_it_is_a_failure_all_the_same(floor: Floor) -> None:
    time = Time(most=2)

    def nobody() -> Standing:
        raise StorageError("exchange", "", "it is closed")

    rounds = HostFollowing(lambda _: synced(), nobody, join_s=5, back_off=BackOff(lambda: 0.0), monotonic=time)
    came: list[Synced | TradingError] = list(rounds.rounds(1.0, time))
    assert [type(one) for one in came] == [StorageError, StorageError]
    assert time.waits == [0.1, 0.2]
