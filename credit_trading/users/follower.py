"""Brings users' files forward in the background, so that none is ever far behind the journal.

Here: whose files have something to show, in which order, and how far all of them are. Never here: one file (projector), how often
(following).
Always: the mark moves past an event only when the files of the users whom it names have come by, or stand in the mark's list of those
that are behind: a file that fails holds up neither the others nor the mark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from credit_trading.errors import StorageError
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import HASH, Row
from credit_trading.progress import Progress, no_progress
from credit_trading.store.locks import PROJECTOR
from credit_trading.users.mark import Mark
from credit_trading.users.projector import Projector

ROWS_AT_ONCE = 2_000
"""Journal rows after which the mark is moved: what has to be looked at again after a crash."""

RETRY_S = 30.0
"""A file that failed is tried again after this long."""

MOST_BEHIND = 1_000
"""Files; when more fail, it is not them, and the mark stays where it is."""

Stop = Callable[[], bool]
"""Asked between files."""


def never() -> bool:
    """Nobody wants it to end."""
    return False


@attrs.frozen(kw_only=True)
class Followed:
    """What a round came to: all files are at least at `sequence`, but for so many that are `behind`; `files` were looked at."""

    sequence: int
    files: int
    behind: int


class _Stopped(Exception):
    """In the middle of a slice: the mark stays."""


class Follower:
    """For one thread at a time; one process per folder has the right to move the mark (`PROJECTOR`)."""

    def __init__(self, live: LiveReplica, projector: Projector) -> None:
        self._live = live
        self._projector = projector
        self._home: Path = live.path.parent
        self._retry_at = 0.0
        self._files = 0

    def mark(self) -> Mark | None:
        """As it stands on disk."""
        with self._live.history() as log:
            return Mark.read(self._home, log)

    def follow(self, *, stop: Stop = never) -> Followed:
        """Brings all files up to the journal's head as it is now; the caller holds `PROJECTOR`. Raises StorageError.

        Without a mark every file is looked at.
        """
        self._files = 0
        head = self._head()
        mark = self.mark()
        try:
            if mark is None:
                mark = self._moved(Mark(head, self._bring(self._projector.active_numbers(), stop=stop)))
            mark = self._retried(mark, stop)
            while mark.position.sequence < head.sequence:
                mark = self._advanced(mark, up_to=head.sequence, stop=stop)
        except _Stopped:
            mark = self.mark()
        sequence = mark.position.sequence if mark else 0
        return Followed(sequence=sequence, files=self._files, behind=len(mark.behind) if mark else 0)

    def catch_up_all(self, *, progress: Progress = no_progress) -> int:
        """Looks at the file of every user, patiently, and moves the mark unless another process has the right to.

        Returns how many files did not get there.
        """
        head, numbers = self._head(), self._projector.active_numbers()
        ours = self._live.lock_file.try_acquire(PROJECTOR)
        try:
            behind = self._bring(numbers, patient=True, progress=progress)
            if ours:
                self._moved(Mark(head, behind))
        finally:
            if ours:
                self._live.lock_file.release(PROJECTOR)
        return len(behind)

    def _head(self) -> Position:
        with self._live.history() as log:
            return Position(log.exchange_id, *log.head())

    def _retried(self, mark: Mark, stop: Stop) -> Mark:
        """With those tried again that are behind, if it is time."""
        if not mark.behind or time.monotonic() < self._retry_at:
            return mark
        self._retry_at = time.monotonic() + RETRY_S
        behind = self._bring(sorted(mark.behind), stop=stop)
        return mark if behind == mark.behind else self._moved(Mark(mark.position, behind))

    def _advanced(self, mark: Mark, *, up_to: int, stop: Stop) -> Mark:
        """Past the next slice of the journal."""
        with self._live.history() as log:
            after = mark.position.sequence
            rows = log.batch_from(after + 1, min(ROWS_AT_ONCE, up_to - after))
            assert rows, "journal rows are gone"
            position = Position(log.exchange_id, rows[-1][0], rows[-1][HASH])
        named = _named(rows)
        behind = self._bring(named, stop=stop)
        return self._moved(Mark(position, (mark.behind - named) | behind))

    def _bring(
        self, numbers: Iterable[int], *, patient: bool = False, progress: Progress = no_progress, stop: Stop = never
    ) -> frozenset[int]:
        """The numbers of those that did not get there."""
        listed = list(numbers)
        behind: set[int] = set()
        for done, (number, is_there) in enumerate(self._projector.bring_forward(listed, patient=patient), 1):
            if not is_there:
                behind.add(number)
            self._files += 1
            progress(done, len(listed))
            if stop() and done < len(listed):
                raise _Stopped
        return frozenset(behind)

    def _moved(self, mark: Mark) -> Mark:
        if len(mark.behind) > MOST_BEHIND:
            raise StorageError(
                "users.follow",
                self._home,
                f"the files of {len(mark.behind)} users cannot be brought forward",
                hint="So many are hardly wrong themselves: see the log for why.",
            )
        mark.write(self._home)
        return mark


def _named(rows: Iterable[Row]) -> frozenset[int]:
    """The numbers of the users whom the events concern."""
    return frozenset(user for row in rows for user in (row[6], row[9]) if user is not None)
