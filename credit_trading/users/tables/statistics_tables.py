"""The tables that a user's statistics are kept in.

Here: their SQL. Never here: what fills them (totals), what is asked of them (statistics_questions).
"""

from __future__ import annotations

CLOSING = ("cost", "cost_part", "cost_moved_out_part")
"""Those of the columns below that are no sums: what is left in the end."""

FIGURES = (
    *(
        "trades",
        "bought_quantity",
        "sold_quantity",
        "bought_value",
        "sold_value",
        "fees",
        "cost_moved_in",
        "cost_moved_out",
    ),
    *("realised_profit", "best_trade", "worst_trade", "last_trade_at"),
    *("orders_placed", "orders_filled", "orders_canceled", "orders_expired", "orders_rejected"),
    *("ordered_quantity", "filled_quantity", "time_to_fill"),
    *CLOSING,
)
"""The columns that figures in all and by day have in common, in their order."""

_FIGURES = """\
    trades INTEGER NOT NULL DEFAULT 0,
    bought_quantity INTEGER DEFAULT 0,
    sold_quantity INTEGER DEFAULT 0,
    bought_value INTEGER DEFAULT 0,
    sold_value INTEGER DEFAULT 0,
    fees INTEGER DEFAULT 0,
    cost_moved_in INTEGER DEFAULT 0,
    cost_moved_out INTEGER DEFAULT 0,
    realised_profit INTEGER DEFAULT 0,
    best_trade INTEGER,
    worst_trade INTEGER,
    last_trade_at INTEGER,
    orders_placed INTEGER NOT NULL DEFAULT 0,
    orders_filled INTEGER NOT NULL DEFAULT 0,
    orders_canceled INTEGER NOT NULL DEFAULT 0,
    orders_expired INTEGER NOT NULL DEFAULT 0,
    orders_rejected INTEGER NOT NULL DEFAULT 0,
    ordered_quantity INTEGER DEFAULT 0,
    filled_quantity INTEGER DEFAULT 0,
    time_to_fill INTEGER DEFAULT 0,
    cost INTEGER,
    cost_part INTEGER,
    cost_moved_out_part INTEGER"""

STATISTICS = f"""\
CREATE TABLE trading_statistics (
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
{_FIGURES},
    PRIMARY KEY (credit_type, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE trading_statistics_by_day (
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    day INTEGER NOT NULL,
{_FIGURES},
    PRIMARY KEY (credit_type, currency, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE holdings_by_day (
    asset TEXT NOT NULL,
    day INTEGER NOT NULL,
    quantity INTEGER,
    last_date INTEGER NOT NULL,
    last_transaction_id INTEGER NOT NULL,
    PRIMARY KEY (asset, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE cost_lots (
    asset TEXT NOT NULL,
    acquired_at INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    currency TEXT,
    cost INTEGER NOT NULL,
    cost_part INTEGER NOT NULL,
    PRIMARY KEY (asset, acquired_at, transaction_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX transactions_busted ON trading_transactions (credit_type, currency, trade_id, trade_reference)
    WHERE transaction_type IN ('buy_busted', 'sell_busted');
"""

STATISTICS_TABLES = ("trading_statistics", "trading_statistics_by_day", "holdings_by_day", "cost_lots")
"""Their names."""
