"""The scheduler: wakes jobs when they are due, in threads of this process.

Here: waking, lanes, ending. Never here: whether a job is due (runs), doing it (runner).
Always: APScheduler only wakes us, jobs.db decides; its misfire grace is off, so that a late job is done all the same. Every half minute
the table is looked at by a clock that nobody sets: what another process has left, and what the machine's clock has leaped over, is woken.

    from credit_trading.jobs.scheduler import Scheduler

    with credit_trading.open("trading") as exchange, Scheduler(exchange):
        ...

Of several processes each may have one: every job is done by one of them. A forked child has none until it starts its own.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from credit_trading.app import Exchange
from credit_trading.clock import Clock, SystemClock
from credit_trading.errors import Busy, StorageError, TradingError
from credit_trading.jobs import config as configuration
from credit_trading.jobs import standing
from credit_trading.jobs.config import BACKUP, CHECKPOINT, DRILL, EXPIRE, PRUNE, VERIFY, Config, Job
from credit_trading.jobs.rows import Run
from credit_trading.jobs.runner import Runner, never
from credit_trading.jobs.timing import Timing
from credit_trading.jobs.work import Work, do

_log = logging.getLogger(__name__)

LOOK_S = 30.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LANES = {
    BACKUP: "archives",
    PRUNE: "archives",
    DRILL: "checks",
    VERIFY: "checks",
    EXPIRE: "quick",
    CHECKPOINT: "quick",
}
"""Jobs of one lane wait for each other: a backup for a prune, the expiry sweep for neither."""


class Scheduler:
    """`on_run` is told of each run that is over, in the thread that did it. Close it before the exchange."""

    def __init__(
        self,
        exchange: Exchange,
        config: Config | None = None,
        *,
        on_run: Callable[[Run], None] = lambda _: None,
        clock: Clock | None = None,
        work: Work = do,
    ) -> None:
        """`config` is by default what stands in the folder's jobs.toml. Raises NotFound, InvalidInput if that is missing or wrong."""
        self._config = config or configuration.load(configuration.path_in(exchange.home))
        self._home = exchange.home
        self._clock = clock or SystemClock()
        self._runner = Runner(exchange, self._config, clock=self._clock, work=work)
        self._on_run = on_run
        self._stop = threading.Event()
        self._told: set[str] = set()
        self._started: tuple[int, BackgroundScheduler, threading.Thread] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started in this process and not stopped."""
        return self._started is not None and self._started[0] == os.getpid()

    def start(self) -> None:
        """Returns at once. What was due while nothing ran is done once, now. It runs already: nothing happens. Raises StorageError."""
        if self.is_running:
            return
        self._stop = threading.Event()
        waker = self._waker()
        for job in self._config.jobs.values():
            waker.add_job(
                self._woken,
                _Moments(job.timing),
                args=[job],
                id=job.name,
                executor=_LANES[job.kind],
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
                next_run_time=_moment(self._runner.runs.due_at_us(job, self._clock.now_us())),
            )
        thread = threading.Thread(target=self._watch, args=(waker, self._stop), name="credit-trading-jobs", daemon=True)
        self._started = (os.getpid(), waker, thread)
        waker.start()
        thread.start()

    def stop(self) -> None:
        """Ends what is being done at its next step, and waits for it; it goes on when jobs are done again. Does nothing where none runs."""
        started, self._started = self._started, None
        if started is None or started[0] != os.getpid():  # a parent's threads
            return
        _, waker, thread = started
        self._stop.set()
        waker.shutdown(wait=True)
        thread.join()
        self._runner.tell_lost()

    def run_due(self, stop: Callable[[], bool] = never) -> list[Run]:
        """Does in this thread, one after the other, what is due now, until `stop` says so.

        Raises StorageError if jobs.db fails, when all of them were tried and the hook was told.
        """
        done, failure = [], None
        for job in self._config.jobs.values():
            try:
                run = self._run(job, stop)
            except StorageError as error:
                failure = failure or error
                self._warn(f"job {job.name} cannot be done", error, job)
                continue
            if run is not None:
                done.append(run)
        if failure is not None:
            raise failure
        self.tell_overdue()
        return done

    def tell_overdue(self) -> None:
        """Tells log and hook of what was lost or is overdue, each once until it has succeeded. Raises StorageError if jobs.db fails."""
        self._runner.tell_lost()
        for status in standing.look_at(self._home, self._config, now_us=self._clock.now_us()):
            if status.overdue is not None:
                self._runner.tell_overdue(self._config.job(status.job), status.overdue)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _waker(self) -> BackgroundScheduler:
        quiet = logging.getLogger(f"{__name__}.waker")
        quiet.setLevel(logging.CRITICAL)  # that a job is still under way when it is due again is no news
        lanes = {lane: ThreadPoolExecutor(1) for lane in sorted(set(_LANES.values()))}
        return BackgroundScheduler(logger=quiet, timezone=UTC, executors=lanes)

    def _woken(self, job: Job) -> None:
        """In the lane's thread."""
        try:
            self._run(job, self._stop.is_set)
        except TradingError as error:
            self._warn(f"job {job.name} cannot be done", error, job)
        except Exception:  # noqa: BLE001 - the root of the thread
            _log.exception("job %s cannot be done: a fault in the program", job.name)

    def _run(self, job: Job, stop: Callable[[], bool]) -> Run | None:
        if stop():
            return None
        try:
            run = self._runner.run(job, stop=stop)
        except Busy:  # another process does it
            return None
        if run is not None:
            self._on_run(run)
        return run

    def _watch(self, waker: BackgroundScheduler, stop: threading.Event) -> None:
        while not stop.wait(LOOK_S):
            try:
                self.look(waker)
                self._told.clear()
            except TradingError as error:
                self._warn("jobs cannot be looked at", error)
            except Exception:  # noqa: BLE001 - the root of the thread
                _log.exception("jobs cannot be looked at: a fault in the program")

    def look(self, waker: BackgroundScheduler) -> None:
        """Puts each job's next waking where the table has it, and tells of what is overdue."""
        now_us = self._clock.now_us()
        for job in self._config.jobs.values():
            due, woken = _moment(self._runner.runs.due_at_us(job, now_us)), waker.get_job(job.name)
            if woken is not None and due < woken.next_run_time:
                woken.modify(next_run_time=due)
        self.tell_overdue()

    def _warn(self, what: str, error: TradingError, job: Job | None = None) -> None:
        """Tells log and hook, once until a look succeeds: not each half minute, nor of each job for the same reason."""
        if str(error) in self._told:
            return
        self._told.add(str(error))
        _log.warning("%s: %s", what, error)
        self._runner.tell_not_done(job, f"{what}: {error}")


class _Moments(BaseTrigger):  # type: ignore[misc]  # it carries no types
    """A schedule's moments as APScheduler asks for them; late ones are one."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 - APScheduler's signature
        return _moment(self._timing.next_us((now - _EPOCH) // timedelta(microseconds=1)))


def _moment(moment_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment_us)
