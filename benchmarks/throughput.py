"""(a) The raw limit, and (b) orders through the public service, in groups of 1 to 1,000 to a COMMIT."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from benchmarks.market import Market
from benchmarks.raw import RawJournal

_Rates = dict[int, list[float]]
"""Per second, one of each repetition, by group size."""

GOAL_GROUP = 1000
GOAL = Target(kind="at least", ratio=0.25)


def throughput(counts: Counts, folder: Path) -> list[Figure]:
    """Preparing the orders (text to whole ticks and lots, the content's digest, the command's id) is counted in."""
    raw_rows: _Rates = defaultdict(list)
    behind, caught_up = _Service(), _Service()
    with (
        Market(folder / "behind", users=counts.users, project_on_commit=False) as market,
        Market(folder / "caught-up", users=counts.users, project_on_commit=True) as projected,
    ):
        for warm in (market, projected):
            warm.warm_up()
        raw = RawJournal(folder / "raw.db", market.journal_rows()[-500:])
        for _ in range(counts.repetitions):
            for group, count in counts.orders.items():
                os.sync()  # nobody waits for what another one left for the disk to do
                raw_rows[group].append(count / raw.append(count, group=group))
                os.sync()
                behind.measure(market, count, group)
                os.sync()
                caught_up.measure(projected, count, group)
        raw.close()
    return _figures(raw_rows, behind, caught_up)


class _Service:
    """What one market reached."""

    def __init__(self) -> None:
        self.orders: _Rates = defaultdict(list)
        self.rows: _Rates = defaultdict(list)

    def measure(self, market: Market, count: int, group: int) -> None:
        groups = [market.next_asks(min(group, count - done)) for done in range(0, count, group)]
        before = market.exchange.sequence
        start = perf_counter()
        for asks in groups:
            market.submit(asks)
        seconds = perf_counter() - start
        self.orders[group].append(count / seconds)
        self.rows[group].append((market.exchange.sequence - before) / seconds)


def _figures(raw_rows: _Rates, behind: _Service, caught_up: _Service) -> list[Figure]:
    figures = [
        Figure(item="a", what=f"raw journal, rows in groups of {group:,}", measured=median(rates), unit="rows/s")
        for group, rates in raw_rows.items()
    ]
    for title, service in (("files not caught up", behind), ("files caught up", caught_up)):
        for group, orders in service.orders.items():
            figures.append(
                Figure(
                    item="b", what=f"orders in groups of {group:,}, {title}", measured=median(orders), unit="orders/s"
                )
            )
            figures.append(
                compare(
                    "b",
                    f"their journal rows, {title}",
                    service.rows[group],
                    unit="rows/s",
                    compared_with=f"raw, groups of {group:,}",
                    compared=raw_rows[group],
                    target=GOAL if group == GOAL_GROUP and service is behind else None,
                )
            )
    return figures
