"""(p) How fast a host's tables are compared with the journal, and whether memory stays the same for ten times as many rows.

Here: `host check` in a process of its own. Never here: what it finds.
Always: the process is compared with one that opened the exchange, and found the host's tables in step, but checked nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from benchmarks.counts import Counts
from benchmarks.figure import Figure
from benchmarks.host_databases import new_file
from benchmarks.host_exchange import FollowedExchange
from benchmarks.host_rows import made
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.outwards.outward import Outward
from credit_trading.host.tables import Tables

ROOT = Path(__file__).parent.parent


def host_checks(counts: Counts, folder: Path) -> list[Figure]:
    """Of each number of events an exchange, in step with its host's SQLite file."""
    return [figure for events in counts.checked_events for figure in _checked(counts, folder / str(events), events)]


def _checked(counts: Counts, folder: Path, events: int) -> list[Figure]:
    folder.mkdir()
    exchange = FollowedExchange(folder / "home", users=counts.host_users, events=events)
    url, tables = new_file(folder), Tables()
    with closing(exchange.live()) as live, closing(EngineAdapter(url)) as adapter:
        made(adapter, tables, live)
        Outward(live, adapter, tables).round()
    checked, opened = _in_fresh_process(exchange, url, "check"), _in_fresh_process(exchange, url)
    what = f"host check, {checked['rows']:,.0f} rows of {events:,} events"
    return [
        Figure(item="p", what=what, measured=checked["rows"] / checked["seconds"], unit="rows/s"),
        Figure(
            item="p",
            what=f"most memory of a process that did it, {events:,} events",
            measured=checked["peak_mib"],
            unit="MiB",
            compared_with="one that only opened the exchange",
            compared=opened["peak_mib"],
            ratio=checked["peak_mib"] / opened["peak_mib"],
        ),
    ]


def _in_fresh_process(exchange: FollowedExchange, url: str, *what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.check_host", str(exchange.home), url, *what]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    measured: dict[str, float] = json.loads(ran.stdout)
    return measured
