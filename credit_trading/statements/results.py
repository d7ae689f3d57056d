"""What trading came to in a period: the sums of a statement's own lines, and the profit that its days realised.

Here: sums by credit type and currency, how the profit grew. Never here: how profit is reckoned (users/tables), what it looks like (page).
Always: whole numbers in smallest units; what the lines say and the results say is the same; a profit that would contradict them, or of
which one part is not known, is not told, and why stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import attrs

from credit_trading.exchange.recorded import BUSTS, DIRECTIONS, TRADES
from credit_trading.money.amount import format_units
from credit_trading.statements.records import StatementResult
from credit_trading.users.tables.statement_rows import DayResult, MovedTransaction

ENTERED_LATE, PART_OF_DAY, TOO_LARGE = "entered_late", "part_of_day", "too_large"
"""Why there is no profit: booked or taken back in another period than it happened in; the period cuts a UTC day; beyond 63 bits."""

Pair = tuple[str, str]
"""Credit type and currency."""

Profit = int | str
"""In smallest units, or why it is not told."""


@attrs.define
class Traded:
    """The sums of one pair; a trade that is taken back is taken off where it is taken back."""

    trades: int = 0
    bought_quantity: int = 0
    sold_quantity: int = 0
    bought_value: int = 0
    sold_value: int = 0
    fees: int = 0

    def add(self, line: MovedTransaction) -> None:
        is_taken_back = line.transaction_type in BUSTS
        sign = -1 if is_taken_back else 1
        quantity, value = sign * line.quantity, sign * (line.total_value or 0)
        self.trades += sign
        self.fees += line.fee
        if DIRECTIONS[line.transaction_type] * sign > 0:
            self.bought_quantity += quantity
            self.bought_value += value
        else:
            self.sold_quantity += quantity
            self.sold_value += value


class Trading:
    """What the lines of a statement say of trades, by pair, as they go by."""

    def __init__(self) -> None:
        self.by_pair: dict[Pair, Traded] = {}

    def add(self, line: MovedTransaction) -> None:
        """The next line, whatever it is."""
        if line.transaction_type in TRADES | BUSTS and line.currency is not None:
            self.by_pair.setdefault((line.credit_type, line.currency), Traded()).add(line)


def profits(
    days: Iterable[DayResult] | None, pairs: Iterable[Pair], is_late: Callable[[str], bool]
) -> dict[Pair, Profit]:
    """Of these pairs, and of all in which a day realised something. `days` is None where the period cuts one."""
    found: dict[Pair, Profit] = dict.fromkeys(pairs, PART_OF_DAY if days is None else 0)
    for day in days or ():
        before = found.get((day.credit_type, day.currency), 0)
        profit = day.realised_profit
        whole = None if profit is None or isinstance(before, str) else before + profit
        found[day.credit_type, day.currency] = TOO_LARGE if whole is None else whole
    if days is not None:
        late = {credit_type: is_late(credit_type) for credit_type in sorted({pair[0] for pair in found})}
        found |= {pair: ENTERED_LATE for pair in found if late[pair[0]]}
    return found


def results(trading: Trading, profits: Mapping[Pair, Profit], decimals: Mapping[str, int]) -> list[StatementResult]:
    """By credit type and currency; pairs of which nothing was traded and no profit is told are left out."""
    return [
        _result(pair, trading.by_pair.get(pair, Traded()), profit, decimals)
        for pair, profit in sorted(profits.items())
        if trading.by_pair.get(pair, Traded()) != Traded() or (isinstance(profit, int) and profit)
    ]


def profit_by_day(days: Iterable[DayResult], profits: Mapping[Pair, Profit]) -> dict[str, dict[int, int]]:
    """Realised profit of all credit types together, by currency and day. A currency of which one part is not told is left out."""
    left_out = {currency for (_, currency), profit in profits.items() if isinstance(profit, str)}
    found: dict[str, dict[int, int]] = {}
    for day in days:
        if day.realised_profit and day.currency not in left_out:
            sums = found.setdefault(day.currency, {})
            sums[day.day] = sums.get(day.day, 0) + day.realised_profit
    return {currency: dict(sorted(sums.items())) for currency, sums in sorted(found.items())}


def _result(pair: Pair, traded: Traded, profit: Profit, decimals: Mapping[str, int]) -> StatementResult:
    of_credit, of_money = (decimals[asset] for asset in pair)
    return StatementResult(
        credit_type=pair[0],
        currency=pair[1],
        trades=traded.trades,
        bought_quantity=format_units(traded.bought_quantity, of_credit),
        sold_quantity=format_units(traded.sold_quantity, of_credit),
        bought_value=format_units(traded.bought_value, of_money),
        sold_value=format_units(traded.sold_value, of_money),
        fees=format_units(traded.fees, of_money),
        realised_profit=None if isinstance(profit, str) else format_units(profit, of_money),
        no_profit_because=profit if isinstance(profit, str) else None,
    )
