"""A disk that fails when a test tells it to.

Here: SQLite's files opened inside `with faulty_disk()` count their calls, as deletions are, and those that a test
names fail as on a full or broken disk. No compiler: ctypes puts our own xOpen into pysqlite3's default VFS, and that
gives each opened file a copy of its method table which asks the test's faults first. Never here: what a failure means.
Always: a failed call touches nothing, so what was written before a failed sync stays in the file; files opened before
are left alone; files opened inside go on working after the `with`, without faults. Not seen: -shm (mapped memory),
`:memory:`, other VFSs. SQLite opens a -wal only at its connection's first statement: run one on the same side.
Beware: one connection in two threads at once deadlocks (SQLite's mutex, Python's lock): take turns, as the store does.
A signal handler that raises (Ctrl-C) while SQLite writes is lost in ctypes, and that write with it.
"""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_int, c_int64, c_void_p
from dataclasses import dataclass
from functools import partial
from math import inf
from threading import RLock
from typing import Any, Literal, TypeAlias

Operation: TypeAlias = Literal["open", "write", "sync", "truncate", "delete"]
Error: TypeAlias = Literal["io", "full"]

_CODES: dict[tuple[Operation, Error], int] = {
    ("open", "io"): 14,  # SQLITE_CANTOPEN, which is also what having no descriptor left looks like
    ("delete", "io"): 10 | 10 << 8,  # SQLITE_IOERR_DELETE
    ("write", "io"): 10 | 3 << 8,  # SQLITE_IOERR_WRITE
    ("write", "full"): 13,  # SQLITE_FULL
    ("sync", "io"): 10 | 4 << 8,  # SQLITE_IOERR_FSYNC
    ("truncate", "io"): 10 | 6 << 8,  # SQLITE_IOERR_TRUNCATE
}

# C's signatures. Pointers stay raw: behind a name's NUL stand the URI's parameters, which a Python string would lose.
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)  # VFS, name, file, flags, resulting flags
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)  # VFS, name, whether to sync the folder
_METHODS: dict[Operation, tuple[str, Any]] = {
    "write": ("xWrite", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)),  # file, bytes, how many, where
    "sync": ("xSync", CFUNCTYPE(c_int, c_void_p, c_int)),  # file, flags
    "truncate": ("xTruncate", CFUNCTYPE(c_int, c_void_p, c_int64)),  # file, size
}


class _Vfs(ctypes.Structure):  # the head of C's sqlite3_vfs
    _fields_ = (
        *((name, c_int) for name in ("iVersion", "szOsFile", "mxPathname")),
        *((name, c_void_p) for name in ("pNext", "zName", "pAppData", "xOpen", "xDelete")),
    )


class _Table(ctypes.Structure):  # C's sqlite3_io_methods, version 3; a file in C begins with a pointer to one
    _fields_ = (
        ("iVersion", c_int),
        *((name, c_void_p) for name in ("xClose", "xRead", "xWrite", "xTruncate", "xSync")),
        ("others", c_void_p * 13),
    )


def _vfs() -> Any:
    try:
        from pysqlite3 import _sqlite3
    except ImportError:
        return None
    find = getattr(ctypes.CDLL(_sqlite3.__file__), "sqlite3_vfs_find", None)  # not every build exports it
    if find is not None:
        find.restype = ctypes.POINTER(_Vfs)
    return find and find(None).contents


AVAILABLE: bool = _vfs() is not None  # for pytest.mark.skipif


@dataclass
class _Fault:
    what: Operation
    suffix: str
    code: int
    times: float
    after: int

    def strikes(self, what: Operation, path: str) -> bool:
        if what != self.what or not path.endswith(self.suffix):
            return False
        self.after -= 1
        return -self.times <= self.after < 0


class FaultyDisk:
    """What a test tells the disk and asks it, from any thread."""

    def __init__(self) -> None:
        self._lock = RLock()  # R: while we hold it the garbage collector may close a connection
        self._faults: list[_Fault] = []
        self._calls: Counter[tuple[Operation, str]] = Counter()
        self._paths: dict[int, str] = {}  # by the file's address
        self._tables: dict[int, _Table] = {}  # ours, by the address of the one replaced
        self._callbacks: list[Any] = []
        self.watch: Callable[[Operation, str], Error | None] = lambda _, __: None
        """Asked before each call, by its operation and path: the error that it shall give, None to let it pass. Heal leaves it."""
        self.around: Callable[[Operation, str, partial[int]], int] = lambda _, __, call: call()
        """Makes each write, sync, truncation and deletion that may pass; the call's arguments are C's. Heal leaves it."""
        self.opened: Callable[[int, str], None] = lambda _, __: None
        """Told of each file that was opened, by its address (C's first argument to its calls) and path. Heal leaves it."""

    def fail(
        self, what: Operation, *, suffix: str = "", times: int | None = 1, error: Error = "io", after: int = 0
    ) -> None:
        """Let `after` calls on paths ending with `suffix` pass, then fail the next `times` (None: until healed).

        Of several faults the oldest that strikes decides; the younger do not see that call. Only a write can be "full".
        """
        fault = _Fault(what, suffix, _CODES[what, error], inf if times is None else times, after)
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        with self._lock:
            self._faults.clear()

    def count(self, what: Operation, suffix: str = "") -> int:
        """Calls so far, failed ones too, on paths ending with `suffix`."""
        with self._lock:
            return sum(n for (called, path), n in self._calls.items() if called == what and path.endswith(suffix))

    @property
    def counts(self) -> dict[Operation, int]:
        return {what: self.count(what) for what in _METHODS}

    def _code(self, what: Operation, path: str) -> int:
        """What the next call shall return without being made; 0 lets it pass. With the lock held."""
        self._calls[what, path] += 1
        error = self.watch(what, path)
        if error is not None:
            return _CODES[what, error]
        return next((fault.code for fault in self._faults if fault.strikes(what, path)), 0)

    def _call(self, what: Operation, real: Callable[..., int], file: int, *rest: int) -> int:
        with self._lock:
            path = self._paths[file]
            code = self._code(what, path)
        return code or self.around(what, path, partial(real, file, *rest))

    def _delete(self, real: Callable[..., int], vfs: int, name: int, *rest: int) -> int:
        with self._lock:
            code = self._code("delete", _text(name))
        return code or self.around("delete", _text(name), partial(real, vfs, name, *rest))

    def _open(self, real: Callable[..., int], vfs: int, name: int | None, file: int, *rest: int) -> int:
        table = c_void_p.from_address(file)
        with self._lock:
            code = self._code("open", _text(name))
        if code:
            table.value = None  # nothing to close
        if code := code or real(vfs, name, file, *rest):
            return code
        with self._lock:
            self._paths[file] = _text(name)
            if (original := table.value or 0) not in self._tables:
                self._tables[original] = self._copy(original)
            table.value = ctypes.addressof(self._tables[original])
        self.opened(file, _text(name))
        return 0

    def _copy(self, original: int) -> _Table:
        table, version = _Table(), min(c_int.from_address(original).value, 3)
        ctypes.memmove(ctypes.byref(table), original, ctypes.sizeof(c_void_p) * {1: 13, 2: 17, 3: 19}[version])
        table.iVersion = version  # what a later version adds is not in the copy, so SQLite must not look for it
        for what, (name, kind) in _METHODS.items():
            setattr(table, name, self._callback(kind, partial(self._call, what, kind(getattr(table, name)))))
        return table

    def _callback(self, kind: Any, function: Callable[..., int]) -> int | None:
        self._callbacks.append(kind(function))
        return ctypes.cast(self._callbacks[-1], c_void_p).value


def _text(name: int | None) -> str:
    """A path; temporary files have none."""
    return os.fsdecode(ctypes.string_at(name)) if name else ""


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    """A disk for the files opened inside; may be nested. RuntimeError unless AVAILABLE."""
    vfs, disk = _vfs(), FaultyDisk()
    if vfs is None:
        raise RuntimeError("faulty_disk needs pysqlite3, in a build that exports sqlite3_vfs_find")
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(disk))  # leaked: files may call it until the interpreter's very end
    opens, deletes = vfs.xOpen, vfs.xDelete
    vfs.xOpen = disk._callback(_OPEN, partial(disk._open, _OPEN(opens)))
    vfs.xDelete = disk._callback(_DELETE, partial(disk._delete, _DELETE(deletes)))
    try:
        yield disk
    finally:
        vfs.xOpen, vfs.xDelete = opens, deletes
        disk.heal()
