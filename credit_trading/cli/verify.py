"""`verify`: whether everything is as it must be."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table
from credit_trading.trading.verify import Verification


@click.command(cls=Command, examples=["verify", "verify --json"])
@click.pass_obj
@click.pass_context
def verify(ctx: click.Context, session: Session) -> None:
    """Checks all there is: journal, balances, books, files. Ends with 1 if it finds anything.

    It replays the journal from the beginning, checks every invariant, and rebuilds every user's file beside the real one to compare
    the two.
    """
    with output.progress("Verifying") as tick, session.admin() as admin:
        result = admin.verify(progress=tick)
    session.show(result, lambda: draw_verification(result))
    if result.findings:
        ctx.exit(REFUSED)


def draw_verification(result: Verification) -> None:
    draw_fields(
        {
            "Sequence": str(result.sequence),
            "State digest": result.state_digest,
            "Users": str(result.users),
            "Findings": str(len(result.findings)) if result.findings else "none",
        }
    )
    if result.findings:
        rows = [(finding.where, finding.problem) for finding in result.findings]
        draw_table([Column("Where", wrap=True), Column("Problem", wrap=True)], rows)
