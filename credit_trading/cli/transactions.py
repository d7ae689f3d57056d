"""`transactions`: what moved a user's balances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from credit_trading.cli.command import COUNT, Group, Words
from credit_trading.cli.session import Session
from credit_trading.cli.statistics import cost_method, statistics
from credit_trading.cli.tables import Column, draw_more, draw_table, moment
from credit_trading.cli.transaction_record import record, update
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.trading.pages import Page
from credit_trading.trading.records import TransactionRecord
from credit_trading.users.tables.search import SORTS


@click.group(cls=Group, examples=["transactions list ann"])
def transactions() -> None:
    """Trades, deposits, withdrawals and transfers of users."""


transactions.add_command(record)
transactions.add_command(update)
transactions.add_command(statistics)
transactions.add_command(cost_method)


@transactions.command(
    "list",
    examples=[
        "transactions list ann",
        "transactions list ann --credit-type VCS-1340-2020 --limit 5 --json",
        "transactions list ann --project 42",
        "transactions list ann --side sell --from 2026-01-01 --to 2026-02-01",
        "transactions list ann --credit-type VCS-1340-2020 --min-quantity 10 --sort quantity",
        "transactions list ann --text 'spring delivery'",
    ],
)
@click.argument("user_id")
@click.option("--from", "from_", metavar="TIME", help="Happened from then on: a date, or a time with an offset.")
@click.option("--to", metavar="TIME", help="Happened before then.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only these, for example deposit. Repeatable.")
@click.option("--side", type=Words(["buy", "sell"]), help="Only these trades, and those of them that were taken back.")
@click.option("--status", type=Words([status.value for status in TransactionStatus]), help="Only these.")
@click.option("--credit-type", metavar="CODE", help="Only those of this asset.")
@click.option("--project", "project_id", metavar="ID", help="Only those of assets of this project.")
@click.option("--currency", metavar="CODE", help="Only those with a price in this asset.")
@click.option("--counterparty", metavar="WHO", help="Only those with this other side, in full.")
@click.option("--order", "order_id", type=COUNT, metavar="ORDER_ID", help="Only fills of this order.")
@click.option("--trade", "trade_id", type=COUNT, metavar="TRADE_ID", help="Only this trade, and its bust.")
@click.option("--external-reference", metavar="TEXT", help="Only those that are called so elsewhere.")
@click.option("--min-quantity", metavar="Q", help="With --credit-type: at least so much.")
@click.option("--max-quantity", metavar="Q", help="With --credit-type: at most so much.")
@click.option("--min-total", metavar="V", help="With --currency: at least this value.")
@click.option("--max-total", metavar="V", help="With --currency: at most this value.")
@click.option("--text", metavar="WORDS", help="All of these words are in the other side, symbol, references or note.")
@click.option(
    "--sort",
    type=Words(SORTS),
    help="Unless given, date; with --text as they were entered. Quantity goes with --credit-type, total with --currency, and with"
    " their limits, but with no other filter.",
)
@click.option("--ascending", is_flag=True, help="The oldest or smallest first.")
@click.option("--limit", type=COUNT, default=100, show_default=True, metavar="N", help="How many at most.")
@click.option("--after", metavar="CURSOR", help="The next page: what the one before has told.")
@click.pass_obj
def list_(session: Session, /, user_id: str, types: tuple[str, ...], **asked: Any) -> None:
    """Lists a user's transactions, the latest first.

    With --json: "items", and "next", with which --after goes on.
    """
    with session.user(user_id) as user:
        found = user.transactions.get_transaction_history(transaction_type=types or None, **asked)
    session.show(found, lambda: _draw(found, user_id))


def _draw(found: Page[TransactionRecord], user_id: str) -> None:
    draw_transactions(found, empty=f"{user_id} has no such transactions.")
    draw_more(found.next)


def draw_transactions(found: Sequence[TransactionRecord], *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Id", right=True),
        Column("Time (UTC)"),
        Column("Type"),
        Column("Status"),
        Column("Credit type"),
        Column("Quantity", right=True),
        Column("Price", right=True, spare=True),
        Column("Value", right=True, spare=True),
        Column("Fee", right=True, spare=True),
        Column("Counterparty", spare=True),
        Column("Project", spare=True),
    ]
    rows = [
        (
            str(record.transaction_id),
            moment(record.transaction_date),
            record.transaction_type,
            record.status,
            record.credit_type,
            record.quantity,
            record.price_per_credit,
            record.total_value,
            record.fee,
            record.counterparty,
            record.project_id,
        )
        for record in found
    ]
    draw_table(columns, rows, title=title, empty=empty)
