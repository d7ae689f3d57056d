"""How users' files are read: how many answers were there already, and which questions took long; of every process in a file of its own.

Here: counting, and the folder where `status` finds what other processes have counted. Never here: the answers (kept_answers).
Always: nobody fails or waits because this cannot be written; no value that anybody asked for stands in it, only the SQL.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import attrs
import msgspec

from credit_trading.clock import SystemClock
from credit_trading.errors import TradingError
from credit_trading.store.files import make_private_folder, write_durably
from credit_trading.store.sqlite import translated

_log = logging.getLogger(__name__)

FOLDER = "reads"

WRITE_EVERY_S = 10.0
"""A process that does not live for so long, and asks nothing slow, leaves no trace."""

MOST_SLOW = 50
"""Different questions of which it is told how long they took; the slowest are kept."""

_KEEP_US = 7 * 86_400_000_000
"""What a process has counted is told for so long after it wrote it down last."""


class SlowQuery(msgspec.Struct):
    """A statement that took as long as the settings call slow, so many `times`; its plan as SQLite told it then."""

    statement: str
    plan: list[str]
    times: int
    longest_us: int
    last_at_us: int


class Counted(msgspec.Struct):
    """Of one process: answers that were kept (`hits`) and that had to be read (`misses`)."""

    process: int
    written_at_us: int = 0
    hits: int = 0
    misses: int = 0
    slow: list[SlowQuery] = []


@attrs.frozen(kw_only=True)
class ReadsStatus:
    """Of all `processes` of the last seven days together; `slow` begins with the slowest."""

    processes: int
    hits: int
    misses: int
    slow: list[SlowQuery]


class Reads:
    """What this process counts."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._begin()

    def _begin(self) -> None:
        self._mutex = threading.Lock()
        self._counted = Counted(os.getpid())
        self._slow: dict[str, SlowQuery] = {}
        self._write_at = monotonic() + WRITE_EVERY_S
        self._path: Path | None = None

    def count(self, *, hit: bool) -> None:
        with self._mutex:
            if hit:
                self._counted.hits += 1
            else:
                self._counted.misses += 1
            if monotonic() < self._write_at:
                return
            self._write_at = monotonic() + WRITE_EVERY_S
        self.write()

    def add_slow(self, statement: str, plan: list[str], *, took_us: int) -> None:
        """One question that took long; written down at once."""
        now_us = SystemClock().now_us()
        with self._mutex:
            before = self._slow.get(statement) or SlowQuery(statement, plan, 0, 0, 0)
            longest_us = max(before.longest_us, took_us)
            self._slow[statement] = SlowQuery(statement, plan, before.times + 1, longest_us, now_us)
            if len(self._slow) > MOST_SLOW:
                del self._slow[min(self._slow, key=lambda each: self._slow[each].longest_us)]
        self.write()

    def write(self) -> None:
        """For others to see. Trouble is logged."""
        with self._mutex:
            now_us = SystemClock().now_us()
            self._counted.written_at_us = now_us
            self._counted.slow = list(self._slow.values())
            data = msgspec.json.encode(self._counted)
        try:
            with translated("reads", self._folder):
                if self._path is None:
                    make_private_folder(self._folder)
                    _sweep(self._folder, now_us)
                    self._path = self._folder / f"{os.getpid()}-{now_us}.json"
                write_durably(self._path, data)
        except TradingError as error:
            _log.info("what was read cannot be told to others: %s", error)

    def close(self) -> None:
        """Once more, if it has been written before."""
        if self._path is not None:
            self.write()

    def after_fork_in_child(self) -> None:
        """Counts for itself from here on."""
        self._begin()


def look(home: Path) -> ReadsStatus:
    """What all processes have written down. What cannot be read is left out."""
    found = list(_all(home / FOLDER))
    slow: dict[str, SlowQuery] = {}
    for one in (query for counted in found for query in counted.slow):
        known = slow.get(one.statement)
        if known is None:
            slow[one.statement] = one
        else:
            latest = max(known, one, key=lambda each: each.last_at_us)
            longest_us = max(known.longest_us, one.longest_us)
            times = known.times + one.times
            slow[one.statement] = SlowQuery(one.statement, latest.plan, times, longest_us, latest.last_at_us)
    return ReadsStatus(
        processes=len(found),
        hits=sum(counted.hits for counted in found),
        misses=sum(counted.misses for counted in found),
        slow=sorted(slow.values(), key=lambda each: -each.longest_us),
    )


def _all(folder: Path) -> Iterator[Counted]:
    for path in sorted(folder.glob("*.json")):
        try:
            counted = msgspec.json.decode(path.read_bytes(), type=Counted)
        except (OSError, ValueError):  # msgspec's errors are ValueErrors
            continue
        if counted.written_at_us > SystemClock().now_us() - _KEEP_US:
            yield counted


def _sweep(folder: Path, now_us: int) -> None:
    """What was written down long ago."""
    for path in folder.glob("*.json"):
        if path.stat().st_mtime_ns // 1000 < now_us - _KEEP_US:
            path.unlink(missing_ok=True)
