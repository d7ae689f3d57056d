"""`trades`: the trades of an instrument as everybody may see them, and taking one back."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import WHOLE_NUMBER, Group
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_table, moment, side
from credit_trading.marketdata.records import TradesRecord
from credit_trading.trading.administration import BustReport


@click.group(cls=Group, examples=["trades list VCS-1340-2020/USD"])
def trades() -> None:
    """Trades in the book."""


@trades.command(
    "list",
    examples=["trades list VCS-1340-2020/USD", "trades list VCS-1340-2020/USD --limit 5 --before 100 --json"],
)
@click.argument("symbol")
@click.option(
    "--limit", type=WHOLE_NUMBER, default=20, show_default=True, metavar="N", help="How many, at most 10,000."
)
@click.option("--before", type=WHOLE_NUMBER, metavar="TRADE_ID", help="Only those before this one: the next page.")
@click.pass_obj
def list_(session: Session, symbol: str, limit: int, before: int | None) -> None:
    """Lists the trades of an instrument, the latest first. The taker is the order that came in."""
    with session.admin() as admin:
        found = admin.market_data.get_trades(symbol, limit=limit, before=before)
    session.show(found, lambda: draw_trades(found, empty=f"No trades in {symbol} yet."))


@trades.command(examples=["trades bust 1", 'trades bust 1 --note "wrong price, by phone"'])
@click.argument("trade_id", type=WHOLE_NUMBER)
@click.option("--note", metavar="TEXT", help="A remark that stands in both users' transactions.")
@click.pass_obj
def bust(session: Session, trade_id: int, note: str | None) -> None:
    """Takes a trade back, on the book or off it: both sides give back what they got, fees included.

    Orders and the prices that were made stay as they are.
    """
    with session.admin() as admin:
        report = admin.trading.bust_trade(trade_id, note=note)
    session.show(report, lambda: _say(report))


def draw_trades(found: TradesRecord, *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Trade", right=True),
        Column("Time (UTC)"),
        Column("Price", right=True),
        Column("Quantity", right=True),
        Column("Taker"),
    ]
    rows = [
        [str(trade.trade_id), moment(trade.time), trade.price, trade.quantity, side(trade.taker_side)]
        for trade in found.trades
    ]
    if any(trade.busted for trade in found.trades):
        columns.append(Column(""))
        rows = [[*row, "busted" if trade.busted else ""] for row, trade in zip(rows, found.trades, strict=True)]
    draw_table(columns, rows, title=title, empty=empty)


def _say(report: BustReport) -> None:
    repeated = " before; nothing was done again" if report.repeated else ""
    output.say(
        f"Busted trade {report.trade_id}: {report.quantity} {report.credit_type} back to {report.seller},"
        f" {report.total_value} {report.currency} back to {report.buyer}, and the fees{repeated}"
    )
