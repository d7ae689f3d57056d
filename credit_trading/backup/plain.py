"""One user's file as a plain SQLite file that any tool opens.

Here: where such a file may be put, and what is done to a copy so that it is one file by itself. Never here: how the copy is made
(users/copying), archives.
Always: the file appears under its name whole and durable, or not at all; nothing of the exchange is written over.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.checks import shown
from credit_trading.errors import AlreadyExists, FileCorrupt, InvalidInput, NotFound, StorageError
from credit_trading.store.files import publish_new, temporary_database, write_durably
from credit_trading.store.sqlite import StrPath, connect, translated
from credit_trading.trading.desk import Desk
from credit_trading.users.copying import Copying

_BESIDE = ("-journal", "-wal", "-shm")
"""SQLite would take these for parts of a database of that name."""


@attrs.frozen(kw_only=True)
class PlainCopy:
    """Up to `sequence` the file shows the journal."""

    user_id: str
    path: Path
    sequence: int
    size_bytes: int


def create_user(desk: Desk, user_id: str, to: StrPath, *, overwrite: bool = False) -> PlainCopy:
    """Copies the user's file, caught up, to the new file `to`, which nobody but its owner may read.

    Raises NotFound for an unknown user or folder, AlreadyExists unless `overwrite`, InvalidInput for a place where no such file can be,
    FileCorrupt for a file that is damaged, which is in quarantine then; whatever else keeps it from being read.
    """
    number = desk.user_number(user_id)
    path = checked_place(to, desk.live.path.parent, overwrite=overwrite)
    copy = Copying(desk.live, desk.files, desk.projector).copy(number)
    content, told = plain(copy.content)
    if told != "ok":
        source = desk.files.path_of(number)
        error = FileCorrupt("backup.create", source, f"the database is damaged ({told})", hint="Nothing was copied.")
        desk.projector.admission.judge(number, error)
        raise error
    if overwrite:
        write_durably(path, content)
    else:
        publish_new(path, content)
    return PlainCopy(user_id=user_id, path=path, sequence=copy.sequence, size_bytes=len(content))


def checked_place(to: StrPath, home: Path, *, operation: str = "backup.create", overwrite: bool = False) -> Path:
    """The path itself, if a file may be put there."""
    text = os.fspath(to)
    if not text or not text.isprintable() or text.endswith("/"):
        raise InvalidInput(operation, shown(text), "not the name of a file", hint="For example ann.db.")
    path = Path(text)
    if path.is_dir():
        raise InvalidInput(
            operation, path, "a folder, not a file", hint=f"Name a file in it, such as {path / 'copy.db'}."
        )
    if not path.parent.is_dir():
        raise NotFound(operation, path, f"there is no folder {path.parent}", hint="Make it, or name a file elsewhere.")
    if path.parent.resolve().is_relative_to(home.resolve()):
        raise InvalidInput(operation, path, "it lies in the exchange's own folder", hint="Name a file somewhere else.")
    for name in (text, *(f"{text}{suffix}" for suffix in _BESIDE)):
        if os.path.lexists(name) and not (overwrite and name == text):
            raise AlreadyExists(
                operation, name, "a file of this name exists", hint="Choose another name, or move that file away."
            )
    return path


def plain(content: bytes) -> tuple[bytes, str]:
    """The same database as one file that needs none beside it, and what SQLite's own check says of it."""
    with temporary_database("plain.db") as path, translated("backup.create", path):
        path.write_bytes(content)
        with closing(connect(path, mode="rw")) as connection:
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        if told == "ok" and mode != "delete":
            raise StorageError("backup.create", path, f"it stays in journal mode {mode!r}", hint="Repeat it.")
        return path.read_bytes(), str(told)
