"""What a statement draws: volume by day, week or month as its lines go by, and the moments at which holdings are looked at.

Here: which periods there are and what falls into each. Never here: pixels (charts).
Always: whole numbers in smallest units; memory for a few hundred periods, however many lines there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from credit_trading.exchange.recorded import BUSTS, TRADES
from credit_trading.trading.periods import boundaries_us
from credit_trading.users.tables.statement_rows import MovedTransaction

DAY_US = 86_400_000_000

_BARS = (("day", 45), ("week", 400))
"""Volume is drawn by the day up to so many days, by the week up to so many, by the month beyond."""

_STEPS = (("hour", 10), ("day", 400), ("week", 2500))
"""The same of holdings, which are drawn more finely."""


class Series:
    """Of the period from the one moment up to before the other; `every` is what one bar stands for."""

    def __init__(self, decimals: Mapping[str, int], *, from_us: int, to_us: int) -> None:
        self.decimals = decimals
        self.from_us, self.to_us = from_us, to_us
        self.every = self._fitting(_BARS)
        self.ends_us = self._ends(self.every)
        self.moments_us = [from_us, *self._ends(self._fitting(_STEPS))]
        self.volumes: dict[str, list[int]] = {}
        """By currency, one sum for each of `ends_us`; a trade that is taken back lessens the sum of the day on which it is."""
        self.changes: dict[str, int] = {}
        """How often each asset moved."""

    def add(self, at_us: int, transaction: MovedTransaction) -> None:
        """The next line."""
        kind, currency = transaction.transaction_type, transaction.currency
        self.changes[transaction.credit_type] = self.changes.get(transaction.credit_type, 0) + 1
        if currency is None or transaction.total_value is None or kind not in TRADES | BUSTS:
            return
        self.changes[currency] = self.changes.get(currency, 0) + 1
        sums = self.volumes.setdefault(currency, [0] * len(self.ends_us))
        sums[bisect_right(self.ends_us, at_us)] += (
            transaction.total_value if kind in TRADES else -transaction.total_value
        )

    def _fitting(self, widths: tuple[tuple[str, int], ...]) -> str:
        days = (self.to_us - self.from_us) / DAY_US
        return next((name for name, most in widths if days <= most), "month")

    def _ends(self, every: str) -> list[int]:
        return boundaries_us(from_us=self.from_us, to_us=self.to_us, every=every, what="statement")
