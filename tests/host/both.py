"""An exchange and its host's database, with everything in both that a check can look at.

Here: making them, going forward, looking and mending. Never here: what a test expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from credit_trading import ManualClock, Settings
from credit_trading.host import request_rows as requests
from credit_trading.host import schema
from credit_trading.host.checking.check import HostCheck, check_host
from credit_trading.host.checking.repair import HostRepair, repair_host
from credit_trading.host.connecting.connections import borrowed
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.inwards.inward import Inward
from credit_trading.host.outwards.outward import Outward
from credit_trading.host.outwards.seen import moment
from credit_trading.host.tables import Tables
from tests.floor import CASH, CREDIT, Floor
from tests.host.database import Database
from tests.users.flow import RandomFlow

DAY_S = 86_400

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@attrs.define(eq=False)
class Both:
    """`adapter` may be replaced by one with tables of its own."""

    floor: Floor
    clock: ManualClock
    database: Database
    tables: Tables = attrs.Factory(Tables)
    adapter: EngineAdapter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.adapter = EngineAdapter(self.database.url)

    @classmethod
    def begun(cls, floor: Floor, clock: ManualClock, database: Database) -> Iterator[Both]:
        """With an open order, a trade and requests; for a fixture."""
        made = cls(floor, clock, database).init()
        floor.place("ann", "sell", 10, "9.00")
        floor.place("bob", "buy", 4, "9.00")
        made.ask()
        yield made
        made.adapter.close()

    @property
    def desk(self) -> Any:
        return self.floor.exchange._desk

    def init(self) -> Both:
        with self.adapter.transaction() as connection:
            schema.init(borrowed(connection), self.tables, exchange_id=self.exchange_id)
        return self

    @property
    def exchange_id(self) -> str:
        with self.desk.live.history() as log:
            return str(log.exchange_id)

    def trade(self, steps: int = 60, *, seed: int = 7) -> Both:
        RandomFlow(self.floor, self.clock, seed=seed).run(steps)
        return self

    def ask(self) -> Both:
        """A request of each outcome: done, refused, held, released, settled, set aside, new."""
        with self.adapter.transaction() as connection:
            requests.deposit(connection, "in-1", user_id="ann", amount="500", asset=CREDIT)
            requests.deposit(connection, "in-2", user_id="ann", amount="0.50", asset=CASH)
            requests.withdraw(connection, "much", user_id="bob", amount="999999999", asset=CREDIT)
            for name in ("held", "failed", "settled"):
                requests.withdraw(connection, name, user_id="cat", amount="3", asset=CREDIT)
            requests.deposit(connection, "nobody", user_id="nobody", amount="1", asset=CREDIT)
        self.sync()
        with self.adapter.transaction() as connection:
            requests.fail(connection, "failed")
            requests.confirm(connection, "settled")
        self.sync()
        with self.adapter.transaction() as connection:
            requests.deposit(connection, "new", user_id="ann", amount="1", asset=CREDIT)
        return self

    def sync(self) -> Both:
        self.show()
        Inward(self.desk, self.adapter, self.tables, Settings()).round()
        return self.show()

    def show(self, up_to: int | None = None) -> Both:
        Outward(self.desk.live, self.adapter, self.tables).round(up_to=up_to)
        return self

    def position(self) -> int:
        """The sequence at which the host's tables are."""
        ((sequence,),) = self.database.rows("SELECT sequence FROM trading_position")
        return int(sequence)

    def check(self, *, hanging_s: int = DAY_S) -> HostCheck:
        return check_host(
            self.desk.live, self.adapter, self.tables, hanging_s=hanging_s, now=moment(self.clock.now_us())
        )

    def told(self, **more: int) -> list[str]:
        return [str(one) for one in self.check(**more).differences]

    def repair(self, *, dry_run: bool = False, own_tables: bool = False, other_history: bool = False) -> HostRepair:
        return repair_host(
            self.desk.live,
            self.adapter,
            self.tables,
            actor="test",
            dry_run=dry_run,
            own_tables=own_tables,
            other_history=other_history,
        )

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row but of the record of repairs."""
        names = ("balances", "orders", "statistics", "activity", "activity_daily", "requests")
        return {name: sorted(self.database.rows(f"SELECT * FROM trading_{name}"), key=repr) for name in names}
