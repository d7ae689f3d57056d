"""Commands about backups, one file for each few."""

from credit_trading.cli.backup import create, list, prune, restore, verify  # noqa: F401 - joins the group
from credit_trading.cli.backup.group import backup

__all__ = ["backup"]
