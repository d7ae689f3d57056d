"""Commands about backups, one file for each few."""

from credit_trading.cli.backup.group import backup

__all__ = ["backup"]
