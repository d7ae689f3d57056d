"""Private facts: what a user's file holds that does not come from the journal, and so cannot be made again from it.

Here: who has any, which tables they stand in, and how these get from one file into another. Never here: what they are; the transaction
in which they are written (private_writer).
Always: a user is marked in exchange.db before the first private fact is written, so that a missing file is not taken for one that can
be made anew. Private is every table that an empty user file does not have.
"""

from __future__ import annotations

import attrs

from credit_trading.errors import PrivateFactsMissing
from credit_trading.store.sqlite import Connection, StrPath, immediate, sqlite3

SCHEMA = """
CREATE TABLE private_facts (
    number INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE backup_generation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL,
    lineage TEXT NOT NULL,
    restored_from TEXT
) STRICT;
INSERT INTO backup_generation (only, generation, lineage) VALUES (1, 1, lower(hex(randomblob(16))));
"""
"""A generation begins with each backup. `private_facts.generation` is that of the user's last private write.

Each exchange.db that is made, by founding or restoring, counts for itself: `lineage` tells their counts apart. `restored_from` is the set
from which it has its private facts.
"""

MIGRATIONS = {
    2: """
CREATE TABLE private_facts (
    number INTEGER PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT;
""",
    3: """
ALTER TABLE private_facts ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
CREATE TABLE backup_generation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL,
    lineage TEXT NOT NULL,
    restored_from TEXT
) STRICT;
INSERT INTO backup_generation (only, generation, lineage) VALUES (1, 1, lower(hex(randomblob(16))));
""",
}
"""By the format of exchange.db that they lead to."""

_ORDER = {"table": 0, "index": 1, "view": 2, "trigger": 3}
"""Rows go in before triggers, so that none fires."""


def is_marked(connection: Connection, number: int) -> bool:
    """Whether the user's file holds private facts, or may."""
    return connection.execute("SELECT 1 FROM private_facts WHERE number = ?", (number,)).fetchone() is not None


def list_marked(connection: Connection) -> list[tuple[int, int]]:
    """Users' numbers and since when (µs), by number."""
    return connection.execute("SELECT number, since FROM private_facts ORDER BY number").fetchall()


def generations(connection: Connection) -> list[tuple[int, int]]:
    """Users' numbers and the generations of their last private writes, by number."""
    return connection.execute("SELECT number, generation FROM private_facts ORDER BY number").fetchall()


def backup_generations(connection: Connection) -> list[tuple[int, int]]:
    """All rows of the one that there must be: 1, and the generation that began with the last backup."""
    return connection.execute("SELECT only, generation FROM backup_generation ORDER BY only").fetchall()


def is_current(connection: Connection, number: int) -> bool:
    """Whether the user is marked, in the generation that is now."""
    row = connection.execute(
        "SELECT 1 FROM private_facts JOIN backup_generation USING (generation) WHERE number = ?", (number,)
    ).fetchone()
    return row is not None


def mark(connection: Connection, number: int, *, since_us: int) -> None:
    """In the caller's transaction, in the generation that is now; the time of the first mark stays."""
    connection.execute(
        "INSERT INTO private_facts (number, since, generation) SELECT ?, ?, generation FROM backup_generation WHERE true"
        " ON CONFLICT (number) DO UPDATE SET generation = excluded.generation",
        (number, since_us),
    )


def insert_restored(connection: Connection, number: int, *, since_us: int, generation: int) -> None:
    """A mark as it was once, in the caller's transaction."""
    connection.execute(
        "INSERT INTO private_facts (number, since, generation) VALUES (?, ?, ?)", (number, since_us, generation)
    )


@attrs.frozen
class Lineage:
    """Whose count of generations it is, how far it has come, and the set that it began with."""

    id: str
    generation: int
    restored_from: str | None


def lineage(connection: Connection) -> Lineage:
    """Of this exchange.db."""
    row = connection.execute(
        "SELECT lineage, generation, restored_from FROM backup_generation WHERE only = 1"
    ).fetchone()
    return Lineage(*row)


def begin_generation(connection: Connection) -> int:
    """The number of a new one, in the caller's transaction: private writes that are marked from now on belong to it."""
    (generation,) = connection.execute(
        "UPDATE backup_generation SET generation = generation + 1 WHERE only = 1 RETURNING generation"
    ).fetchone()
    return int(generation)


def set_generation(connection: Connection, generation: int, *, restored_from: str) -> None:
    """In the caller's transaction, where no backup is under way."""
    connection.execute(
        "UPDATE backup_generation SET generation = ?, restored_from = ? WHERE only = 1", (generation, restored_from)
    )


def unmark(connection: Connection, number: int) -> None:
    """In the caller's transaction: what there was is gone, and somebody has said that it may be."""
    connection.execute("DELETE FROM private_facts WHERE number = ?", (number,))


def missing(user_id: str, path: StrPath, problem: str) -> PrivateFactsMissing:
    """`problem` is what keeps the facts from being there; the error says what to do about it."""
    return PrivateFactsMissing(
        "users.file",
        path,
        f"{problem}, and it held facts that the journal does not know",
        hint=f"Put it back from a backup: credit-trading backup restore --from PLACE --user {user_id};"
        f" or accept their loss: credit-trading rebuild {user_id} --accept-loss.",
    )


def tables_of(connection: Connection, empty: Connection) -> list[str]:
    """The private tables of a user's file, by name; `empty` is a file fresh from the template."""
    return [name for kind, name, _, _ in _objects(connection, empty) if kind == "table"]


def whole_tables_of(connection: Connection, empty: Connection) -> list[str]:
    """The same. Raises sqlite3.Error if one of them is damaged."""
    tables = tables_of(connection, empty)
    for table in tables:
        _refuse_damaged(connection, table)
    return tables


def carry_over(old: Connection, new: Connection) -> list[str]:
    """Makes the private tables of `old`, with their rows, indices and triggers, in `new`, a file fresh from the template or filled.

    Views that the template does not have come along. In one transaction on `new`; returns the tables. Raises sqlite3.Error if a part of
    them is damaged.
    """
    objects = _objects(old, new)
    tables = whole_tables_of(old, new)
    with immediate(new):
        for kind, name, _, statement in objects:
            new.execute(statement)
            if kind == "table":
                _copy_rows(old, new, name)
        _copy_counters(old, new, tables)
    return tables


def _objects(connection: Connection, empty: Connection) -> list[tuple[str, str, str, str]]:
    """Kind, name, table and SQL of what the file has and the template has not, in the order in which it can be made anew.

    Indices and triggers of the template's own tables are left out: rows there follow from the journal alone.
    """
    known = {row[0] for row in empty.execute("SELECT name FROM sqlite_schema")}
    found = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    private = [row for row in found if row[1] not in known and (row[0] == "view" or row[2] not in known)]
    return sorted(private, key=lambda row: (_ORDER[row[0]], row[1]))


def _copy_rows(old: Connection, new: Connection, table: str) -> None:
    """All rows, but for generated columns: they come by themselves."""
    columns = [row[1] for row in old.execute("SELECT * FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))]
    listed, places = ", ".join(map(_quoted, columns)), ", ".join("?" * len(columns))
    rows = old.execute(f"SELECT {listed} FROM {_quoted(table)}")
    new.executemany(f"INSERT INTO {_quoted(table)} ({listed}) VALUES ({places})", rows)


def _copy_counters(old: Connection, new: Connection, tables: list[str]) -> None:
    """What AUTOINCREMENT has given out is not given out again, even if its rows are gone."""
    if old.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchone() is None:
        return
    for table in tables:
        for row in old.execute("SELECT name, seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchall():
            new.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            new.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", row)


def _refuse_damaged(connection: Connection, table: str) -> None:
    """A damaged table may still give rows: too few, or wrong ones. Raises sqlite3.DatabaseError."""
    (told,) = connection.execute("SELECT integrity_check FROM pragma_integrity_check(?)", (table,)).fetchone()
    if told != "ok":
        raise sqlite3.DatabaseError(f"{table}: {told}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
