"""Everything that can happen to three users of an exchange, at random, the refusals included.

Here: what is asked, through the services. Never here: what is expected of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from credit_trading import ManagedUser, ManualClock
from credit_trading.clock import parse_time
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
        """Between two users, off the book; some are settled later, or never."""
        more: dict[str, Any] = {"status": "pending"} if self.chance.random() < 0.4 else {}
        if more and self.chance.random() < 0.5:
            more["expires_at"] = self.clock.now_us() + self.chance.randrange(1, 90_000_000)
        other = self.chance.choice([one for one in USERS if one != user])
        kind = self.chance.choice(["buy", "sell", "transfer_in", "transfer_out"])
        if kind in ("buy", "sell", "transfer_in"):
            more |= {"price_per_credit": "9.99", "currency": CASH}
        quantity = self.chance.randrange(1, 9)
        self.managed(user).transactions.record_transaction(kind, CREDIT, quantity, counterparty=other, **more)

    def enter(self, user: str) -> None:
        """With somebody elsewhere, or with the exchange itself; some lie days back."""
        more: dict[str, Any] = {"occurred_at": self.clock.now_us() - self.chance.choice([0, 1, 10**11])}
        kind = self.chance.choice(["buy", "sell", "deposit", "withdrawal", "fee", "correction_in", "correction_out"])
        if kind in ("buy", "sell"):
            more |= {"price_per_credit": "9.995", "currency": CASH, "fee": "0.03"}
        if kind in ("buy", "sell", "fee") and self.chance.random() < 0.6:
            more["outside"] = "Somewhere Else"
        if kind in ("buy", "sell"):
            more.setdefault("outside", "A Broker")
        if self.chance.random() < 0.3:
            more["status"] = "pending"
        quantity = 2 * self.chance.randrange(1, 9)
        self.managed(user).transactions.record_transaction(kind, CREDIT, quantity, **more)

    def update(self, user: str) -> None:
        """One that is pending, or was."""
        found = [one for one in self.floor.user(user).transactions.get_transaction_history() if one.recorded_at]
        waiting = [one for one in found if one.status == "pending"]
        if waiting or found:
            status, note = self.chance.choice(["settled", "settled", "cancelled", "failed"]), self.chance.random() < 0.5
            self.managed(user).transactions.update_transaction_status(
                self.chance.choice(waiting or found).transaction_id, status, note="as agreed" if note else None
            )

    def managed(self, user: str) -> ManagedUser:
        return self.floor.admin.on_behalf_of(user)

    def work_outside(self, user: str) -> None:
        """An order for elsewhere, or a report on one."""
        orders = self.managed(user).orders
        waiting = [one for one in orders.get_active_orders() if one.route == "external"]
        if not waiting or self.chance.random() < 0.4:
            side = self.chance.choice(["buy", "sell"])
            orders.create_order(SYMBOL, side, self.chance.randrange(1, 40), self.price(), route="external")
            return
        order = self.chance.choice(waiting)
        price = order.price_per_credit or self.price()
        if self.chance.random() < 0.3:
            orders.complete_order(order.order_id, price=price, outside="Some Venue")
            return
        left = int(order.remaining_quantity)
        fee, before = self.chance.choice([None, "0.02"]), self.chance.choice([0, 10**9])
        orders.update_order_progress(
            order.order_id,
            quantity=self.chance.randrange(1, left + 1),
            price=price,
            fee=fee,
            occurred_at=max(self.clock.now_us() - before, parse_time(order.created_at)),
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
    RandomFlow.deal: 5,
    RandomFlow.enter: 3,
    RandomFlow.update: 3,
    RandomFlow.work_outside: 6,
    RandomFlow.bust: 4,
    RandomFlow.deposit: 3,
    RandomFlow.withdraw: 3,
}
