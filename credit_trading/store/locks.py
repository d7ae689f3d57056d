"""Locks between processes and threads.

Here: locks on numbered slots (single bytes) of one file per folder, and the turnstile in front of the journal. Never
here: SQLite's own locks. Always: the kernel holds a slot for this process exactly while one of its threads does, so
nothing has to be cleaned up after `kill -9`; waiting never outlasts its timeout.

POSIX record locks work on Linux and macOS, are not inherited by a fork and vanish with the process. But they belong to
the process: two threads do not exclude each other by them, and closing *any* descriptor of the file drops them all.
Hence one descriptor per file and process, however many handles, and a second layer that arranges the threads (slots).
For the same reason never read, copy or delete a lock file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from credit_trading.errors import Busy, StorageError
from credit_trading.store.holders import all_holders, other_holder
from credit_trading.store.slots import LockedFile, Pauses, Slot, growing, here, prompt, shrinking
from credit_trading.store.sqlite import StrPath, translated

NEXT = 0
WRITER = 1
PRESENT = 2
MARKET_DATA = 3
PROJECTOR = 4
BACKUP = 5
JOBS = 6
FIRST_JOB = 512
FIRST_USER = 1024
FIRST_REBUILD = 1 << 40


def user_slot(number: int) -> int:
    """The slot of a user: shared while a handle on the user's file is open, exclusive to move or delete the file."""
    assert number >= 0, f"{number} is no user's number"
    return FIRST_USER + number


def rebuild_slot(number: int) -> int:
    """The lock on rebuilding that file from the journal."""
    return FIRST_REBUILD + number


def job_slot(number: int) -> int:
    """The lock of whoever does that job just now. There are 512; two jobs that share one are done one after the other."""
    return FIRST_JOB + number % (FIRST_USER - FIRST_JOB)


def _slot_name(slot: int) -> str:
    if slot >= FIRST_REBUILD:
        return f"rebuilding user {slot - FIRST_REBUILD}"
    if slot >= FIRST_USER:
        return f"user {slot - FIRST_USER}"
    if slot >= FIRST_JOB:
        return f"job {slot - FIRST_JOB}"
    names = {
        NEXT: "next writer",
        WRITER: "writer",
        PRESENT: "present",
        MARKET_DATA: "market data",
        PROJECTOR: "projector",
        BACKUP: "backup",
        JOBS: "jobs",
    }
    return names.get(slot, str(slot))


class LockFile:
    """A handle on the locks of one folder. Handles of one process share state; none of them is usable after a fork.

    A thread must not ask for a slot exclusively while it holds it: it would wait for itself.
    """

    def __init__(self, path: str, file: LockedFile) -> None:
        self.path = path
        self._file = file
        self._is_open = True

    @classmethod
    def open(cls, path: StrPath, create: bool = True) -> LockFile:
        """Open the lock file, creating it (mode 0600) unless told otherwise. Raises Unwritable, StorageError."""
        name = os.fspath(path)
        with translated("locks.open", name):
            return cls(name, here().open(name, create=create))

    def close(self) -> None:
        """Give the handle back. Locks still held stay held until they are released."""
        if self._is_open and not self._is_inherited():
            with here().mutex:
                self._file.handles -= 1
                self._file.close_if_unused()
        self._is_open = False

    def acquire(
        self, slot: int, *, shared: bool = False, timeout_s: float, operation: str, pauses: Pauses = growing
    ) -> None:
        """Wait until the slot is this thread's, or shared with others who share it. Raises Busy after `timeout_s`.

        Threads that want it exclusively are served in order; between processes, `pauses` decides who is likely to be
        next. Sharers never wait for somebody who is merely waiting, so sharing twice cannot deadlock.
        """
        if not self._take(slot, shared=shared, timeout_s=timeout_s, pauses=pauses):
            raise self._busy(slot, timeout_s, operation)

    def try_acquire(self, slot: int, shared: bool = False) -> bool:
        """Take the slot if that is possible without waiting."""
        return self._take(slot, shared=shared, timeout_s=0, pauses=growing)

    def release(self, slot: int, *, shared: bool = False) -> None:
        """Give the slot up. In a forked child this does nothing: the lock is its parent's."""
        if self._is_inherited():
            return
        with here().mutex:
            state = self._file.slots.get(slot)
            assert state is not None, f"slot {slot} is not held"
            if shared:
                assert state.readers > 0, f"slot {slot} is not shared"
                state.readers -= 1
            else:
                assert state.claimed, f"slot {slot} is not held exclusively"
                state.claimed = False
            try:
                if not state.readers:
                    self._file.unlock(slot)
            finally:
                state.notify()
                self._file.forget_if_unused(slot)

    @contextmanager
    def hold(self, slot: int, *, shared: bool = False, timeout_s: float, operation: str) -> Iterator[None]:
        """`acquire`, and `release` at the end. Raises Busy."""
        self.acquire(slot, shared=shared, timeout_s=timeout_s, operation=operation)
        try:
            yield
        finally:
            self.release(slot, shared=shared)

    def holder(self, slot: int) -> int | None:
        """The id of a process that has the slot just now; this one's if one of its threads has it. Only to be shown."""
        with here().mutex:
            self._refuse_if_unusable()
            state = self._file.slots.get(slot)
            ours = state is not None and (state.claimed or state.readers > 0)
            other = other_holder(self._file.descriptor, slot)
        return os.getpid() if ours and other is None else other

    def holders(self, slot: int) -> list[int]:
        """The ids of all processes that have the slot just now, ascending; where the system does not tell, at least one of them."""
        with here().mutex:
            self._refuse_if_unusable()
            state = self._file.slots.get(slot)
            found = set(all_holders(self._file.descriptor, slot))
        if state is not None and state.readers:
            found.add(os.getpid())
        return sorted(found)

    def _busy(self, slot: int, timeout_s: float, operation: str) -> Busy:
        holder = self.holder(slot)
        who = "another process or thread" if holder is None else f"process {holder}"
        if holder == os.getpid():
            who = f"another thread of this process ({holder})"
        return Busy(
            operation,
            self.path,
            f"{who} has the lock ({_slot_name(slot)}), which was not free for {timeout_s:g} s",
            hint=f"Repeat it; if it stays so, see what {who} waits for, or raise CREDIT_TRADING_LOCK_TIMEOUT_S.",
        )

    def _is_inherited(self) -> bool:
        return self._file.pid != os.getpid()

    def _refuse_if_unusable(self) -> None:
        if self._is_inherited():
            problem, hint = "it was opened before this process was forked", "Open the exchange after forking."
            raise StorageError("locks.acquire", self.path, problem, hint=hint)
        if not self._is_open:
            raise StorageError("locks.acquire", self.path, "it was closed", hint="Open the exchange again.")

    def _take(self, slot: int, *, shared: bool, timeout_s: float, pauses: Pauses) -> bool:
        deadline = time.monotonic() + timeout_s
        with here().mutex:
            self._refuse_if_unusable()
            state = self._file.slots.get(slot)
            if state is None:
                state = self._file.slots[slot] = Slot(here().mutex)
            try:
                if not (state.wait_to_share(deadline) if shared else state.wait_to_own(deadline)):
                    return False
                if shared and state.readers:
                    state.readers += 1
                    return True
                state.claimed = True
            finally:
                self._file.forget_if_unused(slot)
        return self._take_from_kernel(slot, state, shared=shared, deadline=deadline, pauses=pauses)

    def _take_from_kernel(self, slot: int, state: Slot, *, shared: bool, deadline: float, pauses: Pauses) -> bool:
        """Ask the kernel for a slot that this thread has claimed, without keeping the mutex; then settle the claim."""
        taken = False
        try:
            taken = self._file.lock(slot, shared=shared, deadline=deadline, pauses=pauses)
        except OSError:
            with translated("locks.acquire", self.path):
                raise
        finally:
            with here().mutex:
                if not taken:
                    self._file.unlock(slot)  # an interrupt may have come after the kernel's yes
                if taken and shared:
                    state.readers = 1
                if shared or not taken:
                    state.claimed = False
                    state.notify()
                self._file.forget_if_unused(slot)
        return taken


class Turnstile:
    """Turns at writing, so that no process starves: take *next*, take *writer*, release *next*.

    Whoever has just written must queue for *next* again, behind the one who has it already and is first for *writer*.
    Measured, 4 processes without a break for 1.5 s, turns of 5 ms: 71, 74, 69 and 73 turns, longest wait 37 ms; with
    *writer* alone 171, 30, 40 and 54 turns, 672 ms.
    """

    def __init__(self, lock_file: LockFile) -> None:
        self._locks = lock_file

    def enter(self, timeout_s: float, operation: str = "exchange.write") -> None:
        """Wait for this thread's turn. Raises Busy after `timeout_s` in all."""
        deadline = time.monotonic() + timeout_s
        if not self._locks._take(NEXT, shared=False, timeout_s=timeout_s, pauses=shrinking):
            # Whoever has *next* most likely waits like us: the one to tell of is the writer.
            raise self._locks._busy(NEXT if self._locks.holder(WRITER) is None else WRITER, timeout_s, operation)
        try:
            left_s = max(0.0, deadline - time.monotonic())
            if not self._locks._take(WRITER, shared=False, timeout_s=left_s, pauses=prompt):
                raise self._locks._busy(WRITER, timeout_s, operation)
        finally:
            self._locks.release(NEXT)

    def leave(self) -> None:
        """End the turn."""
        self._locks.release(WRITER)

    @contextmanager
    def turn(self, timeout_s: float, operation: str = "exchange.write") -> Iterator[None]:
        """`enter`, and `leave` at the end. Raises Busy."""
        self.enter(timeout_s, operation)
        try:
            yield
        finally:
            self.leave()
