"""The demo's trading day, and the evening before: seeded order flow on a clock of its own that ends now."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import attrs

import credit_trading
from credit_trading import Admin, ManualClock
from credit_trading.cli.demo.evening import LENGTH_S as EVENING_S
from credit_trading.cli.demo.evening import Evening, Hours, spend_evening
from credit_trading.cli.demo.flow import OrderFlow
from credit_trading.cli.demo.market import CREDITS, USERS, found_market
from credit_trading.cli.session import ACTOR
from credit_trading.progress import Progress

SEED = 2020
COMMANDS = 2000
_GROUP = 50
_LENGTH_S = 6.5 * 3600


@attrs.frozen
class Day:
    """What was done. `seconds` is how long it took, users' files included."""

    users: int
    instruments: int
    commands: int
    orders: int
    trades: int
    rejected: int
    seconds: float
    commands_per_s: int


def trade_a_day(home: Path, *, tick: Progress) -> tuple[Evening, Day]:
    """Founds the exchange in `home`, then has its users trade for an evening and a day of six and a half hours, in a few seconds."""
    steps = len(USERS) + COMMANDS
    hours = Hours.around(time.time_ns() // 1000 - round(_LENGTH_S * 1_000_000))
    clock = ManualClock(hours.closes_us - EVENING_S * 1_000_000)
    with credit_trading.open(home, create=True, clock=clock) as exchange:
        admin = exchange.as_admin(ACTOR)
        found_market(exchange, admin, seed=SEED, tick=lambda done, _: tick(done, steps))
        admin.instruments.set_schedule(CREDITS[-1].symbol, hours=hours.text, time_zone="UTC")
        evening = spend_evening(exchange, admin, clock, CREDITS[-1], hours)
        morning = exchange.sequence
        users = {user_id: admin.on_behalf_of(user_id) for user_id in USERS}
        flow, pace = OrderFlow(users, seed=SEED, now_us=clock.now_us), random.Random(SEED)
        counts: Counter[str] = Counter()

        def wait() -> None:
            clock.advance(_LENGTH_S / COMMANDS * pace.uniform(0.0, 2.0) * 0.95)

        begin = time.perf_counter()
        for done in range(0, COMMANDS, _GROUP):
            outcomes = exchange.submit(flow.prepare(_GROUP, wait=wait))
            counts["orders"] += len(flow.placed(outcomes))
            counts["rejected"] += sum(not outcome.ok for outcome in outcomes)
            flow.learn(outcomes)
            tick(len(USERS) + done + _GROUP, steps)
        seconds = time.perf_counter() - begin
        trades = sum(entry.kind == "trade" for entry in admin.journal(after=morning))
    return evening, Day(
        users=len(USERS),
        instruments=len(CREDITS),
        commands=COMMANDS,
        orders=counts["orders"],
        trades=trades,
        rejected=counts["rejected"],
        seconds=round(seconds, 2),
        commands_per_s=round(COMMANDS / seconds),
    )


def liveliest(admin: Admin) -> str:
    """The user worth a look: with the most open orders that are partly filled, then the most open orders."""

    def liveliness(user_id: str) -> tuple[int, int]:
        orders = admin.on_behalf_of(user_id).orders.get_active_orders()
        return sum(order.order_status == "partially_filled" for order in orders), len(orders)

    return max(USERS, key=liveliness)
