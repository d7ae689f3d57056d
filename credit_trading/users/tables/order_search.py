"""Questions to the orders of a user's file, open ones, done ones or both: which, in which order, from where on.

Here: the SQL that finds them, and the index that each question runs on. Never here: words and numbers from outside, records (trading).
Always: an order is found once, wherever it stands by then. Open ones are few: what is asked of them is looked at one by one, by date. For
done ones the first in the order of `_DONE` decides on the index; the rest is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from credit_trading.exchange.order import EXTERNAL, LIMIT
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import keyset
from credit_trading.users.tables.contents import snapshot
from credit_trading.users.tables.keyset import Found, Statement, Way

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
)
COLUMNS = (*_OF_ALL, "reason", "closed_at")
"""Of an order, as the readable views have them; the last two are None while it is open."""

STATES = ("active", "done", "all")


@attrs.frozen(kw_only=True)
class OrderFilters:
    """Those that are all of what is given. Placed from `from_us` on, before `to_us`; quantities in smallest units of the credit type,
    prices in 10^-price_decimals of the currency, both ends included. `words` is what FTS5 is asked (`words.match`).

    With a symbol the credit type of its instrument is given, too: it has the index.
    """

    from_us: int | None = None
    to_us: int | None = None
    side: str | None = None
    order_type: str | None = None
    status: str | None = None
    credit_type: str | None = None
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
    "from_us": "created_at >= :from_us",
    "to_us": "created_at < :to_us",
    "side": "side = :side",
    "order_type": "order_type = :order_type",
    "status": "order_status = :status",
    "credit_type": "credit_type = :credit_type",
    "currency": "currency = :currency",
    "symbol": "symbol = :symbol",
    "route": "route = :route",
    "client_order_id": "client_order_id = :client_order_id",
    "least_price": "price_per_credit >= :least_price",
    "most_price": "price_per_credit <= :most_price",
    "least_quantity": "quantity >= :least_quantity",
    "most_quantity": "quantity <= :most_quantity",
    "words": "orders_text MATCH :words",
}

_ACTIVE = "active_orders INDEXED BY active_orders_by_date"
_DONE: Sequence[tuple[str, Callable[[OrderFilters], bool]]] = (
    ("order_history INDEXED BY order_history_by_client_order_id", lambda given: given.client_order_id is not None),
    ("order_history INDEXED BY order_history_external", lambda given: given.route == EXTERNAL),
    ("order_history INDEXED BY order_history_by_type", lambda given: given.order_type not in (None, LIMIT)),
    ("order_history INDEXED BY order_history_by_credit_type", lambda given: given.credit_type is not None),
    ("order_history INDEXED BY order_history_by_status", lambda given: given.status is not None),
    ("order_history INDEXED BY order_history_by_currency", lambda given: given.currency is not None),
    ("order_history INDEXED BY order_history_by_date", lambda _: True),
)
"""What a question runs on: the first that fits, so that the fewest rows are looked at. Side, limit and internal have none: most are."""

_PLACED = ("created_at", "order_id")
_ENDED = ("closed_at", "order_id")
_BY_END = "order_history INDEXED BY order_history_by_end"
_FOUND = "SELECT value FROM json_each(?1)"
_BY_NUMBER = (
    f"SELECT {', '.join(_OF_ALL)}, NULL, NULL FROM active_orders_readable WHERE order_id IN ({_FOUND})"
    f" UNION ALL SELECT {', '.join(COLUMNS)} FROM order_history_readable WHERE order_id IN ({_FOUND})"
)


def orders(connection: Connection, filters: OrderFilters, *, state: str, way: Way, most: int) -> list[Found]:
    """Places and rows as `COLUMNS` has them, at most so many (-1: all), as of one moment; as they were placed, with words or without."""
    return _found(connection, statements(filters, state, way), way, most)


def ended(connection: Connection, *, way: Way, most: int) -> list[Found]:
    """Those that are done, as they ended."""
    return _found(connection, ended_statements(way), way, most)


def ended_statements(way: Way) -> list[Statement]:
    """All that is asked of SQLite to find their places."""
    return keyset.by_column(_BY_END, _ENDED, [], {}, way)


def _found(connection: Connection, asked: Sequence[Statement], way: Way, most: int) -> list[Found]:
    with snapshot(connection):
        places = keyset.places(connection, asked, way, most)
        rows = keyset.rows(connection, _BY_NUMBER, [place[-1] for place in places])
        return list(zip(places, rows, strict=True))


def statements(filters: OrderFilters, state: str, way: Way) -> list[Statement]:
    """All that is asked of SQLite to find their places: of each of the two tables that may have them."""
    given = {name: value for name in _CONDITIONS if (value := getattr(filters, name)) is not None}
    if filters.words is not None:
        return [_with_words(given, state, way)]
    conditions = [_CONDITIONS[name] for name in given]
    asked = []
    if state != "done":
        asked += keyset.by_column(_ACTIVE, _PLACED, conditions, given, way)
    if state != "active":
        source = next(source for source, fits in _DONE if fits(filters))
        asked += keyset.by_column(source, _PLACED, [*conditions, *_said_twice(filters)], given, way)
    return asked


def _said_twice(filters: OrderFilters) -> list[str]:
    """What the indices of few rows are made of: else SQLite does not see that all that are asked for are among these."""
    said = []
    if filters.route == EXTERNAL:
        said.append("route = 'external'")
    if filters.order_type not in (None, LIMIT):
        said.append("order_type <> 'limit'")
    return said


_IS_ACTIVE = "EXISTS (SELECT 1 FROM active_orders WHERE order_id = orders_text.rowid"
_IS_DONE = "EXISTS (SELECT 1 FROM order_history WHERE order_id = orders_text.rowid"


def _with_words(given: Mapping[str, Any], state: str, way: Way) -> Statement:
    """Words give orders by their number, which is how they were placed; what else is asked for is looked at in each."""
    rest = "".join([f" AND {_CONDITIONS[name]}" for name in given if name != "words"])
    tables = {"active": [_IS_ACTIVE], "done": [_IS_DONE], "all": [_IS_ACTIVE, _IS_DONE]}[state]
    stands = " OR ".join([f"{table}{rest})" for table in tables])
    conditions = [_CONDITIONS["words"], f"({stands})"]
    return keyset.by_number("orders_text", "orders_text.rowid", conditions, given, way)
