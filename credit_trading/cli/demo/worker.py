"""The process that is killed: `python -m credit_trading.cli.demo.worker HOME SEED`.

It places orders in small groups for ever and writes `USER_ID ORDER_ID` for every one that is acknowledged, after its commit.
"""

from __future__ import annotations

import sys
import time

import credit_trading
from credit_trading.cli.demo.flow import OrderFlow
from credit_trading.cli.demo.market import USERS
from credit_trading.cli.session import ACTOR

_GROUP = 5


def run(home: str, seed: int) -> None:
    """Until it is killed, or nobody reads its answers any more (BrokenPipeError)."""
    with credit_trading.open(home) as exchange:
        admin = exchange.as_admin(ACTOR)
        flow = OrderFlow(
            {user_id: admin.on_behalf_of(user_id) for user_id in USERS},
            seed=seed,
            now_us=lambda: time.time_ns() // 1000,
        )
        while True:
            outcomes = exchange.submit(flow.prepare(_GROUP))
            placed = flow.placed(outcomes)
            flow.learn(outcomes)
            sys.stdout.write("".join(f"{user_id} {order_id}\n" for user_id, order_id in placed))
            sys.stdout.flush()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
