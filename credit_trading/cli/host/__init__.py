"""Commands about the host application's own database, one file for each few."""

from credit_trading.cli.host import activity, check, requests, sync  # noqa: F401 - joins the group
from credit_trading.cli.host.group import host

__all__ = ["host"]
