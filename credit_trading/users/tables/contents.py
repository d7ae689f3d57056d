"""What a user's file tells whoever wants all of it: its rows as exact decimal text, in the order in which they came.

Here: the SQL on the readable views, and on the tables where amounts are to be compared. Never here: what is made of the rows (transfer).
Always: rows are read one at a time, so that a long history needs no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from credit_trading.store.sqlite import Connection

Row = dict[str, Any]
"""A row by the names of its columns."""

_TRANSACTION = (
    "transaction_id",
    "reference",
    "transaction_date",
    "transaction_type",
    "credit_type",
    "quantity",
    "price_per_credit",
    "total_value",
    "fee",
    "currency",
    "counterparty",
    "symbol",
    "role",
    "trade_id",
    "trade_reference",
    "external_reference",
    "note",
    "status",
    "recorded_at",
    "expires_at",
    "status_changed_at",
    "status_reason",
)
_ORDER = (
    "order_id",
    "client_order_id",
    "symbol",
    "credit_type",
    "currency",
    "side",
    "order_type",
    "time_in_force",
    "price_per_credit",
    "stop_price",
    "displayed_quantity",
    "quantity",
    "filled_quantity",
    "filled_value",
    "fees",
    "hold",
    "order_status",
    "created_at",
    "expires_at",
    "route",
)

_TRANSACTIONS = f"SELECT {', '.join(_TRANSACTION)} FROM trading_transactions_readable"
_ALL_TRANSACTIONS = f"{_TRANSACTIONS} ORDER BY transaction_id"
_OWN_TRANSACTION = f"{_TRANSACTIONS} WHERE transaction_id = ? AND reference IS NULL"
_RECORDED_TRANSACTION = (
    f"{_TRANSACTIONS} WHERE transaction_id = (SELECT transaction_id FROM trading_transactions WHERE reference = ?)"
)
_TRADE = (
    "transaction_type",
    "credit_type",
    "quantity",
    "currency",
    "price_per_credit",
    "price_decimals",
    "total_value",
    "fee",
    "trade_reference",
)
_RECORDED_TRADES = (
    f"SELECT {', '.join(_TRADE)} FROM trading_transactions WHERE trade_reference IS NOT NULL ORDER BY transaction_id"
)
_COST_METHOD = "SELECT cost_method FROM metadata"
_POSITION = "SELECT applied_sequence FROM metadata"
_ORDERS = (
    f"SELECT {', '.join(_ORDER)}, NULL AS closed_at, NULL AS reason FROM active_orders_readable UNION ALL"
    f" SELECT {', '.join(_ORDER)}, closed_at, reason FROM order_history_readable ORDER BY order_id"
)
_BALANCES = "SELECT asset, posted FROM balances_readable WHERE asset IN (SELECT asset FROM balances WHERE posted) ORDER BY asset"
_ASSETS = "SELECT asset FROM assets ORDER BY asset"
_SYMBOLS = (
    "SELECT symbol FROM trading_transactions WHERE symbol IS NOT NULL UNION SELECT symbol FROM active_orders"
    " UNION SELECT symbol FROM order_history ORDER BY symbol"
)


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Within, all that is read is as of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def transactions(connection: Connection) -> Iterator[Row]:
    """By transaction_id: as they were entered."""
    for row in connection.execute(_ALL_TRANSACTIONS):
        yield dict(zip(_TRANSACTION, row, strict=True))


def own_transaction(connection: Connection, transaction_id: int) -> Row | None:
    """The one of that number, if it happened here."""
    row = connection.execute(_OWN_TRANSACTION, (transaction_id,)).fetchone()
    return None if row is None else dict(zip(_TRANSACTION, row, strict=True))


def recorded_transaction(connection: Connection, reference: str) -> Row | None:
    """The one that happened elsewhere and is called so there."""
    row = connection.execute(_RECORDED_TRANSACTION, (reference,)).fetchone()
    return None if row is None else dict(zip(_TRANSACTION, row, strict=True))


def recorded_trades(connection: Connection) -> Iterator[Row]:
    """Trades of elsewhere and their busts, as they were entered, in smallest units."""
    for row in connection.execute(_RECORDED_TRADES):
        yield dict(zip(_TRADE, row, strict=True))


def position(connection: Connection) -> int:
    """The sequence of the user's last event that the file shows."""
    sequence: int = connection.execute(_POSITION).fetchone()[0]
    return sequence


def cost_method(connection: Connection) -> str:
    """How the user's statistics reckon: one of `entered.CostMethod`."""
    method: str = connection.execute(_COST_METHOD).fetchone()[0]
    return method


def orders(connection: Connection) -> Iterator[Row]:
    """By order_id; `closed_at` and `reason` are None for open ones."""
    for row in connection.execute(_ORDERS):
        yield dict(zip((*_ORDER, "closed_at", "reason"), row, strict=True))


def balances(connection: Connection) -> list[Row]:
    """By asset, those that are not zero."""
    return [{"asset": asset, "posted": posted} for asset, posted in connection.execute(_BALANCES)]


def assets(connection: Connection) -> list[str]:
    """The codes of all in which the user ever had something, or had an order."""
    return [row[0] for row in connection.execute(_ASSETS)]


def symbols(connection: Connection) -> list[str]:
    """Of all instruments in which the user ever had an order or a trade."""
    return [row[0] for row in connection.execute(_SYMBOLS)]
