"""Several processes with several threads each, and kills: nothing lost, one state everywhere, nobody starved; and what is seen if not."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from credit_trading import Exchange
from credit_trading.exchange.events import Deposited, Entry
from credit_trading.exchange.replica import Replica
from reliability import crowd, workload
from reliability.acts import Act, Answer, perform
from reliability.crowd import PROCESSES, attack
from reliability.member import _Trader, work_of
from reliability.seats import Seats


def test_a_crowd_with_kills_loses_nothing_and_starves_nobody(tmp_path: Path, is_long: bool) -> None:
    """Verified afterwards: everything acknowledged is there once, every balance is right, all replicas have one digest.

    The figures are printed; `scripts/crash --crowd SECONDS --seed suite` makes the same run.
    """
    report = attack(600 if is_long else 5, seed="suite", folder=tmp_path)
    Console().print(report.table())
    assert report.problems == []
    counts = {name: figure for name, figure in report.figures.items() if isinstance(figure, int)}
    assert counts["replicas with one digest"] == PROCESSES
    assert counts["kills"] > (300 if is_long else 1)
    assert counts["acknowledged commands checked"] > (10_000 if is_long else 25)


def _problems(folder: Path, *, seconds: int = 2) -> str:
    return "\n".join(attack(seconds, seed="planted", folder=folder).problems)


@pytest.fixture
def _nobody_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "_LIFE_S", (60.0, 60.0))


@pytest.mark.usefixtures("_nobody_is_killed")
def test_a_thread_that_hangs_is_reported_with_the_stacks_of_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends at once; the report says where every thread of that process stood."""
    step = _Trader.step

    def hang_in_one(trader: _Trader) -> None:
        if trader.name == "p2.1.t1" and trader.done == 3:
            threading.Event().wait()
        step(trader)

    monkeypatch.setattr(_Trader, "step", hang_in_one)
    monkeypatch.setattr(crowd, "_HANGS_S", 1.5)
    problems = _problems(tmp_path, seconds=20)
    assert "p2.1 keeps one waiting" in problems
    assert "in hang_in_one" in problems


@pytest.mark.usefixtures("_nobody_is_killed")
def test_a_process_that_is_slow_is_reported_as_starved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its share, and by how long its acts take."""
    step = _Trader.step

    def dawdle(trader: _Trader) -> None:
        if trader.name.startswith("p3."):
            time.sleep(3)
        step(trader)

    monkeypatch.setattr(_Trader, "step", dawdle)
    monkeypatch.setattr(crowd, "LONGEST_WAIT_S", 0.7)
    problems = _problems(tmp_path, seconds=4)
    assert "an act took" in problems
    assert "of the mean of all processes they got" in problems


@pytest.mark.usefixtures("_nobody_is_killed")
def test_replicas_that_went_different_ways_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the processes takes each deposit for a little more than it was; if it gives away what nobody has, another breaks first."""
    apply = Replica.apply

    def generous(replica: Replica, entry: Entry) -> None:
        if isinstance(entry.event, Deposited):
            entry = replace(entry, event=replace(entry.event, amount=entry.event.amount + 1))
        apply(replica, entry)

    def generous_in_one(home: Path, said: Path, seats: Seats, seat: int, *, seed: str) -> None:
        if seat == 1:
            monkeypatch.setattr(Replica, "apply", generous)
        work_of(home, said, seats, seat, seed=seed)

    monkeypatch.setattr(crowd, "work_of", generous_in_one)
    told = _problems(tmp_path)
    assert "the replicas differ" in told or "Balance(posted=-" in told


@pytest.mark.usefixtures("_nobody_is_killed")
def test_what_was_acknowledged_and_is_not_there_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answers orders without asking anybody."""

    def perform_some(exchange: Exchange, act: Act) -> Answer:
        return Answer(sequence=exchange.sequence) if act.kind == "place" else perform(exchange, act)

    monkeypatch.setattr(workload, "perform", perform_some)
    assert "lost: " in _problems(tmp_path)
