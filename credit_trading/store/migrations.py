"""Bringing a database from one version of its tables to the next.

Here: the steps in their order, each in one transaction with its version stamp. Never here: the SQL of any table.
Always: a step that fails leaves the database as the step before it did; a database whose tables are not those of the version that it
names is refused, and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from credit_trading.errors import FileCorrupt
from credit_trading.store.sqlite import Connection, immediate, sqlite3, translated


def nothing_more(_: Connection) -> None:
    """The statements are all of it."""


@attrs.frozen(kw_only=True)
class Migration:
    """`version` is what the database has after it (`PRAGMA user_version`); `what` says in words what changes.

    `statements` is SQL, each statement on lines of its own that end with `;`. `finish` is done after them, in the same transaction.
    """

    version: int
    what: str
    statements: str
    finish: Callable[[Connection], None] = nothing_more


def version_of(connection: Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Those that are still to be done, in their order."""
    version = version_of(connection)
    return [migration for migration in migrations if migration.version > version]


def migrate(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Does what is pending, each in a transaction of its own, and returns it. Another process may do the same at the same time.

    Raises FileCorrupt if the tables are not those of the version that it names; Busy, Unwritable.
    """
    return [migration for migration in pending(connection, migrations) if _do(connection, migration)]


def _do(connection: Connection, migration: Migration) -> bool:
    """Whether it was still to be done."""
    path = connection.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    version = version_of(connection)
    try:
        with translated("storage.migrate", path), immediate(connection):
            if version_of(connection) >= migration.version:  # another process was faster
                return False
            for statement in migration.statements.split(";\n"):
                connection.execute(statement)
            migration.finish(connection)
            connection.execute(f"PRAGMA user_version = {migration.version}")
    except sqlite3.Error as error:  # our statements are right: it is not what it says it is
        problem = f"it says that it is of version {version}, and its tables are not ({error})"
        raise FileCorrupt("storage.migrate", path, problem, hint="Restore it from a backup.") from error
    return True
