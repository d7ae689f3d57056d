"""What reaches the disk, written down call by call, so that a power cut can be tried at every point of it.

Here: each write, truncation, sync, and change of a name in one folder, with its content and in its order: those of SQLite by the hook
on its VFS, our own by stand-ins for the functions of `os`. Never here: what a power cut leaves of them (unsynced).
Always: with every call carried out, what is written down is what the folder holds; -shm is memory and not on the disk.
Not seen: what Python writes through `open(...)`; `differences` tells of it. That SQLite syncs a folder is seen by its opening the
folder, which it does for nothing else.
"""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_char_p, c_int, c_void_p
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from reliability.disk import _Vfs, _vfs, faulty_disk
from reliability.unsynced import FOLDER, FolderSynced, Named, Operation, Synced, Truncated, UnsyncedDisk, Wrote

_MEMORY = "-shm"


class RecordedDisk:
    """The calls on one folder, in their order. What stood there before comes first, as synced."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.calls: list[Operation] = []
        self.ear = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        """A descriptor to tell something to: it is kept in `heard`, each piece with how many calls came before it."""
        self.heard: list[tuple[int, bytes]] = []
        self._lock = threading.RLock()
        self._numbers: dict[tuple[int, int], int] = {}  # of files, by device and inode
        self._names: dict[str, int] = {}
        self._folders: dict[tuple[int, int], str] = {_identity(os.stat(home)): ""}
        self._handles: dict[int, int] = {}  # numbers of the files that SQLite has open, by address
        self._files = 0
        self._of_thread = threading.local()
        for path in sorted(home.rglob("*")):
            if not path.name.endswith(_MEMORY):
                self._found(path)

    def differences(self) -> list[str]:
        """Paths whose content is not what the calls lead to. Only while no one has the files open: it reads them as bytes."""
        there = {
            str(path.relative_to(self.home)): None if path.is_dir() else path.read_bytes()
            for path in self.home.rglob("*")
            if not path.name.endswith(_MEMORY)
        }
        told = UnsyncedDisk(self.calls).whole()
        return sorted(
            path
            for path in there.keys() | told.keys()
            if path not in there or path not in told or there[path] != told[path]
        )

    def _found(self, path: Path) -> None:
        name = str(path.relative_to(self.home))
        if path.is_dir():
            self._made_folder(name)
        else:
            number = self._created(name)
            self._take(Wrote(number, 0, path.read_bytes()))
            self._take(Synced(number))
        self._take(FolderSynced(_folder(name)))

    def _take(self, call: Operation) -> None:
        with self._lock:
            self.calls.append(call)

    def _relative(self, path: Any) -> str | None:
        """The path within the home, "" for the home itself; None for what is elsewhere."""
        if isinstance(path, int):
            return None
        whole, home = os.path.abspath(os.fsdecode(path)), str(self.home)
        if whole == home:
            return ""
        return whole[len(home) + 1 :] if whole.startswith(home + os.sep) else None

    def _created(self, name: str) -> int:
        with self._lock:
            self._files += 1
            self._numbers[_identity(os.stat(self.home / name))] = self._names[name] = self._files
            self._take(Named(_folder(name), {name: self._files}))
            return self._files

    def _made_folder(self, name: str) -> None:
        with self._lock:
            self._folders[_identity(os.stat(self.home / name))] = name
            self._take(Named(_folder(name), {name: FOLDER}))

    def _renamed(self, changes: dict[str, int | None]) -> None:
        folders = {_folder(name) for name in changes}
        assert len(folders) == 1, f"a rename from folder to folder cannot be told: {sorted(changes)}"
        with self._lock:
            for name, number in changes.items():
                self._names.pop(name, None)
                if number is not None:
                    self._names[name] = number
            self._take(Named(folders.pop(), changes))

    # What SQLite does.

    def sqlite_opened(self, address: int, path: str) -> None:
        name = self._relative(path)
        with self._lock:
            self._handles.pop(address, None)
            if name:
                self._handles[address] = self._names[name] if name in self._names else self._created(name)

    def sqlite_calls(self, what: str, path: str, call: partial[int]) -> int:
        """Makes the call, and writes down what it has done."""
        address, *rest = call.args
        data = ctypes.string_at(rest[0], rest[1]) if what == "write" else b""
        synced_folders = self._of_thread.synced_folders = []
        if not (code := call()):
            self._sqlite_has(what, address, path, data, rest)
            for folder in synced_folders:  # SQLite syncs the folder last
                self._take(FolderSynced(folder))
        return code

    def _sqlite_has(self, what: str, address: int, path: str, data: bytes, rest: list[int]) -> None:
        number, name = self._handles.get(address), self._relative(path)
        if what == "delete":
            if name in self._names:
                self._renamed({name: None})
        elif number is None:
            pass
        elif what == "write":
            self._take(Wrote(number, rest[2], data))
        elif what == "truncate":
            self._take(Truncated(number, rest[0]))
        else:
            self._take(Synced(number))

    def sqlite_syncs_folder(self, path: str) -> None:
        """Comes in the midst of a call."""
        folder = self._relative(os.path.dirname(path))
        if folder is not None:
            self._of_thread.synced_folders.append(folder)

    # What we do ourselves.

    def stand_ins(self) -> dict[str, Callable[..., Any]]:
        """For the functions of `os` that change a disk, each by its name."""
        return {
            "open": partial(self._open, os.open),
            "write": partial(self._write, os.write),
            "fsync": partial(self._fsync, os.fsync),
            "link": partial(self._link, os.link),
            "rename": partial(self._rename, os.rename),
            "replace": partial(self._rename, os.replace),
            "unlink": partial(self._unlink, os.unlink),
            "remove": partial(self._unlink, os.remove),
            "mkdir": partial(self._mkdir, os.mkdir),
        }

    def _open(self, real: Callable[..., int], path: Any, flags: int, *rest: Any, dir_fd: int | None = None) -> int:
        name = self._relative(path) if dir_fd is None else None
        descriptor = real(path, flags, *rest, dir_fd=dir_fd)
        if name and flags & os.O_CREAT and name not in self._names:
            self._created(name)
        elif name and flags & os.O_TRUNC:
            self._take(Truncated(self._names[name], 0))
        return descriptor

    def _write(self, real: Callable[..., int], descriptor: int, data: Any) -> int:
        if descriptor == self.ear:
            self.heard.append((len(self.calls), bytes(data)))
        number = self._numbers.get(_identity(os.fstat(descriptor)))
        if number is None:
            return real(descriptor, data)
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        written = real(descriptor, data)
        self._take(Wrote(number, offset, bytes(data[:written])))
        return written

    def _fsync(self, real: Callable[..., None], descriptor: int) -> None:
        real(descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            if (folder := self._folders.get(_identity(status))) is not None:
                self._take(FolderSynced(folder))
        elif (number := self._numbers.get(_identity(status))) is not None:
            self._take(Synced(number))

    def _link(self, real: Callable[..., None], source: Any, destination: Any, **how: Any) -> None:
        real(source, destination, **how)
        old, new = self._relative(source), self._relative(destination)
        if old in self._names and new:
            self._renamed({new: self._names[old]})

    def _rename(self, real: Callable[..., None], source: Any, destination: Any, **how: Any) -> None:
        real(source, destination, **how)
        old, new = self._relative(source), self._relative(destination)
        if old in self._names and new:
            self._renamed({old: None, new: self._names[old]})

    def _unlink(self, real: Callable[..., None], path: Any, *, dir_fd: int | None = None) -> None:
        real(path, dir_fd=dir_fd)
        name = self._relative(path) if dir_fd is None else None
        if name in self._names:
            self._renamed({name: None})

    def _mkdir(self, real: Callable[..., None], path: Any, *rest: Any, dir_fd: int | None = None) -> None:
        real(path, *rest, dir_fd=dir_fd)
        if dir_fd is None and (name := self._relative(path)):
            self._made_folder(name)


@contextmanager
def recorded_disk(home: Path) -> Iterator[RecordedDisk]:
    """Writes down what this process does to the folder `home`, which exists and nobody has open. RuntimeError without the hook."""
    with faulty_disk() as disk:
        recorded = RecordedDisk(home)
        disk.opened, disk.around = recorded.sqlite_opened, recorded.sqlite_calls
        with _folder_syncs(recorded.sqlite_syncs_folder), mock.patch.dict(vars(os), recorded.stand_ins()):
            try:
                yield recorded
            finally:
                os.close(recorded.ear)


class _WholeVfs(_Vfs):  # C's sqlite3_vfs up to what is needed here
    _fields_ = (
        *((f"other{place}", c_void_p) for place in range(11)),  # xAccess to xCurrentTimeInt64
        ("xSetSystemCall", CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)),  # VFS, name, function
        ("xGetSystemCall", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),  # VFS, name
    )


_OPEN_FOLDER = CFUNCTYPE(c_int, c_char_p, c_void_p)  # a file in it, the descriptor


@contextmanager
def _folder_syncs(told: Callable[[str], None]) -> Iterator[None]:
    """Tells of each folder that SQLite opens to sync it, by the path of a file in it."""
    vfs = ctypes.cast(ctypes.pointer(_vfs()), ctypes.POINTER(_WholeVfs)).contents
    address, name = ctypes.addressof(vfs), b"openDirectory"
    before = vfs.xGetSystemCall(address, name)
    real = _OPEN_FOLDER(before)

    def opened(path: bytes, descriptor: int) -> int:
        code: int = real(path, descriptor)
        if not code:
            told(os.fsdecode(path))
        return code

    callback = _OPEN_FOLDER(opened)
    vfs.xSetSystemCall(address, name, ctypes.cast(callback, c_void_p))
    try:
        yield
    finally:
        vfs.xSetSystemCall(address, name, before)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _folder(name: str) -> str:
    return os.path.dirname(name)
