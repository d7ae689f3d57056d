"""`init`: founds an exchange."""

from __future__ import annotations

from pathlib import Path

import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import Command
from credit_trading.cli.session import Session
from credit_trading.errors import AlreadyExists

_FILE = "exchange.db"


@click.command(cls=Command, examples=["init", "--home /srv/exchange init"])
@click.pass_obj
def init(session: Session) -> None:
    """Founds an exchange in the folder --home. Every other command but demo needs one."""
    home = session.home.absolute()
    check_free(home)
    with credit_trading.open(home, create=True):
        pass
    session.show({"home": str(home)}, lambda: output.say(f"Founded an exchange in {home}"))


def check_free(home: Path) -> None:
    """Raises AlreadyExists if an exchange is there, and what opening raises if something is there that is none.

    An empty file is what a founding leaves that was cut off: the next one completes it.
    """
    path = home / _FILE
    if not path.exists() or path.stat().st_size == 0:
        return
    with credit_trading.open(home):
        raise AlreadyExists(
            "exchange.init", home, "there is an exchange already", hint="Use it, or choose another folder: --home DIR."
        )
