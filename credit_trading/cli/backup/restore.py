"""`backup restore`: what an archive holds, put back."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.backup.group import backup
from credit_trading.cli.backup.list import FROM
from credit_trading.cli.command import COUNT, REFUSED
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_fields
from credit_trading.cli.verify import draw_findings
from credit_trading.clock import parse_time
from credit_trading.verify.finding import Finding

if TYPE_CHECKING:
    from credit_trading.backup.restoring import Restored


class Moment(click.ParamType[int]):
    """A time with an offset, as microseconds."""

    name = "time"

    def convert(self, value: int | str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_time(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}. For example 2026-11-01T12:00:00Z.", param, ctx)


@backup.command(
    "restore",
    examples=[
        "backup restore --from /srv/backups --to database/restored",
        "backup restore --from /srv/backups --to database/noon --at 2026-11-01T12:00:00Z",
        "backup restore 20261121-020000-000000 --from /srv/backups --to database/restored",
        "backup restore --from /srv/backups --user ann",
        "backup restore --from /srv/backups --user ann --to ann-noon.db --at 2026-11-01T12:00:00Z",
        "backup restore --from /srv/backups --exchange-db",
    ],
)
@click.argument("set_id", metavar="[SET]", required=False)
@FROM
@click.option(
    "--to",
    "target",
    metavar="DIR",
    help="The folder to make. It must not exist, or be empty. With --user, the file to make.",
)
@click.option("--user", "user_id", metavar="USER_ID", help="One user, put back in place; with --to into a file.")
@click.option("--exchange-db", is_flag=True, help="A lost exchange.db, put back in place.")
@click.option(
    "--at", "time_us", type=Moment(), metavar="TIME", help="As of this time: after the last event until then."
)
@click.option("--sequence", type=COUNT, help="As of this event.")
@click.pass_obj
@click.pass_context
def restore_(
    ctx: click.Context,
    session: Session,
    set_id: str | None,
    place: str,
    target: str | None,
    user_id: str | None,
    exchange_db: bool,
    time_us: int | None,
    sequence: int | None,
) -> None:
    """Restores the whole folder to a new place, one user, or a lost exchange.db: as of the newest set, another one, a time or an event.

    A folder: nothing that is there is touched, and one that is cut off does not appear under its name. Point the program at it to use it:
    credit-trading --home DIR.

    One user in place, while everybody trades: what the journal knows is as of now, and only private tables are as of the copy; the file
    of before is kept in the folder "quarantine". With --to, the user as of then in a read-only file.

    A lost exchange.db: what users' files know beyond the archive is kept and told. Ends with 1 if not everything came back.
    """
    if sequence is not None and time_us is not None:
        raise click.UsageError("Give --at or --sequence, not both.")
    if exchange_db:
        if user_id is not None or target is not None or sequence is not None or time_us is not None:
            raise click.UsageError("With --exchange-db give a set at most; it comes back in place, as of that set.")
        from credit_trading.cli.backup.restore_exchange_db import restore_lost

        restore_lost(ctx, session, place, set_id)
        return
    if user_id is not None:
        from credit_trading.cli.backup.restore_user import restore_in_place, restore_into_file

        if target is None:
            restore_in_place(session, place, user_id, set_id, sequence=sequence, time_us=time_us)
        else:
            restore_into_file(session, place, user_id, target, set_id, sequence=sequence, time_us=time_us)
        return
    if target is None:
        raise click.UsageError("Say what: --to DIR for the whole folder, --user USER_ID, or --exchange-db.")
    _restore_folder(ctx, session, place, Path(target), set_id, sequence, time_us)


def _restore_folder(
    ctx: click.Context,
    session: Session,
    place: str,
    home: Path,
    set_id: str | None,
    sequence: int | None,
    time_us: int | None,
) -> None:
    from credit_trading.backup.archive import Archive
    from credit_trading.backup.restoring import restore

    with output.progress("Restoring") as tick:
        result = restore(
            Archive.at(place),
            home,
            set_id=set_id,
            sequence=sequence,
            time_us=time_us,
            check=_look_at,
            progress=tick,
        )
    result = attrs.evolve(result, notes=[*result.notes, _about_schedules(home)])
    session.show(_shown(result), lambda: _draw(result))
    if result.findings or result.without_private_facts:
        ctx.exit(REFUSED)


def _about_schedules(home: Path) -> str:
    command = f"credit-trading --home {shlex.quote(str(home))} jobs init --to PLACE"
    return f"Schedules (jobs.toml) are in no archive: nothing backs this folder up until you set them up: {command}"


def _look_at(home: Path) -> Sequence[Finding]:
    return credit_trading.verify_folder(home).findings


def _shown(result: Restored) -> dict[str, object]:
    shown = attrs.asdict(result, filter=attrs.filters.exclude("home", "time_us", "sources", "findings"))
    return {
        "home": str(result.home),
        "as_of": result.as_of,
        **shown,
        "findings": [attrs.asdict(finding) for finding in result.findings],
    }


def _draw(result: Restored) -> None:
    draw_fields(
        {
            "Restored": str(result.home),
            "From": result.set,
            "As of": result.as_of,
            "Sequence": str(result.sequence),
            "Users": str(result.users),
            "Files from copies": str(result.files),
            "Files from the journal": str(result.made_anew),
            "Private facts lost": ", ".join(result.without_private_facts) or "none",
            "Findings": str(len(result.findings)) if result.findings else "none",
        }
    )
    for told in result.notes:
        output.say(f"Note: {told}")
    if result.findings:
        draw_findings(result.findings)
