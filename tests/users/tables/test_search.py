"""Every question that is offered: what it finds, and the index that it runs on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from credit_trading.store.sqlite import Connection, connect
from credit_trading.users.tables import order_search, search, words
from credit_trading.users.tables.indices import INDICES
from credit_trading.users.tables.keyset import Leg, Place, Row, Statement, Way
from credit_trading.users.tables.order_search import OrderFilters
from credit_trading.users.tables.schema import template
from credit_trading.users.tables.search import TransactionFilters
from tests.users.tables import questions

SEED = 6
PAGE = 11
ROWS = 120
HOSTILE = "evil' OR 1 --"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A file with so many transactions and as many orders."""
    path: Path = tmp_path_factory.mktemp("search") / "user.db"
    path.write_bytes(template())
    connection = connect(path, mode="rw", synchronous="NORMAL")
    questions.fill(connection, rows=ROWS, seed=SEED)
    yield connection
    connection.close()


def _paged(ask: Callable[[Way], list[Row]], width: int, *, ascending: bool) -> list[Place]:
    """Page by page to the end; a place is what a row has beyond its columns."""
    found = ask(Way(ascending=ascending))
    places = [row[width:] for row in found]
    while len(found) == PAGE:
        found = ask(Way(ascending=ascending, after=places[-1]))
        places += [row[width:] for row in found]
    return places


# What is found


def test_every_question_to_transactions_finds_what_a_loop_over_all_rows_finds(filled: Connection) -> None:
    """In the same order, page by page, both ways; filters alone, in pairs and in larger sets."""
    rows = questions.table(filled, "trading_transactions")
    column = {"date": "transaction_date", "entered": "transaction_id", "quantity": "quantity", "total": "total_value"}
    asked = found = 0
    for filters, sort in questions.transaction_questions(seed=SEED, larger=60):
        matching = [row for row in rows if questions.matches(row, filters)]
        for ascending in (False, True):
            expected = questions.in_order(matching, column[sort], "transaction_id", ascending=ascending)
            if sort == "entered":
                expected = [place[-1:] for place in expected]
            pages = _paged(
                lambda way, filters=filters, sort=sort: search.transactions(  # type: ignore[misc]
                    filled, filters, sort=sort, way=way, most=PAGE
                ),
                len(search.COLUMNS),
                ascending=ascending,
            )
            assert pages == expected, (filters, sort, ascending)
            asked, found = asked + 1, found + len(pages)
    assert asked > 380
    assert found > 4_000


def test_every_question_to_orders_finds_what_a_loop_over_both_tables_finds(filled: Connection) -> None:
    """Open ones, done ones, and both as one list; with words by their number, which is the order in which they were placed."""
    tables = {"active": "active_orders", "done": "order_history"}
    rows = {state: questions.table(filled, name) for state, name in tables.items()}
    rows["all"] = rows["active"] + rows["done"]
    found = 0
    for filters, state in questions.order_questions(seed=SEED, larger=8):
        matching = [row for row in rows[state] if questions.matches(row, filters)]
        for ascending in (False, True):
            expected = questions.in_order(matching, "created_at", "order_id", ascending=ascending)
            if filters.words is not None:
                expected = [place[-1:] for place in expected]
            pages = _paged(
                lambda way, filters=filters, state=state: order_search.orders(  # type: ignore[misc]
                    filled, filters, state=state, way=way, most=PAGE
                ),
                len(order_search.COLUMNS),
                ascending=ascending,
            )
            assert pages == expected, (filters, state, ascending)
            found += len(pages)
    assert found > 2_000


def test_done_orders_come_as_they_ended(filled: Connection) -> None:
    ended = questions.in_order(questions.table(filled, "order_history"), "closed_at", "order_id", ascending=False)
    width = len(order_search.COLUMNS)
    assert _paged(lambda way: order_search.ended(filled, way=way, most=PAGE), width, ascending=False) == ended


def test_rows_are_those_of_the_readable_views(filled: Connection) -> None:
    """Each with its own place, whatever order they come in."""
    columns = ", ".join(search.COLUMNS)
    for view, known in (("trading_transactions", search.COLUMNS), ("order_history", order_search.COLUMNS)):
        assert tuple(row[1] for row in filled.execute(f"PRAGMA table_info({view}_readable)")) == known
    readable = {row[0]: row for row in filled.execute(f"SELECT {columns} FROM trading_transactions_readable")}
    found = search.transactions(filled, TransactionFilters(), sort="date", way=Way(), most=-1)
    assert len(found) == len(readable) == ROWS
    assert all(row[: len(search.COLUMNS)] == readable[row[-1]] for row in found)
    assert search.transaction(filled, 3) == readable[3]
    assert search.transaction(filled, 4) is None


# Words


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('"', None),
        ('spring" OR "autumn', None),
        ("spring NOT autumn", None),
        ("spring AND delivery", None),
        ("words : spring", None),
        ("NEAR(spring delivery)", None),
        ("^spring", "spring delivery"),
        ("spring*", "spring delivery"),
        ("deliv*", "spring delivery"),
        ("deliv", None),
        ("*deliv", None),
        ("deliv spring", None),
        ("(spring) - delivery;", "spring delivery"),
        ("SPRING Delivery", "spring delivery"),
        ("'; DROP TABLE trading_transactions; --", None),
        ("🌱 spring", "spring delivery"),
    ],
)
def test_a_text_is_words_and_never_syntax(tmp_path: Path, text: str, note: str | None) -> None:
    """Each word is looked for as it is; all of them, the last one also by its beginning."""
    path = tmp_path / "user.db"
    path.write_bytes(template())
    connection = connect(path, mode="rw")
    try:
        connection.execute("INSERT INTO assets VALUES ('USD', 2, NULL)")
        connection.execute(
            "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity, fee,"
            " status, note) VALUES (1, 1, 'deposit', 'USD', 1, 0, 'settled', 'spring delivery')"
        )
        words.add_transactions(connection, 1)
        filters = TransactionFilters(words=words.match(text) if words.is_word(text) else '""')
        found = search.transactions(connection, filters, sort="entered", way=Way(), most=5)
        assert [row[search.COLUMNS.index("note")] for row in found] == ([note] if note else [])
    finally:
        connection.close()


def test_what_is_asked_for_never_gets_into_the_sql() -> None:
    """Whatever field it is in, and with whatever else: it is bound."""
    texts = ("status", "credit_type", "currency", "counterparty", "external_reference", "words")
    order_texts = (
        "side",
        "order_type",
        "status",
        "credit_type",
        "currency",
        "symbol",
        "route",
        "client_order_id",
        "words",
    )
    made: list[Statement] = []
    for size in range(1, len(order_texts) + 1):
        filters = TransactionFilters(types=(HOSTILE,), **dict.fromkeys(texts[:size], HOSTILE))  # type: ignore[arg-type]  # by name
        orders = OrderFilters(**dict.fromkeys(order_texts[:size], HOSTILE))  # type: ignore[arg-type]  # likewise
        for way in _ways(2):
            for sort in ("date", "quantity", "total"):
                made += _statements(search.legs(filters, sort, way))
            for state in ("active", "done", "all"):
                made += _statements(order_search.legs(orders, state, way))
    assert len(made) > 100
    assert all("evil" in repr(statement.parameters) and "evil" not in statement.sql for statement in made)


# Plans

_ALLOWED = [
    r"(SEARCH|SCAN) t USING (COVERING )?INDEX (?P<index>\w+)( \(.*\))?",
    r"SEARCH t USING INTEGER PRIMARY KEY \(rowid[=<>]\?\)",
    r"SEARCH [bq] USING PRIMARY KEY \(asset=\?\)( LEFT-JOIN)?",
    r"SCAN (?P<words>\w+_text) VIRTUAL TABLE INDEX \d+:M\d[<>]",
    r"LIST SUBQUERY \d+",
    r"SCAN json_each VIRTUAL TABLE INDEX 1:",
    r"CREATE BLOOM FILTER",
]
"""Nothing sorts, and no table is walked but in the order of an index. b and q are the two assets, whose decimals are wanted."""


def _statements(legs: Sequence[Leg]) -> list[Statement]:
    return [statement for leg in legs for statement in leg]


def _plan(connection: Connection, statement: Statement) -> list[str]:
    asked = f"EXPLAIN QUERY PLAN {statement.sql}"
    return [row[3] for row in connection.execute(asked, {**statement.parameters, "most": PAGE})]


def _leads(connection: Connection, statement: Statement) -> str:
    """What leads to the rows; every step of the plan is one of those that are allowed."""
    leads = ""
    lines = _plan(connection, statement)
    for line in lines:
        found = [match for pattern in _ALLOWED if (match := re.fullmatch(pattern, line))]
        assert found, (statement.sql, lines)
        groups = found[0].groupdict()
        leads = leads or groups.get("words") or groups.get("index") or ("number" if "rowid" in line else "")
    return leads


def _ways(places: int) -> list[Way]:
    after = (5, 5)[:places]
    return [Way(), Way(after=after), Way(ascending=True), Way(ascending=True, after=after)]


def test_every_question_runs_on_an_index_and_sorts_nothing(filled: Connection) -> None:
    """Each filter alone, all pairs and some larger sets, with every order that is offered, from the beginning and from a cursor on.

    Each index but those that other questions need is used by one of them.
    """
    used = set()
    for filters, sort in questions.transaction_questions(seed=SEED, larger=60):
        for way in _ways(1 if sort == "entered" else 2):
            used |= {_leads(filled, one) for one in _statements(search.legs(filters, sort, way))}
    for order_filters, state in questions.order_questions(seed=SEED, larger=40):
        for way in _ways(1 if order_filters.words else 2):
            used |= {_leads(filled, one) for one in _statements(order_search.legs(order_filters, state, way))}
    for way in _ways(2):
        used |= {_leads(filled, one) for one in _statements(order_search.ended_legs(way))}
    ours = set(re.findall(r"INDEX ((?:transactions|active_orders|order_history)_\w+)", INDICES))
    assert ours - used == {"transactions_by_reference"}
    assert used - ours == {"number", "transactions_text", "orders_text"}


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"trade_id": 7}, "transactions_by_trade (trade_id=?)"),
        ({"order_id": 3}, "transactions_by_order (order_id=?)"),
        ({"external_reference": "inv-2"}, "transactions_by_external_reference (external_reference=?)"),
        ({"status": "pending"}, "transactions_unsettled (status=?)"),
        ({"counterparty": "bob"}, "transactions_by_counterparty (counterparty=?)"),
        ({"types": ("fee",)}, "transactions_by_type (transaction_type=?)"),
        ({"credit_type": "VCS"}, "transactions_by_credit_type (credit_type=?)"),
        ({"currency": "USD"}, "transactions_by_currency (currency=?)"),
        ({"from_us": 1, "to_us": 9}, "transactions_by_date (transaction_date>? AND transaction_date<?)"),
        ({"credit_type": "VCS", "from_us": 1}, "transactions_by_credit_type (credit_type=? AND transaction_date>?)"),
        (
            {"credit_type": "VCS", "counterparty": "bob", "types": ("buy",)},
            "transactions_by_counterparty (counterparty=?)",
        ),
        ({"credit_type": "VCS", "types": ("fee",)}, "transactions_by_type (transaction_type=?)"),
        ({"credit_type": "VCS", "types": ("buy",)}, "transactions_by_credit_type (credit_type=?)"),
    ],
)
def test_a_filter_is_searched_for_by_its_own_index(filled: Connection, filters: dict[str, object], index: str) -> None:
    """Not looked for row by row; of several, by the one that few rows have."""
    legs = search.legs(TransactionFilters(**filters), "date", Way())  # type: ignore[arg-type]  # by their names
    for statement in _statements(legs):
        assert f"SEARCH t USING INDEX {index}" in _plan(filled, statement)


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"client_order_id": "a"}, "order_history_by_client_order_id (client_order_id=?)"),
        ({"credit_type": "VCS", "to_us": 5}, "order_history_by_credit_type (credit_type=? AND created_at<?)"),
        ({"status": "canceled"}, "order_history_by_status (order_status=?)"),
        ({"currency": "USD"}, "order_history_by_currency (currency=?)"),
        ({"order_type": "market"}, "order_history_by_type (order_type=?)"),
    ],
)
def test_done_orders_are_searched_for_by_their_own_index(
    filled: Connection, filters: dict[str, object], index: str
) -> None:
    legs = order_search.legs(OrderFilters(**filters), "done", Way())  # type: ignore[arg-type]  # by their names
    (statement,) = _statements(legs)
    assert f"SEARCH t USING INDEX {index}" in _plan(filled, statement)


def _steps(connection: Connection, statements: Sequence[Statement]) -> int:
    """How many steps SQLite's machine takes for them, in thousands."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    connection.set_progress_handler(step, 1000)
    try:
        for one in statements:
            connection.execute(one.sql, {**one.parameters, "most": PAGE}).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
    return steps


def test_a_deep_page_costs_what_the_first_costs(tmp_path: Path) -> None:
    """Also where thousands share one moment, as after an import, and where a bound that is asked for lies the same way as the place."""
    path = tmp_path / "user.db"
    path.write_bytes(template())
    connection = connect(path, mode="rw", synchronous="NORMAL")
    try:
        connection.execute("INSERT INTO assets VALUES ('USD', 2, NULL)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO trading_transactions"
            " (transaction_id, transaction_date, transaction_type, credit_type, quantity, fee, status)"
            " SELECT i, max(i, 10000), 'deposit', 'USD', i, 0, 'settled' FROM n"
        )
        every = [TransactionFilters(), TransactionFilters(credit_type="USD"), TransactionFilters(types=("deposit",))]
        within = TransactionFilters(credit_type="USD", from_us=1, to_us=10**9, least_quantity=1, most_quantity=10**9)
        questions_: list[tuple[TransactionFilters, str, Way]] = []
        for filters in (*every, within):
            questions_ += [(filters, "date", Way(after=(place, 15_000))) for place in (10_000, 15_000)]
            questions_ += [(filters, "date", Way(ascending=True, after=(place, 5_000))) for place in (10_000, 15_000)]
        for way in (Way(after=(5_000, 5_000)), Way(ascending=True, after=(15_000, 15_000))):
            questions_ += [(within, "quantity", way)]
        for filters, sort, way in questions_:
            assert _steps(connection, _statements(search.legs(filters, sort, way))) <= 6, (filters, sort, way)
    finally:
        connection.close()
