"""Many users' files in one folder: how long each step takes, with how much memory and how many file descriptors.

Here: the steps, and the process that takes them under a hard limit of open files. Never here: what each step promises (its own tests).
Always: each step is taken in a process of its own, so that its memory is what that step needs; the limit is the kernel's, and hard.

    python -m reliability.many_files 100000 [--folder DIR] [--json]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

import credit_trading
from credit_trading import Admin, Exchange
from credit_trading.progress import Progress, no_progress
from reliability.report import Report

LIMIT = 1024
"""Of open files, as some hosts set it for good (`ulimit -Hn`)."""

MOST_DESCRIPTORS = 256
"""The pool's 64 handles on users' files cost three each."""

MOST_MIB = 512
"""Of memory, for 100,000 users."""

_PAGE = 50
_LONGEST_LOOK_S = 1.0
"""At the catalogue; ten times what it takes alone."""

_WATCH_S = 0.02
_FIGURES = ("seconds", "most_mib", "descriptors", "problem")


def create(home: Path, count: int, progress: Progress) -> str:
    """`create_trading_databases`: committed in groups, files made from the template."""
    with credit_trading.open(home, create=True) as exchange:
        made = _admin(exchange).databases.create_trading_databases(
            ((f"user{number}", f"user{number}@example.com") for number in range(count)), progress=progress
        )
        return "" if made.created == count else f"{made.created} users instead of {count}"


def catch_up(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001 - all steps have these parameters
    """Every file is opened and written, the way in which it goes on after a crash."""
    with credit_trading.open(home) as exchange:
        behind = _admin(exchange).databases.catch_up(progress=progress)
    return f"{behind} files are behind" if behind else ""


def follow(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    """One round after three users had events: beyond the mark there is nothing else to look at."""
    with credit_trading.open(home) as exchange:
        exchange._sequencer._project_on_commit = False
        admin = _admin(exchange)
        admin.assets.add_asset("USD", decimals=2)
        for number in (0, count // 2, count - 1):
            admin.accounts.deposit(f"user{number}", "USD", "1.00")
        followed = exchange._follower.follow()
    return "" if (followed.files, followed.behind) == (3, 0) else f"{followed}"


def open_exchange(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    """And close it; the folder is not listed for it."""
    with _unlisted(home) as listed, credit_trading.open(home):
        pass
    return f"the folder was listed {len(listed)} times" if listed else ""


def open_one(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    """One user's file, caught up and read."""
    with credit_trading.open(home) as exchange:
        database = exchange.as_user(f"user{count // 2}").get_trading_database()
        try:
            (row,) = database.query("SELECT email FROM metadata")
        finally:
            database.close()
    return "" if row["email"] == f"user{count // 2}@example.com" else f"it says {row}"


def list_page(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    """A page from the middle, by each sort."""
    with credit_trading.open(home) as exchange:
        databases = _admin(exchange).databases
        for sort in ("user_id", "email", "created_at"):
            began = time.perf_counter()
            page = databases.list_trading_databases(sort=sort, limit=_PAGE, offset=count // 2)
            seconds = time.perf_counter() - began
            if len(page) != min(_PAGE, count - count // 2) or seconds > _LONGEST_LOOK_S:
                return f"{len(page)} users by {sort} in {seconds:.3f} s"
    return ""


def search(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    """By a part of the e-mail that one user has; by one that nobody has."""
    with credit_trading.open(home) as exchange:
        databases = _admin(exchange).databases
        for text, wanted in ((f"user{count - 1}@", 1), ("nobody", 0)):
            began = time.perf_counter()
            found = databases.list_trading_databases(text, limit=_PAGE)
            seconds = time.perf_counter() - began
            if len(found) != wanted or seconds > _LONGEST_LOOK_S:
                return f"{len(found)} users in {seconds:.3f} s"
    return ""


def verify(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    """Quick: where every file stands, and what it says of balances."""
    told = credit_trading.verify_folder(home, progress=progress)
    return "; ".join(f"{finding.where}: {finding.what}" for finding in told.findings[:3])


def status(home: Path, count: int, progress: Progress) -> str:  # noqa: ARG001
    with credit_trading.open(home) as exchange:
        views = _admin(exchange).status().views
    return "" if (views.users, views.events_behind) == (count, 0) else f"{views}"


Step = Callable[[Path, int, Progress], str]
"""What was wrong; nothing if nothing was."""

STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (create, open_one, catch_up, follow, open_exchange, list_page, search, verify, status)
}


def attack(
    count: int, *, folder: Path, progress: Progress = no_progress, steps: Iterable[str] = tuple(STEPS)
) -> Report:
    """Takes the steps, each in a process of its own that tells how far it is; what they leave stays in `folder`."""
    home = folder / "trading"
    report = Report(f"{count:,} users' files in one folder, at most {LIMIT} open files")
    for name in steps:
        figures = _in_process(name, home, count, progress)
        report.problems += [f"{name}: {problem}" for problem in _problems(figures)]
        report.figures[name] = (
            f"{figures['seconds']:,} s, {figures['most_mib']} MiB, {figures['descriptors']} descriptors"
        )
    sizes = [entry.stat().st_blocks * 512 for entry in os.scandir(home)]
    report.figures["on disk"] = f"{sum(sizes) / 2**30:,.2f} GiB in {len(sizes):,} files"
    return report


def _problems(figures: dict[str, float | str]) -> Iterator[str]:
    if figures["problem"]:
        yield str(figures["problem"])
    if float(figures["descriptors"]) > MOST_DESCRIPTORS:
        yield f"{figures['descriptors']} open files"
    if float(figures["most_mib"]) > MOST_MIB:
        yield f"{figures['most_mib']} MiB of memory"


def _in_process(name: str, home: Path, count: int, progress: Progress) -> dict[str, float | str]:
    """The step's figures, by the names in `_FIGURES`."""
    command = [sys.executable, "-m", "reliability.many_files", str(count), "--folder", str(home), "--step", name]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        told: dict[str, float | str] = {}
        for line in process.stdout:
            told = json.loads(line)
            if "done" in told:
                progress(int(told["done"]), int(told["of"]))
    if process.returncode or set(told) != set(_FIGURES):
        return {
            "problem": f"it ended with exit code {process.returncode}",
            "seconds": 0,
            "most_mib": 0,
            "descriptors": 0,
        }
    return told


def _take(name: str, home: Path, count: int) -> None:
    """In the process of the step: its progress and its figures as lines of JSON."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    told_at = 0.0

    def tell(done: int, of: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > 0.5:
            told_at = time.monotonic()
            print(json.dumps({"done": done, "of": of}), flush=True)

    with _watched() as descriptors:
        began = time.perf_counter()
        problem = STEPS[name](home, count, tell)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    values = (round(seconds, 3), peak // 2**20, max(descriptors), problem)
    print(json.dumps(dict(zip(_FIGURES, values, strict=True))), flush=True)


@contextmanager
def _watched() -> Iterator[list[int]]:
    """How many files are open, looked at again and again."""
    counts, done = [len(os.listdir("/dev/fd"))], threading.Event()

    def look() -> None:
        while not done.wait(_WATCH_S):
            counts.append(len(os.listdir("/dev/fd")))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield counts
    finally:
        done.set()
        watcher.join()


@contextmanager
def _unlisted(home: Path) -> Iterator[list[str]]:
    """Notes who lists the folder: with as many files, that alone takes seconds."""
    listed: list[str] = []
    active = True

    def note(event: str, values: tuple[object, ...]) -> None:
        if active and event in ("os.listdir", "os.scandir") and str(values[0]) == str(home):
            listed.append(event)

    sys.addaudithook(note)
    try:
        yield listed
    finally:
        active = False


def _admin(exchange: Exchange) -> Admin:
    return exchange.as_admin("many-files")


@click.command()
@click.argument("count", type=click.IntRange(min=3))
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Work here, not in a temporary folder; what is made stays."
)
@click.option("--step", type=click.Choice(list(STEPS)), hidden=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout instead of a table.")
def main(count: int, folder: Path | None, step: str | None, as_json: bool) -> None:
    """Makes an exchange with COUNT users' files and does with them what an operator does. Exit code 1 if anything was wrong."""
    if step is not None:
        assert folder is not None
        _take(step, folder, count)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        tempfile.TemporaryDirectory() as temporary,
        Bar(*columns, console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("Files", total=None)
        where = folder or Path(temporary)
        report = attack(count, folder=where, progress=lambda done, of: bar.update(task, completed=done, total=of))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        Console().print(report.table(), *report.problems, sep="\n")
    sys.exit(bool(report.problems))


if __name__ == "__main__":
    main()
