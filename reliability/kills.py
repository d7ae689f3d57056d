"""Processes that trade and are killed with SIGKILL: at random moments, and at each change that they make on the disk.

Here: who is killed when, in which folder, and what was found afterwards. Never here: what must hold then (acknowledged).
Always: a kill is known by the run's seed and its number. One at a call is the same again when repeated; one at a random moment is not
quite, so what it left is kept where something was wrong.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from pathlib import Path

import attrs

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.progress import Progress, no_progress
from reliability.acknowledged import Check, check
from reliability.child import Broken, Child
from reliability.countdown import FAILED, JOURNAL_WAL, MOMENTS, Countdown, counted
from reliability.disk import AVAILABLE
from reliability.planted import nothing
from reliability.report import Report
from reliability.telling import Told, told_in
from reliability.workload import BEGINNING_US, RandomTrader, found

STEPS = 10
"""Of a script, after one of every kind: the exchange is opened, asked so many things more, and closed."""
FIRST_STEPS = 30
"""Of the process that all others follow; it ends without closing anything."""
LONGEST_DELAY_S = 0.3
_HOUR_US = 3_600_000_000
_SETTINGS = Settings(pool_size=3, checkpoint_every_events=50)
"""So that files are closed and opened all the time, and checkpoints are written."""

Planted = Callable[[], AbstractContextManager[object]]
"""A bug for the killed process to have: see `planted`."""


@attrs.frozen
class Kill:
    """At the `at`-th call of the process that plays this script, or at a random moment if None."""

    number: int
    script: str
    kind: str = "random"
    at: int | None = None
    moment: str = ""
    call: str = ""
    writes_left: int = 0

    def __str__(self) -> str:
        where = f"{self.moment} call {self.at} of script {self.script}, {self.call}" if self.at else "at random"
        return f"kill {self.number} ({self.kind}, {where})"


class Killer:
    """Kills in copies of one folder, by one seed. `missed` counts the processes that had ended before their moment came."""

    def __init__(self, folder: Path, *, seed: str, planted: Planted = nothing) -> None:
        self.folder = folder
        self.seed = seed
        self.planted = planted
        self.missed = 0
        self._first = folder / "first"
        self._first_told = self._prepare()

    def _prepare(self) -> list[Told]:
        """An exchange whose last process has ended in the middle; what that one said."""
        clock = ManualClock(BEGINNING_US)

        def trade(descriptor: int) -> None:
            found(self._first, clock=clock, settings=_SETTINGS)
            exchange = credit_trading.open(self._first, clock=clock, settings=_SETTINGS)
            self._trader(exchange, clock, "first", descriptor).run(FIRST_STEPS)

        return told_in(Child(trade).ended())

    def calls_of(self, script: str) -> list[tuple[str, str]]:
        """What the process that plays the script does on the disk: the kind of each call, and what it is."""
        home = self._copy("counted")

        def play(descriptor: int) -> None:
            countdown = Countdown(home)
            self._play(home, script, os.open(os.devnull, os.O_WRONLY), countdown)
            for kind, what in countdown.calls:
                os.write(descriptor, f"{kind} {what}\n".encode())

        lines = Child(play).ended()
        shutil.rmtree(home)
        return [(kind, what) for kind, what in (line.decode().strip().split(" ", 1) for line in lines)]

    def kill(self, kill: Kill) -> Check:
        """One process, killed, and what is there then. What it left is kept in `kill-<number>-left` where something is wrong."""
        home = self._copy(f"kill-{kill.number}")
        lines = self._killed(kill, home)
        told = told_in(lines)
        left = self.folder / f"kill-{kill.number}-left"
        shutil.copytree(home, left)
        result = check(home, [*self._first_told, *told], clock=ManualClock(BEGINNING_US + 2 * _HOUR_US))
        result.acknowledged -= sum(one.answer is not None for one in self._first_told)
        shutil.rmtree(home)
        if result.problems:
            (left / "told.jsonl").write_bytes(b"".join(lines))
        else:
            shutil.rmtree(left)
        return result

    def _killed(self, kill: Kill, home: Path) -> list[bytes]:
        """What the process said before it was killed."""
        if kill.at is not None:
            countdown = Countdown(home, at=kill.at, moment=kill.moment, writes_left=kill.writes_left)
            child = Child(lambda descriptor: self._play(home, kill.script, descriptor, countdown))
        else:
            child = Child(lambda descriptor: self._play(home, kill.script, descriptor, None))
            child.first_line()
            time.sleep(random.Random(f"{self.seed}/{kill.number}").random() * LONGEST_DELAY_S)
            child.kill()
        lines = child.ended()
        self.missed += not child.was_killed
        return lines

    def _play(self, home: Path, script: str, descriptor: int, countdown: Countdown | None) -> None:
        """Opens, trades and closes, with the bug if one is planted; for ever where nothing is counted."""
        clock = ManualClock(BEGINNING_US + _HOUR_US)
        with (
            self.planted(),
            counted(countdown) if countdown else nullcontext(),
            credit_trading.open(home, clock=clock, settings=_SETTINGS) as exchange,
        ):
            trader = self._trader(exchange, clock, script, descriptor)
            if countdown is None:
                trader.run()
            trader.tour()
            trader.run(trader.done + STEPS)

    def _trader(self, exchange: Exchange, clock: ManualClock, script: str, descriptor: int) -> RandomTrader:
        seed = f"{self.seed}/{script}"
        return RandomTrader(exchange, clock=clock, seed=seed, name=script, descriptor=descriptor, is_alone=True)

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self._first, self.folder / name))


def planned(killer: Killer, count: int) -> list[Kill]:
    """A fifth at random moments, a tenth after a sync that failed; the others at the calls of one script after the other.

    Each call of a script has its turn before the next script has.
    """
    counted_ones = count * 7 // 10 if AVAILABLE else 0
    failed_ones = count // 10 if AVAILABLE else 0
    chance = random.Random(killer.seed)
    kills = [Kill(number, f"r{number}") for number in range(1, count - counted_ones - failed_ones + 1)]
    script = 0
    while len(kills) < count:
        script += 1
        name = f"s{script}"
        calls = killer.calls_of(name)
        if script == 1:
            syncs = [at for at, call in enumerate(calls, 1) if call == ("sync", JOURNAL_WAL)]
            for at in chance.choices(syncs, k=failed_ones):
                left = chance.choice([0, 0, 1, 2, 4, 10, 30])
                kills.append(Kill(len(kills) + 1, name, "failed sync", at, FAILED, JOURNAL_WAL, left))
        for at in _spread(calls, chance)[: count - len(kills)]:
            kind, call = calls[at - 1]
            kills.append(Kill(len(kills) + 1, name, kind, at, chance.choice(MOMENTS), call))
    return kills


def _spread(calls: Sequence[tuple[str, str]], chance: random.Random) -> list[int]:
    """All calls, numbered from 1, in an order in which each kind comes soon, however rare it is."""
    by_call: dict[tuple[str, str], list[int]] = {}
    for at, call in enumerate(calls, 1):
        by_call.setdefault(call, []).append(at)
    for numbers in by_call.values():
        chance.shuffle(numbers)
    rounds = zip_longest(*by_call.values())
    return [at for numbers in rounds for at in numbers if at is not None]


@attrs.define
class Tally:
    """What came of all kills."""

    kinds: Counter[str] = attrs.Factory(Counter)
    acknowledged: int = 0
    unanswered: int = 0
    taken: int = 0
    problems: Counter[str] = attrs.Factory(Counter)
    told: list[str] = attrs.Factory(list)

    def add(self, kill: Kill, result: Check) -> None:
        self.kinds[kill.kind] += 1
        self.acknowledged += result.acknowledged
        self.unanswered += result.unanswered
        self.taken += result.taken
        for problem in result.problems:
            self.problems[problem.kind] += 1
            self.told.append(f"{kill}: {problem.kind}: {problem.text}")

    def report(self, *, seed: str, missed: int, seconds: float) -> Report:
        figures: dict[str, int | float | str] = {"seed": seed, "kills": self.kinds.total() - missed}
        figures |= {f"kills: {kind}": self.kinds[kind] for kind in sorted(self.kinds)}
        figures |= {
            "ended before the kill": missed,
            "acknowledged commands checked": self.acknowledged,
            "commands under way when killed": self.unanswered,
            "of these taken": self.taken,
            "lost": self.problems["lost"],
            "twice": self.problems["twice"],
            "findings": self.problems["finding"],
            "seconds": round(seconds, 1),
        }
        return Report("kills", figures, self.told)


def attack(
    count: int, *, seed: str, folder: Path, progress: Progress = no_progress, planted: Planted = nothing
) -> Report:
    """So many kills, each followed by a check. Folders that are not as they must be are left in `folder`."""
    began, tally = time.monotonic(), Tally()
    killer = Killer(folder, seed=seed, planted=planted)
    kills = planned(killer, count)
    for done, kill in enumerate(kills, 1):
        try:
            result = killer.kill(kill)
        except Broken as error:
            result = Check()
            result.found("finding", str(error))
        tally.add(kill, result)
        progress(done, len(kills))
    return tally.report(seed=seed, missed=killer.missed, seconds=time.monotonic() - began)
