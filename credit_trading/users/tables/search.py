"""Questions to the transactions of a user's file: which, in which order, from where on.

Here: the SQL that finds them, and the index that each question runs on. Never here: words and numbers from outside, records (trading).
Always: an index gives the rows in the order that is wanted. Of what is asked for, the first in the order that stands in `_BY_DATE` decides
on it; the rest is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import msgspec

from credit_trading.exchange.entered import TransactionStatus
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import keyset
from credit_trading.users.tables.contents import snapshot
from credit_trading.users.tables.keyset import Found, Row, Statement, Way

COLUMNS = (
    "transaction_id",
    "transaction_date",
    "transaction_type",
    "credit_type",
    "quantity",
    "price_per_credit",
    "total_value",
    "fee",
    "currency",
    "counterparty",
    "status",
    "symbol",
    "order_id",
    "trade_id",
    "role",
    "external_reference",
    "note",
    "recorded_at",
    "reference",
    "trade_reference",
    "expires_at",
    "status_changed_at",
    "status_reason",
)
"""Of a transaction, as the readable view has them."""

SORTS = ("date", "entered", "quantity", "total")


@attrs.frozen(kw_only=True)
class TransactionFilters:
    """Those that are all of what is given. From `from_us` on, before `to_us`; amounts in smallest units, both ends included.

    `types` are one of these each. `words` is what FTS5 is asked (`words.match`).
    """

    from_us: int | None = None
    to_us: int | None = None
    types: tuple[str, ...] = ()
    status: str | None = None
    credit_type: str | None = None
    currency: str | None = None
    counterparty: str | None = None
    order_id: int | None = None
    trade_id: int | None = None
    external_reference: str | None = None
    least_quantity: int | None = None
    most_quantity: int | None = None
    least_total: int | None = None
    most_total: int | None = None
    words: str | None = None


_CONDITIONS = {
    "from_us": "transaction_date >= :from_us",
    "to_us": "transaction_date < :to_us",
    "types": "transaction_type IN (SELECT value FROM json_each(:types))",
    "status": "status = :status",
    "credit_type": "credit_type = :credit_type",
    "currency": "currency = :currency",
    "counterparty": "counterparty = :counterparty",
    "order_id": "order_id = :order_id",
    "trade_id": "trade_id = :trade_id",
    "external_reference": "external_reference = :external_reference",
    "least_quantity": "quantity >= :least_quantity",
    "most_quantity": "quantity <= :most_quantity",
    "least_total": "total_value >= :least_total",
    "most_total": "total_value <= :most_total",
    "words": "transactions_text MATCH :words",
}
_SETTLED = TransactionStatus.SETTLED.value
_MOST_ARE = {"buy", "sell"}

_BY_TYPE = "trading_transactions INDEXED BY transactions_by_type"
_BY_DATE: Sequence[tuple[str, Callable[[TransactionFilters], bool]]] = (
    ("trading_transactions INDEXED BY transactions_by_trade", lambda given: given.trade_id is not None),
    (
        "trading_transactions INDEXED BY transactions_by_external_reference",
        lambda given: given.external_reference is not None,
    ),
    ("trading_transactions INDEXED BY transactions_by_order", lambda given: given.order_id is not None),
    ("trading_transactions INDEXED BY transactions_unsettled", lambda given: given.status not in (None, _SETTLED)),
    ("trading_transactions INDEXED BY transactions_by_counterparty", lambda given: given.counterparty is not None),
    (_BY_TYPE, lambda given: bool(given.types) and not _MOST_ARE & set(given.types)),
    ("trading_transactions INDEXED BY transactions_by_credit_type", lambda given: given.credit_type is not None),
    (_BY_TYPE, lambda given: bool(given.types)),
    ("trading_transactions INDEXED BY transactions_by_currency", lambda given: given.currency is not None),
    ("trading_transactions INDEXED BY transactions_by_date", lambda _: True),
)
"""What a question by date runs on: the first that fits, so that the fewest rows are looked at. `settled` has none: most are."""

_BY_AMOUNT = {
    "quantity": ("trading_transactions INDEXED BY transactions_by_quantity", ("quantity", "transaction_id"), []),
    "total": (
        "trading_transactions INDEXED BY transactions_by_total",
        ("total_value", "transaction_id"),
        ["total_value IS NOT NULL"],
    ),
}
_WITH_WORDS = "transactions_text CROSS JOIN trading_transactions ON transaction_id = transactions_text.rowid"
_BY_NUMBER = (
    f"SELECT {', '.join(COLUMNS)} FROM trading_transactions_readable"
    " WHERE transaction_id IN (SELECT value FROM json_each(?))"
)


def transactions(connection: Connection, filters: TransactionFilters, *, sort: str, way: Way, most: int) -> list[Found]:
    """Places and rows as `COLUMNS` has them, at most so many (-1: all), as of one moment; equal ones by their number.

    Sorted by `quantity` where there is a credit type, by `total` where there is a currency; those without a total are left out then.
    `entered` is by their number: with words it is the only order, without them it takes no filters.
    """
    with snapshot(connection):
        places = keyset.places(connection, statements(filters, sort, way), way, most)
        found = keyset.rows(connection, _BY_NUMBER, [place[-1] for place in places])
        return list(zip(places, found, strict=True))


def transaction(connection: Connection, transaction_id: int) -> Row | None:
    """The one of that number."""
    return next(keyset.rows(connection, _BY_NUMBER, [transaction_id]), None)


def statements(filters: TransactionFilters, sort: str, way: Way) -> list[Statement]:
    """All that is asked of SQLite to find their places."""
    given = {name: value for name in _CONDITIONS if (value := getattr(filters, name)) not in (None, ())}
    if filters.words is not None:
        source, number = _WITH_WORDS, "transactions_text.rowid"
        return [keyset.by_number(source, number, *_where(given), way)]
    if sort == "entered":
        assert not given, "without words, the order in which they were entered takes no filters"
        return [keyset.by_number("trading_transactions NOT INDEXED", "transaction_id", [], {}, way)]
    if sort != "date":
        source, columns, also = _BY_AMOUNT[sort]
        conditions, parameters = _where(given)
        return keyset.by_column(source, columns, [*conditions, *also], parameters, way)
    return _by_date(filters, given, way)


def _by_date(filters: TransactionFilters, given: dict[str, Any], way: Way) -> list[Statement]:
    """Where types lead there are statements for each: what one index gives for several of them is not in order."""
    source = next(source for source, fits in _BY_DATE if fits(filters))
    columns = ("transaction_date", "transaction_id")
    conditions, parameters = _where(given)
    if source != _BY_TYPE:
        return keyset.by_column(source, columns, conditions, parameters, way)
    rest, parameters = _where({name: value for name, value in given.items() if name != "types"})
    by_type = ["transaction_type = :type", *rest]
    return [
        statement
        for kind in filters.types
        for statement in keyset.by_column(source, columns, by_type, {**parameters, "type": kind}, way)
    ]


def _where(given: dict[str, Any]) -> tuple[list[str], dict[str, object]]:
    """Conditions and their values. That a status is not settled is said twice: else SQLite does not see that the index has them all."""
    conditions = [_CONDITIONS[name] for name in given]
    if given.get("status", _SETTLED) != _SETTLED:
        conditions.append("status <> 'settled'")
    lists = {name: msgspec.json.encode(value).decode() for name, value in given.items() if isinstance(value, tuple)}
    return conditions, given | lists
