"""`backup verify`: whether a set is whole, and with --deep whether it can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.backup.group import backup
from credit_trading.cli.backup.list import FROM, size
from credit_trading.cli.command import REFUSED
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_fields
from credit_trading.cli.verify import draw_findings
from credit_trading.verify.finding import Finding

if TYPE_CHECKING:
    from credit_trading.backup.verification import SetVerification


@backup.command(
    examples=[
        "backup verify --from /srv/backups",
        "backup verify --from /srv/backups --deep",
        "backup verify 20261121-020000-000000 --from /srv/backups --json",
    ]
)
@click.argument("set_id", metavar="[SET]", required=False)
@FROM
@click.option("--deep", is_flag=True, help="Restore it into a scratch folder, and look at every row of every file.")
@click.pass_obj
@click.pass_context
def verify(ctx: click.Context, session: Session, set_id: str | None, place: str, deep: bool) -> None:
    """Checks a set, the newest if none is named, and those on which it rests. Ends with 1 if it finds anything.

    Quick: every object is read and compared with what was written. With --deep the set is restored into a scratch folder (in TMPDIR, which
    needs the room), each file is checked by SQLite, the journal is replayed from the beginning and every user's file compared with it.

    What was found is kept in the archive: sets are not pruned while the newest one was never verified.
    """
    from credit_trading.backup.archive import Archive
    from credit_trading.backup.verification import look

    with output.progress("Verifying") as tick:
        result = look(Archive.at(place), set_id, deep=deep, check=everything_in, progress=tick)
    session.show(result, lambda: _draw(result))
    if result.findings:
        ctx.exit(REFUSED)


def everything_in(home: Path) -> Sequence[Finding]:
    """What a deep verification of a restored folder finds."""
    return credit_trading.verify_folder(home, deep=True).findings


def _draw(result: SetVerification) -> None:
    draw_fields(
        {
            "Set": result.set,
            "Rests on": ", ".join(result.rests_on) or "no other",
            "As of": result.as_of,
            "Sequence": None if result.sequence is None else str(result.sequence),
            "Users": None if result.users is None else str(result.users),
            "Read": f"{counted(result.objects, 'object')}, {size(result.size_bytes)}",
            "Looked at": "everything, restored" if result.deep else "objects and hashes (restoring it: --deep)",
            "Findings": str(len(result.findings)) if result.findings else "none",
        }
    )
    for told in result.notes:
        output.say(f"Note: {told}")
    if result.findings:
        draw_findings(result.findings)
