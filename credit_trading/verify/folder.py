"""The exchange's folder: who may read what is in it, and what is there that nobody knows.

Here: names and modes, and whose an unknown file is. Never here: what stands in the files of users (files).
Always: the folder is read once, name by name; files of other programs are nobody's business.
"""

from __future__ import annotations

import os
import shlex
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from credit_trading.journal.live import LiveReplica
from credit_trading.marketdata.trade_file import FILE_NAME as MARKET_DATA
from credit_trading.store.files import STALE_AFTER_S, UNFINISHED
from credit_trading.store.sqlite import connect
from credit_trading.users import catalogue, deletion, kept, mark
from credit_trading.users.reading import reads
from credit_trading.users.standing import Standing
from credit_trading.verify.finding import Finding

FOLDERS = ("checkpoints", kept.FOLDER, deletion.FOLDER, reads.FOLDER)
"""Of ours, beside the files."""

_OURS = ("exchange.", MARKET_DATA, "jobs.db", "host.json", mark.FILE_NAME, "trading_", UNFINISHED)
"""How the names of our files begin."""

_FOLDER_MODE, _FILE_MODE = 0o700, 0o600

_PERMISSIONS = 0o777
"""What a folder hands down to those in it (setgid) is not asked for: chmod would not take it away either."""

_MOVE_AWAY = "Find out whose it is, and move it away."


def check_folder(live: LiveReplica, home: Path) -> Iterator[Finding]:
    """Permissions, and files that nobody knows."""
    yield from _check_mode(home, home, _FOLDER_MODE)
    for folder in (home / name for name in FOLDERS):
        if folder.is_dir():
            yield from _check_mode(home, folder, _FOLDER_MODE)
            yield from _check_files(home, folder)
        elif os.path.lexists(folder):
            yield Finding(file=folder.name, problem="a folder has to be here, and this is none", repair=_MOVE_AWAY)
    yield from _check_files(home, home)
    yield from _check_names(live, home)


def _check_files(home: Path, folder: Path) -> Iterator[Finding]:
    """Modes, and what a write that was cut off has left."""
    for entry in _entries(folder):
        if (folder == home and not entry.name.startswith(_OURS)) or not entry.is_file(follow_symlinks=False):
            continue
        yield from _check_mode(home, Path(entry.path), _FILE_MODE)
        if entry.name.startswith(UNFINISHED) and _age_s(entry) > STALE_AFTER_S:
            yield Finding(
                file=_shown(home, Path(entry.path)),
                problem="a file that was never finished, and nobody is writing it any more",
                repair=f"rm {shlex.quote(entry.path)}",
            )


def check_modes(home: Path, name: str) -> Iterator[Finding]:
    """Of one database and what SQLite keeps beside it; what is not there is passed over."""
    for suffix in ("", "-wal", "-shm"):
        yield from _check_mode(home, home / f"{name}{suffix}", _FILE_MODE)


def _check_mode(home: Path, path: Path, expected: int) -> Iterator[Finding]:
    """Ours are for their owner to read and write, and for nobody else."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode) & _PERMISSIONS
    except FileNotFoundError:  # it was there a moment ago
        return
    if mode != expected:
        yield Finding(
            file=_shown(home, path),
            problem="others may use it" if mode & ~expected else "its owner may not read and write it",
            expected=f"{expected:04o}",
            found=f"{mode:04o}",
            repair=f"chmod {expected:o} {shlex.quote(str(path))}",
        )


def _check_names(live: LiveReplica, home: Path) -> Iterator[Finding]:
    """Users' files that the catalogue does not know, and what is left of a database that is gone."""
    for entry in _entries(home):
        if entry.name.endswith(".db-wal") and not (home / entry.name.removesuffix("-wal")).exists() and entry.is_file():
            problem = "the WAL of a database that is not there: what it holds is in no other file"
            yield Finding(
                file=entry.name, problem=problem, repair="Restore the database from a backup, or move the WAL away."
            )
        elif entry.name.startswith("trading_") and entry.name.endswith(".db"):
            with live.history() as log:
                known, exchange_id = catalogue.is_known_file(log.connection, entry.name), log.exchange_id
            if not known:
                yield Finding(file=entry.name, problem=_whose(Path(entry.path), exchange_id), repair=_MOVE_AWAY)


def _whose(path: Path, exchange_id: str) -> str:
    """What a file says of itself that no user has."""
    try:
        with closing(connect(path, mode="rw")) as connection:
            connection.execute("PRAGMA query_only = 1")
            owner = Standing.of(connection, path).owner
    except Exception:  # noqa: BLE001 - it may be anything
        return "a file that is called like a user's and is none"
    if owner[0] is None:
        return "a user's file that was never used, and the catalogue has no such user"
    if owner[0] != exchange_id:
        return "it belongs to another exchange"
    return f"a file of user #{owner[1]}, but not the one that the catalogue names"


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries


def _age_s(entry: os.DirEntry[str]) -> float:
    try:
        return time.time() - entry.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _shown(home: Path, path: Path) -> str:
    return "the folder" if path == home else str(path.relative_to(home))
