"""exchange.db was lost, and users' files are there: it is made anew from an archive, and what the files know beyond it is kept and told.

Here: when that may be done, and in which order. Never here: making exchange.db (refounding), what becomes of the files (recovery).
Always: exchange.db gets its name last, when every file is on its history; until then all can be repeated from the beginning, and nobody can
open the folder. Nothing is thrown away: what a file held before is in the folder `quarantine`, and beside it is told what that is.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from credit_trading.backup import lost_report
from credit_trading.backup.archive import Archive
from credit_trading.backup.ground import bare
from credit_trading.backup.lost_report import Report
from credit_trading.backup.moment import choose
from credit_trading.backup.recovery import Recovered, Recovery, users_files
from credit_trading.backup.refounding import make_exchange_db
from credit_trading.clock import Clock, SystemClock
from credit_trading.errors import AlreadyExists, Busy, NotAnExchange, StorageError
from credit_trading.journal.log import FILE_NAME
from credit_trading.progress import Progress, no_progress
from credit_trading.store.files import discard_folder, make_private_folder, rename_durably
from credit_trading.store.locks import PRESENT, LockFile
from credit_trading.verify.steps import Steps

UNFINISHED = ".restoring-exchange"
"""The folder, within the exchange's own, in which the new exchange.db is made."""


def restore_exchange_db(
    archive: Archive,
    home: Path,
    *,
    set_id: str | None = None,
    clock: Clock | None = None,
    progress: Progress = no_progress,
) -> Recovered:
    """Makes exchange.db in `home` as of the newest set, or the one that is named, and brings all files there onto its history.

    Raises AlreadyExists where exchange.db is there, NotAnExchange for a folder that is not, Busy while a process still uses it; whatever
    keeps the archive from being read, and then nothing was changed.
    """
    home = home.absolute()
    _check(home, archive)
    with _alone(home):
        _check(home, archive)
        moment = choose(archive, set_id=set_id)
        folder = home / UNFINISHED
        discard_folder(folder, keep=lost_report.FILE_NAME)
        make_private_folder(folder)
        steps = Steps(progress)
        steps.expect(moment.sequence)
        try:
            refounded = make_exchange_db(archive, moment, folder / FILE_NAME, advance=steps.advance)
            with bare(folder, files_in=home, clock=clock) as ground:
                recovery = Recovery(archive, home, moment, refounded, ground, clock or SystemClock(), steps)
                recovery.run(Report(home, folder, moment))
            _publish(folder / FILE_NAME, home / FILE_NAME)
        except BaseException:
            is_told = (folder / lost_report.FILE_NAME).exists()
            discard_folder(folder, keep=lost_report.FILE_NAME if is_told else "")
            raise
        discard_folder(folder)
        return recovery.told()


def _check(home: Path, archive: Archive) -> None:
    """Raises NotAnExchange, AlreadyExists."""
    path = home / FILE_NAME
    if os.path.lexists(path):
        raise AlreadyExists(
            "backup.restore",
            path,
            "it is there, and nothing of it is changed",
            hint=f"If it is an old or a damaged one, move it away with its -wal first: mv {shlex.quote(str(path))}* DIR.",
        )
    if not home.is_dir() or not (users_files(home) or (home / UNFINISHED).exists()):
        raise NotAnExchange(
            "backup.restore",
            home,
            "no users' files are here",
            hint=f"Restore the whole folder to a new place: credit-trading backup restore --from {archive.url} --to DIR.",
        )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Nobody else uses the folder, nor can begin to as long as exchange.db is not there. Raises Busy."""
    lock_file = LockFile.open(home / "exchange.lock")
    try:
        if not lock_file.try_acquire(PRESENT):
            who = ", ".join(map(str, lock_file.holders(PRESENT)))
            raise Busy(
                "backup.restore",
                home,
                f"the folder is open elsewhere (process {who})",
                hint="If exchange.db was deleted under that process, it still has all of it; end it only if that cannot be saved.",
            )
        try:
            yield
        finally:
            lock_file.release(PRESENT)
    finally:
        lock_file.close()


def _publish(made: Path, path: Path) -> None:
    left = Path(f"{made}-wal")
    if left.exists() and left.stat().st_size:
        raise StorageError("backup.restore", made, "its WAL could not be emptied", hint="Repeat it.")
    rename_durably(made, path)
