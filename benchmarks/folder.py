"""(f) A folder of many users: making them, and opening and listing it in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.counts import Counts
from benchmarks.figure import Figure, compare
from benchmarks.market import Market
from benchmarks.raw import RawJournal
from credit_trading.store.files import publish_new
from credit_trading.users.tables.schema import template

ROOT = Path(__file__).parent.parent
TURN = 50
"""Users made one after the other before the other side has its turn."""


def folder_of_users(counts: Counts, folder: Path) -> list[Figure]:
    """Creating is compared with its two durable steps alone: a row committed, and a file published that is as large as a user's."""
    made_s, by_hand_s = [], []
    files = folder / "by-hand"
    files.mkdir()
    with Market(folder / "home", users=1, project_on_commit=True) as market:
        raw = RawJournal(folder / "raw.db", market.journal_rows())
        databases = market.exchange.as_admin("benchmark").databases
        for first in range(0, counts.folder_users - 1, TURN):
            turn = range(first, min(first + TURN, counts.folder_users - 1))
            start = perf_counter()
            for number in turn:
                databases.create_trading_database(f"person{number}", f"person{number}@example.org")
            if first % (10 * TURN) == 0:  # often enough to compare
                made_s.append(len(turn) / (perf_counter() - start))
                by_hand_s.append(len(turn) / _by_hand_s(raw, files, turn))
        raw.close()
    created = compare(
        "f",
        "users created, each with a file",
        made_s,
        unit="users/s",
        compared_with="a row and a file by hand",
        compared=by_hand_s,
    )
    return [created, *_opened(counts, market.home)]


def _by_hand_s(raw: RawJournal, files: Path, numbers: range) -> float:
    start = perf_counter()
    for number in numbers:
        raw.append(1, group=1)
        publish_new(files / f"{number}.db", template())
    return perf_counter() - start


def _opened(counts: Counts, home: Path) -> list[Figure]:
    opened, bare = _in_fresh_process(str(home)), _in_fresh_process()
    title = f"folder of {counts.folder_users:,} users"
    assert opened["users"] == counts.folder_users
    return [
        Figure(item="f", what=f"opening a {title}", measured=opened["open_ms"], unit="ms"),
        Figure(item="f", what="listing all of them", measured=opened["list_ms"], unit="ms"),
        Figure(
            item="f",
            what="most memory of a process that did both",
            measured=opened["peak_mib"],
            unit="MiB",
            compared_with="one that only imported the package",
            compared=bare["peak_mib"],
            ratio=opened["peak_mib"] / bare["peak_mib"],
        ),
    ]


def _in_fresh_process(*home: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.open_and_list", *home]
    measured: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    )
    return measured
