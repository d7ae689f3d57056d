"""How the jobs stand: what is due, what came of the last runs, what is wrong.

Here: looking, and the records of what was seen. Never here: setting anything right. Always: nothing is changed by a look, and it needs no
opened exchange; where nobody runs any job, what is configured is overdue all the same.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from credit_trading.clock import SystemClock, format_time
from credit_trading.errors import TradingError
from credit_trading.jobs import config
from credit_trading.jobs.config import Config, Job
from credit_trading.jobs.rows import FAILED, LOST, RUNNING, Known
from credit_trading.jobs.runs import Runs
from credit_trading.jobs.timing import period_text


@attrs.frozen(kw_only=True)
class JobStatus:
    """One job. `last_…` is of its latest run that is over, `running_…` of one under way, `last_done_at` of the latest success.

    `problems` says what is wrong with it, each in a sentence; `overdue` is None unless it is.
    """

    job: str
    kind: str
    schedule: str
    next_due_at: str
    last_outcome: str | None
    last_started_at: str | None
    last_finished_at: str | None
    last_duration_s: float | None
    last_size_bytes: int | None
    last_detail: str | None
    last_done_at: str | None
    running_since: str | None
    running_process: int | None
    overdue: str | None
    problems: list[str]


@attrs.frozen(kw_only=True)
class JobsStatus:
    """All of them, in the order of the file at `path`, None if there is none. `problem` says why they cannot be told."""

    path: str | None
    jobs: list[JobStatus]
    problem: str | None

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong, as far as can be told."""
        return self.problem is None and not any(job.problems for job in self.jobs)


def look(home: Path, path: Path | None = None, *, now_us: int | None = None) -> JobsStatus:
    """How the jobs in the file at `path` stand, by default jobs.toml in the exchange's folder."""
    path = (path or config.path_in(home)).absolute()
    if not path.exists():
        return JobsStatus(path=None, jobs=[], problem=None)
    try:
        found = look_at(home, config.load(path), now_us=SystemClock().now_us() if now_us is None else now_us)
    except TradingError as error:
        return JobsStatus(path=str(path), jobs=[], problem=str(error))
    return JobsStatus(path=str(path), jobs=found, problem=None)


def look_at(home: Path, known_jobs: Config, *, now_us: int) -> list[JobStatus]:
    """The same of a file that was read. Raises StorageError if jobs.db cannot be."""
    known = Runs(home).known()
    since_us = _written_at_us(known_jobs.path)
    return [_status(job, known.get(job.name), since_us, now_us) for job in known_jobs.jobs.values()]


def _written_at_us(path: Path) -> int:
    """Since when the jobs are wanted, where nobody has looked at them yet."""
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return 0


def _status(job: Job, known: Known | None, since_us: int, now_us: int) -> JobStatus:
    over = known.last_finished if known else None
    running = known.last if known and known.last and known.last.outcome == RUNNING else None
    last_done_us = known.last_done_at_us if known else None
    overdue = _overdue(job, known, since_us, now_us)
    problems = [f"overdue: {overdue}"] if overdue else []
    if over is not None and over.outcome in (FAILED, LOST):
        problems.insert(0, f"{over.outcome}: {over.detail}")
    if known is not None and known.hook_problem:
        problems.append(f"the hook was not told: {known.hook_problem}")
    next_us = job.timing.next_us(now_us)
    if known is not None and (known.next_due_at_us <= now_us or known.schedule == job.timing.text):
        next_us = min(next_us, known.next_due_at_us)
    return JobStatus(
        job=job.name,
        kind=job.kind,
        schedule=job.timing.text,
        next_due_at=format_time(next_us),
        last_outcome=over.outcome if over else None,
        last_started_at=format_time(over.started_at_us) if over else None,
        last_finished_at=_text(over.finished_at_us) if over else None,
        last_duration_s=(over.finished_at_us - over.started_at_us) / 1_000_000
        if over and over.finished_at_us
        else None,
        last_size_bytes=over.size_bytes if over else None,
        last_detail=over.detail if over else None,
        last_done_at=_text(last_done_us),
        running_since=format_time(running.started_at_us) if running else None,
        running_process=running.process if running else None,
        overdue=overdue,
        problems=problems,
    )


def _overdue(job: Job, known: Known | None, since_us: int, now_us: int) -> str | None:
    """Counted from the last success; a run that is under way is given as long again."""
    last_done_us = known.last_done_at_us if known else None
    counted_us = last_done_us or (known.known_since_us if known else since_us)
    if known is not None and known.last is not None and known.last.is_leased(now_us):
        counted_us = max(counted_us, known.last.started_at_us)
    patience_s = job.patience_s(now_us)
    if now_us - counted_us <= patience_s * 1_000_000:
        return None
    since = "it was never done" if last_done_us is None else f"it was last done at {format_time(last_done_us)[:19]}Z"
    return f"{since}, and has {period_text(patience_s)}"


def _text(moment_us: int | None) -> str | None:
    return None if moment_us is None else format_time(moment_us)
