"""The host's own record of balances: compared, and corrected only where that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from credit_trading import ManualClock
from credit_trading.host.adapter import OwnBalance
from credit_trading.host.checking.difference import DifferenceKind as Kind
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.rows import Changes, RequestRow
from tests.floor import CASH, CREDIT, Floor
from tests.host.both import Both
from tests.host.database import Database

mostly_on_postgres = pytest.mark.parametrize(
    "database", ["postgres", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)


class OwnRecord(EngineAdapter):
    """A host with a table of its own beside ours, and its own side of requests."""

    def apply(self, connection: Any, changes: Changes) -> None:
        for row in changes.balances:
            key = {"user": row["user_id"], "asset": row["asset"]}
            connection.execute(text("DELETE FROM wallet WHERE user_id = :user AND asset = :asset"), key)
            connection.execute(
                text("INSERT INTO wallet VALUES (:user, :asset, :posted)"), {**key, "posted": row["posted"]}
            )

    def keeps(self, user_id: str, asset: str, project_id: str | None) -> bool:
        return (asset, project_id) == (CREDIT, None)

    def own_balances(self, connection: Any, after: tuple[str, str] | None, limit: int) -> Sequence[OwnBalance]:
        user, asset = after or ("", "")
        statement = (
            "SELECT user_id, asset, posted FROM wallet WHERE user_id > :user OR (user_id = :user AND asset > :asset)"
            " ORDER BY user_id, asset LIMIT :limit"
        )
        rows = connection.execute(text(statement), {"user": user, "asset": asset, "limit": limit})
        return [OwnBalance(*row) for row in rows]

    def set_own_balance(self, connection: Any, balance: OwnBalance) -> None:
        key = {"user": balance.user_id, "asset": balance.asset}
        connection.execute(text("DELETE FROM wallet WHERE user_id = :user AND asset = :asset"), key)
        connection.execute(
            text("INSERT INTO wallet VALUES (:user, :asset, :posted)"), {**key, "posted": balance.posted}
        )

    def reapply(self, connection: Any, request: RequestRow) -> bool:
        connection.execute(text("INSERT INTO done_again VALUES (:id)"), {"id": request["id"]})
        return True


@mostly_on_postgres
def test_the_hosts_own_record_is_told_of_and_left_unless_it_is_said(
    floor: Floor, clock: ManualClock, database: Database
) -> None:
    both = Both(floor, clock, database)
    both.adapter = OwnRecord(database.url)
    database.execute("CREATE TABLE wallet (user_id VARCHAR(64), asset VARCHAR(32), posted VARCHAR(40))")
    database.execute("CREATE TABLE done_again (id VARCHAR(64))")
    both.init().ask()
    assert both.told() == []

    database.execute(f"UPDATE wallet SET posted = '1.5' WHERE user_id = 'ann' AND asset = '{CASH}'")
    database.execute(f"DELETE FROM wallet WHERE user_id = 'bob' AND asset = '{CREDIT}'")
    database.execute(f"DELETE FROM wallet WHERE user_id = 'cat' AND asset = '{CASH}'")  # it need not be kept
    database.execute(f"INSERT INTO wallet VALUES ('zoe', '{CREDIT}', '7')")
    database.execute("DELETE FROM trading_requests WHERE id = 'in-1'")
    found = [(one.key, one.expected, one.found) for one in both.check().differences if one.kind == Kind.OWN_TABLE]
    assert sorted(found) == [
        (f"ann {CASH}", "1000000.50", "1.5"),
        (f"bob {CREDIT}", "100000", "nothing"),
        (f"zoe {CREDIT}", "0", "7"),
    ]

    assert len(both.repair().left) == 4
    assert database.rows("SELECT id FROM done_again") == [], (
        "who has deleted a request has not undone the host's side of it"
    )
    database.execute("UPDATE trading_requests SET reapply = false")
    assert [one.kind for one in both.check().differences] == [Kind.OWN_TABLE] * 3
    assert both.repair(own_tables=True).left == []
    assert both.told() == []
    both.adapter.close()
