"""A batch of events as changes of the host's tables: what they touch is read, brought forward, and written.

Here: which rows, and in which order. Never here: what an event means, and the row that it leads to (orders, movements, figures,
outcomes, entries, daily), transactions (outward).
Always: the position moves with the rows, from the one that was locked to the one after the last event. What rows hold does not depend on
where batches begin and end; nothing is kept in memory from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table

from credit_trading.exchange.events import UserDeleted
from credit_trading.host import keyed, position
from credit_trading.host.entries import daily
from credit_trading.host.entries.entries import entries_of
from credit_trading.host.outwards import figures, movements, orders, outcomes
from credit_trading.host.outwards.figures import COUNTS, SUMS, Figures
from credit_trading.host.outwards.movements import Movements
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.orders import Orders
from credit_trading.host.outwards.outcomes import Outcomes, Reapply
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import (
    ActivityRow,
    BalanceRow,
    Changes,
    DailyRow,
    OrderRow,
    RequestRow,
    StatisticsRow,
)
from credit_trading.host.tables import Tables
from credit_trading.journal.follower import Position

_ORDER = (
    *("status", "time_in_force", "price", "quantity_units", "filled_units", "hold_units", "quantity", "filled"),
    *("remaining", "expires_at", "sequence", "updated_at"),
)
_BALANCE = (
    *("posted_units", "held_units", "available_units", "posted", "held", "available"),
    *("sequence", "updated_at"),
)
_STATISTICS = (*COUNTS, *[f"{name}_units" for name in SUMS], *SUMS, "last_at", "sequence")
_DAILY = ("entries", "quantity_units", "value_units")
"""What changes of a row that is there."""


def apply(
    connection: Connection,
    tables: Tables,
    names: Names,
    seen: Sequence[Seen],
    *,
    before: Position,
    after: Position,
    reapply: Reapply | None,
) -> Changes:
    """Writes what the events beyond `before` up to `after` have changed, and moves the position; all in the caller's transaction.

    `before` is the position as it is locked. `reapply` does the host's own side of a request again whose row was lost (see `Outcomes`).
    """
    return _Batch(connection, tables, names, seen, reapply).apply(before, after)


class _Batch:
    def __init__(
        self, connection: Connection, tables: Tables, names: Names, seen: Sequence[Seen], reapply: Reapply | None
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._names = names
        self._seen = seen
        self._movements = Movements(names)
        self._figures = Figures(names)
        found_orders = keyed.find(
            connection, tables.orders, ((number,) for number in orders.touched(seen)), by="order_id"
        )
        known = {number: cast("OrderRow", row) for (number,), row in found_orders.items()}
        self._orders = Orders(known, names, self._movements, self._figures)
        found_requests = keyed.find(connection, tables.requests, ((one,) for one in outcomes.answered(seen)), by="id")
        asked = {request_id: cast("RequestRow", row) for (request_id,), row in found_requests.items()}
        self._outcomes = Outcomes(asked, names, reapply)
        self._activity: list[ActivityRow] = []
        self._deleted: set[int] = set()

    def apply(self, before: Position, after: Position) -> Changes:
        for seen in self._seen:
            self._movements.apply(seen)
            self._figures.apply(seen)
            self._orders.apply(seen)
            self._outcomes.apply(seen)
            self._activity += entries_of(seen, self._orders.rows, self._names)
            if isinstance(seen.entry.event, UserDeleted):
                self._deleted.add(seen.entry.event.user)
        return self._written(before, after)

    def _written(self, before: Position, after: Position) -> Changes:
        balances, gone_balances = self._write_balances()
        open_orders, done_orders = self._write_orders()
        statistics, gone_statistics = self._write_statistics()
        keyed.add(self._connection, self._tables.activity, self._activity)
        self._write_daily()
        requests = self._write_requests()
        position.move(self._connection, self._tables, before=before, after=after, at=self._seen[-1].at)
        return Changes(
            before=before,
            after=after,
            balances=balances,
            gone_balances=gone_balances,
            orders=open_orders,
            done_orders=done_orders,
            statistics=statistics,
            gone_statistics=gone_statistics,
            activity=self._activity,
            requests=requests,
            deleted_users=[self._names.user_id(number) for number in sorted(self._deleted)],
        )

    # Balances

    def _write_balances(self) -> tuple[list[BalanceRow], list[BalanceRow]]:
        """What is there now, and what is gone with its user."""
        changes = {(self._names.user_id(user), asset): one for (user, asset), one in self._movements.changes.items()}
        known = keyed.find(
            self._connection, self._tables.balances, changes, by="user_id", columns=("posted_units", "held_units")
        )
        asset = self._names.asset
        rows = {key: movements.balance_row(key[0], asset(key[1]), one, known.get(key)) for key, one in changes.items()}
        gone = self._gone(self._tables.balances, rows)
        stay = [(key, row) for key, row in rows.items() if key not in gone]
        self._write(self._tables.balances, stay, known, _BALANCE)
        return cast("list[BalanceRow]", [row for _, row in stay]), cast("list[BalanceRow]", list(gone.values()))

    # Orders

    def _write_orders(self) -> tuple[list[OrderRow], list[OrderRow]]:
        """The open ones that were touched, and those that are done."""
        touched, table = self._orders, self._tables.orders
        open_ = list(touched.of(touched.changed - touched.done))
        done = list(touched.of(touched.done))
        keyed.remove(self._connection, table, [row for row in done if row["order_id"] not in touched.placed])
        keyed.change(self._connection, table, [row for row in open_ if row["order_id"] not in touched.placed], _ORDER)
        keyed.add(self._connection, table, [row for row in open_ if row["order_id"] in touched.placed])
        return open_, done

    # Statistics

    def _write_statistics(self) -> tuple[list[StatisticsRow], list[StatisticsRow]]:
        """What is there now, and what is gone with its user."""
        changes = {(self._names.user_id(user), *rest): one for (user, *rest), one in self._figures.changes.items()}
        known = keyed.find(
            self._connection, self._tables.statistics, changes, by="user_id", columns=("first_at", *_STATISTICS)
        )
        asset = self._names.asset
        rows = {
            (user_id, code, currency): figures.statistics_row(
                user_id, asset(code), asset(currency) if currency else None, one, known.get((user_id, code, currency))
            )
            for (user_id, code, currency), one in changes.items()
        }
        gone = self._gone(self._tables.statistics, rows)
        stay = [(key, row) for key, row in rows.items() if key not in gone]
        self._write(self._tables.statistics, stay, known, _STATISTICS)
        return cast("list[StatisticsRow]", [row for _, row in stay]), cast("list[StatisticsRow]", list(gone.values()))

    # Activity by day

    def _write_daily(self) -> None:
        counts = daily.counts_of(self._activity)
        table = self._tables.activity_daily
        known = keyed.find(self._connection, table, counts, by="user_id", columns=_DAILY)
        rows = [
            (key, daily.daily_row(key, one, cast("DailyRow | None", known.get(key)))) for key, one in counts.items()
        ]
        self._write(table, rows, known, _DAILY)

    # Requests

    def _write_requests(self) -> list[RequestRow]:
        """Those whose outcome the events brought; of a row that is there only what is ours, since the host may be deciding on it."""
        rows, changed, lost = self._outcomes.rows, self._outcomes.changed, self._outcomes.lost
        keyed.add(self._connection, self._tables.requests, [rows[one] for one in sorted(lost)])
        keyed.change(
            self._connection, self._tables.requests, [rows[one] for one in sorted(changed - lost)], outcomes.COLUMNS
        )
        return [rows[one] for one in sorted(changed | lost)]

    # What these have in common

    def _gone(self, table: Table, rows: Mapping[keyed.Key, Any]) -> dict[keyed.Key, Any]:
        """All rows of users who are deleted, as they were at the end; those that are there are removed."""
        users = {self._names.user_id(number) for number in self._deleted}
        if not users:
            return {}
        stored = keyed.find_all(self._connection, table, "user_id", users)
        keyed.remove(self._connection, table, stored)
        names = [column.name for column in table.primary_key]
        gone = {tuple(row[name] for name in names): row for row in stored}
        return gone | {key: row for key, row in rows.items() if key[0] in users}

    def _write(
        self,
        table: Table,
        rows: Iterable[tuple[keyed.Key, Mapping[str, Any]]],
        known: Mapping[keyed.Key, Any],
        columns: tuple[str, ...],
    ) -> None:
        new: list[Mapping[str, Any]] = []
        old: list[Mapping[str, Any]] = []
        for key, row in rows:
            (old if key in known else new).append(row)
        keyed.change(self._connection, table, old, columns)
        keyed.add(self._connection, table, new)
