"""The scheduler: late is not lost, long does not hold up short, and it ends when it is told to."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.clock import SystemClock
from credit_trading.errors import NotFound
from credit_trading.jobs import config, scheduler
from credit_trading.jobs.rows import DONE, STOPPED, Run
from credit_trading.jobs.runs import Runs
from credit_trading.jobs.scheduler import Scheduler
from credit_trading.jobs.work import Result
from credit_trading.progress import Progress
from tests.floor import Floor
from tests.forks import in_fork, succeeded
from tests.jobs.schedule import HOUR_US, Doing, job, jobs_of

SWEEP = job("sweep", config.EXPIRE)
BACKUP = job("backup", config.BACKUP)


def known_since(home: Path, hours: int, *jobs: config.Job) -> None:
    """As if they had been looked at so long ago, and never since."""
    for one in jobs:
        Runs(home).due_at_us(one, SystemClock().now_us() - hours * HOUR_US)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_job_that_is_hours_late_is_done_once(floor: Floor) -> None:
    """APScheduler by itself drops what is later than a second. What was not missed is not done at once."""
    home, over = floor.exchange.home, list[Run]()
    new = job("new")
    known_since(home, 5, SWEEP)
    with Scheduler(floor.exchange, jobs_of(home, SWEEP, new), on_run=over.append, work=Doing()):
        until(lambda: over)
    (run,) = over
    assert (run.job, run.outcome) == ("sweep", DONE)
    assert run.started_at_us - run.due_at_us > 3 * HOUR_US


def test_a_late_job_is_woken_though_the_machine_is_busy(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lane was not free when it was due: the wakings that were missed are one, an hour late or not."""
    home, over = floor.exchange.home, list[Run]()
    known_since(home, 3, BACKUP)
    one = Scheduler(floor.exchange, jobs_of(home, BACKUP), on_run=over.append, work=Doing())
    waker = one._waker()
    monkeypatch.setattr(one, "_waker", lambda: waker)
    start = waker.start
    monkeypatch.setattr(waker, "start", lambda: start(paused=True))
    with one:
        (woken,) = waker.get_jobs()
        assert (woken.misfire_grace_time, woken.coalesce, woken.max_instances) == (None, True, 1)
        waker.resume()
        until(lambda: over)
    assert len(over) == 1


def test_a_long_backup_does_not_hold_up_the_sweep(floor: Floor) -> None:
    """All of them are due at once, and none of the long ones ends before the sweep was done."""
    home, swept = floor.exchange.home, threading.Event()

    class Long(Doing):
        def __call__(self, job: config.Job, exchange: Exchange, progress: Progress) -> Result:
            self.done.append(job.name)
            if job.kind == config.EXPIRE:
                swept.set()
            else:
                assert swept.wait(20)
            return Result(detail="")

    jobs = [BACKUP, job("full", config.BACKUP), job("drill", config.DRILL), job("verify", config.VERIFY), SWEEP]
    known_since(home, 3, *jobs)
    over: list[Run] = []
    with Scheduler(floor.exchange, jobs_of(home, *jobs), on_run=over.append, work=Long()):
        until(lambda: len(over) == 5)
    assert {run.outcome for run in over} == {DONE}


def test_of_two_schedulers_each_job_is_done_by_one(floor: Floor, reopen: Callable[..., Exchange]) -> None:
    home, doing, over = floor.exchange.home, Doing(), list[Run]()
    jobs = [job(f"job-{number}", config.EXPIRE) for number in range(5)]
    known_since(home, 3, *jobs)
    with (
        Scheduler(floor.exchange, jobs_of(home, *jobs), on_run=over.append, work=doing),
        Scheduler(reopen(), jobs_of(home, *jobs), on_run=over.append, work=doing),
    ):
        until(lambda: len(over) == 5)
    assert sorted(doing.done) == sorted(one.name for one in jobs)


def test_it_ends_in_the_middle_of_a_job_which_goes_on_at_the_next_start(floor: Floor) -> None:
    """Within a step, not when the job is over; what waits behind it in its lane is not begun."""
    home, over, begun = floor.exchange.home, list[Run](), threading.Event()

    def action(progress: Progress) -> Result:
        for step in range(20_000):
            begun.set()
            progress(step, 20_000)
            time.sleep(0.001)
        return Result(detail="")

    jobs = jobs_of(home, BACKUP, job("full", config.BACKUP))
    known_since(home, 3, *jobs.jobs.values())
    one = Scheduler(floor.exchange, jobs, on_run=over.append, work=Doing(action))
    one.start()
    assert begun.wait(10)
    began = time.monotonic()
    one.stop()
    assert time.monotonic() - began < 2
    one.stop()
    assert not one.is_running
    assert [run.outcome for run in over] == [STOPPED]
    with Scheduler(floor.exchange, jobs, on_run=over.append, work=Doing()):
        until(lambda: len(over) == 3)
    assert [run.outcome for run in over[1:]] == [DONE, DONE]
    assert over[0].due_at_us in {run.due_at_us for run in over[1:] if run.job == over[0].job}


def test_a_look_wakes_what_the_clock_has_leaped_over(
    floor: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """APScheduler sleeps until the moment that it knew; the table is looked at all the same. So is what is overdue."""
    monkeypatch.setattr(scheduler, "LOOK_S", 0.01)
    home, over = floor.exchange.home, list[Run]()
    clock.set(SystemClock().now_us() - HOUR_US)
    with Scheduler(floor.exchange, jobs_of(home, SWEEP), on_run=over.append, clock=clock, work=Doing()):
        time.sleep(0.05)
        assert over == []
        clock.advance(3600)
        until(lambda: over)


def test_what_is_overdue_is_told_while_nothing_is_due(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    home = floor.exchange.home
    known_since(home, 9, SWEEP)
    broken = Doing(lambda _: Result(detail="no", is_good=False))
    one = Scheduler(floor.exchange, jobs_of(home, SWEEP), work=broken)
    assert [run.outcome for run in one.run_due()] == ["failed"]
    assert one.run_due() == []
    assert caplog.text.count("job sweep is overdue: it was never done, and has 3h") == 1


def test_what_is_due_is_done_until_it_is_told_to_end(floor: Floor) -> None:
    """For schedulers of others."""
    home, doing = floor.exchange.home, Doing()
    jobs = [job("first"), job("second"), job("third")]
    known_since(home, 3, *jobs)
    one = Scheduler(floor.exchange, jobs_of(home, *jobs), work=doing)
    assert [run.job for run in one.run_due(lambda: len(doing.done) == 2)] == ["first", "second"]
    assert [run.job for run in one.run_due()] == ["third"]


def test_a_forked_child_does_nothing_by_itself(floor: Floor) -> None:
    """And its end does not wait for its parent's threads."""
    with Scheduler(floor.exchange, jobs_of(floor.exchange.home, SWEEP), work=Doing()) as one:

        def look() -> None:
            assert not one.is_running
            one.stop()

        assert succeeded(in_fork(look))
        assert one.is_running


def test_by_default_the_folder_says_which_jobs_there_are(floor: Floor) -> None:
    with pytest.raises(NotFound, match="jobs init"):
        Scheduler(floor.exchange)
    config.path_in(floor.exchange.home).write_text('[jobs.sweep]\nkind = "expire"\nevery = "1s"\n')
    over: list[Run] = []
    with Scheduler(floor.exchange, on_run=over.append) as one:
        one.start()
        until(lambda: over)
    assert over[0].detail == "0 orders expired"
    assert over[0].process == os.getpid()
