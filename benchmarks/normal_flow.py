"""The flow that books are measured with: flash1's "normal", or, where it is absent, one that is made up in its likeness.

Here: which flow, and what to call it. Never here: a copy of the recorded one. Always: the made-up flow is the same for the same count.
"""

from __future__ import annotations

import random
from itertools import count as counted
from pathlib import Path

from benchmarks.flow import CANCEL, MODIFY, NEW, RECORD, Flow, flow_of, read_flow

NORMAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "orderflow" / "flash1" / "normal.bin.xz"
NORMAL_MESSAGES = 1_996_097


def normal_flow(most: int | None = None) -> tuple[str, Flow]:
    """What it is called in a line of the table, and its first `most` messages; None takes all."""
    if NORMAL.exists():
        flow = read_flow(NORMAL)
        return "flash1 normal", flow if most is None else flow.first(most)
    return "a made-up flow (no ../shared/data)", made_up_flow(NORMAL_MESSAGES if most is None else most)


def made_up_flow(count: int) -> Flow:
    """Half are new orders, 15 % of them immediate-or-cancel; of the others a fifth is modified and 95 % canceled, at once, some twice."""
    chance = random.Random(23)
    records: list[bytes] = []
    middle_ticks, sequences = 34_000, counted()

    def say(kind: int, side: int, ioc: int, lots: int, order: int, price_ticks: int) -> None:
        records.append(RECORD.pack(kind, side, ioc, 0, lots, next(sequences), order, price_ticks, 0))

    for order in counted(1):
        if len(records) >= count:
            return flow_of(b"".join(records[:count]))
        middle_ticks += chance.choice((-1, 0, 1))
        side, lots, away = chance.randrange(2), chance.randint(1, 100), min(int(chance.paretovariate(1.2)), 500)
        ioc = chance.random() < 0.15
        price_ticks = middle_ticks + (away if side != ioc else -away)
        say(NEW, side, ioc, lots, order, price_ticks)
        if not ioc and chance.random() < 0.2:
            price_ticks += chance.choice((-1, 0, 1))
            say(MODIFY, side, 0, lots + 1, order, price_ticks)
        for _ in range(0 if ioc or chance.random() > 0.95 else 1 + (chance.random() < 0.02)):
            say(CANCEL, side, 0, lots, order, price_ticks)
    raise AssertionError("orders are counted for ever")
