"""Doing a job: claim, work, outcome, and whom it is told.

Here: the order of these, the lease that is renewed meanwhile, and how work is ended early. Never here: when (scheduler), what (work).
Always: whatever the work does, an outcome is written; a failure is logged and the hook is told, also where the outcome cannot be written.
What is kept of an error names no user's file and no e-mail.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from credit_trading.app import Exchange
from credit_trading.clock import Clock, SystemClock, format_time
from credit_trading.errors import Busy, TradingError
from credit_trading.jobs import hook
from credit_trading.jobs.config import Config, Job
from credit_trading.jobs.rows import DONE, FAILED, LEASE_S, LOST, STOPPED, Run
from credit_trading.jobs.runs import Claim, Runs
from credit_trading.jobs.work import Work, do
from credit_trading.progress import Progress, no_progress

_log = logging.getLogger(__name__)

HEARTBEAT_S = LEASE_S / 4
TRY_AGAIN_S = 60
"""Where somebody else was at the same thing."""

_EVENTS = {DONE: "done", FAILED: "failed", LOST: "failed"}
_UNTOLD = "it is being told that the job is overdue, or its process ended meanwhile"

_MOST_KEPT = 1_000
_PERSONAL = re.compile(r"trading_[^/\s\"]*\.db|[^\s\"<>]+@[^\s\"<>]+")


class Stopped(BaseException):
    """Ends work at the next step that it tells of; no `except Exception` on the way may keep it."""


def never() -> bool:
    return False


@attrs.frozen(kw_only=True)
class _Ended:
    outcome: str
    detail: str
    size_bytes: int | None = None
    again_at_us: int | None = None


class Runner:
    """Does the jobs of one opened exchange, each in the thread that asks for it."""

    def __init__(self, exchange: Exchange, config: Config, *, clock: Clock | None = None, work: Work = do) -> None:
        self._exchange = exchange
        self._config = config
        self._clock = clock or SystemClock()
        self._work = work
        self._lost: deque[Run] = deque()
        self.runs = Runs(exchange.home, on_lost=self._lost.append)

    def run(
        self,
        job: Job,
        *,
        in_any_case: bool = False,
        stop: Callable[[], bool] = never,
        progress: Progress = no_progress,
    ) -> Run | None:
        """Does the job if it is due, or `in_any_case`; None if it is not. Once `stop` says so it ends, and is due again.

        Raises Busy where another run of it is under way, StorageError if jobs.db fails before the job is begun. What came of it is `failed`
        if it could not be written, whatever it was: the job will be done again.
        """
        claim = None
        try:
            claim = self.runs.claim(job, self._clock.now_us(), in_any_case=in_any_case)
        finally:
            if claim is None:
                self.tell_lost()
        if claim is None:
            return None
        ended = _Ended(outcome=STOPPED, detail="interrupted", again_at_us=claim.run.due_at_us)
        try:
            with self._renewed(claim):
                self.tell_lost()
                ended = self._attempt(job, claim, stop, progress)
        finally:
            run = self._finished(claim, ended)
        self._tell(run)
        return run

    def _finished(self, claim: Claim, ended: _Ended) -> Run:
        now_us = self._clock.now_us()
        try:
            return claim.finish(
                ended.outcome,
                now_us,
                size_bytes=ended.size_bytes,
                detail=ended.detail,
                due_again_at_us=ended.again_at_us if claim.was_due else None,
            )
        except TradingError as error:
            detail = _kept(f"it was {ended.outcome}, which could not be written: {error} {ended.detail}")
            return attrs.evolve(claim.run, outcome=FAILED, finished_at_us=now_us, detail=detail)

    def _attempt(self, job: Job, claim: Claim, stop: Callable[[], bool], progress: Progress) -> _Ended:
        def tick(done: int, of: int) -> None:
            if stop():
                raise Stopped
            progress(done, of)

        try:
            result = self._work(job, self._exchange, tick)
        except Stopped:
            told = "it was told to end; it goes on when jobs are done again"
            return _Ended(outcome=STOPPED, detail=told, again_at_us=claim.run.due_at_us)
        except Busy as error:
            again_at_us = self._clock.now_us() + TRY_AGAIN_S * 1_000_000
            return _Ended(outcome=STOPPED, detail=_kept(str(error)), again_at_us=again_at_us)
        except TradingError as error:
            return _Ended(outcome=FAILED, detail=_kept(str(error)))
        except Exception as error:  # noqa: BLE001 - the root of the job
            _log.exception("job %s: a fault in the program", job.name)
            return _Ended(outcome=FAILED, detail=_kept(f"{type(error).__name__}: {error}: a fault in the program"))
        outcome = DONE if result.is_good else FAILED
        return _Ended(outcome=outcome, detail=_kept(result.detail), size_bytes=result.size_bytes)

    @contextmanager
    def _renewed(self, claim: Claim) -> Iterator[None]:
        """The lease is renewed by a thread, until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._renew, args=(claim, ended), name="credit-trading-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _renew(self, claim: Claim, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT_S):
            try:
                claim.renew(self._clock.now_us())
            except TradingError as error:  # the kernel's lock still says that we are here
                _log.warning("job %s: its lease was not renewed: %s", claim.run.job, error)

    def tell_lost(self) -> None:
        """Tells log and hook of the runs that were found to be lost since the last time."""
        while True:
            try:
                run = self._lost.popleft()
            except IndexError:
                return
            self._tell(run)

    def _tell(self, run: Run) -> None:
        if run.outcome in (FAILED, LOST):
            _log.warning("job %s %s: %s", run.job, "failed" if run.outcome == FAILED else "was lost", run.detail)
        if run.outcome in _EVENTS:
            job = self._config.jobs.get(run.job)
            happening = hook.Happening(
                event=_EVENTS[run.outcome],
                home=str(self._exchange.home),
                job=run.job,
                kind=job.kind if job else None,
                detail=run.detail or "",
                last_done_at=self._last_done_at(run.job),
                run=run.run,
                outcome=run.outcome,
                due_at=format_time(run.due_at_us),
                started_at=format_time(run.started_at_us),
                finished_at=None if run.finished_at_us is None else format_time(run.finished_at_us),
                size_bytes=run.size_bytes,
                process=run.process,
            )
            self.tell_hook(happening)

    def tell_not_done(self, job: Job | None, detail: str) -> None:
        """Tells the hook of a job that could not even be begun, or that nobody can say which are to be done."""
        happening = hook.Happening(
            event="failed",
            home=str(self._exchange.home),
            job=job.name if job else None,
            kind=job.kind if job else None,
            detail=_kept(detail),
            last_done_at=self._last_done_at(job.name) if job else None,
        )
        self.tell_hook(happening)

    def tell_overdue(self, job: Job, detail: str) -> None:
        """Once until it has succeeded, whoever asks; again a while after a hook that failed."""
        untold = _UNTOLD if self._wants("overdue") else None
        if not self.runs.tell_overdue(job, self._clock.now_us(), untold=untold):
            return
        _log.warning("job %s is overdue: %s", job.name, detail)
        happening = hook.Happening(
            event="overdue",
            home=str(self._exchange.home),
            job=job.name,
            kind=job.kind,
            detail=detail,
            last_done_at=self._last_done_at(job.name),
        )
        self.tell_hook(happening)

    def tell_hook(self, happening: hook.Happening) -> None:
        """Its own failure is logged and kept, so that it is shown; nothing else comes of it."""
        told = self._config.hook
        if told is None or not self._wants(happening.event):
            return
        problem = hook.tell(told, happening)
        if problem is not None:
            subject = f"job {happening.job} is" if happening.job else "jobs are"
            _log.warning("the hook was not told that %s %s: %s", subject, happening.event, problem)
        if happening.job is None:
            return
        try:
            self.runs.note_hook(happening.job, None if problem is None else _kept(problem))
        except TradingError as error:
            _log.warning("job %s: what came of telling the hook was not kept: %s", happening.job, error)

    def _wants(self, event: str) -> bool:
        return self._config.hook is not None and event in self._config.hook.on

    def _last_done_at(self, job: str) -> str | None:
        try:
            known = self.runs.known().get(job)
        except TradingError:  # whoever is to be told is told all the same
            return None
        return None if known is None or known.last_done_at_us is None else format_time(known.last_done_at_us)


def _kept(text: str) -> str:
    """What may be kept of it, and told to others."""
    return _PERSONAL.sub("(a user's)", text)[:_MOST_KEPT]
