"""What commands about the host's database are given beside the folder: how that database is reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs
import click

import credit_trading
from credit_trading.cli.session import ACTOR, Session, find_modules_here
from credit_trading.errors import ClockRefused, StorageError, TradingError
from credit_trading.host.standing import without_passwords

_WHOSE_FAULT = "It comes from the adapter, or this program is at fault: see it whole with CREDIT_TRADING_DEBUG=1."


@attrs.define
class HostSession(Session):
    """`host` is a URL or `module:name`, as the options give it; None: what the settings say."""

    host: str | None = None

    @contextmanager
    def opened(self) -> Iterator[credit_trading.Exchange]:
        """The exchange, with its host."""
        find_modules_here()
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
