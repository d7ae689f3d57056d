"""What a user's file looks like to anyone who opens it: tables in smallest units, a readable view beside each, a word on every column.

Here: the SQL of the tables and the template that new files are copied from. Never here: views (views), indices (indices), the tables of
statistics (statistics_tables), what fills them (projection).
Always: every column is described in `column_descriptions`; every table of the user's has a view with exact decimal text.
"""

from __future__ import annotations

from contextlib import closing
from functools import cache

from credit_trading.store.files import temporary_database
from credit_trading.store.sqlite import Connection, connect, immediate, translated
from credit_trading.users.tables.descriptions import DESCRIPTIONS
from credit_trading.users.tables.indices import INDICES
from credit_trading.users.tables.statistics_tables import STATISTICS, STATISTICS_TABLES
from credit_trading.users.tables.views import VIEWS
from credit_trading.users.tables.words import TEXTS

APPLICATION_ID = 0x43545255
SCHEMA_VERSION = 5
PROJECTION_VERSION = 5
"""Both are raised when the same events would be shown differently, or tables change; `migrations` says how older files get there."""

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
    stop_price INTEGER,
    displayed_quantity INTEGER,
    post_only INTEGER NOT NULL,
    self_trade TEXT NOT NULL,
    route TEXT NOT NULL DEFAULT 'internal',
    version INTEGER NOT NULL,
    triggered_at INTEGER,
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
    event_number INTEGER NOT NULL,
    cost_method TEXT NOT NULL DEFAULT 'average'
) STRICT;
CREATE TABLE assets (
    asset TEXT PRIMARY KEY,
    decimals INTEGER NOT NULL,
    project_id TEXT
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
    note TEXT,
    recorded_at INTEGER,
    reference TEXT,
    trade_reference TEXT,
    expires_at INTEGER,
    status_changed_at INTEGER,
    status_reason TEXT
) STRICT;
CREATE TABLE active_orders ({_ORDER_COLUMNS}
) STRICT;
CREATE TABLE order_history ({_ORDER_COLUMNS},
    reason TEXT NOT NULL,
    closed_at INTEGER NOT NULL
) STRICT;
CREATE TABLE balances (
    asset TEXT PRIMARY KEY,
    posted INTEGER NOT NULL,
    held INTEGER NOT NULL,
    available INTEGER GENERATED ALWAYS AS (posted - held) VIRTUAL
) STRICT, WITHOUT ROWID;
CREATE TABLE balance_changes (
    asset TEXT NOT NULL,
    booked_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    transaction_date INTEGER NOT NULL,
    change INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (asset, booked_at, sequence)
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
    details TEXT NOT NULL,
    changes TEXT
) STRICT;
CREATE TRIGGER audit_trail_is_appended BEFORE INSERT ON audit_trail
    WHEN NEW.sequence <= (SELECT max(sequence) FROM audit_trail)
    BEGIN SELECT RAISE(ABORT, 'the audit trail only grows at its end'); END;
CREATE TRIGGER audit_trail_is_not_changed BEFORE UPDATE ON audit_trail
    BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END;
CREATE TRIGGER audit_trail_is_not_deleted BEFORE DELETE ON audit_trail
    BEGIN SELECT RAISE(ABORT, 'nothing is deleted from the audit trail'); END;
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
    *STATISTICS_TABLES,
    "balances",
    "balance_changes",
    "audit_trail",
)
"""Tables that follow from the journal and the catalogue alone: rebuilt, they are equal to the last value."""


@cache
def template() -> bytes:
    """An empty user file: schema, descriptions, no owner. Made once per process. Raises StorageError."""
    with temporary_database("template.db") as path, translated("users.template", path):
        with closing(connect(path, mode="rwc")) as connection, immediate(connection):
            for statement in (_TABLES + STATISTICS + INDICES + TEXTS + VIEWS).split(";\n"):
                connection.execute(statement)
            describe(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return path.read_bytes()


def describe(connection: Connection) -> None:
    """Fills `column_descriptions`, which is empty, in the caller's transaction."""
    connection.executemany(
        "INSERT INTO column_descriptions VALUES (?, ?, ?, ?)",
        [
            (table, column, unit, description)
            for table, columns in DESCRIPTIONS.items()
            for column, (unit, description) in columns.items()
        ],
    )
