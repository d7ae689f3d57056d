"""`import`: users and histories from an export, or transactions from elsewhere."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table
from credit_trading.transfer.importing import Imported
from credit_trading.transfer.problems import Problem


@click.command(
    "import", cls=Command, examples=["import everybody.zip --dry-run", "import everybody.zip", "import old-system.csv"]
)
@click.argument("path", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@click.pass_obj
@click.pass_context
def import_(ctx: click.Context, session: Session, path: str, dry_run: bool) -> None:
    """Takes over FILE: a zip file as export makes it, or a .jsonl or .csv file of transactions. All of it or, with a problem, nothing.

    Assets, instruments and users that are missing are created. Transactions become part of each user's history, at the time at which they
    happened; they touch no book and no price. One that is here already, by its reference, with the same content is passed over. Orders and
    what is not settled stay where they are. Every problem is told with file, line and field, and it ends with 1.
    """
    with output.progress("Importing") as tick, session.admin() as admin:
        result = admin.transfer.import_(path, dry_run=dry_run, progress=tick)
    session.show(_shown(result), lambda: _draw(result))
    if result.problems:
        ctx.exit(REFUSED)


def _shown(result: Imported) -> dict[str, object]:
    return {
        "done": result.done,
        "dry_run": result.dry_run,
        "users": result.users,
        "assets": result.assets,
        "instruments": result.instruments,
        "transactions": result.transactions,
        "duplicates": result.duplicates,
        "unsettled_left_out": result.unsettled,
        "orders_left_out": result.orders,
        "open_orders_left_out": result.open_orders,
        "sequence": result.sequence,
        "problems": list(result.problems),
        "problems_cut_off": result.problems_cut_off,
    }


def _draw(result: Imported) -> None:
    if result.problems:
        _draw_problems(result)
        return
    draw_fields(
        {
            "New users": str(result.users),
            "New assets": str(result.assets),
            "New instruments": str(result.instruments),
            "New transactions": str(result.transactions),
            "Here already": str(result.duplicates),
            "Not settled": f"{result.unsettled} left out" if result.unsettled else "none",
            "Orders left out": f"{result.orders} ({result.open_orders} open)" if result.orders else "none",
        }
    )
    if result.unsettled:
        output.notice("What is pending, cancelled or failed elsewhere moved nothing: it stays there.")
    if result.open_orders:
        output.notice("Orders of elsewhere are not orders here: place those that are wanted anew.")
    if result.dry_run:
        output.notice("Nothing was changed: a dry run.")


def _draw_problems(result: Imported) -> None:
    columns = [Column("File"), Column("Line", right=True), Column("Field"), Column("Problem", wrap=True)]
    draw_table(columns, map(_row, result.problems))
    more = "; the rest was not looked at" if result.problems_cut_off else ""
    output.fail(f"{counted(len(result.problems), 'problem')}{more}; nothing was changed.")


def _row(one: Problem) -> tuple[str, str | None, str | None, str]:
    return one.file, None if one.line is None else str(one.line), one.field, one.problem
