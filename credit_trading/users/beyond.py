"""What a user's file shows that another does not: what is known of a history that exchange.db has lost.

Here: finding those rows, as people read them. Never here: what becomes of the file (replacing, the room of backups).
Always: both files are read row by row in the order of their keys; only rows that differ are kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from credit_trading.store.sqlite import Connection, sqlite3
from credit_trading.users import private
from credit_trading.users.handles import DAMAGED

Row = dict[str, Any]
"""A row of a `…_readable` view: decimal text, ISO times."""

_VIEWS = (
    "audit_trail_readable",
    "trading_transactions_readable",
    "active_orders_readable",
    "order_history_readable",
    "balances_readable",
)


@attrs.frozen(kw_only=True)
class Beyond:
    """Rows by table, in the order of their keys, and the file's private tables; `problem` says what could not be read.

    `user_id` is whose the file says that it is; `events` are those of the audit trail. An order or a balance stands here also where it only
    differs.
    """

    user_id: str | None = None
    events: list[Row] = attrs.Factory(list)
    transactions: list[Row] = attrs.Factory(list)
    active_orders: list[Row] = attrs.Factory(list)
    order_history: list[Row] = attrs.Factory(list)
    balances: list[Row] = attrs.Factory(list)
    private_tables: list[str] = attrs.Factory(list)
    problem: str = ""

    @property
    def orders(self) -> int:
        return len(self.active_orders) + len(self.order_history)


def beyond(file: Connection, other: Connection) -> Beyond:
    """What `file` shows and `other` does not; of a damaged file what can be read."""
    found: list[list[Row]] = []
    problems: list[str] = []
    for view in _VIEWS:
        rows: list[Row] = []
        found.append(rows)
        try:
            ones, others = (one.execute(f"SELECT * FROM {view} ORDER BY 1") for one in (file, other))
            rows.extend(_only_in_first(ones, others))
        except DAMAGED as error:
            problems.append(f"{view}: {error}")
    tables: list[str] = []
    try:
        tables = private.tables_of(file, other)
    except DAMAGED as error:
        problems.append(str(error))
    events, transactions, active_orders, order_history, balances = found
    return Beyond(
        user_id=_user_id(file),
        events=events,
        transactions=transactions,
        active_orders=active_orders,
        order_history=order_history,
        balances=balances,
        private_tables=tables,
        problem="; ".join(problems),
    )


def _user_id(file: Connection) -> str | None:
    try:
        row = file.execute("SELECT user_id FROM metadata").fetchone()
    except DAMAGED:
        return None
    return row[0] if row else None


def _only_in_first(ones: sqlite3.Cursor, others: sqlite3.Cursor) -> Iterator[Row]:
    """Rows without an equal among the others, whose first column is the key; columns that only one of the two has do not count."""
    names = [column[0] for column in ones.description]
    shared = _places(ones, others)
    other = next(others, None)
    for one in ones:
        while other is not None and other[0] < one[0]:
            other = next(others, None)
        if other is None or any(one[here] != other[there] for here, there in shared):
            yield dict(zip(names, one, strict=True))


def _places(ones: sqlite3.Cursor, others: sqlite3.Cursor) -> list[tuple[int, int]]:
    """Of the columns that both have."""
    theirs = {column[0]: place for place, column in enumerate(others.description)}
    return [(here, theirs[column[0]]) for here, column in enumerate(ones.description) if column[0] in theirs]
