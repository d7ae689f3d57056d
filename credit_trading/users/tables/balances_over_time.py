"""What a user's balances were at any past moment, and what moved them.

Here: the SQL on `balance_changes`. Never here: decimal text (trading), the transactions that its rows belong to (statement_rows).
Always: amounts are whole numbers in smallest units; a moment is asked for with one seek, a period is read one row at a time, in order.

There are two ways to look back. As `booked`: what the ledger said at that moment; nothing that is entered later changes it. By `date`:
what was entered late counts from the time when it happened, so the answer may still change.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

import attrs

from credit_trading.store.sqlite import Connection

BOOKED, DATE = "booked", "date"
VIEWS_OF_TIME = (BOOKED, DATE)

_BEFORE = "SELECT balance FROM balance_changes WHERE asset = ? AND booked_at < ? ORDER BY booked_at DESC, sequence DESC LIMIT 1"
_LATE = (
    "SELECT transaction_date, booked_at, change FROM balance_changes INDEXED BY balance_changes_entered_late"
    " WHERE asset = ? AND transaction_date < ? AND transaction_date < booked_at"
)
_ROW = "booked_at, sequence, transaction_id, transaction_date, change, balance"
_BOOKED_ROWS = f"SELECT {_ROW} FROM balance_changes WHERE asset = ? AND booked_at >= ? AND booked_at < ? ORDER BY booked_at, sequence"
_PUNCTUAL_ROWS = (
    f"SELECT {_ROW} FROM balance_changes WHERE asset = ? AND booked_at >= ? AND booked_at < ? AND transaction_date = booked_at"
    " ORDER BY booked_at, sequence"
)
_LATE_ROWS = (
    f"SELECT {_ROW} FROM balance_changes INDEXED BY balance_changes_entered_late"
    " WHERE asset = ? AND transaction_date >= ? AND transaction_date < ? AND transaction_date < booked_at"
    " ORDER BY transaction_date, booked_at, sequence"
)
_PAGE = (
    f"SELECT {_ROW} FROM balance_changes WHERE asset = ? AND booked_at >= ? AND (booked_at, sequence) < (?, ?)"
    " ORDER BY booked_at DESC, sequence DESC LIMIT ?"
)
_SUMS = """\
SELECT t.transaction_type, c.change > 0, count(*), sum(c.change >> 32), sum(c.change & 4294967295)
FROM balance_changes AS c CROSS JOIN trading_transactions AS t ON t.transaction_id = c.transaction_id WHERE c.asset = ?"""
"""In halves: the sum of many amounts may be larger than SQLite's whole numbers, and that of its halves is not."""

_BOOKED_SUMS = f"{_SUMS} AND c.booked_at >= ? AND c.booked_at < ? GROUP BY 1, 2"
_PUNCTUAL_SUMS = f"{_SUMS} AND c.booked_at >= ? AND c.booked_at < ? AND c.transaction_date = c.booked_at GROUP BY 1, 2"
_LATE_SUMS = (
    f"{_SUMS} AND c.transaction_date >= ? AND c.transaction_date < ? AND c.transaction_date < c.booked_at GROUP BY 1, 2"
)
_FIRST = "SELECT min(booked_at) FROM balance_changes WHERE asset = ?"
_FIRST_LATE = (
    "SELECT min(transaction_date) FROM balance_changes INDEXED BY balance_changes_entered_late"
    " WHERE asset = ? AND transaction_date < booked_at"
)
_ASSETS = "SELECT asset, decimals FROM assets ORDER BY asset"
_BALANCES = "SELECT asset, posted, held FROM balances ORDER BY asset"


@attrs.frozen
class BalanceChange:
    """`booked_at_us` is when the ledger took it, `happened_at_us` when it happened; `balance` what the ledger had after it."""

    asset: str
    booked_at_us: int
    sequence: int
    transaction_id: int
    happened_at_us: int
    change: int
    balance: int


@attrs.frozen
class Flow:
    """So many changes; what they brought and what they took, both zero or more."""

    count: int
    inflow: int
    outflow: int

    def plus(self, other: Flow) -> Flow:
        return Flow(self.count + other.count, self.inflow + other.inflow, self.outflow + other.outflow)


def decimals_of_assets(connection: Connection) -> dict[str, int]:
    """Of all assets in which the user ever had something or an order, by code."""
    return dict(connection.execute(_ASSETS).fetchall())


def present_balances(connection: Connection) -> dict[str, tuple[int, int]]:
    """Posted and held, by asset."""
    return {asset: (posted, held) for asset, posted, held in connection.execute(_BALANCES)}


def first_moment(connection: Connection, asset: str, by: str) -> int | None:
    """When the asset first moved; None if it never did."""
    found = [connection.execute(_FIRST, (asset,)).fetchone()[0]]
    if by == DATE:
        found.append(connection.execute(_FIRST_LATE, (asset,)).fetchone()[0])
    return min((moment for moment in found if moment is not None), default=None)


def balances_before(connection: Connection, asset: str, moments_us: Sequence[int], by: str) -> list[int]:
    """What there was just before each of these moments, which ascend: one seek each, and by date all late entries once."""
    found = [connection.execute(_BEFORE, (asset, moment)).fetchone() for moment in moments_us]
    balances = [row[0] if row else 0 for row in found]
    if by == BOOKED or not moments_us:
        return balances
    late = [0] * (len(balances) + 1)
    for happened_at, booked_at, change in connection.execute(_LATE, (asset, moments_us[-1])):
        # It counts at moments after it happened, up to the one at which the ledger has it anyway.
        late[bisect_right(moments_us, happened_at)] += change
        late[bisect_right(moments_us, booked_at)] -= change
    running = 0
    for place, change in enumerate(late[:-1]):
        running += change
        balances[place] += running
    return balances


def changes(connection: Connection, asset: str, *, from_us: int, to_us: int, by: str) -> Iterator[BalanceChange]:
    """Of one asset from the one moment up to before the other, in the order of time, ties by the journal's sequence."""
    period = (asset, from_us, to_us)
    if by == BOOKED:
        yield from _as_changes(asset, connection.execute(_BOOKED_ROWS, period))
        return
    punctual = _as_changes(asset, connection.execute(_PUNCTUAL_ROWS, period))
    late = _as_changes(asset, connection.execute(_LATE_ROWS, period))
    yield from heapq.merge(punctual, late, key=attrgetter("happened_at_us", "sequence"))


def flows(connection: Connection, asset: str, *, from_us: int, to_us: int, by: str) -> dict[str, Flow]:
    """What came in and went out of one asset, by the type of the transaction, in the order of the types' names."""
    period = (asset, from_us, to_us)
    if by == BOOKED:
        rows = connection.execute(_BOOKED_SUMS, period).fetchall()
    else:
        rows = connection.execute(_PUNCTUAL_SUMS, period).fetchall() + connection.execute(_LATE_SUMS, period).fetchall()
    sums: dict[str, Flow] = {}
    for kind, incoming, count, upper, lower in sorted(rows):
        amount = (upper << 32) + lower
        more = Flow(count, amount, 0) if incoming else Flow(count, 0, -amount)
        sums[kind] = sums.get(kind, Flow(0, 0, 0)).plus(more)
    return sums


def changes_back(
    connection: Connection, asset: str, *, from_us: int, before: tuple[int, ...], most: int
) -> list[BalanceChange]:
    """As booked, the latest first: those before this moment and sequence, down to `from_us`; at most so many."""
    return list(_as_changes(asset, connection.execute(_PAGE, (asset, from_us, *before, most))))


def _as_changes(asset: str, rows: Iterable[tuple[int, ...]]) -> Iterator[BalanceChange]:
    return (BalanceChange(asset, *row) for row in rows)
