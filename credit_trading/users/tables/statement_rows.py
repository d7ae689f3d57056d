"""What a statement of a user's account is made of: who, every settled movement in order, what is still pending or open.

Here: the SQL. Never here: sums and words (statements), balances at a moment (balances_over_time).
Always: movements are read one at a time, however many there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import groupby

import attrs

from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.balances_over_time import BOOKED, BalanceChange, changes, decimals_of_assets
from credit_trading.users.tables.statistics_rows import date_of_trade

_STANDING = "SELECT exchange_id, user_id, email, applied_sequence, applied_hash, cost_method FROM metadata"
_TRANSACTION = """\
SELECT transaction_id, transaction_type, credit_type, quantity, price_per_credit, price_decimals, total_value, fee, currency,
    counterparty, symbol, order_id, trade_id, external_reference, reference, note,
    (SELECT project_id FROM assets WHERE asset = credit_type)
FROM trading_transactions WHERE transaction_id = ?"""
_PENDING = """\
SELECT transaction_id, transaction_date, transaction_type, credit_type, quantity, price_per_credit, total_value, fee, currency,
    counterparty, external_reference, note, expires_at, project_id
FROM trading_transactions_readable WHERE transaction_id IN (SELECT transaction_id FROM trading_transactions WHERE status = 'pending')
ORDER BY transaction_id"""
_OPEN_ORDERS = """\
SELECT order_id, client_order_id, symbol, side, order_type, price_per_credit, stop_price, quantity, filled_quantity, remaining_quantity,
    hold, CASE side WHEN 'buy' THEN currency ELSE credit_type END, order_status, expires_at, created_at,
    project_id
FROM active_orders_readable ORDER BY order_id"""

_RESULTS = """\
SELECT credit_type, currency, day, trades, bought_quantity, sold_quantity, bought_value, sold_value, fees, realised_profit
FROM trading_statistics_by_day WHERE day >= ? AND day < ? ORDER BY credit_type, currency, day"""

_LATE_ACROSS = """\
SELECT EXISTS (SELECT 1 FROM balance_changes INDEXED BY balance_changes_entered_late
    WHERE asset = ?1 AND transaction_date < ?3 AND transaction_date < booked_at AND booked_at >= ?2
    AND (transaction_date < ?2 OR booked_at >= ?3))"""
_BUSTS_SINCE = """\
SELECT transaction_date, credit_type, trade_id, trade_reference FROM trading_transactions
WHERE transaction_type IN ('buy_busted', 'sell_busted') AND (credit_type = ?1 OR currency = ?1) AND transaction_date >= ?2"""


@attrs.frozen
class FileStanding:
    """Whose file it is, and which row of the journal it shows last."""

    exchange_id: str
    user_id: str
    email: str
    sequence: int
    hash: bytes
    cost_method: str


@attrs.frozen
class Movement:
    """One settled transaction: what it changed of each asset that it touches, and when."""

    at_us: int
    booked_at_us: int
    happened_at_us: int
    sequence: int
    transaction_id: int
    changes: tuple[BalanceChange, ...]


@attrs.frozen
class MovedTransaction:
    """The row of `trading_transactions` that a movement belongs to, in smallest units, and the project of its credit type."""

    transaction_id: int
    transaction_type: str
    credit_type: str
    quantity: int
    price_per_credit: int | None
    price_decimals: int | None
    total_value: int | None
    fee: int
    currency: str | None
    counterparty: str | None
    symbol: str | None
    order_id: int | None
    trade_id: int | None
    external_reference: str | None
    reference: str | None
    note: str | None
    project_id: str | None


@attrs.frozen
class PendingTransaction:
    """Entered and not settled, as exact decimal text."""

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
    external_reference: str | None
    note: str | None
    expires_at: str | None
    project_id: str | None


@attrs.frozen
class OpenOrder:
    """An order that can still fill, as exact decimal text; `hold` is in `hold_asset`."""

    order_id: int
    client_order_id: str | None
    symbol: str
    side: str
    order_type: str
    price_per_credit: str | None
    stop_price: str | None
    quantity: str
    filled_quantity: str
    remaining_quantity: str
    hold: str
    hold_asset: str
    order_status: str
    expires_at: str | None
    created_at: str
    project_id: str | None


@attrs.frozen
class DayResult:
    """What trading one credit type in one currency came to on one day, counted from 1970; None for what does not fit 63 bits."""

    credit_type: str
    currency: str
    day: int
    trades: int
    bought_quantity: int | None
    sold_quantity: int | None
    bought_value: int | None
    sold_value: int | None
    fees: int | None
    realised_profit: int | None


def standing(connection: Connection) -> FileStanding:
    return FileStanding(*connection.execute(_STANDING).fetchone())


def movements(connection: Connection, *, from_us: int, to_us: int, by: str) -> Iterator[Movement]:
    """Of all assets together, in the order of time, ties by the journal's sequence; one row of each asset is in memory."""

    def moment(change: BalanceChange) -> tuple[int, int]:
        return change.booked_at_us if by == BOOKED else change.happened_at_us, change.sequence

    streams = [
        changes(connection, asset, from_us=from_us, to_us=to_us, by=by) for asset in decimals_of_assets(connection)
    ]
    for (at_us, sequence), group in groupby(heapq.merge(*streams, key=moment), key=moment):
        changed = tuple(group)
        first = changed[0]
        yield Movement(at_us, first.booked_at_us, first.happened_at_us, sequence, first.transaction_id, changed)


def moved_transaction(connection: Connection, transaction_id: int) -> MovedTransaction | None:
    """None if the row is missing, which is damage."""
    row = connection.execute(_TRANSACTION, (transaction_id,)).fetchone()
    return None if row is None else MovedTransaction(*row)


def pending_transactions(connection: Connection) -> list[PendingTransaction]:
    """As they were entered."""
    return [PendingTransaction(*row) for row in connection.execute(_PENDING)]


def open_orders(connection: Connection) -> list[OpenOrder]:
    """As they were accepted."""
    return [OpenOrder(*row) for row in connection.execute(_OPEN_ORDERS)]


def day_results(connection: Connection, *, from_day: int, to_day: int) -> Iterator[DayResult]:
    """By credit type, currency and day, up to before `to_day`."""
    for row in connection.execute(_RESULTS, (from_day, to_day)):
        yield DayResult(*row)


def is_told_across(connection: Connection, asset: str, *, from_us: int, to_us: int) -> bool:
    """Whether any of the asset happened in one period and was booked, or taken back, in another, the one asked for being touched.

    What such a period's trading came to differs by whether it is told as booked or by date.
    """
    if connection.execute(_LATE_ACROSS, (asset, from_us, to_us)).fetchone()[0]:
        return True
    for busted_at, credit_type, trade_id, trade_reference in connection.execute(_BUSTS_SINCE, (asset, from_us)):
        made_at = date_of_trade(connection, credit_type, trade_id, trade_reference)
        if made_at is not None and made_at < to_us and (made_at < from_us or busted_at >= to_us):
            return True
    return False
