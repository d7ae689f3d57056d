"""What a statement says, as values: exact decimal text, ISO times in UTC.

Here: the records, which are also the fields of its JSON. Never here: how they are found (reading), how they look (page, rows).
"""

from __future__ import annotations

import attrs

from credit_trading.trading.balances import NetFlowRecord
from credit_trading.users.tables.statement_rows import OpenOrder, PendingTransaction

SCHEMA = "credit-trading-statement"
SCHEMA_VERSION = 1
"""Raised when a field of the JSON, or a column of the CSV, changes its meaning or goes away; new ones may come without."""


@attrs.frozen(kw_only=True)
class StatementBalance:
    """One asset over the period: `opening` + `inflow` - `outflow` = `closing`.

    `held` and `available` are those at the end, and None unless the statement goes up to now: what was held in the past is not kept.
    """

    asset: str
    opening: str
    inflow: str
    outflow: str
    closing: str
    held: str | None
    available: str | None


@attrs.frozen(kw_only=True)
class StatementFee:
    """What trades cost in fees in one currency, rebates and what was given back taken off."""

    currency: str
    fees: str


@attrs.frozen(kw_only=True)
class StatementResult:
    """What the trades among the lines come to, of one credit type in one currency; trades that were taken back are taken off.

    `realised_profit` is that of the period's days, by the cost method that is in force now. It is None, and `no_profit_because` says why,
    where something was booked or taken back in another period than it happened in (`entered_late`), where the period begins or ends
    within a UTC day (`part_of_day`), and where it is beyond 63 bits (`too_large`).
    """

    credit_type: str
    currency: str
    trades: int
    bought_quantity: str
    sold_quantity: str
    bought_value: str
    sold_value: str
    fees: str
    realised_profit: str | None
    no_profit_because: str | None


@attrs.frozen(kw_only=True)
class LineChange:
    """What a transaction changed of one asset, and what there was after it."""

    asset: str
    change: str
    balance: str


@attrs.frozen(kw_only=True)
class StatementLine:
    """One settled transaction. `transaction_date` is when it happened, `booked_at` when the ledger took it: later for one entered late.

    `project_id` is that of the credit type in the host application.
    """

    number: int
    transaction_id: int
    transaction_date: str
    booked_at: str
    sequence: int
    transaction_type: str
    credit_type: str
    quantity: str
    price_per_credit: str | None
    total_value: str | None
    fee: str | None
    currency: str | None
    counterparty: str | None
    symbol: str | None
    order_id: int | None
    trade_id: int | None
    external_reference: str | None
    reference: str | None
    note: str | None
    project_id: str | None
    changes: list[LineChange]


@attrs.frozen(kw_only=True)
class Statement:
    """All of a statement but its lines.

    It covers [`begins_at`, `ends_at`). `is_current`: it goes up to the moment at which it was made, and lists what is pending and open.
    `is_final`: no more can be booked before its end; False only where the clock lags behind the journal, up to now.
    `as_of_sequence` and `as_of_hash` are those of the user's last event in the journal that it knows: `credit-trading journal check` proves
    that history up to there is still the same.
    """

    exchange_id: str
    user_id: str
    email: str
    begins_at: str
    ends_at: str
    by: str
    made_at: str
    is_current: bool
    is_final: bool
    as_of_sequence: int
    as_of_hash: str
    cost_method: str
    transactions: int
    balances: list[StatementBalance]
    flows: list[NetFlowRecord]
    fees: list[StatementFee]
    results: list[StatementResult]
    pending: list[PendingTransaction]
    open_orders: list[OpenOrder]
