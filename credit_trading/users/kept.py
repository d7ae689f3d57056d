"""What is kept of a file before it is made anew: a copy, or the file itself moved aside.

Here: the folder `quarantine` in the exchange's folder, and how a file gets there. Never here: what is kept when (replacing).
Always: nothing in there is ever changed, renamed over or deleted by this package; what stands under its name is complete and durable.
"""

from __future__ import annotations

import os
from pathlib import Path

from credit_trading.clock import format_time
from credit_trading.store.files import make_private_folder, rename_durably
from credit_trading.store.sqlite import Connection
from credit_trading.users.scratch import publish_copy

FOLDER = "quarantine"


def keep_copy(live: Connection, path: Path, *, now_us: int) -> Path:
    """A copy of the file at `path`, open as `live`, as of one moment; others may go on using it."""
    kept = free_name(path.parent, path.name, now_us=now_us)
    publish_copy(live, kept)
    return kept


def keep_moved(path: Path, *, now_us: int, home: Path | None = None) -> Path:
    """The closed file itself, with its WAL. The caller has the file for itself alone; `home` is the exchange's folder if it lies deeper.

    The database goes last: as long as it is there, nobody takes the file for one that is gone.
    """
    kept = free_name(home or path.parent, path.name, now_us=now_us)
    for suffix in ("-wal", "-shm", ""):
        if os.path.lexists(f"{path}{suffix}"):
            rename_durably(f"{path}{suffix}", f"{kept}{suffix}")
            os.chmod(f"{kept}{suffix}", 0o600)  # whoever made it
    return kept


def free_name(home: Path, name: str, *, now_us: int, folder: str = FOLDER) -> Path:
    """`trading_ann_ann_example.com.db~20260301T093000.000000Z.db`, with a number if there is one of that moment. Makes the folder."""
    make_private_folder(home / folder)
    moment = format_time(now_us).replace("-", "").replace(":", "")
    number = 1
    while True:
        mark = f"~{number}" if number > 1 else ""
        kept = home / folder / f"{name}~{moment}{mark}{Path(name).suffix}"
        if not any(os.path.lexists(f"{kept}{suffix}") for suffix in ("", "-wal", "-shm")):
            return kept
        number += 1
