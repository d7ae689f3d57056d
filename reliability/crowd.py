"""A crowd on one folder: several processes with several threads each, at random acts, and one of them killed now and then.

Here: who is started, killed and replaced when, and what comes of it all. Never here: the acts (workload), what a process of the crowd
does with them (member), what must be there afterwards (acknowledged).
Always: nothing is waited for without a bound; of a process that hangs the stacks are in the report; every process is reaped.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

import attrs

from credit_trading import Settings, SystemClock
from credit_trading.progress import Progress, no_progress
from reliability.acknowledged import Check, check
from reliability.member import TROUBLE, End, Member, work_of
from reliability.report import Report
from reliability.seats import Phase, Seats
from reliability.telling import Told, told_in
from reliability.workload import found

PROCESSES = 4
THREADS = 3

LONGEST_WAIT_S = 5.0
"""No act may take longer, however many others there are, and whoever is killed meanwhile."""
FAIR = 0.25
"""Each process gets at least this part of the mean of all."""
FAIR_TO_THREADS = 0.1
"""And each thread, of the threads of its process: acts are of very different length."""
_JUDGED_FROM_ACTS = 10.0
"""Threads of a process that did less, on average, are not compared."""

_FOUNDED_WITHIN_S = 60.0
_HANGS_S = 20.0
"""Less than the exchange lets anybody wait for a lock."""
_SETTINGS = Settings(remember_client_orders=1_000_000)
"""In the end everything that was not answered is asked again, however long ago it was."""
_LIFE_S = (0.2, 2.0)
"""Between one kill and the next."""


@attrs.define
class Tally:
    """`acts` by seat; `fairness` of each process that lived long enough: what its least served thread got of the mean."""

    kills: int = 0
    acts: Counter[int] = attrs.Factory(Counter)
    longest_s: float = 0.0
    fairness: list[float] = attrs.Factory(list)
    told: list[Told] = attrs.Factory(list)
    ends: list[End] = attrs.Factory(list)
    problems: list[str] = attrs.Factory(list)
    slow: list[str] = attrs.Factory(list)

    def count(self, member: Member) -> None:
        """Of a process that has ended, or was killed."""
        acts = member.acts
        self.acts[member.seat] += sum(acts)
        self.longest_s = max(self.longest_s, member.longest_s)
        compared = member.comparable_acts
        if compared and fmean(compared) > _JUDGED_FROM_ACTS:
            self.fairness.append(min(compared) / fmean(compared))
        self.told += told_in(member.lines)
        self.problems += member.troubles
        self.slow += member.slow

    @property
    def shares(self) -> list[float]:
        """Of the mean of all seats, by seat."""
        mean = max(self.acts.total() / PROCESSES, 1.0)
        return [self.acts[seat] / mean for seat in range(PROCESSES)]


class Crowd:
    """`seed` gives who is killed when, and what everybody does; not how their acts interleave."""

    def __init__(self, folder: Path, *, seed: str) -> None:
        self.home = folder / "trading"
        self._folder = folder
        self._chance = random.Random(seed)
        self._seed = seed
        self._seats = Seats(processes=PROCESSES, threads=THREADS)
        self._lives: Counter[int] = Counter()
        self._noted: set[str] = set()
        self.tally = Tally()

    def run(self, seconds: float, *, progress: Progress = no_progress) -> None:
        """Founds the exchange and lets them trade for so long; in the end each says where it stands, and how."""
        self._found()
        began = time.monotonic()
        with self._members() as members:
            kill_at = began + self._chance.uniform(*_LIFE_S)
            while (now := time.monotonic()) < began + seconds:
                self._note_waiting(members)
                if any(member.under_way_s > _HANGS_S for member in members):
                    return
                if now >= kill_at:
                    kill_at = now + self._chance.uniform(*_LIFE_S)
                    self._replace(members, self._chance.randrange(PROCESSES))
                time.sleep(0.02)
                progress(min(int(now - began), int(seconds)), int(seconds))
            self._close(members)

    def _found(self) -> None:
        """In a process of its own: this one is forked all the time, and opens nothing of the folder before all are gone."""
        founder = Member.forked(
            self._folder / "founder",
            self._seats,
            0,
            lambda _: found(self.home, clock=SystemClock(), settings=_SETTINGS),
        )
        if not founder.ended(within_s=_FOUNDED_WITHIN_S):
            raise RuntimeError(f"the exchange was not founded: {founder.troubles}")

    @contextmanager
    def _members(self) -> Iterator[list[Member]]:
        members = [self._started(seat) for seat in self._seats.processes]
        try:
            yield members
        finally:
            for member in members:
                member.kill()
                self.tally.count(member)

    def _started(self, seat: int) -> Member:
        self._lives[seat] += 1
        name = f"p{seat}.{self._lives[seat]}"
        self._seats.clear(seat)
        return Member.forked(
            self._folder / name,
            self._seats,
            seat,
            lambda said: work_of(self.home, said, self._seats, seat, seed=f"{self._seed}/{name}"),
        )

    def _replace(self, members: list[Member], seat: int) -> None:
        members[seat].kill()
        self.tally.kills += 1
        self.tally.count(members[seat])
        members[seat] = self._started(seat)

    def _note_waiting(self, members: list[Member]) -> None:
        """The stacks of a process in which somebody waits for too long, once."""
        for member in members:
            if member.name not in self._noted and member.under_way_s > min(LONGEST_WAIT_S, _HANGS_S):
                self._noted.add(member.name)
                self.tally.problems.append(f"{member.name} keeps one waiting:\n{member.stacks()}")

    def _close(self, members: list[Member]) -> None:
        """All finish their acts; then nobody writes, and each says what it has."""
        self._seats.phase = Phase.CLOSING
        deadline = time.monotonic() + _HANGS_S
        while not all(self._seats.is_finished(member.seat) for member in members) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._seats.phase = Phase.CLOSED
        for member in members:
            if not member.ended(within_s=_HANGS_S):
                self.tally.problems.append(f"{member.name} does not come to its end:\n{member.stacks()}")
            elif member.end is not None:
                self.tally.ends.append(member.end)


def attack(seconds: int, *, seed: str, folder: Path, progress: Progress = no_progress) -> Report:
    """So many seconds of it; then everything is checked. Of a run with problems all is left in `folder`."""
    crowd = Crowd(folder, seed=seed)
    crowd.run(seconds, progress=progress)
    tally = crowd.tally
    result = check(crowd.home, tally.told, clock=SystemClock())
    problems = [*tally.problems, *(f"{problem.kind}: {problem.text}" for problem in result.problems)]
    problems += [*_refused(tally.told), *_unfair(tally), *_disagreeing(tally.ends)]
    if result.unanswered > tally.kills * THREADS:
        problems.append(f"{result.unanswered} acts were not answered, and only {tally.kills} processes killed")
    return Report("crowd", {"seed": seed, "seconds": seconds, **_figures(tally, result)}, problems)


def _figures(tally: Tally, result: Check) -> dict[str, int | float | str]:
    return {
        "processes": PROCESSES,
        "threads of each": THREADS,
        "kills": tally.kills,
        "acts": tally.acts.total(),
        "acknowledged commands checked": result.acknowledged,
        "commands under way when killed": result.unanswered,
        "of these taken": result.taken,
        "longest wait, s": round(tally.longest_s, 3),
        "share of the process with the least": round(min(tally.shares), 2),
        "share of the thread with the least": round(min(tally.fairness, default=1.0), 2),
        "replicas with one digest": len(tally.ends),
        "lost": sum(problem.kind == "lost" for problem in result.problems),
        "twice": sum(problem.kind == "twice" for problem in result.problems),
        "findings": sum(problem.kind == "finding" for problem in result.problems),
    }


def _refused(told: list[Told]) -> list[str]:
    """Answers that blame a file, a lock or the disk. Only a change of e-mail may find that the one before it still waits for the file."""
    return [
        f"{one.number} ({one.act.kind}) was refused: {one.answer.code}"
        for one in told
        if one.answer is not None and one.answer.is_error and one.answer.code in TROUBLE
        if (one.act.kind, one.answer.code) != ("email", "busy")
    ]


def _unfair(tally: Tally) -> list[str]:
    problems = []
    if tally.longest_s > LONGEST_WAIT_S:
        problems.append(f"an act took {tally.longest_s:.1f} s; the slow ones: {tally.slow}")
    if min(tally.shares) < FAIR:
        problems.append(f"of the mean of all processes they got {[round(share, 2) for share in tally.shares]}")
    if min(tally.fairness, default=1.0) < FAIR_TO_THREADS:
        problems.append(f"a thread got {min(tally.fairness):.2f} of what the threads of its process got on average")
    return problems


def _disagreeing(ends: list[End]) -> list[str]:
    """Nobody wrote any more when they looked: all must have seen the same."""
    if len(ends) != PROCESSES:
        return [f"{len(ends)} of {PROCESSES} processes came to their end"]
    return [] if len(set(ends)) == 1 else [f"the replicas differ: {ends}"]
