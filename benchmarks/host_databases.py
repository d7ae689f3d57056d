"""Databases of a host to measure with: a SQLite file and a PostgreSQL server that keep what they commit, and plain connections to them.

Here: making them, and what their drivers want. Never here: what is measured.
Always: both sides of a ratio have the same kind of connection; a SQLite file is in WAL mode with synchronous FULL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import psycopg
from sqlalchemy import make_url

from benchmarks.postgres import Postgres, programs


@attrs.frozen
class HostDatabases:
    """Of one kind: `new_url` makes an empty database, `connected` connects to one by its driver, with transactions begun by hand."""

    name: str
    new_url: Callable[[], str]
    connected: Callable[[str], Any]
    begin: str


@contextmanager
def host_databases(folder: Path) -> Iterator[list[HostDatabases]]:
    """Those that can be had here, in `folder`."""
    sqlite = HostDatabases("SQLite", _NewFiles(folder), _sqlite, "BEGIN IMMEDIATE")
    found = programs()
    if found is None:
        yield [sqlite]
        return
    with closing(Postgres(found)) as server:
        yield [sqlite, HostDatabases("PostgreSQL", server.new_url, _postgres, "BEGIN")]


class _NewFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def __call__(self) -> str:
        self._made += 1
        path = self._folder / f"host-{self._made}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        return f"sqlite:///{path}"


def _sqlite(url: str) -> sqlite3.Connection:
    return sqlite3.connect(make_url(url).database or "", isolation_level=None)


def _postgres(url: str) -> psycopg.Connection:
    place = make_url(url)
    return psycopg.connect(
        user=place.username, dbname=place.database, autocommit=True, **{name: str(value) for name, value in place.query.items()}
    )
