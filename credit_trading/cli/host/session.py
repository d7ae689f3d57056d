"""What commands about the host's database are given beside the folder: how that database is reached."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs
import click

import credit_trading
from credit_trading.cli.session import ACTOR, Session
from credit_trading.errors import ClockRefused, StorageError, TradingError
from credit_trading.host.standing import without_passwords

_WHOSE_FAULT = (
    "It comes from this adapter, unless it is a fault in the program: see it whole with CREDIT_TRADING_DEBUG=1."
)


@attrs.define
class HostSession(Session):
    """`host` is a URL or `module:name`, as the options give it; None: what the settings say."""

    host: str | None = None

    @contextmanager
    def opened(self) -> Iterator[credit_trading.Exchange]:
        """The exchange, with its host; an adapter is also looked for in the folder in which the command is run."""
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        with credit_trading.open(self.home, host=self.host) as exchange:
            yield exchange

    @contextmanager
    def admin(self) -> Iterator[credit_trading.Admin]:
        """What the host's own adapter raises is told as such. Raises StorageError for that."""
        try:
            with self.opened() as exchange:
                with suppress(ClockRefused):  # as for every other command
                    exchange.expire_due()
                yield exchange.as_admin(ACTOR)
        except (TradingError, click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            if self.host is None or "://" in self.host or os.environ.get("CREDIT_TRADING_DEBUG"):
                raise
            problem = without_passwords(f"{type(error).__name__}: {error}")
            raise StorageError("host", self.host, problem, hint=_WHOSE_FAULT) from error


pass_host = click.make_pass_decorator(HostSession)
