"""What one asset's transactions come to: figures by currency, in all and by day, and what is there at the end of each day.

Here: what each kind of transaction adds to which figure, in order of time. Never here: tables (statistics_rows), shares (cost_pool).
Always, for each currency: realised_profit = sold_value - bought_value - fees - cost_moved_in + cost_moved_out + cost, to the last unit,
unless a figure no longer fits 63 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import attrs

from credit_trading.users.tables.cost_pool import BILLION, Lot, Pool, Sum, in_units, plus
from credit_trading.users.tables.statistics_tables import CLOSING, FIGURES

DAY_US = 86_400_000_000

BUY, SELL = "buy", "sell"
_COMES = {"deposit", "transfer_in", "correction_in"}


class Settled(NamedTuple):
    """A transaction as it is counted: `total` and `fee` in the currency's smallest units; no currency where no price was given."""

    transaction_id: int
    at: int
    kind: str
    quantity: int
    currency: str | None
    total: int | None
    fee: int

    @property
    def day(self) -> int:
        """Days since 1970-01-01 UTC."""
        return self.at // DAY_US

    @property
    def key(self) -> tuple[int, int]:
        """Its place in the order in which transactions are counted."""
        return self.at, self.transaction_id

    def in_money(self) -> Settled | None:
        """What a trade moves of its currency, as if that were moved by itself; None where it moves none."""
        if self.kind not in (BUY, SELL) or self.total is None:
            return None
        change = -self.total - self.fee if self.kind == BUY else self.total - self.fee
        kind = "transfer_in" if change > 0 else "transfer_out"
        return Settled(self.transaction_id, self.at, kind, abs(change), None, None, 0)


@attrs.define
class Figures:
    """Of one credit type and currency, over a day or in all; the columns of both tables, in their order.

    Over a day, `cost` is what all that was there at its end had cost; None if that was as the day before; its parts likewise.
    """

    trades: int = 0
    bought_quantity: Sum = 0
    sold_quantity: Sum = 0
    bought_value: Sum = 0
    sold_value: Sum = 0
    fees: Sum = 0
    cost_moved_in: Sum = 0
    cost_moved_out: Sum = 0
    realised_profit: Sum = 0
    best_trade: int | None = None
    worst_trade: int | None = None
    last_trade_at: int | None = None
    orders_placed: int = 0
    orders_filled: int = 0
    orders_canceled: int = 0
    orders_expired: int = 0
    orders_rejected: int = 0
    ordered_quantity: Sum = 0
    filled_quantity: Sum = 0
    time_to_fill: Sum = 0
    cost: Sum = None
    cost_part: Sum = None
    cost_moved_out_part: Sum = None

    @property
    def cost_billionths(self) -> Sum:
        """The exact cost."""
        if self.cost is None or self.cost_part is None:
            return None
        return self.cost * BILLION + self.cost_part

    def count_trade(self, trade: Settled) -> None:
        """All that it says by itself: its profit is counted apart."""
        self.trades += 1
        if trade.kind == BUY:
            self.bought_quantity = plus(self.bought_quantity, trade.quantity)
            self.bought_value = plus(self.bought_value, trade.total)
        else:
            self.sold_quantity = plus(self.sold_quantity, trade.quantity)
            self.sold_value = plus(self.sold_value, trade.total)
        self.fees = plus(self.fees, trade.fee)

    def count_sale(self, profit: Sum) -> None:
        """The profit of one sale; one that is not known is neither the best nor the worst."""
        if profit is not None:
            self.best_trade = profit if self.best_trade is None else max(self.best_trade, profit)
            self.worst_trade = profit if self.worst_trade is None else min(self.worst_trade, profit)

    def count_order(self, counter: str, *, quantity: int, filled: int, took: int | None) -> None:
        """`counter` is one of the five of orders; the others are 0 but for an order that was accepted and is done."""
        setattr(self, counter, getattr(self, counter) + 1)
        self.ordered_quantity = plus(self.ordered_quantity, quantity)
        self.filled_quantity = plus(self.filled_quantity, filled)
        if took is not None:
            self.time_to_fill = plus(self.time_to_fill, took)

    def add(self, later: Figures) -> None:
        """Those of a later day, but for the cost, which is no sum."""
        for name in _SUMMED:
            setattr(self, name, plus(getattr(self, name), getattr(later, name)))
        for name, choose in _CHOSEN.items():
            known = [value for value in (getattr(self, name), getattr(later, name)) if value is not None]
            setattr(self, name, choose(known, default=None))


_CHOSEN: dict[str, Callable[..., int | None]] = {"best_trade": max, "worst_trade": min, "last_trade_at": max}
_SUMMED = tuple(name for name in FIGURES if name not in (*_CHOSEN, *CLOSING))

FiguresOf = Callable[[str, int], tuple[Figures, Figures]]
"""By currency and day: those in all, and those of the day."""


class Reckoning:
    """Counts one asset's transactions, in the order of their keys, into figures that `figures_of` finds."""

    def __init__(self, pool: Pool, figures_of: FiguresOf) -> None:
        self.pool = pool
        self.holdings: dict[int, tuple[int, int, int]] = {}
        """By day: what is there at its end, and the key of the last transaction up to then."""
        self._figures_of = figures_of

    def count(self, one: Settled, *, busted: bool = False) -> None:
        """One that was taken back leaves the day on which it was, and nothing else."""
        day = one.at // DAY_US
        if one.currency is not None:
            self._count_priced(one, one.currency, day, busted=busted)
        elif not busted:
            self._move(one, day)
        self.holdings[day] = (self.pool.quantity, one.at, one.transaction_id)

    def _count_priced(self, one: Settled, currency: str, day: int, *, busted: bool) -> None:
        assert one.total is not None
        if one.kind in (BUY, SELL):
            for figures in self._figures_of(currency, day):
                figures.last_trade_at = max(figures.last_trade_at or one.at, one.at)
                if not busted:
                    figures.count_trade(one)
        if busted:
            self._post(currency, day)
        elif one.kind == SELL:
            self._sell(one, currency, day, one.total - one.fee)
        else:
            self._move(one, day, one.total + one.fee)

    def _sell(self, one: Settled, currency: str, day: int, proceeds: int) -> None:
        """What was paid in other currencies for what is sold is a loss in these."""
        costs = self.pool.take_out(one.quantity)
        cost = costs.pop(currency, 0)
        profit = self._post(currency, day, realised=None if cost is None else proceeds * BILLION - cost)
        for figures in self._figures_of(currency, day):
            figures.count_sale(profit)
        for other, cost in costs.items():
            self._post(other, day, realised=None if cost is None else -cost)

    def _move(self, one: Settled, day: int, cost: int = 0) -> None:
        """Comes in with its cost, or goes and takes its cost along: nothing is realised, but for what was sold before it came."""
        if one.kind != BUY and one.kind not in _COMES:
            for currency, gone in self.pool.take_out(one.quantity).items():
                self._post(currency, day, moved_out=gone)
            return
        covered = self.pool.take_in(Lot(one.at, one.transaction_id, one.quantity, one.currency, cost * BILLION))
        if one.currency is not None:
            self._post(one.currency, day, realised=-covered)
            if one.kind != BUY:
                for figures in self._figures_of(one.currency, day):
                    figures.cost_moved_in = plus(figures.cost_moved_in, cost)

    def _post(self, currency: str, day: int, *, realised: Sum = 0, moved_out: Sum = 0) -> Sum:
        """Billionths that the pool has told; gives what of it was realised now, in whole units.

        Both sums are rounded as sums, half up, and what is left of them is kept: each move is told within a unit and they never drift. The
        cost that is told is what these leave of what came in, the exact one where nothing was moved out.
        """
        total, of_day = self._figures_of(currency, day)
        moved_part = total.cost_moved_out_part or 0
        profit, realised_part = _rounded(realised, (total.cost_part or 0) + moved_part)
        gone, moved_part = _rounded(moved_out, moved_part)
        exact, part = self.pool.costs.get(currency, 0), realised_part - moved_part
        for figures in (total, of_day):
            figures.realised_profit = plus(figures.realised_profit, profit)
            figures.cost_moved_out = plus(figures.cost_moved_out, gone)
            figures.cost = None if exact is None else (exact - part) // BILLION
            figures.cost_part = None if exact is None else part
            figures.cost_moved_out_part = None if exact is None else moved_part
        return profit


def _rounded(billionths: Sum, part: int) -> tuple[Sum, int]:
    """With what was left before: whole units, and what is left now."""
    if billionths is None:
        return None, 0
    units, part = in_units(billionths + part)
    return plus(units, 0), part
