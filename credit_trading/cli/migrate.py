"""`migrate`: files of older versions, counted and brought to this one."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command, Group
from credit_trading.cli.session import ACTOR, Session
from credit_trading.cli.tables import Column, draw_fields, draw_table
from credit_trading.users.migrating import Migrated
from credit_trading.users.tables.migrations import needs_journal, steps_from
from credit_trading.users.versions import FolderVersions, LeftAlone, exchange_format


@click.group(
    cls=Group,
    invoke_without_command=True,
    examples=["migrate --all", "migrate --all --dry-run", "migrate --all --json", "migrate status"],
)
@click.option("--all", "everything", is_flag=True, help="exchange.db, and then every user's file.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "wants_json", is_flag=True, help="Give the result as one JSON value.")
@click.pass_context
def migrate(ctx: click.Context, everything: bool, dry_run: bool, wants_json: bool) -> None:
    """Brings files of older versions to this one. Otherwise each is migrated when it is next opened.

    It may be interrupted and repeated: what is done is done. Others may trade meanwhile, but no process of an older version: exchange.db
    waits until there is none. A file that cannot be migrated holds up no other; it is named, and the command ends with 1.
    """
    session: Session = ctx.obj
    if ctx.invoked_subcommand is not None:
        if everything or dry_run:
            raise click.UsageError("Give --all, or a command.", ctx)
        return
    if not everything:
        raise click.UsageError("Give --all, or a command: migrate status.", ctx)
    session.json = wants_json
    left = _told(session) if dry_run else _done(session)
    if left:
        ctx.exit(REFUSED)


@migrate.command("status", cls=Command, examples=["migrate status", "migrate status --json"])
@click.pass_obj
@click.pass_context
def status(ctx: click.Context, session: Session) -> None:
    """Shows of which versions exchange.db and users' files are. Nothing is changed. Ends with 1 if a file cannot be migrated."""
    found = _look(session)
    session.show(_shown(found), lambda: _draw_versions(found))
    if found.left_alone:
        ctx.exit(REFUSED)


def _look(session: Session) -> FolderVersions:
    with output.progress("Looking") as tick:
        return credit_trading.folder_versions(session.home, progress=tick)


def _told(session: Session) -> Sequence[LeftAlone]:
    """What would be done; returns the files that could not be migrated."""
    found = _look(session)
    value = {
        "format_before": found.format,
        "format": found.newest_format,
        "current": found.files.get(found.newest_files, 0),
        "to_migrate": found.outdated,
        "left_alone": _addressed(found.left_alone),
    }
    session.show(value, lambda: _draw_plan(found))
    return found.left_alone


def _done(session: Session) -> Sequence[LeftAlone]:
    """Opening the exchange brings exchange.db forward; returns the files that could not be migrated."""
    before = exchange_format(session.home)
    with output.progress("Migrating") as tick, credit_trading.open(session.home) as exchange:
        result = exchange.as_admin(ACTOR).migrate_files(progress=tick)
    after = exchange_format(session.home)
    value = {
        "format_before": before,
        "format": after,
        "current": result.current,
        "migrated": result.migrated,
        "left_alone": _addressed(result.left_alone),
    }
    session.show(value, lambda: _draw_result(before, after, result))
    return result.left_alone


def _shown(found: FolderVersions) -> dict[str, object]:
    return {
        "format": found.format,
        "newest_format": found.newest_format,
        "files": {str(version): count for version, count in found.files.items()},
        "newest_files": found.newest_files,
        "missing": found.missing,
        "left_alone": _addressed(found.left_alone),
    }


def _addressed(left: Sequence[LeftAlone]) -> list[dict[str, str]]:
    """With the commands in their reasons as they have to be typed for the folder that was named."""
    return [attrs.asdict(attrs.evolve(one, reason=output.addressed(one.reason))) for one in left]


def _draw_versions(found: FolderVersions) -> None:
    draw_fields({"exchange.db": _format_told(found)})
    rows = [(str(version), str(count), _way(version)) for version, count in found.files.items()]
    if found.missing:
        rows.append(("none yet", str(found.missing), "made when it is next read"))
    columns = [Column("Version"), Column("Users' files", right=True), Column("How it gets to this one", wrap=True)]
    draw_table(columns, rows, title=f"Users' files, of which version {found.newest_files} is the newest")
    _draw_left(found.left_alone, "Cannot be migrated")


def _format_told(found: FolderVersions) -> str:
    if found.format == found.newest_format:
        return f"format {found.format}, which is the newest"
    return f"format {found.format}; {found.newest_format} is the newest, which adds: {'; '.join(found.format_steps)}"


def _way(version: int) -> str:
    steps = steps_from(version)
    if not steps:
        return "it is the newest"
    return "made anew from the journal" if needs_journal(version) else f"adds: {'; '.join(step.what for step in steps)}"


def _draw_plan(found: FolderVersions) -> None:
    exchange = f"would go from format {found.format} to {found.newest_format}"
    draw_fields(
        {
            "exchange.db": exchange if found.format < found.newest_format else "is of the newest format",
            "Users' files to migrate": str(found.outdated),
            "Of the newest version": str(found.files.get(found.newest_files, 0)),
            "Left alone": str(len(found.left_alone)),
        }
    )
    _draw_left(found.left_alone, "Cannot be migrated")
    output.notice("Nothing was changed.")


def _draw_result(before: int | None, after: int | None, result: Migrated) -> None:
    draw_fields(
        {
            "exchange.db": "was of the newest format" if before == after else f"went from format {before} to {after}",
            "Users' files migrated": str(result.migrated),
            "Of the newest version before": str(result.current),
            "Left alone": str(len(result.left_alone)),
        }
    )
    _draw_left(result.left_alone, "Left alone")


def _draw_left(left: Sequence[LeftAlone], title: str) -> None:
    if left:
        rows = [(one.user_id, one.file, output.addressed(one.reason)) for one in left]
        draw_table([Column("User"), Column("File", spare=True, wrap=True), Column("Why", wrap=True)], rows, title=title)
