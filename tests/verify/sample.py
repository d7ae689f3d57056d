"""A closed exchange with something in every table, to be copied and damaged.

Here: making it, copying it, changing it as any SQLite tool could, and reading all that is in a database. Never here: what is expected.
"""

from __future__ import annotations

import shutil
import sqlite3 as system_sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs

from credit_trading import Exchange, ManualClock, Settings, verify_folder
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.sqlite import Connection, connect, immediate, sqlite3
from credit_trading.users.private_writer import PrivateWriter
from credit_trading.verify.finding import Finding
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened, unguarded

Content = dict[str, list[tuple[Any, ...]]]

PRIVATE = "wishes"
"""A table that the journal knows nothing of; ann's file has it."""


@attrs.frozen
class Sample:
    """The folder, and users' files in it by user."""

    home: Path
    files: dict[str, str]

    @property
    def journal(self) -> Path:
        return self.home / FILE_NAME

    def file(self, user: str) -> Path:
        return self.home / self.files[user]

    def copied(self, folder: Path) -> Sample:
        """One of its own."""
        return Sample(Path(shutil.copytree(self.home, folder)), self.files)

    def found(self, user: str | None = None, *, deep: bool = True) -> list[Finding]:
        return verify_folder(self.home, user_id=user, deep=deep).findings


def made(home: Path) -> Sample:
    """Ann, bob and eve trade; dan was deleted, eve has another e-mail, ann has private facts; notes, a deal, a bust, a checkpoint.

    Of ann something is pending, and one of her orders is worked outside.
    """
    clock = ManualClock()
    with opened(home, clock=clock, settings=Settings(checkpoint_every_events=10)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "eve")
        floor.admin.databases.create_trading_database("dan", "dan@example.com")
        floor.admin.databases.delete_trading_database("dan")
        floor.admin.databases.change_email("eve", "eve@new.example.com")
        _trade(floor)
        _write_private(exchange, "ann")
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange)
        clock.advance(10)
        floor.admin.accounts.deposit("bob", CASH, "1.00", note="late")
        floor.place("bob", "sell", 1, "6.00")
        floor.place("ann", "buy", 1, "4.50")
        exchange.market_data.get_trades(SYMBOL)
        files = {user: floor.path(user).name for user in ("ann", "bob", "eve")}
    with tampering(home / FILE_NAME) as connection:  # as if two backups had been made since
        connection.execute("UPDATE backup_generation SET generation = 3")
    return Sample(home, files)


def _trade(floor: Floor) -> None:
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    floor.place("eve", "buy", 3, None)
    floor.place("eve", "sell", 2, "7.00", client_order_id="c-1")
    floor.user("ann").orders.cancel_order(floor.place("ann", "buy", 1, "1.00").order_id)
    floor.user("ann").transactions.set_cost_method("fifo")
    deal: dict[str, str] = {"price_per_credit": "9.99", "currency": CASH, "counterparty": "ann"}
    floor.admin.on_behalf_of("eve").transactions.record_transaction("buy", CREDIT, 3, **deal)
    floor.admin.trading.bust_trade(1, note="a mistake")
    ann = floor.admin.on_behalf_of("ann")
    waiting = ann.transactions.record_transaction("withdrawal", CASH, "7.00", outside="A Bank", status="pending")
    ann.transactions.update_transaction_status(waiting.transaction_id, "failed", note="no such account")
    ann.transactions.record_transaction("transfer_out", CREDIT, 2, counterparty="bob", status="pending")
    outside = ann.orders.create_order(SYMBOL, "sell", 6, "8.00", route="external").order_id
    ann.orders.update_order_progress(outside, quantity=2, price="8.01", fee="0.02", outside="A Venue")


def _write_private(exchange: Exchange, user: str) -> None:
    number = exchange._desk.user_number(user)
    with PrivateWriter(exchange._files, exchange._projector).writing(number) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {PRIVATE} (wish TEXT)")
        connection.execute(f"INSERT INTO {PRIVATE} VALUES ('rain')")


@contextmanager
def tampering(path: Path) -> Iterator[Connection]:
    """One transaction on a database, checkpointed into its file; constraints may be broken, and no trigger guards what is there."""
    with closing(connect(path, mode="rw")) as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        with immediate(connection), unguarded(connection):
            yield connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def columns(path: Path, *, tables: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """Every stored column of every table, or of these, read from the schema."""
    with closing(connect(path, mode="rw")) as connection:
        names = tables or [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        ]
        return [
            (table, row[0])
            for table in names
            for row in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))
        ]


def rows_with_values(path: Path, table: str, column: str) -> list[tuple[int, Any]]:
    """The places of the table's rows (rowids, or numbers in order of the key where there are none) and what they hold."""
    with closing(connect(path, mode="rw")) as connection:
        return list(enumerate(row[0] for row in connection.execute(f'SELECT "{column}" FROM "{table}" NOT INDEXED')))


def other_values(value: Any, others: Sequence[Any]) -> list[Any]:
    """What somebody could write instead: one a little different, none, and what another row has."""
    changed: dict[type, Any] = {
        int: lambda: value + 1,
        str: lambda: value + "x",
        bytes: lambda: value[:-1] + bytes([value[-1] ^ 1]),
        type(None): lambda: next((one for one in others if one is not None), 1),
    }
    far = [value + 1_000_000] if isinstance(value, int) else []
    candidates = [changed[type(value)](), None, *far, *others]
    return [one for place, one in enumerate(candidates) if one != value and one not in candidates[:place]]


def change(path: Path, table: str, column: str, place: int, value: Any) -> bool:
    """Writes the value into the row; False if the table does not take it."""
    try:
        with tampering(path) as connection:
            names = [
                row[0] for row in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0", (table,))
            ]
            key = ", ".join(names) or "rowid"
            old = connection.execute(f'SELECT {key} FROM "{table}" NOT INDEXED LIMIT 1 OFFSET ?', (place,)).fetchone()
            where = " AND ".join(f"{name} IS ?" for name in key.split(", "))
            connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE {where}', (value, *old))
    except sqlite3.IntegrityError:
        return False
    return True


def content(path: Path) -> Content | str:
    """Schema, settings and every row of a closed database, as the system's SQLite reads a copy; the error if it cannot."""
    try:
        with closing(system_sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            found: Content = {
                "schema": [
                    (*row[:3], row[3] and " ".join(row[3].split()))  # which space it is changes nothing
                    for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
                ]
            }
            for setting in ("application_id", "user_version", "encoding"):
                found[setting] = connection.execute(f"PRAGMA {setting}").fetchall()
            for table in [row[1] for row in found["schema"] if row[0] == "table"]:
                found[f"table {table}"] = connection.execute(f'SELECT * FROM "{table}" NOT INDEXED').fetchall()
            return found
    except (system_sqlite3.Error, UnicodeDecodeError) as error:
        return f"{type(error).__name__}: {error}"
