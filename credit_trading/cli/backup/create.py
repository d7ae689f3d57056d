"""`backup create`: a set for an archive, or one user's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from credit_trading.cli import output
from credit_trading.cli.backup.group import backup
from credit_trading.cli.backup.list import size
from credit_trading.cli.command import REFUSED
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_fields, moment

if TYPE_CHECKING:
    from credit_trading.backup.creation import Created, SkippedUser
    from credit_trading.backup.plain import PlainCopy
    from credit_trading.backup.planning import Kind


@backup.command(
    examples=[
        "backup create --to /srv/backups",
        "backup create --to /srv/backups --full",
        "backup create --to s3://bucket/folder --incremental --json",
        "backup create --user ann --to ann.db",
    ]
)
@click.option(
    "--to",
    "place",
    required=True,
    metavar="PLACE",
    help="The archive: a folder, or s3://bucket/folder; with --user a new file.",
)
@click.option("--full", is_flag=True, help="All users' files and the whole journal.")
@click.option(
    "--incremental", is_flag=True, help="Only what has changed since the newest set. This is so where there is one."
)
@click.option(
    "--user", "user_id", metavar="ID", help="Only this user's file, as one plain SQLite file that any tool opens."
)
@click.pass_obj
@click.pass_context
def create(
    ctx: click.Context, session: Session, place: str, full: bool, incremental: bool, user_id: str | None
) -> None:
    """Adds a set to an archive while everybody trades on. It is there once it is complete.

    Interrupted and started again it goes on with what it has copied. A user whose file cannot be copied holds up nobody: it is said, the
    set is completed, the next one tries again, and the command ends with 1.
    """
    if full and incremental:
        raise click.UsageError("Give --full or --incremental, not both.")
    if user_id is not None:
        if full or incremental:
            raise click.UsageError("With --user there is no --full and no --incremental.")
        with session.admin() as admin:
            copy = admin.backups.create_user(user_id, place)
        shown = {"user_id": user_id, "path": str(copy.path), "sequence": copy.sequence, "size_bytes": copy.size_bytes}
        session.show(shown, lambda: _draw_copy(copy))
        return
    kind: Kind | None = "full" if full else "incremental" if incremental else None
    with output.progress("Backing up") as tick, session.admin() as admin:
        created = admin.backups.create(place, kind, progress=tick)
        same_disk = _is_same_disk(place, session.home)
    for one in created.skipped:
        output.warn(f"{one.user_id} was not copied{_instead(one)}: {one.problem}")
    for told in created.notes:
        output.warn(told)
    session.show(created, lambda: _draw(created))
    if created.began_archive:
        output.notice(f"A new archive was begun at {created.place}.")
    if same_disk:
        output.notice("The archive lies on the same disk as the exchange: one broken disk takes both.")
    if created.skipped:
        ctx.exit(REFUSED)


def _draw(created: Created) -> None:
    taken_over = f", {created.taken_over} of them by a backup that was interrupted" if created.taken_over else ""
    draw_fields(
        {
            "Set": created.set,
            "Kind": f"incremental, adds to {created.base}" if created.base else created.kind,
            "As of": f"sequence {created.sequence}, {moment(created.as_of)} UTC",
            "Users' files": f"{created.users}{taken_over}",
            "Not copied": str(len(created.skipped)) if created.skipped else "none",
            "Written": size(created.size_bytes),
            "Took": f"{created.seconds:.1f} s",
        }
    )


def _instead(one: SkippedUser) -> str:
    return f" (the copy of {one.carried_over_from} was taken instead)" if one.carried_over_from else ""


def _draw_copy(copy: PlainCopy) -> None:
    draw_fields(
        {
            "User": copy.user_id,
            "File": str(copy.path),
            "As of": f"sequence {copy.sequence}",
            "Size": size(copy.size_bytes),
        }
    )


def _is_same_disk(place: str, home: Path) -> bool:
    """Of folders only; elsewhere is elsewhere."""
    folder = Path(place)
    return "://" not in place and folder.is_dir() and folder.stat().st_dev == home.stat().st_dev
