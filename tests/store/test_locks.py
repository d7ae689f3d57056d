"""Locks between real processes and between threads, and the turnstile."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from credit_trading.errors import Busy, StorageError, Unwritable
from credit_trading.store import slots
from credit_trading.store.locks import FIRST_USER, NEXT, WRITER, LockFile, Turnstile, user_slot

InFork = Callable[[Callable[[], object]], str]

_processes = multiprocessing.get_context("fork")  # real processes that start at once: record locks are not inherited


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def locks(path: Path) -> Iterator[LockFile]:
    locks = LockFile.open(path)
    yield locks
    locks.close()


class Holder:
    """Another process that holds a slot until it is told to release it."""

    def __init__(self, path: Path, slot: int, *, shared: bool) -> None:
        self._pipe, its_end = _processes.Pipe()
        self._process = _processes.Process(target=self._hold, args=(path, slot, shared, its_end))
        self._process.start()
        its_end.close()
        assert self._pipe.recv() == "held"

    @staticmethod
    def _hold(path: Path, slot: int, shared: bool, pipe: Connection) -> None:
        with LockFile.open(path).hold(slot, shared=shared, timeout_s=5, operation="test.hold"):
            pipe.send("held")
            pipe.recv()

    def release(self, *, after_s: float = 0) -> None:
        time.sleep(after_s)
        self._pipe.send("release")
        self._process.join()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def _held_elsewhere(path: Path, slot: int, *, shared: bool = False) -> Iterator[Holder]:
    holder = Holder(path, slot, shared=shared)
    try:
        yield holder
    finally:
        holder.kill()


def _take_turns(path: Path, duration_s: float, pipe: Connection) -> None:
    """Turn after turn without a break; then sends how many, and how long the longest wait was."""
    turnstile = Turnstile(LockFile.open(path))
    pipe.send("ready")
    pipe.recv()
    turns, longest_s, now = 0, 0.0, time.monotonic()
    end = now + duration_s
    while now < end:
        with turnstile.turn(timeout_s=10):
            longest_s = max(longest_s, time.monotonic() - now)
            turns += 1
            time.sleep(0.005)
        now = time.monotonic()
    pipe.send((turns, longest_s))


def _can_be_taken_elsewhere(in_fork: InFork, path: Path, slot: int, *, shared: bool = False) -> bool:
    """Whether another process gets the slot without waiting. A fork is enough: record locks are not inherited."""
    return in_fork(lambda: LockFile.open(path).try_acquire(slot, shared)) == "True"


@contextmanager
def _thread(action: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=action)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def test_one_process_at_a_time_holds_a_slot_exclusively(path: Path, locks: LockFile) -> None:
    """And the next one gets it when it is released."""
    with _held_elsewhere(path, 5) as holder:
        assert not locks.try_acquire(5)
        assert not locks.try_acquire(5, shared=True)
        assert locks.try_acquire(6), "the slots of a file have nothing to do with each other"
        locks.release(6)
        holder.release()
        assert locks.try_acquire(5)
    locks.release(5)


def test_processes_share_a_slot_and_keep_exclusive_ones_out(path: Path, locks: LockFile) -> None:
    """Shared here and shared there is fine; exclusive waits for both."""
    with _held_elsewhere(path, 5, shared=True) as holder:
        assert locks.try_acquire(5, shared=True)
        locks.release(5, shared=True)
        assert not locks.try_acquire(5)
        holder.release()
    with locks.hold(5, timeout_s=0, operation="test.hold"):
        pass


def test_whoever_waits_gets_the_slot_soon_after_it_is_released(path: Path, locks: LockFile) -> None:
    """The pauses between two looks stay short, however long it takes."""
    with _held_elsewhere(path, 5) as holder, _thread(lambda: holder.release(after_s=0.2)):
        began = time.monotonic()
        locks.acquire(5, timeout_s=5, operation="test.hold")
        assert 0.15 < time.monotonic() - began < 1
    locks.release(5)


def test_kill_9_frees_what_a_process_held(path: Path, locks: LockFile) -> None:
    """The kernel does it; there is nothing stale to clean up."""
    with _held_elsewhere(path, WRITER) as holder:
        holder.kill()
        with Turnstile(locks).turn(timeout_s=1):
            pass


@pytest.mark.parametrize("shared", [False, True])
def test_waiting_for_another_process_ends_in_busy(path: Path, locks: LockFile, shared: bool) -> None:
    """The error tells which lock, how long and what to do; afterwards everything is as before."""
    with _held_elsewhere(path, user_slot(42)) as holder:
        began = time.monotonic()
        with pytest.raises(Busy) as caught:
            locks.acquire(user_slot(42), shared=shared, timeout_s=0.1, operation="users.delete")
        assert 0.1 <= time.monotonic() - began < 1
        holder.release()
    for part in ("users.delete", str(path), "(user 42)", "0.1 s", "Repeat it"):
        assert part in str(caught.value)
    with locks.hold(user_slot(42), shared=shared, timeout_s=0, operation="users.delete"):
        pass


@pytest.mark.parametrize("shared", [False, True])
def test_waiting_for_another_thread_ends_in_busy(locks: LockFile, shared: bool) -> None:
    """Threads exclude each other although the kernel sees one process."""
    with locks.hold(5, timeout_s=0, operation="test.hold"):
        errors: list[Busy] = []

        def wait() -> None:
            with pytest.raises(Busy) as caught:
                locks.acquire(5, shared=shared, timeout_s=0.05, operation="test.wait")
            errors.append(caught.value)

        with _thread(wait):
            pass
        assert len(errors) == 1
    assert locks.try_acquire(5)
    locks.release(5)


def test_threads_take_turns_in_the_order_in_which_they_came(locks: LockFile) -> None:
    """Nobody overtakes, not even the one who has just released."""
    order: list[int] = []
    threads: list[threading.Thread] = []
    locks.acquire(5, timeout_s=0, operation="test.hold")

    def take(number: int) -> None:
        with locks.hold(5, timeout_s=5, operation="test.hold"):
            order.append(number)

    for number in range(5):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        _until_waiting(locks, 5, number + 1)
    locks.release(5)
    take(5)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4, 5]


def _key(locks: LockFile) -> tuple[int, int]:
    status = os.stat(locks.path)
    return status.st_dev, status.st_ino


def _until_waiting(locks: LockFile, slot: int, threads: int) -> None:
    """Until so many threads wait to have the slot for themselves."""
    state = slots.here().files[_key(locks)].slots[slot]
    end = time.monotonic() + 5
    while len(state.queue) < threads:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_slot_shared_by_threads_is_kept_until_the_last_one_releases_it(
    path: Path, locks: LockFile, in_fork: InFork
) -> None:
    """The first one takes the kernel's lock for all of them."""
    locks.acquire(5, shared=True, timeout_s=0, operation="test.share")
    locks.acquire(5, shared=True, timeout_s=0, operation="test.share")
    locks.release(5, shared=True)
    assert not _can_be_taken_elsewhere(in_fork, path, 5)
    assert _can_be_taken_elsewhere(in_fork, path, 5, shared=True)
    assert not locks.try_acquire(5)
    locks.release(5, shared=True)
    assert _can_be_taken_elsewhere(in_fork, path, 5)


def test_sharers_do_not_wait_behind_one_who_waits_to_be_alone(locks: LockFile) -> None:
    """Otherwise a thread that shares a slot twice would deadlock with a thread that wants to move the file."""
    locks.acquire(5, shared=True, timeout_s=0, operation="test.share")
    with _thread(lambda: locks.acquire(5, timeout_s=5, operation="test.move")):
        _until_waiting(locks, 5, 1)
        assert locks.try_acquire(5, shared=True)
        locks.release(5, shared=True)
        locks.release(5, shared=True)
    assert not locks.try_acquire(5, shared=True)
    locks.release(5)


def test_two_handles_of_a_process_exclude_each_other(path: Path, locks: LockFile) -> None:
    """Two exchanges opened on one folder in one process are as separate as two processes."""
    other = LockFile.open(path)
    with locks.hold(5, timeout_s=0, operation="test.hold"):
        assert not other.try_acquire(5)
    assert other.try_acquire(5)
    other.release(5)
    other.close()


def test_closing_one_handle_leaves_the_locks_of_another(path: Path, locks: LockFile, in_fork: InFork) -> None:
    """POSIX drops all locks of a process when it closes any descriptor of the file; so there is only one."""
    with locks.hold(5, timeout_s=0, operation="test.hold"):
        other = LockFile.open(path)
        other.close()
        other.close()
        assert slots.here().files[_key(locks)].spare_descriptors == []
        assert not _can_be_taken_elsewhere(in_fork, path, 5)


def test_a_lock_outlives_its_handle_until_it_is_released(path: Path, in_fork: InFork) -> None:
    """Closing while another thread writes takes nothing from that thread, and leaves no descriptor behind."""
    locks = LockFile.open(path)
    key = _key(locks)
    locks.acquire(5, timeout_s=0, operation="test.hold")
    locks.close()
    assert not _can_be_taken_elsewhere(in_fork, path, 5)
    locks.release(5)
    assert _can_be_taken_elsewhere(in_fork, path, 5)
    assert key not in slots.here().files
    with pytest.raises(StorageError, match="it was closed"):
        locks.try_acquire(5)


def test_a_file_known_under_another_name_keeps_its_locks(path: Path, locks: LockFile, in_fork: InFork) -> None:
    """A folder may be reached by two paths, for instance through a link."""
    os.link(path, path.with_name("the same"))
    with locks.hold(5, timeout_s=0, operation="test.hold"):
        other = LockFile.open(path.with_name("the same"))
        assert not other.try_acquire(5)
        other.close()
        assert not _can_be_taken_elsewhere(in_fork, path, 5)


def test_a_file_that_gets_a_second_name_while_it_is_opened_keeps_its_locks(
    path: Path, locks: LockFile, in_fork: InFork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked like another file, and there is a second descriptor now, which must not be closed before the first."""
    monkeypatch.setattr(slots.Process, "_find", lambda process, path: None)
    with locks.hold(5, timeout_s=0, operation="test.hold"):
        other = LockFile.open(path)
        assert not other.try_acquire(5)
        other.close()
        assert not _can_be_taken_elsewhere(in_fork, path, 5)


def test_an_interrupt_while_waiting_leaves_no_trace(
    path: Path, locks: LockFile, in_fork: InFork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C even in the moment in which the kernel has just said yes."""
    really_lock = slots.LockedFile.lock

    def interrupted(file: slots.LockedFile, slot: int, *, shared: bool, deadline: float, pauses: slots.Pauses) -> bool:
        assert really_lock(file, slot, shared=shared, deadline=deadline, pauses=pauses)
        raise KeyboardInterrupt

    monkeypatch.setattr(slots.LockedFile, "lock", interrupted)
    for shared in (False, True):
        with pytest.raises(KeyboardInterrupt):
            locks.acquire(5, shared=shared, timeout_s=1, operation="test.hold")
    monkeypatch.undo()
    assert slots.here().files[_key(locks)].slots == {}
    assert _can_be_taken_elsewhere(in_fork, path, 5)
    assert locks.try_acquire(5)
    locks.release(5)


def test_releasing_what_is_not_held_is_a_bug(locks: LockFile) -> None:
    """An assertion, not an error that somebody might catch."""
    with pytest.raises(AssertionError):
        locks.release(5)
    with locks.hold(5, shared=True, timeout_s=0, operation="test.share"), pytest.raises(AssertionError):
        locks.release(5)


def test_a_forked_child_neither_has_nor_breaks_its_parents_locks(path: Path, locks: LockFile, in_fork: InFork) -> None:
    """The inherited handle refuses; a new one makes new locks; whatever the child does, the parent keeps its own."""

    def child() -> str:
        with pytest.raises(StorageError, match="forked"):
            locks.try_acquire(6)
        locks.release(5)
        locks.close()
        mine = LockFile.open(path)
        assert not mine.try_acquire(5)
        mine.acquire(6, timeout_s=0, operation="test.hold")
        assert in_fork(lambda: LockFile.open(path).try_acquire(6)) == "False"
        mine.release(6)
        mine.close()
        return "fine"

    with locks.hold(5, timeout_s=0, operation="test.hold"):
        assert in_fork(child) == "fine"
        assert not _can_be_taken_elsewhere(in_fork, path, 5)
        assert locks.try_acquire(6)
        locks.release(6)


def test_a_child_forked_while_a_thread_is_locking_can_lock(path: Path, locks: LockFile, in_fork: InFork) -> None:
    """The mutex that the other thread held stays locked for ever in the child, which therefore has a new one."""
    with slots.here().mutex:
        assert in_fork(lambda: LockFile.open(path).try_acquire(5)) == "True"


def test_opening_without_creating_needs_the_file(path: Path) -> None:
    """A folder without a lock file is no exchange's."""
    with pytest.raises(StorageError, match="no such file"):
        LockFile.open(path, create=False)
    assert not path.exists()
    LockFile.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_cannot_be_locked(read_only_folder: Path) -> None:
    """Neither by making the lock file nor by using one that is read-only."""
    for name in ("new", "there"):
        with pytest.raises(Unwritable):
            LockFile.open(read_only_folder / name)


def test_users_have_slots_of_their_own() -> None:
    """Above those of the exchange, one for each number."""
    assert user_slot(0) == FIRST_USER > max(NEXT, WRITER)
    assert user_slot(7) == FIRST_USER + 7
    with pytest.raises(AssertionError):
        user_slot(-1)


def test_no_process_starves_at_the_turnstile(path: Path) -> None:
    """Four processes, each asking again at once. Measured: the least gets 0.94 of the mean; with *writer* alone 0.3."""
    LockFile.open(path).close()
    pipes = [_processes.Pipe() for _ in range(4)]
    processes = [_processes.Process(target=_take_turns, args=(path, 1.5, its_end)) for _, its_end in pipes]
    for process in processes:
        process.start()
    assert [pipe.recv() for pipe, _ in pipes] == ["ready"] * 4
    for pipe, _ in pipes:
        pipe.send("go")
    results = [pipe.recv() for pipe, _ in pipes]
    for process in processes:
        process.join()
    turns = [count for count, _ in results]
    longest_s = max(wait_s for _, wait_s in results)
    assert min(turns) > 0.75 * sum(turns) / 4, f"turns {turns}"
    assert longest_s < 0.2, f"turns {turns}, longest wait {longest_s:.3f} s"


def test_no_thread_starves_at_the_turnstile(locks: LockFile) -> None:
    """Four threads of one process, likewise; never two of them inside."""
    turnstile = Turnstile(locks)
    turns = [0, 0, 0, 0]
    inside: list[int] = []
    end = time.monotonic() + 0.4

    def work(number: int) -> None:
        while time.monotonic() < end:
            with turnstile.turn(timeout_s=5):
                inside.append(number)
                time.sleep(0.001)
                assert inside == [number]
                inside.clear()
                turns[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(turns) > sum(turns) / 4 / 2, f"turns {turns}"


def test_a_turn_that_is_not_to_be_had_is_busy_and_leaves_the_turnstile_free(path: Path, locks: LockFile) -> None:
    """Whoever gives up waiting for *writer* must not keep *next*."""
    turnstile = Turnstile(locks)
    with _held_elsewhere(path, WRITER) as holder:
        with pytest.raises(Busy, match=r"orders\.create.*writer.*0\.05 s"), turnstile.turn(0.05, "orders.create"):
            pass
        assert locks.try_acquire(NEXT)
        locks.release(NEXT)
        holder.release()
    with pytest.raises(ValueError, match="inside"), turnstile.turn(timeout_s=1):
        raise ValueError("inside")
    turnstile.enter(timeout_s=0)
    turnstile.leave()
