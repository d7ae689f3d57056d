"""`assets`: what can be owned."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import WHOLE_NUMBER, Group
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_table


@click.group(cls=Group, examples=["assets list"])
def assets() -> None:
    """Credits, cash and whatever else can be owned."""


@assets.command(examples=["assets add USD --decimals 2", "assets add VCS-1340-2020 --decimals 0 --project 42"])
@click.argument("code")
@click.option(
    "--decimals", type=WHOLE_NUMBER, required=True, metavar="N", help="Digits after the point of its smallest unit."
)
@click.option("--project", "project_id", metavar="ID", help="The project of the application around that it belongs to.")
@click.pass_obj
def add(session: Session, code: str, decimals: int, project_id: str | None) -> None:
    """Adds an asset, for good."""
    with session.admin() as admin:
        asset = admin.assets.add_asset(code, decimals=decimals, project_id=project_id)
    of_project = "" if asset.project_id is None else f", of project {asset.project_id}"
    session.show(asset, lambda: output.say(f"Added {asset.code} with {asset.decimals} decimals{of_project}"))


@assets.command("list", examples=["assets list", "assets list --json"])
@click.pass_obj
def list_(session: Session) -> None:
    """Lists the assets in the order in which they were added."""
    with session.admin() as admin:
        found = admin.assets.list_assets()
    columns = [Column("Asset"), Column("Decimals", right=True), Column("Project")]
    rows = [(asset.code, str(asset.decimals), asset.project_id) for asset in found]
    session.show(found, lambda: draw_table(columns, rows, empty="No assets yet."))
