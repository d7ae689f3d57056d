"""An exchange with something to trade and somebody to trade it: what most tests begin with.

Here: founding, funding, placing, and looking into the files by hand. Never here: what a test expects.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import credit_trading
from credit_trading import Admin, Exchange, ManualClock, OrderReport, Prepared, Settings, User
from credit_trading.clock import Clock
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users.tables.schema import SHARED_TABLES

CREDIT = "VCS-1340-2020"
CASH = "USD"
SYMBOL = "VCS-1340-2020/USD"


def opened(home: Path, *, clock: Clock | None = None, settings: Settings | None = None) -> Exchange:
    """The exchange in `home`, founded if it is not there."""
    return credit_trading.open(home, create=True, clock=clock or ManualClock(), settings=settings)


class Floor:
    """An exchange, its admin, and its users by name."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.admin: Admin = exchange.as_admin("setup")

    def set_up(self, *users: str, cash: str = "1000000.00", credits: int = 100_000) -> Floor:
        """One instrument (tick 0.01, lot 1, maker -0.01 %, taker 0.25 %), and users with so much each."""
        self.admin.assets.add_asset(CASH, decimals=2)
        self.admin.assets.add_asset(CREDIT, decimals=0)
        self.admin.instruments.add_instrument(
            SYMBOL, base=CREDIT, quote=CASH, tick="0.01", lot="1", maker_fee="-0.0001", taker_fee="0.0025"
        )
        for user in users:
            self.add(user, cash=cash, credits=credits)
        return self

    def add(self, user: str, *, cash: str = "1000000.00", credits: int = 100_000) -> User:
        self.admin.databases.create_trading_database(user, f"{user}@example.com")
        self.admin.accounts.deposit(user, CASH, cash)
        self.admin.accounts.deposit(user, CREDIT, credits)
        return self.user(user)

    def user(self, user: str) -> User:
        return self.exchange.as_user(user)

    def place(self, user: str, side: str, quantity: int, price: str | None, **more: Any) -> OrderReport:
        return self.user(user).orders.create_order(SYMBOL, side, quantity, price, **more)

    def prepared(self, user: str, side: str, quantity: int, price: str | None, **more: Any) -> Prepared:
        return self.user(user).orders.prepare_order(SYMBOL, side, quantity, price, **more)

    def path(self, user: str) -> Path:
        return self.admin.databases.show_trading_database(user).path

    def balance(self, user: str, asset: str = CASH) -> str:
        return {one.asset: one.posted for one in self.user(user).accounts.get_balances()}.get(asset, "0")

    def kinds(self, *, after: int = 0) -> list[str]:
        return [entry.kind for entry in self.admin.journal(after=after)]

    def findings(self) -> list[str]:
        """All that verify finds, each as one line."""
        return [str(finding) for finding in self.admin.verify(deep=True).findings]


def rows_of(path: Path, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """What any SQLite tool would show."""
    connection = connect(path, mode="ro")
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def edit(path: Path, *statements: str) -> None:
    """What any SQLite tool could do to a file, by somebody whom triggers do not stop."""
    connection = connect(path, mode="rw")
    try:
        with unguarded(connection):
            for statement in statements:
                connection.execute(statement)
    finally:
        connection.close()


@contextmanager
def unguarded(connection: Connection) -> Iterator[None]:
    """Within, the audit trail of a user's file can be changed; its triggers are back afterwards, if the table is still there."""
    of_trail = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_trail'"
    triggers = connection.execute(of_trail).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    yield
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit_trail'").fetchone() is not None:
        for _, statement in triggers:
            connection.execute(statement)


def shared_content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that follows from the journal."""
    connection = connect(path, mode="ro")
    try:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in SHARED_TABLES}
    finally:
        connection.close()


def copy_of(path: Path, folder: Path) -> Path:
    """A whole copy of a database that nobody has open, made with its -wal if one is left."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        source = Path(f"{path}{suffix}")
        if source.exists():
            shutil.copy(source, folder / source.name)
    return folder / path.name


def put(copy: Path, path: Path) -> None:
    """What an operator does who puts back a file: the old one goes, with its -wal; the copy takes its place."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
        source = Path(f"{copy}{suffix}")
        if source.exists():
            shutil.copy(source, f"{path}{suffix}")
