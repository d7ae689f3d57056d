"""`backup list` and `backup show`: what an archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.backup.group import backup
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_problem, draw_table, moment

if TYPE_CHECKING:
    from credit_trading.backup.listing import SetContent, SetRecord

FROM = click.option(
    "--from", "place", required=True, metavar="PLACE", help="The archive: a folder, or s3://bucket/folder."
)


@backup.command("list", examples=["backup list --from /srv/backups", "backup list --from /srv/backups --json"])
@FROM
@click.pass_obj
def list_(session: Session, place: str) -> None:
    """Lists the sets of an archive, the oldest first. A damaged one is listed with what is wrong with it."""
    from credit_trading.backup.archive import Archive
    from credit_trading.backup.listing import list_sets

    found = list_sets(Archive.at(place))
    session.show(found, lambda: _draw_sets(found, place))


@backup.command(
    examples=["backup show --from /srv/backups", "backup show 20261121-020000-000000 --from /srv/backups --json"]
)
@click.argument("set_id", metavar="[SET]", required=False)
@FROM
@click.pass_obj
def show(session: Session, set_id: str | None, place: str) -> None:
    """Shows one set, the newest if none is named: as of when, what it rests on, and each object that restoring it needs."""
    from credit_trading.backup.archive import Archive
    from credit_trading.backup.listing import show_set

    content = show_set(Archive.at(place), set_id)
    session.show(content, lambda: _draw_content(content))


def size(bytes_: int | None) -> str | None:
    """For people: 1.5 MB."""
    if bytes_ is None:
        return None
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if bytes_ >= scale:
            return f"{bytes_ / scale:.1f} {unit}"
    return f"{bytes_} B"


def _draw_sets(found: list[SetRecord], place: str) -> None:
    columns = [
        Column("Set"),
        Column("Kind"),
        Column("As of (UTC)", spare=True),
        Column("Sequence", right=True, spare=True),
        Column("Users", right=True, spare=True),
        Column("Files", right=True, spare=True),
        Column("Size", right=True, spare=True),
        Column("Verified"),
    ]
    rows = [
        (
            one.set,
            one.kind,
            moment(one.as_of),
            None if one.sequence is None else str(one.sequence),
            None if one.users is None else str(one.users),
            None if one.copies is None else str(one.copies),
            size(one.size_bytes),
            _verified(one),
        )
        for one in found
    ]
    draw_table(columns, rows, empty=f"No set at {place} yet. Make one: credit-trading backup create --to {place}.")
    for one in found:
        if one.problem is not None:
            draw_problem(one.set, one.problem)


def _verified(one: SetRecord) -> Text | None:
    if one.problem is not None:
        return Text("damaged", "red")
    if one.findings is None:
        return None
    how = "deep" if one.verified_deep else "quick"
    if one.findings:
        return Text(f"{counted(one.findings, 'finding')} ({how})", "red")
    return Text(f"{(moment(one.verified_at) or '')[:16]} {how}")


def _draw_content(content: SetContent) -> None:
    one = content.record
    draw_fields(
        {
            "Set": one.set,
            "Kind": one.kind,
            "As of": f"sequence {one.sequence}, {moment(one.as_of)} UTC",
            "Chain head": content.hash,
            "Done": f"{moment(one.finished_at)} UTC",
            "Users": str(one.users),
            "Files in it": str(one.copies),
            "Rests on": ", ".join(content.rests_on) or None,
            "Verified": _verified(one) or "never, as it is now",
            "Made by": f"credit-trading {content.tool_version} (format {content.exchange_format}, schema {content.schema_version})",
        }
    )
    rows = [(stored.name, size(stored.size), stored.sha256[:16]) for stored in content.objects]
    draw_table(
        [Column("Object"), Column("Size", right=True), Column("SHA-256 begins", spare=True)],
        rows,
        title="Needed to restore it",
    )
    output.notice(f"{size(sum(stored.size for stored in content.objects))} in all.")
