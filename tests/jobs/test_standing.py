"""How jobs stand: overdue also where nobody does any, and a look that changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credit_trading.jobs.rows import DONE, FAILED
from credit_trading.jobs.runs import Runs
from credit_trading.jobs.standing import JobStatus, look
from tests.jobs.schedule import HOUR_US, SIX_US, job, written

TEXT = '[jobs.hourly]\nkind = "expire"\nevery = "1h"\n'
HOURLY = job()


@pytest.fixture
def path(home: Path) -> Path:
    """A file of schedules that was written at six."""
    path = written(home, TEXT)
    os.utime(path, ns=(SIX_US * 1000, SIX_US * 1000))
    return path


def hourly(home: Path, now_us: int) -> JobStatus:
    (status,) = look(home, now_us=now_us).jobs
    return status


def do(home: Path, now_us: int, outcome: str) -> None:
    claim = Runs(home).claim(HOURLY, now_us, in_any_case=True)
    assert claim is not None
    claim.finish(outcome, now_us + 2_500_000, size_bytes=7, detail="so it went")


def test_no_file_of_schedules_is_no_problem(home: Path) -> None:
    home.mkdir()
    found = look(home)
    assert (found.path, found.jobs, found.is_well) == (None, [], True)


def test_a_file_with_a_mistake_is_a_problem_and_not_the_end(home: Path) -> None:
    found = look(home, written(home, "[jobs.a]\n"))
    assert not found.is_well
    assert found.problem is not None
    assert "[jobs.a] kind is missing" in found.problem


def test_a_damaged_jobs_db_is_a_problem_and_not_the_end(home: Path, path: Path) -> None:
    (home / "jobs.db").write_bytes(b"rubbish" * 1000)
    found = look(home)
    assert found.problem is not None
    assert "jobs.db" in found.problem


def test_where_nobody_does_any_job_it_is_overdue_all_the_same(home: Path, path: Path) -> None:
    """Counted from when the file was written; nothing is made by looking."""
    assert hourly(home, SIX_US + 3 * HOUR_US).problems == []
    status = hourly(home, SIX_US + 3 * HOUR_US + 1)
    assert status.overdue == "it was never done, and has 3h"
    assert status.problems == ["overdue: it was never done, and has 3h"]
    assert not look(home, now_us=SIX_US + 4 * HOUR_US).is_well
    assert list(home.iterdir()) == [path]


def test_overdue_is_counted_from_the_last_success(home: Path, path: Path) -> None:
    """Failures do not count."""
    do(home, SIX_US, DONE)
    do(home, SIX_US + 2 * HOUR_US, FAILED)
    status = hourly(home, SIX_US + 4 * HOUR_US)
    assert status.overdue == "it was last done at 2026-01-01T06:00:02Z, and has 3h"
    assert status.problems == ["failed: so it went", f"overdue: {status.overdue}"]
    do(home, SIX_US + 4 * HOUR_US, DONE)
    assert hourly(home, SIX_US + 4 * HOUR_US).problems == []


def test_a_run_under_way_is_given_as_long_again(home: Path, path: Path) -> None:
    """A machine that was off over the weekend does its backup first; one that hangs is told of in the end."""
    do(home, SIX_US, DONE)
    claim = Runs(home).claim(HOURLY, SIX_US + 50 * HOUR_US)
    assert claim is not None
    status = hourly(home, SIX_US + 50 * HOUR_US + 1)
    assert (status.overdue, status.running_process) == (None, os.getpid())
    claim.renew(SIX_US + 54 * HOUR_US)
    assert hourly(home, SIX_US + 54 * HOUR_US).overdue is not None
    claim.finish(DONE, SIX_US + 54 * HOUR_US, size_bytes=None, detail="")


def test_a_status_tells_all_of_the_last_run(home: Path, path: Path) -> None:
    do(home, SIX_US, DONE)
    assert hourly(home, SIX_US + 5_000_000) == JobStatus(
        job="hourly",
        kind="expire",
        schedule="every 1h",
        next_due_at="2026-01-01T07:00:00.000000Z",
        last_outcome="done",
        last_started_at="2026-01-01T06:00:00.000000Z",
        last_finished_at="2026-01-01T06:00:02.500000Z",
        last_duration_s=2.5,
        last_size_bytes=7,
        last_detail="so it went",
        last_done_at="2026-01-01T06:00:02.500000Z",
        running_since=None,
        running_process=None,
        overdue=None,
        problems=[],
    )


def test_what_was_missed_is_shown_as_due_since_then(home: Path, path: Path) -> None:
    do(home, SIX_US, DONE)
    assert hourly(home, SIX_US + 3 * HOUR_US).next_due_at == "2026-01-01T07:00:00.000000Z"


def test_a_hook_that_fails_is_a_problem(home: Path, path: Path) -> None:
    do(home, SIX_US, DONE)
    Runs(home).note_hook("hourly", "notify ended with 1")
    assert hourly(home, SIX_US).problems == ["the hook was not told: notify ended with 1"]
