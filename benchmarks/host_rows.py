"""(n) Events carried into a host's tables, against `executemany` of the very same rows by the driver alone.

Here: the two sides, by turns. Never here: how soon a host sees an event (host_lag).
Always: what is written by hand was taken down from the other side: the same statements with the same values, in as many transactions, into
tables with the same indices in another database of the same kind. What had to be looked up first, a hand that knows it all does not ask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import event, select

from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from benchmarks.host_databases import HostDatabases, absent, connected, host_databases
from benchmarks.host_exchange import FollowedExchange
from credit_trading.host import schema
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.outwards.outward import ROWS_PER_BATCH, Outward
from credit_trading.host.tables import Tables
from credit_trading.journal.live import LiveReplica

GOAL = Target(kind="at least", ratio=0.5)

_NAMED = re.compile(r"%\((\w+)\)s")

Statement = tuple[str, list[tuple[Any, ...]]]


def host_rows(counts: Counts, folder: Path) -> list[Figure]:
    """One exchange for all databases."""
    exchange = FollowedExchange(folder / "home", users=counts.host_users, events=counts.host_events)
    with closing(exchange.live()) as live, host_databases(folder) as databases:
        figures = [_measured(counts, exchange, live, one) for one in databases]
        return figures + absent("n", "events into a host's tables", databases)


def _measured(counts: Counts, exchange: FollowedExchange, live: LiveReplica, databases: HostDatabases) -> Figure:
    """Events per second of each part of the flow; the two sides take turns after each."""
    url, by_hand_url, tables = databases.new_url(), databases.new_url(), Tables()
    events, batches = counts.host_events, counts.host_batches_a_turn
    ours, by_hand = [], []
    with closing(EngineAdapter(url)) as adapter, closing(EngineAdapter(by_hand_url)) as other:
        for one in (adapter, other):
            made(one, tables, live)
        outward = Outward(live, adapter, tables)
        taken = TakenDown(adapter)
        hand = connected(by_hand_url)
        outward.round(up_to=exchange.begins_at)
        _write(hand, databases.begin, taken.by_place())
        for last in range(exchange.begins_at, exchange.begins_at + events, batches * ROWS_PER_BATCH):
            start = perf_counter()
            shown = outward.round(up_to=last + batches * ROWS_PER_BATCH)
            ours.append(shown.events / (perf_counter() - start))
            ready = taken.by_place()
            start = perf_counter()
            _write(hand, databases.begin, ready)
            by_hand.append(shown.events / (perf_counter() - start))
        hand.close()
        assert _content(adapter, tables) == _content(other, tables), "the two sides have written different rows"
    what = f"{events:,} events of {exchange.flow} into {databases.name}, {ROWS_PER_BATCH:,} to a transaction"
    return compare(
        "n", what, ours, unit="events/s", compared_with="executemany of the same rows", compared=by_hand, target=GOAL
    )


def made(adapter: EngineAdapter, tables: Tables, live: LiveReplica) -> None:
    """The tables, before the first event."""
    with live.history() as log, adapter.transaction() as connection:
        schema.init(connection, tables, exchange_id=log.exchange_id)


def _content(adapter: EngineAdapter, tables: Tables) -> list[int]:
    """A number for all rows of each table."""
    with adapter.transaction() as connection:
        every = [
            connection.execute(select(table).order_by(*table.primary_key)) for table in tables.metadata.sorted_tables
        ]
        return [hash(tuple(map(tuple, rows))) for rows in every]


class TakenDown:
    """What an adapter's transactions write, with the parameters by place, as a driver takes them soonest."""

    def __init__(self, adapter: EngineAdapter) -> None:
        self.transactions: list[list[tuple[str, Sequence[Any]]]] = []
        event.listen(adapter._engine, "before_cursor_execute", self._take_down)
        event.listen(adapter._engine, "begin", self._begun)
        event.listen(adapter._engine, "commit", self._committed)
        self._statements: list[tuple[str, Sequence[Any]]] = []

    def _begun(self, _: object) -> None:
        self._statements = []

    def _committed(self, _: object) -> None:
        if self._statements:
            self.transactions.append(self._statements)

    def _take_down(self, _: object, __: object, sql: str, values: Any, ___: object, many: bool) -> None:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            self._statements.append((sql, values if many else [values]))

    def by_place(self) -> list[list[Statement]]:
        """All since the last time."""
        taken, self.transactions = self.transactions, []
        return [[by_place(sql, rows) for sql, rows in statements] for statements in taken]


def by_place(sql: str, rows: Sequence[Any]) -> Statement:
    """With its parameters as tuples."""
    names = _NAMED.findall(sql)
    if not names:
        return sql, list(rows)
    return _NAMED.sub("%s", sql), [tuple([row[name] for name in names]) for row in rows]


def _write(connection: Any, begin: str, transactions: Sequence[Sequence[Statement]]) -> None:
    cursor = connection.cursor()
    for statements in transactions:
        cursor.execute(begin)
        for sql, rows in statements:
            cursor.executemany(sql, rows)
        cursor.execute("COMMIT")
    cursor.close()
