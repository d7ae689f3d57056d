"""`backup`: the group that its commands join."""

from __future__ import annotations

import click

from credit_trading.cli.command import Group


@click.group(
    cls=Group,
    examples=[
        "backup create --user ann --to ann.db",
        "backup create --to /srv/backups",
        "backup verify --from /srv/backups --deep",
        "backup restore --from /srv/backups --to database/restored",
    ],
)
def backup() -> None:
    """Copies of the exchange that are proven by restoring: of one user, or of everything, as of any moment since the first."""
