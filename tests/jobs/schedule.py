"""Jobs for tests, and work that does what the test says.

Here: making them. Never here: what a test expects.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from credit_trading.app import Exchange
from credit_trading.jobs import config
from credit_trading.jobs.config import Config, Hook, Job
from credit_trading.jobs.timing import Every, parse_cron, parse_period
from credit_trading.jobs.work import Result
from credit_trading.progress import Progress

HOUR_US = 3_600_000_000
SIX_US = 1_767_247_200_000_000
"""2026-01-01T06:00:00Z."""

_TELLER = """
import sys
with open(sys.argv[1], "a") as file:
    file.write(sys.stdin.read())
"""


def teller(path: Path, *, on: tuple[str, ...] = ("failed", "overdue")) -> Hook:
    """A hook that writes what it is told to the end of the file."""
    return Hook(command=(sys.executable, "-I", "-c", _TELLER, str(path)), on=on)


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def job(name: str = "hourly", kind: str = config.EXPIRE, *, every: str = "1h", cron: str = "", place: str = "") -> Job:
    timing = parse_cron(cron) if cron else Every(parse_period(every))
    return Job(name=name, kind=kind, timing=timing, place=place)


def jobs_of(path: Path, *jobs: Job, hook: Hook | None = None) -> Config:
    return Config(path=path, jobs={job.name: job for job in jobs}, hook=hook)


def written(folder: Path, text: str) -> Path:
    """A file of schedules."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / config.FILE_NAME
    path.write_text(text)
    return path


@attrs.define
class Doing:
    """Work that notes what it was asked for and does `action`."""

    action: Callable[[Progress], Result] = lambda _: Result(detail="fine", size_bytes=7)
    done: list[str] = attrs.Factory(list)

    def __call__(self, job: Job, exchange: Exchange, progress: Progress) -> Result:
        self.done.append(job.name)
        return self.action(progress)


def raising(error: BaseException) -> Doing:
    def action(_: Progress) -> Result:
        raise error

    return Doing(action)
