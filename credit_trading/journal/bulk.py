"""Work on very many objects in an interpreter that others use too.

Here: pausing the collection of cycles meanwhile, and letting other threads have the interpreter in between. Never here: the work.
Always: collection is as it was once all such work is over, in a forked child too.
"""

from __future__ import annotations

import gc
import os
import threading
import time


class Uncollected:
    """No collection of cycles within: making a million objects that hold none would set off many, each looking at all of them."""

    _lock = threading.Lock()
    _within = 0
    _was_enabled = False

    def __enter__(self) -> None:
        with Uncollected._lock:
            if not Uncollected._within:
                Uncollected._was_enabled = gc.isenabled()
                gc.disable()
            Uncollected._within += 1

    def __exit__(self, *_: object) -> None:
        with Uncollected._lock:
            Uncollected._within -= 1
            if not Uncollected._within and Uncollected._was_enabled:
                gc.enable()


def _after_fork_in_child() -> None:
    """The threads that were at it are not here."""
    Uncollected._lock = threading.Lock()
    if Uncollected._within:
        Uncollected._within = 0
        if Uncollected._was_enabled:
            gc.enable()


os.register_at_fork(after_in_child=_after_fork_in_child)


class Pace:
    """Called between short pieces of work: rests `rest_s` after every `work_s` of it.

    A thread that computes keeps the interpreter for 5 ms at a time from one that comes back from the disk, and that for each of its steps.
    """

    def __init__(self, *, work_s: float, rest_s: float) -> None:
        self._work_s = work_s
        self._rest_s = rest_s
        self._since_s = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._since_s >= self._work_s:
            time.sleep(self._rest_s)
            self._since_s = time.monotonic()


def without_rest() -> None:
    """The pace of work that nobody waits for."""
