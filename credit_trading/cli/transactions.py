"""`transactions`: what moved a user's balances."""

from __future__ import annotations

from collections.abc import Sequence

import click

from credit_trading.cli.command import COUNT, Group
from credit_trading.cli.session import Session
from credit_trading.cli.statistics import cost_method, statistics
from credit_trading.cli.tables import Column, draw_table, moment
from credit_trading.cli.transaction_record import record, update
from credit_trading.trading.records import TransactionRecord


@click.group(cls=Group, examples=["transactions list ann"])
def transactions() -> None:
    """Trades, deposits, withdrawals and transfers of users."""


transactions.add_command(record)
transactions.add_command(update)
transactions.add_command(statistics)
transactions.add_command(cost_method)


@transactions.command(
    "list", examples=["transactions list ann", "transactions list ann --credit-type VCS-1340-2020 --limit 5 --json"]
)
@click.argument("user_id")
@click.option("--credit-type", metavar="CODE", help="Only those of this asset.")
@click.option("--limit", type=COUNT, metavar="N", help="Only the latest N.")
@click.pass_obj
def list_(session: Session, user_id: str, credit_type: str | None, limit: int | None) -> None:
    """Lists a user's transactions, the latest first."""
    with session.user(user_id) as user:
        found = user.transactions.get_transaction_history(credit_type=credit_type, limit=limit)
    session.show(found, lambda: draw_transactions(found, empty=f"{user_id} has no such transactions."))


def draw_transactions(found: Sequence[TransactionRecord], *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Time (UTC)"),
        Column("Type"),
        Column("Credit type"),
        Column("Quantity", right=True),
        Column("Price", right=True, spare=True),
        Column("Value", right=True),
        Column("Fee", right=True, spare=True),
        Column("Counterparty"),
    ]
    rows = [
        (
            moment(record.transaction_date),
            record.transaction_type,
            record.credit_type,
            record.quantity,
            record.price_per_credit,
            record.total_value,
            record.fee,
            record.counterparty,
        )
        for record in found
    ]
    draw_table(columns, rows, title=title, empty=empty)
