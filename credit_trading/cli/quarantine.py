"""`quarantine`: users' files that are not used because something is wrong with them."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import Group
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_table, moment
from credit_trading.users.kept import FOLDER


@click.group(cls=Group, examples=["quarantine list"])
def quarantine() -> None:
    """Users' files that were found damaged or foreign. Nobody uses them before they are rebuilt or released; their users trade on."""


@quarantine.command("list", examples=["quarantine list", "quarantine list --json"])
@click.pass_obj
def list_(session: Session) -> None:
    """Lists them: whose, since when, and what was found."""
    with session.admin() as admin:
        found = admin.databases.list_quarantined()
    value: list[dict[str, object]] = [
        {
            "user_id": one.user_id,
            "path": str(one.path),
            "since": one.since,
            "code": one.code,
            "problem": one.problem,
        }
        for one in found
    ]
    columns = [
        Column("User"),
        Column("Since (UTC)"),
        Column("Problem", wrap=True),
        Column("File", spare=True, wrap=True),
    ]
    kept = _kept(session)
    rows = [(one.user_id, moment(one.since), one.problem, one.path.name) for one in found]

    def draw() -> None:
        if rows:
            draw_table(columns, rows)
        else:
            output.notice("No file is in quarantine.")
        if kept:
            output.notice(
                f"{counted(kept, 'file')} of before, kept by repairs and restores, in {session.home / FOLDER}: nothing uses them."
            )

    session.show(value, draw)


@quarantine.command(examples=["quarantine release ann"])
@click.argument("user_id")
@click.pass_obj
def release(session: Session, user_id: str) -> None:
    """Looks at a file again, and lets it be used if it is whole."""
    with session.admin() as admin:
        was_listed = admin.databases.release(user_id)
    told = "released; its file is whole" if was_listed else "was not in quarantine; its file is whole"
    session.show({"user_id": user_id, "released": was_listed}, lambda: output.say(f"{user_id}: {told}"))


def _kept(session: Session) -> int:
    """Files that repairs and restores have put aside; those who wonder where theirs went look here."""
    return len(list((session.home / FOLDER).glob("*.db")))
