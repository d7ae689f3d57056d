"""How a user's trading statistics look."""

from __future__ import annotations

from collections.abc import Sequence

from credit_trading.cli.tables import Column, draw_table
from credit_trading.trading.records import StatisticsRecord


def draw_statistics(statistics: Sequence[StatisticsRecord], *, title: str = "", empty: str = "") -> None:
    """One line for each credit type and currency; values and fees are in the currency."""
    columns = [
        Column("Credit type"),
        Column("Trades", right=True),
        Column("Bought", right=True),
        Column("for", right=True),
        Column("Sold", right=True),
        Column("for", right=True),
        Column("Fees", right=True),
        Column(""),
        Column("Orders", right=True, spare=True),
        Column("Filled", right=True, spare=True),
    ]
    rows = [
        (
            record.credit_type,
            str(record.trades),
            record.bought_quantity,
            record.bought_value,
            record.sold_quantity,
            record.sold_value,
            record.fees,
            record.currency,
            str(record.orders_placed),
            str(record.orders_filled),
        )
        for record in statistics
    ]
    draw_table(columns, rows, title=title, empty=empty)
