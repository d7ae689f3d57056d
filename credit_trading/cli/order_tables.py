"""How orders look: those that are open with their progress, those that are done with how they ended, one in full."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import attrs
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.tables import Cell, Column, average, bar, draw_fields, draw_table, moment, side
from credit_trading.trading.records import OrderRecord

_BAR_WIDTH = 6

_SHORT = {
    "immediate_or_cancel": "IOC",
    "fill_or_kill": "FOK",
    "insufficient_funds": "no funds",
    "instrument_halted": "halted",
    "instrument_closed": "closed",
    "user_suspended": "suspended",
    "duplicate_client_order_id": "duplicate id",
    "post_only_would_take": "would take",
    "stop_would_trigger": "would trigger",
    "too_many_open_orders": "too many",
    "price_outside_band": "outside band",
}
"""Traders' words for the longest reasons, where a column is narrow; `orders show` and --json give them in full."""


def draw_active_orders(orders: Sequence[OrderRecord], *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Order", right=True),
        Column("Symbol"),
        Column("Side"),
        Column("Type", spare=True),
        Column("Price", right=True),
        Column("Stop", right=True, spare=True),
        Column("Quantity", right=True),
        Column("Shows", right=True, spare=True),
        Column("Filled", right=True),
        Column("Remaining", right=True, spare=True),
        Column("Done", right=not output.is_fancy(sys.stdout)),
        Column("Average", right=True),
        Column("Version", right=True, spare=True),
        Column("Route", spare=True),
        Column("Project", spare=True),
    ]
    rows = [
        (
            str(order.order_id),
            order.symbol,
            side(order.side),
            order.order_type.replace("_", "-"),
            order.price_per_credit or "market",
            order.stop_price,
            order.quantity,
            order.displayed_quantity,
            order.filled_quantity,
            order.remaining_quantity,
            _progress(order.percent_filled),
            average(order.average_price),
            str(order.version),
            order.route,
            order.project_id,
        )
        for order in orders
    ]
    draw_table(columns, rows, title=title, empty=empty)


def draw_order_history(orders: Sequence[OrderRecord], *, title: str = "", empty: str = "") -> None:
    columns = [
        Column("Order", right=True),
        Column("Closed (UTC)"),
        Column("Symbol"),
        Column("Side"),
        Column("Price", right=True, spare=True),
        Column("Filled", right=True),
        Column("Average", right=True),
        Column("Fees", right=True, spare=True),
        Column("Ended", wrap=True),
        Column("Type", spare=True),
        Column("Stop", right=True, spare=True),
        Column("Shows", right=True, spare=True),
        Column("Version", right=True, spare=True),
        Column("Route", spare=True),
        Column("Project", spare=True),
    ]
    rows = [
        (
            str(order.order_id),
            moment(order.closed_at),
            order.symbol,
            side(order.side),
            order.price_per_credit or "market",
            f"{order.filled_quantity}/{order.quantity}",
            average(order.average_price),
            order.fees,
            _ended(order),
            order.order_type.replace("_", "-"),
            order.stop_price,
            order.displayed_quantity,
            str(order.version),
            order.route,
            order.project_id,
        )
        for order in orders
    ]
    draw_table(columns, rows, title=title, empty=empty)


def draw_order(order: OrderRecord) -> None:
    """Every field that has a value, under its column's name."""
    fields: dict[str, Cell] = {name: str(value) for name, value in attrs.asdict(order).items() if value is not None}
    draw_fields(fields)


def _progress(percent: str) -> Text:
    """A bar and the number on a terminal, the number alone elsewhere."""
    number = f"{percent}%"
    if not output.is_fancy(sys.stdout):
        return Text(number)
    drawn = bar(float(percent) / 100, width=_BAR_WIDTH, style="cyan")
    rest = Text("░" * (_BAR_WIDTH - len(drawn.plain)), "dim")
    return Text.assemble(drawn, rest, f" {number:>6}")


def _ended(order: OrderRecord) -> Text:
    """How it ended; an order that was canceled for a reason of the market's shows that reason."""
    ordinary = order.reason in (None, "", "requested", order.order_status)
    code = order.order_status if ordinary else str(order.reason)
    words = _SHORT.get(code, code).replace("_", " ")
    colours = {"filled": "green", "rejected": "red"}
    return Text(words, colours.get(order.order_status, "yellow"))
