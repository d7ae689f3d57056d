"""What every command is given: which exchange is meant, and how its result is wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

import credit_trading
from credit_trading.cli import output
from credit_trading.errors import ClockRefused

ACTOR = "cli"
"""As whom the command line acts in audit trails. Who sat at the keyboard is personal and stays out."""


def find_modules_here() -> None:
    """A host's adapter is also looked for in the folder in which the command is run."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())


@attrs.define
class Session:
    """`home` is the exchange's folder; `json` is set by a command's `--json`."""

    home: Path
    json: bool = False

    @contextmanager
    def admin(self) -> Iterator[credit_trading.Admin]:
        """The exchange for an administrator, closed at the end of the block. Raises what opening raises."""
        if "CREDIT_TRADING_HOST_ADAPTER" in os.environ:
            find_modules_here()
        with credit_trading.open(self.home) as exchange:
            with suppress(
                ClockRefused
            ):  # what is due is shown as open then, and the next command is refused with a reason
                exchange.expire_due()
            yield exchange.as_admin(ACTOR)

    @contextmanager
    def user(self, user_id: str) -> Iterator[credit_trading.ManagedUser]:
        """The same on behalf of one user. Raises NotFound."""
        with self.admin() as admin:
            yield admin.on_behalf_of(user_id)

    def show(self, value: object, draw: Callable[[], None]) -> None:
        """The result: `value` as JSON, or drawn for people."""
        if self.json:
            output.write_json(value)
        else:
            draw()
