"""`host activity` and `host activity-daily`: what happened, as the host's database has it, and what it adds up to."""

from __future__ import annotations

from typing import Any

import click

from credit_trading.cli.command import COUNT, Words
from credit_trading.cli.host.group import host
from credit_trading.cli.host.session import HostSession, pass_host
from credit_trading.cli.tables import Column, draw_more, draw_table, moment
from credit_trading.host.entries.entry import EntryType

_TYPE = Words([one.value.replace("_", "-") for one in EntryType])
_GROUPS = {
    "day": "day",
    "type": "type",
    "project": "project_id",
    "user": "user_id",
    "asset": "asset",
    "currency": "currency",
}


@host.command(
    examples=[
        "host activity",
        "host activity --user ann --type trade --type order-filled",
        "host activity --project p-7 --since 2026-01-01 --until 2026-02-01 --json",
        "host activity --text 'VCS-1340-2020 from bob' --limit 5",
    ]
)
@click.option("--type", "types", type=_TYPE, multiple=True, metavar="TYPE", help="Only such entries. Repeatable.")
@click.option("--user", "user_id", metavar="ID", help="Only what this user did, or was the other side of.")
@click.option("--project", "project_id", metavar="ID", help="Only of this project.")
@click.option("--instrument", metavar="SYMBOL", help="Only of this instrument.")
@click.option("--asset", metavar="CODE", help="Only of this asset.")
@click.option("--order", "order_id", type=COUNT, metavar="ORDER_ID", help="Only of this order.")
@click.option("--actor", metavar="WHO", help="Only what they did: user:ann, admin:cli, or exchange.")
@click.option("--since", metavar="TIME", help="From then on.")
@click.option("--until", metavar="TIME", help="Before then.")
@click.option("--text", metavar="TEXT", help="Only sentences that hold this text, in capitals or not.")
@click.option("--limit", type=COUNT, default=20, show_default=True, metavar="N", help="How many, at most 1,000.")
@click.option("--after", metavar="CURSOR", help="The next page: what the one before has told.")
@pass_host
def activity(session: HostSession, /, types: tuple[str, ...], **asked: Any) -> None:
    """Lists what happened, the latest first, as the host's database has it.

    A TIME is a date (UTC), or ISO 8601 with an offset. With --json: "items", and "next", with which --after goes on.

    A TYPE is order_placed, order_partly_filled, order_filled, order_canceled, order_expired, order_rejected, order_amended,
    order_triggered, trade, trade_busted, deposit, withdrawal, withdrawal_held, withdrawal_released, transfer, transaction, correction,
    request_refused, user_created, user_deleted or settings_changed.
    """
    with session.admin() as admin:
        found = admin.host.activity.search(types=_names(types), **asked)

    def draw() -> None:
        columns = [
            Column("Event.Part", right=True),
            Column("Time (UTC)"),
            Column("Type"),
            Column("What happened", wrap=True),
            Column("Project", spare=True),
            Column("Actor", spare=True),
        ]
        rows = [
            (
                f"{row['sequence']}.{row['part']}",
                moment(row["occurred_at"].isoformat()),
                row["type"],
                row["sentence"],
                row["project_id"],
                row["actor"],
            )
            for row in found
        ]
        draw_table(columns, rows, empty="Nothing such.")
        draw_more(found.next)

    session.show({"items": found.items, "next": found.next}, draw)


@host.command(
    "activity-daily",
    examples=[
        "host activity-daily",
        "host activity-daily --by type --by asset --by currency --since 2026-01-01",
        "host activity-daily --by day --by user --type order-placed --json",
    ],
)
@click.option(
    "--by",
    type=click.Choice(list(_GROUPS)),
    multiple=True,
    default=("day", "type"),
    show_default=True,
    help="What to sum by. Repeatable.",
)
@click.option("--type", "types", type=_TYPE, multiple=True, metavar="TYPE", help="Only such entries. Repeatable.")
@click.option("--project", "project_id", metavar="ID", help="Only of this project.")
@click.option("--user", "user_id", metavar="ID", help="Only of this user.")
@click.option("--asset", metavar="CODE", help="Only of this asset.")
@click.option("--currency", metavar="CODE", help="Only in this currency.")
@click.option("--since", metavar="DATE", help="From this day on (UTC).")
@click.option("--until", metavar="DATE", help="Before this day.")
@pass_host
def activity_daily(session: HostSession, /, by: tuple[str, ...], types: tuple[str, ...], **asked: Any) -> None:
    """Counts what happened, by day, type, project, user, asset and currency.

    Quantities and values are in smallest units. A quantity is told of one type and one asset, a value of one type and one currency: other
    sums have no meaning. An entry counts for the user who did it: what a seller sold is in order-filled and order-partly-filled.
    """
    groups = [name for name in _GROUPS if name in by]
    with session.admin() as admin:
        found = admin.host.activity.daily([_GROUPS[name] for name in groups], types=_names(types), **asked)

    def draw() -> None:
        columns = [Column(name.capitalize()) for name in groups]
        columns += [Column(heading, right=True) for heading in ("Entries", "Quantity (units)", "Value (units)")]
        rows = [
            [
                *[str(getattr(one, _GROUPS[name])) or None for name in groups],
                str(one.entries),
                *[None if units is None else str(units) for units in (one.quantity_units, one.value_units)],
            ]
            for one in found
        ]
        draw_table(columns, rows, empty="Nothing such.")

    session.show(found, draw)


def _names(types: tuple[str, ...]) -> list[str] | None:
    """As the table has them."""
    return [name.replace("-", "_") for name in types] or None
