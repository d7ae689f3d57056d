"""What one asset's transactions come to: figures by currency, in all and by day, and what is there at the end of each day.

Here: what each kind of transaction adds to which figure, in order of time. Never here: tables (statistics_rows), shares (cost_pool).
Always, for each currency: realised_profit = sold_value - bought_value - fees - cost_moved_in + cost_moved_out + cost, to the last unit,
unless a figure no longer fits 63 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import attrs

from credit_trading.users.tables.cost_pool import BILLION, Lot, Pool, Sum, in_billionths, in_units, minus, plus
from credit_trading.users.tables.statistics_tables import FIGURES

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

    Over a day, `cost` is what all that was there at its end had cost; None if that was as the day before. `cost_part` are the billionths
    beside it.
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

    @property
    def cost_billionths(self) -> Sum:
        """The exact cost."""
        return in_billionths(self.cost, self.cost_part)

    @cost_billionths.setter
    def cost_billionths(self, billionths: Sum) -> None:
        self.cost, self.cost_part = in_units(billionths)

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
        self.realised_profit = plus(self.realised_profit, profit)
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
_SUMMED = tuple(name for name in FIGURES if name not in (*_CHOSEN, "cost", "cost_part"))

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
        both = self._figures_of(currency, day)
        if one.kind in (BUY, SELL):
            for figures in both:
                figures.last_trade_at = max(figures.last_trade_at or one.at, one.at)
                if not busted:
                    figures.count_trade(one)
        if not busted and one.kind == SELL:
            self._sell(one, currency, day, both)
        elif not busted:
            self._move(one, day, both, one.total + one.fee)
        for figures in both:
            figures.cost_billionths = self.pool.costs.get(currency, 0)

    def _sell(self, one: Settled, currency: str, day: int, both: tuple[Figures, Figures]) -> None:
        """What was paid in other currencies for what is sold is a loss in these."""
        assert one.total is not None
        costs = self.pool.take_out(one.quantity)
        profit = minus(one.total - one.fee, costs.pop(currency, 0))
        for figures in both:
            figures.count_sale(profit)
        for other, cost in costs.items():
            for figures in self._figures_of(other, day):
                figures.realised_profit = minus(figures.realised_profit, cost)
                figures.cost_billionths = self.pool.costs.get(other, 0)

    def _move(self, one: Settled, day: int, both: tuple[Figures, ...] = (), cost: int = 0) -> None:
        """Comes in with its cost, or goes and takes its cost along: nothing is realised, but for what was sold before it came."""
        if one.kind == BUY or one.kind in _COMES:
            came = Lot(one.at, one.transaction_id, one.quantity, one.currency, cost * BILLION)
            covered = self.pool.take_in(came)
            for figures in both:
                figures.realised_profit = minus(figures.realised_profit, covered)
                if one.kind != BUY:
                    figures.cost_moved_in = plus(figures.cost_moved_in, cost)
            return
        for currency, gone in self.pool.take_out(one.quantity).items():
            for figures in self._figures_of(currency, day):
                figures.cost_moved_out = plus(figures.cost_moved_out, gone)
                figures.cost_billionths = self.pool.costs.get(currency, 0)
