"""`accounts`: money and credits in, out, and what a user has."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.core import ParameterSource

from credit_trading.cli import output
from credit_trading.cli.command import Group
from credit_trading.cli.session import Session
from credit_trading.cli.statement import BY
from credit_trading.cli.tables import Column, draw_table
from credit_trading.trading.accounts import Receipt
from credit_trading.trading.balances import PastBalanceRecord
from credit_trading.trading.records import BalanceRecord

_key = click.option(
    "--key",
    metavar="K",
    help="A name for this movement, one among all users: the same key again moves nothing a second time.",
)


@click.group(cls=Group, examples=["accounts show ann"])
def accounts() -> None:
    """Balances, deposits and withdrawals."""


@accounts.command(examples=["accounts deposit ann USD 1000.00 --key wire-0042"])
@click.argument("user_id")
@click.argument("asset")
@click.argument("amount")
@_key
@click.pass_obj
def deposit(session: Session, user_id: str, asset: str, amount: str, key: str | None) -> None:
    """Moves an amount from the outside world to a user."""
    with session.admin() as admin:
        receipt = admin.accounts.deposit(user_id, asset, amount, key=key)
    session.show(receipt, lambda: _say("Deposited", "to", receipt))


@accounts.command(examples=["accounts withdraw ann USD 250.00 --key payout-0007"])
@click.argument("user_id")
@click.argument("asset")
@click.argument("amount")
@_key
@click.pass_obj
def withdraw(session: Session, user_id: str, asset: str, amount: str, key: str | None) -> None:
    """Moves an amount from a user to the outside world."""
    with session.admin() as admin:
        receipt = admin.accounts.withdraw(user_id, asset, amount, key=key)
    session.show(receipt, lambda: _say("Withdrew", "from", receipt))


@accounts.command(
    examples=["accounts show ann", "accounts show ann --json", "accounts show ann --at 2026-03-01T12:00:00Z --by date"]
)
@click.argument("user_id")
@click.option("--at", metavar="TIME", help="What was posted at that moment: ISO 8601 with an offset, or a date.")
@BY
@click.pass_obj
@click.pass_context
def show(ctx: click.Context, session: Session, user_id: str, at: str | None, by: str) -> None:
    """Shows a user's balances: posted, held by open orders and pending transactions, available.

    With --at, what was posted at a past moment; what of it was held then is not kept.
    """
    if at is None and ctx.get_parameter_source("by") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--by says how --at is meant: give --at, or leave it out.")
    with session.user(user_id) as user:
        if at is None:
            balances = user.accounts.get_balances()
            session.show(balances, lambda: draw_balances(balances, empty=f"{user_id} has no balances."))
        else:
            past = user.accounts.get_balances_at(at, by=by)
            session.show(past, lambda: draw_past_balances(past, empty=f"{user_id} had no balances then."))


def draw_balances(balances: Sequence[BalanceRecord], *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Asset"),
        Column("Posted", right=True),
        Column("Held", right=True),
        Column("Available", right=True),
    ]
    rows = [(record.asset, record.posted, record.held, record.available) for record in balances]
    draw_table(columns, rows, title=title, empty=empty)


def draw_past_balances(balances: Sequence[PastBalanceRecord], *, empty: str = "") -> None:
    rows = [(record.asset, record.posted) for record in balances]
    draw_table([Column("Asset"), Column("Posted", right=True)], rows, empty=empty)


def _say(verb: str, preposition: str, receipt: Receipt) -> None:
    repeated = " before; nothing was moved again" if receipt.repeated else ""
    output.say(f"{verb} {receipt.amount} {receipt.asset} {preposition} {receipt.user_id}{repeated}")
