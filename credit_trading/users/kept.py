"""What repair keeps of a user's file before it is made anew: a copy, or the file itself moved aside.

Here: the folder `quarantine` in the exchange's folder, and how a file gets there. Never here: what is kept when (repair).
Always: nothing in there is ever changed, renamed over or deleted by this package; what stands under its name is complete and durable.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from credit_trading.clock import format_time
from credit_trading.errors import StorageError
from credit_trading.store.files import discard_database, make_private_folder, rename_durably
from credit_trading.store.sqlite import Connection, connect, translated
from credit_trading.users.scratch import write_into

FOLDER = "quarantine"


def keep_copy(live: Connection, path: Path, *, now_us: int) -> Path:
    """A copy of the file at `path`, open as `live`, as of one moment; others may go on using it."""
    make_private_folder(path.parent / FOLDER)
    unfinished = path.parent / FOLDER / f".writing-{secrets.token_hex(8)}"
    try:
        _copy(live, unfinished)
        kept = _free_name(path, now_us)
        rename_durably(unfinished, kept)
    except BaseException:
        discard_database(unfinished)
        raise
    return kept


def keep_moved(path: Path, *, now_us: int) -> Path:
    """The closed file itself, with its WAL. The caller has the user's lock for itself alone.

    The database goes last: as long as it is there, nobody takes the file for one that is gone.
    """
    make_private_folder(path.parent / FOLDER)
    kept = _free_name(path, now_us)
    for suffix in ("-wal", "-shm", ""):
        if os.path.lexists(f"{path}{suffix}"):
            rename_durably(f"{path}{suffix}", f"{kept}{suffix}")
            os.chmod(f"{kept}{suffix}", 0o600)  # whoever made it
    return kept


def _copy(live: Connection, destination: Path) -> None:
    copy = connect(destination, mode="rwc", synchronous="FULL")
    try:
        write_into(copy, live)
        with translated("users.rebuild", destination):
            busy, _, _ = copy.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        copy.close()
    left = Path(f"{destination}-wal")
    if busy or (left.exists() and left.stat().st_size):
        raise StorageError("users.rebuild", destination, "its WAL could not be emptied", hint="Repeat it.")


def _free_name(path: Path, now_us: int) -> Path:
    """`trading_ann_ann_example.com.db~20260301T093000.000000Z.db`, with a number if there is one of that moment."""
    moment = format_time(now_us).replace("-", "").replace(":", "")
    number = 1
    while True:
        mark = f"~{number}" if number > 1 else ""
        kept = path.parent / FOLDER / f"{path.name}~{moment}{mark}.db"
        if not any(os.path.lexists(f"{kept}{suffix}") for suffix in ("", "-wal", "-shm")):
            return kept
        number += 1
