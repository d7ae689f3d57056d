"""What writing into the exchange's folder has left half done: a process was killed while it wrote.

Here: which folders hold such files, and when they go. Never here: checkpoints, which are swept when one is written.
Always: what somebody may be writing stays. Whose a half written copy is cannot be told, so its age decides: a write touches its file all
the time, but for one fsync. Should a disk take longer for that, the write fails as a whole, and can be repeated.
"""

from __future__ import annotations

from pathlib import Path

from credit_trading.store.files import STALE_AFTER_S, sweep_unfinished, unfinished_in
from credit_trading.users import deletion, kept

ERASED_AFTER_S = 60
"""Where a person is erased: no copy is written for so long without a change."""

_FOLDERS = ("", kept.FOLDER, deletion.FOLDER)


def sweep_kept(home: Path) -> None:
    """Deletes it where nothing but kept files are, which is soon looked through. Never raises."""
    for folder in _FOLDERS[1:]:
        sweep_unfinished(home / folder)


def sweep(home: Path, *, older_than_s: float = STALE_AFTER_S) -> None:
    """Deletes it where it has not changed for so long; lists the folder, with all users' files in it. Never raises."""
    for folder in _FOLDERS:
        sweep_unfinished(home / folder, older_than_s=older_than_s)


def sweep_at_once(home: Path) -> list[Path]:
    """Deletes all that nobody can be writing; what is there still, because somebody may. Never raises."""
    sweep(home, older_than_s=ERASED_AFTER_S)
    return [path for folder in _FOLDERS for path in unfinished_in(home / folder)]
