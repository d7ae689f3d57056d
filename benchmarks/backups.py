"""(l) Backing up a folder of many users, full and incremental, against what anybody would do without us; and bringing one user back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import credit_trading
from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from credit_trading import Admin, Exchange, Settings
from credit_trading.store.library import sqlite3
from credit_trading.users.at_rest import AT_REST_S

ROOT = Path(__file__).parent.parent
CHANGED = 0.01
"""The part of the users who have an event between a full backup and the incremental one after it."""
LOOP_USERS = 500
"""The loop of SQLite backups takes so long that it is measured over some of the files."""
DEPOSITS = 1_000
"""To a commit."""
RESTORE_S = 1.0
HAS_TAR = bool(shutil.which("tar") and shutil.which("zstd"))

AS_QUICK = Target(kind="at most", ratio=1.5)
IN_TIME = Target(kind="at most", ratio=1)
SMALL = Target(kind="at most", ratio=0.05)


def backups(counts: Counts, folder: Path) -> list[Figure]:
    """The files are caught up and nobody has them open, as in a folder of many users most are at any moment."""
    home, users = folder / "home", counts.backup_users
    _made(home, users)
    sleep(AT_REST_S + 0.1)
    memory = _memory(home, folder / "memory", users)
    with credit_trading.open(home, settings=Settings(project_on_commit=True)) as exchange:
        return [*_by_turns(exchange, folder, counts), memory, _restored(exchange.as_admin("benchmark"), folder, counts)]


def _made(home: Path, users: int) -> None:
    with credit_trading.open(home, create=True, settings=Settings(project_on_commit=False)) as exchange:
        admin = exchange.as_admin("benchmark")
        admin.assets.add_asset("USD", decimals=2)
        names = [f"person{number}" for number in range(users)]
        admin.databases.create_trading_databases((name, f"{name}@example.org") for name in names)
        rest = iter(names)
        while group := list(islice(rest, DEPOSITS)):
            exchange.submit(admin.accounts.prepare_deposit(name, "USD", "1000.00") for name in group)
        assert admin.databases.catch_up() == 0


def _by_turns(exchange: Exchange, folder: Path, counts: Counts) -> list[Figure]:
    """In each turn a full backup, what stands beside it, some users' deposits, and an incremental backup."""
    admin, users = exchange.as_admin("benchmark"), counts.backup_users
    full_s, tar_s, some_s, loop_s, incremental_s = (list[float]() for _ in range(5))
    for turn in range(counts.repetitions):
        place = folder / f"place-{turn}"
        full_s.append(_seconds(partial(admin.backups.create, place, "full")))
        if HAS_TAR:
            tar_s.append(_seconds(partial(_tar, exchange.home, folder / "home.tar.zst")))
        files = list(islice(exchange.home.glob("trading_*.db"), LOOP_USERS))
        loop_s.append(_seconds(partial(_loop, files, folder / "loop")))
        some_s.append(full_s[-1] * len(files) / users)
        for number in range(max(1, int(users * CHANGED))):
            admin.accounts.deposit(f"person{number}", "USD", "1.00")
        sleep(AT_REST_S + 0.1)  # of an hour's changes few are younger
        incremental_s.append(_seconds(partial(admin.backups.create, place, "incremental")))
    made = f"a full backup of {users:,} users"
    return [
        _beside_tar(made, full_s, tar_s),
        compare(
            "l",
            f"its part for {len(files)} users",
            some_s,
            unit="s",
            compared_with="a loop of SQLite backups",
            compared=loop_s,
        ),
        compare(
            "l",
            f"an incremental one, {CHANGED:.0%} changed",
            incremental_s,
            unit="s",
            compared_with="the full one",
            compared=full_s,
            target=SMALL,
        ),
    ]


def _beside_tar(what: str, full_s: list[float], tar_s: list[float]) -> Figure:
    name = "tar | zstd of the folder"
    if not HAS_TAR:
        return Figure(item="l", what=what, measured=median(full_s), unit="s", compared_with=f"{name}: not installed")
    return compare("l", what, full_s, unit="s", compared_with=name, compared=tar_s, target=AS_QUICK)


def _tar(home: Path, to: Path) -> None:
    """Both programs at once, with as many threads as there are cores."""
    command = ["tar", "-c", "-C", str(home), "."]
    with open(to, "wb") as file, subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        subprocess.run(["zstd", "-q", "-3", "-T0"], stdin=tar.stdout, stdout=file, check=True)
    assert tar.returncode == 0


def _loop(files: list[Path], to: Path) -> None:
    """Each file by itself, as a script would do it."""
    to.mkdir()
    for path in files:
        with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(to / path.name)) as copy:
            live.backup(copy)
    shutil.rmtree(to)


def _restored(admin: Admin, folder: Path, counts: Counts) -> Figure:
    """Of one out of all of them, in place, while the exchange is open."""
    restore = partial(admin.backups.restore_user, folder / "place-0", f"person{counts.backup_users // 2}")
    restored_s = [_seconds(restore) for _ in range(counts.repetitions)]
    return compare(
        "l",
        f"one user of {counts.backup_users:,} brought back",
        restored_s,
        unit="s",
        compared_with="the goal",
        compared=[RESTORE_S] * len(restored_s),
        target=IN_TIME,
    )


def _memory(home: Path, folder: Path, users: int) -> Figure:
    """Of a fresh process that makes a full backup, beside one that only opens the exchange and loads what backups need."""
    made, bare = _peak_mib(str(home), str(folder)), _peak_mib(str(home))
    return Figure(
        item="l",
        what=f"most memory of a process that backs up {users:,} users",
        measured=made,
        unit="MiB",
        compared_with="one that only opened the exchange",
        compared=bare,
        ratio=made / bare,
    )


def _peak_mib(*words: str) -> float:
    command = [sys.executable, "-m", "benchmarks.back_up", *words]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return float(json.loads(ran.stdout)["peak_mib"])


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
