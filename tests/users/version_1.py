"""Users' files as version 1 left them: frozen here, because every later version meets them again.

Here: turning a file of today into one of version 1. Never here: what becomes of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from credit_trading.store.sqlite import connect
from credit_trading.users.tables.schema import APPLICATION_ID, SHARED_TABLES

_SCHEMA = (Path(__file__).parent / "version_1.sql").read_text()


def make_version_1(path: Path) -> None:
    """Writes the closed file anew: version 1's tables and views, with its rows as far as version 1 had columns for them.

    A remark in each of its rows tells that it is the old file: a rebuilt one cannot have it.
    """
    old = path.with_name(f"{path.name}.version-1")
    connection = connect(old, mode="rwc")
    try:
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute("DELETE FROM metadata")
        connection.execute("ATTACH ? AS today", (str(path),))
        for table in SHARED_TABLES:
            known = [
                row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")
            ]  # generated ones are left out
            columns = ", ".join(known)
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}")
        connection.execute("DETACH today")
        connection.execute("UPDATE metadata SET projection_version = 1")
        connection.execute("UPDATE trading_transactions SET note = 'of version 1'")
        connection.execute("INSERT INTO column_descriptions VALUES ('balances', 'asset', '', 'of version 1')")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    finally:
        connection.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    os.replace(old, path)
