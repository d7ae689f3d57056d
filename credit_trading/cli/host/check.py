"""`host check` and `host repair`: whether the host's database shows what the journal leads to, and making it so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED
from credit_trading.cli.counts import counted
from credit_trading.cli.host.group import host
from credit_trading.cli.host.session import HostSession, pass_host
from credit_trading.cli.tables import Column, draw_fields, draw_table

if TYPE_CHECKING:
    from credit_trading.host.checking.difference import Difference


@host.command(examples=["host check", "host check --json"])
@pass_host
@click.pass_context
def check(ctx: click.Context, session: HostSession) -> None:
    """Compares every balance, order, statistic, activity entry and request there with the journal. Ends with 1 if any differs.

    Trading and following go on meanwhile. Nothing is changed. What the host keeps in tables of its own is compared through its adapter.
    """
    with output.progress("Comparing") as tick, session.admin() as admin:
        found = admin.host.check(progress=tick)
    value = {
        "sequence": found.sequence,
        "rows": found.rows,
        "differences": list(map(_shown, found.differences)),
        "untold": found.untold,
    }

    def draw() -> None:
        differences = len(found.differences) + found.untold
        draw_fields(
            {
                "Shown up to": str(found.sequence) if found.rows else None,
                "Rows": ", ".join(f"{table} {rows}" for table, rows in found.rows.items()) or "not compared",
                "Differences": str(differences) if differences else "none",
            }
        )
        _draw(found.differences, found.untold)
        _advise(found.differences, "To put right what the journal can tell: credit-trading host repair")

    session.show(value, draw)
    if not found.is_fine:
        ctx.exit(REFUSED)


@host.command(examples=["host repair --dry-run", "host repair", "host repair --own-tables"])
@click.option("--dry-run", is_flag=True, help="Only show what differs.")
@click.option(
    "--own-tables", is_flag=True, help="Also correct what the host keeps in tables of its own, by its adapter."
)
@click.option(
    "--other-history",
    is_flag=True,
    help="The exchange was put back to an earlier moment, or is another branch: derive everything from it.",
)
@pass_host
@click.pass_context
def repair(ctx: click.Context, session: HostSession, dry_run: bool, own_tables: bool, other_history: bool) -> None:
    """Makes each row that differs from the journal as it must be, and keeps the row before and after in trading_repairs.

    It ends with 1 if something is left that it does not change; with --dry-run if anything differs.
    """
    with output.progress("Repairing") as tick, session.admin() as admin:
        done = admin.host.repair(dry_run=dry_run, own_tables=own_tables, other_history=other_history, progress=tick)
    value = {
        "sequence": done.sequence,
        "changed": done.changed,
        "differences": list(map(_shown, done.differences)),
        "untold": done.untold,
        "left": list(map(_shown, done.left)),
    }

    def draw() -> None:
        verb = "would be changed" if dry_run else "changed"
        output.say(f"{counted(done.changed, 'row')} {verb}, {counted(len(done.left), 'difference')} left")
        if dry_run:
            _draw(done.differences, done.untold)
        else:
            _draw(done.left)
        _advise(done.left)

    session.show(value, draw)
    if done.left or (dry_run and done.differences):
        ctx.exit(REFUSED)


def _shown(difference: Difference) -> dict[str, str | None]:
    """As plain text: names of tables carry marks of SQLAlchemy's."""
    values = attrs.asdict(difference)
    return {name: None if value is None else str(value) for name, value in values.items()}


def _advise(differences: Sequence[Difference], usual: str = "") -> None:
    """What to do, in a line on standard error."""
    columns = {one.column for one in differences if one.table.endswith("position")}
    if "exchange_id" in columns:
        usual = "Use the folder of that exchange, or tables of other names: CREDIT_TRADING_HOST_PREFIX=trading2_."
    elif columns & {"sequence", "hash"}:
        usual = "If the exchange was put back to an earlier moment: credit-trading host repair --other-history"
    if differences and usual:
        output.notice(usual)


def _draw(differences: Sequence[Difference], untold: int = 0) -> None:
    if differences:
        columns = [Column("Where", wrap=True), Column("Problem", wrap=True)]
        draw_table(columns, [(one.where, one.what) for one in differences])
    if untold:
        output.notice(f"and {counted(untold, 'more', 'more')}")
