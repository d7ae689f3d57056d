"""A second order book, written from the rules and not from the first: slow, plain, and in no way like it.

Here: an unsorted list of orders, looked through anew for every question; a fill-or-kill is tried out on a copy of everything.
Never here: money, fees, names; nothing is shared with the engine but the numbers of orders and users and the words of the answers.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import count

import attrs

from tests.exchange.naive_checks import NEVER, Change, Filters, refusal_of_amend, refusal_of_new

COLLAR_PERCENT = 5
Told = tuple[str | int | bool | None, ...]


@attrs.define(eq=False)
class NaiveOrder:
    """`price` is None at market until the collar is known; `shown` is what is left of the slice that stands in the queue."""

    number: int
    user: int
    buys: bool
    price: int | None
    lots: int
    force: str
    expires: float
    stop: int | None
    display: int | None
    post_only: bool
    self_trade: str
    at_market: bool
    outside: bool = False
    filled: int = 0
    shown: int = 0
    came: int = 0
    version: int = 1
    waits: bool = False
    is_elected: bool = False

    @property
    def rest(self) -> int:
        return self.lots - self.filled

    def reaches(self, price: int) -> bool:
        """Whether its limit allows this price."""
        assert self.price is not None
        return price <= self.price if self.buys else price >= self.price

    def is_elected_by(self, price: int) -> bool:
        return self.stop is not None and (price >= self.stop if self.buys else price <= self.stop)


class NaiveBook:
    """`told` is everything that happened, in its order; `boundaries` are the moments at which the session opens (True) or closes."""

    def __init__(self, filters: Filters, boundaries: list[tuple[float, bool]]) -> None:
        self.filters = filters
        self.boundaries = boundaries
        self.orders: list[NaiveOrder] = []
        self.told: list[Told] = []
        self.suspended: set[int] = set()
        self.last: int | None = None
        self.halted = False
        self.is_open = True
        self._turns = count()

    # What may be asked

    def place(self, order: NaiveOrder, now: float) -> None:
        if order.force == "DAY":
            closes = [moment for moment, opens in self.boundaries if not opens and moment > now]
            order.expires = min(closes, default=NEVER)
        code = refusal_of_new(self, order, now)
        if code:
            self.told.append(("rejected", code))
            return
        order.waits = order.stop is not None
        if order.at_market and not order.waits and not order.outside:
            order.price = self._collar(order)
        self.told.append(("accepted", order.number, order.price))
        if order.waits or order.outside:
            self.orders.append(order)
        else:
            self._enter(order)
        self._trigger_stops()

    def fill(self, number: int, user: int, last_number: int, lots: int | None, price: int) -> None:
        """Of an order that is worked outside; the price in tenths of a tick."""
        order = self._own(number, user, last_number)
        if order is None:
            return
        if not order.outside:
            self.told.append(("rejected", "order_not_external"))
            return
        lots = lots or order.rest
        limit = (order.price or 0) * 10
        if lots * price % 10:
            self.told.append(("invalid",))
        elif lots > order.rest:
            self.told.append(("rejected", "quantity_above_remaining"))
        elif order.price is not None and (price > limit if order.buys else price < limit):
            self.told.append(("rejected", "price_worse_than_limit"))
        else:
            order.filled += lots
            order.version += 1
            self.told.append(("filled_outside", number, lots, price))
            if not order.rest:
                self.orders.remove(order)

    def cancel(self, number: int, user: int, last_number: int) -> None:
        if order := self._own(number, user, last_number):
            self._cancel(order, "requested")

    def amend(self, number: int, user: int, last_number: int, change: Change, now: float) -> None:
        order = self._own(number, user, last_number, is_amended=True)
        if order is None:
            return
        if order.outside:
            self.told.append(("rejected", "order_is_external"))
            return
        if order.at_market and (change.price or change.display):
            self.told.append(("invalid",))
            return
        code = refusal_of_amend(self, order, change, now)
        if code:
            self.told.append(("rejected", code))
            return
        moves = change.price not in (None, order.price) or (change.lots or 0) > order.lots
        moves = moves or (order.display is not None and (change.display or 0) > order.display)
        order.price, order.lots = change.price or order.price, change.lots or order.lots
        order.display = change.display or order.display
        order.expires, order.force = (change.expires, "GTD") if change.expires else (order.expires, order.force)
        order.version += 1
        self.told.append(("amended", number, order.price, order.lots))
        order.shown = min(order.shown, order.rest, order.display or order.rest)
        if not order.rest or (moves and not order.waits):
            self.orders.remove(order)
        if moves and order.rest and not order.waits:
            self._enter(order)
        self._trigger_stops()

    def cancel_all(self, user: int | None) -> None:
        found = self.of(user)
        self.told.append(("mass_canceled", len(found)))
        for order in found:
            self._cancel(order, "mass_cancel")

    def suspend(self, user: int) -> None:
        self.suspended.add(user)
        self.told.append(("suspended", user))
        for order in self.of(user):
            self._cancel(order, "user_suspended")

    def resume_user(self, user: int) -> None:
        self.suspended.discard(user)
        self.told.append(("resumed", user))

    def set_status(self, *, halted: bool | None, is_open: bool | None) -> None:
        self.halted = self.halted if halted is None else halted
        self.is_open = self.is_open if is_open is None else is_open
        self.told.append(("status", self.halted, self.is_open))

    def advance(self, now: float) -> None:
        """What is due, one after the other: expiries before a change of session at the same moment."""
        while True:
            due = [(order.expires, False, order.number) for order in self.orders if order.expires <= now]
            due += [(moment, True, 0) for moment, _ in self.boundaries[:1] if moment <= now]
            if not due:
                return
            _, is_session, number = min(due)
            if is_session:
                self.set_status(halted=None, is_open=self.boundaries.pop(0)[1])
                continue
            order = next(order for order in self.orders if order.number == number)
            self.orders.remove(order)
            self.told.append(("expired", number, "session_ended" if order.force == "DAY" else "expired"))

    def queue(self, *, buys: bool) -> list[NaiveOrder]:
        """One side's orders, the one that trades first first."""
        side = [order for order in self.orders if order.buys == buys and not order.waits and not order.outside]
        return sorted(side, key=lambda order: (-(order.price or 0) if buys else order.price or 0, order.came))

    def best_against(self, order: NaiveOrder) -> int | None:
        return next((other.price for other in self.queue(buys=not order.buys)), None)

    def of(self, user: int | None) -> list[NaiveOrder]:
        """By number; everybody's if None."""
        return sorted((order for order in self.orders if user in (None, order.user)), key=lambda order: order.number)

    # What comes of it

    def _enter(self, order: NaiveOrder) -> None:
        """Trades what it can; what is left stays or is canceled."""
        if order.force == "FOK":
            trial, incoming = deepcopy((self, order))
            trial._match(incoming)
            if incoming.filled < order.lots:
                self._cancel(order, "fill_or_kill")
        self._match(order)
        if order.rest and order.at_market:
            self._cancel(order, "collar_reached")
        elif order.rest and order.force == "IOC":
            self._cancel(order, "immediate_or_cancel")
        elif order.rest:
            self.orders.append(order)
            self._join_queue(order)

    def _match(self, taker: NaiveOrder) -> None:
        while taker.rest:
            reachable = [other for other in self.queue(buys=not taker.buys) if taker.reaches(other.price or 0)]
            if not reachable:
                return
            if reachable[0].user == taker.user:
                self._prevent_self_trade(taker, reachable[0])
            else:
                self._trade(taker, reachable[0])

    def _trade(self, taker: NaiveOrder, maker: NaiveOrder) -> None:
        lots = min(taker.rest, maker.shown)
        self.told.append(("trade", maker.number, taker.number, maker.price, lots))
        for order in (taker, maker):
            order.filled += lots
            order.version += 1
        maker.shown -= lots
        self.last = maker.price
        for other in self.orders:
            other.is_elected = other.is_elected or (other.waits and other.is_elected_by(maker.price or 0))
        if not maker.rest:
            self.orders.remove(maker)
        elif not maker.shown:
            self._join_queue(maker)
            maker.version += 1
            self.told.append(("refreshed", maker.number, maker.shown))

    def _prevent_self_trade(self, taker: NaiveOrder, maker: NaiveOrder) -> None:
        if taker.self_trade == "decrement":
            lots = min(taker.rest, maker.rest)
            for order in (maker, taker):
                if order.rest == lots:
                    self._cancel(order, "self_trade")
                    continue
                order.lots -= lots
                order.shown = min(order.shown, order.rest)
                order.version += 1
                self.told.append(("reduced", order.number, order.lots))
            return
        if taker.self_trade != "cancel_newest":
            self._cancel(maker, "self_trade")
        if taker.self_trade != "cancel_oldest":
            self._cancel(taker, "self_trade")

    def _trigger_stops(self) -> None:
        """One after the other, always the one that was accepted first of all that are elected by now."""
        while elected := [order for order in self.orders if order.is_elected]:
            order = min(elected, key=lambda order: order.number)
            if order.at_market and self.best_against(order) is None:
                self._cancel(order, "no_opposite_price")
                continue
            self.orders.remove(order)
            order.price = self._collar(order) if order.at_market else order.price
            order.waits = order.is_elected = False
            order.version += 1
            self.told.append(("triggered", order.number, order.price))
            self._enter(order)

    def _collar(self, order: NaiveOrder) -> int:
        best = self.best_against(order) or 0
        reach = best * COLLAR_PERCENT // 100
        return best + reach if order.buys else max(best - reach, 1)

    def _join_queue(self, order: NaiveOrder) -> None:
        order.shown, order.came = min(order.display or order.rest, order.rest), next(self._turns)

    def _cancel(self, order: NaiveOrder, reason: str) -> None:
        """Nothing remains of it, wherever it stood."""
        order.lots = order.filled
        self.orders = [other for other in self.orders if other is not order]
        self.told.append(("canceled", order.number, reason))

    def _own(self, number: int, user: int, last_number: int, *, is_amended: bool = False) -> NaiveOrder | None:
        """The open order of that number; None has told why not. `last_number` is the last that was given to any order."""
        order = next((order for order in self.orders if order.number == number), None)
        if not 0 < number <= last_number or (order and order.user != user):
            self.told.append(("invalid",))
        elif order is None:
            is_shut_out = is_amended and user in self.suspended
            self.told.append(("rejected", "user_suspended" if is_shut_out else "order_not_open"))
        else:
            return order
        return None
