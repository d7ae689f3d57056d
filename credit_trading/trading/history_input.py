"""What may be asked of transactions and orders: words, numbers and times from outside, checked.

Here: the filters, their forms, and which go together. Never here: reading (history), SQL (users/tables).
Always: what comes out can be found on an index, in the order that is wanted; what cannot is refused in one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import attrs

from credit_trading.checks import checked_id, checked_number, checked_text, shown
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange import entered, recorded
from credit_trading.exchange.order import BUY, EXTERNAL, INTERNAL, SELL, OrderStatus, OrderType
from credit_trading.money import parse_units
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.order_input import Moment
from credit_trading.trading.periods import checked_order, period_moment_us
from credit_trading.users.tables import order_search, search, words
from credit_trading.users.tables.order_search import OrderFilters
from credit_trading.users.tables.search import TransactionFilters

_TRANSACTIONS, _ORDERS = "transactions.list", "orders.list"

TRANSACTION_TYPES = (*entered.TYPES, *recorded.BUSTS)
"""All that a transaction can be."""

_OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

_SIDES = {side: tuple(kind for kind in TRANSACTION_TYPES if kind.startswith(side)) for side in (BUY, SELL)}
"""A trade, and one that was taken back."""


class TransactionQuery(TypedDict, total=False):
    """Which transactions: those that are all of what is given. Each is None, or left out, where it does not matter.

    `from_` (inclusive) and `to` (exclusive) are dates (in UTC), ISO 8601 text with an offset, aware datetimes, or microseconds since 1970
    UTC. `transaction_type` is one or several; `side` stands for a trade and its bust. Quantities go with a `credit_type`, totals with a
    `currency`, both ends included. `project_id` stands for the project's assets as credit types. `text`: all of its words stand in the
    counterparty, symbol, references or note, in any order and case, one that ends with `*` also where one begins so.
    """

    from_: Moment | None
    to: Moment | None
    transaction_type: str | Sequence[str] | None
    side: str | None
    status: str | None
    credit_type: str | None
    project_id: str | None
    currency: str | None
    counterparty: str | None
    order_id: int | None
    trade_id: int | None
    external_reference: str | None
    min_quantity: Number | None
    max_quantity: Number | None
    min_total: Number | None
    max_total: Number | None
    text: str | None


class OrderQuery(TypedDict, total=False):
    """Which orders: as `TransactionQuery`. They are placed from `from_` on and before `to`. Prices go with a `symbol`, quantities with a
    `credit_type` or a symbol. `text`: words of the symbol and of the client order id.
    """

    from_: Moment | None
    to: Moment | None
    side: str | None
    order_type: str | None
    status: str | None
    credit_type: str | None
    project_id: str | None
    currency: str | None
    symbol: str | None
    route: str | None
    client_order_id: str | None
    min_price: Number | None
    max_price: Number | None
    min_quantity: Number | None
    max_quantity: Number | None
    text: str | None


_WITH_AMOUNTS = {
    "quantity": {"credit_type", "least_quantity", "most_quantity"},
    "total": {"currency", "least_total", "most_total"},
}
"""What an order by amounts goes with: what its index has. Any other filter could make it look through all of them."""


def transaction_filters(
    desk: Desk,
    *,
    from_: Moment | None = None,
    to: Moment | None = None,
    transaction_type: str | Sequence[str] | None = None,
    side: str | None = None,
    status: str | None = None,
    credit_type: str | None = None,
    project_id: str | None = None,
    currency: str | None = None,
    counterparty: str | None = None,
    order_id: int | None = None,
    trade_id: int | None = None,
    external_reference: str | None = None,
    min_quantity: Number | None = None,
    max_quantity: Number | None = None,
    min_total: Number | None = None,
    max_total: Number | None = None,
    text: str | None = None,
) -> TransactionFilters:
    """Raises InvalidInput, NotFound for an unknown asset, or a project that has none."""
    from_us, to_us = _period(from_, to, _TRANSACTIONS)
    least, most = _amounts(desk, credit_type, min_quantity, max_quantity, "quantity", "credit type", _TRANSACTIONS)
    least_total, most_total = _amounts(desk, currency, min_total, max_total, "total", "currency", _TRANSACTIONS)
    return TransactionFilters(
        from_us=from_us,
        to_us=to_us,
        types=_types(transaction_type, side),
        status=_one_of(entered.TransactionStatus, status, what="status"),
        credit_type=_asset(desk, credit_type),
        credit_types=_of_project(desk, project_id, credit_type, _TRANSACTIONS),
        currency=_asset(desk, currency),
        counterparty=_text(counterparty, what="counterparty"),
        order_id=_number(order_id, what="order id"),
        trade_id=_number(trade_id, what="trade id"),
        external_reference=_text(external_reference, what="external reference"),
        least_quantity=least,
        most_quantity=most,
        least_total=least_total,
        most_total=most_total,
        words=_words(text),
    )


def transaction_sort(sort: str | None, filters: TransactionFilters) -> str:
    """What to sort by: unless given by date, or with words by entry. Raises InvalidInput where no index gives that order."""
    if sort is None:
        return "date" if filters.words is None else "entered"
    if sort not in search.SORTS:
        raise InvalidInput("sort", shown(sort), "no such order", hint=f"Choose from {', '.join(search.SORTS)}.")
    if filters.words is not None and sort != "entered":
        problem = "what is found by text comes in the order in which it was entered"
        raise InvalidInput(_TRANSACTIONS, sort, problem, hint="Sort by entered, or leave the order or the text out.")
    if sort == "entered" and filters.words is None and filters != TransactionFilters():
        problem = "in the order in which they were entered, transactions are found by text or all together"
        raise InvalidInput(_TRANSACTIONS, sort, problem, hint="Sort by date, or leave the other filters out.")
    if sort == "quantity" and filters.credit_type is None:
        problem = "quantities of different assets cannot be compared"
        raise InvalidInput(_TRANSACTIONS, sort, problem, hint="Give a credit type.")
    if sort == "total" and filters.currency is None:
        problem = "totals in different currencies cannot be compared"
        raise InvalidInput(_TRANSACTIONS, sort, problem, hint="Give a currency.")
    if sort in _WITH_AMOUNTS and set(_given(filters)) - _WITH_AMOUNTS[sort]:
        own = "credit type and quantity" if sort == "quantity" else "currency and total"
        problem = f"in the order of amounts, transactions are found by {own} alone"
        raise InvalidInput(_TRANSACTIONS, sort, problem, hint="Sort by date, or leave the other filters out.")
    return str(sort)


def _given(filters: TransactionFilters) -> list[str]:
    return [name for name, value in attrs.asdict(filters).items() if value not in (None, ())]


def order_filters(
    desk: Desk,
    *,
    from_: Moment | None = None,
    to: Moment | None = None,
    side: str | None = None,
    order_type: str | None = None,
    status: str | None = None,
    credit_type: str | None = None,
    project_id: str | None = None,
    currency: str | None = None,
    symbol: str | None = None,
    route: str | None = None,
    client_order_id: str | None = None,
    min_price: Number | None = None,
    max_price: Number | None = None,
    min_quantity: Number | None = None,
    max_quantity: Number | None = None,
    text: str | None = None,
) -> OrderFilters:
    """Raises InvalidInput, NotFound for an unknown instrument or asset, or a project that has none."""
    from_us, to_us = _period(from_, to, _ORDERS)
    least_price = most_price = None
    if symbol is not None:
        instrument = desk.instrument(symbol)
        credit_type = instrument.base.code if credit_type is None else credit_type
        prices = [_units(price, instrument.price_decimals, what="price") for price in (min_price, max_price)]
        least_price, most_price = _ordered(prices, "price", _ORDERS)
    elif (min_price, max_price) != (None, None):
        raise InvalidInput(_ORDERS, "", "prices of different instruments cannot be compared", hint="Give a symbol.")
    least, most = _amounts(desk, credit_type, min_quantity, max_quantity, "quantity", "credit type", _ORDERS)
    return OrderFilters(
        from_us=from_us,
        to_us=to_us,
        side=_one_of((BUY, SELL), side, what="side"),
        order_type=_one_of(OrderType, order_type, what="order type"),
        status=_one_of(OrderStatus, status, what="status"),
        credit_type=_asset(desk, credit_type),
        credit_types=_of_project(desk, project_id, credit_type, _ORDERS),
        currency=_asset(desk, currency),
        symbol=symbol,
        route=_one_of((INTERNAL, EXTERNAL), route, what="route"),
        client_order_id=_text(client_order_id, what="client order id"),
        least_price=least_price,
        most_price=most_price,
        least_quantity=least,
        most_quantity=most,
        words=_words(text),
    )


def order_state(state: str, filters: OrderFilters) -> str:
    """Raises InvalidInput, also for a status that no order in that state has."""
    if state not in order_search.STATES:
        raise InvalidInput(
            "state", shown(state), "no such state", hint=f"Choose from {', '.join(order_search.STATES)}."
        )
    if filters.status is not None and state == ("done" if filters.status in _OPEN else "active"):
        problem = f"no order that is {state} is {filters.status.replace('_', ' ')}"
        raise InvalidInput(_ORDERS, filters.status, problem, hint="Give another status, or the state all.")
    return str(state)


def checked_switch(given: bool, *, what: str) -> bool:
    """Raises InvalidInput."""
    if not isinstance(given, bool):
        raise InvalidInput(what, shown(given), "it is either so or not", hint="Give True or False.")
    return given


def checked_transaction_id(transaction_id: int) -> int:
    """Raises InvalidInput."""
    problem = "a transaction id is a whole number above zero"
    return checked_number(transaction_id, what="transactions", problem=problem, hint="For example 17.", least=1)


def _asset(desk: Desk, code: str | None) -> str | None:
    return None if code is None else desk.asset(code).code


def _of_project(desk: Desk, project_id: str | None, credit_type: str | None, operation: str) -> tuple[str, ...]:
    """The project's assets; none where one of them is asked for by itself."""
    if project_id is None:
        return ()
    project_id = checked_id(project_id, what="project id")
    if credit_type is not None:
        if desk.asset(credit_type).project_id != project_id:
            problem = f"{credit_type} does not belong to project {project_id}"
            raise InvalidInput(operation, project_id, problem, hint="Give the project or the credit type alone.")
        return ()
    codes = desk.reading(
        lambda replica: tuple(asset.code for asset in replica.assets.values() if asset.project_id == project_id)
    )
    if not codes:
        hint = "See which belong to one: credit-trading assets list."
        raise NotFound(operation, project_id, "no asset belongs to this project", hint=hint)
    return codes


def _period(from_: Moment | None, to: Moment | None, operation: str) -> tuple[int | None, int | None]:
    from_us = None if from_ is None else period_moment_us(from_, what="from")
    to_us = None if to is None else period_moment_us(to, what="to")
    if from_us is not None and to_us is not None:
        checked_order(from_us=from_us, to_us=to_us, what=operation)
    return from_us, to_us


def _types(given: str | Sequence[str] | None, side: str | None) -> tuple[str, ...]:
    if side is not None:
        if given is not None:
            problem = "a side stands for types of its own"
            raise InvalidInput(_TRANSACTIONS, shown(side), problem, hint="Give a side or types.")
        return _SIDES[_one_of(_SIDES, side, what="side") or side]
    if given is None:
        return ()
    listed = (given,) if isinstance(given, str) else given
    if not isinstance(listed, list | tuple | set | frozenset) or not listed:
        hint = f"Choose from {', '.join(TRANSACTION_TYPES)}."
        raise InvalidInput("transaction type", shown(given), "types are text, or a list of texts", hint=hint)
    checked = {_one_of(TRANSACTION_TYPES, one, what="transaction type") for one in listed}
    return tuple(kind for kind in TRANSACTION_TYPES if kind in checked)


def _one_of(known: Iterable[str], given: str | None, *, what: str) -> str | None:
    """The word as it is known, also written with "-" between its parts."""
    if given is None:
        return None
    word = given.replace("-", "_") if isinstance(given, str) else given
    words = [str(one) for one in known]
    if word not in words:
        raise InvalidInput(what, shown(given), f"no such {what}", hint=f"Choose from {', '.join(words)}.")
    return word


def _text(text: str | None, *, what: str) -> str | None:
    return None if text is None else checked_text(text, what=what)


def _number(number: int | None, *, what: str) -> int | None:
    if number is None:
        return None
    problem = f"an {what} is a whole number above zero" if what[0] == "o" else f"a {what} is a whole number above zero"
    return checked_number(number, what=what, problem=problem, hint="For example 17.", least=1)


def _words(text: str | None) -> str | None:
    if text is None:
        return None
    text = checked_text(text, what="text", longest=200)
    if not words.is_word(text):
        raise InvalidInput("text", shown(text), "there is no word in it", hint="Give letters or digits.")
    return words.match(text)


def _amounts(
    desk: Desk,
    asset: str | None,
    least: Number | None,
    most: Number | None,
    what: str,
    of: str,
    operation: str,
) -> tuple[int | None, int | None]:
    """In the asset's smallest units."""
    if least is None and most is None:
        return None, None
    if asset is None:
        problem = f"a {what} is of some {of}"
        raise InvalidInput(operation, shown(least if most is None else most), problem, hint=f"Give a {of}.")
    decimals = desk.asset(asset).decimals
    return _ordered([_units(one, decimals, what=what) for one in (least, most)], what, operation)


def _units(amount: Number | None, decimals: int, *, what: str) -> int | None:
    return None if amount is None else parse_units(amount, decimals, what=what)


def _ordered(ends: Sequence[int | None], what: str, operation: str) -> tuple[int | None, int | None]:
    least, most = ends
    if least is not None and most is not None and least > most:
        raise InvalidInput(operation, "", f"the least {what} is more than the most", hint="Swap the two.")
    return least, most
