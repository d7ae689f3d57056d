"""What is there of one asset and what it cost: by running average, or by lots, the oldest first out.

Here: quantities in smallest units, costs in billionths of one, moved one by one in order of time. Never here: tables, profits, whose it is.
Always: what comes out and what remains add up to what came in, to the last billionth. A part of a cost is rounded half to even; who takes
all takes the whole cost. Nothing that is not there has a cost: below zero there is only a quantity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from credit_trading.checks import LARGEST

BILLION = 10**9

Sum = int | None
"""A total; None once it did not fit 63 bits, and from then on."""


def plus(one: Sum, other: Sum) -> Sum:
    """None if either is, or if the total does not fit 63 bits."""
    if one is None or other is None:
        return None
    total = one + other
    return total if -LARGEST <= total <= LARGEST else None


def in_units(billionths: int) -> tuple[int, int]:
    """Whole units, and what is left: from minus half a unit to less than half a unit.

    Rounded half up: of all ways to round halves the one in which whole units that are added raise it by just these.
    """
    units = (2 * billionths + BILLION) // (2 * BILLION)
    return units, billionths - units * BILLION


def divided(dividend: int, divisor: int) -> int:
    """Rounded half to even; the divisor is above zero."""
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest > divisor or (2 * rest == divisor and quotient % 2))


class Lot(NamedTuple):
    """What is left of something that came in: the cost is for all of it; no currency where nothing says what it cost."""

    acquired_at: int
    transaction_id: int
    quantity: int
    currency: str | None
    cost_billionths: int


class Pool(Protocol):
    """`quantity` is below zero where something went before it came; `costs` are billionths by currency, those that are zero left out."""

    quantity: int
    costs: dict[str, Sum]

    def take_in(self, came: Lot) -> int:
        """Adds it. Where the quantity was below zero it covers that first; gives that part's share of its cost, which is not kept."""
        ...

    def take_out(self, quantity: int) -> dict[str, Sum]:
        """What this quantity cost, in billionths by currency, none of them zero; it may be more than is there."""
        ...


class AveragePool:
    """Every unit cost the same share of the whole."""

    def __init__(self, quantity: int = 0, costs: dict[str, Sum] | None = None) -> None:
        self.quantity = quantity
        self.costs = {} if costs is None else costs

    def take_in(self, came: Lot) -> int:
        rest, covered = _covering(came, self.quantity)
        self.quantity += came.quantity
        _change(self.costs, rest.currency, rest.cost_billionths)
        return covered

    def take_out(self, quantity: int) -> dict[str, Sum]:
        there = self.quantity
        self.quantity -= quantity
        out: dict[str, Sum] = {}
        for currency, cost in self.costs.items():
            if cost is None or quantity >= there:
                out[currency] = cost
            elif part := divided(cost * quantity, there):
                out[currency] = part
        for currency, gone in out.items():
            _change(self.costs, currency, None if gone is None else -gone)
        return out


class FifoPool:
    """`older` are the lots there were, the oldest first, read one by one as they are needed; those that come in are later than these.

    `costs` is kept beside the lots, as what all of them cost.
    """

    def __init__(
        self, quantity: int = 0, costs: dict[str, Sum] | None = None, older: Iterator[Lot] | None = None
    ) -> None:
        self.quantity = quantity
        self.costs = {} if costs is None else costs
        self._older = iter(()) if older is None else older
        self._new: deque[Lot] = deque()
        self._front: Lot | None = None
        self.last_read: Lot | None = None
        """The last of the older lots that was needed, as it was: up to it, they are no longer as they were."""

    @property
    def lots(self) -> list[Lot]:
        """What is left of those that were read or came in."""
        return [*([] if self._front is None else [self._front]), *self._new]

    def take_in(self, came: Lot) -> int:
        rest, covered = _covering(came, self.quantity)
        self.quantity += came.quantity
        if rest.quantity:
            self._new.append(rest)
            _change(self.costs, rest.currency, rest.cost_billionths)
        return covered

    def take_out(self, quantity: int) -> dict[str, Sum]:
        out: dict[str, int] = {}
        there = self.quantity
        self.quantity -= quantity
        wanted = min(quantity, max(there, 0))
        while wanted:
            lot = self._next()
            taken = min(wanted, lot.quantity)
            cost = divided(lot.cost_billionths * taken, lot.quantity)
            wanted -= taken
            if lot.currency is not None:
                out[lot.currency] = out.get(lot.currency, 0) + cost
                _change(self.costs, lot.currency, -cost)
            rest = lot.quantity - taken
            self._front = lot._replace(quantity=rest, cost_billionths=lot.cost_billionths - cost) if rest else None
        return {currency: cost for currency, cost in out.items() if cost != 0}

    def _next(self) -> Lot:
        if self._front is not None:
            return self._front
        lot = next(self._older, None)
        if lot is None:
            return self._new.popleft()
        self.last_read = lot
        return lot


def _covering(came: Lot, quantity: int) -> tuple[Lot, int]:
    """What is left to be kept after it has covered a quantity below zero, and the cost of what did."""
    if quantity >= 0:
        return came, 0
    covers = min(came.quantity, -quantity)
    covered = divided(came.cost_billionths * covers, came.quantity)
    return came._replace(quantity=came.quantity - covers, cost_billionths=came.cost_billionths - covered), covered


def _change(costs: dict[str, Sum], currency: str | None, billionths: Sum) -> None:
    """One that reaches 63 bits is no longer known: what is told of it may be one more than it is."""
    if currency is None or billionths == 0:
        return
    before = costs.get(currency, 0)
    after = None if before is None or billionths is None else before + billionths
    if after == 0:
        del costs[currency]
    else:
        costs[currency] = after if after is not None and abs(after) < LARGEST * BILLION else None
