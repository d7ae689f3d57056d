"""What the rows of the host's tables hold, as an adapter is given them: one TypedDict per table, and what a batch has changed.

Always: keys are column names (tables); decimals are exact text, `…_units` whole numbers of smallest units, times aware and in UTC.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TypedDict

import attrs

from credit_trading.journal.follower import Position


class BalanceRow(TypedDict):
    """What a user has of an asset now."""

    user_id: str
    asset: str
    project_id: str | None
    decimals: int
    posted_units: int
    held_units: int
    available_units: int
    posted: str
    held: str
    available: str
    sequence: int
    updated_at: datetime


class OrderRow(TypedDict):
    """An open order."""

    order_id: int
    user_id: str
    instrument: str
    asset: str
    currency: str
    project_id: str | None
    side: str
    order_type: str
    time_in_force: str
    route: str
    client_order_id: str | None
    status: str
    price: str | None
    quantity_units: int
    filled_units: int
    hold_units: int
    quantity: str
    filled: str
    remaining: str
    placed_at: datetime
    expires_at: datetime | None
    sequence: int
    updated_at: datetime


class StatisticsRow(TypedDict):
    """What a user has done in an asset against a currency ('' for none)."""

    user_id: str
    asset: str
    currency: str
    project_id: str | None
    asset_decimals: int
    currency_decimals: int
    trades: int
    bought_units: int
    sold_units: int
    spent_units: int
    earned_units: int
    fees_units: int
    came_in_units: int
    went_out_units: int
    bought: str
    sold: str
    spent: str
    earned: str
    fees: str
    came_in: str
    went_out: str
    orders_placed: int
    orders_filled: int
    orders_canceled: int
    orders_expired: int
    orders_rejected: int
    first_at: datetime
    last_at: datetime
    sequence: int


class ActivityRow(TypedDict):
    """One thing that happened."""

    sequence: int
    part: int
    occurred_at: datetime
    type: str
    user_id: str | None
    counterparty_id: str | None
    project_id: str | None
    instrument: str | None
    asset: str | None
    currency: str | None
    order_id: int | None
    trade_id: int | None
    transaction_id: int | None
    request_id: str | None
    side: str | None
    quantity_units: int | None
    value_units: int | None
    quantity: str | None
    price: str | None
    value: str | None
    status: str | None
    reason: str | None
    actor: str
    correlation_id: str | None
    sentence: str


class DailyRow(TypedDict):
    """How much of a type happened on a day."""

    day: date
    type: str
    project_id: str
    user_id: str
    asset: str
    currency: str
    entries: int
    quantity_units: int
    value_units: int


class RequestRow(TypedDict):
    """What the host asked for, and what came of it: see `request`."""

    id: str
    kind: str
    user_id: str | None
    project_id: str | None
    asset: str | None
    amount: str | None
    note: str | None
    actor: str | None
    correlation_id: str | None
    decision: str | None
    status: str
    sequence: int | None
    transaction_id: int | None
    code: str | None
    sentence: str | None
    reapply: bool
    created_at: datetime
    updated_at: datetime | None


@attrs.frozen(kw_only=True)
class Changes:
    """What the events beyond `before` up to `after` have changed: each row as it is now, activity in its order, the rest in none.

    What is gone stands in `gone_balances`, `gone_statistics` (their users, in `deleted_users`, are deleted) and `done_orders`, as it was
    at the end. `requests` are those whose outcome these events brought: their `asset`, `project_id` and `amount` (with all decimals of the
    asset) are complete here, whichever of them the host has written.
    """

    before: Position
    after: Position
    balances: list[BalanceRow]
    gone_balances: list[BalanceRow]
    orders: list[OrderRow]
    done_orders: list[OrderRow]
    statistics: list[StatisticsRow]
    gone_statistics: list[StatisticsRow]
    activity: list[ActivityRow]
    requests: list[RequestRow]
    deleted_users: list[str]
