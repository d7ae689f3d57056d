"""Random orders and changes of orders, as arguments of the calls that make them.

Here: which kinds there are, and how often each comes. Never here: who places them and when (workload).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import attrs

from credit_trading.clock import Clock
from credit_trading.trading.records import OrderRecord
from reliability.acts import CASH, CREDIT

_MOVES = ("deposit", "withdrawal", "transfer_in", "transfer_out", "fee", "correction_in", "correction_out")
_MODES = ("cancel_newest", "cancel_oldest", "cancel_both", "decrement")


@attrs.frozen
class RandomOrders:
    """Prices are around 10.00, so that many orders meet and some are stopped."""

    chance: random.Random
    clock: Clock

    def order(self) -> dict[str, Any]:
        """Limit, market, stop, stop-limit, iceberg, post-only; GTC, DAY, GTD, IOC, FOK."""
        chance, quantity = self.chance, self.chance.randrange(1, 40)
        style, side = chance.random(), chance.choice(["buy", "sell"])
        order: dict[str, Any] = {"side": side, "quantity": quantity, "price": None if style < 0.1 else self._price()}
        if chance.random() < 0.4:
            order["self_trade"] = chance.choice(_MODES)
        if 0.1 <= style < 0.3:
            order["time_in_force"] = chance.choice(["DAY", "DAY", "IOC", "FOK"])
        elif 0.3 <= style < 0.4:
            order["expires_at"] = self._expiry_us()
        elif 0.4 <= style < 0.55:
            order["display_quantity"] = chance.randrange(1, quantity + 1)
        elif 0.55 <= style < 0.65:
            order["post_only"] = True
        elif 0.65 <= style < 0.85:
            low = 1000 if side == "buy" else 970
            order["stop_price"] = f"{chance.randrange(low, low + 30) / 100:.2f}"
            order["price"] = order["price"] if style < 0.75 else None
        return order

    def order_outside(self) -> dict[str, Any]:
        """Worked elsewhere: a limit order or a sell at market, that waits."""
        chance = self.chance
        order: dict[str, Any] = {"side": chance.choice(["buy", "sell"]), "quantity": 2 * chance.randrange(1, 10)}
        order["price"] = None if order["side"] == "sell" and chance.random() < 0.3 else self._price()
        if chance.random() < 0.3:
            order["expires_at"] = self._expiry_us()
        elif chance.random() < 0.3:
            order["time_in_force"] = "DAY"
        return order

    def transaction(self, others: Sequence[str], name: str) -> dict[str, Any]:
        """Of any type; what a type needs is there. Those that are pending are small, so that they come to be many."""
        chance = self.chance
        kind = chance.choice(["buy", "sell", "buy", "sell", *_MOVES])
        entered: dict[str, Any] = {"transaction_type": kind, "credit_type": CREDIT}
        entered["quantity"] = chance.randrange(1, 12)
        if kind in ("buy", "sell"):
            entered |= {"price_per_credit": chance.choice(["9.99", "10.25"]), "currency": CASH}
        if kind in ("buy", "sell", "transfer_in", "transfer_out"):
            entered |= chance.choice([{"counterparty": chance.choice(others)}, {"outside": "Broker A"}])
        elif kind == "fee":
            entered |= chance.choice([{"credit_type": CASH, "quantity": "0.35"}, {"outside": "Broker A"}])
        if chance.random() < 0.5:
            entered["status"] = "pending"
            if chance.random() < 0.4:
                entered["expires_at"] = self._expiry_us()
        if chance.random() < 0.3:
            entered["external_reference"] = name
        return entered

    def change(self, order: OrderRecord) -> dict[str, Any]:
        """Of any of its terms, or of none: that is refused."""
        chance = self.chance
        change: dict[str, Any] = {"order_id": order.order_id}
        if chance.random() < 0.6:
            change["quantity"] = chance.choice([chance.randrange(1, 60), int(order.filled_quantity) or 1])
        if chance.random() < 0.3 and order.order_type in ("limit", "stop_limit"):
            change["price"] = self._price()
        if chance.random() < 0.3:
            change["expires_at"] = self._expiry_us()
        if chance.random() < 0.3 and order.displayed_quantity is not None:
            change["display_quantity"] = chance.randrange(1, int(change.get("quantity", order.quantity)) + 1)
        return change

    def _price(self) -> str:
        return f"{self.chance.randrange(980, 1020) / 100:.2f}"

    def _expiry_us(self) -> int:
        """Soon by a real clock, or by one that leaps."""
        return self.clock.now_us() + self.chance.choice([1_000, 20_000, 100_000, 40_000_000])
