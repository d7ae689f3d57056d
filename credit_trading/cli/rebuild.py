"""`rebuild`: users' files made anew from the journal."""

from __future__ import annotations

import sys

import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table
from credit_trading.errors import InvalidInput
from credit_trading.users.repair import Rebuilt, RebuiltAll


@click.command(cls=Command, examples=["rebuild ann", "rebuild ann --accept-loss", "rebuild --all --yes"])
@click.argument("user_id", required=False)
@click.option("--all", "everybody", is_flag=True, help="Every user's file, whatever its state.")
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Also where facts are lost that the journal does not know. The old file is kept.",
)
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
@click.pass_obj
@click.pass_context
def rebuild(
    ctx: click.Context, session: Session, user_id: str | None, everybody: bool, accept_loss: bool, yes: bool
) -> None:
    """Makes a user's file anew from the journal. What was there is kept in the folder "quarantine"; nothing is deleted.

    A file that is as the journal gives it stays as it is. Private tables are carried over; where they cannot be read, the file is left
    alone unless you accept their loss. With --all it ends with 1 if a file was left alone.
    """
    if everybody == (user_id is not None):
        raise click.UsageError("Give a user, or --all.")
    if user_id is not None:
        with session.admin() as admin:
            one = admin.databases.rebuild(user_id, accept_loss=accept_loss)
        session.show(_shown(one), lambda: _draw(one))
        return
    if not yes:
        _ask()
    with output.progress("Rebuilding") as tick, session.admin() as admin:
        result = admin.databases.rebuild_all(accept_loss=accept_loss, progress=tick)
    session.show(_all_shown(result), lambda: _draw_all(result))
    if result.refused:
        ctx.exit(REFUSED)


def _ask() -> None:
    """Raises InvalidInput unless a person says yes."""
    if not sys.stdin.isatty():
        raise InvalidInput("rebuild", "", "not confirmed, and nobody is there to ask", hint="Say it: --yes.")
    if not click.confirm(
        "Look at every user's file, and make those anew that are not as the journal gives them?", err=True
    ):
        raise InvalidInput("rebuild", "", "not confirmed; nothing was changed")


def _shown(one: Rebuilt) -> dict[str, object]:
    return {
        "user_id": one.user_id,
        "path": str(one.path),
        "changed": one.changed,
        "kept": None if one.kept is None else str(one.kept),
        "differing_rows": one.differing_rows,
        "carried_over": list(one.carried_over),
        "left_behind": list(one.left_behind),
    }


def _all_shown(result: RebuiltAll) -> dict[str, object]:
    return {
        "unchanged": result.unchanged,
        "rebuilt": [_shown(one) for one in result.rebuilt],
        "refused": [{"user_id": user_id, "problem": output.addressed(str(error))} for user_id, error in result.refused],
    }


def _draw(one: Rebuilt) -> None:
    if not one.changed:
        output.say(f"{one.user_id}: the file is as the journal gives it; nothing was changed")
        return
    draw_fields(
        {
            "Rebuilt": one.user_id,
            "File": str(one.path),
            "Old file": "there was none" if one.kept is None else str(one.kept),
            "Rows that differed": _differing(one),
            "Private tables carried over": ", ".join(one.carried_over) or "none",
            "Private tables in the old file only": ", ".join(one.left_behind) or "none",
        }
    )


def _differing(one: Rebuilt) -> str:
    if one.differing_rows is None:
        return "not known"
    return ", ".join(f"{table} {count}" for table, count in one.differing_rows.items()) or "none"


def _draw_all(result: RebuiltAll) -> None:
    draw_fields(
        {
            "Rebuilt": str(len(result.rebuilt)),
            "As they should be": str(result.unchanged),
            "Left alone": str(len(result.refused)),
        }
    )
    if result.rebuilt:
        rows = [(one.user_id, "" if one.kept is None else one.kept.name) for one in result.rebuilt]
        draw_table([Column("User"), Column("Old file, in the folder quarantine", wrap=True)], rows, title="Rebuilt")
    if result.refused:
        refused = [(user_id, output.addressed(str(error))) for user_id, error in result.refused]
        draw_table([Column("User"), Column("Why", wrap=True)], refused, title="Left alone")
