"""Real want: no descriptor left, no space left, a folder that may not be written to.

Here: bringing it about for a while, and small disks to do it on. Never here: what must hold afterwards (trials). Always: for a forked
child alone; it ends with the child.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000
_BLOCK = 1 << 16


@contextmanager
def few_descriptors(more: int) -> Iterator[None]:
    """This process can open so many more files at the same time, and no others."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = (number for number in range(before[0]) if not _is_open(number))
    limit = next(number for place, number in enumerate(free) if place == more)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be made, renamed or removed in the folder, nor opened for writing. Not for the superuser, who is above this."""
    files = [path for path in folder.iterdir() if path.is_file()]
    modes = [(path, path.stat().st_mode & 0o777) for path in [*files, folder]]
    for path, mode in modes:
        path.chmod(mode & 0o500)
    try:
        yield
    finally:
        for path, mode in reversed(modes):
            with suppress(FileNotFoundError):
                path.chmod(mode)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """The disk that is mounted there has not a byte left."""
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for size in (_BLOCK, 1):
            with suppress(OSError):
                while True:
                    os.write(descriptor, bytes(size))
        yield
    finally:
        os.close(descriptor)
        ballast.unlink()


def mount_small_disk(folder: Path, *, mebibytes: int) -> None:
    """A disk of its own at `folder`, for this process and its children alone. Raises OSError where the machine does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={mebibytes}m,mode=0700".encode()
    refused = (
        libc.unshare(_CLONE_NEWNS)
        or libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
        or libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options)
    )
    if refused:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), os.fspath(folder))


def become_nobody(folder: Path) -> None:
    """The superuser gives the folder to nobody and becomes that user; others stay who they are."""
    if os.geteuid() != 0:
        return
    os.chown(folder, 65534, 65534)
    os.setgid(65534)
    os.setuid(65534)
