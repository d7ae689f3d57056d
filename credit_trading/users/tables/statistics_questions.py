"""What is asked of the tables of statistics.

Here: their SQL, rows as figures. Never here: periods, marks, text (trading.statistics). Always: no other table is looked at, so an answer
costs as much as there are days in it, whatever the user's history.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.cost_pool import Sum
from credit_trading.users.tables.reckoning import Figures
from credit_trading.users.tables.statistics_tables import FIGURES

_FIGURES = ", ".join(FIGURES)
_CHOSEN = "credit_type BETWEEN coalesce(:credit_type, '') AND coalesce(:credit_type, '~') AND currency = coalesce(:currency, currency)"
"""No code of an asset comes after a tilde."""
_IN_ALL = (
    "SELECT credit_type, currency,"
    " coalesce((SELECT quantity FROM holdings_by_day WHERE asset = t.credit_type ORDER BY day DESC LIMIT 1), 0),"
    " EXISTS (SELECT 1 FROM trading_statistics AS o WHERE o.credit_type = t.credit_type AND o.currency <> t.currency"
    f" AND o.cost IS NOT 0), {_FIGURES} FROM trading_statistics AS t WHERE {_CHOSEN} ORDER BY credit_type, currency"
)
_BY_DAY = (
    f"SELECT credit_type, currency, day, {_FIGURES} FROM trading_statistics_by_day WHERE {_CHOSEN}"
    " AND day >= :first AND day < :end ORDER BY credit_type, currency, day"
)
_HOLDINGS_BEFORE = "SELECT quantity FROM holdings_by_day WHERE asset = ? AND day < ? ORDER BY day DESC LIMIT 1"
_COST_BEFORE = (
    "SELECT cost, cost_part FROM trading_statistics_by_day WHERE credit_type = ? AND currency = ? AND day < ? AND cost IS NOT NULL"
    " ORDER BY day DESC LIMIT 1"
)
_HAS_LOST_COST = "SELECT cost IS NULL FROM trading_statistics WHERE credit_type = ? AND currency = ?"


class InAll(NamedTuple):
    """`holdings` is what is there of the credit type; `is_shared`: some of it was paid in another currency."""

    credit_type: str
    currency: str
    holdings: int
    is_shared: bool
    figures: Figures


def in_all(connection: Connection, credit_type: str | None, currency: str | None) -> list[InAll]:
    """As of now, by credit type and currency."""
    rows = connection.execute(_IN_ALL, {"credit_type": credit_type, "currency": currency})
    return [
        InAll(pair_credit_type, pair_currency, holdings, bool(is_shared), Figures(*figures))
        for pair_credit_type, pair_currency, holdings, is_shared, *figures in rows
    ]


def by_day(
    connection: Connection, credit_type: str | None, currency: str | None, *, first: int, end: int
) -> Iterator[tuple[str, str, int, Figures]]:
    """The days from `first` on and before `end`, in days since 1970, by credit type, currency and day."""
    chosen = {"credit_type": credit_type, "currency": currency, "first": first, "end": end}
    for pair_credit_type, pair_currency, day, *row in connection.execute(_BY_DAY, chosen):
        yield pair_credit_type, pair_currency, day, Figures(*row)


def holdings_before(connection: Connection, asset: str, day: int) -> Sum:
    """What was there when that day began; None where it did not fit 63 bits."""
    row = connection.execute(_HOLDINGS_BEFORE, (asset, day)).fetchone()
    quantity: Sum = 0 if row is None else row[0]
    return quantity


def cost_before(connection: Connection, credit_type: str, currency: str, day: int) -> tuple[Sum, Sum]:
    """What had been paid for it in that currency when that day began, and its billionths; None once it has not fitted 63 bits."""
    (is_lost,) = connection.execute(_HAS_LOST_COST, (credit_type, currency)).fetchone()
    if is_lost:
        return None, None
    row: tuple[int, int] | None = connection.execute(_COST_BEFORE, (credit_type, currency, day)).fetchone()
    return row or (0, 0)
