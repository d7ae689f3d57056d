"""Journals for a host to follow: random trading, written into an exchange.db at once; and the host's tables in memory, to derive from it.

Here: making both, and what the tables hold. Never here: what they should hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, StaticPool, create_engine, select

from credit_trading.exchange import commands as cmd
from credit_trading.host import schema
from credit_trading.host.outwards import batch
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.outcomes import Reapply
from credit_trading.host.outwards.seen import seen_in
from credit_trading.host.position import stored
from credit_trading.host.tables import Tables
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.journal.notes import Note
from credit_trading.journal.rows import FIRST_HASH
from credit_trading.journal.tail import head_of, tail_after
from credit_trading.store.sqlite import immediate
from credit_trading.users import catalogue
from credit_trading.users.exchange_db import ADDED
from tests.exchange.flow import RATES, act, any_steps, random_flow
from tests.exchange.market import Market
from tests.exchange.replicas import SYMBOL, schedule_of

EXCHANGE_ID = "x1"

TABLES = Tables()
"""The same for all, or each has its statements compiled anew."""


def traded(seed: int, *, steps: int) -> Market:
    """Four users with funds for about twenty lots each: many orders are refused, many market orders run out of money."""
    random = Random(seed)
    maker, taker = random.choice(RATES)
    market = Market("ann", "bob", "cat", "dan", cash="21.41", credits=20, maker=maker, taker=taker)
    market.send(cmd.SetSchedule(SYMBOL, schedule_of((0, 8), (9, 20), (22, 90))))
    for number, step in enumerate(random_flow(any_steps, random, length=steps)):
        act(market, step, command_id=f"user{number % 4 + 1}/id/{number}")
    return market


@contextmanager
def written(market: Market, home: Path, notes: Mapping[int, Note] | None = None) -> Iterator[LiveReplica]:
    """An exchange of that history, with its users' names and without their files."""
    home.mkdir()
    with Log.refounding(home / FILE_NAME, EXCHANGE_ID, ADDED) as log, immediate(log.connection):
        log.append(market.entries, FIRST_HASH, notes or {})
        for name, number in market.users.items():
            catalogue.insert(log.connection, number, name, f"{name}@example.com", salt="", created_at_us=0)
    live = LiveReplica(home, lock_timeout_s=5)
    try:
        yield live
    finally:
        live.close()


class Derived:
    """The host's tables in memory, brought forward by batches of the given sizes, which come again and again."""

    def __init__(self, live: LiveReplica, connection: Connection) -> None:
        self.tables = TABLES
        self.connection = connection
        self.changes: list[Any] = []
        self._live = live
        self._names = Names(live)
        schema.init(connection, self.tables, exchange_id=EXCHANGE_ID)

    @classmethod
    @contextmanager
    def of(cls, live: LiveReplica, *sizes: int, reapply: Reapply | None = None) -> Iterator[Derived]:
        """To the journal's end; no sizes: not brought forward yet."""
        engine = create_engine("sqlite://", poolclass=StaticPool)
        with engine.connect() as connection:
            derived = cls(live, connection)
            if sizes:
                derived.bring_forward(*sizes, reapply=reapply)
            yield derived
        engine.dispose()

    @property
    def position(self) -> Position:
        return stored(self.connection, self.tables)

    def bring_forward(self, *sizes: int, up_to: int | None = None, reapply: Reapply | None = None) -> None:
        last = up_to or head_of(self._live)
        turn = 0
        while self.position.sequence < last:
            before = self.position
            most = sizes[turn % len(sizes)]
            tail = tail_after(self._live, before, up_to=last, most=most, follower="a test")
            seen = seen_in(self._live.history, tail.rows, self._names)
            self.changes.append(
                batch.apply(
                    self.connection,
                    self.tables,
                    self._names,
                    seen,
                    before=before,
                    after=tail.after,
                    reapply=reapply,
                )
            )
            turn += 1

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, by key."""
        return content(self.connection, self.tables)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Of the table of that name, by key."""
        found = self.tables.metadata.tables[self.tables.prefix + table]
        rows = self.connection.execute(select(found).order_by(*found.primary_key))
        return [row._asdict() for row in rows]


def content(connection: Connection, tables: Tables) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, by key."""
    every: Sequence[Any] = tables.metadata.sorted_tables
    return {
        table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in every
    }
