"""A random history of everything that moves balances, and what the ledger said after each step of it.

Here: the driver and its notes. Never here: what a test expects of them.
"""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import attrs

from credit_trading import ManualClock
from credit_trading.clock import format_time
from credit_trading.errors import OrderRejected
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened, rows_of

FINE = "GS-987-2021"
DAY_US = 86_400_000_000
USERS = ("ann", "bob", "cat")


@attrs.define
class Past:
    """`notes` are the moments after each step, and what every user had then, by asset."""

    floor: Floor
    clock: ManualClock
    begins_us: int
    notes: list[tuple[int, dict[str, dict[str, str]]]] = attrs.Factory(list)

    def note(self) -> None:
        """What the ledger has now."""
        users = {user: self.balances(user) for user in USERS}
        self.notes.append((self.clock.now_us(), users))

    def balances(self, user: str) -> dict[str, str]:
        return {
            one.asset: one.posted for one in self.floor.user(user).accounts.get_balances() if one.posted.strip("0.")
        }

    def rows(self, user: str) -> list[tuple[str, int, int, int, int]]:
        """Asset, when it was booked, when it happened, sequence and change of all that ever moved, as they stand in the file."""
        sql = "SELECT asset, booked_at, transaction_date, sequence, change FROM balance_changes ORDER BY sequence"
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows_of(self.floor.path(user), sql)]


def random_past(home: Path, *, seed: int, steps: int) -> Past:
    """Half a year of it; close the exchange when done. Now and then two steps fall on one moment."""
    clock = ManualClock()
    exchange = opened(home, clock=clock)
    past = Past(Floor(exchange).set_up(*USERS, cash="5000.00", credits=300), clock, clock.now_us())
    past.floor.admin.assets.add_asset(FINE, decimals=3)
    past.note()
    rng = random.Random(seed)
    for _ in range(steps):
        if rng.random() < 0.9:
            clock.advance(rng.randint(1, 2 * 180 * 86_400 // steps))
        with suppress(OrderRejected):
            _step(past, rng)
        past.note()
    clock.advance(1)
    return past


def _step(past: Past, rng: random.Random) -> None:
    floor = past.floor
    user, other = rng.sample(USERS, 2)
    transactions = floor.admin.on_behalf_of(user).transactions
    late = format_time(rng.randint(past.begins_us, past.clock.now_us()))
    kind = rng.choice(("trade", "trade", "deposit", "withdraw", "late", "late", "mutual", "pending", "settle", "bust"))
    if kind == "trade":
        price = f"{rng.randint(900, 1100) / 100:.2f}"
        floor.place(user, "sell", rng.randint(1, 20), price)
        floor.place(other, "buy", rng.randint(1, 20), price)
    elif kind == "deposit":
        floor.admin.accounts.deposit(user, FINE, f"{rng.randint(1, 9999)}.125")
    elif kind == "withdraw":
        floor.admin.accounts.withdraw(user, CASH, rng.randint(1, 300))
    elif kind == "late":
        words = {"price_per_credit": "3.50", "currency": CASH, "fee": "0.25", "outside": "elsewhere"}
        transactions.record_transaction(rng.choice(("buy", "sell")), CREDIT, 2, **words, occurred_at=late)
    elif kind == "mutual":
        transactions.record_transaction("transfer_out", CREDIT, 3, counterparty=other, occurred_at=late)
    elif kind == "pending":
        transactions.record_transaction("deposit", FINE, "1.001", occurred_at=late, status="pending")
    elif kind == "settle":
        _settle_one(past, user, rng)
    else:
        trades = [one.trade_id for one in floor.user(user).transactions.get_transaction_history() if one.role]
        if trades:
            floor.admin.trading.bust_trade(rng.choice([trade for trade in trades if trade]))


def _settle_one(past: Past, user: str, rng: random.Random) -> None:
    waiting = "SELECT transaction_id FROM trading_transactions WHERE status = 'pending'"
    past.floor.user(user).transactions.get_transaction_history(limit=1)
    for (transaction,) in rows_of(past.floor.path(user), waiting):
        status = rng.choice(("settled", "settled", "cancelled"))
        past.floor.admin.on_behalf_of(user).transactions.update_transaction_status(transaction, status)
        return


__all__ = ["CASH", "CREDIT", "DAY_US", "FINE", "SYMBOL", "USERS", "Past", "random_past"]
