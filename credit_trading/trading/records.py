"""Rows of a user's file as values: exact decimal text, ISO times, names as in the readable views."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import msgspec

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
    route: str
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
    project_id: str | None
    """Of the credit type: the host application's."""
    reason: str | None = None
    closed_at: str | None = None


class TransactionRecord(msgspec.Struct, frozen=True, gc=False):
    """Something that moved the user's balances, or will: while it is `pending` it may expire at `expires_at`.

    `recorded_at` is when one that did not happen on the book was entered, here or elsewhere. `reference` and `trade_reference` are those of
    one that was imported. `status_reason` says why it was moved on, at `status_changed_at`. `project_id` is the credit type's. Its fields
    are the columns of `search.COLUMNS`.

    A Struct, since pages are made of it: an attrs class takes a fifth of the time in which a page is read.
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
    expires_at: str | None
    status_changed_at: str | None
    status_reason: str | None
    project_id: str | None


@attrs.frozen(kw_only=True)
class StatisticsRecord:
    """One credit type traded in one currency, in all or over a period; None for a total that no longer fits 63 bits.

    Quantities are in credits, values in the currency: costs are reckoned to a billionth of the currency's smallest unit and told in
    whole ones, all other sums are exact. Of ratios, `average_cost` (currency for one credit) is rounded half to even, four decimals beyond
    the currency's; floored are `fill_ratio` (percent of the quantity of orders that are done) to a tenth, and
    `average_time_to_fill` (seconds) to a microsecond; each is None where there is nothing to divide by.
    """

    period_start: str | None
    """None for all that ever was."""
    period_end: str | None
    """The first moment after it; None for now."""
    credit_type: str
    currency: str
    holdings: str | None
    """What was there of the credit type at the end of the period, by the dates of transactions."""
    cost: str | None
    """What of it had been paid in this currency."""
    average_cost: str | None
    realised_profit: str | None
    market_price: str | None
    """Of the last trade, or as it was given. Only as of now, as the next two."""
    market_value: str | None
    unrealised_profit: str | None
    """`market_value` less `cost`; None where some of the holdings was paid in another currency, too."""
    trades: int
    bought_quantity: str | None
    sold_quantity: str | None
    bought_value: str | None
    sold_value: str | None
    volume: str | None
    """Quantity bought and sold."""
    turnover: str | None
    """Value bought and sold, before fees."""
    fees: str | None
    cost_moved_in: str | None
    """What deposits, transfers and corrections had cost that came in with a price."""
    cost_moved_out: str | None
    """What withdrawals, transfers, fees and corrections took out of the cost."""
    best_trade: str | None
    """The largest realised profit of one sale."""
    worst_trade: str | None
    orders_placed: int
    orders_filled: int
    orders_canceled: int
    orders_expired: int
    orders_rejected: int
    ordered_quantity: str | None
    """Of orders that were done in the period, but for those that were refused."""
    filled_quantity: str | None
    fill_ratio: str | None
    average_time_to_fill: str | None
    """From acceptance to the last fill, of orders that were filled whole."""
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
    """One event of the user's history, as the user may see it.

    `details` are those of the journal: whole numbers of ticks, lots, smallest units and microseconds. `changes` are what a person reads, by
    field: the value before and the one after, amounts as decimal text, times as ISO 8601; None where the event changed nothing.
    """

    sequence: int
    event_number: int
    event_date: str
    kind: str
    cause: str | None
    actor: str | None
    origin: str | None
    correlation_id: str | None
    order_id: int | None
    details: dict[str, Any]
    changes: dict[str, list[Any]] | None = None


R = TypeVar("R")


def select(
    connection: Connection, record: type[R], view: str, *, where: str = "", parameters: tuple[Any, ...] = ()
) -> list[R]:
    """Rows of a readable view as `record`s. `where` is SQL from this package, from WHERE or ORDER BY on; values go into `parameters`."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
    names = [field.name for field in attrs.fields(record) if field.name in columns]  # type: ignore[arg-type]  # records are attrs classes
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {view} {where}", parameters)
    return [record(**dict(zip(names, row, strict=True))) for row in rows]
