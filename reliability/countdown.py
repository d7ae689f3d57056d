"""The end at a call that is counted: this process kills itself at its N-th change of a folder on the disk.

Here: counting what SQLite does there (by the hook on its VFS) and what we do ourselves (by stand-ins for functions of `os`), and SIGKILL
before, in the middle of, or after one of these calls. Never here: which calls are chosen (kills).
Always: calls elsewhere, and those that change nothing, are not counted.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from reliability.disk import Operation, faulty_disk

MOMENTS = ("before", "torn", "after")
"""Torn: of what is written, the first half has arrived. Other calls are whole or not made."""
FAILED = "failed"
"""The call fails as on a broken disk, and the process is killed later on, before it writes to the journal for the n-th time."""
JOURNAL_WAL = "exchange.db-wal"
_SYNC_FAILED = 10 | 4 << 8  # SQLITE_IOERR_FSYNC

_OURS = ("write", "fsync", "link", "replace", "rename", "unlink", "mkdir", "chmod")
_MAKES = os.O_CREAT | os.O_TRUNC
_OF_ONE_USER = re.compile(r"trading_.+?\.db")


class Countdown:
    """`calls` are those so far: what was done, and to which kind of file."""

    def __init__(self, home: Path, *, at: int | None = None, moment: str = "before", writes_left: int = 0) -> None:
        """Counts from 1; None only counts. `writes_left` is how many writes to the journal still pass after a call that failed."""
        self.calls: list[tuple[str, str]] = []
        self._home = str(home)
        self._at = at
        self._moment = moment
        self._writes_left = writes_left
        self._has_failed = False
        self._opened: dict[int, str] = {}

    def sqlite_call(self, what: Operation, path: str, call: partial[int]) -> int:
        if not self._is_ours(path):
            return call()
        return int(self._count(what, path, call, torn=partial(_write_half, call) if what == "write" else None))

    def own_call(self, name: str, real: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Any function of `os` whose first argument is a path or a descriptor."""
        path = self._opened.get(args[0], "") if isinstance(args[0], int) else os.path.abspath(args[0])
        call = partial(real, *args, **options)
        if not self._is_ours(path):
            return call()
        torn = partial(real, args[0], args[1][: len(args[1]) // 2]) if name == "write" else None
        return self._count("own", f"{name}\t{path}", call, torn=torn)

    def own_open(self, real: Callable[..., int], path: Any, flags: int, *args: Any, **options: Any) -> int:
        """Counted where it may make a file."""
        call, name = partial(real, path, flags, *args, **options), os.path.abspath(path)
        is_counted = flags & _MAKES and self._is_ours(name) and not os.path.exists(name)
        descriptor: int = self._count("own", f"open\t{name}", call) if is_counted else call()
        self._opened[descriptor] = name
        return descriptor

    def _count(self, kind: str, what: str, call: Callable[[], Any], *, torn: Callable[[], Any] | None = None) -> Any:
        verb, _, path = what.rpartition("\t")
        self.calls.append((kind, f"{verb} {self._kind_of_file(path)}".strip()))
        if self._has_failed and self.calls[-1] == ("write", JOURNAL_WAL):
            self._writes_left -= 1
        if self._writes_left >= 0 and len(self.calls) != self._at:
            return call()
        if self._moment == FAILED and not self._has_failed:
            self._has_failed = True
            return _SYNC_FAILED
        if self._moment == "torn" and torn is not None:
            torn()
        elif self._moment == "after":
            call()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("SIGKILL leaves nobody")

    def _is_ours(self, path: str) -> bool:
        return path == self._home or path.startswith(self._home + os.sep)

    def _kind_of_file(self, path: str) -> str:
        """A name that the same file has in all folders, and all users' files have alike."""
        name = "the folder" if path == self._home else _OF_ONE_USER.sub("trading_*.db", os.path.basename(path))
        if name.startswith(".writing-"):
            return ".writing-*"
        return "checkpoint" if name.endswith(".checkpoint") else name


def _write_half(call: partial[int]) -> int:
    file, data, amount, offset = call.args
    return call.func(file, data, amount // 2, offset)


@contextmanager
def counted(countdown: Countdown) -> Iterator[None]:
    """For the files that this process opens inside. RuntimeError without the hook."""
    stand_ins: dict[str, Any] = {name: partial(countdown.own_call, name, getattr(os, name)) for name in _OURS}
    stand_ins["open"] = partial(countdown.own_open, os.open)
    with faulty_disk() as disk, mock.patch.multiple("os", **stand_ins):
        disk.around = countdown.sqlite_call
        yield
