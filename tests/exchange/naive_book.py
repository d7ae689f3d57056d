"""A second order book, written from the rules and not from the first: slow, plain, and in no way like it.

Here: an unsorted list of orders, looked through anew for every question. Never here: money, fees, users' rights; nothing is shared
with the engine but the numbers of orders and users.
"""

from __future__ import annotations

from itertools import count, takewhile

import attrs

COLLAR_PERCENT = 5


@attrs.define(eq=False)
class NaiveOrder:
    number: int
    user: int
    buys: bool
    price: int
    lots: int
    filled: int
    expires: float
    came: int


class NaiveBook:
    """`trades` are (maker, taker, price, lots), in the order in which they happened."""

    def __init__(self) -> None:
        self.orders: list[NaiveOrder] = []
        self.trades: list[tuple[int, int, int, int]] = []
        self._turns = count()

    def place(
        self, number: int, user: int, buys: bool, lots: int, price: int | None, force: str, expires: float
    ) -> None:
        opposite = self.queue(buys=not buys)
        if price is None:
            if not opposite:
                return
            best = opposite[0].price
            price = best + best * COLLAR_PERCENT // 100 if buys else max(best - best * COLLAR_PERCENT // 100, 1)
        order = NaiveOrder(number, user, buys, price, lots, 0, expires, next(self._turns))
        if force == "FOK":
            reachable = takewhile(lambda other: other.user != user, self._reachable(order))
            if sum(other.lots - other.filled for other in reachable) < lots:
                return
        if self._trade(order) and force in ("GTC", "GTD"):
            self.orders.append(order)

    def cancel(self, number: int) -> None:
        self.orders = [order for order in self.orders if order.number != number]

    def amend(self, number: int, price: int | None, lots: int | None) -> None:
        for order in self.orders:
            if order.number == number and (lots is None or lots >= order.filled):
                self.orders.remove(order)
                if price not in (None, order.price) or (lots or 0) > order.lots:
                    order.came = next(self._turns)
                order.price, order.lots = price or order.price, lots or order.lots
                if order.lots > order.filled and self._trade(order):
                    self.orders.append(order)

    def expire(self, now: float) -> None:
        self.orders = [order for order in self.orders if order.expires > now]

    def queue(self, *, buys: bool) -> list[NaiveOrder]:
        """One side's orders, the one that trades first first."""
        side = [order for order in self.orders if order.buys == buys]
        return sorted(side, key=lambda order: (-order.price if buys else order.price, order.came))

    def _reachable(self, order: NaiveOrder) -> list[NaiveOrder]:
        return [
            other
            for other in self.queue(buys=not order.buys)
            if (other.price <= order.price if order.buys else other.price >= order.price)
        ]

    def _trade(self, order: NaiveOrder) -> bool:
        """Trades what it can; whether something is left that may stay."""
        for other in self._reachable(order):
            lots = min(order.lots - order.filled, other.lots - other.filled)
            if lots and other.user == order.user:
                order.filled = order.lots  # canceled: nothing of it may stay
                break
            if lots:
                self.trades.append((other.number, order.number, other.price, lots))
            order.filled += lots
            other.filled += lots
        self.orders = [other for other in self.orders if other.lots > other.filled]
        return order.lots > order.filled
