"""`users erase`: a deleted person is forgotten."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_fields


@click.command(
    cls=Command,
    examples=["users erase ann", "users erase ann --now --from /srv/backups", "users erase ann --json"],
)
@click.argument("user_id")
@click.option(
    "--now", is_flag=True, help="Rewrite the archives that --from names at once, not only when they are next pruned."
)
@click.option(
    "--from", "places", multiple=True, metavar="PLACE", help="An archive, with --now; may be given several times."
)
@click.pass_obj
def erase(session: Session, user_id: str, now: bool, places: tuple[str, ...]) -> None:
    """Erases what is personal of a deleted user: notes on the user's commands, kept copies of the file, and all traces in exchange.db.

    The id stays, so that it is never given out again. The journal knows users by number only, and stays whole, as do the books of
    counterparties: a note on a deal of two is theirs, too. Archives follow when they are next pruned, or at once with --now.
    """
    if now != bool(places):
        raise click.UsageError("--now and --from PLACE go together.", click.get_current_context())
    with session.admin() as admin:
        erasure = admin.databases.erase(user_id)
        rewritten = {}
        for place in places:
            with output.progress(f"Rewriting {place}") as tick:
                rewritten[place] = admin.backups.erase_users(place, progress=tick)
    value = {
        "user_id": user_id,
        "notes": erasure.notes,
        "files": [str(path) for path in erasure.files],
        "undecided": [str(path) for path in erasure.undecided],
        "unfinished": [str(path) for path in erasure.unfinished],
        "archives": {
            place: {"sets": one.sets, "files": one.files, "rows": one.rows} for place, one in rewritten.items()
        },
    }
    fields: dict[str, str | None] = {
        "Erased": user_id,
        "Notes": str(erasure.notes),
        "Kept files": str(len(erasure.files)),
    }
    for place, one in rewritten.items():
        fields[f"At {place}"] = f"{one.files} files and {one.rows} rows out of {len(one.sets)} sets"
    session.show(value, lambda: draw_fields({**fields}))
    for path in erasure.undecided:
        output.warn(f"{path} may hold something of the user, and cannot be told: look, and delete it by hand.")
    for path in erasure.unfinished:
        output.warn(
            f"{path} was being written less than a minute ago: erase {user_id} again if it is there in a minute."
        )
    if erasure.undecided or erasure.unfinished:
        click.get_current_context().exit(REFUSED)
    if not places:
        output.notice(
            "Archives follow when they are next pruned: credit-trading backup prune --from PLACE, or --now --from PLACE here."
        )
