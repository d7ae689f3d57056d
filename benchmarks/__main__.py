"""Runs the benchmarks in one process and prints one table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from time import perf_counter

from rich.console import Console

from benchmarks.backups import backups
from benchmarks.books import books, peers
from benchmarks.counts import QUICK, Counts
from benchmarks.figure import Figure, table
from benchmarks.folder import folder_of_users
from benchmarks.history import history
from benchmarks.host_checks import host_checks
from benchmarks.host_lag import host_lag
from benchmarks.host_rows import host_rows
from benchmarks.latency import latency
from benchmarks.operations import operations
from benchmarks.projection import projection
from benchmarks.replay import replay
from benchmarks.start_up import start_up
from benchmarks.throughput import throughput
from credit_trading.store.library import SQLITE_VERSION

BENCHMARKS: dict[str, Callable[[Counts, Path], list[Figure]]] = {
    "ab": throughput,
    "c": latency,
    "d": projection,
    "e": replay,
    "f": folder_of_users,
    "g": books,
    "h": operations,
    "i": peers,
    "jk": start_up,
    "l": backups,
    "m": history,
    "n": host_rows,
    "o": host_lag,
    "p": host_checks,
}
"""By the items that each gives: the two that are one ratio are measured together."""
ITEMS = "".join(BENCHMARKS)


def run(counts: Counts, folder: Path, *, only: Collection[str] = ITEMS) -> list[Figure]:
    """The figures of the items in `only`, in the order of their letters. `folder` is on the disk that is measured."""
    figures: list[Figure] = []
    for items, measure in BENCHMARKS.items():
        if set(items) & set(only):
            print(f"measuring {', '.join(items)} ...", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as empty:
                figures += [figure for figure in measure(counts, Path(empty)) if figure.item in only]
    return figures


def machine() -> dict[str, str | int | None]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": ".".join(map(str, SQLITE_VERSION)),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _items(text: str) -> list[str]:
    items = text.split(",")
    if not set(items) <= set(ITEMS):
        first, last = ITEMS[0], ITEMS[-1]
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of letters from {first} to {last}, such as a,b")
    return items


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures the exchange against raw SQLite, and its order book against others."
    )
    parser.add_argument("--json", action="store_true", help="one JSON value on stdout instead of the table")
    parser.add_argument("--quick", action="store_true", help="small counts: some seconds, rough figures")
    parser.add_argument("--only", type=_items, default=list(ITEMS), metavar="a,b", help="these items alone")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="work on the disk that holds DIR (default: the system's temporary folder)",
    )
    options = parser.parse_args()
    start = perf_counter()
    with tempfile.TemporaryDirectory(prefix="credit-trading-benchmark-", dir=options.folder) as folder:
        figures = run(QUICK if options.quick else Counts(), Path(folder), only=options.only)
    seconds = perf_counter() - start
    if options.json:
        shown = [figure.as_json() for figure in figures]
        print(json.dumps({"machine": machine(), "quick": options.quick, "seconds": seconds, "figures": shown}))
        return
    caption = ", ".join(f"{name} {value}" for name, value in machine().items())
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table(figures, caption=f"{caption}; {seconds:.0f} s{', quick' if options.quick else ''}"))


if __name__ == "__main__":
    main()
