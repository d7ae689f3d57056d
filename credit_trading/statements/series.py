"""What a statement draws: volume by hour, day, week or month as its lines go by, and the moments at which holdings are looked at.

Here: which periods there are and what falls into each. Never here: pixels (charts).
Always: whole numbers in smallest units; memory for a few hundred periods, however many lines there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from credit_trading.exchange.recorded import BUSTS, TRADES
from credit_trading.trading.periods import boundaries_us
from credit_trading.users.tables.statement_rows import MovedTransaction, Movement

DAY_US = 86_400_000_000

_BARS = (("hour", 2), ("day", 45), ("week", 400))
"""Volume is drawn by the hour up to so many days, by the day up to so many, then by the week, by the month beyond."""

_STEPS = 400
"""Parts of the period after each of which holdings are looked at: about as many as the drawing is wide."""


class Series:
    """Of the period from the one moment up to before the other; `every` is what one bar stands for."""

    def __init__(self, decimals: Mapping[str, int], *, from_us: int, to_us: int) -> None:
        self.decimals = decimals
        self.from_us, self.to_us = from_us, to_us
        days = (to_us - from_us) / DAY_US
        self.every = next((name for name, most in _BARS if days <= most), "month")
        self.ends_us = boundaries_us(from_us=from_us, to_us=to_us, every=self.every, what="statement")
        parts = min(_STEPS, to_us - from_us)
        self.moments_us = [from_us, *(from_us + (to_us - from_us) * part // parts for part in range(1, parts + 1))]
        self.volumes: dict[str, list[int]] = {}
        """By currency, one sum for each of `ends_us`; a trade that is taken back lessens the sum of the day on which it is."""
        self.changes: dict[str, int] = {}
        """How often each asset moved."""
        self.least: dict[str, int] = {}
        self.most: dict[str, int] = {}
        """Between which balances each asset was."""

    def begin(self, opening: Mapping[str, int]) -> None:
        """Before the first line."""
        self.least, self.most = dict(opening), dict(opening)

    def add(self, movement: Movement, transaction: MovedTransaction, balances: Mapping[str, int]) -> None:
        """The next line, and what there was of everything after it."""
        for change in movement.changes:
            asset, balance = change.asset, balances[change.asset]
            self.changes[asset] = self.changes.get(asset, 0) + 1
            self.least[asset] = min(self.least[asset], balance)
            self.most[asset] = max(self.most[asset], balance)
        kind, currency = transaction.transaction_type, transaction.currency
        if currency is None or transaction.total_value is None or kind not in TRADES | BUSTS:
            return
        sums = self.volumes.setdefault(currency, [0] * len(self.ends_us))
        sums[bisect_right(self.ends_us, movement.at_us)] += (
            transaction.total_value if kind in TRADES else -transaction.total_value
        )
