"""Everything that can happen to three users of an exchange, at random, the refusals included.

Here: what is asked, through the services. Never here: what is expected of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from credit_trading import ManualClock
from credit_trading.errors import OrderRejected
from credit_trading.trading.records import OrderRecord
from tests.floor import CASH, CREDIT, SYMBOL, Floor

USERS = ("ann", "bob", "cat")
HOURS = "mon-sun 00:00-23:00"
"""Sessions for DAY orders; the clock leaps over their ends now and then."""


class RandomFlow:
    """One seed gives one flow; `done` counts the commands that were not refused."""

    def __init__(self, floor: Floor, clock: ManualClock, *, seed: int) -> None:
        self.floor = floor
        self.clock = clock
        self.chance = random.Random(seed)
        self.done = 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.clock.advance(self.chance.choices([0, 1, 30, 20_000], [60, 20, 18, 2])[0])
            (act,) = self.chance.choices(list(_ACTS), list(_ACTS.values()))
            try:
                act(self, self.chance.choice(USERS))
                self.done += 1
            except OrderRejected:
                pass

    def price(self) -> str:
        return f"{self.chance.randrange(980, 1020) / 100:.2f}"

    def place(self, user: str) -> None:
        chance, quantity = self.chance, self.chance.randrange(1, 40)
        more: dict[str, Any] = {"client_order_id": f"c{chance.randrange(10**6)}"} if chance.random() < 0.2 else {}
        if chance.random() < 0.4:
            more["self_trade"] = chance.choice(["cancel_newest", "cancel_oldest", "cancel_both", "decrement"])
        style, side = chance.random(), chance.choice(["buy", "sell"])
        price = None if style < 0.1 else self.price()
        if style < 0.1:
            pass  # at market
        elif style < 0.3:
            more["time_in_force"] = chance.choice(["DAY", "DAY", "IOC", "FOK"])
        elif style < 0.4:
            more["expires_at"] = self.clock.now_us() + chance.randrange(1, 90_000_000)
        elif style < 0.55:
            more["display_quantity"] = chance.randrange(1, quantity + 1)
        elif style < 0.65:
            more["post_only"] = True
        elif style < 0.85:
            low = 1000 if side == "buy" else 970
            more["stop_price"] = f"{chance.randrange(low, low + 30) / 100:.2f}"
            price = price if style < 0.75 else None
        self.floor.place(user, side, quantity, price, **more)

    def cancel(self, user: str) -> None:
        order = self.one_of(user)
        if order is not None:
            self.floor.user(user).orders.cancel_order(order.order_id)

    def one_of(self, user: str) -> OrderRecord | None:
        """One of the user's open orders, or one that is done."""
        orders = self.floor.user(user).orders
        found = orders.get_active_orders() if self.chance.random() < 0.8 else orders.get_order_history(limit=20)
        return self.chance.choice(found) if found else None

    def amend(self, user: str) -> None:
        chance, order = self.chance, self.one_of(user)
        if order is None:
            return
        change: dict[str, Any] = {}
        if chance.random() < 0.6:
            change["quantity"] = chance.choice([chance.randrange(1, 60), int(order.filled_quantity) or 1])
        if chance.random() < 0.3 and order.order_type in ("limit", "stop_limit"):
            change["price"] = self.price()
        if chance.random() < 0.3:
            change["expires_at"] = self.clock.now_us() + chance.randrange(1, 90_000_000)
        if chance.random() < 0.3 and order.displayed_quantity is not None:
            change["display_quantity"] = chance.randrange(1, int(change.get("quantity", order.quantity)) + 1)
        if change:
            self.floor.user(user).orders.amend_order(order.order_id, **change)

    def cancel_all(self, user: str) -> None:
        if self.chance.random() < 0.5:
            self.floor.user(user).orders.cancel_all_orders()
        else:
            self.floor.admin.trading.cancel_all_orders(symbol=SYMBOL)

    def suspend(self, user: str) -> None:
        self.floor.admin.trading.suspend_user(user)

    def resume(self, _: str) -> None:
        for database in self.floor.admin.databases.list_trading_databases():
            if database.suspended:
                self.floor.admin.trading.resume_user(database.user_id)

    def change_fees(self, user: str) -> None:
        fee = self.chance.choice([None, "0.001", "0.0005"])
        self.floor.admin.trading.set_user_fees(user, SYMBOL, taker_fee=fee)

    def deal(self, user: str) -> None:
        self.floor.admin.transactions.record_transaction(
            buyer=user,
            seller=self.chance.choice([one for one in USERS if one != user]),
            credit_type=CREDIT,
            quantity=self.chance.randrange(1, 9),
            price_per_credit="9.99",
            currency=CASH,
        )

    def bust(self, _: str) -> None:
        latest = self.floor.exchange._desk.reading(lambda replica: replica.last_trade)
        if latest:
            self.floor.admin.trading.bust_trade(self.chance.randrange(1, latest + 1), note="a mistake")

    def deposit(self, user: str) -> None:
        self.floor.admin.accounts.deposit(user, CASH, "12.34", note="monthly")

    def withdraw(self, user: str) -> None:
        self.floor.admin.accounts.withdraw(user, CREDIT, self.chance.choice([1, 10**6]))


_ACTS: dict[Callable[[RandomFlow, str], None], int] = {
    RandomFlow.place: 58,
    RandomFlow.cancel: 8,
    RandomFlow.amend: 14,
    RandomFlow.cancel_all: 1,
    RandomFlow.suspend: 1,
    RandomFlow.resume: 6,
    RandomFlow.change_fees: 2,
    RandomFlow.deal: 4,
    RandomFlow.bust: 4,
    RandomFlow.deposit: 3,
    RandomFlow.withdraw: 3,
}
