"""Users' files as older versions left them: frozen in version_<n>.sql, because every later version meets them again.

Here: turning a file of today into one of such a version. Never here: what becomes of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from credit_trading.store.sqlite import connect
from credit_trading.users.tables.schema import APPLICATION_ID, SHARED_TABLES


def make_older(path: Path, version: int) -> None:
    """Writes the closed file anew: that version's tables and views, with its rows as far as the version had columns for them.

    Private tables are left out.
    """
    old = path.with_name(f"{path.name}.version-{version}")
    connection = connect(old, mode="rwc")
    try:
        for statement in _schema(version).split(";\n"):
            connection.execute(statement)
        connection.execute("DELETE FROM metadata")
        connection.execute("ATTACH ? AS today", (str(path),))
        for table in SHARED_TABLES:
            known = [
                row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")
            ]  # generated ones are left out
            columns = ", ".join(known)
            if known:  # else it has no such table
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}")
        connection.execute("DETACH today")
        connection.execute("UPDATE metadata SET projection_version = ?", (version,))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    finally:
        connection.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    os.replace(old, path)


def _schema(version: int) -> str:
    return (Path(__file__).parent / f"version_{version}.sql").read_text()
