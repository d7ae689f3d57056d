"""`trades`: the last trades of an instrument, as everybody may see them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from credit_trading.cli.command import WHOLE_NUMBER, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_table, moment, side
from credit_trading.trading.markets import TradeRecord


@click.command(cls=Command, examples=["trades VCS-1340-2020/USD", "trades VCS-1340-2020/USD --limit 5 --json"])
@click.argument("symbol")
@click.option("--limit", type=WHOLE_NUMBER, default=20, show_default=True, metavar="N", help="How many, at most 256.")
@click.pass_obj
def trades(session: Session, symbol: str, limit: int) -> None:
    """Shows the last trades, the latest first. The taker is the order that came in."""
    with session.admin() as admin:
        found = admin.market_data.get_trades(symbol, limit=limit)
    session.show(found, lambda: draw_trades(found, empty=f"No trades in {symbol} yet."))


def draw_trades(trades: Sequence[TradeRecord], *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Trade", right=True),
        Column("Time (UTC)"),
        Column("Price", right=True),
        Column("Quantity", right=True),
        Column("Taker"),
    ]
    rows = [
        (str(trade.trade_id), moment(trade.time), trade.price, trade.quantity, side(trade.taker_side))
        for trade in trades
    ]
    draw_table(columns, rows, title=title, empty=empty)
