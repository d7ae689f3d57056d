"""The system refuses something and works again later: the caller is told the truth, and the same process goes on.

Every operation that touches the disk is made to fail at each of its calls in turn, each time in every way in which that call can fail,
once and until it is healed. What it says is compared with the journal as it is, and as it would be found after a crash.
"""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from credit_trading.cli import main
from credit_trading.store.pool import ConnectionPool
from reliability.disk import AVAILABLE
from reliability.faults import Call, Faults, faults
from reliability.operations import OPERATIONS, Operation, World
from reliability.refusals import check_whole, endure
from reliability.scarcity import become_nobody, few_descriptors, full, mount_small_disk, read_only
from reliability.trials import Trials, open_below
from tests.forks import in_fork

LONGEST_S = 300
"""A child that says nothing for so long hangs, on however busy a machine."""

pytestmark = [
    pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a disk in memory where there is one: nothing here depends on what survives a power cut."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="credit_trading")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_whatever_call_fails_the_answer_is_true_and_the_process_goes_on(
    operation: Operation, folder: Path, is_long: bool
) -> None:
    """One exchange suffers three of the faults, all in a long run; afterwards deep verify finds nothing, and its state is that of one that
    suffered nothing.
    """
    endured = endure(operation, folder, chance=random.Random(operation.name), count=None if is_long else 3)
    if is_long:  # of a sample one may miss
        assert endured.struck >= endured.usual


def _in_child(suffer: Callable[[], object]) -> str:
    """What it returns as text, or raises, in a forked child."""
    reader, writer = os.pipe()

    def run() -> None:
        try:
            told = str(suffer())
        except BaseException:
            os.write(writer, traceback.format_exc().encode()[-4000:])
            raise
        os.write(writer, told.encode())

    child = in_fork(run)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        if not select.select([pipe], [], [], LONGEST_S)[0]:
            os.kill(child, signal.SIGKILL)
        told = pipe.read().decode()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, told
    return told


def _load_everything(folder: Path) -> None:
    """Does every operation once: modules that Python loads when they are first used could not be loaded later."""
    world = World(folder / "before")
    world.set_up()
    trials = Trials(world, Faults(()))
    for operation in OPERATIONS:
        trials.calls_of(operation)
    trials.close()


def _suffer(folder: Path, failing: Callable[[], AbstractContextManager[None]], *, times: int) -> int:
    """Every operation while that is so; of how many the caller was told an error at first."""
    world = World(folder / "exchange")
    world.set_up()
    trials = Trials(world, Faults(()))
    told: Counter[str] = Counter()
    for operation in OPERATIONS:
        told[trials.run(operation, failing, times=times)] += 1
    trials.close()
    check_whole(world, folder, trials)
    return told.total() - told["done"]


def test_running_out_of_descriptors_at_any_point_is_told_and_passes(folder: Path, is_long: bool) -> None:
    """EMFILE from the kernel, with so many left: also for what SQLite opens by itself and what Python's library opens."""
    least = {0: 10, 1: 5, 2: 3, 4: 0} if is_long else {0: 10, 2: 3}

    def suffer() -> str:
        _load_everything(folder)
        told = []
        for left in least:
            (folder / str(left)).mkdir()
            told.append(str(_suffer(folder / str(left), partial(few_descriptors, left), times=1)))
        return " ".join(told)

    errors = dict(zip(least, map(int, _in_child(suffer).split()), strict=True))
    assert all(errors[left] >= number for left, number in least.items()), errors


def test_a_folder_made_read_only_is_told_and_passes(folder: Path) -> None:
    """By permissions, as a user who is bound by them."""

    def suffer() -> int:
        _load_everything(folder)
        become_nobody(folder)
        return _suffer(folder, partial(read_only, folder / "exchange"), times=2)

    assert int(_in_child(suffer)) >= 5


def test_a_disk_without_space_is_told_and_passes(folder: Path) -> None:
    """ENOSPC from the kernel, on a small disk in memory."""

    def suffer() -> int | str:
        try:
            mount_small_disk(folder, mebibytes=32)
        except OSError as error:
            return f"refused: {error}"
        return _suffer(folder, partial(full, folder), times=2)

    told = _in_child(suffer)
    if told.startswith("refused"):
        pytest.skip(f"this machine lets us mount no disk: {told}")
    assert int(told) >= 5


@pytest.mark.parametrize("fault", ["full", "broken"])
def test_the_command_line_tells_it_in_one_line(folder: Path, fault: str) -> None:
    """Which file, whether it was done, and what to do; the same command again is right in any case."""
    words = ["--home", str(folder / "exchange"), "accounts", "deposit", "ann", "USD", "1.00", "--key", "k"]
    with faults(folder) as system:
        world = World(folder / "exchange")
        world.set_up()
        world.close()
        system.arm(fault, Call("sqlite.write", "exchange.db-wal"), 0, lasting=True)
        told = CliRunner().invoke(main, words)
        assert system.struck
        system.heal()
        again = CliRunner().invoke(main, words)
    assert told.exit_code == 1
    *warnings, line = told.stderr.splitlines()
    assert all(str(world.home) in warning for warning in warnings)
    assert line.startswith("Error: ")
    assert str(world.home / "exchange.db") in line
    assert ("nothing was changed" if fault == "full" else "the same id") in line
    assert "Traceback" not in told.output
    assert again.exit_code == 0


def test_closing_goes_on_when_a_part_of_it_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is told, and everything else is closed: the folder can be opened again, also by others."""
    world = World(folder / "exchange")
    world.set_up()

    def close_and_fail(pool: ConnectionPool[int]) -> None:
        pool.close_idle()
        raise ZeroDivisionError

    monkeypatch.setattr(ConnectionPool, "close", close_and_fail)
    with pytest.raises(ZeroDivisionError):
        world.close()
    assert sorted(set(open_below(world.home))) == []
