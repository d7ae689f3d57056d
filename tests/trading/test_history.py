"""What a user finds of their transactions and orders: filters, sorts, pages, and that pages stay right while everything moves."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound, OrderRejected
from credit_trading.store.sqlite import connect
from credit_trading.trading.pages import Page
from credit_trading.trading.records import OrderRecord, TransactionRecord
from credit_trading.users.tables import order_search, search
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """ann sold to bob three times, one of it busted, got a transfer, waits for a payment; her orders are open, done and refused."""
    clock = ManualClock()
    with opened(tmp_path_factory.mktemp("history"), clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        _trade(floor, clock)
        yield floor


def _trade(floor: Floor, clock: ManualClock) -> None:
    start = clock.now_us()
    for quantity, price in ((5, "5.00"), (7, "6.00"), (9, "7.00")):
        floor.place("ann", "sell", quantity, price, client_order_id=f"spring-{quantity}")
        clock.advance(60)
        floor.place("bob", "buy", quantity, price)
    floor.place("ann", "buy", 3, "4.00", client_order_id="autumn-1")
    floor.place("ann", "sell", 4, None)
    with pytest.raises(OrderRejected):
        floor.place("ann", "buy", 4_000_000, "9.00", client_order_id="autumn-2")
    trade = floor.user("ann").transactions.get_transaction_history(side="sell")[0].trade_id
    assert trade is not None
    floor.admin.trading.bust_trade(trade, note="typing error")
    managed = floor.admin.on_behalf_of("ann").transactions
    managed.record_transaction(
        "transfer_in",
        CREDIT,
        11,
        outside="Registry of the North",
        occurred_at=format_time(start - 1),
        external_reference="inv-1",
        note="Spring delivery",
    )
    managed.record_transaction("withdrawal", CASH, "12.34", status="pending", external_reference="inv-2")


def _found(floor: Floor, **query: Any) -> list[tuple[str, str]]:
    page = floor.user("ann").transactions.get_transaction_history(**query)
    return [(one.transaction_type, one.quantity) for one in page]


def _orders(floor: Floor, **query: Any) -> list[tuple[str, str]]:
    return [(one.order_status, one.quantity) for one in floor.user("ann").orders.get_orders(**query)]


# What is found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"side": "sell"}, [("sell_busted", "9"), ("sell", "9"), ("sell", "7"), ("sell", "5")]),
        (
            {"transaction_type": ["sell", "transfer-in"]},
            [("sell", "9"), ("sell", "7"), ("sell", "5"), ("transfer_in", "11")],
        ),
        ({"status": "pending"}, [("withdrawal", "12.34")]),
        ({"counterparty": "Registry of the North"}, [("transfer_in", "11")]),
        ({"external_reference": "inv-2"}, [("withdrawal", "12.34")]),
        (
            {"credit_type": CREDIT, "min_quantity": "6", "max_quantity": 9, "sort": "quantity", "ascending": True},
            [("sell", "7"), ("sell", "9"), ("sell_busted", "9")],
        ),
        (
            {"currency": CASH, "min_total": "42.00", "sort": "total"},
            [("sell_busted", "9"), ("sell", "9"), ("sell", "7")],
        ),
        ({"text": "delivery spr*"}, [("transfer_in", "11")]),
        ({"text": "delivery spr"}, []),
        ({"text": "north registry", "status": "settled"}, [("transfer_in", "11")]),
        ({"sort": "entered", "limit": 2}, [("withdrawal", "12.34"), ("transfer_in", "11")]),
        ({"ascending": True, "limit": 1}, [("transfer_in", "11")]),
        ({"side": "buy"}, []),
        ({"limit": 0}, []),
    ],
)
def test_transactions_are_found_by_what_is_given(
    traded: Floor, query: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """All of it together; by date one that was entered late stands where it happened, by entry where it was entered."""
    assert _found(traded, **query) == expected


def test_transactions_of_a_time_an_order_and_a_trade(traded: Floor) -> None:
    """From a moment on, and before one: what lies at the end itself is not in it."""
    mine = traded.user("ann").transactions
    first, last = (mine.get_transaction_history(side="sell", sort="date", ascending=way)[0] for way in (True, False))
    between = mine.get_transaction_history(side="sell", from_=first.transaction_date, to=last.transaction_date)
    assert [one.quantity for one in between] == ["7", "5"]
    assert [one.quantity for one in mine.get_transaction_history(order_id=first.order_id)] == ["5"]
    assert {one.transaction_type for one in mine.get_transaction_history(trade_id=last.trade_id)} == {
        "sell",
        "sell_busted",
    }
    assert len(mine.get_transaction_history(from_="2025-12-31", to="2026-01-01")) == 1
    assert mine.get_transaction(first.transaction_id) == first


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            {},
            [
                ("rejected", "4000000"),
                ("canceled", "4"),
                ("new", "3"),
                ("filled", "9"),
                ("filled", "7"),
                ("filled", "5"),
            ],
        ),
        ({"state": "active"}, [("new", "3")]),
        ({"state": "done", "ascending": True, "limit": 2}, [("filled", "5"), ("filled", "7")]),
        ({"status": "filled", "symbol": SYMBOL, "min_price": "6", "max_quantity": 8}, [("filled", "7")]),
        ({"order_type": "market"}, [("canceled", "4")]),
        ({"client_order_id": "autumn-2"}, [("rejected", "4000000")]),
        ({"text": "spring 5"}, [("filled", "5")]),
        ({"text": "autumn", "side": "buy"}, [("rejected", "4000000"), ("new", "3")]),
        ({"route": "external"}, []),
        ({"from_": "2027-01-01"}, []),
        ({"credit_type": CASH}, []),
    ],
)
def test_orders_are_found_by_what_is_given(
    traded: Floor, query: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Open and done ones as one list, as they were placed."""
    assert _orders(traded, **query) == expected


def test_a_record_has_the_columns_that_are_read(traded: Floor) -> None:
    """Transactions are made from rows by place; an order is the same whichever way it is read."""
    assert list(TransactionRecord.__annotations__) == list(search.COLUMNS)
    assert set(OrderRecord.__annotations__) == {*order_search.COLUMNS, "average_price"}
    mine = traded.user("ann").orders
    assert [mine.get_order(order.order_id) for order in mine.get_orders()] == list(mine.get_orders())
    assert list(mine.get_orders(state="active")) == mine.get_active_orders()


# What is refused


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"min_quantity": 5}, "a quantity is of some credit type. Give a credit type."),
        ({"max_total": 5}, "a total is of some currency. Give a currency."),
        ({"credit_type": CREDIT, "min_quantity": 6, "max_quantity": 5}, "the least quantity is more than the most."),
        ({"credit_type": CREDIT, "min_quantity": "0.5"}, "finer than the smallest unit"),
        ({"credit_type": CREDIT, "min_quantity": 0.5}, "float cannot hold an exact amount"),
        ({"sort": "quantity"}, "quantities of different assets cannot be compared. Give a credit type."),
        (
            {"sort": "quantity", "credit_type": CREDIT, "counterparty": "bob"},
            "in the order of amounts, transactions are found by credit type and quantity alone.",
        ),
        (
            {"sort": "total", "currency": CASH, "to": "2030-01-01"},
            "in the order of amounts, transactions are found by currency and total alone.",
        ),
        ({"limit": 2**63 - 1}, "a limit is a whole number, 0 or more"),
        ({"sort": "total"}, "totals in different currencies cannot be compared. Give a currency."),
        ({"sort": "name"}, "no such order. Choose from date, entered, quantity, total."),
        ({"sort": "entered", "side": "buy"}, "transactions are found by text or all together"),
        ({"sort": "date", "text": "x"}, "what is found by text comes in the order in which it was entered."),
        ({"text": ""}, "there is no word in it."),
        ({"text": "-- *"}, "there is no word in it."),
        ({"text": "x" * 201}, "longer than 200 characters."),
        ({"side": "both"}, "no such side. Choose from buy, sell."),
        ({"side": "buy", "transaction_type": "sell"}, "a side stands for types of its own. Give a side or types."),
        ({"transaction_type": "gift"}, "no such transaction type. Choose from buy, sell, deposit"),
        ({"transaction_type": []}, "types are text, or a list of texts."),
        ({"transaction_type": 5}, "types are text, or a list of texts."),
        ({"status": "done"}, "no such status. Choose from pending, settled, cancelled, failed."),
        ({"from_": "2026-02-01", "to": "2026-01-01"}, "the period ends before it begins."),
        ({"from_": "yesterday"}, "not a moment"),
        ({"order_id": 0}, "an order id is a whole number above zero."),
        ({"trade_id": "7"}, "a trade id is a whole number above zero."),
        ({"counterparty": 7}, "int is not text."),
        ({"limit": -1}, "a limit is a whole number, 0 or more."),
        ({"ascending": 1}, "it is either so or not."),
        ({"after": "x"}, "not a cursor."),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_one_line(
    traded: Floor, query: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        traded.user("ann").transactions.get_transaction_history(**query)
    assert problem in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"min_price": 5}, "prices of different instruments cannot be compared. Give a symbol."),
        ({"min_quantity": 5}, "a quantity is of some credit type. Give a credit type."),
        ({"symbol": SYMBOL, "min_price": "0.001"}, "finer than the smallest unit"),
        ({"state": "open"}, "no such state. Choose from active, done, all."),
        ({"status": "pending"}, "no such status. Choose from new, partially_filled"),
        ({"route": "fax"}, "no such route. Choose from internal, external."),
        ({"after": "x"}, "not a cursor."),
    ],
)
def test_a_question_to_orders_that_cannot_be_answered_is_refused(
    traded: Floor, query: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        traded.user("ann").orders.get_orders(**query)
    assert problem in str(refused.value)
    assert str(refused.value).isprintable()


def test_what_is_not_there_is_not_found(floor: Floor) -> None:
    """Nor is what another user has: both read alike."""
    theirs = floor.user("bob").transactions.get_transaction_history()[0].transaction_id
    lines = []
    for number in (theirs, 999):
        with pytest.raises(NotFound) as refused:
            floor.user("ann").transactions.get_transaction(number)
        lines.append(str(refused.value).replace(str(number), "N"))
    assert lines[0] == lines[1]
    with pytest.raises(NotFound):
        floor.user("ann").orders.get_orders(symbol="NO/SUCH")
    with pytest.raises(NotFound):
        floor.user("ann").transactions.get_transaction_history(credit_type="NONE", min_quantity=1)
    for asset in ("credit_type", "currency"):
        query: dict[str, Any] = {asset: "NONE"}
        for ask in (floor.user("ann").transactions.get_transaction_history, floor.user("ann").orders.get_orders):
            with pytest.raises(NotFound, match="no such asset"):
                ask(**query)


@pytest.mark.parametrize(
    ("state", "status"), [("active", "filled"), ("active", "rejected"), ("done", "new"), ("done", "partially-filled")]
)
def test_a_status_that_no_such_order_has_is_refused(floor: Floor, state: str, status: str) -> None:
    """Rather than nothing found."""
    orders = floor.user("ann").orders
    with pytest.raises(InvalidInput, match="or the state all"):
        orders.get_orders(state=state, status=status)
    orders.get_orders(state="all", status=status)
    orders.get_orders(state={"active": "done", "done": "active"}[state], status=status)


def test_a_cursor_leads_on_in_its_own_question_only(traded: Floor) -> None:
    """Not with other filters, another order, another list, nor for another user; another size of page is fine."""
    mine, theirs = traded.user("ann"), traded.user("bob")
    listed = mine.transactions.get_transaction_history
    cursor = listed(limit=2).next
    assert cursor is not None
    everything = [one.transaction_id for one in listed()]
    assert [one.transaction_id for one in listed(limit=99, after=cursor)] == everything[2:]
    refused: list[Callable[[], Page[Any]]] = [
        lambda: listed(after=cursor, side="sell"),
        lambda: listed(after=cursor, ascending=True),
        lambda: listed(after=cursor, sort="entered"),
        lambda: mine.orders.get_orders(after=cursor),
        lambda: mine.orders.get_order_history(after=cursor),
        lambda: theirs.transactions.get_transaction_history(after=cursor),
    ]
    for ask in refused:
        with pytest.raises(InvalidInput, match="cursor"):
            ask()


# While everything moves


def _something_happens(floor: Floor, chance: random.Random, clock: ManualClock) -> None:
    """A trade, an order, a cancel, a bust, money, a status that changes, often in the same microsecond."""
    mine, managed = floor.user("ann"), floor.admin.on_behalf_of("ann").transactions
    kind = chance.choice(("buy", "sell", "trade", "cancel", "deposit", "late", "pending", "update", "tick"))
    if kind in ("buy", "sell"):
        price = f"{chance.randrange(100, 200) if kind == 'buy' else chance.randrange(300, 400)}.00"
        floor.place("ann", kind, chance.randrange(1, 9), price)
    elif kind == "trade":
        floor.place("ann", "sell", 2, "250.00")
        floor.place("bob", "buy", 2, "250.00")
    elif kind == "cancel":
        for order in mine.orders.get_active_orders()[: chance.randrange(3)]:
            mine.orders.cancel_order(order.order_id)
    elif kind == "deposit":
        floor.admin.accounts.deposit("ann", CASH, chance.randrange(1, 9))
    elif kind == "late":
        managed.record_transaction(
            "deposit", CREDIT, chance.randrange(1, 9), occurred_at=clock.now_us() - chance.randrange(1, 10**7)
        )
    elif kind == "pending":
        managed.record_transaction("withdrawal", CASH, chance.randrange(1, 9), status="pending")
    elif kind == "update":
        for one in mine.transactions.get_transaction_history(status="pending", limit=1):
            managed.update_transaction_status(one.transaction_id, chance.choice(("settled", "cancelled", "failed")))
    else:
        clock.advance(chance.random())


def _pages(ask: Callable[..., Page[Any]], between: Callable[[], None], limit: int) -> Iterator[Any]:
    page = ask(limit=limit)
    yield from page
    while page.next is not None:
        between()
        page = ask(limit=limit, after=page.next)
        yield from page


_QUERIES: list[dict[str, Any]] = [
    {},
    {"credit_type": CASH},
    {"side": "sell"},
    {"status": "pending"},
    {"sort": "entered"},
    {"text": "bob"},
    {"sort": "quantity", "credit_type": CASH},
    {"sort": "total", "currency": CASH},
]
_ORDER_QUERIES: list[dict[str, Any]] = [{}, {"side": "sell"}, {"text": "VCS"}]


@pytest.mark.parametrize("seed", range(2))
def test_what_stood_there_at_the_beginning_and_still_matches_is_seen_once(
    floor: Floor, clock: ManualClock, seed: int
) -> None:
    """Whatever arrives, moves from one table to the other, or changes its status between two pages; and no row is seen twice."""
    chance = random.Random(seed)
    for _ in range(60):
        _something_happens(floor, chance, clock)
    mine = floor.user("ann")
    transactions, orders = mine.transactions.get_transaction_history, mine.orders.get_orders
    number = {transactions: "transaction_id", orders: "order_id"}
    questions: list[tuple[Any, dict[str, Any]]] = [(mine.orders.get_order_history, {})]
    for way in (False, True):
        questions += [(transactions, {**query, "ascending": way}) for query in _QUERIES]
        for state in ("active", "done", "all"):
            questions += [(orders, {**query, "state": state, "ascending": way}) for query in _ORDER_QUERIES]
    for ask, query in questions:
        name = number.get(ask, "order_id")
        before = {getattr(one, name) for one in ask(**query)}
        seen = Counter(
            getattr(one, name)
            for one in _pages(
                lambda ask=ask, query=query, **page: ask(**query, **page),
                lambda: _something_happens(floor, chance, clock),
                limit=chance.randrange(5, 15),
            )
        )
        after = {getattr(one, name) for one in ask(**query)}
        assert set(seen.values()) <= {1}, (query, seen.most_common(3))
        assert before & after <= set(seen), query


def test_words_come_with_the_row_and_stay_with_it(floor: Floor) -> None:
    """Of orders that trade, are canceled or refused at once, and of every kind of transaction; one row of words for each."""
    floor.place("ann", "sell", 5, "5.00", client_order_id="first")
    floor.place("bob", "buy", 2, "5.00", client_order_id="second")
    floor.user("ann").orders.cancel_order(client_order_id="first")
    with pytest.raises(OrderRejected):
        floor.place("ann", "buy", 4_000_000, "9.00", client_order_id="third")
    floor.admin.accounts.deposit("ann", CASH, 5, note="by wire")
    mine = floor.user("ann")
    assert _orders(floor, text="first") == [("canceled", "5")]
    assert _orders(floor, text="third", state="done") == [("rejected", "4000000")]
    assert _orders(floor, text="first", state="active") == _orders(floor, text="second") == []
    assert len(mine.transactions.get_transaction_history(text="vcs")) == 2
    assert _found(floor, text="wire by") == [("deposit", "5.00")]
    count = "SELECT count(DISTINCT doc) FROM temp.words"
    for table, rows in (("transactions_text", 4), ("orders_text", 2)):
        connection = connect(floor.path("ann"), mode="rw")
        try:
            connection.execute(f"CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, {table}, instance)")
            assert connection.execute(count).fetchone() == (rows,)
        finally:
            connection.close()
