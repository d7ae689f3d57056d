"""The benchmark runs and says what it should; its figures are not judged here."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import normal_flow, replay
from benchmarks.__main__ import BENCHMARKS, ITEMS, machine, run
from benchmarks.counts import Counts
from benchmarks.figure import Figure, table

FEW = Counts(
    users=3,
    repetitions=1,
    orders={1: 2, 1000: 10},
    lone_orders=3,
    trades={1: 2, 20: 20},
    reopened_trades={1: 2, 20: 20},
    replayed_orders=20,
    folder_users=2,
    book_messages=500,
    engine_messages=200,
    peer_messages={"lightmatchingengine": 200, "pyorderbook": 200, "order-matching": 50},
    resting_orders=(200, 400, 600),
    big_users=20,
    big_orders=40,
    tail_commands=40,
    watched_s=0.01,
    backup_users=3,
    history_rows=300,
    history_turns=2,
    host_users=4,
    host_events=100,
    lag_orders=20,
    checked_events=(50, 100),
)

KEYS = ["item", "what", "measured", "unit", "compared_with", "compared", "ratio", "target", "ok"]


@pytest.fixture(autouse=True)
def no_recorded_flow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The replay has tests of its own, and takes longer than all the rest; books are played a flow that is made up."""
    monkeypatch.setattr(replay, "FLOW", tmp_path)
    monkeypatch.setattr(normal_flow, "NORMAL", tmp_path / "absent")


def test_every_item_is_measured_and_shown(tmp_path: Path) -> None:
    """One run with a handful of orders: all figures, in the order of their letters, with the targets that are set; a peer may be absent.

    Those of a host's database have tests of their own (test_host).
    """
    figures = run(FEW, tmp_path, only=[item for item in ITEMS if item not in "nop"])
    assert [figure.item for figure in figures] == list(
        "aa" + "b" * 8 + "cc" + "dddd" + "ee" + "ffff" + "gg" + "h" * 10 + "iii" + "j" * 5 + "kkkk" + "l" * 5 + "m" * 5
    )
    absent = [figure for figure in figures if figure.compared_with.endswith("not installed")]
    with_targets = [figure.item for figure in figures if figure.target or figure in absent]
    assert with_targets == list("bc" + "dddd" + "gg" + "h" * 10 + "iii" + "jj" + "lll" + "mmmm")
    for figure in figures:
        shown = figure.as_json()
        assert list(shown) == KEYS
        json.dumps(shown, allow_nan=False)
        assert figure.measured is None or figure.measured > 0
        assert (figure.ok is None) == (figure.target is None)
    unmeasured = [figure for figure in figures if figure.measured is None]
    assert [figure.what for figure in unmeasured if figure not in absent] == ["recorded order flow (AAPL, 999 rows)"]

    console = Console(width=200, file=StringIO(), record=True)
    console.print(table(figures, caption=str(machine())))
    lines = console.export_text().splitlines()
    assert lines[1].split() == ["what", "measured", "compared", "with", "ratio", "target", "ok"]
    for figure in figures:
        assert any(figure.what in line for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_only_what_was_asked_for_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--only b,f`: the raw limit is measured because (b) needs it, and left out of the table."""
    asked: list[str] = []
    for items in BENCHMARKS:

        def measured(_: Counts, __: Path, items: str = items) -> list[Figure]:
            asked.append(items)
            return [Figure(item=item, what="something", measured=1.0, unit="s") for item in items]

        monkeypatch.setitem(BENCHMARKS, items, measured)
    assert [figure.item for figure in run(FEW, tmp_path, only=["b", "f"])] == ["b", "f"]
    assert asked == ["ab", "f"]
