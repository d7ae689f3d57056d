"""Order flow that looks like a market's: most orders rest near the price, some cross it, many are canceled, the price wanders.

Here: what is done next, by whom, drawn from a seed. Never here: when, and what becomes of it but for what the outcomes tell.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import attrs

from credit_trading import Outcome, Prepared, User
from credit_trading.cli.demo.market import CREDITS, Credit
from credit_trading.clock import format_time

_REVERSION = 0.02
_WANDER_TICKS = 0.6


@attrs.frozen
class _Resting:
    """An order that stood in the book when last heard of."""

    user_id: str
    credit: Credit
    order_id: int
    quantity: int


class OrderFlow:
    """`prepare` commands in groups, then `learn` from their outcomes, in turn. Expiries are set from `now_us`."""

    def __init__(self, users: Mapping[str, User], *, seed: int, now_us: Callable[[], int]) -> None:
        self._users = users
        self._user_ids = list(users)
        self._chance = random.Random(seed)
        self._now_us = now_us
        self._fair = {credit.code: float(credit.fair_ticks) for credit in CREDITS}
        self._resting: list[_Resting] = []
        self._asked: list[tuple[str, Credit, int]] = []

    def prepare(self, size: int, *, wait: Callable[[], None] = lambda: None) -> list[Prepared]:
        """The next `size` commands; `wait` is called before each."""
        self._asked = []
        commands = []
        for _ in range(size):
            wait()
            commands.append(self._next())
        return commands

    def learn(self, outcomes: Sequence[Outcome]) -> None:
        """Remembers which of the orders just placed stand in the book, so that they can be changed and canceled later."""
        for (user_id, credit, quantity), outcome in zip(self._asked, outcomes, strict=True):
            if quantity and outcome.ok and outcome.order_id and outcome.status in ("new", "partially_filled"):
                self._resting.append(_Resting(user_id, credit, outcome.order_id, quantity))

    def placed(self, outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
        """Whose orders among the outcomes are new ones that were accepted, and their ids."""
        return [
            (user_id, outcome.order_id)
            for (user_id, _, quantity), outcome in zip(self._asked, outcomes, strict=True)
            if quantity and outcome.ok and outcome.order_id
        ]

    def _next(self) -> Prepared:
        kind = self._chance.random()
        if kind < 0.16 and self._resting:
            return self._cancel()
        if kind < 0.20 and self._resting:
            return self._amend()
        return self._place()

    def _cancel(self) -> Prepared:
        order = self._resting.pop(self._chance.randrange(len(self._resting)))
        self._asked.append((order.user_id, order.credit, 0))
        return self._users[order.user_id].orders.prepare_cancel(order.order_id)

    def _amend(self) -> Prepared:
        order = self._chance.choice(self._resting)
        self._asked.append((order.user_id, order.credit, 0))
        return self._users[order.user_id].orders.prepare_amend(
            order.order_id, symbol=order.credit.symbol, quantity=max(1, order.quantity * 2 // 3)
        )

    def _place(self) -> Prepared:
        user_id, credit = self._chance.choice(self._user_ids), self._chance.choice(CREDITS)
        side, quantity = self._chance.choice(("buy", "sell")), self._quantity()
        self._asked.append((user_id, credit, quantity))
        orders = self._users[user_id].orders
        fair, kind = self._wandered(credit), self._chance.random()
        if kind < 0.06:
            return orders.prepare_order(credit.symbol, side, quantity)
        crosses = kind < 0.30
        distance = -self._chance.randrange(0, 3) if crosses else 1 + int(self._chance.expovariate(1 / 6))
        price = credit.price(fair - distance if side == "buy" else fair + distance)
        if kind < 0.12:
            time_in_force = "FOK" if kind < 0.08 else "IOC"
            return orders.prepare_order(credit.symbol, side, quantity, price, time_in_force=time_in_force)
        if kind > 0.92:
            expires_at = format_time(self._now_us() + self._chance.randrange(10, 240) * 60_000_000)
            return orders.prepare_order(credit.symbol, side, quantity, price, expires_at=expires_at)
        return orders.prepare_order(credit.symbol, side, quantity, price)

    def _quantity(self) -> int:
        """Few large orders, many small ones, most of them round."""
        quantity = round(self._chance.lognormvariate(3.4, 0.9)) * (8 if self._chance.random() < 0.06 else 1)
        return max(10, quantity // 10 * 10) if self._chance.random() < 0.7 else max(1, quantity)

    def _wandered(self, credit: Credit) -> int:
        """The fair price after one more step, drawn back to where it began."""
        fair = self._fair[credit.code]
        fair += (credit.fair_ticks - fair) * _REVERSION + self._chance.gauss(0, _WANDER_TICKS)
        self._fair[credit.code] = fair
        return round(fair)
