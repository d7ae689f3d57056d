"""The engine against tracebook-conformance, an independent suite for matching engines, through the adapter beside this file.

The suite plays each trace on a reference engine of its own and compares outcome, trades and the whole book after every operation. Its
exit code is 0 for no difference, 1 for a difference, 2 for a candidate that it could not play with.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tracebook.conformance.campaign import generate_campaign_trace
from tracebook.conformance.compare import run_conformance
from tracebook.conformance.model import ConformanceConfig
from tracebook.conformance.suite import load_conformance_suite
from tracebook.core.order import SelfTradePolicy

from tests.conformance.tracebook_adapter import EngineAdapter

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("tracebook-conformance")
ADAPTER = [sys.executable, "tests/conformance/tracebook_adapter.py"]

ANSWER_S = "60"
"""How long the suite waits for an answer, the start of the program included: a busy machine is no difference."""

OURS = {
    "fifo-lifecycle": "NONE",
    "order-instructions": "NONE",
    "multi-symbol": "NONE",
    "tick-grid": "NONE",
    "deep-cancellation": "NONE",
    "stp-cancel-incoming": "CANCEL_INCOMING",
    "stp-cancel-resting": "CANCEL_RESTING",
    "stp-cancel-resting-deep": "CANCEL_RESTING",
}
"""Cases of the suite's version 2, and the self-trade policy of each."""

NOT_OURS = "pro-rata-allocation"
"""Shares each trade among all orders at a price. Orders are matched by price and time here."""

NEWEST_FIRST = """
import runpy, sys
from credit_trading.exchange.book import BookSide

add = BookSide.add

def add_in_front(side, order):
    add(side, order)
    level = next(level for level in side.levels() if level.price_ticks == order.price_ticks)
    level.orders.move_to_end(order.number, last=False)

BookSide.add = add_in_front
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""The same adapter and engine, but for a queue that puts the newest order first."""


def suite(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the suite's own program from the root of the project."""
    return subprocess.run([PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def run(trace: Path, *config: str) -> subprocess.CompletedProcess[str]:
    return suite("run", trace, *config, "--timeout", ANSWER_S, "--candidate", *ADAPTER)


def qualify(candidate: list[str], report: Path, *, traces: int) -> subprocess.CompletedProcess[str]:
    profile = ["qualify", "--profile", "fifo-full-v1", "--seed", "42", "--events-per-trace", "200"]
    counts = ["--traces", str(traces), "--max-minimize-runs", "1", "--timeout", ANSWER_S]
    return suite(*profile, *counts, "--output-dir", report, "--candidate-cmd", shlex.join(candidate))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traces of the suite's version 2, unpacked."""
    folder = tmp_path_factory.mktemp("tracebook") / "v2"
    done = suite("sample", folder, "--suite-version", "v2")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_engine_qualifies_for_price_time_priority_with_all_order_types(tmp_path: Path, is_long: bool) -> None:
    """Five fixed cases and one generated trace (25 in a long run) of 200 operations in several books, with market, IOC and FOK orders."""
    traces = 25 if is_long else 1
    done = qualify(ADAPTER, tmp_path / "report", traces=traces)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "Fixed cases: 5/5",
        f"Campaign traces: {traces}/{traces}",
        "13/13 capabilities",
        "Qualification: PASS",
    ):
        assert line in done.stdout


@pytest.mark.parametrize("case", OURS)
def test_every_case_but_pro_rata_ends_as_the_reference_does(cases: Path, case: str) -> None:
    """In this process: that the adapter speaks for itself over the wire is seen where it qualifies."""
    (found,) = (one for one in load_conformance_suite(cases).cases if one.name == case)
    assert found.config.self_trade_policy is SelfTradePolicy[OURS[case]]
    report = run_conformance(found.load_events(), EngineAdapter, config=found.config)
    assert report.conformant, report.divergence


def test_pro_rata_is_refused_and_is_all_that_is_not_ours(cases: Path) -> None:
    """The protocol knows no word for "unsupported": the adapter answers the first message with an error that says so."""
    assert {case.name for case in load_conformance_suite(cases).cases} == {*OURS, NOT_OURS}
    done = run(cases / f"{NOT_OURS}.jsonl", "--algorithm", "pro_rata")
    assert done.returncode == 2
    assert "matching algorithm 'pro_rata' is not ours" in done.stderr


@pytest.mark.parametrize("policy", ["CANCEL_INCOMING", "CANCEL_RESTING"])
def test_self_trade_prevention_ends_as_the_reference_does_on_generated_traces(policy: str, is_long: bool) -> None:
    """The suite's own cases of it have five operations at most; here four owners meet themselves all the time."""
    config = ConformanceConfig(self_trade_policy=SelfTradePolicy[policy])
    for seed in range(10 if is_long else 4):
        trace = generate_campaign_trace("fifo-full-v1", seed, 200)
        report = run_conformance(trace, EngineAdapter, config=config)
        assert report.conformant, f"seed {seed}: {report.divergence}"


def test_an_engine_that_serves_the_newest_order_first_is_found_out(tmp_path: Path) -> None:
    """Without this, a suite that compares nothing would pass for one that finds nothing."""
    script = tmp_path / "newest_first.py"
    script.write_text(NEWEST_FIRST)
    done = qualify([sys.executable, str(script), *ADAPTER[1:]], tmp_path / "report", traces=1)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Qualification: FAIL" in done.stdout
