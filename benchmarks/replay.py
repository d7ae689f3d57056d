"""(e) How fast history is read again: the journal into a replica, and recorded order flow through the whole service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.counts import Counts
from benchmarks.figure import Figure, compare
from benchmarks.market import Market
from credit_trading.journal.live import LiveReplica

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "replay_lobster.py"
FLOW = ROOT.parent / "shared" / "data" / "orderflow" / "lobster"


def replay(counts: Counts, folder: Path) -> list[Figure]:
    """Opening without a checkpoint, chain checked; against reading the same rows and doing nothing with them."""
    with Market(folder / "home", users=counts.users, project_on_commit=False) as market:
        for done in range(0, counts.replayed_orders, 1000):
            market.submit(market.next_asks(min(1000, counts.replayed_orders - done)))
    events_s, rows_s = [], []
    for _ in range(counts.repetitions):
        start = perf_counter()
        stored = len(market.journal_rows())
        rows_s.append(stored / (perf_counter() - start))
        live = LiveReplica(market.home, lock_timeout_s=30)
        start = perf_counter()
        with live.reading() as replica:
            assert replica.sequence == stored
        events_s.append(stored / (perf_counter() - start))
        live.close()
    journal = compare(
        "e",
        f"journal to replica, {stored:,} events",
        events_s,
        unit="events/s",
        compared_with="reading the rows",
        compared=rows_s,
    )
    return [journal, _recorded_flow(folder)]


def _recorded_flow(folder: Path) -> Figure:
    what = "recorded order flow (AAPL, 999 rows)"
    found = [sorted(FLOW.glob(f"AAPL_*_{kind}_10_head.csv")) for kind in ("message", "orderbook")]
    if not SCRIPT.exists() or not all(found):
        missing = SCRIPT.name if not SCRIPT.exists() else "../shared/data"
        return Figure(item="e", what=what, measured=None, unit="orders/s", compared_with=f"skipped: no {missing}")
    files = [str(paths[0]) for paths in found]
    command = [sys.executable, str(SCRIPT), *files, "--home", str(folder / "lobster"), "--symbol", "AAPL", "--json"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    exact = f"{report['rows_exact']} of {report['rows']} rows exact"
    return Figure(item="e", what=what, measured=report["orders_per_s"], unit="orders/s", compared_with=exact)
