"""How an order is told in a line."""

from __future__ import annotations

from credit_trading.cli import output
from credit_trading.cli.tables import average, moment
from credit_trading.trading.outcome import OrderReport
from credit_trading.trading.records import OrderRecord


def say_report(report: OrderReport, record: OrderRecord | None = None, *, done: str = "placed") -> None:
    """What became of it, and the terms on which it still stands. `done` is what was asked for, if it was asked for again."""
    status = report.order_status.replace("_", " ") + (f" ({report.reason})" if report.reason else "")
    mean = f" at {average(report.average_price)} on average" if report.average_price else ""
    repeated = f"; it was {done} before" if report.repeated else ""
    filled = f"{report.filled_quantity} of {report.quantity} filled{mean}"
    terms = f"; {_terms(record)}" if record is not None and record.closed_at is None else ""
    output.say(f"Order {report.order_id}, {report.symbol}: {status}, {filled}{repeated}{terms}")


def _terms(order: OrderRecord) -> str:
    price = f"at {order.price_per_credit}" if order.price_per_credit else "at market"
    beyond = "or above" if order.side == "buy" else "or below"
    waits = f", waits for a trade at {order.stop_price} {beyond}" if order.stop_price and not order.triggered_at else ""
    until = f", until {moment(order.expires_at)} UTC" if order.expires_at else ""
    return f"{order.side} {price}{waits}{until}, version {order.version}"
