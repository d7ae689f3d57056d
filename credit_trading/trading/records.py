"""Rows of a user's file as values: exact decimal text, ISO times, names as in the readable views."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from credit_trading.store.sqlite import Connection


@attrs.frozen(kw_only=True)
class OrderRecord:
    """An order and its progress. `reason` and `closed_at` are None while it is open, `triggered_at` while a stop waits.

    `version` is what `expected_version` of an amend is compared with.
    """

    order_id: int
    client_order_id: str | None
    symbol: str
    credit_type: str
    currency: str
    side: str
    order_type: str
    time_in_force: str
    price_per_credit: str | None
    stop_price: str | None
    displayed_quantity: str | None
    post_only: bool = attrs.field(converter=bool)
    self_trade: str
    version: int
    triggered_at: str | None
    quantity: str
    filled_quantity: str
    remaining_quantity: str
    percent_filled: str
    filled_value: str
    average_price: str | None = None
    fees: str
    hold: str
    order_status: str
    expires_at: str | None
    created_at: str
    updated_at: str
    reason: str | None = None
    closed_at: str | None = None


@attrs.frozen(kw_only=True)
class TransactionRecord:
    """Something that moved the user's balances.

    The last three are those of one that happened elsewhere and was recorded here at `recorded_at`; None for what happened here.
    """

    transaction_id: int
    transaction_date: str
    transaction_type: str
    credit_type: str
    quantity: str
    price_per_credit: str | None
    total_value: str | None
    fee: str | None
    currency: str | None
    counterparty: str | None
    status: str
    symbol: str | None
    order_id: int | None
    trade_id: int | None
    role: str | None
    external_reference: str | None
    note: str | None
    recorded_at: str | None
    reference: str | None
    trade_reference: str | None


@attrs.frozen(kw_only=True)
class StatisticsRecord:
    """Totals of one credit type traded in one currency; None for a total that no longer fits 63 bits."""

    credit_type: str
    currency: str
    trades: int
    bought_quantity: str | None
    sold_quantity: str | None
    bought_value: str | None
    sold_value: str | None
    fees: str | None
    orders_placed: int
    orders_filled: int
    orders_canceled: int
    orders_expired: int
    orders_rejected: int
    last_trade_at: str | None


@attrs.frozen(kw_only=True)
class BalanceRecord:
    """`available` is posted less held."""

    asset: str
    posted: str
    held: str
    available: str


@attrs.frozen(kw_only=True)
class AuditRecord:
    """One event of the user's history, as the user may see it. `details` is JSON."""

    sequence: int
    event_number: int
    event_date: str
    kind: str
    cause: str | None
    actor: str | None
    origin: str | None
    correlation_id: str | None
    order_id: int | None
    details: str


R = TypeVar("R")


def select(
    connection: Connection, record: type[R], view: str, *, where: str = "", parameters: tuple[Any, ...] = ()
) -> list[R]:
    """Rows of a readable view as `record`s. `where` is SQL from this package, from WHERE or ORDER BY on; values go into `parameters`."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
    names = [field.name for field in attrs.fields(record) if field.name in columns]  # type: ignore[arg-type]  # records are attrs classes
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {view} {where}", parameters)
    return [record(**dict(zip(names, row, strict=True))) for row in rows]
