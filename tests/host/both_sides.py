"""A host with credits of its own, beside an exchange, and what moves between the two.

Here: asking, deciding, and counting what there is on both sides. Never here: what a test expects.
Always: the host's own table changes in the transaction of the request, as in any application.
"""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import Connection, text

from credit_trading import Settings
from credit_trading.exchange.events import Entry, TransactionEntered, TransactionUpdated
from credit_trading.host import request_rows, schema
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.inwards.inward import Asked, Inward
from credit_trading.host.outwards.outward import Outward
from credit_trading.host.request import command_id
from credit_trading.host.rows import RequestRow
from credit_trading.host.tables import Tables
from credit_trading.journal.rows import decode
from tests.floor import CREDIT, Floor
from tests.host.database import Database

OWN = 10_000
"""Credits of each user on the host's side at first."""

USERS = ("ann", "bob", "cat")

TABLES = Tables()
"""The same for all, or each test has its statements compiled anew."""


class OwnCredits(EngineAdapter):
    """A host that does its own side again where an older copy of its database was put back."""

    def reapply(self, connection: Connection, request: RequestRow) -> bool:
        assert request["user_id"] is not None
        assert request["amount"] is not None
        amount = int(request["amount"])
        add_own(connection, request["user_id"], -amount if request["kind"] == "deposit" else amount)
        return True


@attrs.define(eq=False)
class BothSides:
    """One worker of one host."""

    floor: Floor
    database: Database
    adapter: Adapter
    tables: Tables = TABLES
    settings: Settings = attrs.Factory(Settings)
    _entries: list[Entry] = attrs.field(factory=list, init=False)

    @classmethod
    def of(cls, floor: Floor, database: Database) -> BothSides:
        both = cls(floor, database, OwnCredits(database.url))
        with both.adapter.transaction() as connection:
            schema.init(connection, both.tables, exchange_id=both.exchange_id)
            connection.execute(text("CREATE TABLE own_credits (user_id VARCHAR(64) PRIMARY KEY, amount BIGINT)"))
            for user in USERS:
                connection.execute(
                    text("INSERT INTO own_credits VALUES (:user, :amount)"), {"user": user, "amount": OWN}
                )
        return both

    @property
    def exchange_id(self) -> str:
        with self.floor.exchange._live.history() as log:
            return log.exchange_id

    def deposit(self, request_id: str, amount: int, user: str = "ann", **more: Any) -> None:
        """The host's side gives, and asks that the exchange takes."""
        with self.adapter.transaction() as connection:
            add_own(connection, user, -amount)
            request_rows.deposit(connection, request_id, user_id=user, amount=amount, **{"asset": CREDIT, **more})

    def withdraw(self, request_id: str, amount: int, user: str = "ann") -> None:
        with self.adapter.transaction() as connection:
            request_rows.withdraw(connection, request_id, user_id=user, amount=amount, asset=CREDIT)

    def confirm(self, request_id: str) -> None:
        """The host's side takes what the exchange holds."""
        with self.adapter.transaction() as connection:
            row = connection.execute(
                text("SELECT user_id, amount FROM trading_requests WHERE id = :id"), {"id": request_id}
            ).one()
            add_own(connection, row.user_id, int(row.amount))
            request_rows.confirm(connection, request_id)

    def fail(self, request_id: str) -> None:
        with self.adapter.transaction() as connection:
            request_rows.fail(connection, request_id)

    def write(self, request_id: object, kind: str = "deposit", **columns: object) -> None:
        """A row as a host writes it by itself, with no check of ours."""
        row = {"id": request_id, "kind": kind, "user_id": "ann", "asset": CREDIT, "amount": "5", **columns}
        names = ", ".join(row)
        self.execute(f"INSERT INTO trading_requests ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row)

    def change(self, request_id: str, **columns: object) -> None:
        """What a host should not do."""
        changes = ", ".join(f"{name} = :{name}" for name in columns)
        self.execute(f"UPDATE trading_requests SET {changes} WHERE id = :id_", id_=request_id, **columns)

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        with self.adapter.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def execute(self, sql: str, **values: object) -> None:
        with self.adapter.transaction() as connection:
            connection.execute(text(sql), values)

    def outward(self) -> None:
        Outward(self.floor.exchange._live, self.adapter, self.tables).round()

    def inward(self) -> Asked:
        return Inward(self.floor.exchange._desk, self.adapter, self.tables, self.settings).round()

    def sync(self) -> Asked:
        """A round."""
        self.outward()
        asked = self.inward()
        self.outward()
        return asked

    def status(self, request_id: str) -> str:
        ((status,),) = self.rows("SELECT status FROM trading_requests WHERE id = :id", id=request_id)
        return str(status)

    def statuses(self) -> dict[str, str]:
        return dict(self.rows("SELECT id, status FROM trading_requests"))

    def code(self, request_id: str) -> str | None:
        ((code,),) = self.rows("SELECT code FROM trading_requests WHERE id = :id", id=request_id)
        return None if code is None else str(code)

    def own(self, user: str = "ann") -> int:
        ((amount,),) = self.rows("SELECT amount FROM own_credits WHERE user_id = :user", user=user)
        return int(amount)

    def on_exchange(self, user: str = "ann") -> int:
        return int(self.floor.balance(user, CREDIT))

    def entries(self) -> list[Entry]:
        """All that the journal has."""
        with self.floor.exchange._live.history() as log:
            self._entries += [decode(row) for row in log.batch_from(len(self._entries) + 1, log.head()[0])]
        return self._entries

    def causes(self) -> list[str]:
        """Of the events that requests have brought about, in order."""
        return [entry.cause for entry in self.entries() if entry.cause.startswith("host/")]

    def total(self) -> int:
        """All credits there are: on the host's side, on the exchange, and on their way between the two.

        On its way is a deposit that the exchange has not carried out; what is confirmed and still held there is on record twice.
        """
        entries = self.entries()
        carried_out = {entry.cause for entry in entries if entry.event.kind == "deposited"}
        ended = {entry.event.transaction for entry in entries if isinstance(entry.event, TransactionUpdated)}
        held = {
            entry.cause
            for entry in entries
            if isinstance(entry.event, TransactionEntered) and entry.sequence not in ended
        }
        under_way = 0
        for request_id, kind, amount, decision in self.rows("SELECT id, kind, amount, decision FROM trading_requests"):
            if kind == "deposit" and command_id(request_id) not in carried_out:
                under_way += int(amount)
            elif kind == "withdrawal" and decision == "confirm" and command_id(request_id) in held:
                under_way -= int(amount)
        ((own,),) = self.rows("SELECT sum(amount) FROM own_credits")
        return int(own) + sum(map(self.on_exchange, USERS)) + under_way


def add_own(connection: Connection, user: str, amount: int) -> None:
    connection.execute(
        text("UPDATE own_credits SET amount = amount + :amount WHERE user_id = :user"), {"user": user, "amount": amount}
    )
