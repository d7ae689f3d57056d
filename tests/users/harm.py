"""What can happen to a closed user's file: damage, a wrong file in its place, rows or tables that are gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from credit_trading.store.sqlite import sqlite3
from tests.floor import Floor, edit, opened, rows_of

Harm = Callable[[Path], None]


def header(path: Path) -> None:
    """The first bytes: SQLite takes it for no database at all."""
    content = bytearray(path.read_bytes())
    content[:16] = b"something else.."
    path.write_bytes(bytes(content))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def most_pages(path: Path) -> None:
    """All but the first page."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))


def page_of_rows(path: Path, table: str = "audit_trail") -> None:
    """The root page of a table: by itself one that is not read when there is nothing to catch up with."""
    ((page,),) = rows_of(path, "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = os.urandom(4096)
    path.write_bytes(bytes(content))


def other_users(path: Path) -> None:
    shutil.copy(path.parent / "trading_cat_cat_example.com.db", path)


def other_exchanges(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    with opened(elsewhere) as other:
        Floor(other).set_up("ann", "bob")
    shutil.copy(elsewhere / path.name, path)


def other_history(path: Path) -> None:
    edit(path, "UPDATE metadata SET applied_hash = zeroblob(32)")


def other_program(path: Path) -> None:
    edit(path, "PRAGMA application_id = 12345")


def pages_of_another_size(path: Path) -> None:
    """A database of somebody else's, in another format."""
    path.unlink()
    edit_new(path, "PRAGMA page_size = 8192", "CREATE TABLE t (a)")


def edit_new(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def table_dropped(path: Path) -> None:
    edit(path, "DROP TABLE trading_statistics")


def metadata_dropped(path: Path) -> None:
    edit(path, "DROP TABLE metadata")


def position_lost(path: Path) -> None:
    edit(path, "DELETE FROM metadata")


def gap(path: Path) -> None:
    """It says that it shows one event less than it does."""
    edit(path, "UPDATE metadata SET event_number = event_number - 1")


def ahead(path: Path) -> None:
    edit(path, "UPDATE metadata SET applied_sequence = 1000, applied_hash = zeroblob(32)")


def newer(path: Path) -> None:
    edit(path, "PRAGMA user_version = 99")


def view_dropped(path: Path) -> None:
    edit(path, "DROP VIEW balances_readable")


def balance_changed(path: Path) -> None:
    edit(path, "UPDATE balances SET posted = posted + 1")


BROKEN: dict[str, tuple[Harm, str]] = {
    "header": (header, "no SQLite database"),
    "truncated": (truncated, "damaged"),
    "emptied": (emptied, "not a user's trading file"),
    "most pages": (most_pages, "damaged"),
    "other user's": (other_users, "belongs to user #3"),
    "other exchange's": (other_exchanges, "belongs to another exchange"),
    "other history": (other_history, "another history"),
    "other program's": (other_program, "not a user's trading file"),
    "other page size": (pages_of_another_size, "not a user's trading file"),
    "table dropped": (table_dropped, "trading_statistics"),
    "metadata dropped": (metadata_dropped, "metadata"),
    "position lost": (position_lost, "where it stands"),
    "gap": (gap, "events"),
}
"""What is found by using the file, and in which words."""

UNNOTICED: dict[str, Harm] = {
    "page of rows": page_of_rows,
    "view dropped": view_dropped,
    "balance changed": balance_changed,
}
"""What using the file does not show, or not at once."""
