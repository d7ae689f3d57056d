"""Doing a job: whatever happens, an outcome is written, and whoever has to know is told."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import Busy, StorageError, Unwritable
from credit_trading.jobs import runner
from credit_trading.jobs.config import BACKUP, CHECKPOINT, EXPIRE, Config, Hook, Job
from credit_trading.jobs.rows import DONE, FAILED, LEASE_US, STOPPED, Run
from credit_trading.jobs.runner import Runner
from credit_trading.jobs.runs import Claim
from credit_trading.jobs.work import Result
from credit_trading.progress import Progress
from tests.floor import Floor
from tests.jobs.schedule import HOUR_US, SIX_US, Doing, job, jobs_of, raising, teller, told

HOURLY = job()


@pytest.fixture(autouse=True)
def at_six(clock: ManualClock) -> None:
    clock.set(SIX_US)


def made(floor: Floor, clock: ManualClock, work: Doing | None = None, hook: Hook | None = None) -> Runner:
    config: Config = jobs_of(floor.exchange.home / "jobs.toml", HOURLY, hook=hook)
    return Runner(floor.exchange, config, clock=clock, work=work or Doing())


def ran(one: Runner, wanted: Job = HOURLY, **more: Any) -> Run:
    run = one.run(wanted, in_any_case=True, **more)
    assert run is not None
    return run


def test_a_run_keeps_when_how_large_and_what_came_of_it(floor: Floor, clock: ManualClock) -> None:
    def action(_: Progress) -> Result:
        clock.advance(2.5)
        return Result(detail="all of it", size_bytes=123)

    run = ran(made(floor, clock, Doing(action)))
    assert (run.outcome, run.detail, run.size_bytes, run.process) == (DONE, "all of it", 123, os.getpid())
    assert (run.started_at_us, run.finished_at_us) == (SIX_US, SIX_US + 2_500_000)


def test_what_is_not_due_is_not_done(floor: Floor, clock: ManualClock) -> None:
    doing = Doing()
    one = made(floor, clock, doing)
    assert one.run(HOURLY) is None
    clock.set(SIX_US + HOUR_US)
    assert one.run(HOURLY) is not None
    assert one.run(HOURLY) is None
    assert doing.done == ["hourly"]


@pytest.mark.parametrize(
    ("work", "detail"),
    [
        (raising(Unwritable("x", "/y", "the disk is full")), 'x "/y": the disk is full.'),
        (raising(ValueError("oh")), "ValueError: oh: a fault in the program"),
        (Doing(lambda _: Result(detail="2 findings", is_good=False)), "2 findings"),
    ],
    ids=["refused", "a fault", "findings"],
)
def test_a_failure_is_kept_and_logged(
    floor: Floor, clock: ManualClock, work: Doing, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And the job can be done again."""
    with caplog.at_level(logging.WARNING):
        run = ran(made(floor, clock, work))
    assert (run.outcome, run.detail) == (FAILED, detail)
    assert f"job hourly failed: {detail}" in caplog.text
    assert ran(made(floor, clock)).outcome == DONE


def test_an_unreachable_place_is_a_failed_backup(floor: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """The real work, on a place that is below a file."""
    (tmp_path / "file").touch()
    backup = job("backup", BACKUP, place=str(tmp_path / "file" / "backups"))
    run = ran(Runner(floor.exchange, jobs_of(tmp_path, backup), clock=clock), backup)
    assert run.outcome == FAILED
    assert "backups" in (run.detail or "")


def test_the_sweep_and_the_checkpoint_do_what_they_are_for(floor: Floor, clock: ManualClock) -> None:
    """An order whose time is up expires though nobody trades; a checkpoint that has nothing new is not written again."""
    floor.place("ann", "sell", 5, "5.00", time_in_force="GTD", expires_at="2026-01-01T06:30:00Z")
    clock.set(SIX_US + HOUR_US)
    one = Runner(floor.exchange, jobs_of(floor.exchange.home, HOURLY), clock=clock)
    assert ran(one, job("expiry", EXPIRE)).detail == "1 order expired"
    assert floor.user("ann").orders.get_active_orders() == []
    first, second = (ran(one, job("checkpoint", CHECKPOINT)) for _ in range(2))
    assert (first.outcome, second.outcome) == (DONE, DONE)
    assert first.size_bytes
    assert (second.size_bytes, second.detail) == (None, "nothing new since the last")


def test_what_somebody_else_is_doing_is_tried_again_in_a_minute(
    floor: Floor, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup by hand at the same time is no failure."""
    one = made(floor, clock, raising(Busy("backup", "", "process 7 makes a backup")))
    assert one.run(HOURLY) is None
    clock.set(SIX_US + HOUR_US)
    run = one.run(HOURLY)
    assert run is not None
    assert (run.outcome, run.detail) == (STOPPED, "backup: process 7 makes a backup.")
    assert "failed" not in caplog.text
    assert one.runs.due_at_us(HOURLY, SIX_US + HOUR_US) == SIX_US + HOUR_US + 60_000_000


def test_work_that_is_told_to_end_ends_at_its_next_step_and_is_due_again(floor: Floor, clock: ManualClock) -> None:
    """No `except Exception` on the way keeps it."""
    steps: list[int] = []

    def action(progress: Progress) -> Result:
        for step in range(10):
            try:
                progress(step, 10)
            except Exception:  # noqa: BLE001 - what a copy of one user's file among many may do
                continue
            steps.append(step)
        return Result(detail="all")

    one = made(floor, clock, Doing(action))
    assert one.run(HOURLY) is None
    clock.set(SIX_US + HOUR_US + 5)
    run = one.run(HOURLY, stop=lambda: len(steps) == 3)
    assert run is not None
    assert (steps, run.outcome) == ([0, 1, 2], STOPPED)
    assert one.runs.due_at_us(HOURLY, SIX_US + HOUR_US + 6) == SIX_US + HOUR_US
    assert made(floor, clock).run(HOURLY) is not None


def test_an_interrupt_leaves_a_run_that_is_over(floor: Floor, clock: ManualClock) -> None:
    """One by hand is not due again for that."""
    one = made(floor, clock, raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        ran(one)
    (run,) = one.runs.latest(most=9)
    assert (run.outcome, run.detail) == (STOPPED, "interrupted")
    assert one.runs.due_at_us(HOURLY, SIX_US) == SIX_US + HOUR_US


@pytest.mark.parametrize(
    ("error", "again_us"),
    [(KeyboardInterrupt(), 0), (runner.Stopped(), 0), (Busy("backup", "", "process 7 makes a backup"), 60_000_000 + 5)],
    ids=["Ctrl-C", "told to end", "somebody else"],
)
def test_what_was_due_is_due_again_after_a_run_by_hand_that_did_not_do_it(
    floor: Floor, clock: ManualClock, error: BaseException, again_us: int
) -> None:
    """It took the place of the one that was due, and would have eaten it."""
    one = made(floor, clock, raising(error))
    assert one.run(HOURLY) is None
    clock.set(SIX_US + HOUR_US + 5)
    with suppress(KeyboardInterrupt):
        ran(one)
    assert [run.outcome for run in one.runs.latest(most=9)] == [STOPPED]
    assert one.runs.due_at_us(HOURLY, SIX_US + HOUR_US + 6) == SIX_US + HOUR_US + again_us


def test_the_lease_is_renewed_while_the_work_goes_on(
    floor: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an error on the way ends nothing."""
    monkeypatch.setattr(runner, "HEARTBEAT_S", 0.005)
    renewed = threading.Event()
    renew = Claim.renew

    def failing_first(claim: Claim, now_us: int) -> None:
        if not failed:
            failed.append(now_us)
            raise StorageError("jobs", "", "the disk is full")
        renew(claim, now_us)
        renewed.set()

    failed: list[int] = []
    monkeypatch.setattr(Claim, "renew", failing_first)
    leases: list[int] = []

    def action(_: Progress) -> Result:
        clock.advance(50)
        assert renewed.wait(10)
        leases.append(one.runs.latest(most=1)[0].lease_until_us)
        return Result(detail="")

    one = made(floor, clock, Doing(action))
    assert ran(one).outcome == DONE
    assert leases == [SIX_US + 50_000_000 + LEASE_US]
    assert [thread.name for thread in threading.enumerate() if "lease" in thread.name] == []


# The hook


def test_a_failure_is_told_to_the_hook_as_json(floor: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """What went well is told only where it is asked for."""
    path = tmp_path / "told"
    ran(made(floor, clock, hook=teller(path)))
    assert told(path) == []
    ran(made(floor, clock, raising(StorageError("x", "", "oh", hint="Look.")), hook=teller(path)))
    (one,) = told(path)
    assert one == {
        "event": "failed",
        "home": str(floor.exchange.home),
        "job": "hourly",
        "kind": "expire",
        "detail": "x: oh. Look.",
        "last_done_at": "2026-01-01T06:00:00.000000Z",
        "run": 2,
        "outcome": "failed",
        "due_at": "2026-01-01T06:00:00.000000Z",
        "started_at": "2026-01-01T06:00:00.000000Z",
        "finished_at": "2026-01-01T06:00:00.000000Z",
        "size_bytes": None,
        "process": os.getpid(),
    }
    ran(made(floor, clock, hook=teller(path, on=("done",))))
    assert [one["event"] for one in told(path)] == ["failed", "done"]


def test_overdue_is_told_once(
    floor: Floor, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "told"
    one = made(floor, clock, hook=teller(path))
    for _ in range(2):
        one.tell_overdue(HOURLY, "it was never done")
    assert [(one["event"], one["job"], one["detail"], one["run"]) for one in told(path)] == [
        ("overdue", "hourly", "it was never done", None)
    ]
    assert caplog.text.count("job hourly is overdue: it was never done") == 1


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        (Hook(command=("/nowhere/notify",)), "/nowhere/notify cannot be started (No such file or directory)"),
        (
            Hook(command=(sys.executable, "-I", "-c", "import sys; sys.exit('no mail for eve@example.com')")),
            f"{sys.executable} ended with 1: no mail for (a user's)",
        ),
        (
            Hook(command=(sys.executable, "-I", "-c", "import time; time.sleep(30)"), timeout_s=1),
            f"{sys.executable} was not done after 1 s, and was ended",
        ),
    ],
    ids=["missing", "failing", "hanging"],
)
def test_a_hook_that_fails_is_logged_and_kept_and_changes_nothing(
    floor: Floor, clock: ManualClock, hook: Hook, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it works again."""
    run = ran(made(floor, clock, raising(StorageError("x", "", "oh")), hook=hook))
    assert (run.outcome, run.detail) == (FAILED, "x: oh.")
    assert "the hook was not told" in caplog.text
    one = made(floor, clock, raising(StorageError("x", "", "oh")), hook=Hook(command=("true",)))
    assert one.runs.known()["hourly"].hook_problem == problem
    ran(one)
    assert one.runs.known()["hourly"].hook_problem is None


def test_what_is_kept_of_an_error_names_nobody(floor: Floor, clock: ManualClock) -> None:
    """Nobody would erase it from there."""
    error = StorageError("users.file", floor.path("ann"), "belongs to ann@example.com")
    run = ran(made(floor, clock, raising(error)))
    assert "example" not in (run.detail or "")
    assert run.detail == f"users.file \"{floor.exchange.home}/(a user's)\": belongs to (a user's)"
