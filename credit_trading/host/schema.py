"""Our tables in the host's database: making them, and bringing them to this version.

Here: the steps from version to version, and whose tables they are. Never here: what stands in them (tables), the position's moves
(position).
Always: what is made belongs to one exchange from then on; tables of a newer version, or of another exchange, are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, func, insert, inspect, select, update

from credit_trading.errors import FileForeign, NotFound, VersionUnsupported
from credit_trading.host.tables import SCHEMA_VERSION, Tables
from credit_trading.journal.rows import FIRST_HASH

Step = Callable[[Connection, Tables], None]

STEPS: Mapping[int, Step] = {}
"""By the version that each leads to, from the one before it."""

_LOCK = 0x7452_6144_4E67
"""Of PostgreSQL's advisory locks: two who make the same tables at once would both be told that they are there already."""

_INIT = "Make them: credit-trading host init."


def init(connection: Connection, tables: Tables, *, exchange_id: str, head: int = 0) -> list[str]:
    """Makes what is missing and migrates the rest, within the transaction of `connection`; what was done, in words, none if all is there.

    The tables begin before the first event. `head` is the journal's last sequence: a request of up to there that they do not know was not
    lost by this database, so that the host's own side of it is not done again by itself.

    Raises FileForeign for tables of another exchange or of somebody else, VersionUnsupported for those of a newer version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    there = _there(connection, tables)
    done = []
    if tables.position.name in there:
        done += _migrated(connection, tables, exchange_id)
    for table in tables.metadata.sorted_tables:
        if table.name in there:
            _check_columns(connection, table)
        else:
            table.create(connection)
            done.append(f"table {table.name} made")
    if _stamp(connection, tables) is None:
        connection.execute(
            insert(tables.position).values(
                only=1,
                schema_version=SCHEMA_VERSION,
                exchange_id=exchange_id,
                sequence=0,
                hash=FIRST_HASH.hex(),
                made_at_sequence=head,
                updated_at=datetime.now(UTC),
            )
        )
    return done


def check_ready(connection: Connection, tables: Tables, *, exchange_id: str) -> None:
    """Raises NotFound where tables are missing or are of an older version, FileForeign, VersionUnsupported."""
    there = _there(connection, tables)
    missing = [table.name for table in tables.metadata.sorted_tables if table.name not in there]
    if missing:
        raise NotFound("host", missing[0], "the host's database has no such table", hint=_INIT)
    stamp = _stamp(connection, tables)
    if stamp is None:
        raise NotFound("host", tables.position.name, "it has no row", hint=_INIT)
    if _checked(tables, *stamp, exchange_id) < SCHEMA_VERSION:
        problem = f"the tables are of version {stamp[0]}, and this is version {SCHEMA_VERSION}"
        raise NotFound("host", tables.position.name, problem, hint="Migrate them: credit-trading host init.")


def _there(connection: Connection, tables: Tables) -> set[str]:
    """Names of ours that the database has, of whosever tables."""
    looked = inspect(connection)
    return {table.name for table in tables.metadata.sorted_tables if looked.has_table(table.name)}


def _stamp(connection: Connection, tables: Tables) -> tuple[int, str] | None:
    """Version and exchange."""
    position = tables.position
    row = connection.execute(select(position.c.schema_version, position.c.exchange_id)).first()
    return None if row is None else (row[0], row[1])


def _checked(tables: Tables, version: int, owner: str, exchange_id: str) -> int:
    """The version, of tables that are ours."""
    if owner != exchange_id:
        problem = f"the tables follow another exchange ({owner})"
        hint = "Use that one's folder, or another prefix: CREDIT_TRADING_HOST_PREFIX=trading2_."
        raise FileForeign("host", tables.position.name, problem, hint=hint)
    if version > SCHEMA_VERSION:
        problem = f"the tables are of version {version}, and this program knows {SCHEMA_VERSION} at most"
        raise VersionUnsupported("host", tables.position.name, problem, hint="Use a newer credit-trading.")
    if version < 1:
        problem = f"it says that the tables are of version {version}, which there never was"
        raise VersionUnsupported("host", tables.position.name, problem, hint="Put the number right by hand.")
    return version


def _migrated(connection: Connection, tables: Tables, exchange_id: str) -> list[str]:
    _check_columns(connection, tables.position)
    stamp = _stamp(connection, tables)
    if stamp is None:
        return []
    version = _checked(tables, *stamp, exchange_id)
    for step in range(version + 1, SCHEMA_VERSION + 1):
        STEPS[step](connection, tables)
    if version == SCHEMA_VERSION:
        return []
    connection.execute(update(tables.position).values(schema_version=SCHEMA_VERSION))
    return [f"tables brought from version {version} to {SCHEMA_VERSION}"]


def _check_columns(connection: Connection, table: Table) -> None:
    """Raises FileForeign for somebody else's table that happens to have the name."""
    known = {column["name"] for column in inspect(connection).get_columns(table.name)}
    missing = [column.name for column in table.columns if column.name not in known]
    if missing:
        problem = f"there is a table of that name without the column {missing[0]}, so it is not ours"
        raise FileForeign(
            "host", table.name, problem, hint="Choose another prefix: CREDIT_TRADING_HOST_PREFIX=trading2_."
        )
