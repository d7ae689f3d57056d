"""What a user's file looks like to anyone who opens it: tables in smallest units, a readable view beside each, a word on every column.

Here: the SQL of the file and the template that new files are copied from. Never here: what fills it (projection).
Always: every column is described in `column_descriptions`; every table of the user's has a view with exact decimal text.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from credit_trading.store.sqlite import connect, immediate
from credit_trading.users.descriptions import DESCRIPTIONS

APPLICATION_ID = 0x43545255
SCHEMA_VERSION = 1
PROJECTION_VERSION = 1
"""Raised when the same events would be shown differently; files of an older one are rebuilt."""

_ORDER_COLUMNS = """
    order_id INTEGER PRIMARY KEY,
    client_order_id TEXT,
    symbol TEXT NOT NULL,
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    price_per_credit INTEGER,
    price_decimals INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    filled_quantity INTEGER NOT NULL,
    remaining_quantity INTEGER NOT NULL,
    filled_value INTEGER NOT NULL,
    fees INTEGER NOT NULL,
    hold INTEGER NOT NULL,
    order_status TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL"""

_TABLES = f"""
CREATE TABLE metadata (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    exchange_id TEXT,
    user_number INTEGER,
    user_id TEXT,
    email TEXT,
    projection_version INTEGER NOT NULL,
    applied_sequence INTEGER NOT NULL,
    applied_hash BLOB NOT NULL,
    event_number INTEGER NOT NULL
) STRICT;
CREATE TABLE assets (
    asset TEXT PRIMARY KEY,
    decimals INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE trading_transactions (
    transaction_id INTEGER PRIMARY KEY,
    transaction_date INTEGER NOT NULL,
    transaction_type TEXT NOT NULL,
    credit_type TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price_per_credit INTEGER,
    price_decimals INTEGER,
    total_value INTEGER,
    fee INTEGER NOT NULL,
    currency TEXT,
    counterparty TEXT,
    status TEXT NOT NULL,
    symbol TEXT,
    order_id INTEGER,
    trade_id INTEGER,
    role TEXT,
    external_reference TEXT,
    note TEXT
) STRICT;
CREATE INDEX transactions_by_date ON trading_transactions (transaction_date);
CREATE INDEX transactions_by_credit_type ON trading_transactions (credit_type, transaction_date);
CREATE INDEX transactions_by_status ON trading_transactions (status, transaction_date);
CREATE INDEX transactions_by_counterparty ON trading_transactions (counterparty, transaction_date);
CREATE TABLE active_orders ({_ORDER_COLUMNS}
) STRICT;
CREATE INDEX active_orders_by_date ON active_orders (created_at);
CREATE INDEX active_orders_by_credit_type ON active_orders (credit_type, created_at);
CREATE INDEX active_orders_by_status ON active_orders (order_status, created_at);
CREATE TABLE order_history ({_ORDER_COLUMNS},
    reason TEXT NOT NULL,
    closed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX order_history_by_date ON order_history (closed_at);
CREATE INDEX order_history_by_credit_type ON order_history (credit_type, closed_at);
CREATE INDEX order_history_by_status ON order_history (order_status, closed_at);
CREATE TABLE trading_statistics (
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    trades INTEGER NOT NULL DEFAULT 0,
    bought_quantity INTEGER DEFAULT 0,
    sold_quantity INTEGER DEFAULT 0,
    bought_value INTEGER DEFAULT 0,
    sold_value INTEGER DEFAULT 0,
    fees INTEGER DEFAULT 0,
    orders_placed INTEGER NOT NULL DEFAULT 0,
    orders_filled INTEGER NOT NULL DEFAULT 0,
    orders_canceled INTEGER NOT NULL DEFAULT 0,
    orders_expired INTEGER NOT NULL DEFAULT 0,
    orders_rejected INTEGER NOT NULL DEFAULT 0,
    last_trade_at INTEGER,
    PRIMARY KEY (credit_type, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE balances (
    asset TEXT PRIMARY KEY,
    posted INTEGER NOT NULL,
    held INTEGER NOT NULL,
    available INTEGER GENERATED ALWAYS AS (posted - held) VIRTUAL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_trail (
    sequence INTEGER PRIMARY KEY,
    event_number INTEGER NOT NULL,
    event_date INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT,
    actor TEXT,
    origin TEXT,
    correlation_id TEXT,
    order_id INTEGER,
    details TEXT NOT NULL
) STRICT;
CREATE TABLE column_descriptions (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    unit TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (table_name, column_name)
) STRICT, WITHOUT ROWID;
INSERT INTO metadata (only, projection_version, applied_sequence, applied_hash, event_number)
    VALUES (1, {PROJECTION_VERSION}, 0, x'{"00" * 32}', 0);
"""

SHARED_TABLES = (
    "metadata",
    "assets",
    "trading_transactions",
    "active_orders",
    "order_history",
    "trading_statistics",
    "balances",
    "audit_trail",
)
"""Tables that follow from the journal and the catalogue alone: rebuilt, they are equal to the last value."""


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
    }
    return _view(table, columns | extra, _PAIR)


_VIEWS = (
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
        },
        " JOIN assets AS b ON b.asset = t.credit_type LEFT JOIN assets AS q ON q.asset = t.currency",
    )
    + _order_view("active_orders", {})
    + _order_view("order_history", {"reason": "t.reason", "closed_at": _moment("t.closed_at")})
    + _view(
        "trading_statistics",
        {
            "credit_type": "t.credit_type",
            "currency": "t.currency",
            "trades": "t.trades",
            "bought_quantity": _decimal("t.bought_quantity", "b.decimals"),
            "sold_quantity": _decimal("t.sold_quantity", "b.decimals"),
            "bought_value": _decimal("t.bought_value", "q.decimals"),
            "sold_value": _decimal("t.sold_value", "q.decimals"),
            "fees": _decimal("t.fees", "q.decimals"),
            "orders_placed": "t.orders_placed",
            "orders_filled": "t.orders_filled",
            "orders_canceled": "t.orders_canceled",
            "orders_expired": "t.orders_expired",
            "orders_rejected": "t.orders_rejected",
            "last_trade_at": _moment("t.last_trade_at"),
        },
        _PAIR,
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
        },
    )
)


@cache
def template() -> bytes:
    """An empty user file: schema, descriptions, no owner. Made once per process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        connection = connect(path, mode="rwc")
        try:
            with immediate(connection):
                for statement in (_TABLES + _VIEWS).split(";\n"):
                    connection.execute(statement)
                connection.executemany(
                    "INSERT INTO column_descriptions VALUES (?, ?, ?, ?)",
                    [
                        (table, column, unit, description)
                        for table, columns in DESCRIPTIONS.items()
                        for column, (unit, description) in columns.items()
                    ],
                )
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        finally:
            connection.close()
        return path.read_bytes()
