"""The readable view beside each table of a user's file: exact decimal text, ISO times.

Here: the SQL of the views. Never here: the tables (schema).
Always: each view, named TABLE_readable, shows every column of its table, but for the decimals of a price, which its text shows; those of
transactions and orders also show the project of what was moved.
"""

from __future__ import annotations

from credit_trading.users.tables.statistics_tables import FIGURES


def _decimal(value: str, decimals: str) -> str:
    """SQL for `value`, a whole number of 10^-`decimals`, as exact decimal text; NULL where `value` is."""
    factor = f"CAST('1' || substr('000000000000000000', 1, {decimals}) AS INTEGER)"
    fraction = f"'.' || substr('000000000000000000' || (abs({value}) % {factor}), -{decimals}, {decimals})"
    return (
        f"CASE WHEN {decimals} = 0 THEN CAST({value} AS TEXT) ELSE"
        f" CASE WHEN {value} < 0 THEN '-' ELSE '' END || (abs({value}) / {factor}) || {fraction} END"
    )


def _moment(column: str) -> str:
    """SQL for microseconds since 1970 as ISO 8601 in UTC."""
    return (
        f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch')"
        f" || '.' || substr('000000' || ({column} % 1000000), -6, 6) || 'Z'"
    )


def _view(table: str, columns: dict[str, str], joins: str = "") -> str:
    listed = ",\n    ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"CREATE VIEW {table}_readable AS SELECT\n    {listed}\nFROM {table} AS t{joins};\n"


_PAIR = " JOIN assets AS b ON b.asset = t.credit_type JOIN assets AS q ON q.asset = t.currency"


def _order_view(table: str, extra: dict[str, str]) -> str:
    plain = ("order_id", "client_order_id", "symbol", "credit_type", "currency", "side", "order_type", "time_in_force")
    columns = {name: f"t.{name}" for name in plain}
    columns |= {
        "price_per_credit": _decimal("t.price_per_credit", "t.price_decimals"),
        "stop_price": _decimal("t.stop_price", "t.price_decimals"),
        "displayed_quantity": _decimal("t.displayed_quantity", "b.decimals"),
        "post_only": "t.post_only",
        "self_trade": "t.self_trade",
        "route": "t.route",
        "version": "t.version",
        "triggered_at": _moment("t.triggered_at"),
        "quantity": _decimal("t.quantity", "b.decimals"),
        "filled_quantity": _decimal("t.filled_quantity", "b.decimals"),
        "remaining_quantity": _decimal("t.remaining_quantity", "b.decimals"),
        "percent_filled": _decimal(
            "CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END",
            "1",
        ),
        "filled_value": _decimal("t.filled_value", "q.decimals"),
        "fees": _decimal("t.fees", "q.decimals"),
        "hold": f"CASE t.side WHEN 'buy' THEN {_decimal('t.hold', 'q.decimals')} ELSE {_decimal('t.hold', 'b.decimals')} END",
        "order_status": "t.order_status",
        "expires_at": _moment("t.expires_at"),
        "created_at": _moment("t.created_at"),
        "updated_at": _moment("t.updated_at"),
        "project_id": "b.project_id",
    }
    return _view(table, columns | extra, _PAIR)


def _day(column: str) -> str:
    """SQL for days since 1970 as an ISO date."""
    return f"strftime('%Y-%m-%d', {column} * 86400, 'unixepoch')"


_IN_CREDITS = ("bought_quantity", "sold_quantity", "ordered_quantity", "filled_quantity")
_IN_MONEY = (
    *("bought_value", "sold_value", "fees", "cost_moved_in", "cost_moved_out", "realised_profit", "best_trade"),
    *("worst_trade", "cost"),
)
_STATISTICS = {
    name: (
        _decimal(f"t.{name}", "b.decimals")
        if name in _IN_CREDITS
        else _decimal(f"t.{name}", "q.decimals")
        if name in _IN_MONEY
        else _moment(f"t.{name}")
        if name == "last_trade_at"
        else f"t.{name}"
    )
    for name in FIGURES
}
"""The columns that figures in all and by day have in common."""

VIEWS = (
    _view(
        "trading_transactions",
        {
            "transaction_id": "t.transaction_id",
            "transaction_date": _moment("t.transaction_date"),
            "transaction_type": "t.transaction_type",
            "credit_type": "t.credit_type",
            "quantity": _decimal("t.quantity", "b.decimals"),
            "price_per_credit": _decimal("t.price_per_credit", "t.price_decimals"),
            "total_value": _decimal("t.total_value", "q.decimals"),
            "fee": _decimal("t.fee", "q.decimals"),
            "currency": "t.currency",
            "counterparty": "t.counterparty",
            "status": "t.status",
            "symbol": "t.symbol",
            "order_id": "t.order_id",
            "trade_id": "t.trade_id",
            "role": "t.role",
            "external_reference": "t.external_reference",
            "note": "t.note",
            "recorded_at": _moment("t.recorded_at"),
            "reference": "t.reference",
            "trade_reference": "t.trade_reference",
            "expires_at": _moment("t.expires_at"),
            "status_changed_at": _moment("t.status_changed_at"),
            "status_reason": "t.status_reason",
            "project_id": "b.project_id",
        },
        " JOIN assets AS b ON b.asset = t.credit_type LEFT JOIN assets AS q ON q.asset = t.currency",
    )
    + _order_view("active_orders", {})
    + _order_view("order_history", {"reason": "t.reason", "closed_at": _moment("t.closed_at")})
    + _view("trading_statistics", {"credit_type": "t.credit_type", "currency": "t.currency"} | _STATISTICS, _PAIR)
    + _view(
        "trading_statistics_by_day",
        {"credit_type": "t.credit_type", "currency": "t.currency", "day": _day("t.day")} | _STATISTICS,
        _PAIR,
    )
    + _view(
        "holdings_by_day",
        {
            "asset": "t.asset",
            "day": _day("t.day"),
            "quantity": _decimal("t.quantity", "b.decimals"),
            "last_date": _moment("t.last_date"),
            "last_transaction_id": "t.last_transaction_id",
        },
        " JOIN assets AS b ON b.asset = t.asset",
    )
    + _view(
        "cost_lots",
        {
            "asset": "t.asset",
            "acquired_at": _moment("t.acquired_at"),
            "transaction_id": "t.transaction_id",
            "quantity": _decimal("t.quantity", "b.decimals"),
            "currency": "t.currency",
            "cost": f"CASE WHEN t.currency IS NULL THEN '0' ELSE {_decimal('t.cost', 'q.decimals')} END",
            "cost_part": "t.cost_part",
        },
        " JOIN assets AS b ON b.asset = t.asset LEFT JOIN assets AS q ON q.asset = t.currency",
    )
    + _view(
        "balances",
        {
            "asset": "t.asset",
            "posted": _decimal("t.posted", "b.decimals"),
            "held": _decimal("t.held", "b.decimals"),
            "available": _decimal("t.available", "b.decimals"),
        },
        " JOIN assets AS b ON b.asset = t.asset",
    )
    + _view(
        "balance_changes",
        {
            "asset": "t.asset",
            "booked_at": _moment("t.booked_at"),
            "sequence": "t.sequence",
            "transaction_id": "t.transaction_id",
            "transaction_date": _moment("t.transaction_date"),
            "change": _decimal("t.change", "b.decimals"),
            "balance": _decimal("t.balance", "b.decimals"),
        },
        " JOIN assets AS b ON b.asset = t.asset",
    )
    + _view(
        "audit_trail",
        {
            "sequence": "t.sequence",
            "event_number": "t.event_number",
            "event_date": _moment("t.event_date"),
            "kind": "t.kind",
            "cause": "t.cause",
            "actor": "t.actor",
            "origin": "t.origin",
            "correlation_id": "t.correlation_id",
            "order_id": "t.order_id",
            "details": "t.details",
            "changes": "t.changes",
        },
    )
)

_SELECTS = {
    statement.split()[2].removesuffix("_readable"): statement.partition(" AS SELECT\n")[2]
    for statement in VIEWS.split(";\n")
    if statement
}
"""What each view selects, and from where, by the table."""


def select(table: str, source: str, *, beside: str) -> str:
    """The SELECT of a table's view, without the view: from `source`, where the table is called t, and with columns `beside` its own.

    A view takes no index that one names, and sorts by its texts.
    """
    values, joins = _SELECTS[table].split(f"\nFROM {table} AS t")
    return f"SELECT {values}, {beside} FROM {source}{joins}"
