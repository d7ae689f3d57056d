"""`host requests`: what the host has asked for, and what became of it."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import COUNT, Group, Words
from credit_trading.cli.host.group import host
from credit_trading.cli.host.session import HostSession, pass_host
from credit_trading.cli.tables import Cell, Column, draw_fields, draw_more, draw_table, moment
from credit_trading.host.request import RequestStatus
from credit_trading.host.rows import RequestRow

_COLUMNS = (
    Column("Request"),
    Column("Kind"),
    Column("User"),
    Column("Amount", right=True),
    Column("Asset"),
    Column("Project", spare=True),
    Column("Status"),
    Column("Created (UTC)", spare=True),
    Column("What came of it", wrap=True),
)


@host.group(cls=Group, examples=["host requests list", "host requests list --status set-aside"])
def requests() -> None:
    """Rows that the host has written to move credits: deposits, withdrawals, projects that it retires."""


@requests.command("list", examples=["host requests list", "host requests list --status held --limit 20"])
@click.option("--status", type=Words([status.value.replace("_", "-") for status in RequestStatus]), help="Only these.")
@click.option("--hanging", is_flag=True, help="Only those that have waited for longer than the settings allow.")
@click.option("--limit", type=COUNT, default=100, show_default=True, metavar="N", help="How many, the oldest first.")
@click.option("--after", metavar="ID", help="Go on after this one.")
@pass_host
def list_(session: HostSession, status: str | None, hanging: bool, limit: int, after: str | None) -> None:
    """Lists requests and what came of each: new, held, done, refused, released, or set aside because it can be no command."""
    if hanging and (status or after):
        raise click.UsageError("--hanging stands alone.")
    with session.admin() as admin:
        found = admin.host.requests
        status = status.replace("-", "_") if status else None
        rows = found.hanging()[:limit] if hanging else found.list(status, limit=limit, after=after)
        is_full = len(rows) == limit and not hanging
        then = rows[-1]["id"] if is_full and found.list(status, limit=1, after=rows[-1]["id"]) else None

    def draw() -> None:
        draw_table(_COLUMNS, map(_row, rows), empty="There are none.")
        draw_more(then)

    session.show([_shown(row) for row in rows], draw)


@requests.command(examples=["host requests show r-1", "host requests show r-1 --json"])
@click.argument("request_id", metavar="ID")
@pass_host
def show(session: HostSession, request_id: str) -> None:
    """Shows one request with everything that is known of it."""
    with session.admin() as admin:
        row = admin.host.requests.get(request_id)
    session.show(_shown(row), lambda: _draw(row))


@requests.command(examples=["host requests retry r-1"])
@click.argument("request_id", metavar="ID")
@pass_host
def retry(session: HostSession, request_id: str) -> None:
    """Tries one that was set aside once more, at the next synchronization: after the user, asset or project was added."""
    with session.admin() as admin:
        row = admin.host.requests.retry(request_id)
    session.show(_shown(row), lambda: output.say(f"{row['id']}: {row['status']}"))


def _draw(row: RequestRow) -> None:
    fields: dict[str, Cell] = {
        name.replace("_", " ").capitalize(): None if value is None else str(value)
        for name, value in _shown(row).items()
    }
    draw_fields(fields)


def _row(row: RequestRow) -> tuple[Cell, ...]:
    return (
        row["id"],
        row["kind"],
        row["user_id"],
        row["amount"],
        row["asset"],
        row["project_id"],
        row["status"],
        moment(row["created_at"].isoformat()),
        _came_of_it(row),
    )


def _came_of_it(row: RequestRow) -> str | None:
    """Why not, or where in the journal; and whether the host's own side has still to be done again."""
    told = row["sentence"] or (None if row["sequence"] is None else f"event {row['sequence']}")
    return f"{told or row['status']}; reapply" if row["reapply"] else told


def _shown(row: RequestRow) -> dict[str, object]:
    """Times as everywhere: ISO 8601 in UTC."""
    times = {
        name: None if (at := row[name]) is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name in ("created_at", "updated_at")
    }
    return {**row, **times}
