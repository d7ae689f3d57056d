"""Rows by their keys, more of them than one statement takes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from credit_trading.host import keyed, schema
from tests.host.database import Database
from tests.host.journals import EXCHANGE_ID, TABLES

DAILY = TABLES.activity_daily
KEYS = [(date(2026, 1, 1 + n % 3), "trade", "", f"u{n:04}", f"A{n % 90}", "") for n in range(900)]


def _row(key: keyed.Key, entries: int) -> dict[str, Any]:
    return dict(zip(DAILY.c.keys(), [*key, entries, 2**62, -entries], strict=True))


def test_exactly_the_rows_that_are_asked_for_are_found_changed_and_removed(database: Database) -> None:
    """Those that share parts of their keys with them are left alone."""
    with database.connect() as connection:
        schema.init(connection, TABLES, exchange_id=EXCHANGE_ID)
        keyed.add(connection, DAILY, [_row(key, n) for n, key in enumerate(KEYS)])
        wanted = [*KEYS[::2], (*KEYS[1][:5], "USD"), (date(2025, 1, 1), *KEYS[1][1:])]
        assert keyed.find(connection, DAILY, wanted, by="user_id") == {
            key: _row(key, n) for n, key in enumerate(KEYS) if n % 2 == 0
        }
        assert keyed.find(connection, DAILY, [], by="user_id") == {}
        some = [_row(key, 7) for key in KEYS[:300]]
        keyed.change(connection, DAILY, some, ("entries",))
        keyed.remove(connection, DAILY, some[100:300])
        found = keyed.find(connection, DAILY, KEYS, by="user_id")
        assert found == {
            key: {**_row(key, n), "entries": 7 if n < 100 else n} for n, key in enumerate(KEYS) if n < 100 or n >= 300
        }
        assert len(keyed.find_all(connection, DAILY, "user_id", {"u0001", "u0200", "u0899"})) == 2


def test_times_and_whether_are_the_same_as_they_were_written(database: Database) -> None:
    """Microseconds, UTC and None, on any database."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    told = {"id": "r1", "kind": "deposit", "status": "new", "reapply": True, "created_at": at}
    row: dict[str, Any] = dict.fromkeys(TABLES.requests.c.keys()) | told
    with database.connect() as connection:
        schema.init(connection, TABLES, exchange_id=EXCHANGE_ID)
        keyed.add(connection, TABLES.requests, [row])
        found = keyed.find(connection, TABLES.requests, [("r1",)], by="id")[("r1",)]
    assert found == row
    assert found["created_at"].utcoffset() == at.utcoffset()
    assert found["reapply"] is True
