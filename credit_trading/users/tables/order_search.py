"""Questions to the orders of a user's file, open ones, done ones or both: which, in which order, from where on.

Here: the SQL that finds them, and the index that each question runs on. Never here: words and numbers from outside, records (trading).
Always: an order is found once, wherever it stands by then. Open ones are few: what is asked of them is looked at one by one, by date. For
done ones the first in the order of `_DONE` decides on the index; the rest is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from credit_trading.exchange.order import EXTERNAL, LIMIT
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import keyset
from credit_trading.users.tables.keyset import Leg, Row, Source, Way

_OF_ALL = (
    "order_id",
    "client_order_id",
    "symbol",
    "credit_type",
    "currency",
    "side",
    "order_type",
    "time_in_force",
    "price_per_credit",
    "stop_price",
    "displayed_quantity",
    "post_only",
    "self_trade",
    "route",
    "version",
    "triggered_at",
    "quantity",
    "filled_quantity",
    "remaining_quantity",
    "percent_filled",
    "filled_value",
    "fees",
    "hold",
    "order_status",
    "expires_at",
    "created_at",
    "updated_at",
    "project_id",
)
COLUMNS = (*_OF_ALL, "reason", "closed_at")
"""Of an order, as the readable views have them; the last two are None while it is open."""

STATES = ("active", "done", "all")


@attrs.frozen(kw_only=True)
class OrderFilters:
    """Those that are all of what is given. Placed from `from_us` on, before `to_us`; quantities in smallest units of the credit type,
    prices in 10^-price_decimals of the currency, both ends included. `credit_types` are one of these each, and given instead of one.
    `words` is what FTS5 is asked (`words.match`).

    With a symbol the credit type of its instrument is given, too: it has the index.
    """

    from_us: int | None = None
    to_us: int | None = None
    side: str | None = None
    order_type: str | None = None
    status: str | None = None
    credit_type: str | None = None
    credit_types: tuple[str, ...] = ()
    currency: str | None = None
    symbol: str | None = None
    route: str | None = None
    client_order_id: str | None = None
    least_price: int | None = None
    most_price: int | None = None
    least_quantity: int | None = None
    most_quantity: int | None = None
    words: str | None = None


_CONDITIONS = {
    "from_us": "t.created_at >= :from_us",
    "to_us": "t.created_at < :to_us",
    "side": "t.side = :side",
    "order_type": "t.order_type = :order_type",
    "status": "t.order_status = :status",
    "credit_type": "t.credit_type = :credit_type",
    "credit_types": "t.credit_type IN (SELECT value FROM json_each(:credit_types))",
    "currency": "t.currency = :currency",
    "symbol": "t.symbol = :symbol",
    "route": "t.route = :route",
    "client_order_id": "t.client_order_id = :client_order_id",
    "least_price": "t.price_per_credit >= :least_price",
    "most_price": "t.price_per_credit <= :most_price",
    "least_quantity": "t.quantity >= :least_quantity",
    "most_quantity": "t.quantity <= :most_quantity",
    "words": "orders_text MATCH :words",
}


def _done(index: str, column: str = "t.created_at") -> Source:
    return Source("order_history", f"order_history AS t INDEXED BY {index}", (column, "t.order_id"))


def _by_words(table: str, lacking: int = 0) -> Source:
    joined = f"orders_text CROSS JOIN {table} AS t ON t.order_id = orders_text.rowid"
    return Source(table, joined, ("orders_text.rowid",), lacking)


_LACKING = len(COLUMNS) - len(_OF_ALL)
_ACTIVE = Source(
    "active_orders",
    "active_orders AS t INDEXED BY active_orders_by_date",
    ("t.created_at", "t.order_id"),
    _LACKING,
)
_DONE_BY_CREDIT_TYPE = _done("order_history_by_credit_type")
_DONE: Sequence[tuple[Source, Callable[[OrderFilters], bool]]] = (
    (_done("order_history_by_client_order_id"), lambda given: given.client_order_id is not None),
    (_done("order_history_external"), lambda given: given.route == EXTERNAL),
    (_done("order_history_by_type"), lambda given: given.order_type not in (None, LIMIT)),
    (_DONE_BY_CREDIT_TYPE, lambda given: given.credit_type is not None or keyset.can_lead(given.credit_types)),
    (_done("order_history_by_status"), lambda given: given.status is not None),
    (_done("order_history_by_currency"), lambda given: given.currency is not None),
    (_done("order_history_by_date"), lambda _: True),
)
"""What a question runs on: the first that fits, so that the fewest rows are looked at. Side, limit and internal have none: most are."""

_BY_END = _done("order_history_by_end", "t.closed_at")
_ACTIVE_BY_WORDS, _DONE_BY_WORDS = _by_words("active_orders", _LACKING), _by_words("order_history")


def orders(connection: Connection, filters: OrderFilters, *, state: str, way: Way, most: int) -> list[Row]:
    """Rows as `COLUMNS` has them, each with its place at its end, at most so many (-1: all), in the caller's transaction.

    As they were placed.
    """
    return keyset.find(connection, legs(filters, state, way), way, most)


def ended(connection: Connection, *, way: Way, most: int) -> list[Row]:
    """Those that are done, as they ended; else as `orders`."""
    return keyset.find(connection, ended_legs(way), way, most)


def legs(filters: OrderFilters, state: str, way: Way) -> list[Leg]:
    """All that is asked of SQLite: of each of the two tables that may have them. Words give orders by their number: as they were placed.

    Where several credit types lead there is a leg for each. No index of few rows leads then, so nothing is said twice.
    """
    given = {name: value for name in _CONDITIONS if (value := getattr(filters, name)) not in (None, ())}
    by_words = filters.words is not None
    asked = []
    if state != "done":
        asked.append(keyset.leg(_ACTIVE_BY_WORDS if by_words else _ACTIVE, *_where(given), way))
    if state != "active":
        source = _DONE_BY_WORDS if by_words else next(source for source, fits in _DONE if fits(filters))
        if source is _DONE_BY_CREDIT_TYPE and filters.credit_types:
            conditions, parameters = _where({name: given[name] for name in given if name != "credit_types"})
            asked += keyset.leg_for_each(source, "t.credit_type", filters.credit_types, conditions, parameters, way)
        else:
            conditions, parameters = _where(given)
            asked.append(keyset.leg(source, [*conditions, *_said_twice(filters)], parameters, way))
    return asked


def _where(given: dict[str, Any]) -> tuple[list[str], dict[str, object]]:
    """Conditions and their values."""
    return [_CONDITIONS[name] for name in given], keyset.bindable(given)


def ended_legs(way: Way) -> list[Leg]:
    """All that is asked of SQLite."""
    return [keyset.leg(_BY_END, [], {}, way)]


def _said_twice(filters: OrderFilters) -> list[str]:
    """What the indices of few rows are made of: else SQLite does not see that all that are asked for are among these."""
    said = []
    if filters.route == EXTERNAL:
        said.append("t.route = 'external'")
    if filters.order_type not in (None, LIMIT):
        said.append("t.order_type <> 'limit'")
    return said
