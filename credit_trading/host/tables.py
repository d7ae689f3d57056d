"""The tables in the host's database that are ours: their columns and keys, under a prefix.

Here: what stands where. Never here: making and migrating them (schema), reading and writing them (batch, inward, check).
Always: numbers are exact: `…_units` are whole numbers of smallest units, and the text beside them is the same as decimals. Times are in
UTC. No column needs more than any SQL database has.
"""

from __future__ import annotations

import re

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from credit_trading.errors import InvalidInput
from credit_trading.host.connecting.moment import Day, Moment

SCHEMA_VERSION = 1

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,15}", re.ASCII)

_USER, _ASSET, _PROJECT, _DECIMAL, _SYMBOL = String(64), String(32), String(64), String(40), String(65)
_TIME = Moment()
_NOW = text("CURRENT_TIMESTAMP")


class Tables:
    """All of them, under one prefix; `metadata` has nothing else in it. Raises InvalidInput for a prefix that is no name."""

    def __init__(self, prefix: str = "trading_") -> None:
        if _PREFIX.fullmatch(prefix) is None:
            problem = "a prefix is 1 to 16 small letters, digits or '_', beginning with a letter"
            raise InvalidInput("host", prefix[:40], problem, hint="For example trading_.")
        self.prefix = prefix
        self.metadata = MetaData()
        self.position = self._position()
        self.balances = self._balances()
        self.orders = self._orders()
        self.statistics = self._statistics()
        self.activity = self._activity()
        self.activity_daily = self._activity_daily()
        self.requests = self._requests()
        self.repairs = self._repairs()

    def _table(self, name: str, *columns: Column[object] | Index) -> Table:
        return Table(self.prefix + name, self.metadata, *columns)

    def _index(self, *columns: str) -> Index:
        return Index(None, *columns)

    def _position(self) -> Table:
        """One row, `only` = 1: up to where the tables show the journal. Whoever changes any of them holds it locked."""
        return self._table(
            "position",
            Column("only", SmallInteger, primary_key=True, autoincrement=False),
            Column("schema_version", Integer, nullable=False),
            Column("exchange_id", String(64), nullable=False),
            Column("sequence", BigInteger, nullable=False),
            Column("hash", String(64), nullable=False),
            Column("made_at_sequence", BigInteger, nullable=False),
            Column("updated_at", _TIME, nullable=False),
        )

    def _balances(self) -> Table:
        """What each user has of each asset; a row stays when all is gone, and goes when the user is deleted."""
        return self._table(
            "balances",
            Column("user_id", _USER, primary_key=True),
            Column("asset", _ASSET, primary_key=True),
            Column("project_id", _PROJECT),
            Column("decimals", SmallInteger, nullable=False),
            Column("posted_units", BigInteger, nullable=False),
            Column("held_units", BigInteger, nullable=False),
            Column("available_units", BigInteger, nullable=False),
            Column("posted", _DECIMAL, nullable=False),
            Column("held", _DECIMAL, nullable=False),
            Column("available", _DECIMAL, nullable=False),
            Column("sequence", BigInteger, nullable=False),
            Column("updated_at", _TIME, nullable=False),
            self._index("asset", "user_id"),
            self._index("project_id"),
        )

    def _orders(self) -> Table:
        """Open orders only; a row goes when its order is done."""
        return self._table(
            "orders",
            Column("order_id", BigInteger, primary_key=True, autoincrement=False),
            Column("user_id", _USER, nullable=False),
            Column("instrument", _SYMBOL, nullable=False),
            Column("asset", _ASSET, nullable=False),
            Column("currency", _ASSET, nullable=False),
            Column("project_id", _PROJECT),
            Column("side", String(4), nullable=False),
            Column("order_type", String(16), nullable=False),
            Column("time_in_force", String(8), nullable=False),
            Column("route", String(8), nullable=False),
            Column("client_order_id", String(64)),
            Column("status", String(16), nullable=False),
            Column("price", _DECIMAL),
            Column("quantity_units", BigInteger, nullable=False),
            Column("filled_units", BigInteger, nullable=False),
            Column("hold_units", BigInteger, nullable=False),
            Column("quantity", _DECIMAL, nullable=False),
            Column("filled", _DECIMAL, nullable=False),
            Column("remaining", _DECIMAL, nullable=False),
            Column("placed_at", _TIME, nullable=False),
            Column("expires_at", _TIME),
            Column("sequence", BigInteger, nullable=False),
            Column("updated_at", _TIME, nullable=False),
            self._index("user_id"),
            self._index("project_id"),
        )

    def _statistics(self) -> Table:
        """What each user has done in each asset against each currency; `currency` is empty for what moved without one.

        Sums of all that happened up to `sequence`; what was busted is taken out again. Orders stand under their instrument's two assets.
        """
        return self._table(
            "statistics",
            Column("user_id", _USER, primary_key=True),
            Column("asset", _ASSET, primary_key=True),
            Column("currency", _ASSET, primary_key=True),
            Column("project_id", _PROJECT),
            Column("asset_decimals", SmallInteger, nullable=False),
            Column("currency_decimals", SmallInteger, nullable=False),
            Column("trades", BigInteger, nullable=False),
            Column("bought_units", BigInteger, nullable=False),
            Column("sold_units", BigInteger, nullable=False),
            Column("spent_units", BigInteger, nullable=False),
            Column("earned_units", BigInteger, nullable=False),
            Column("fees_units", BigInteger, nullable=False),
            Column("came_in_units", BigInteger, nullable=False),
            Column("went_out_units", BigInteger, nullable=False),
            Column("bought", _DECIMAL, nullable=False),
            Column("sold", _DECIMAL, nullable=False),
            Column("spent", _DECIMAL, nullable=False),
            Column("earned", _DECIMAL, nullable=False),
            Column("fees", _DECIMAL, nullable=False),
            Column("came_in", _DECIMAL, nullable=False),
            Column("went_out", _DECIMAL, nullable=False),
            Column("orders_placed", BigInteger, nullable=False),
            Column("orders_filled", BigInteger, nullable=False),
            Column("orders_canceled", BigInteger, nullable=False),
            Column("orders_expired", BigInteger, nullable=False),
            Column("orders_rejected", BigInteger, nullable=False),
            Column("first_at", _TIME, nullable=False),
            Column("last_at", _TIME, nullable=False),
            Column("sequence", BigInteger, nullable=False),
            self._index("asset", "currency", "user_id"),
            self._index("project_id"),
        )

    def _activity(self) -> Table:
        """What happened, a row for each thing that a dashboard shows; `part` counts from 0 within one event. Never changed later."""
        return self._table(
            "activity",
            Column("sequence", BigInteger, primary_key=True, autoincrement=False),
            Column("part", SmallInteger, primary_key=True, autoincrement=False),
            Column("occurred_at", _TIME, nullable=False),
            Column("type", String(24), nullable=False),
            Column("user_id", _USER),
            Column("counterparty_id", _USER),
            Column("project_id", _PROJECT),
            Column("instrument", _SYMBOL),
            Column("asset", _ASSET),
            Column("currency", _ASSET),
            Column("order_id", BigInteger),
            Column("trade_id", BigInteger),
            Column("transaction_id", BigInteger),
            Column("request_id", String(64)),
            Column("side", String(4)),
            Column("quantity_units", BigInteger),
            Column("value_units", BigInteger),
            Column("quantity", _DECIMAL),
            Column("price", _DECIMAL),
            Column("value", _DECIMAL),
            Column("status", String(32)),
            Column("reason", String(64)),
            Column("actor", String(96), nullable=False),
            Column("correlation_id", Text),
            Column("sentence", Text, nullable=False),
            self._index("user_id", "sequence", "part"),
            self._index("counterparty_id", "sequence", "part"),
            self._index("project_id", "sequence", "part"),
            self._index("type", "sequence", "part"),
            self._index("occurred_at"),
        )

    def _activity_daily(self) -> Table:
        """How much of each type happened on each day (UTC), by project, user, asset and currency; '' where an entry has none.

        Whichever index a database chooses when it looks for one row, without any statistics, finds that row alone.
        """
        return self._table(
            "activity_daily",
            Column("day", Day(), primary_key=True),
            Column("type", String(24), primary_key=True),
            Column("project_id", _PROJECT, primary_key=True),
            Column("user_id", _USER, primary_key=True),
            Column("asset", _ASSET, primary_key=True),
            Column("currency", _ASSET, primary_key=True),
            Column("entries", BigInteger, nullable=False),
            Column("quantity_units", BigInteger, nullable=False),
            Column("value_units", BigInteger, nullable=False),
            self._index("project_id", "day", "type", "user_id", "asset", "currency"),
            self._index("user_id", "day", "type", "project_id", "asset", "currency"),
        )

    def _requests(self) -> Table:
        """What the host asks for, a row each, written by the host in the transaction of its own change. See `request`.

        The host gives `id`, `kind` and what the kind needs, and later `decision` of a withdrawal that is held; all else is ours.
        """
        return self._table(
            "requests",
            Column("id", String(64), primary_key=True),
            Column("kind", String(16), nullable=False),
            Column("user_id", _USER),
            Column("project_id", _PROJECT),
            Column("asset", _ASSET),
            Column("amount", String(64)),
            Column("note", Text),
            Column("actor", String(64)),
            Column("correlation_id", String(64)),
            Column("decision", String(8)),
            Column("status", String(16), nullable=False, server_default="new"),
            Column("sequence", BigInteger),
            Column("transaction_id", BigInteger),
            Column("code", String(64)),
            Column("sentence", Text),
            Column("reapply", Boolean, nullable=False, server_default=text("false")),
            Column("created_at", _TIME, nullable=False, server_default=_NOW),
            Column("updated_at", _TIME),
            self._index("status", "created_at"),
        )

    def _repairs(self) -> Table:
        """What `host repair` has changed: the row before and after, as JSON."""
        return self._table(
            "repairs",
            Column("id", Integer, primary_key=True, autoincrement=True),
            Column("repaired_at", _TIME, nullable=False),
            Column("actor", String(96), nullable=False),
            Column("table_name", String(64), nullable=False),
            Column("row_key", Text, nullable=False),
            Column("before", Text),
            Column("after", Text),
        )
