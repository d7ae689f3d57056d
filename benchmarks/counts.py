"""How much is measured."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Counts:
    """The defaults are a full run of a few minutes.

    `orders` are orders per repetition by group size; raw rows are as many. `trades` are trades per repetition by trades per
    transaction. `folder_users` is the size of the folder that is opened and listed.
    """

    users: int = 50
    repetitions: int = 5
    orders: dict[int, int] = attrs.field(factory=lambda: {1: 200, 10: 1_000, 100: 4_000, 1000: 10_000})
    lone_orders: int = 400
    trades: dict[int, int] = attrs.field(factory=lambda: {1: 200, 20: 1_000})
    reopened_trades: dict[int, int] = attrs.field(factory=lambda: {1: 50, 20: 400})
    replayed_orders: int = 60_000
    folder_users: int = 10_000


QUICK = Counts(
    repetitions=3,
    orders={1: 40, 10: 200, 100: 500, 1000: 2_000},
    lone_orders=60,
    trades={1: 30, 20: 100},
    reopened_trades={1: 10, 20: 60},
    replayed_orders=5_000,
    folder_users=200,
)
"""Some seconds, to see that it runs; the figures jump about."""
