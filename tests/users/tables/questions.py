"""A user's file with a few hundred rows of every kind, all questions that are offered, and the answer that a loop in Python gives.

Here: rows drawn from a seed, filters, and comparing them one by one. Never here: SQL of the package, what a test expects.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import attrs

from credit_trading.errors import InvalidInput
from credit_trading.store.sqlite import Connection, immediate
from credit_trading.trading.history_input import TRANSACTION_TYPES, transaction_sort
from credit_trading.users.tables import words
from credit_trading.users.tables.keyset import Place
from credit_trading.users.tables.order_search import STATES, OrderFilters
from credit_trading.users.tables.search import SORTS, TransactionFilters

Raw = dict[str, Any]
"""A row of a table as it is stored."""

START = 1_767_225_600_000_000

_MANY = (*(f"V{number}" for number in range(20)), "VCS")
"""More credit types than have legs."""

TRANSACTION_SAMPLES: dict[str, Sequence[Any]] = {
    "from_us": (START + 5,),
    "to_us": (START + 25,),
    "types": (("fee",), ("buy", "buy_busted"), ("deposit", "sell", "withdrawal")),
    "status": ("pending", "settled"),
    "credit_type": ("VCS",),
    "credit_types": (("VCS", "GLD"), ("GLD",), _MANY),
    "currency": ("USD",),
    "counterparty": ("bob",),
    "order_id": (3,),
    "trade_id": (7,),
    "external_reference": ("inv-2",),
    "least_quantity": (10,),
    "most_quantity": (40,),
    "least_total": (100,),
    "most_total": (300,),
    "words": ("bob", "VCS-13*", "spring delivery"),
}
"""Values for each filter, of which some rows have each."""

ORDER_SAMPLES: dict[str, Sequence[Any]] = {
    "from_us": (START + 5,),
    "to_us": (START + 20,),
    "side": ("buy",),
    "order_type": ("limit", "stop_limit"),
    "status": ("canceled", "new"),
    "credit_type": ("VCS",),
    "credit_types": (("VCS", "GLD"), ("GLD",), _MANY),
    "currency": ("USD",),
    "symbol": ("VCS/USD",),
    "route": ("external", "internal"),
    "client_order_id": ("spring-4",),
    "least_price": (10,),
    "most_price": (40,),
    "least_quantity": (10,),
    "most_quantity": (40,),
    "words": ("spring", "VCS 4"),
}


def fill(connection: Connection, *, rows: int, seed: int) -> None:
    """As many transactions, and as many orders, into an empty file; many happen in the same microsecond, and some are entered late."""
    chance = random.Random(seed)
    with immediate(connection):
        connection.executemany(
            "INSERT INTO assets VALUES (?, ?, ?)",
            [("USD", 2, None), ("EUR", 2, None), ("VCS", 0, "42"), ("GLD", 3, None)],
        )
        for number in range(1, rows + 1):
            _insert(connection, "trading_transactions", _transaction(chance, number * 3))
            order = _order(chance, number * 2)
            words.add_order(connection, order["order_id"], order["symbol"], order["client_order_id"])
            done = chance.random() < 0.7
            if done:
                status = chance.choice(("filled", "canceled", "expired", "rejected"))
                order |= {"order_status": status, "reason": "", "closed_at": order["created_at"] + chance.randrange(9)}
            _insert(
                connection, "order_history" if done and order["order_status"] == "rejected" else "active_orders", order
            )
            if done and order["order_status"] != "rejected":
                connection.execute("DELETE FROM active_orders WHERE order_id = ?", (order["order_id"],))
                _insert(connection, "order_history", order)
        words.add_transactions(connection, 0)


def _insert(connection: Connection, table: str, row: Raw) -> None:
    if table == "active_orders":
        row = {name: value for name, value in row.items() if name not in ("reason", "closed_at")}
    names = ", ".join(row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['?'] * len(row))})", tuple(row.values()))


def _transaction(chance: random.Random, number: int) -> Raw:
    kind = chance.choice(TRANSACTION_TYPES)
    is_trade = kind.startswith(("buy", "sell"))
    quantity = chance.randrange(1, 60)
    return {
        "transaction_id": number,
        "transaction_date": START + chance.choice((number // 12, number // 12, chance.randrange(40))),
        "transaction_type": kind,
        "credit_type": chance.choice(("VCS", "VCS", "GLD")),
        "quantity": quantity,
        "price_per_credit": 10 if is_trade else None,
        "price_decimals": 2 if is_trade else None,
        "total_value": quantity * 10 if is_trade else None,
        "fee": 0,
        "currency": chance.choice(("USD", "EUR")) if is_trade else None,
        "counterparty": chance.choice(("bob", "cat", "Bob & Sons", None)),
        "status": chance.choice(("settled", "settled", "pending", "failed")),
        "symbol": chance.choice(("VCS-1340/USD", "VCS-1399/USD", None)),
        "order_id": chance.choice((3, 4, None)) if is_trade else None,
        "trade_id": chance.choice((7, 8, None)) if is_trade else None,
        "external_reference": chance.choice(("inv-1", "inv-2", None)),
        "note": chance.choice(("spring delivery", "Delivery of the SPRING lot", "autumn", None)),
    }


def _order(chance: random.Random, number: int) -> Raw:
    quantity = chance.randrange(1, 60)
    symbol = chance.choice(("VCS/USD", "VCS/EUR", "GLD/USD"))
    created_at = START + number // 10
    return {
        "order_id": number,
        "client_order_id": chance.choice((None, f"spring-{number % 9}", f"autumn-{number % 5}")),
        "symbol": symbol,
        "credit_type": symbol[:3],
        "currency": symbol[4:],
        "side": chance.choice(("buy", "sell")),
        "order_type": chance.choice(("limit", "limit", "market", "stop_limit")),
        "time_in_force": "GTC",
        "price_per_credit": chance.choice((None, chance.randrange(1, 60))),
        "price_decimals": 2,
        "post_only": 0,
        "self_trade": "cancel_newest",
        "route": chance.choice(("internal", "internal", "external")),
        "version": 1,
        "quantity": quantity,
        "filled_quantity": 0,
        "remaining_quantity": quantity,
        "filled_value": 0,
        "fees": 0,
        "hold": 0,
        "order_status": "new",
        "created_at": created_at,
        "updated_at": created_at,
    }


def transaction_questions(*, seed: int, larger: int) -> Iterator[tuple[TransactionFilters, str]]:
    """Filters and sorts that are offered together: none, each alone, each two, and some of the larger sets; what is refused is left out."""
    for chosen in _choices(TRANSACTION_SAMPLES, seed=seed, larger=larger):
        filters = TransactionFilters(**_matching(chosen))
        for sort in SORTS:
            try:
                yield filters, transaction_sort(sort, filters)
            except InvalidInput:
                continue


def order_questions(*, seed: int, larger: int) -> Iterator[tuple[OrderFilters, str]]:
    """Likewise, alone with each state and else with one; a symbol brings its credit type, as it does where it comes from outside."""
    chance = random.Random(seed)
    for chosen in _choices(ORDER_SAMPLES, seed=seed, larger=larger):
        if "symbol" in chosen:
            chosen = {"credit_type": chosen["symbol"][:3], **chosen}
        for state in STATES if len(chosen) < 2 else [chance.choice(STATES)]:
            yield OrderFilters(**_matching(chosen)), state


def _choices(samples: Mapping[str, Sequence[Any]], *, seed: int, larger: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(seed)
    yield {}
    for name, values in samples.items():
        for value in values:
            yield {name: value}
    for pair in combinations(samples, 2):
        yield {name: chance.choice(samples[name]) for name in pair}
    for _ in range(larger):
        several = chance.sample(list(samples), chance.randrange(3, len(samples)))
        yield {name: chance.choice(samples[name]) for name in several}


def _matching(chosen: dict[str, Any]) -> dict[str, Any]:
    return chosen | ({"words": words.match(chosen["words"])} if "words" in chosen else {})


_ROW_BY_ROW: dict[str, Callable[[Raw, Any], bool]] = {
    "types": lambda row, wanted: row["transaction_type"] in wanted,
    "credit_types": lambda row, wanted: row["credit_type"] in wanted,
    "status": lambda row, wanted: row.get("order_status", row.get("status")) == wanted,
    "words": lambda row, wanted: _has_words(row, wanted),
}
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "from_us": ("when", lambda value, bound: value >= bound),
    "to_us": ("when", lambda value, bound: value < bound),
    "least_quantity": ("quantity", lambda value, bound: value >= bound),
    "most_quantity": ("quantity", lambda value, bound: value <= bound),
    "least_total": ("total_value", lambda value, bound: value >= bound),
    "most_total": ("total_value", lambda value, bound: value <= bound),
    "least_price": ("price_per_credit", lambda value, bound: value >= bound),
    "most_price": ("price_per_credit", lambda value, bound: value <= bound),
}


def matches(row: Raw, filters: TransactionFilters | OrderFilters) -> bool:
    """Whether it is all of what is asked for."""
    given = {name: value for name, value in attrs.asdict(filters).items() if value not in (None, ())}
    return all(_is(row, name, wanted) for name, wanted in given.items())


def _is(row: Raw, name: str, wanted: Any) -> bool:
    if name in _BOUNDS:
        column, compare = _BOUNDS[name]
        value = row.get("transaction_date", row.get("created_at")) if column == "when" else row[column]
        return value is not None and bool(compare(value, wanted))
    if name in _ROW_BY_ROW:
        return _ROW_BY_ROW[name](row, wanted)
    return bool(row[name] == wanted)


def _has_words(row: Raw, wanted: str) -> bool:
    """A second reading of what `words.match` says: phrases of parts, the last part of all also by its beginning."""
    texts = ("counterparty", "symbol", "external_reference", "reference", "note", "client_order_id")
    parts = _parts(" | ".join(str(row[name]) for name in texts if row.get(name)))
    if row.get("transaction_id") and row["symbol"] is None:
        parts += ["|", *_parts(row["credit_type"])]
    phrases = [_parts(phrase) for phrase in wanted.removesuffix(" *").split('"') if phrase.strip()]
    return all(_stands(phrase, parts, begins=place + 1 == len(phrases)) for place, phrase in enumerate(phrases))


def _parts(text: str) -> list[str]:
    return "".join(c.lower() if c.isalnum() or c == "|" else " " for c in text.replace("|", " | ")).split()


def _stands(phrase: Sequence[str], parts: Sequence[str], *, begins: bool) -> bool:
    for start in range(len(parts) - len(phrase) + 1):
        found = parts[start : start + len(phrase)]
        if found[:-1] == phrase[:-1] and (found[-1].startswith(phrase[-1]) if begins else found[-1] == phrase[-1]):
            return True
    return False


def table(connection: Connection, name: str) -> list[Raw]:
    """All of its rows."""
    cursor = connection.execute(f"SELECT * FROM {name}")
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def in_order(rows: Sequence[Raw], column: str, number: str, *, ascending: bool) -> list[Place]:
    """What they are sorted by and their numbers, sorted; those that have nothing to be sorted by are left out."""
    places = [(row[column], row[number]) for row in rows if row[column] is not None]
    return sorted(places, reverse=not ascending)
