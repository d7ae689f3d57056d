"""Who holds a lock, as people are told who look for the process that hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from credit_trading.store import holders
from credit_trading.store.locks import PRESENT, WRITER, LockFile, user_slot
from tests.forks import in_fork


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exchange.lock"


@contextmanager
def held_elsewhere(path: Path, slot: int, *, shared: bool = False) -> Iterator[int]:
    """By another process, whose id this is, until the end of the block."""
    ready, tell = os.pipe()

    def hold() -> None:
        LockFile.open(path).acquire(slot, shared=shared, timeout_s=5, operation="test")
        os.write(tell, b"!")
        time.sleep(30)

    child = in_fork(hold)
    try:
        assert os.read(ready, 1) == b"!"
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(tell)


@pytest.mark.parametrize("slot", [WRITER, user_slot(100_000), 1 << 40])
def test_another_process_is_named_while_it_holds_the_lock(path: Path, slot: int) -> None:
    """And nobody once it is dead, whatever it died of."""
    locks = LockFile.open(path)
    with held_elsewhere(path, slot) as child:
        assert locks.holder(slot) == child
        assert locks.holders(slot) == [child]
        assert [locks.holder(slot - 1), locks.holder(slot + 1)] == [None, None]
    assert locks.holder(slot) is None
    assert locks.holders(slot) == []
    locks.close()


def test_this_process_is_named_while_one_of_its_threads_holds_the_lock(path: Path) -> None:
    """The kernel does not tell a process of its own locks."""
    locks = LockFile.open(path)
    with locks.hold(WRITER, timeout_s=1, operation="test"):
        assert locks.holder(WRITER) == os.getpid()
        assert locks.holders(WRITER) == [os.getpid()]
    assert locks.holder(WRITER) is None
    locks.close()


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="this system does not list its locks")
def test_all_who_share_a_lock_are_named(path: Path) -> None:
    locks = LockFile.open(path)
    with (
        locks.hold(PRESENT, shared=True, timeout_s=1, operation="test"),
        held_elsewhere(path, PRESENT, shared=True) as one,
        held_elsewhere(path, PRESENT, shared=True) as other,
    ):
        assert locks.holders(PRESENT) == sorted([os.getpid(), one, other])
        assert locks.holder(PRESENT) in (one, other)
    locks.close()


def test_where_the_system_does_not_list_its_locks_one_of_the_others_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS."""
    monkeypatch.setattr(holders, "_LOCKS", "/nowhere/locks")
    locks = LockFile.open(path)
    with (
        locks.hold(PRESENT, shared=True, timeout_s=1, operation="test"),
        held_elsewhere(path, PRESENT, shared=True) as one,
    ):
        assert locks.holders(PRESENT) == sorted([os.getpid(), one])
    locks.close()


def test_asking_does_not_drop_this_processs_own_locks(path: Path) -> None:
    """Closing any descriptor of the file would: another process could take the slot then."""
    locks = LockFile.open(path)
    with locks.hold(WRITER, timeout_s=1, operation="test"):
        locks.holder(WRITER)
        locks.holders(WRITER)
        child = in_fork(lambda: os._exit(int(LockFile.open(path).try_acquire(WRITER))))
        assert os.waitpid(child, 0)[1] == 0
    locks.close()
