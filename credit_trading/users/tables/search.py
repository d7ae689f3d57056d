"""Questions to the transactions of a user's file: which, in which order, from where on.

Here: the SQL that finds them, and the index that each question runs on. Never here: words and numbers from outside, records (trading).
Always: an index gives the rows in the order that is wanted. Of what is asked for, the first in the order that stands in `_BY_DATE` decides
on it; the rest is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from credit_trading.exchange.entered import TransactionStatus
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import keyset
from credit_trading.users.tables.keyset import Leg, Row, Source, Way

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
    "project_id",
)
"""Of a transaction, as the readable view has them."""

SORTS = ("date", "entered", "quantity", "total")


@attrs.frozen(kw_only=True)
class TransactionFilters:
    """Those that are all of what is given. From `from_us` on, before `to_us`; amounts in smallest units, both ends included.

    `types` are one of these each, and so are `credit_types`, which are given instead of one. `words` is what FTS5 is asked (`words.match`).
    """

    from_us: int | None = None
    to_us: int | None = None
    types: tuple[str, ...] = ()
    status: str | None = None
    credit_type: str | None = None
    credit_types: tuple[str, ...] = ()
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
    "from_us": "t.transaction_date >= :from_us",
    "to_us": "t.transaction_date < :to_us",
    "types": "t.transaction_type IN (SELECT value FROM json_each(:types))",
    "status": "t.status = :status",
    "credit_type": "t.credit_type = :credit_type",
    "credit_types": "t.credit_type IN (SELECT value FROM json_each(:credit_types))",
    "currency": "t.currency = :currency",
    "counterparty": "t.counterparty = :counterparty",
    "order_id": "t.order_id = :order_id",
    "trade_id": "t.trade_id = :trade_id",
    "external_reference": "t.external_reference = :external_reference",
    "least_quantity": "t.quantity >= :least_quantity",
    "most_quantity": "t.quantity <= :most_quantity",
    "least_total": "t.total_value >= :least_total",
    "most_total": "t.total_value <= :most_total",
    "words": "transactions_text MATCH :words",
}
_SETTLED = TransactionStatus.SETTLED.value
_MOST_ARE = {"buy", "sell"}

_TABLE = "trading_transactions"


def _by(index: str, *columns: str) -> Source:
    return Source(_TABLE, f"{_TABLE} AS t INDEXED BY {index}", (*columns, "t.transaction_id"))


_BY_TYPE = _by("transactions_by_type", "t.transaction_date")
_BY_CREDIT_TYPE = _by("transactions_by_credit_type", "t.transaction_date")
_BY_DATE: Sequence[tuple[Source, Callable[[TransactionFilters], bool]]] = (
    (_by("transactions_by_trade", "t.transaction_date"), lambda given: given.trade_id is not None),
    (
        _by("transactions_by_external_reference", "t.transaction_date"),
        lambda given: given.external_reference is not None,
    ),
    (_by("transactions_by_order", "t.transaction_date"), lambda given: given.order_id is not None),
    (_by("transactions_unsettled", "t.transaction_date"), lambda given: given.status not in (None, _SETTLED)),
    (_by("transactions_by_counterparty", "t.transaction_date"), lambda given: given.counterparty is not None),
    (_BY_TYPE, lambda given: bool(given.types) and not _MOST_ARE & set(given.types)),
    (_BY_CREDIT_TYPE, lambda given: given.credit_type is not None or keyset.can_lead(given.credit_types)),
    (_BY_TYPE, lambda given: bool(given.types)),
    (_by("transactions_by_currency", "t.transaction_date"), lambda given: given.currency is not None),
    (_by("transactions_by_date", "t.transaction_date"), lambda _: True),
)
"""What a question by date runs on: the first that fits, so that the fewest rows are looked at. `settled` has none: most are."""

_BY_QUANTITY = _by("transactions_by_quantity", "t.quantity")
_BY_TOTAL = _by("transactions_by_total", "t.total_value")
_BY_NUMBER = Source(_TABLE, f"{_TABLE} AS t NOT INDEXED", ("t.transaction_id",))
_BY_WORDS = Source(
    _TABLE,
    f"transactions_text CROSS JOIN {_TABLE} AS t ON t.transaction_id = transactions_text.rowid",
    ("transactions_text.rowid",),
)


def transactions(connection: Connection, filters: TransactionFilters, *, sort: str, way: Way, most: int) -> list[Row]:
    """Rows as `COLUMNS` has them, each with its place at its end, at most so many (-1: all), in the caller's transaction.

    Equal ones are sorted by their number; by `quantity` where there is a credit type, by `total` where there is a currency; those
    without a total are left out then.
    `entered` is by their number: with words it is the only order, without them it takes no filters.
    """
    return keyset.find(connection, legs(filters, sort, way), way, most)


def transaction(connection: Connection, transaction_id: int) -> Row | None:
    """The one of that number."""
    row: Row | None = connection.execute(_ONE, (transaction_id,)).fetchone()
    return row


_ONE = f"SELECT {', '.join(COLUMNS)} FROM trading_transactions_readable WHERE transaction_id = ?"


def legs(filters: TransactionFilters, sort: str, way: Way) -> list[Leg]:
    """All that is asked of SQLite. Where types, or credit types, lead there is a leg for each: what one index gives for several of them is
    not in order.
    """
    given = {name: value for name in _CONDITIONS if (value := getattr(filters, name)) not in (None, ())}
    source = _source(filters, sort)
    assert source is not _BY_NUMBER or not given, "without words, the order in which they were entered takes no filters"
    if source is _BY_TYPE:
        rest, parameters = _where({name: value for name, value in given.items() if name != "types"})
        return keyset.leg_for_each(source, "t.transaction_type", filters.types, rest, parameters, way)
    if source is _BY_CREDIT_TYPE and filters.credit_types:
        rest, parameters = _where({name: value for name, value in given.items() if name != "credit_types"})
        return keyset.leg_for_each(source, "t.credit_type", filters.credit_types, rest, parameters, way)
    conditions, parameters = _where(given)
    if source is _BY_TOTAL:
        conditions.append("t.total_value IS NOT NULL")
    return [keyset.leg(source, conditions, parameters, way)]


def _source(filters: TransactionFilters, sort: str) -> Source:
    if filters.words is not None:
        return _BY_WORDS
    if sort == "date":
        return next(source for source, fits in _BY_DATE if fits(filters))
    return {"entered": _BY_NUMBER, "quantity": _BY_QUANTITY, "total": _BY_TOTAL}[sort]


def _where(given: dict[str, Any]) -> tuple[list[str], dict[str, object]]:
    """Conditions and their values. That a status is not settled is said twice: else SQLite does not see that the index has them all."""
    conditions = [_CONDITIONS[name] for name in given]
    if given.get("status", _SETTLED) != _SETTLED:
        conditions.append("t.status <> 'settled'")
    return conditions, keyset.bindable(given)
