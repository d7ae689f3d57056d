"""Databases of a host to measure with: a SQLite file and a PostgreSQL server that keep what they commit, and plain connections to them.

Here: making them, and connecting to them. Never here: what is measured.
Always: nothing is set that a host would have to set: a SQLite file is as SQLite makes it, and the server waits for its disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import psycopg
from sqlalchemy import make_url

from benchmarks.figure import Figure
from benchmarks.postgres import Postgres, programs


@attrs.frozen
class HostDatabases:
    """Of one kind: `new_url` makes an empty one; `begin` is how a transaction begins."""

    name: str
    new_url: Callable[[], str]
    begin: str


@contextmanager
def host_databases(folder: Path) -> Iterator[list[HostDatabases]]:
    """Those that can be had here, in `folder`; a server's data lie in the system's temporary folder, where its own user may go."""
    sqlite = HostDatabases("SQLite", partial(new_file, folder), "BEGIN IMMEDIATE")
    found = programs()
    if found is None:
        yield [sqlite]
        return
    with closing(Postgres(found)) as server:
        yield [sqlite, HostDatabases("PostgreSQL", server.new_url, "BEGIN")]


def absent(item: str, what: str, measured: list[HostDatabases]) -> list[Figure]:
    """A line that says so where there was no server to measure with."""
    if len(measured) > 1:
        return []
    return [Figure(item=item, what=what, measured=None, unit="", compared_with="PostgreSQL: not installed")]


def connected(url: str) -> Any:
    """By the driver alone, without transactions but those that are begun by hand."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        return sqlite3.connect(place.database or "", isolation_level=None, timeout=60)
    options: dict[str, Any] = dict(place.query)
    return psycopg.connect(user=place.username, dbname=place.database, autocommit=True, **options)


def new_file(folder: Path) -> str:
    """A SQLite file that is made when it is first written to."""
    return f"sqlite:///{folder}/host-{next(_files)}.db"


_files = count(1)
