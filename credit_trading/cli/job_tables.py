"""How jobs and their runs look."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from rich.filesize import decimal
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.tables import Cell, Column, draw_problem, draw_table, moment
from credit_trading.clock import format_time
from credit_trading.jobs.rows import DONE, FAILED, LOST, Run
from credit_trading.jobs.standing import JobsStatus, JobStatus

_RUNS = (
    Column("Run", right=True),
    Column("Job"),
    Column("Started (UTC)", spare=True),
    Column("Took", right=True, spare=True),
    Column("Outcome"),
    Column("Size", right=True, spare=True),
    Column("What came of it", wrap=True),
    Column("Process", right=True, spare=True),
)
_JOBS = (
    Column("Job"),
    Column("Next due (UTC)"),
    Column("Schedule", spare=True),
    Column("Last run (UTC)", spare=True),
    Column("Outcome"),
    Column("Took", right=True, spare=True),
    Column("Size", right=True, spare=True),
)


def draw_jobs(found: JobsStatus) -> None:
    """What is wrong stands below, a line each: it is longer than any column."""
    draw_table(_JOBS, [_job_row(job) for job in found.jobs], empty="There are no jobs.")
    for job in found.jobs:
        for problem in job.problems:
            draw_problem(job.job, problem)


def draw_runs(found: Sequence[Run]) -> None:
    draw_table(_RUNS, [_run_row(run) for run in found], empty="There were no runs.")


def short(job: JobStatus) -> Text:
    """One job in a line; red if something is wrong."""
    last = "not done yet" if job.last_outcome is None else f"{job.last_outcome} {moment(job.last_finished_at)}"
    if job.running_since is not None:
        last = f"running since {moment(job.running_since)}"
    told = "; ".join([*job.problems, f"next due {moment(job.next_due_at)}"])
    return Text(output.printable(f"{last}; {told}"), "red" if job.problems else "")


def line(run: Run) -> str:
    """One run in a sentence."""
    size = "" if run.size_bytes is None else f", {decimal(run.size_bytes)}"
    return f"{run.job} {run.outcome} in {_took(run)}{size}: {run.detail}"


def shown(run: Run) -> dict[str, object]:
    """For programs: times as ISO 8601 in UTC."""
    found = attrs.asdict(run)
    times = {name.removesuffix("_us"): found.pop(name) for name in list(found) if name.endswith("_us")}
    return found | {name: None if value is None else format_time(value) for name, value in times.items()}


def _job_row(job: JobStatus) -> list[Cell]:
    outcome = "running" if job.running_since is not None else job.last_outcome
    return [
        Text(output.printable(job.job), "red" if job.problems else ""),
        _minute(job.next_due_at),
        job.schedule,
        _minute(job.running_since or job.last_started_at),
        None if outcome is None else _outcome(outcome),
        None if job.last_duration_s is None else f"{job.last_duration_s:.1f} s",
        None if job.last_size_bytes is None else decimal(job.last_size_bytes),
    ]


def _run_row(run: Run) -> list[Cell]:
    return [
        str(run.run),
        run.job,
        moment(format_time(run.started_at_us)),
        _took(run),
        _outcome(run.outcome),
        None if run.size_bytes is None else decimal(run.size_bytes),
        run.detail,
        str(run.process),
    ]


def _minute(iso: str | None) -> str | None:
    """Nobody schedules by the second."""
    shown = moment(iso)
    return shown[:16] if shown else None


def _outcome(outcome: str) -> Text:
    return Text(outcome, {DONE: "green", FAILED: "red", LOST: "red"}.get(outcome, "yellow"))


def _took(run: Run) -> str:
    return "-" if run.finished_at_us is None else f"{(run.finished_at_us - run.started_at_us) / 1_000_000:.1f} s"
