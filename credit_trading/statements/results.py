"""What trading came to in a period: the sums of its days, and how the profit grew.

Here: sums over days, by credit type and currency. Never here: how profit is reckoned (users/tables), what it looks like (page).
Always: whole numbers in smallest units; a sum of which one part is not known is not known either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from credit_trading.money.amount import format_units
from credit_trading.statements.records import StatementResult
from credit_trading.users.tables.statement_rows import DayResult


def results(days: Iterable[DayResult], decimals: Mapping[str, int]) -> list[StatementResult]:
    """By credit type and currency; pairs of which nothing was traded are left out."""
    pairs = groupby(days, key=lambda day: (day.credit_type, day.currency))
    found = (_result(credit_type, currency, list(of_pair), decimals) for (credit_type, currency), of_pair in pairs)
    return [result for result in found if result is not None]


def profit_by_day(days: Iterable[DayResult]) -> dict[str, dict[int, int]]:
    """Realised profit of all credit types together, by currency and day. A currency of which one part is not known is left out."""
    profit: dict[str, dict[int, int]] = {}
    unknown: set[str] = set()
    for day in days:
        if day.realised_profit is None:
            unknown.add(day.currency)
        else:
            sums = profit.setdefault(day.currency, {})
            sums[day.day] = sums.get(day.day, 0) + day.realised_profit
    return {
        currency: dict(sorted(sums.items()))
        for currency, sums in sorted(profit.items())
        if currency not in unknown and any(sums.values())
    }


def _result(
    credit_type: str, currency: str, days: list[DayResult], decimals: Mapping[str, int]
) -> StatementResult | None:
    trades = sum(day.trades for day in days)
    profit = _sum(day.realised_profit for day in days)
    if not trades and profit == 0:
        return None
    of_credit, of_money = decimals[credit_type], decimals[currency]
    return StatementResult(
        credit_type=credit_type,
        currency=currency,
        trades=trades,
        bought_quantity=_text(_sum(day.bought_quantity for day in days), of_credit),
        sold_quantity=_text(_sum(day.sold_quantity for day in days), of_credit),
        bought_value=_text(_sum(day.bought_value for day in days), of_money),
        sold_value=_text(_sum(day.sold_value for day in days), of_money),
        fees=_text(_sum(day.fees for day in days), of_money),
        realised_profit=_text(profit, of_money),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def _text(units: int | None, decimals: int) -> str | None:
    return None if units is None else format_units(units, decimals)
