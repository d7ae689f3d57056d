"""Sentences of a statement that people read, on the page and in a terminal alike.

Here: words. Never here: figures (reading), markup (statement.html), columns (cli).
"""

from __future__ import annotations

from credit_trading.statements.records import Statement
from credit_trading.statements.results import ENTERED_LATE, PART_OF_DAY, TOO_LARGE

_NO_PROFIT = {
    ENTERED_LATE: "No profit is told where something was entered or taken back in another period than it happened in:"
    " a statement by date has it (--by date).",
    PART_OF_DAY: "Profit is told of whole UTC days, and this period begins or ends within one.",
    TOO_LARGE: "No profit is told where it is too large to be kept.",
}
_COST_METHODS = {"average": "average cost", "fifo": "first in, first out"}


def cost_method(statement: Statement) -> str:
    """How realised profit is reckoned."""
    return _COST_METHODS[statement.cost_method]


def why_no_profit(statement: Statement) -> list[str]:
    """A sentence for each reason that profits are left out for."""
    reasons = {result.no_profit_because for result in statement.results}
    return [sentence for reason, sentence in _NO_PROFIT.items() if reason in reasons]


def contents(statement: Statement) -> str:
    """What is in it and what is not."""
    if statement.by != "booked":
        return "everything that happened in this period, also if it was entered later"
    so_far = (
        "" if statement.is_final else " so far: more may be booked at its last moment, the clock is behind the journal"
    )
    return f"everything that was booked in this period{so_far}"
