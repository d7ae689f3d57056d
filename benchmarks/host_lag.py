"""(o) How soon a host's database shows what the exchange has decided, under a steady flow of orders, and what that costs trading.

Here: one thread that places orders by a clock, and a worker beside it: in its own process, or in another. Never here: how much a worker
can carry (host_rows).
Always: the lag of an order is from its report to the first moment at which a third process saw its rows; it looks every 5 ms.
"""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, sleep

import attrs

from benchmarks.counts import Counts
from benchmarks.figure import Figure
from benchmarks.host_databases import HostDatabases, absent, host_databases
from benchmarks.market import Market
from credit_trading.journal.tail import head_of

ROOT = Path(__file__).parent.parent
ORDERS_PER_S = 500
WARMING = 50
"""Orders that are placed before, and not counted."""


@attrs.frozen
class Placed:
    """Of each order: how long it took, the moment of its report, and the last of its events."""

    took_ms: list[float]
    at_s: list[float]
    sequences: list[int]


def host_lag(counts: Counts, folder: Path) -> list[Figure]:
    """For each database the worker in a thread of the process that trades, and then in another process."""
    figures = []
    with host_databases(folder) as all_databases:
        for databases in all_databases:
            for where, working in (("a thread", _in_thread), ("another process", _in_process)):
                place = folder / f"{databases.name}-{where.split()[1]}"
                figures += _measured(counts, place, databases, where, working)
        return figures + absent("o", "lag of an order", all_databases)


_Working = Callable[[Market, str], AbstractContextManager[object]]


def _measured(counts: Counts, home: Path, databases: HostDatabases, where: str, working: _Working) -> list[Figure]:
    url = databases.new_url()
    with Market(home, users=counts.users, project_on_commit=False, host=url) as market:
        host = market.exchange.as_admin("benchmark").host
        host.init()
        market.warm_up()
        alone_ms = _placed(market, counts.lag_orders // 2).took_ms
        host.sync()
        with _Beside("benchmarks.watch_host", url) as watcher, working(market, url):
            placed = _placed(market, counts.lag_orders)
            sleep(1.0)  # for the last of them to be shown, and seen
        alone_ms += _placed(market, counts.lag_orders // 2).took_ms
    waited_ms = lags_ms(placed, json.loads(watcher.answer))
    what = f"{databases.name}, the worker in {where}, {ORDERS_PER_S} orders/s"
    lag = [
        Figure(item="o", what=f"{which} lag of an order, {what}", measured=of(waited_ms), unit="ms")
        for which, of in (("median", median), ("p99", _p99), ("longest", max))
    ]
    slower = [
        Figure(
            item="o",
            what=f"{which} order beside it, {what}",
            measured=of(placed.took_ms),
            unit="ms",
            compared_with="without a worker",
            compared=of(alone_ms),
            ratio=of(placed.took_ms) / of(alone_ms),
        )
        for which, of in (("median", median), ("p99", _p99))
    ]
    return [*lag, *slower]


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def _placed(market: Market, orders: int) -> Placed:
    """Orders one by one, each at its moment, or as soon as the one before it is done."""
    placed = Placed([], [], [])
    live = market.exchange._live
    asks = market.next_asks(WARMING + orders)
    begun = monotonic()
    for turn, ask in enumerate(asks):
        sleep(max(0.0, begun + turn / ORDERS_PER_S - monotonic()))
        start = monotonic()
        market.place(ask)
        at_s = monotonic()
        if turn >= WARMING:
            placed.took_ms.append((at_s - start) * 1e3)
            placed.at_s.append(at_s)
            placed.sequences.append(head_of(live))
    return placed


@contextmanager
def _in_thread(market: Market, _: str) -> Iterator[None]:
    host = market.exchange.as_admin("benchmark").host
    host.follow()
    yield
    host.stop()


@contextmanager
def _in_process(market: Market, url: str) -> Iterator[None]:
    with _Beside("benchmarks.follow_host", str(market.home), url):
        yield


class _Beside:
    """A process that says when it is ready, and works until its input ends; then its answer is there."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self.answer = ""

    def __enter__(self) -> _Beside:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.answer, _nothing = self._process.communicate()
        assert self._process.returncode == 0


def lags_ms(placed: Placed, seen: list[tuple[float, int]]) -> list[float]:
    """From the report of each order to the first sight of its last event."""
    sequences = [sequence for _, sequence in seen]
    return [
        (seen[bisect_left(sequences, sequence)][0] - at_s) * 1e3
        for at_s, sequence in zip(placed.at_s, placed.sequences, strict=True)
    ]
