"""Runs: one at a time in whatever process, none missed, none twice, whatever becomes of processes and clocks."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from credit_trading.errors import Busy, FileCorrupt, FileForeign, StorageError, TradingError, VersionUnsupported
from credit_trading.jobs import jobs_db, rows
from credit_trading.jobs.config import Job
from credit_trading.jobs.jobs_db import FILE_NAME
from credit_trading.jobs.rows import DONE, FAILED, LEASE_US, LOST, RUNNING, STOPPED
from credit_trading.jobs.runs import Claim, Runs
from credit_trading.store.sqlite import Connection
from tests.floor import edit, rows_of
from tests.forks import in_fork, succeeded
from tests.jobs.schedule import HOUR_US, SIX_US, job

HOURLY = job()
EARLIER_US = SIX_US - HOUR_US // 2
"""Half past five."""


@pytest.fixture
def runs(home: Path) -> Runs:
    """Of a folder in which the hourly job is known since half past five."""
    home.mkdir()
    runs = Runs(home)
    assert runs.due_at_us(HOURLY, EARLIER_US) == SIX_US
    return runs


def claimed(runs: Runs, now_us: int, *, in_any_case: bool = False) -> Claim:
    claim = runs.claim(HOURLY, now_us, in_any_case=in_any_case)
    assert claim is not None
    return claim


def finish(claim: Claim, now_us: int, outcome: str = DONE) -> None:
    claim.finish(outcome, now_us, size_bytes=1, detail="")


def test_a_job_is_not_done_before_it_is_due_and_once_when_it_is(runs: Runs) -> None:
    """Nor at once when it is new: nothing was missed."""
    assert runs.claim(HOURLY, SIX_US - 1) is None
    finish(claimed(runs, SIX_US), SIX_US + 5)
    assert runs.claim(HOURLY, SIX_US + 6) is None
    assert runs.claim(HOURLY, SIX_US + HOUR_US - 1) is None
    finish(claimed(runs, SIX_US + HOUR_US), SIX_US + HOUR_US)


def test_what_was_missed_ten_times_is_done_once(runs: Runs) -> None:
    """The machine was off; the run says since when it was due."""
    now_us = SIX_US + 10 * HOUR_US + 7
    claim = claimed(runs, now_us)
    assert (claim.run.due_at_us, claim.run.started_at_us) == (SIX_US, now_us)
    finish(claim, now_us)
    assert runs.claim(HOURLY, now_us) is None
    assert runs.due_at_us(HOURLY, now_us) == SIX_US + 11 * HOUR_US


def test_a_run_by_hand_takes_the_place_of_one_that_is_due(runs: Runs) -> None:
    """And the schedule goes on as it was."""
    finish(claimed(runs, EARLIER_US, in_any_case=True), EARLIER_US)
    assert runs.due_at_us(HOURLY, EARLIER_US) == SIX_US
    finish(claimed(runs, SIX_US + 1, in_any_case=True), SIX_US + 1)
    assert runs.claim(HOURLY, SIX_US + 2) is None


def test_of_two_threads_one_does_it(runs: Runs) -> None:
    claim = claimed(runs, SIX_US)
    for in_any_case in (False, True):
        with pytest.raises(Busy, match="this process is doing it just now"):
            runs.claim(HOURLY, SIX_US + 2 * HOUR_US, in_any_case=in_any_case)
    finish(claim, SIX_US + 2 * HOUR_US)
    finish(claimed(runs, SIX_US + 2 * HOUR_US, in_any_case=True), SIX_US + 2 * HOUR_US)


def test_of_processes_that_want_it_at_the_same_moment_one_gets_it(runs: Runs) -> None:
    """Whoever comes while it is done is told so, and whoever comes later finds that it is not due any more."""
    for hour in range(3):
        go, start = os.pipe()

        def race(now_us: int = SIX_US + hour * HOUR_US, go: int = go) -> None:
            os.read(go, 1)
            with suppress(Busy):
                claim = runs.claim(HOURLY, now_us)
                if claim is not None:
                    finish(claim, now_us)

        children = [in_fork(race) for _ in range(4)]
        os.write(start, b"!!!!")
        assert [succeeded(child) for child in children] == [True] * 4
        os.close(go)
        os.close(start)
    assert [run.due_at_us for run in runs.latest(most=100)] == [SIX_US + hour * HOUR_US for hour in (2, 1, 0)]


def test_a_claim_is_one_step_that_nobody_comes_between(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between seeing that the job is due and taking it, another process would do all of it."""
    go, start = os.pipe()

    def claim_too() -> None:
        os.read(go, 1)
        claim = runs.claim(HOURLY, SIX_US)
        if claim is not None:
            finish(claim, SIX_US)

    child = in_fork(claim_too)
    registered = rows.registered

    def slowly(connection: Connection, one: Job, now_us: int) -> rows.Known:
        known = registered(connection, one, now_us)
        os.write(start, b"!")
        time.sleep(0.2)
        return known

    monkeypatch.setattr(rows, "registered", slowly)
    finish(claimed(runs, SIX_US), SIX_US)
    assert succeeded(child)
    assert [run.process for run in runs.latest(most=9)] == [os.getpid()]


def test_a_process_that_has_read_its_clock_a_moment_earlier_does_not_do_it_again(runs: Runs) -> None:
    """It has waited for the one that was first, and what it read is over."""
    finish(claimed(runs, SIX_US), SIX_US)
    assert runs.claim(HOURLY, SIX_US - 1) is None
    assert runs.claim(HOURLY, SIX_US) is None
    assert runs.due_at_us(HOURLY, SIX_US) == SIX_US + HOUR_US


def killed_in_the_middle(runs: Runs, now_us: int) -> int:
    """A process that claims the job and is killed; its id."""
    claimed_it, tell = os.pipe()

    def work() -> None:
        runs.claim(HOURLY, now_us)
        os.write(tell, b"!")
        time.sleep(60)

    child = in_fork(work)
    assert os.read(claimed_it, 1) == b"!"
    with pytest.raises(Busy, match=f"process {child} is doing it just now"):
        runs.claim(HOURLY, now_us + LEASE_US, in_any_case=True)  # it lives, whatever the clock says
    runs.due_at_us(HOURLY, now_us + LEASE_US)
    assert runs.latest(most=1)[0].outcome == RUNNING
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return child


def test_the_run_of_a_killed_process_is_lost_when_its_lease_is_over_and_due_again(runs: Runs) -> None:
    child = killed_in_the_middle(runs, SIX_US)
    with pytest.raises(Busy, match=f"process {child}.*free within 60 s"):
        runs.claim(HOURLY, SIX_US + LEASE_US - 1, in_any_case=True)
    assert runs.due_at_us(HOURLY, SIX_US + LEASE_US) == SIX_US
    claim = claimed(runs, SIX_US + LEASE_US)
    assert claim.run.due_at_us == SIX_US
    finish(claim, SIX_US + LEASE_US)
    assert [run.outcome for run in runs.latest(most=9)] == [DONE, LOST]
    assert (
        runs.latest(most=9)[1].detail
        == f"process {child} ended in the middle of it, or could not write what came of it"
    )


def test_a_job_that_kills_its_process_each_time_waits_for_its_schedule(runs: Runs) -> None:
    """After three runs in a row."""
    now_us = SIX_US
    for _ in range(3):
        killed_in_the_middle(runs, now_us)
        now_us += LEASE_US
    assert runs.due_at_us(HOURLY, now_us) == SIX_US + HOUR_US
    assert runs.claim(HOURLY, now_us) is None
    assert [run.outcome for run in runs.latest(most=9)] == [LOST] * 3


def test_a_renewed_lease_counts_from_then_on(runs: Runs) -> None:
    claim = claimed(runs, SIX_US)
    claim.renew(SIX_US + LEASE_US)
    found = runs.latest(most=1)[0]
    assert (found.heartbeat_at_us, found.lease_until_us) == (SIX_US + LEASE_US, SIX_US + 2 * LEASE_US)
    assert found.is_leased(SIX_US + 2 * LEASE_US - 1)
    assert not found.is_leased(SIX_US + 2 * LEASE_US)
    finish(claim, SIX_US + LEASE_US)
    claim.renew(SIX_US + 3 * LEASE_US)
    assert runs.latest(most=1)[0].outcome == DONE


def test_a_stopped_run_is_due_again_when_it_says(runs: Runs) -> None:
    claim = claimed(runs, SIX_US)
    claim.finish(STOPPED, SIX_US + 5, size_bytes=None, detail="", due_again_at_us=SIX_US + 60)
    assert runs.claim(HOURLY, SIX_US + 59) is None
    finish(claimed(runs, SIX_US + 60), SIX_US + 61)


# Clocks that are set


def test_a_clock_that_was_years_ahead_and_is_right_again_holds_up_nothing(runs: Runs) -> None:
    """Neither the next moment nor the last success lies in the future."""
    ahead_us = SIX_US + 20_000 * HOUR_US
    finish(claimed(runs, ahead_us), ahead_us)
    assert runs.due_at_us(HOURLY, SIX_US + 1) == SIX_US + HOUR_US
    assert runs.known()["hourly"].last_done_at_us == SIX_US + 1
    finish(claimed(runs, SIX_US + HOUR_US), SIX_US + HOUR_US)


def test_a_lease_from_a_clock_that_was_ahead_does_not_bind_for_years(runs: Runs) -> None:
    killed_in_the_middle(runs, SIX_US + 20_000 * HOUR_US)
    finish(claimed(runs, SIX_US + 1, in_any_case=True), SIX_US + 1)
    assert [run.outcome for run in runs.latest(most=9)] == [DONE, LOST]


def test_a_clock_that_goes_back_while_a_job_runs_does_not_double_it(runs: Runs) -> None:
    claim = claimed(runs, SIX_US)
    with pytest.raises(Busy):
        runs.claim(HOURLY, SIX_US - 20_000 * HOUR_US, in_any_case=True)
    finish(claim, SIX_US - 20_000 * HOUR_US)


# Schedules that are changed


def test_a_new_schedule_counts_from_now(runs: Runs) -> None:
    daily = job(every="1d")
    assert runs.due_at_us(daily, SIX_US - 1) == SIX_US + 18 * HOUR_US
    assert runs.due_at_us(HOURLY, SIX_US - 1) == SIX_US


def test_what_was_due_by_the_old_schedule_is_still_done(runs: Runs) -> None:
    daily = job(every="1d")
    assert runs.due_at_us(daily, SIX_US + 1) == SIX_US
    claim = runs.claim(daily, SIX_US + 1)
    assert claim is not None
    finish(claim, SIX_US + 2)
    assert runs.due_at_us(daily, SIX_US + 3) == SIX_US + 18 * HOUR_US


# What is kept


def test_old_runs_are_forgotten_and_the_last_success_is_not(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other jobs stay."""
    monkeypatch.setattr(rows, "KEPT_RUNS", 3)
    other = runs.claim(job("other"), SIX_US, in_any_case=True)
    assert other is not None
    finish(other, SIX_US)
    finish(claimed(runs, SIX_US), SIX_US)
    for number in range(5):
        finish(claimed(runs, SIX_US + number, in_any_case=True), SIX_US + number, FAILED)
    assert [run.job for run in runs.latest(most=99)] == ["hourly"] * 3 + ["other"]
    assert [run.run for run in runs.latest("hourly", most=2)] == [7, 6]
    assert runs.known()["hourly"].last_done_at_us == SIX_US


def test_overdue_is_told_once_until_it_has_succeeded(runs: Runs) -> None:
    assert [runs.tell_overdue(HOURLY, SIX_US + number) for number in range(3)] == [True, False, False]
    finish(claimed(runs, SIX_US), SIX_US, FAILED)
    assert not runs.tell_overdue(HOURLY, SIX_US)
    finish(claimed(runs, SIX_US, in_any_case=True), SIX_US)
    assert runs.tell_overdue(HOURLY, SIX_US)


# The file


def test_a_look_makes_no_file(home: Path) -> None:
    home.mkdir()
    assert (Runs(home).known(), Runs(home).latest(most=9)) == ({}, [])
    assert list(home.iterdir()) == []
    (home / FILE_NAME).touch()
    assert (Runs(home).known(), Runs(home).latest(most=9)) == ({}, [])


def test_the_file_is_its_owners_alone_and_says_what_it_is(runs: Runs, home: Path) -> None:
    assert stat.S_IMODE((home / FILE_NAME).stat().st_mode) == 0o600
    assert rows_of(home / FILE_NAME, "PRAGMA application_id") == [(jobs_db.APPLICATION_ID,)]
    assert rows_of(home / FILE_NAME, "PRAGMA user_version") == [(jobs_db.VERSION,)]


def test_a_lost_file_begins_anew(runs: Runs, home: Path) -> None:
    (home / FILE_NAME).unlink()
    assert runs.claim(HOURLY, SIX_US) is None
    assert runs.due_at_us(HOURLY, SIX_US) == SIX_US + HOUR_US


def _newer(path: Path) -> None:
    edit(path, f"PRAGMA user_version = {jobs_db.VERSION + 1}")


def _foreign(path: Path) -> None:
    edit(path, "PRAGMA application_id = 7")


def _without_a_table(path: Path) -> None:
    edit(path, "DROP TABLE job_runs")


def _rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)


@pytest.mark.parametrize(
    ("harm", "error", "told"),
    [
        (_newer, VersionUnsupported, "Use a newer credit_trading"),
        (_foreign, FileForeign, "Move it away"),
        (_without_a_table, FileCorrupt, "Move the file away"),
        (_rubbish, FileCorrupt, "Move the file away"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_line(
    runs: Runs, home: Path, harm: Callable[[Path], None], error: type[TradingError], told: str
) -> None:
    """And it is not changed, nor is a lock left behind."""
    harm(home / FILE_NAME)
    for action in (lambda: runs.claim(HOURLY, SIX_US), runs.known):
        with pytest.raises(error, match=told) as raised:
            action()
        assert FILE_NAME in str(raised.value)
    (home / FILE_NAME).unlink()
    finish(claimed(runs, SIX_US, in_any_case=True), SIX_US)


def test_a_claim_that_cannot_be_written_leaves_no_lock(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("test", "", "the disk is full")

    monkeypatch.setattr(rows, "begun", fail)
    with pytest.raises(StorageError, match="the disk is full"):
        runs.claim(HOURLY, SIX_US)
    monkeypatch.undo()
    finish(claimed(runs, SIX_US), SIX_US)


def test_a_fork_waits_for_the_file_to_be_closed(runs: Runs, home: Path) -> None:
    """A file that is open while the process forks can never be opened by the child."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with jobs_db.writing(home):
            inside.set()
            leave.wait(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(5)
    child = in_fork(lambda: finish(claimed(runs, SIX_US), SIX_US))
    thread.join()
    assert succeeded(child)
    assert runs.latest(most=1)[0].process == child
