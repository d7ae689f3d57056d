"""The admin's command line: `credit-trading`. The top floor; it uses the public face and nothing beneath it."""

from credit_trading.cli.program import main

__all__ = ["main"]
