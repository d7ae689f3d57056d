"""(c) How long one order takes that has the exchange to itself, against one raw row committed to the same disk in turns with it."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target
from benchmarks.market import Market
from benchmarks.raw import RawJournal

GOAL = Target(kind="at most", ratio=1.5)
WARMING = 20
"""Turns that fill caches and open files and are not counted."""


def latency(counts: Counts, folder: Path) -> list[Figure]:
    """Medians of `create_order`, from decimal text to the report; about half of the orders trade. The ratio is that of the medians."""
    return [
        _figure(counts, folder / "behind", project_on_commit=False, target=GOAL),
        _figure(counts, folder / "caught-up", project_on_commit=True, target=None),
    ]


def _figure(counts: Counts, home: Path, *, project_on_commit: bool, target: Target | None) -> Figure:
    orders_us: list[float] = []
    raw_us: list[float] = []
    with Market(home, users=counts.users, project_on_commit=project_on_commit) as market:
        market.warm_up()
        raw = RawJournal(home / "raw.db", market.journal_rows()[-500:])
        os.sync()  # what came before is not to be waited for by what is measured
        for turn, ask in enumerate(market.next_asks(counts.lone_orders + WARMING)):
            row_us = raw.append(1, group=1) * 1e6
            start = perf_counter()
            market.place(ask)
            order_us = (perf_counter() - start) * 1e6
            if turn >= WARMING:
                raw_us.append(row_us)
                orders_us.append(order_us)
        raw.close()
    return Figure(
        item="c",
        what=f"one lone order, files {'' if project_on_commit else 'not '}caught up",
        measured=median(orders_us),
        unit="µs",
        compared_with="one raw row",
        compared=median(raw_us),
        ratio=median(orders_us) / median(raw_us),
        target=target,
    )
