"""Random orders and changes of orders, as arguments of the calls that make them.

Here: which kinds there are, and how often each comes. Never here: who places them and when (workload).
"""

from __future__ import annotations

import random
from typing import Any

import attrs

from credit_trading.clock import Clock
from credit_trading.trading.records import OrderRecord

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
