"""Runs of jobs: who may start one, what came of it, when each job is next due.

Here: claims, leases, outcomes; the table decides, not the clock that woke somebody. Never here: doing a job (runner), the SQL (rows).
Always: of one job one run at a time, in whatever process: a claim is one transaction, made under a lock that the kernel takes away from a
dead process. A run whose process died is `lost` when its lease runs out, and is due again. What was due several times while nobody
looked is due once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from credit_trading.errors import Busy
from credit_trading.jobs import jobs_db, rows
from credit_trading.jobs.config import Job
from credit_trading.jobs.rows import RUNNING, Known, Run
from credit_trading.store.locks import LockFile, job_slot


class Claim:
    """The right to do a job, until it is given back by `finish`. `was_due` is False for a run that was only wanted."""

    def __init__(self, home: Path, run: Run, locks: LockFile, slot: int, *, was_due: bool) -> None:
        self.run = run
        self.was_due = was_due
        self._home = home
        self._locks = locks
        self._slot = slot

    def renew(self, now_us: int) -> None:
        """Another lease from now on. Raises StorageError."""
        with jobs_db.writing(self._home) as connection:
            rows.renew(connection, self.run.run, now_us)

    def finish(
        self, outcome: str, now_us: int, *, size_bytes: int | None, detail: str, due_again_at_us: int | None = None
    ) -> Run:
        """Says what came of it, and lets others do the job. Raises StorageError; then the run is `lost` in a while."""
        try:
            with jobs_db.writing(self._home) as connection:
                rows.finish(connection, self.run.run, outcome, now_us, size_bytes=size_bytes, detail=detail)
                rows.follow_up(connection, self.run.job, outcome, now_us, due_again_at_us)
                return rows.run_by_number(connection, self.run.run)
        finally:
            self._locks.release(self._slot)
            self._locks.close()


class Runs:
    """The runs of one folder; usable from any thread."""

    def __init__(self, home: Path, *, on_lost: Callable[[Run], None] = lambda _: None) -> None:
        """`on_lost` is told of each run that is found to be lost, once and in one process."""
        self._home = home
        self._on_lost = on_lost

    def due_at_us(self, job: Job, now_us: int) -> int:
        """When the job is next due; what is lost or has a new schedule is looked at first. Raises StorageError."""
        with self._locked() as locks:
            self._look_for_lost(locks, now_us)
        with jobs_db.writing(self._home) as connection:
            return rows.registered(connection, job, now_us).next_due_at_us

    def _look_for_lost(self, locks: LockFile, now_us: int) -> None:
        """By itself: a claim that is refused would take it back, and it would be told of again."""
        with jobs_db.writing(self._home) as connection:
            lost = rows.mark_lost(connection, locks, now_us)
        for run in lost:
            self._on_lost(run)

    def claim(self, job: Job, now_us: int, *, in_any_case: bool = False) -> Claim | None:
        """The right to do the job now; None if it is not due. `in_any_case`: it need not be.

        Raises Busy, naming the process, if another run of it is under way.
        """
        locks = self._locks()
        try:
            self._look_for_lost(locks, now_us)
            claimed = self._claim(job, now_us, locks, in_any_case=in_any_case)
        except BaseException:
            locks.close()
            raise
        if claimed is None:
            locks.close()
        return claimed

    def _claim(self, job: Job, now_us: int, locks: LockFile, *, in_any_case: bool) -> Claim | None:
        slot = None
        try:
            with jobs_db.writing(self._home) as connection:
                known = rows.registered(connection, job, now_us)
                if known.next_due_at_us > now_us and not in_any_case:
                    return None
                if known.last is not None and known.last.outcome == RUNNING:
                    raise _busy(job, known.last.process)
                if not locks.try_acquire(job_slot(known.number)):
                    raise _busy(job, locks.holder(job_slot(known.number)))
                slot = job_slot(known.number)
                run = rows.begun(connection, job, min(known.next_due_at_us, now_us), now_us)
        except BaseException:
            if slot is not None:
                locks.release(slot)
            raise
        return Claim(self._home, run, locks, slot, was_due=known.next_due_at_us <= now_us)

    def tell_overdue(self, job: Job, now_us: int, *, untold: str | None = None) -> bool:
        """Whether it is for the caller to tell that the job is overdue: once until it has succeeded, and in one process.

        With `untold` a hook is to be told: that is its problem until `note_hook` says what came of it, and while it has one the answer is
        yes again every ten minutes.
        """
        with jobs_db.writing(self._home) as connection:
            rows.registered(connection, job, now_us)
            return rows.tell_overdue(connection, job.name, now_us, untold)

    def note_hook(self, job: str, problem: str | None) -> None:
        """What went wrong when the hook was last told of the job."""
        with jobs_db.writing(self._home) as connection:
            rows.note_hook(connection, job, problem)

    def known(self) -> dict[str, Known]:
        """What is remembered of each job that was ever looked at; nothing is changed. Raises StorageError."""
        with jobs_db.reading(self._home) as connection:
            return {} if connection is None else rows.all_known(connection)

    def latest(self, job: str | None = None, *, most: int) -> list[Run]:
        """The last runs, of one job or of all, the newest first. Raises StorageError."""
        with jobs_db.reading(self._home) as connection:
            return [] if connection is None else rows.latest(connection, job, most)

    def _locks(self) -> LockFile:
        return LockFile.open(self._home / "exchange.lock")

    @contextmanager
    def _locked(self) -> Iterator[LockFile]:
        locks = self._locks()
        try:
            yield locks
        finally:
            locks.close()


def _busy(job: Job, process: int | None) -> Busy:
    who = "another process" if process is None else "this process" if process == os.getpid() else f"process {process}"
    return Busy(
        "jobs.run",
        job.name,
        f"{who} is doing it just now",
        hint=f"See: credit-trading jobs list. If it is gone, the job is free within {rows.LEASE_S} s.",
    )
