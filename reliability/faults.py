"""A system that refuses what it is told to refuse, and works again when it is healed.

Here: every call by which a process touches a folder's files - SQLite's through its VFS, Python's through audit events, fsync and write
through a stand-in for `os` in store/files.py - is written down, and a chosen one fails, or all from that one on. Never here: what must
hold afterwards (trials).
Always: a call that fails touches nothing; inside `unseen` nothing is counted and nothing fails.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from unittest import mock

import attrs

from credit_trading.store import files
from reliability.disk import Error, Operation, faulty_disk

FAULTS: Final[Mapping[str, Mapping[str, str | int]]] = MappingProxyType(
    {
        "full": {
            "sqlite.write": "full",
            "create": errno.ENOSPC,
            "os.write": errno.ENOSPC,
            "os.link": errno.ENOSPC,
            "os.rename": errno.ENOSPC,
            "os.mkdir": errno.ENOSPC,
        },
        "broken": {
            **dict.fromkeys(("sqlite.write", "sqlite.sync", "sqlite.truncate", "sqlite.delete"), "io"),
            **dict.fromkeys(("os.write", "os.fsync", "os.link", "os.rename", "os.remove", "open"), errno.EIO),
        },
        "no descriptors": {"sqlite.open": "io", **dict.fromkeys(("open", "create", "os.scandir"), errno.EMFILE)},
        "read only": {
            **dict.fromkeys(("create", "os.link", "os.rename", "os.mkdir", "os.remove", "os.chmod"), errno.EACCES),
            "sqlite.delete": "io",
        },
    }
)
"""What fails in which state of the system, and with which error: a number of `errno`, or a word of `reliability.disk`."""

_KINDS = ((r"^trading_.*\.db(?=$|-)", "user.db"), (r"^\.writing-.*", ".writing"), (r"\d+", "#"))


@attrs.frozen(order=True)
class Call:
    """What the system was asked for, and on which kind of file: `user.db-wal`, whoever the user is."""

    operation: str
    file: str


@attrs.define
class _Armed:
    fault: str
    site: Call
    after: int
    lasting: bool

    def strikes(self, call: Call) -> bool:
        """The call at the site that comes after so many others there; if it lasts, every call from then on."""
        if self.after >= 0 and call == self.site:
            self.after -= 1
            return self.after < 0
        return self.lasting and self.after < 0


class Faults:
    """Writes down the calls on files below `folders`, and fails those it is told to fail. From any thread."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = tuple(os.fspath(folder) for folder in folders)
        self._lock = threading.RLock()  # R: while it is held the garbage collector may close a file
        self._unseen = 0
        self._armed: _Armed | None = None
        self.calls: list[Call] = []
        """Since `count_anew`, in their order."""
        self.struck: list[Call] = []
        """Those that failed."""

    def count_anew(self) -> None:
        with self._lock:
            self.calls, self.struck, self._armed = [], [], None

    def arm(self, fault: str, site: Call, after: int, *, lasting: bool) -> None:
        """Of the calls like `site` the one after so many others fails; if `lasting`, whatever comes then and can fail in this way does."""
        with self._lock:
            self.count_anew()
            self._armed = _Armed(fault, site, after, lasting)

    def heal(self) -> None:
        with self._lock:
            self._armed = None

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """For what the test itself does."""
        with self._lock:
            self._unseen += 1
        try:
            yield
        finally:
            with self._lock:
                self._unseen -= 1

    def ask(self, operation: str, path: str) -> str | int | None:
        """The error that the call shall give; None lets it pass."""
        with self._lock:
            if self._unseen or not path.startswith(self._folders):
                return None
            call = Call(operation, kind_of(path))
            self.calls.append(call)
            if self._armed is None or not self._armed.strikes(call):
                return None
            error = FAULTS[self._armed.fault].get(operation)
            if error is not None:
                self.struck.append(call)
            return error


def kind_of(path: str) -> str:
    """The file's name without what differs from user to user and from run to run."""
    name = os.path.basename(path)
    for pattern, kind in _KINDS:
        name = re.sub(pattern, kind, name)
    return name


@contextmanager
def faults(*folders: Path) -> Iterator[Faults]:
    """What happens to files below `folders` while this is entered is counted. RuntimeError unless reliability.disk.AVAILABLE."""
    told = Faults(folders)

    def watch(operation: Operation, path: str) -> Error | None:
        return told.ask(f"sqlite.{operation}", path)  # type: ignore[return-value]  # FAULTS has words for these

    with faulty_disk() as disk, mock.patch.object(files, "os", _System(told)), _audited(told):
        disk.watch = watch
        try:
            yield told
        finally:
            told.heal()
            disk.watch = lambda _, __: None  # files that stay open go on without


class _System:
    """Stands in for `os` where it does not tell Python's audit hooks."""

    def __init__(self, told: Faults) -> None:
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        self._ask("os.fsync", descriptor)
        os.fsync(descriptor)

    def write(self, descriptor: int, data: bytes) -> int:
        self._ask("os.write", descriptor)
        return os.write(descriptor, data)

    def _ask(self, operation: str, descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        _raise(self._told.ask(operation, path), path)


_audience: list[Faults] = []
"""An audit hook stays for ever, so there is one, which speaks to whoever listens."""

_AUDITED = {"open", "os.remove", "os.rename", "os.link", "os.mkdir", "os.chmod", "os.scandir", "os.rmdir"}
_CREATES = os.O_CREAT


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _audience or event not in _AUDITED or not isinstance(arguments[0], str | os.PathLike):
        return
    path = os.fspath(arguments[0])
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if event == "open" and arguments[2] & _CREATES and not os.path.exists(path):
        event = "create"
    for told in list(_audience):
        _raise(told.ask(event, path), path)


def _raise(error: str | int | None, path: str) -> None:
    if isinstance(error, int):
        raise OSError(error, os.strerror(error), path)


@contextmanager
def _audited(told: Faults) -> Iterator[None]:
    if not _hooked:
        sys.addaudithook(_hear)
        _hooked.append(_hear)
    _audience.append(told)
    try:
        yield
    finally:
        _audience.remove(told)


_hooked: list[Callable[..., None]] = []
