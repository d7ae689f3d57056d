"""The tables of marketdata.db: the public trades, and up to where they follow the journal.

Here: all SQL of that file. Never here: when it is opened, by whom, and what happens to a damaged one (trade_history).
Always: rows and position change in one transaction; a trade's row never changes but for being marked as busted.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from credit_trading.exchange import events as ev
from credit_trading.journal.follower import Position
from credit_trading.journal.rows import FIRST_HASH, Row, decode
from credit_trading.store.sqlite import Connection

APPLICATION_ID = 0x4354524D
SCHEMA_VERSION = 1

_TABLES = (
    """
    CREATE TABLE trades (
        trade_id INTEGER PRIMARY KEY,
        sequence INTEGER NOT NULL,
        time_us INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        price_ticks INTEGER NOT NULL,
        quantity_lots INTEGER NOT NULL,
        taker_side TEXT NOT NULL,
        busted INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX trades_of_symbol ON trades (symbol, trade_id)",
    "CREATE INDEX trades_busted ON trades (trade_id) WHERE busted",
    "CREATE TABLE position (exchange_id TEXT NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL) STRICT",
)
_COLUMNS = "trade_id, sequence, time_us, symbol, price_ticks, quantity_lots, taker_side, busted"
_INSERT = f"INSERT INTO trades ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 0)"

FOLLOWED = (ev.Trade.kind, ev.TradeBusted.kind)
"""The kinds of events that change something here."""


@attrs.frozen
class TradePrint:
    """A trade as it was reported to everybody."""

    trade_id: int
    sequence: int
    time_us: int
    symbol: str
    price_ticks: int
    quantity_lots: int
    taker_side: str
    busted: bool = attrs.field(default=False, converter=bool)

    @classmethod
    def of(cls, entry: ev.Entry, trade: ev.Trade) -> TradePrint:
        return cls(*_row(entry, trade))


def _row(entry: ev.Entry, trade: ev.Trade) -> tuple[int, int, int, str, int, int, str]:
    """The columns of a trade in the order of `_COLUMNS`, but for the mark that only a bust sets."""
    return (
        trade.trade,
        entry.sequence,
        entry.time_us,
        trade.symbol,
        trade.price_ticks,
        trade.quantity_lots,
        trade.taker_side,
    )


def version_of(connection: Connection) -> int | None:
    """The version of its tables, 0 for a database without any; None for one that is not market data's."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id == APPLICATION_ID:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version
    is_blank = not application_id and not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return 0 if is_blank else None


def start_over(connection: Connection) -> None:
    """Empty tables that follow nothing yet, whatever stood there before; part of the caller's transaction."""
    found = connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite%' ORDER BY type DESC"
    )
    for kind, name in found.fetchall():
        connection.execute(f'DROP {kind} "{name}"')
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO position (exchange_id, sequence, hash) VALUES ('', 0, ?)", (FIRST_HASH,))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def position(connection: Connection) -> Position | None:
    """Up to where the rows follow the journal; None if somebody removed it."""
    row = connection.execute("SELECT exchange_id, sequence, hash FROM position").fetchone()
    return Position(*row) if row else None


def store(connection: Connection, rows: Iterable[Row], after: Position) -> None:
    """Journal rows of the kinds in `FOLLOWED`, in order, and the position after them; part of the caller's transaction."""
    for entry in map(decode, rows):
        event = entry.event
        if isinstance(event, ev.Trade):
            connection.execute(_INSERT, _row(entry, event))
        elif isinstance(event, ev.TradeBusted):  # a deal off the book has no row
            connection.execute("UPDATE trades SET busted = 1 WHERE trade_id = ?", (event.trade,))
    connection.execute(
        "UPDATE position SET exchange_id = ?, sequence = ?, hash = ?", (after.exchange_id, after.sequence, after.hash)
    )


def latest(connection: Connection, symbol: str, *, limit: int, before: int) -> list[TradePrint]:
    """The last `limit` trades with ids below `before`, latest first."""
    return _prints(connection, "symbol = ? AND trade_id < ? ORDER BY trade_id DESC LIMIT ?", (symbol, before, limit))


def between(connection: Connection, first: int, last: int) -> list[TradePrint]:
    """All with ids from `first` to `last`, in order."""
    return _prints(connection, "trade_id BETWEEN ? AND ? ORDER BY trade_id", (first, last))


def count(connection: Connection) -> int:
    """Of all trades."""
    number: int = connection.execute("SELECT count(*) FROM trades").fetchone()[0]
    return number


def busted(connection: Connection) -> set[int]:
    """The ids of the trades that are marked."""
    return {row[0] for row in connection.execute("SELECT trade_id FROM trades WHERE busted")}


def _prints(connection: Connection, condition: str, parameters: tuple[str | int, ...]) -> list[TradePrint]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM trades WHERE {condition}", parameters)
    return [TradePrint(*row) for row in rows]
