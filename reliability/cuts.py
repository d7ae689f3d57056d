"""Power cuts: one recorded day, cut at many moments, each time on one of the disks that may be left; and each must open whole.

Here: carrying a cut out, and what is asked of the folder beyond what was acknowledged (that is `acknowledged`'s). Never here: the day
itself (recording), where it is cut (moments), what may be left of the disk (unsynced).
Always: seed and number repeat a cut exactly; of one that went wrong the disk is kept as the cut left it.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import attrs

import credit_trading
from credit_trading import ManualClock
from credit_trading.errors import StorageError
from credit_trading.journal.log import FILE_NAME
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import connect, sqlite3
from reliability.acknowledged import check
from reliability.moments import Cut, choose
from reliability.recorded_disk import recorded_disk
from reliability.recording import Recording, record
from reliability.report import Report
from reliability.unsynced import Contents, UnsyncedDisk

STEPS = 72
"""Of the day: all that is rare happens twice."""

_MEMORY = Path("/dev/shm")
"""Where folders are made if the machine has it: nothing here has to survive a real power cut."""


@attrs.frozen
class State:
    """What was there when the folder was opened again: the journal's head; each user's file, and how far it had come."""

    head: int
    files: tuple[tuple[str, int], ...]
    behind: int = attrs.field(eq=False)


@attrs.define
class Figures:
    """Over all cuts: so many `acknowledged` acts and private `facts` were looked for, so many users' files were `behind`."""

    calls: int = 0
    cuts: int = 0
    again: int = 0
    acknowledged: int = 0
    facts: int = 0
    behind: int = 0
    disks: set[str] = attrs.Factory(set)
    states: set[State] = attrs.Factory(set)
    moments: Counter[str] = attrs.Factory(Counter)
    problems: list[str] = attrs.Factory(list)


def attack(count: int, *, seed: str, folder: Path, progress: Progress = no_progress) -> Report:
    """So many cuts; with a seed of the form S:NUMBER the cut of that number of seed S alone."""
    seed, _, number = seed.partition(":")
    figures = PowerCuts(folder, seed=seed).run(count, only=int(number) if number else None, progress=progress)
    return Report(
        "Power cuts",
        {
            "calls of the day": figures.calls,
            "cuts": figures.cuts,
            "of them cut again while recovering": figures.again,
            "distinct disks": len(figures.disks),
            "distinct states found": len(figures.states),
            "sorts of moments": len(figures.moments),
            "acknowledged acts checked": figures.acknowledged,
            "private facts checked": figures.facts,
            "users' files behind, and caught up": figures.behind,
            "problems": len(figures.problems),
        },
        figures.problems,
    )


class PowerCuts:
    """Cuts of the day of one seed. `planted` is a bug for that day; what is kept of cuts that went wrong goes to `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: str,
        steps: int = STEPS,
        planted: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.folder = folder
        self.seed = seed
        with _in_memory() as memory, planted():
            self.recording: Recording = record(memory / "day", seed=seed, steps=steps)

    def run(
        self,
        count: int,
        *,
        only: int | None = None,
        moments: Collection[str] = (),
        most_problems: int | None = None,
        progress: Progress = no_progress,
    ) -> Figures:
        """Of so many cuts all, or the one of number `only`, or those at these sorts of moments; ends early at `most_problems`."""
        figures = Figures(calls=len(self.recording.calls))
        cuts = choose(self.recording, count=count if only is None else only + 1, seed=self.seed)
        cuts = [cut for cut in cuts if only in (None, cut.number) and (not moments or cut.moment in moments)]
        with _in_memory() as memory:
            for cut, left in self._disks_after(cuts):
                self._cut(cut, left, memory / f"cut-{cut.number}", figures)
                progress(figures.cuts, len(cuts))
                if most_problems is not None and len(figures.problems) >= most_problems:
                    break
        return figures

    def _disks_after(self, cuts: list[Cut]) -> Iterator[tuple[Cut, Contents]]:
        disk, reached = UnsyncedDisk(), 0
        for cut in cuts:
            for call in self.recording.calls[reached : cut.position]:
                disk.take(call)
            reached = cut.position
            yield cut, disk.after_cut(random.Random(f"{self.seed}/{cut.number}/disk"))

    def _cut(self, cut: Cut, left: Contents, home: Path, figures: Figures) -> None:
        """Into a new folder, which is gone afterwards."""
        problems = []
        try:
            if cut.again:
                left = self._cut_again(cut, left, home)
            _write(left, home)
            problems += self._problems_after(cut, home, figures)
        except Exception as error:  # noqa: BLE001 - whatever a damaged folder makes the exchange raise is what is looked for
            problems.append(f"it does not open: {type(error).__name__}: {error}")
        shutil.rmtree(home)
        figures.cuts += 1
        figures.again += cut.again
        figures.moments[cut.moment] += 1
        figures.disks.add(_digest(left))
        if problems:
            kept = self.folder / f"cut-{cut.number}"
            _write(left, kept)
            again = f"alone: --seed {self.seed}:{cut.number}"
            figures.problems += [f"{cut} of seed {self.seed} ({again}), left as {kept}: {one}" for one in problems]

    def _cut_again(self, cut: Cut, left: Contents, home: Path) -> Contents:
        """The folder is opened, and all that is behind catches up; at some moment of this the power goes once more."""
        chance = random.Random(f"{self.seed}/{cut.number}/again")
        _write(left, home)
        with mock.patch("secrets.token_bytes", chance.randbytes), recorded_disk(home) as disk:
            before = len(disk.calls)
            with self._opened(cut, home) as exchange:
                exchange.as_admin("check").databases.catch_up()
        shutil.rmtree(home)
        position = chance.randint(before, len(disk.calls))
        return UnsyncedDisk(disk.calls[:position]).after_cut(chance)

    def _problems_after(self, cut: Cut, home: Path, figures: Figures) -> list[str]:
        with (
            self._opened(cut, home) as exchange,
            mock.patch("credit_trading.users.mark._this_boot", return_value="after"),
        ):
            state = _state(home, exchange.sequence)
            exchange._follower.follow()
            left_behind = _state(home, exchange.sequence).behind
            exchange.as_admin("check").databases.catch_up()
        checked = check(home, self.recording.told_before(cut.position), clock=self._clock())
        figures.states.add(state)
        figures.behind += state.behind
        figures.acknowledged += checked.acknowledged
        facts = self.recording.facts_before(cut.position)
        figures.facts += len(facts)
        return [
            *([f"following has left {left_behind} files behind"] if left_behind else []),
            *(f"{problem.kind}: {problem.text}" for problem in checked.problems),
            *_lost_facts(home, facts),
            *_orphans(home),
        ]

    def _opened(self, cut: Cut, home: Path) -> credit_trading.Exchange:
        """A folder that was cut while the exchange was founded may be founded again."""
        is_founded = cut.position >= self.recording.founded_at
        return credit_trading.open(home, create=not is_founded, clock=self._clock())

    def _clock(self) -> ManualClock:
        return ManualClock(self.recording.end_us)


def _state(home: Path, head: int) -> State:
    """Before anything catches up. Of a file that cannot be read nothing is known here; `verify` says what is wrong."""
    files, behind = [], 0
    with closing(connect(home / FILE_NAME, mode="ro")) as journal:
        for path in sorted(home.glob("trading_*.db")):
            with suppress(StorageError, sqlite3.Error), closing(connect(path, mode="ro")) as file:
                number, applied = file.execute("SELECT user_number, applied_sequence FROM metadata").fetchone()
                files.append((path.name, applied))
                last = "SELECT max(sequence) FROM journal WHERE user_a = ?1 OR user_b = ?1"
                behind += number is not None and applied < journal.execute(last, (number,)).fetchone()[0]
    return State(head, tuple(files), behind)


def _lost_facts(home: Path, facts: Sequence[tuple[str, int]]) -> list[str]:
    there: set[tuple[str, int]] = set()
    for user in {user for user, _ in facts}:
        for path in home.glob(f"trading_{user}_*.db"):
            with closing(connect(path, mode="ro")) as connection:
                if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'facts'").fetchone():
                    there |= {(user, row[0]) for row in connection.execute("SELECT fact FROM facts")}
    return [f"lost: the private fact {fact} of {user}" for user, fact in facts if (user, fact) not in there]


def _orphans(home: Path) -> list[str]:
    """A WAL without its database is replayed into the next one of that name."""
    left = [path.name for path in home.glob("*-wal") if not Path(str(path).removesuffix("-wal")).exists()]
    return [f"{name} is left behind without its database" for name in sorted(left)]


def _write(contents: Contents, home: Path) -> None:
    home.mkdir(mode=0o700)
    for name, content in contents.items():
        path = home / name
        if content is None:
            path.mkdir(mode=0o700)
        else:
            path.write_bytes(content)
            path.chmod(0o600)


def _digest(contents: Contents) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{-1 if content is None else len(content)}\0".encode())
        digest.update(content or b"")
    return digest.hexdigest()


@contextmanager
def _in_memory() -> Iterator[Path]:
    """A folder in memory, where also what the exchange makes for a moment is put."""
    place = str(_MEMORY) if _MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="power-cuts-", dir=place) as folder, mock.patch("tempfile.tempdir", place):
        yield Path(folder)
