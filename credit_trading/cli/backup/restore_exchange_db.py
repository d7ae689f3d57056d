"""`backup restore --exchange-db`: the one file that all others follow, lost and made anew.

Here: running it, a look at the folder afterwards, and what is shown. Never here: the command's options (restore).
"""

from __future__ import annotations

import attrs
import click

import credit_trading
from credit_trading.backup.archive import Archive
from credit_trading.backup.lost_exchange_db import restore_exchange_db
from credit_trading.backup.lost_files import LostFile
from credit_trading.backup.recovery import Recovered
from credit_trading.cli import output
from credit_trading.cli.command import REFUSED
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table, moment
from credit_trading.cli.verify import draw_findings
from credit_trading.verify.finding import Finding


def restore_lost(ctx: click.Context, session: Session, place: str, set_id: str | None) -> None:
    """Ends with 1 if private facts are lost, a file was left alone, or something is wrong in the folder."""
    with output.progress("Restoring") as tick:
        result = restore_exchange_db(Archive.at(place), session.home, set_id=set_id, progress=tick)
    findings = list(credit_trading.verify_folder(session.home).findings)
    session.show(_shown(result, findings), lambda: _draw(result, findings))
    if findings or result.without_private_facts or result.left_alone:
        ctx.exit(REFUSED)


def _shown(result: Recovered, findings: list[Finding]) -> dict[str, object]:
    return {
        "path": str(result.path),
        "set": result.set,
        "sequence": result.sequence,
        "as_of": result.as_of,
        "users": result.users,
        "looked_at": result.looked_at,
        "beyond": [_file(one) for one in result.lost],
        "restored": result.restored,
        "without_private_facts": result.without_private_facts,
        "left_alone": [{"file": name, "problem": problem} for name, problem in result.left_alone],
        "aside": [str(path) for path in result.aside],
        "notes": result.notes,
        "findings": [attrs.asdict(finding) for finding in findings],
    }


def _file(one: LostFile) -> dict[str, object]:
    """In numbers: all of it is in the report."""
    return {
        "file": one.name,
        "user_id": one.user_id,
        "why": one.why,
        "sequence": one.sequence,
        "kept": None if one.kept is None else str(one.kept),
        "report": None if one.report is None else str(one.report),
        "events": len(one.beyond.events),
        "transactions": len(one.beyond.transactions),
        "orders": one.beyond.orders,
        "private_tables": one.beyond.private_tables,
        "carried_over": list(one.carried_over),
    }


def _draw(result: Recovered, findings: list[Finding]) -> None:
    draw_fields(
        {
            "Restored": str(result.path),
            "From": result.set,
            "As of": f"sequence {result.sequence}, {moment(result.as_of)} UTC",
            "Users": str(result.users),
            "Files looked at": str(result.looked_at),
            "Not on its history": str(len(result.lost)) if result.lost else "none",
            "Put back from copies": ", ".join(result.restored) or "none",
            "Private facts lost": ", ".join(result.without_private_facts) or "none",
            "Also put aside": ", ".join(path.name for path in result.aside) or "nothing",
            "Findings": str(len(findings)) if findings else "none",
        }
    )
    if result.lost:
        columns = [
            Column("User"),
            Column("Why", wrap=True),
            Column("Events", right=True),
            Column("Transactions", right=True),
            Column("Orders", right=True),
            Column("Private tables", wrap=True),
            Column("Kept in quarantine", wrap=True),
        ]
        draw_table(columns, [_row(one) for one in result.lost], title="Beyond the restored exchange.db")
        output.notice("All that a file holds beyond it is told beside the kept one, in a file of its name and .json.")
    for name, problem in result.left_alone:
        output.say(f"Left alone: {name}: {problem}")
    for told in result.notes:
        output.say(f"Note: {told}")
    if findings:
        draw_findings(findings)


def _row(one: LostFile) -> tuple[str | None, ...]:
    return (
        one.user_id,
        one.why,
        str(len(one.beyond.events)),
        str(len(one.beyond.transactions)),
        str(one.beyond.orders),
        ", ".join(one.beyond.private_tables) or None,
        None if one.kept is None else one.kept.name,
    )
