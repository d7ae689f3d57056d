"""`status`: how the exchange stands."""

from __future__ import annotations

import os
from collections.abc import Iterable

import attrs
import click
from rich.filesize import decimal
from rich.text import Text

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.counts import counted
from credit_trading.cli.job_tables import short
from credit_trading.cli.session import ACTOR, Session
from credit_trading.cli.tables import Cell, Column, draw_fields, draw_table, draw_title, moment
from credit_trading.config import Settings
from credit_trading.host.standing import HostStatus
from credit_trading.jobs import standing
from credit_trading.jobs.standing import JobsStatus
from credit_trading.status import CheckpointStatus, MarketDataStatus, Status, ViewsStatus
from credit_trading.users.reading.reads import ReadsStatus

_LONGEST_WAIT_S = 2
"""For locks: whoever asks how the exchange stands may do so because a process hangs."""


@click.command(cls=Command, examples=["status", "status --json"])
@click.pass_obj
@click.pass_context
def status(ctx: click.Context, session: Session) -> None:
    """Shows how the exchange stands: head, views, checkpoints, who writes, what is left to do, room.

    It ends with 1 if a job in jobs.toml has failed or is overdue, and with 0 whatever else it shows, unless the exchange cannot be read.
    Whether everything is right is told by verify.
    """
    settings = Settings.from_environment()
    settings = attrs.evolve(settings, lock_timeout_s=min(settings.lock_timeout_s, _LONGEST_WAIT_S))
    with credit_trading.open(session.home, settings=settings) as exchange:
        found = exchange.as_admin(ACTOR).status()
    jobs = standing.look(session.home)
    session.show({**attrs.asdict(found), "jobs": jobs}, lambda: _draw(found, jobs))
    if not jobs.is_well:
        ctx.exit(REFUSED)


def _draw(found: Status, jobs: JobsStatus) -> None:
    journal, pending, room = found.journal, found.pending, found.resources
    draw_fields(
        {
            "Folder": found.home,
            "Head of the journal": f"{journal.sequence}  {journal.hash}",
            "Last event (UTC)": moment(journal.time),
            "exchange.db": f"{decimal(journal.file_bytes)}, WAL {decimal(journal.wal_bytes)}",
            "Archived": f"up to {journal.archived_up_to} at {journal.archive}" if journal.archive else "nothing",
        }
    )
    _group("Views", _views(found.views) | {"Market data": _market_data(found.market_data)})
    if found.host is not None:
        _group("Host's database", host_fields(found.host))
    _group("Checkpoints", _checkpoints(found.checkpoints))
    _group(
        "Processes",
        {
            "Writing now": _process(found.processes.writer),
            "Following": _process(found.processes.follower),
            "Have it open": _others(found.processes.present),
        },
    )
    _group(
        "To do",
        {
            "Files to rename": _some(pending.renames),
            "Files to delete": _some(pending.deletions),
            "In quarantine": str(len(pending.quarantined)) if pending.quarantined else "none",
        },
    )
    if pending.quarantined:
        columns = [Column("User"), Column("Since (UTC)"), Column("Code"), Column("Problem", wrap=True)]
        draw_table(columns, [(one.user_id, moment(one.since), one.code, one.problem) for one in pending.quarantined])
    _group("Jobs", _jobs(jobs))
    _group("Reading", _reading(found.reads))
    if found.reads.slow:
        slow = found.reads.slow[:_MOST_SLOW]
        draw_table(
            [Column("Longest", right=True), Column("Times", right=True), Column("Slow query and its plan", wrap=True)],
            [
                (f"{one.longest_us / 1000:.0f} ms", str(one.times), "\n".join([one.statement, *one.plan]))
                for one in slow
            ],
        )
    hits, misses = counted(room.pool_hits, "hit"), counted(room.pool_misses, "miss", "misses")
    remote = " (a network file system: locks may fail there, move it to a local disk)" if room.is_remote else ""
    _group(
        "Room",
        {
            "File system": f"{room.file_system or 'unknown'}{remote}",
            "Free": decimal(room.free_bytes),
            "Open files": f"{'?' if room.descriptors is None else room.descriptors} of {room.descriptors_limit}, this process",
            "Pool": f"{room.pool_open} of {room.pool_capacity}, {hits}, {misses}, this process",
        },
    )


def _group(title: str, fields: dict[str, Cell]) -> None:
    draw_title(title)
    draw_fields(fields)


def _views(views: ViewsStatus) -> dict[str, Cell]:
    if views.events_behind is None or views.seconds_behind is None:
        at, behind = "not followed yet: they catch up when they are read", "not known"
    else:
        events = counted(views.events_behind, "event")
        at = f"at least at {views.sequence}, {events} and {views.seconds_behind:.1f} s behind"
        behind = _some(views.files_behind)
    return {"Users": str(views.users), "Users' files": at, "Known behind": behind}


_MOST_SLOW = 5


def _reading(reads: ReadsStatus) -> dict[str, Cell]:
    asked = reads.hits + reads.misses
    rate = f"{reads.hits} of {asked} ({reads.hits * 100 // asked} %)" if asked else "none yet"
    slow = f"{len(reads.slow)}, the slowest below" if reads.slow else "none"
    return {
        "Kept answers given again": f"{rate}, {counted(reads.processes, 'process', 'processes')} in seven days",
        "Slow queries": slow,
    }


def _market_data(market_data: MarketDataStatus) -> str:
    if market_data.problem is not None:
        return market_data.problem
    if market_data.sequence is None or market_data.events_behind is None:
        return "not asked for yet"
    later = "; it catches up when trades are read" if market_data.events_behind else ""
    return f"at {market_data.sequence}, {counted(market_data.events_behind, 'event')} behind{later}"


def host_fields(host: HostStatus) -> dict[str, Cell]:
    """How far it shows the journal, and what keeps it from going on."""
    events = counted(host.events_behind, "event")
    shown = "nothing yet" if host.sequence is None else f"up to {host.sequence}"
    since = f" (UTC {moment(host.problem_since)}, {counted(host.attempts, 'attempt')})" if host.problem_since else ""
    problem = Text(output.printable(output.addressed(host.problem)) + since, "red") if host.problem else "none"
    return {
        "Host": host.host or None,
        "Shown": f"{shown}, {events} and {host.seconds_behind:.1f} s behind",
        "Last brought forward (UTC)": moment(host.shown_at),
        "Trouble": problem,
        "Next try (UTC)": moment(host.next_try_at),
    }


def _checkpoints(checkpoints: CheckpointStatus) -> dict[str, Cell]:
    if checkpoints.sequence is None or checkpoints.age_s is None:
        newest = f"none; opening replays {counted(checkpoints.events_since, 'event')}"
    else:
        newest = (
            f"at {checkpoints.sequence}, {counted(checkpoints.events_since, 'event')} and {checkpoints.age_s:.0f} s ago"
        )
    return {"Newest": newest, "Cannot be used": _some(checkpoints.damaged)}


def _jobs(jobs: JobsStatus) -> dict[str, Cell]:
    """Each in a line; what is wrong with one is said there."""
    if jobs.problem is not None:
        return {"Problem": Text(output.printable(output.addressed(jobs.problem)), "red")}
    if not jobs.jobs:
        return {"Scheduled": output.addressed("nothing; write jobs.toml by credit-trading jobs init")}
    return {job.job: short(job) for job in jobs.jobs}


def _process(process_id: int | None) -> str:
    return "nobody" if process_id is None else f"process {process_id}"


def _others(process_ids: Iterable[int]) -> str:
    """This process has it open only to look."""
    others = [str(process_id) for process_id in process_ids if process_id != os.getpid()]
    return _some(others) if others else "this process only"


_MOST_NAMED = 10


def _some(names: Iterable[str]) -> str:
    """At most ten of them."""
    listed = list(names)
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return ", ".join(listed[:_MOST_NAMED]) + more if listed else "none"
