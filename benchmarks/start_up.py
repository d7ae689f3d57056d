"""(j) How soon a big exchange is open, how fast it reads on, what it keeps in memory; (k) whether writers wait for its checkpoints."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, sleep

import msgspec

import credit_trading
from benchmarks.big_exchange import BigExchange
from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from credit_trading import Settings
from credit_trading.exchange import state
from credit_trading.journal.live import LiveReplica

ROOT = Path(__file__).parent.parent
OPEN_S = 3.0
EVENTS_PER_S = 100_000.0
IN_TIME = Target(kind="at most", ratio=1)
FAST_ENOUGH = Target(kind="at least", ratio=1)


def start_up(counts: Counts, folder: Path) -> list[Figure]:
    """One big exchange for all of it."""
    big = BigExchange(folder / "home", users=counts.big_users, orders=counts.big_orders)
    with closing(big.live()) as live:
        live.save_checkpoint(every_events=1, at_rest=True)
        memory = _memory(live)
    opened = _opened(counts, big.home)
    tail = _tail(counts, big)
    return [opened, tail, *memory, *_waits(counts, big)]


def _opened(counts: Counts, home: Path) -> Figure:
    """By `credit_trading.open`, each time in a fresh process, with the folder's files in the system's memory."""
    command = [sys.executable, "-m", "benchmarks.open_and_list", str(home)]
    opened_s = []
    for _ in range(counts.repetitions):
        ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        opened_s.append(json.loads(ran.stdout)["open_ms"] / 1e3)
    return compare(
        "j",
        f"opening {counts.big_users:,} users, {counts.big_orders:,} open orders",
        opened_s,
        unit="s",
        compared_with="the goal",
        compared=[OPEN_S] * len(opened_s),
        target=IN_TIME,
    )


def _tail(counts: Counts, big: BigExchange) -> Figure:
    """What one process writes, another reads: rows, chain, decoding, applying; by turns, a part of the tail in each."""
    flow, share = big.busy_orders(counts.tail_commands), counts.tail_commands // counts.repetitions
    events_per_s: list[float] = []
    with closing(big.live()) as writer, closing(big.live()) as reader:
        first = before = _head(reader)
        for _ in range(counts.repetitions):
            big.decide(writer, islice(flow, share))
            start = perf_counter()
            head = _head(reader)
            events_per_s.append((head - before) / (perf_counter() - start))
            before = head
    return compare(
        "j",
        f"reading on in it, {before - first:,} events",
        events_per_s,
        unit="events/s",
        compared_with="the goal",
        compared=[EVENTS_PER_S] * len(events_per_s),
        target=FAST_ENOUGH,
    )


def _head(live: LiveReplica) -> int:
    with live.reading() as replica:
        return replica.sequence


def _memory(live: LiveReplica) -> list[Figure]:
    """By tracemalloc, while a replica is put together as from a checkpoint; what it is put together from is let go at once."""
    with live.reading() as replica:
        head, kept = state.head(replica), [msgspec.msgpack.encode(part) for part in state.parts(replica)]
        numbers = {"users": len(replica.users), "orders": len(replica.orders), "answers": len(replica.answers)}
    taken: Counter[str] = Counter()
    tracemalloc.start()
    copy = state.assemble(head, _watched(kept, taken))
    tracemalloc.stop()
    assert len(copy.orders) == numbers["orders"]
    return [
        Figure(item="j", what=what, measured=measured, unit="bytes", compared_with="by tracemalloc")
        for what, measured in (
            ("memory of a user with two balances", (taken["users"] + taken["balances"]) / numbers["users"]),
            (
                "memory of an open order, every second with a client order id",
                (taken["orders"] + taken["client_orders"]) / numbers["orders"],
            ),
            ("memory of a command that is remembered", taken["answers"] / numbers["answers"]),
        )
    ]


def _watched(kept: list[bytes], taken: Counter[str]) -> Iterator[state.Part]:
    """Notes what was taken between one part and the next, by the list that the part holds something of."""
    decode = msgspec.msgpack.Decoder(state.Part).decode
    for encoded in kept:
        before, _ = tracemalloc.get_traced_memory()
        part = decode(encoded)
        (name,) = [name for name in part.__struct_fields__ if getattr(part, name)]
        yield part
        del part
        taken[name] += tracemalloc.get_traced_memory()[0] - before


def _waits(counts: Counts, big: BigExchange) -> list[Figure]:
    """Of one thread that places lone orders: while no checkpoint is made, while one is made beside it, and while one holds it up."""
    settings = Settings(project_on_commit=False, checkpoint_every_events=1_000_000_000)
    with credit_trading.open(big.home, settings=settings) as exchange:
        live, orders = exchange._live, exchange.as_user("person1").orders
        place = partial(orders.create_order, "VCS-1/USD", "buy", 1, "1.00")
        alone, _ = _waited(place, partial(sleep, counts.watched_s))
        beside, beside_s = _waited(place, partial(live.save_checkpoint, every_events=1))
        held_up, at_rest_s = _waited(place, partial(live.save_checkpoint, every_events=1, at_rest=True))
    told = [("made beside it", beside, beside_s), ("made at rest, of the live replica", held_up, at_rest_s)]
    return [
        Figure(
            item="k",
            what=f"{which} wait of a writer, a checkpoint {how} in {seconds:.1f} s",
            measured=of(waits_ms),
            unit="ms",
            compared_with="none being made",
            compared=of(alone),
            ratio=of(waits_ms) / of(alone),
        )
        for how, waits_ms, seconds in told
        for which, of in (("longest", max), ("median", median))
    ]


def _waited(place: Callable[[], object], meanwhile: Callable[[], object]) -> tuple[list[float], float]:
    """Milliseconds that each of the orders took which were placed meanwhile, and how long that was in seconds."""
    waits_ms: list[float] = []
    thread = Thread(target=meanwhile)
    begun = perf_counter()
    thread.start()
    while thread.is_alive() or not waits_ms:
        start = perf_counter()
        place()
        waits_ms.append((perf_counter() - start) * 1e3)
    return waits_ms, perf_counter() - begun
