"""`verify`: whether everything is as it must be."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table, draw_title
from credit_trading.verify.finding import Finding
from credit_trading.verify.verification import Verification

_COMMAND = re.compile(r"(?:credit-trading|chmod|rm) ")


@click.command(cls=Command, examples=["verify", "verify --deep", "verify --user ann --deep", "verify --json"])
@click.option("--user", "user_id", metavar="ID", help="Only this user's file, and the end of the journal.")
@click.option("--deep", is_flag=True, help="Look at every row of every file, not only at where each stands.")
@click.pass_obj
@click.pass_context
def verify(ctx: click.Context, session: Session, user_id: str | None, deep: bool) -> None:
    """Checks journal, balances, books and files. Ends with 1 if it finds anything.

    Quick: the end of the journal, all that must hold in memory, where every file stands and what it says of balances. With --deep it
    replays the journal from the beginning, rebuilds every user's file beside the real one to compare the two, and reads every page.

    Each finding says which file and row, what was expected and found, and what to do. An exchange that is too damaged to be opened is
    looked at as well.
    """
    with output.progress("Verifying") as tick:
        result = credit_trading.verify_folder(session.home, user_id=user_id, deep=deep, progress=tick)
    result = attrs.evolve(result, findings=list(map(addressed, result.findings)))
    session.show(result, lambda: draw_verification(result))
    if result.findings:
        ctx.exit(REFUSED)


def draw_verification(result: Verification) -> None:
    draw_fields(
        {
            "Sequence": str(result.sequence) if result.state_digest else "not known",
            "State digest": result.state_digest or None,
            "Users": str(result.users),
            "Looked at": _looked_at(result),
            "Findings": str(len(result.findings)) if result.findings else "none",
        }
    )
    for told in result.notes:
        output.say(f"Note: {told}")
    if result.findings:
        draw_findings(result.findings)


def addressed(finding: Finding) -> Finding:
    """Its repair as it has to be typed for the folder that was named."""
    return attrs.evolve(finding, repair=output.addressed(finding.repair))


def draw_findings(findings: Sequence[Finding]) -> None:
    """What is wrong, and below it what helps: each on a line of its own, unbroken, commands first."""
    draw_table(
        [Column(heading, wrap=True) for heading in ("Where", "Problem")],
        [(finding.where, finding.what) for finding in findings],
    )
    draw_title("To do")
    repairs = dict.fromkeys(finding.repair for finding in findings)
    for repair in sorted(repairs, key=lambda repair: _COMMAND.match(repair) is None):
        output.say(repair)


def _looked_at(result: Verification) -> str:
    looked = "everything" if result.deep else "ends and positions (everything: --deep)"
    if result.stopped_at is not None:
        part = "all but what" if result.deep else "ends and positions, but not what"
        return f"{part} follows from sequence {result.stopped_at} on: the journal cannot be replayed beyond that row"
    return looked if result.state_digest else "what can be read without the exchange's state"
