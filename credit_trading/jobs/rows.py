"""What stands in jobs.db about jobs and their runs.

Here: the SQL of both tables, and the rules by which rows follow from each other. Never here: who may start a run (runs), the file.
Always: times are microseconds; no moment at which a job is due lies further ahead than its schedule's next one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import attrs

from credit_trading.jobs.config import Job
from credit_trading.store.locks import LockFile, job_slot
from credit_trading.store.sqlite import Connection

RUNNING, DONE, FAILED, STOPPED, LOST = "running", "done", "failed", "stopped", "lost"
"""`stopped`: it was told to end, or found its way barred; it is due again."""

LEASE_S = 60
KEPT_RUNS = 1_000
"""Of each job; older ones are forgotten."""

_MOST_LOST = 3
"""A job that takes its process down with it so often in a row waits for its schedule."""

TELL_AGAIN_S = 600
"""When a hook that failed is told again that a job is overdue."""

_SLACK_US = 60_000_000
"""A clock that shows so much less than another process has read before was not set back."""

LEASE_US = LEASE_S * 1_000_000
COLUMNS = "run, job, due_at_us, started_at_us, heartbeat_at_us, lease_until_us, finished_at_us, outcome, size_bytes, detail, process"


@attrs.frozen(kw_only=True)
class Run:
    """One run; times in microseconds. `heartbeat_at_us` is its last sign of life, `process` the id of its process."""

    run: int
    job: str
    due_at_us: int
    started_at_us: int
    heartbeat_at_us: int
    lease_until_us: int
    finished_at_us: int | None
    outcome: str
    size_bytes: int | None
    detail: str | None
    process: int

    def is_leased(self, now_us: int) -> bool:
        """Whether its process is taken to be alive. A lease that ends too far ahead was given by a clock that has been set back since."""
        return self.outcome == RUNNING and now_us < self.lease_until_us <= now_us + LEASE_US


@attrs.frozen(kw_only=True)
class Known:
    """What is remembered of a job beside its runs. `last` is its latest run, `last_finished` the latest that is over."""

    number: int
    job: str
    schedule: str
    known_since_us: int
    next_due_at_us: int
    last_done_at_us: int | None
    hook_problem: str | None
    last: Run | None
    last_finished: Run | None


def registered(connection: Connection, job: Job, now_us: int) -> Known:
    """The job as it is known, with when it is due by its words of today.

    No moment that the schedule names can lie further ahead than the next one from now: if it does, the clock was set back meanwhile. What
    another process has read from its clock a moment later is no such leap.
    """
    schedule, next_us, soon_us = job.timing.text, job.timing.next_us(now_us), now_us + _SLACK_US
    connection.execute(
        "INSERT INTO jobs (job, schedule, known_since_us, next_due_at_us) VALUES (?, ?, ?, ?) ON CONFLICT (job) DO NOTHING",
        (job.name, schedule, now_us, next_us),
    )
    connection.execute(
        "UPDATE jobs SET next_due_at_us = ?, schedule = ? WHERE job = ? AND schedule <> ? AND next_due_at_us > ?",
        (next_us, schedule, job.name, schedule, now_us),
    )
    connection.execute(
        "UPDATE jobs SET next_due_at_us = ? WHERE job = ? AND next_due_at_us > ?",
        (next_us, job.name, job.timing.next_us(soon_us)),
    )
    connection.execute(
        "UPDATE jobs SET known_since_us = min(known_since_us, ?), last_done_at_us = min(last_done_at_us, ?)"
        " WHERE job = ? AND max(known_since_us, coalesce(last_done_at_us, 0)) > ?",
        (now_us, now_us, job.name, soon_us),
    )
    known = known_by_name(connection, job.name)
    assert known is not None
    return known


def begun(connection: Connection, job: Job, due_at_us: int, now_us: int) -> Run:
    """The run, and the job's next moment: all that was missed until now is done by this one."""
    inserted = connection.execute(
        "INSERT INTO job_runs (job, due_at_us, started_at_us, heartbeat_at_us, lease_until_us, outcome, process)"
        " VALUES (?, ?, ?, ?, ?, 'running', ?)",
        (job.name, due_at_us, now_us, now_us, now_us + LEASE_US, os.getpid()),
    )
    connection.execute(
        "UPDATE jobs SET next_due_at_us = ?, schedule = ? WHERE job = ?",
        (job.timing.next_us(now_us), job.timing.text, job.name),
    )
    return run_by_number(connection, inserted.lastrowid)


def renew(connection: Connection, run: int, now_us: int) -> None:
    """Another lease from now on."""
    connection.execute(
        "UPDATE job_runs SET heartbeat_at_us = ?, lease_until_us = ? WHERE run = ? AND outcome = 'running'",
        (now_us, now_us + LEASE_US, run),
    )


def finish(connection: Connection, run: int, outcome: str, now_us: int, *, size_bytes: int | None, detail: str) -> None:
    connection.execute(
        "UPDATE job_runs SET heartbeat_at_us = ?, finished_at_us = ?, outcome = ?, size_bytes = ?, detail = ? WHERE run = ?",
        (now_us, now_us, outcome, size_bytes, detail, run),
    )


def follow_up(connection: Connection, job: str, outcome: str, now_us: int, due_again_at_us: int | None) -> None:
    """What a run that is over means for its job."""
    if outcome == DONE:
        connection.execute(
            "UPDATE jobs SET last_done_at_us = ?, told_overdue_at_us = NULL WHERE job = ?", (now_us, job)
        )
    if due_again_at_us is not None:
        connection.execute(
            "UPDATE jobs SET next_due_at_us = min(next_due_at_us, ?) WHERE job = ?", (due_again_at_us, job)
        )
    connection.execute(
        "DELETE FROM job_runs WHERE job = ? AND run <="
        " (SELECT run FROM job_runs WHERE job = ? ORDER BY run DESC LIMIT 1 OFFSET ?)",
        (job, job, KEPT_RUNS),
    )


def mark_lost(connection: Connection, locks: LockFile, now_us: int) -> list[Run]:
    """Runs that give no sign of life any more, and whose process holds no lock: one that merely hangs is not doubled."""
    lost = []
    running = connection.execute(f"SELECT {COLUMNS} FROM job_runs WHERE outcome = 'running'")
    for run in map(run_of, running.fetchall()):
        known = known_by_name(connection, run.job)
        if known is None or run.is_leased(now_us) or locks.holder(job_slot(known.number)) is not None:
            continue
        connection.execute(
            "UPDATE job_runs SET outcome = 'lost', finished_at_us = heartbeat_at_us, detail = ? WHERE run = ?",
            (f"process {run.process} ended in the middle of it, or could not write what came of it", run.run),
        )
        last = _latest_outcomes(connection, run.job)
        again = run.due_at_us if last != [LOST] * _MOST_LOST else known.next_due_at_us
        connection.execute("UPDATE jobs SET next_due_at_us = min(next_due_at_us, ?) WHERE job = ?", (again, run.job))
        lost.append(run_by_number(connection, run.run))
    return lost


def tell_overdue(connection: Connection, job: str, now_us: int, untold: str | None) -> bool:
    """Whether it was not told yet since the last success, or the hook failed a while ago.

    `untold` stands as the hook's problem until it is known what came of telling it; None where there is no hook to be told.
    """
    told = connection.execute(
        "UPDATE jobs SET told_overdue_at_us = :now, hook_problem = coalesce(:untold, hook_problem) WHERE job = :job"
        " AND (told_overdue_at_us IS NULL OR :untold IS NOT NULL AND hook_problem IS NOT NULL"
        " AND told_overdue_at_us NOT BETWEEN :now - :again + 1 AND :now + :slack)",
        {"now": now_us, "untold": untold, "job": job, "again": TELL_AGAIN_S * 1_000_000, "slack": _SLACK_US},
    )
    return bool(told.rowcount)


def note_hook(connection: Connection, job: str, problem: str | None) -> None:
    connection.execute("UPDATE jobs SET hook_problem = ? WHERE job = ?", (problem, job))


def all_known(connection: Connection) -> dict[str, Known]:
    """By name."""
    names = [name for (name,) in connection.execute("SELECT job FROM jobs")]
    return {name: known for name in names if (known := known_by_name(connection, name)) is not None}


def latest(connection: Connection, job: str | None, most: int) -> list[Run]:
    """Of one job or of all, the newest first."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM job_runs WHERE job = coalesce(?, job) ORDER BY run DESC LIMIT ?", (job, most)
    )
    return [run_of(row) for row in found]


def _latest_outcomes(connection: Connection, job: str) -> list[str]:
    found = connection.execute(
        "SELECT outcome FROM job_runs WHERE job = ? ORDER BY run DESC LIMIT ?", (job, _MOST_LOST)
    )
    return [outcome for (outcome,) in found]


def known_by_name(connection: Connection, name: str) -> Known | None:
    row = connection.execute(
        "SELECT number, job, schedule, known_since_us, next_due_at_us, last_done_at_us, hook_problem FROM jobs WHERE job = ?",
        (name,),
    ).fetchone()
    if row is None:
        return None
    number, job, schedule, known_since_us, next_due_at_us, last_done_at_us, hook_problem = row
    return Known(
        number=number,
        job=job,
        schedule=schedule,
        known_since_us=known_since_us,
        next_due_at_us=next_due_at_us,
        last_done_at_us=last_done_at_us,
        hook_problem=hook_problem,
        last=_last(connection, name, "running"),
        last_finished=_last(connection, name, ""),
    )


def _last(connection: Connection, job: str, also: str) -> Run | None:
    """The latest run of the job that is over, or in the state `also`."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM job_runs WHERE job = ? AND (outcome <> 'running' OR outcome = ?) ORDER BY run DESC LIMIT 1",
        (job, also),
    ).fetchone()
    return None if row is None else run_of(row)


def run_by_number(connection: Connection, run: int | None) -> Run:
    return run_of(connection.execute(f"SELECT {COLUMNS} FROM job_runs WHERE run = ?", (run,)).fetchone())


def run_of(row: Sequence[object]) -> Run:
    return Run(**dict(zip(attrs.fields_dict(Run), row, strict=True)))  # type: ignore[arg-type]  # the columns are the fields
