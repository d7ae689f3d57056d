"""`book`: an instrument's open orders as a ladder of prices, or one by one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

import click
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.command import WHOLE_NUMBER, Command
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Cell, Column, bar, draw_table, draw_title
from credit_trading.marketdata.records import BookRecord, LevelRecord, OrderBookRecord, QueueRecord

_BAR_WIDTH = 32


@click.command(
    cls=Command,
    examples=[
        "book VCS-1340-2020/USD",
        "book VCS-1340-2020/USD --depth 3 --json",
        "book VCS-1340-2020/USD --orders",
    ],
)
@click.argument("symbol")
@click.option(
    "--depth", type=WHOLE_NUMBER, default=10, show_default=True, metavar="N", help="How many prices of each side."
)
@click.option(
    "--orders",
    is_flag=True,
    help="Each order instead of one line a price; of two at a price, the one nearer to the middle trades first.",
)
@click.pass_obj
def book(session: Session, symbol: str, depth: int, orders: bool) -> None:
    """Shows the open orders by price. Asks stand above, bids below, the best of both in the middle."""
    with session.admin() as admin:
        if orders:
            queues = admin.market_data.get_orders(symbol, depth=depth)
            session.show(queues, lambda: draw_queues(queues))
        else:
            levels = admin.market_data.get_book(symbol, depth=depth)
            session.show(levels, lambda: draw_ladder(levels))


def draw_ladder(book: BookRecord, *, title: str = "") -> None:
    """The best of both sides in a line, then all prices. A terminal gets bars in proportion to the largest quantity that is shown."""
    largest = max((Decimal(level.quantity) for level in (*book.bids, *book.asks)), default=Decimal(1))
    fancy = output.is_fancy(sys.stdout)
    columns = [Column(""), Column("Price", right=True), Column("Quantity", right=True), Column("Orders", right=True)]
    asks = _rows("ask", "red", book.asks[::-1], largest)
    bids = _rows("bid", "green", book.bids, largest)
    if title:
        draw_title(title)
    _say_best(book)
    if fancy:
        columns.append(Column("Size"))
        middle: list[list[Cell]] = (
            [[Text("spread", "dim"), Text(_spread(book), "dim"), "", "", ""]] if book.bids and book.asks else []
        )
        rows = [*asks, *middle, *bids]
    else:
        columns[0] = Column("Side")
        rows = [row[:4] for row in (*asks, *bids)]
    draw_table(columns, rows, empty=f"No open orders in {book.symbol}.")


def draw_queues(book: OrderBookRecord) -> None:
    """Every order in the order in which it trades, counted from the middle."""
    columns = [Column("Side"), Column("Price", right=True), Column("Quantity", right=True), Column("Order", right=True)]
    asks, bids = _orders("ask", "red", book.asks), _orders("bid", "green", book.bids)
    draw_table(columns, [*asks[::-1], *bids], empty=f"No open orders in {book.symbol}.")


def _orders(name: str, colour: str, queues: Sequence[QueueRecord]) -> list[list[Cell]]:
    return [
        [Text(name, colour), Text(queue.price, colour), order.quantity, str(order.order_id)]
        for queue in queues
        for order in queue.orders
    ]


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


def _say_best(book: BookRecord) -> None:
    """The best bid and offer at a glance."""
    if not book.bids and not book.asks:
        return
    bid, ask = (f"{side[0].quantity} at {side[0].price}" if side else "none" for side in (book.bids, book.asks))
    spread = f", spread {_spread(book)}" if book.bids and book.asks else ""
    output.say(f"Best bid {bid}, best ask {ask}{spread}")


def _spread(book: BookRecord) -> str:
    spread = Decimal(book.asks[0].price) - Decimal(book.bids[0].price)
    return f"{spread:f}"
