"""`backup prune`: removing sets that no rule keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from credit_trading.cli import output
from credit_trading.cli.backup.group import backup
from credit_trading.cli.backup.list import FROM, size
from credit_trading.cli.command import COUNT
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_table
from credit_trading.journal.log import FILE_NAME

if TYPE_CHECKING:
    from credit_trading.backup.retention import Pruned


@backup.command(
    "prune",
    examples=[
        "backup prune --from /srv/backups --keep-last 24 --keep-daily 14 --keep-weekly 8 --keep-monthly 24",
        "backup prune --from /srv/backups --keep-daily 7 --dry-run",
    ],
)
@FROM
@click.option("--keep-last", type=COUNT, default=0, metavar="N", help="The newest N sets.")
@click.option(
    "--keep-daily",
    type=COUNT,
    default=0,
    metavar="N",
    help="The newest set of each of the latest N days that have one.",
)
@click.option("--keep-weekly", type=COUNT, default=0, metavar="N", help="The same of weeks.")
@click.option("--keep-monthly", type=COUNT, default=0, metavar="N", help="The same of months.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.pass_obj
def prune_(
    session: Session, place: str, keep_last: int, keep_daily: int, keep_weekly: int, keep_monthly: int, dry_run: bool
) -> None:
    """Removes the sets that no rule keeps, and what only they need. Days, weeks and months are those of UTC.

    What a kept set rests on is kept. Refused while the newest set was not verified as it is now. Name the exchange's folder (--home) where
    there is one: then no backup runs meanwhile, and what exchange.db needs of the archive is kept.
    """
    from credit_trading.backup.archive import Archive
    from credit_trading.backup.retention import Rules, prune

    if not any((keep_last, keep_daily, keep_weekly, keep_monthly)):
        raise click.UsageError(
            "Say what to keep: --keep-last, --keep-daily, --keep-weekly or --keep-monthly, with 1 or more."
        )
    rules = Rules(last=keep_last, daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly)
    with output.progress("Removing") as tick:
        if (session.home / FILE_NAME).exists():
            with session.admin() as admin:
                pruned = admin.backups.prune(place, rules, dry_run=dry_run, progress=tick)
        else:
            pruned = prune(Archive.at(place), rules, dry_run=dry_run, progress=tick)
    session.show(pruned, lambda: _draw(pruned))


def _draw(pruned: Pruned) -> None:
    rows = [*((one, "kept", ", ".join(reasons)) for one, reasons in pruned.kept.items())]
    verdict = "would go" if pruned.dry_run else "removed"
    rows += [(one, verdict, "") for one in pruned.removed]
    draw_table([Column("Set"), Column("What"), Column("Why", wrap=True)], sorted(rows))
    would = "would be removed" if pruned.dry_run else "removed"
    sets, objects = counted(len(pruned.removed), "set"), counted(pruned.objects, "object")
    output.notice(f"{sets} and {objects} ({size(pruned.size_bytes)}) {would}.")
