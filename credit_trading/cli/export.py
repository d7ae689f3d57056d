"""`export`: a user's history, or everybody's, as JSON Lines and CSV."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from credit_trading.cli import output
from credit_trading.cli.command import Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Cell, draw_fields
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.transfer import schema
from credit_trading.transfer.export import Exported


@click.command(
    cls=Command, examples=["export --user ann --to ann.zip", "export --all --to everybody.zip", "export --schema"]
)
@click.option("--user", "user_id", metavar="ID", help="Only this user; of others it tells who they were.")
@click.option("--all", "everybody", is_flag=True, help="All users.")
@click.option("--to", "path", metavar="FILE", help="A zip file that is not there yet.")
@click.option("--schema", "wants_schema", is_flag=True, help="Only say what stands in an export.")
@click.pass_obj
def export(session: Session, user_id: str | None, everybody: bool, path: str | None, wants_schema: bool) -> None:
    """Writes users, assets, instruments, balances, transactions and orders into a zip file, as JSON Lines and as CSV.

    Amounts are exact decimal text, times UTC. Two exports of the same content are equal byte for byte. In CSV, text that a spreadsheet
    would take for a formula has a ' before it. The file is for its owner only (0600): it tells e-mails, and what everybody has.
    """
    if wants_schema:
        session.show(msgspec.to_builtins(schema.TABLES), lambda: click.echo(schema.document(), nl=False))
        return
    if everybody == (user_id is not None) or not path:
        raise click.UsageError("Give --user ID or --all, and a file: --to FILE.")
    _check_file(Path(path))
    with output.progress("Exporting") as tick, session.admin() as admin:
        result = admin.transfer.export(path, user_id=user_id, progress=tick)
    session.show({"path": str(result.path), "rows": result.rows}, lambda: _draw(result))


def _check_file(path: Path) -> None:
    """Raises InvalidInput, NotFound. Whether there is one of that name already is known once it is written."""
    if path.suffix.lower() != ".zip":
        raise InvalidInput("export", path, "an export is a zip file", hint=f"Name it so: --to {path}.zip.")
    if not path.parent.is_dir():
        raise NotFound("export", path, f"there is no folder {path.parent}", hint="Make it, or name a file elsewhere.")


def _draw(result: Exported) -> None:
    fields: dict[str, Cell] = {"File": str(result.path)}
    draw_fields(fields | {name.capitalize(): str(rows) for name, rows in result.rows.items()})
