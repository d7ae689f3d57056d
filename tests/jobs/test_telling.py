"""Whom it is told: what was lost, what could not be written, what is overdue; and hooks that do not end as they should."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from credit_trading import ManualClock
from credit_trading.errors import Busy, StorageError, Unwritable
from credit_trading.jobs import hook, jobs_db, rows
from credit_trading.jobs.config import Hook, Job
from credit_trading.jobs.hook import Happening
from credit_trading.jobs.jobs_db import writing
from credit_trading.jobs.rows import DONE, FAILED, LEASE_US, LOST, TELL_AGAIN_S
from credit_trading.jobs.runner import Runner
from credit_trading.jobs.runs import Runs
from credit_trading.jobs.scheduler import Scheduler
from credit_trading.jobs.work import Result
from credit_trading.progress import Progress
from credit_trading.store.sqlite import Connection
from tests.floor import Floor
from tests.forks import in_fork
from tests.jobs.schedule import HOUR_US, SIX_US, Doing, job, jobs_of, teller, told

HOURLY, OTHER, THIRD = job(), job("other"), job("third")
FULL = Unwritable("jobs", "jobs.db", "the disk is full")


@pytest.fixture(autouse=True)
def at_six(clock: ManualClock) -> None:
    clock.set(SIX_US)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the hook writes what it was told."""
    return tmp_path / "told"


def made(floor: Floor, clock: ManualClock, hook: Hook, *jobs: Job, work: Doing | None = None) -> Runner:
    return Runner(floor.exchange, jobs_of(floor.exchange.home, *jobs, hook=hook), clock=clock, work=work or Doing())


def all_due(floor: Floor, clock: ManualClock, hook: Hook, work: Doing) -> Scheduler:
    """Three jobs that have been due since seven; it is half past."""
    for one in (HOURLY, OTHER, THIRD):
        Runs(floor.exchange.home).due_at_us(one, SIX_US)
    clock.set(SIX_US + HOUR_US + HOUR_US // 2)
    jobs = jobs_of(floor.exchange.home / "jobs.toml", HOURLY, OTHER, THIRD, hook=hook)
    return Scheduler(floor.exchange, jobs, clock=clock, work=work)


def killed_in_the_middle(home: Path) -> int:
    """The process that was killed in its hourly job, a lease ago by the clock."""
    claimed, tell = os.pipe()

    def begin() -> None:
        Runs(home).claim(HOURLY, SIX_US - LEASE_US, in_any_case=True)
        os.write(tell, b"!")
        time.sleep(60)

    child = in_fork(begin)
    assert os.read(claimed, 1) == b"!"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(claimed)
    os.close(tell)
    return child


# What was lost


def test_a_lost_run_is_told_once(
    floor: Floor, clock: ManualClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By whoever finds it, before the job is done again: that may end like the last time."""
    child = killed_in_the_middle(floor.exchange.home)

    def action(_: Progress) -> Result:
        assert len(told(path)) == 1
        return Result(detail="")

    one = made(floor, clock, teller(path), HOURLY, work=Doing(action))
    for _ in range(2):
        one.run(HOURLY)
    (lost,) = told(path)
    assert (lost["event"], lost["outcome"], lost["job"], lost["kind"], lost["process"]) == (
        *("failed", "lost", "hourly", "expire"),
        child,
    )
    assert f"job hourly was lost: process {child} ended in the middle of it" in caplog.text
    assert [run.outcome for run in one.runs.latest(most=9)] == [DONE, LOST]


def test_a_lost_run_is_told_where_nothing_is_due_or_somebody_is_at_it(
    floor: Floor, clock: ManualClock, path: Path
) -> None:
    """Also of a job that is not in the file any more. A claim that is refused takes nothing back."""
    killed_in_the_middle(floor.exchange.home)
    claim = Runs(floor.exchange.home).claim(OTHER, SIX_US - LEASE_US // 2, in_any_case=True)
    assert claim is not None
    one = made(floor, clock, teller(path), OTHER)
    for _ in range(2):
        with pytest.raises(Busy):
            one.run(OTHER, in_any_case=True)
    assert [(lost["job"], lost["kind"], lost["outcome"]) for lost in told(path)] == [("hourly", None, "lost")]
    claim.finish(DONE, SIX_US, size_bytes=None, detail="")


def test_a_look_tells_of_what_was_lost(floor: Floor, clock: ManualClock, path: Path) -> None:
    killed_in_the_middle(floor.exchange.home)
    jobs = jobs_of(floor.exchange.home / "jobs.toml", OTHER, hook=teller(path))
    one = Scheduler(floor.exchange, jobs, clock=clock, work=Doing())
    one.look(one._waker())
    assert [lost["outcome"] for lost in told(path)] == ["lost"]


# What could not be written


def test_a_run_whose_outcome_cannot_be_written_is_told_and_the_others_are_done(
    floor: Floor, clock: ManualClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no success: it will be done again, and says why."""
    finish = rows.finish

    def full_at_first(connection: Connection, run: int, *rest: object, **more: object) -> None:
        if run == 1:
            raise FULL
        finish(connection, run, *rest, **more)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(rows, "finish", full_at_first)
    one = all_due(floor, clock, teller(path), Doing())
    assert [(run.job, run.outcome) for run in one.run_due()] == [("hourly", FAILED), ("other", DONE), ("third", DONE)]
    (failed,) = told(path)
    assert (failed["job"], failed["event"], failed["run"]) == ("hourly", "failed", 1)
    assert failed["detail"] == 'it was done, which could not be written: jobs "jobs.db": the disk is full. fine'
    clock.advance(LEASE_US / 1_000_000)
    assert [run.job for run in one.run_due()] == ["hourly"]
    (lost,) = [run for run in Runs(floor.exchange.home).latest(most=9) if run.outcome == LOST]
    assert (lost.detail or "").endswith("or could not write what came of it")


def test_a_disk_that_is_full_from_then_on_is_told_once_for_each_reason(
    floor: Floor, clock: ManualClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at all can be written to jobs.db: neither what came of the first job, nor that the others are begun."""
    full: list[bool] = []

    @contextmanager
    def failing(home: Path) -> Iterator[Connection]:
        if full:
            raise FULL
        with writing(home) as connection:
            yield connection

    def action(_: Progress) -> Result:
        full.append(True)
        return Result(detail="2 findings", is_good=False)

    monkeypatch.setattr(jobs_db, "writing", failing)
    doing = Doing(action)
    one = all_due(floor, clock, teller(path), doing)
    with pytest.raises(StorageError, match="the disk is full"):
        one.run_due()
    assert doing.done == ["hourly"]
    first, second = told(path)
    assert first["detail"].startswith("it was failed, which could not be written")
    assert first["detail"].endswith("2 findings")
    assert (second["job"], second["kind"], second["run"]) == ("other", "expire", None)
    assert second["detail"] == 'job other cannot be done: jobs "jobs.db": the disk is full.'


def test_an_interrupt_is_not_hidden_by_a_full_disk(
    floor: Floor, clock: ManualClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise FULL

    def action(_: Progress) -> Result:
        raise KeyboardInterrupt

    monkeypatch.setattr(rows, "finish", full)
    with pytest.raises(KeyboardInterrupt):
        all_due(floor, clock, teller(path), Doing(action)).run_due()


# What is overdue


def test_overdue_is_told_again_after_a_hook_that_failed_until_one_is_told(
    floor: Floor, clock: ManualClock, path: Path
) -> None:
    """Every ten minutes, not at each look."""
    failing = Hook(command=("false",))
    made(floor, clock, failing, HOURLY).tell_overdue(HOURLY, "it was never done")
    working = made(floor, clock, teller(path), HOURLY)
    assert working.runs.known()["hourly"].hook_problem == "false ended with 1"
    clock.advance(TELL_AGAIN_S - 1)
    working.tell_overdue(HOURLY, "it was never done")
    assert told(path) == []
    clock.advance(1)
    for _ in range(3):
        working.tell_overdue(HOURLY, "it was never done")
        clock.advance(2 * TELL_AGAIN_S)
    assert [one["event"] for one in told(path)] == ["overdue"]
    assert working.runs.known()["hourly"].hook_problem is None


def test_overdue_is_told_again_where_the_process_that_told_it_was_killed_meanwhile(home: Path) -> None:
    """And where the clock was ahead then."""
    home.mkdir()
    runs = Runs(home)
    ahead_us = SIX_US + 20_000 * HOUR_US
    again_us = TELL_AGAIN_S * 1_000_000
    moments_us = (ahead_us, ahead_us + 1, SIX_US, SIX_US + again_us - 1, SIX_US + again_us)
    assert [runs.tell_overdue(HOURLY, now_us, untold="killed") for now_us in moments_us] == [
        *(True, False, True, False, True)
    ]
    assert runs.known()["hourly"].hook_problem == "killed"
    runs.note_hook("hourly", None)
    assert not runs.tell_overdue(HOURLY, SIX_US + 9 * again_us, untold="killed")


# Hooks that do not end as they should


def tell(script: str, *, timeout_s: int = 1) -> str | None:
    happening = Happening(event="failed", home="/x", job="a", kind="expire", detail="", last_done_at=None)
    return hook.tell(Hook(command=("sh", "-c", script), timeout_s=timeout_s), happening)


def test_a_hook_is_done_when_it_has_ended_whatever_it_leaves_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailer in the background that keeps standard error open is no failure; what was said before is kept."""
    monkeypatch.setattr(hook, "_LAST_WORDS_S", 0.2)
    began = time.monotonic()
    assert tell("sleep 3 & exit 0") is None
    assert tell("sleep 3 & echo no mail >&2; exit 7") == "sh ended with 7: no mail"
    assert time.monotonic() - began < 2


def test_a_hook_that_says_much_or_does_not_listen_is_not_held_up() -> None:
    """Of what it says the end is kept."""
    said = tell("yes word | head -c 1000000 >&2; echo the end >&2; exit 1", timeout_s=20)
    assert said is not None
    assert said.endswith("word the end")
    assert len(said) < 400
    assert tell("exec <&-; exit 0", timeout_s=20) is None
