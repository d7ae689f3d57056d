"""A system that refuses: every operation under every fault that can meet it, or so many of them as one has time for.

Here: which faults are chosen, and what came of them all. Never here: one of them (trials). Always: each operation suffers in an exchange
of its own, which is never opened anew because of a fault; a seed chooses the same faults again.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import attrs

from credit_trading.progress import Progress, no_progress
from reliability.disk import AVAILABLE
from reliability.faults import FAULTS, Call, faults
from reliability.operations import OPERATIONS, Operation, World
from reliability.report import Report
from reliability.trials import Strike, Trials, Untrue

Place = tuple[str, Call, bool, int]
"""A fault, the kind of call that it meets, whether it lasts; of openings, whether it is the first, the second or a later one (0, 1, 2)."""


@attrs.define
class Endured:
    """How many faults struck, where, and what the callers were told; `usual` are the places that the operation always comes by."""

    strikes: int = 0
    missed: int = 0
    told: Counter[str] = attrs.Factory(Counter)
    struck: set[Place] = attrs.Factory(set)
    usual: set[Place] = attrs.Factory(set)


def endure(operation: Operation, folder: Path, *, chance: random.Random, count: int | None) -> Endured:
    """So many faults, as evenly over the places as can be; None is every call in every way.

    Afterwards the exchange is verified, and compared with one that did the same without a fault. Raises Untrue.
    """
    endured = Endured()
    with faults(folder) as system:
        world = World(folder / "exchange")
        world.set_up()
        trials = Trials(world, system)
        first, usual = Counter(trials.calls_of(operation)), Counter(trials.calls_of(operation))
        by_place = _by_place(first | usual)
        endured.usual = set(_by_place(usual))
        for place, strike in _all(by_place) if count is None else _sample(by_place, chance, count):
            verdict = trials.strike(operation, strike)
            endured.strikes += 1
            endured.missed += not verdict.struck
            endured.told[verdict.told] += 1
            if verdict.struck:
                endured.struck.add(place)
        trials.close()
        check_whole(world, folder, trials)
    return endured


def check_whole(world: World, folder: Path, trials: Trials) -> None:
    """Deep verify finds nothing, and an exchange that did the same without any fault stands where this one stands. Raises Untrue."""
    exchange = world.open()
    exchange.as_admin("check").databases.catch_up()  # also makes files that a fault came before
    found = [f"{one.where}: {one.problem}" for one in exchange.as_admin("check").verify(deep=True).findings]
    digest = exchange.state_digest()
    world.close()
    twin = World(folder / "twin")
    twin.set_up()
    for operation, serial in trials.history:
        twin.switch(eager=operation.eager)
        operation.prepare(twin, serial)
        operation.act(twin, serial)
    same = twin.open().state_digest() == digest
    twin.close()
    if found or not same:
        raise Untrue(
            f"{'; '.join(found) or 'no finding'}; the state is {'' if same else 'not '}that of one without faults"
        )


def attack(count: int, *, seed: str, folder: Path, progress: Progress = no_progress) -> Report:
    """So many faults, the same number for each operation."""
    report = Report("faults that return")
    if not AVAILABLE:
        report.problems.append("needs pysqlite3 with sqlite3_vfs_find")
        return report
    told: Counter[str] = Counter()
    strikes = missed = places = 0
    shares = [count // len(OPERATIONS) + (place < count % len(OPERATIONS)) for place in range(len(OPERATIONS))]
    with _quiet():
        for number, (operation, share) in enumerate(zip(OPERATIONS, shares, strict=True)):
            try:
                own = endure(
                    operation, folder / str(number), chance=random.Random(f"{seed} {operation.name}"), count=share
                )
            except Untrue as error:
                report.problems.append(str(error))
                continue
            told += own.told
            strikes, missed, places = strikes + own.strikes, missed + own.missed, places + len(own.struck)
            progress(strikes, count)
    report.figures = {
        "operations": len(OPERATIONS),
        "faults": strikes - missed,
        "places": places,
        **{f"told: {code}": number for code, number in told.most_common()},
        "untrue answers": len(report.problems),
    }
    return report


def _by_place(calls: Counter[Call]) -> dict[Place, list[Strike]]:
    """Each call in each way in which it can fail, once and lasting. The first openings of a file are places of their own."""
    places: dict[Place, list[Strike]] = {}
    for fault, fails in FAULTS.items():
        for site, number in sorted(calls.items()):
            for lasting, after in product((False, True), range(number) if site.operation in fails else ()):
                which = min(after, 2) if site.operation == "sqlite.open" else 0
                places.setdefault((fault, site, lasting, which), []).append(Strike(fault, site, after, lasting))
    return places


def _all(places: dict[Place, list[Strike]]) -> list[tuple[Place, Strike]]:
    return [(place, strike) for place, strikes in places.items() for strike in strikes]


def _sample(places: dict[Place, list[Strike]], chance: random.Random, count: int) -> list[tuple[Place, Strike]]:
    """So many, at as many places as can be; of each place any."""
    chosen = _all(places)
    chance.shuffle(chosen)
    turns: Counter[Place] = Counter()

    def turn(one: tuple[Place, Strike]) -> int:
        """How many at the same place come before this one."""
        turns[one[0]] += 1
        return turns[one[0]]

    return sorted(chosen, key=turn)[:count]


@contextmanager
def _quiet() -> Iterator[None]:
    """What is logged about each of so many faults is no news."""
    log = logging.getLogger("credit_trading")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
