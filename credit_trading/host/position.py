"""Up to where the host's tables show the journal: the one row that says so, which is also the lock on all of them.

Here: reading, locking and moving it, and whether it lies on the journal. Never here: making it (schema).
Always: whoever changes any table of ours locks this row first, in the same transaction; so any number of workers may be at it. Tables of
another version are not touched: a worker that runs while a newer program migrates them ends there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from credit_trading.errors import FileCorrupt, FileForeign, NotFound, StorageError, VersionUnsupported
from credit_trading.host.tables import SCHEMA_VERSION, Tables
from credit_trading.journal.follower import Position
from credit_trading.journal.log import Log

FOLLOWER = "the host's database"
"""What errors call it."""


def stored(connection: Connection, tables: Tables) -> Position:
    """As it is committed, for whoever only reads. Raises NotFound where there is none, VersionUnsupported, FileCorrupt."""
    return _position(connection.execute(_select(tables)).one_or_none())


def locked(connection: Connection, tables: Tables) -> Position:
    """As it is, and stays until the end of the transaction: others who want to change anything wait. Raises as `stored`.

    SQLite has no locks on rows: there a change of nothing takes that of the file, also where the transaction did not begin IMMEDIATE.
    """
    if connection.dialect.name == "sqlite":
        row = tables.position
        connection.execute(update(row).where(row.c.only == 1).values(only=1))
    return _position(connection.execute(_select(tables).with_for_update()).one_or_none())


def made_at(connection: Connection, tables: Tables) -> int:
    """How far the journal went when the tables were made: what was asked for by then was asked for by others, or by none."""
    row = tables.position
    found: int = connection.execute(select(row.c.made_at_sequence).where(row.c.only == 1)).scalar_one()
    return found


def check(position: Position, log: Log) -> None:
    """Raises FileForeign unless it lies on the journal's history."""
    hint = "See what differs: credit-trading host check. If the exchange was restored: credit-trading host repair --other-history."
    if position.exchange_id != log.exchange_id:
        raise FileForeign("follow", FOLLOWER, "it belongs to another exchange", hint=hint)
    try:
        position.check(log, follower=FOLLOWER)
    except FileForeign as error:
        raise error.advising(hint)  # noqa: B904 - it is the same error


def move(connection: Connection, tables: Tables, *, before: Position, after: Position, at: datetime) -> None:
    """Within the transaction that has locked it. Raises StorageError if it is not `before` any more."""
    row = tables.position
    moved = connection.execute(
        update(row)
        .where(row.c.only == 1, row.c.sequence == before.sequence, row.c.hash == before.hash.hex())
        .values(sequence=after.sequence, hash=after.hash.hex(), updated_at=at)
    )
    if moved.rowcount != 1:
        raise StorageError("host", FOLLOWER, "somebody else has moved its position meanwhile", hint="Try again.")


def _select(tables: Tables) -> Select[*tuple[Any, ...]]:
    row = tables.position
    return select(row.c.exchange_id, row.c.sequence, row.c.hash, row.c.schema_version).where(row.c.only == 1)


def _position(row: Row[*tuple[Any, ...]] | None) -> Position:
    if row is None:
        raise NotFound("host", FOLLOWER, "its tables are not made yet", hint="Make them: credit-trading host init.")
    if row[3] != SCHEMA_VERSION:
        problem = f"its tables are of version {row[3]}, and this program's are of version {SCHEMA_VERSION}"
        newer = row[3] > SCHEMA_VERSION
        hint = "Use a newer credit-trading." if newer else "Migrate them: credit-trading host init."
        raise VersionUnsupported("host", FOLLOWER, problem, hint=hint)
    try:
        return Position(row[0], int(row[1]), bytes.fromhex(row[2]))
    except (TypeError, ValueError) as error:
        hint = "Somebody has written into it. Delete that row, then: credit-trading host repair."
        raise FileCorrupt("host", FOLLOWER, f"its position cannot be read ({error})", hint=hint) from error
