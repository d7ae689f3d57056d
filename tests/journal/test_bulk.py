"""Work on very many objects leaves the interpreter as it was, and lets others have it."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest

from credit_trading.journal.bulk import Pace, Uncollected
from tests.forks import in_fork, succeeded


@pytest.fixture(autouse=True)
def collection() -> Iterator[None]:
    """Whatever a test does, it is on for the others."""
    gc.enable()
    yield
    gc.enable()


def test_collection_rests_meanwhile_and_goes_on_after() -> None:
    """Also after an error, and where one such work is part of another."""
    with Uncollected():
        with pytest.raises(RuntimeError), Uncollected():
            raise RuntimeError
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collection_that_was_off_stays_off() -> None:
    """It is the host's to choose."""
    gc.disable()
    with Uncollected():
        pass
    assert not gc.isenabled()


def test_the_last_of_several_threads_turns_it_on_again() -> None:
    """In whatever order they end."""
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with Uncollected():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with Uncollected():
        thread.start()
        assert entered.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_a_forked_child_collects() -> None:
    """The thread that was at work is not there, and would never turn it on."""

    def child() -> None:
        assert gc.isenabled()
        with Uncollected():
            assert not gc.isenabled()
        assert gc.isenabled()

    with Uncollected():
        assert succeeded(in_fork(child))
        assert not gc.isenabled()


def test_work_rests_when_it_has_worked_for_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not before: a rest costs a switch between threads."""
    moments_s = iter([0.0, 0.5, 0.9, 1.0, 1.25, 1.5, 2.2, 2.25, 2.5])
    rests: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: next(moments_s))
    monkeypatch.setattr(time, "sleep", rests.append)
    pace = Pace(work_s=1.0, rest_s=0.25)
    for rested in (0, 0, 1, 1, 1, 2):
        pace()
        assert rests == [0.25] * rested
