"""Doing a job: claim, work, outcome, and whom it is told.

Here: the order of these, the lease that is renewed meanwhile, and how work is ended early. Never here: when (scheduler), what (work).
Always: whatever the work does, an outcome is written; a failure is logged and the hook is told. What is kept of an error names no
user's file and no e-mail.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from credit_trading.app import Exchange
from credit_trading.clock import Clock, SystemClock, format_time
from credit_trading.errors import Busy, TradingError
from credit_trading.jobs import hook
from credit_trading.jobs.config import Config, Job
from credit_trading.jobs.rows import DONE, FAILED, LEASE_S, STOPPED, Run
from credit_trading.jobs.runs import Claim, Runs
from credit_trading.jobs.work import Work, do
from credit_trading.progress import Progress, no_progress

_log = logging.getLogger(__name__)

HEARTBEAT_S = LEASE_S / 4
TRY_AGAIN_S = 60
"""Where somebody else was at the same thing."""

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
        self.runs = Runs(exchange.home)

    def run(
        self,
        job: Job,
        *,
        in_any_case: bool = False,
        stop: Callable[[], bool] = never,
        progress: Progress = no_progress,
    ) -> Run | None:
        """Does the job if it is due, or `in_any_case`; None if it is not. Once `stop` says so it ends, and is due again.

        Raises Busy where another run of it is under way, StorageError if jobs.db fails.
        """
        claim = self.runs.claim(job, self._clock.now_us(), in_any_case=in_any_case)
        if claim is None:
            return None
        ended = _Ended(outcome=STOPPED, detail="interrupted")
        try:
            with self._renewed(claim):
                ended = self._attempt(job, claim, stop, progress)
        finally:
            run = claim.finish(
                ended.outcome,
                self._clock.now_us(),
                size_bytes=ended.size_bytes,
                detail=ended.detail,
                due_again_at_us=None if in_any_case else ended.again_at_us,
            )
        self._tell(job, run)
        return run

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

    def _tell(self, job: Job, run: Run) -> None:
        if run.outcome == FAILED:
            _log.warning("job %s failed: %s", job.name, run.detail)
        if run.outcome in (DONE, FAILED):
            happening = hook.Happening(
                event=run.outcome,
                home=str(self._exchange.home),
                job=job.name,
                kind=job.kind,
                detail=run.detail or "",
                last_done_at=self._last_done_at(job),
                run=run.run,
                outcome=run.outcome,
                due_at=format_time(run.due_at_us),
                started_at=format_time(run.started_at_us),
                finished_at=None if run.finished_at_us is None else format_time(run.finished_at_us),
                size_bytes=run.size_bytes,
                process=run.process,
            )
            self.tell_hook(job, happening)

    def tell_overdue(self, job: Job, detail: str) -> None:
        """Once until it has succeeded, whoever asks."""
        if not self.runs.tell_overdue(job, self._clock.now_us()):
            return
        _log.warning("job %s is overdue: %s", job.name, detail)
        happening = hook.Happening(
            event="overdue",
            home=str(self._exchange.home),
            job=job.name,
            kind=job.kind,
            detail=detail,
            last_done_at=self._last_done_at(job),
        )
        self.tell_hook(job, happening)

    def tell_hook(self, job: Job, happening: hook.Happening) -> None:
        """Its own failure is logged and kept, so that it is shown; nothing else comes of it."""
        told = self._config.hook
        if told is None or happening.event not in told.on:
            return
        problem = hook.tell(told, happening)
        if problem is not None:
            _log.warning("the hook was not told that job %s is %s: %s", job.name, happening.event, problem)
        self.runs.note_hook(job, None if problem is None else _kept(problem))

    def _last_done_at(self, job: Job) -> str | None:
        known = self.runs.known().get(job.name)
        return None if known is None or known.last_done_at_us is None else format_time(known.last_done_at_us)


def _kept(text: str) -> str:
    """What may be kept of it, and told to others."""
    return _PERSONAL.sub("(a user's)", text)[:_MOST_KEPT]
