"""How much is measured."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Counts:
    """The defaults are a full run of a few minutes.

    `orders` are orders per repetition by group size; raw rows are as many. `trades` are trades per repetition by trades per
    transaction. `folder_users` is the size of the folder that is opened and listed. `book_messages`, `engine_messages` and, by package,
    `peer_messages` are the first so many of the flow, None all of it. `resting_orders` are the depths of the book, the first the least.
    `big_users` and `big_orders` are those of the exchange that is started up, `tail_commands` what it then reads on, and a writer's
    waits are watched for `watched_s` at least. `backup_users` is the size of the folder that is backed up; `history_rows` is how long the
    history is of which pages are read, `history_turns` times each. `host_events`
    are carried into a host's database, of `host_users`, so many batches in a turn; `lag_orders` are placed while a worker follows;
    `checked_events` are what an exchange has whose host is checked.
    """

    users: int = 50
    repetitions: int = 5
    orders: dict[int, int] = attrs.field(factory=lambda: {1: 200, 10: 1_000, 100: 4_000, 1000: 10_000})
    lone_orders: int = 400
    trades: dict[int, int] = attrs.field(factory=lambda: {1: 200, 20: 1_000})
    reopened_trades: dict[int, int] = attrs.field(factory=lambda: {1: 50, 20: 400})
    replayed_orders: int = 60_000
    folder_users: int = 10_000
    book_messages: int | None = None
    engine_messages: int = 200_000
    peer_messages: dict[str, int] = attrs.field(
        factory=lambda: {"lightmatchingengine": 300_000, "pyorderbook": 100_000, "order-matching": 20_000}
    )
    resting_orders: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    big_users: int = 100_000
    big_orders: int = 200_000
    tail_commands: int = 100_000
    watched_s: float = 5.0
    backup_users: int = 10_000
    history_rows: int = 1_000_000
    history_turns: int = 400
    host_users: int = 200
    host_events: int = 50_000
    host_batches_a_turn: int = 5
    lag_orders: int = 5_000
    checked_events: tuple[int, ...] = (10_000, 100_000)


QUICK = Counts(
    repetitions=3,
    orders={1: 40, 10: 200, 100: 500, 1000: 2_000},
    lone_orders=60,
    trades={1: 30, 20: 100},
    reopened_trades={1: 10, 20: 60},
    replayed_orders=5_000,
    folder_users=200,
    book_messages=300_000,
    engine_messages=30_000,
    peer_messages={"lightmatchingengine": 100_000, "pyorderbook": 20_000, "order-matching": 3_000},
    resting_orders=(1_000, 10_000, 100_000),
    big_users=3_000,
    big_orders=6_000,
    tail_commands=10_000,
    watched_s=0.5,
    backup_users=300,
    history_rows=20_000,
    history_turns=100,
    host_events=10_000,
    lag_orders=500,
    checked_events=(1_000, 10_000),
)
"""Some seconds, to see that it runs; the figures jump about."""
