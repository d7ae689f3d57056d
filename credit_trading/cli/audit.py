"""`audit`: who did what, from where, and what it changed."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from credit_trading.cli import output
from credit_trading.cli.command import COUNT, Group
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Cell, Column, draw_fields, draw_table, moment
from credit_trading.trading.audit import AuditEvent
from credit_trading.trading.pages import Page


@click.group(cls=Group, examples=["audit list --user ann"])
def audit() -> None:
    """What happened, who did it and from where; what was refused, too."""


@audit.command(
    "list",
    examples=[
        "audit list",
        "audit list --user ann --from 2026-01-01 --rejected",
        "audit list --actor admin:cli --kind deposited --kind withdrawn --limit 5",
        "audit list --correlation-id request-7 --json",
        "audit list --order 1 --text limit",
    ],
)
@click.option("--user", "user_id", metavar="ID", help="Only what concerns this user; also one who is deleted.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only such events, for example trade. Repeatable.")
@click.option("--actor", metavar="WHO", help="Only what they did: user:ann, admin:cli, or system.")
@click.option("--origin", metavar="TEXT", help="Only what came from there.")
@click.option("--correlation-id", metavar="TEXT", help="Only what was done within that.")
@click.option(
    "--command-id", metavar="ID", help="Only what that command did: in full, or with --user as the user calls it."
)
@click.option("--order", "order_id", type=COUNT, metavar="ORDER_ID", help="Only what became of this order.")
@click.option("--from", "from_", metavar="TIME", help="From then on.")
@click.option("--to", metavar="TIME", help="Before then.")
@click.option("--rejected", is_flag=True, help="Only what was refused.")
@click.option("--text", metavar="TEXT", help="Only what holds this text; all that the others leave is read for it.")
@click.option("--limit", type=COUNT, default=20, show_default=True, metavar="N", help="How many, at most 1,000.")
@click.option("--after", metavar="CURSOR", help="The next page: what the one before has told.")
@click.pass_obj
def list_(session: Session, /, kinds: tuple[str, ...], **asked: Any) -> None:
    """Lists what happened, the latest first.

    A TIME is a date (UTC), or ISO 8601 with an offset. With --json: "items", and "next", with which --after goes on. A page that finds
    little ends early, and says how to go on.
    """
    with session.admin() as admin:
        found = admin.audit.list_events(kind=kinds or None, changes=session.json, **asked)
    session.show({"items": found.items, "next": found.next}, lambda: _draw(found))


@audit.command(examples=["audit show 1", "audit show 2 --json"])
@click.argument("sequence", type=COUNT)
@click.pass_obj
def show(session: Session, sequence: int) -> None:
    """Shows one event: as the journal has it, who caused it, and what it changed."""
    with session.admin() as admin:
        event = admin.audit.get_event(sequence)
    session.show(event, lambda: draw_fields(_fields(event)))


def _draw(found: Page[AuditEvent]) -> None:
    columns = [
        Column("Sequence", right=True),
        Column("Time (UTC)"),
        Column("Event"),
        Column("Users"),
        Column("Actor"),
        Column("Origin", spare=True),
        Column("Correlation id", spare=True),
        Column("Command id", spare=True),
    ]
    rows = [
        (
            str(event.sequence),
            moment(event.event_date),
            event.kind,
            ", ".join(event.users) or None,
            event.actor,
            event.origin,
            event.correlation_id,
            event.cause,
        )
        for event in found
    ]
    draw_table(columns, rows, empty="Nothing such." if found.next is None else "Nothing such so far.")
    if found.next is not None:
        output.notice(f"There is more: --after {found.next}")


def _fields(event: AuditEvent) -> dict[str, Cell]:
    return {
        "Sequence": str(event.sequence),
        "Time (UTC)": event.event_date,
        "Event": event.kind,
        "Users": ", ".join(event.users) or None,
        "Actor": event.actor,
        "Origin": event.origin,
        "Correlation id": event.correlation_id,
        "Command id": event.cause,
        "Remark": event.note,
        "Other side": event.outside,
        "Details": msgspec.json.encode(event.details).decode(),
        **{f"Changes of {user}": _changes(changes) for user, changes in event.changes.items()},
    }


def _changes(changes: dict[str, list[Any]]) -> str:
    """Field by field, from what to what."""
    told = {field: ["-" if value is None else str(value) for value in pair] for field, pair in changes.items()}
    return "; ".join(f"{field}: {before} -> {after}" for field, (before, after) in told.items())
