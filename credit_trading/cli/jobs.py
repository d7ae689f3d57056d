"""`jobs`: what is done by the clock."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import COUNT, REFUSED, Group
from credit_trading.cli.counts import counted
from credit_trading.cli.ending import Ending, ended_by_signals
from credit_trading.cli.job_tables import draw_jobs, draw_runs, line, shown
from credit_trading.cli.session import Session
from credit_trading.errors import AlreadyExists
from credit_trading.jobs import config as configuration
from credit_trading.jobs import standing
from credit_trading.jobs.config import CHECKPOINT, EXPIRE, Config
from credit_trading.jobs.rows import DONE, STOPPED, Run
from credit_trading.jobs.runs import Runs
from credit_trading.jobs.starter import starter
from credit_trading.store.files import publish_new
from credit_trading.store.places import checked_url

if TYPE_CHECKING:
    from credit_trading.jobs.scheduler import Scheduler

_PLACE = "/srv/backups"

CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Another file than jobs.toml in the exchange's folder.",
)


@click.group(cls=Group, examples=["jobs init --to /srv/backups", "jobs list", "jobs run daily-backup", "jobs start"])
def jobs() -> None:
    """Backups, restore drills, sweeps and checkpoints, done by the clock as jobs.toml in the exchange's folder says.

    One process at least has to run them: jobs start. Each run is done by one of those that do, and what was missed is done once.
    """


@jobs.command(examples=["jobs init", "jobs init --to /srv/backups"])
@click.option("--to", "place", default=_PLACE, show_default=True, metavar="PLACE", help="Where backups go.")
@click.pass_obj
def init(session: Session, place: str) -> None:
    """Writes jobs.toml, with a comment on everything: hourly and daily backups, a weekly restore drill, expiry, checkpoints."""
    checked_url(place)
    with credit_trading.open(session.home):
        path = configuration.path_in(session.home.absolute())
    place = place if "://" in place else str(Path(place).absolute())
    try:
        publish_new(path, starter(place).encode())
    except AlreadyExists as error:
        raise error.advising("Edit it, or move it away.")  # noqa: B904 - it is the same error
    names = list(configuration.load(path).jobs)
    session.show(
        {"path": str(path), "to": place, "jobs": names},
        lambda: output.say(f"Wrote {path}: {', '.join(names)}. Backups go to {place}."),
    )


@jobs.command("list", examples=["jobs list", "jobs list --json"])
@CONFIG
@click.pass_obj
@click.pass_context
def list_(ctx: click.Context, session: Session, path: Path | None) -> None:
    """Shows each job, its last run, when it is next due and what is wrong. Ends with 1 if anything is.

    A job is overdue when it has not succeeded for as long as jobs.toml says, also where nobody runs any.
    """
    known = _config(session, path)
    Runs(session.home).known()  # raises what a look only tells
    found = standing.look(session.home, known.path)
    session.show(found, lambda: draw_jobs(found))
    if not found.is_well:
        ctx.exit(REFUSED)


@jobs.command(examples=["jobs runs", "jobs runs daily-backup --last 5"])
@click.argument("name", required=False)
@click.option("--last", type=COUNT, default=20, show_default=True, metavar="N", help="How many, the newest first.")
@click.pass_obj
def runs(session: Session, name: str | None, last: int) -> None:
    """Lists the last runs, of one job or of all: when, how long, how large, what came of it. The last 1,000 of each are kept."""
    if last == 0:
        raise click.UsageError("--last is 1 or more.")
    found = Runs(session.home).latest(name, most=last)
    if name is not None and not found:
        _config(session, None).job(name)  # raises for a name that is in no file either
    session.show([shown(run) for run in found], lambda: draw_runs(found))


@jobs.command(examples=["jobs run daily-backup", "jobs run expiry --json"])
@click.argument("name")
@CONFIG
@click.pass_obj
@click.pass_context
def run(ctx: click.Context, session: Session, name: str, path: Path | None) -> None:
    """Does a job now, due or not. Refused while another process does it. Ends with 1 if it fails, or is ended by Ctrl-C or SIGTERM."""
    from credit_trading.jobs.runner import Runner  # loads what backups need

    known = _config(session, path)
    job = known.job(name)
    with ended_by_signals() as ending, credit_trading.open(session.home) as exchange, output.progress(name) as tick:
        ended = Runner(exchange, known).run(job, in_any_case=True, stop=ending.is_set, progress=tick)
    assert ended is not None, "it was to be done in any case"
    session.show(shown(ended), lambda: output.say(line(ended)))
    if ended.outcome != DONE:
        ctx.exit(REFUSED)


@jobs.command(examples=["jobs start", "jobs start --once"])
@CONFIG
@click.option(
    "--once",
    is_flag=True,
    help="Only what is due now, for other schedulers. It ends with 1 if one fails or is overdue.",
)
@click.pass_obj
@click.pass_context
def start(ctx: click.Context, session: Session, path: Path | None, once: bool) -> None:
    """Does each job when it is due, in the foreground, until Ctrl-C or SIGTERM. What was missed is done once, at once.

    A job under way is ended at its next step and goes on at the next start. Several processes may do this: each run is done by one.
    """
    from credit_trading.jobs.scheduler import Scheduler  # takes long to load

    known = _config(session, path)
    ended: list[Run] = []

    def tell(run: Run) -> None:
        ended.append(run)
        quiet = known.jobs[run.job].kind in (EXPIRE, CHECKPOINT) and not sys.stderr.isatty()
        if (run.outcome == DONE and not quiet) or run.outcome == STOPPED:
            output.notice(line(run))

    with ended_by_signals() as ending, credit_trading.open(session.home) as exchange:
        scheduler = Scheduler(exchange, known, on_run=tell)
        if once:
            scheduler.run_due(ending.is_set)
        else:
            output.notice(f"Doing {counted(len(known.jobs), 'job')} when due, until Ctrl-C: {', '.join(known.jobs)}")
            with output.timed():
                _until(scheduler, ending)
    failed = sum(run.outcome != DONE for run in ended)
    overdue = [job.job for job in standing.look(session.home, known.path).jobs if job.overdue] if once else []
    value = {"runs": len(ended), "not_done": failed, "overdue": overdue}
    summary = f"Did {counted(len(ended) - failed, 'job')}" + (f"; {failed} not done" if failed else "")
    summary += f"; overdue: {', '.join(overdue)}" if overdue else ""
    session.show(value, lambda: output.say(summary))
    if once and (failed or overdue):
        ctx.exit(REFUSED)


def _until(scheduler: Scheduler, ending: Ending) -> None:
    """The second signal ends the program at once; what is under way is lost then, and due again."""
    with scheduler:
        while not ending.is_set():
            ending.wait(1.0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _config(session: Session, path: Path | None) -> Config:
    return configuration.load(path or configuration.path_in(session.home))
