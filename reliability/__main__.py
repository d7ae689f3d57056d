"""Attacks the exchange and says what came of it: exit code 1 if anything happened that must never happen."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from credit_trading.progress import no_progress
from reliability import crowd, cuts, kills, refusals
from reliability.report import Report

Attack = Callable[..., Report]
"""`attack(count, seed=..., folder=..., progress=...)`: what is left in the folder is kept if there are problems."""

ATTACKS: dict[str, tuple[str, str, Attack]] = {
    "kills": (
        "N",
        "Kill N trading processes: at random moments, and at single calls that write to the disk.",
        kills.attack,
    ),
    "cuts": (
        "N",
        "Cut the power N times, on a disk that loses what was not synced; --seed S:NUMBER repeats one cut of seed S alone.",
        cuts.attack,
    ),
    "faults": (
        "N",
        "Let N calls to the disk fail, at each place and in each way in turn: full, broken, no descriptor left, read only.",
        refusals.attack,
    ),
    "crowd": (
        "SECONDS",
        "Let several processes with several threads each trade for so long, and kill one of them now and then.",
        crowd.attack,
    ),
}
"""By option: what its number counts, what it does, and who does it."""

_err = Console(stderr=True)


def _with_attacks(command: Callable[..., None]) -> Callable[..., None]:
    for name, (metavar, text, _) in reversed(ATTACKS.items()):
        command = click.option(f"--{name}", type=click.IntRange(min=1), metavar=metavar, help=text)(command)
    return command


@click.command()
@_with_attacks
@click.option(
    "--seed", metavar="S", help="Any word; the same seed attacks in the same way. Made up if it is not given."
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Work here, not in a temporary folder.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout instead of tables.")
def main(seed: str | None, folder: Path | None, as_json: bool, **counts: int | None) -> None:
    """Attacks exchanges made for the purpose, and verifies after each blow that nothing acknowledged is lost."""
    chosen = [(name, count) for name, count in counts.items() if count]
    if not chosen:
        raise click.UsageError(f"Nothing to do: give {' or '.join(f'--{name}' for name in ATTACKS)}.")
    seed = seed or secrets.token_hex(4)
    reports = [_run(name, count, seed, folder) for name, count in chosen]
    if as_json:
        click.echo(json.dumps([report.as_json() for report in reports]))
    else:
        for report in reports:
            Console().print(report.table())
    sys.exit(any(report.problems for report in reports))


def _run(name: str, count: int, seed: str, parent: Path | None) -> Report:
    folder = Path(tempfile.mkdtemp(prefix=f"reliability-{name}-", dir=parent))
    *_, attack = ATTACKS[name]
    with Bar(
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=_err,
        disable=not _err.is_terminal,
    ) as bar:
        task = bar.add_task(name, total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        report = attack(count, seed=seed, folder=folder, progress=progress if _err.is_terminal else no_progress)
    if not report.problems:
        shutil.rmtree(folder)
        return report
    for problem in report.problems:
        _err.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    _err.print(f"Kept: {folder}. Again: scripts/crash --{name} {count} --seed {seed}", soft_wrap=True)
    return report


if __name__ == "__main__":
    main(prog_name="scripts/crash")
