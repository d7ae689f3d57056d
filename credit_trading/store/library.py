"""Which SQLite this process uses.

Here: the choice, made once, and what is wrong with that version. Never here: how it is used. Always: it is the library
that `sqlite_utils` uses too, because two SQLite libraries on one file in one process break each other's locks: when one
of them closes the file, the other's POSIX locks on it are gone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import sqlite3 as sqlite3  # exported
else:
    from sqlite_utils.utils import sqlite3  # pysqlite3 where it is installed, the standard library's otherwise

Connection: TypeAlias = sqlite3.Connection
StrPath: TypeAlias = str | os.PathLike[str]
Version: TypeAlias = tuple[int, ...]

SQLITE_VERSION: Version = tuple(sqlite3.sqlite_version_info)


def has_wal_reset_bug(version: Version = SQLITE_VERSION) -> bool:
    """Whether two connections that write and checkpoint one WAL file at the same moment can corrupt it.

    Source: https://sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, but for the patched 3.44.6+ and 3.50.7+.
    """
    patched = (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return (3, 7, 0) <= version < (3, 51, 3) and not patched
