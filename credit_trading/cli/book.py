"""`book`: an instrument's open orders as a ladder of prices."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

import click
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.command import WHOLE_NUMBER, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Cell, Column, bar, draw_table
from credit_trading.trading.markets import BookRecord, LevelRecord

_BAR_WIDTH = 32


@click.command(cls=Command, examples=["book VCS-1340-2020/USD", "book VCS-1340-2020/USD --depth 3 --json"])
@click.argument("symbol")
@click.option(
    "--depth", type=WHOLE_NUMBER, default=10, show_default=True, metavar="N", help="How many prices of each side."
)
@click.pass_obj
def book(session: Session, symbol: str, depth: int) -> None:
    """Shows the open orders by price. Asks stand above, bids below, the best of both in the middle."""
    with session.admin() as admin:
        found = admin.market_data.get_book(symbol, depth=depth)
    session.show(found, lambda: draw_ladder(found))


def draw_ladder(book: BookRecord, *, title: str = "") -> None:
    """A terminal gets bars in proportion to the largest quantity that is shown."""
    largest = max((Decimal(level.quantity) for level in (*book.bids, *book.asks)), default=Decimal(1))
    fancy = output.is_fancy(sys.stdout)
    columns = [Column(""), Column("Price", right=True), Column("Quantity", right=True), Column("Orders", right=True)]
    asks = _rows("ask", "red", book.asks[::-1], largest)
    bids = _rows("bid", "green", book.bids, largest)
    if fancy:
        columns.append(Column("Size"))
        middle: list[list[Cell]] = (
            [[Text("spread", "dim"), Text(_spread(book), "dim"), "", "", ""]] if book.bids and book.asks else []
        )
        rows = [*asks, *middle, *bids]
    else:
        columns[0] = Column("Side")
        rows = [row[:4] for row in (*asks, *bids)]
    draw_table(columns, rows, title=title, empty=f"No open orders in {book.symbol}.")


def _rows(name: str, colour: str, levels: Sequence[LevelRecord], largest: Decimal) -> list[list[Cell]]:
    return [
        [
            Text(name, colour),
            Text(level.price, colour),
            level.quantity,
            str(level.orders),
            bar(float(Decimal(level.quantity) / largest), width=_BAR_WIDTH, style=colour),
        ]
        for level in levels
    ]


def _spread(book: BookRecord) -> str:
    spread = Decimal(book.asks[0].price) - Decimal(book.bids[0].price)
    return f"{spread:f}"
