"""Whether a database has the tables, indices, views, triggers and settings that it should have, and no others.

Here: comparing what SQLite says of a file with what the SQL of the rooms makes, and SQLite's own checks. Never here: that SQL.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path

from credit_trading.marketdata import prints
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users.difference import without_spaces
from credit_trading.users.tables.schema import template
from credit_trading.verify.finding import Finding, shortened

Objects = dict[tuple[str, str], str]
"""Kind and name to the SQL that made it, with the table in front of it and without needless spaces."""

_DROP = "Drop it if nobody needs it: it does not come from the journal, and rebuilding keeps it."


def objects_of(connection: Connection) -> Objects:
    """What stands in the file's schema, SQLite's own indices included."""
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return {(kind, name): f"{table}: {without_spaces(sql or '')}" for kind, name, table, sql in found}


@cache
def of_exchange(schema: str) -> Objects:
    """What the SQL in `schema` makes."""

    def make(path: Path) -> None:
        connection = connect(path, mode="rwc")
        try:
            for statement in schema.split(";\n"):
                connection.execute(statement)
        finally:
            connection.close()

    return _made(make)


@cache
def of_user_file() -> Objects:
    """An empty user file's."""
    return _made(lambda path: path.write_bytes(template()))


@cache
def of_market_data() -> Objects:
    """marketdata.db's."""

    def make(path: Path) -> None:
        connection = connect(path, mode="rwc")
        try:
            prints.start_over(connection)
        finally:
            connection.close()

    return _made(make)


def _made(make: Callable[[Path], object]) -> Objects:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.db"
        make(path)
        connection = connect(path, mode="rw")
        try:
            return objects_of(connection)
        finally:
            connection.close()


def check_objects(
    found: Objects, expected: Objects, *, file: str, repair: str, known: Collection[tuple[str, str]] = ()
) -> Iterator[Finding]:
    """What is missing, altered, or there for no reason; `known` may be there too, or is told otherwise."""
    for kind, name in sorted(found.keys() | expected.keys()):
        row, one, other = f"{kind} {name}", found.get((kind, name)), expected.get((kind, name))
        if one is None:
            yield Finding(file=file, row=row, problem=f"the {kind} is missing", repair=repair)
        elif other is None and (kind, name) not in known:
            yield Finding(
                file=file, row=row, problem=f"this {kind} does not belong here", found=shortened(one), repair=repair
            )
        elif other is not None and one != other:
            yield Finding(
                file=file,
                row=row,
                problem=f"the {kind} was altered",
                expected=_from_difference(other, one),
                found=_from_difference(one, other),
                repair=repair,
            )


def private_objects(found: Objects, own: Objects) -> set[tuple[str, str]]:
    """What a user's file has of its owner's private tables: these, what belongs to them, and views."""
    ours = {name for _, name in own}
    return {
        (kind, name)
        for (kind, name), sql in found.items()
        if name not in ours and (kind == "view" or sql.partition(":")[0] not in ours)
    }


def check_private(private: Collection[tuple[str, str]], *, file: str) -> Iterator[Finding]:
    """Of a user who is not known to have any; what SQLite makes by itself comes and goes with its table."""
    for kind, name in sorted(private):
        if not name.startswith("sqlite_"):
            yield Finding(file=file, row=f"{kind} {name}", problem=f"this {kind} does not belong here", repair=_DROP)


def _from_difference(text: str, other: str) -> str:
    """A long text from a little before where it differs from the other."""
    place = next(
        (place for place, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other))
    )
    return shortened(text[max(0, place - 30) : place + 60])


def check_settings(
    connection: Connection, *, application_id: int, version: int, file: str, repair: str
) -> Iterator[Finding]:
    """What stands in the file's header."""
    settings: tuple[tuple[str, str, object], ...] = (
        ("application_id", "PRAGMA application_id", application_id),
        ("user_version", "PRAGMA user_version", version),
        ("journal_mode", "PRAGMA journal_mode", "wal"),
        ("encoding", "PRAGMA encoding", "UTF-8"),
    )
    for name, statement, expected in settings:
        (found,) = connection.execute(statement).fetchone()
        if found != expected:
            yield Finding(
                file=file,
                row=name,
                problem="the setting was altered",
                expected=str(expected),
                found=str(found),
                repair=repair,
            )


def check_integrity(connection: Connection, *, file: str, repair: str) -> Iterator[Finding]:
    """SQLite's own checks of pages, indices and constraints, the first ten complaints of each."""
    for (line,) in connection.execute("PRAGMA integrity_check(10)"):
        if line != "ok":
            yield Finding(file=file, problem=f"SQLite's check of the file: {shortened(line)}", repair=repair)
    for row in connection.execute("PRAGMA foreign_key_check").fetchmany(10):
        yield Finding(file=file, row=f"table {row[0]}", problem=f"a row refers to none in {row[2]}", repair=repair)
