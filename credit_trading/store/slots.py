"""What this process does with its lock files: which thread has which slot, and what the kernel was asked for.

Here: one state per file and process, shared by all handles (LockFile), and the calls to the kernel. Never here: what a
slot means, or what happens to those who wait in vain.
Always: all states change under one mutex, which is never kept while waiting; after a fork the child starts with none.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

Pauses: TypeAlias = Callable[[float], float]
"""How long to sleep before asking the kernel again, in seconds, by how long one has waited already."""


def growing(waited_s: float) -> float:
    """For a lock that is free soon or not for long: 50 µs at first, 1 ms in the end."""
    return min(max(waited_s, 50e-6), 1e-3)


def prompt(waited_s: float) -> float:
    """For one who waits alone and keeps others waiting: 50 to 250 µs."""
    return min(max(waited_s, 50e-6), 250e-6)


def shrinking(waited_s: float) -> float:
    """For a queue: from 1 ms to 100 µs within 18 ms. Whoever has waited longest asks most often, and so is mostly next.

    Measured, 4 processes without a break, turns of 5 ms: longest wait 40 ms, against 100 to 360 ms with growing pauses.
    """
    return max(1e-3 - waited_s / 20, 100e-6)


class Slot:
    """One slot, as the threads of this process share it out. Use it with the mutex held."""

    __slots__ = ("_changed", "_mutex", "claimed", "queue", "readers", "waiting")

    def __init__(self, mutex: threading.Lock) -> None:
        self._mutex = mutex
        self._changed: threading.Condition | None = None  # made for the first thread that has to wait
        self.claimed = False  # one thread has it exclusively, or is asking the kernel for it
        self.readers = 0
        self.queue: deque[object] = deque()  # threads that want it exclusively, first come first served
        self.waiting = 0

    def wait_to_share(self, deadline: float) -> bool:
        if not self.claimed:
            return True
        self.waiting += 1
        try:
            return self._wait(lambda: not self.claimed, deadline)
        finally:
            self.waiting -= 1

    def wait_to_own(self, deadline: float) -> bool:
        if self.is_unused():
            return True
        ticket = object()
        self.queue.append(ticket)
        try:
            return self._wait(lambda: self.queue[0] is ticket and not self.claimed and not self.readers, deadline)
        finally:
            self.queue.remove(ticket)
            self.notify()  # whoever stands first now may be able to go on

    def notify(self) -> None:
        if self._changed is not None:
            self._changed.notify_all()

    def _wait(self, until: Callable[[], bool], deadline: float) -> bool:
        if self._changed is None:
            self._changed = threading.Condition(self._mutex)
        return self._changed.wait_for(until, deadline - time.monotonic())

    def is_unused(self) -> bool:
        return not (self.claimed or self.readers or self.queue or self.waiting)


class LockedFile:
    """One lock file; its descriptor is closed when the last handle is closed and the last lock released."""

    __slots__ = ("descriptor", "handles", "key", "pid", "slots", "spare_descriptors")

    def __init__(self, key: tuple[int, int], descriptor: int) -> None:
        self.key = key
        self.descriptor = descriptor
        self.spare_descriptors: list[int] = []
        self.handles = 0
        self.pid = os.getpid()
        self.slots: dict[int, Slot] = {}

    def lock(self, slot: int, *, shared: bool, deadline: float, pauses: Pauses) -> bool:
        """Ask the kernel until it says yes or the deadline (`time.monotonic`) has passed; asks at least once."""
        kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        began: float | None = None
        while True:
            try:
                fcntl.lockf(self.descriptor, kind, 1, slot)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):  # POSIX allows either for "somebody else has it"
                    raise
            else:
                return True
            now = time.monotonic()
            if now >= deadline:
                return False
            began = began or now
            time.sleep(min(pauses(now - began), deadline - now))

    def unlock(self, slot: int) -> None:
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, slot)

    def forget_if_unused(self, slot: int) -> None:
        state = self.slots.get(slot)
        if state is not None and state.is_unused():
            del self.slots[slot]
        self.close_if_unused()

    def close_if_unused(self) -> None:
        if not self.handles and not self.slots and here().files.pop(self.key, None) is not None:
            self.close()

    def close(self) -> None:
        for descriptor in (self.descriptor, *self.spare_descriptors):
            with suppress(OSError):
                os.close(descriptor)


class Process:
    """All lock files of this process, and the mutex under which their states change."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.files: dict[tuple[int, int], LockedFile] = {}

    def open(self, path: str, *, create: bool) -> LockedFile:
        """The file's state, with one more handle. Raises OSError."""
        with self.mutex:
            file = self._find(path) or self._open_first(path, create=create)
            file.handles += 1
            return file

    def _find(self, path: str) -> LockedFile | None:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return None
        return self.files.get((status.st_dev, status.st_ino))

    def _open_first(self, path: str, *, create: bool) -> LockedFile:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        try:
            status = os.fstat(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        key = (status.st_dev, status.st_ino)
        known = self.files.get(key)
        if known is not None:  # it got this name a moment ago; closing the descriptor would drop the locks
            known.spare_descriptors.append(descriptor)
            return known
        self.files[key] = LockedFile(key, descriptor)
        return self.files[key]


_here = Process()


def here() -> Process:
    """This process: another one after a fork."""
    return _here


def _start_anew_in_forked_child() -> None:
    """The child holds none of its parent's locks, and closing its copies of the descriptors does not touch them.

    The mutex is new because one of the threads that the child does not have may be holding the old one.
    """
    global _here
    inherited, _here = _here, Process()
    for file in inherited.files.values():
        file.close()


os.register_at_fork(after_in_child=_start_anew_in_forked_child)
