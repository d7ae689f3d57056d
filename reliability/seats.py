"""What each thread of each process is doing just now, in memory that all of them share: it outlives whoever is killed.

Here: the table and its cells. Never here: who sits where (crowd).
Always: a cell has one writer, and a reader sees it as it was before or after a write.
"""

from __future__ import annotations

import mmap
import time
from enum import IntEnum

_THREAD_CELLS = 3
"""Acts done, the longest of them in seconds, when the one under way began (0: none)."""


class Phase(IntEnum):
    TRADING = 0
    CLOSING = 1
    """Nobody begins another act."""
    CLOSED = 2
    """Nobody has one under way."""


class Seats:
    """So many seats for processes, of so many threads each. Make it before the processes are forked."""

    def __init__(self, *, processes: int, threads: int) -> None:
        self.processes = range(processes)
        self.threads = range(threads)
        self._width = 1 + threads * _THREAD_CELLS
        self._cells = memoryview(mmap.mmap(-1, 8 * (1 + processes * self._width))).cast("d")

    @property
    def phase(self) -> Phase:
        return Phase(int(self._cells[0]))

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._cells[0] = phase

    def clear(self, process: int) -> None:
        """For a process that takes the place of another one."""
        first = self._at(process)
        for cell in range(first, first + self._width):
            self._cells[cell] = 0

    def finish(self, process: int) -> None:
        """All threads of the process have done their last act."""
        self._cells[self._at(process)] = 1

    def is_finished(self, process: int) -> bool:
        return bool(self._cells[self._at(process)])

    def begin(self, process: int, thread: int) -> None:
        self._cells[self._at(process, thread) + 2] = time.monotonic()

    def end(self, process: int, thread: int) -> None:
        cell = self._at(process, thread)
        self._cells[cell + 1] = self.longest_s(process, thread)
        self._cells[cell + 2] = 0
        self._cells[cell] += 1

    def exempt(self, process: int, thread: int) -> None:
        """The act under way may take as long as it does."""
        self._cells[self._at(process, thread) + 2] = -1

    def is_exempt(self, process: int, thread: int) -> bool:
        """Such an act is under way, or was when the process was killed."""
        return self._cells[self._at(process, thread) + 2] < 0

    def acts(self, process: int, thread: int) -> int:
        return int(self._cells[self._at(process, thread)])

    def longest_s(self, process: int, thread: int) -> float:
        """The one under way included."""
        return max(self._cells[self._at(process, thread) + 1], self.under_way_s(process, thread))

    def under_way_s(self, process: int, thread: int) -> float:
        began = self._cells[self._at(process, thread) + 2]
        return time.monotonic() - began if began > 0 else 0.0

    def _at(self, process: int, thread: int | None = None) -> int:
        first = 1 + process * self._width
        return first if thread is None else first + 1 + thread * _THREAD_CELLS
