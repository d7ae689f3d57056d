"""What each of the three hosts does for those who ask it, by the framework's own test client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import credit_trading
from credit_trading import OutcomeUnknown
from credit_trading.errors import Busy, FileCorrupt
from credit_trading.trading.orders import OwnOrders
from credit_trading.users.manager import TradingDatabaseManager
from examples import wire
from tests.embedding.hosts import PASSWORD, Client, DjangoHost, FlaskHost, Host, sign_up
from tests.floor import CASH, CREDIT, SYMBOL

SELL = {"symbol": SYMBOL, "side": "sell", "quantity": "10", "price": "12.50"}
BUY = {"symbol": SYMBOL, "side": "buy", "quantity": "4", "price": "12.60"}


def funded(host: Host, email: str, operator: Client) -> tuple[str, Client]:
    """Somebody new with 1,000.00 and 100 credits."""
    user_id, client = sign_up(host, email)
    for asset, amount in ((CASH, "1000.00"), (CREDIT, "100")):
        body = {"user_id": user_id, "asset": asset, "amount": amount}
        answer = operator.ask("POST", "/operator/deposits", body, idempotency_key=f"wire-{user_id}-{asset}")
        assert answer.status == 201, answer
    return user_id, client


@pytest.fixture
def two(host: Host) -> tuple[Client, Client]:
    """Ann and bob, who can trade."""
    operator = host.operator()
    return funded(host, "ann@example.com", operator)[1], funded(host, "bob@example.com", operator)[1]


def place(client: Client, order: dict[str, str], key: str = "first") -> Any:
    answer = client.ask("POST", "/orders", order, idempotency_key=key)
    assert answer.status == 201, answer
    return answer.body


def balances(client: Client) -> dict[str, str]:
    return {one["asset"]: one["posted"] for one in client.ask("GET", "/balances").body["balances"]}


def test_two_people_sign_up_are_funded_and_trade(two: tuple[Client, Client]) -> None:
    """Each sees their own half of the trade."""
    ann, bob = two
    order = place(ann, SELL)
    assert order["order_status"] == "new"
    bought = place(bob, BUY)
    assert (bought["order_status"], bought["average_price"]) == ("filled", "12.500000")
    (resting,) = ann.ask("GET", "/orders").body["orders"]
    assert (resting["order_id"], resting["remaining_quantity"]) == (order["order_id"], "6")
    assert (balances(ann)[CREDIT], balances(bob)[CREDIT]) == ("96", "104")
    assert balances(bob)[CASH] == "949.87"  # 4 x 12.50 and a fee of 0.25 %
    assert [one["transaction_type"] for one in bob.ask("GET", "/history").body["transactions"]] == [
        "buy",
        "deposit",
        "deposit",
    ]
    canceled = ann.ask("DELETE", f"/orders/{order['order_id']}")
    assert (canceled.status, canceled.body["order_status"]) == (200, "canceled")
    assert ann.ask("GET", "/orders").body == {"orders": []}
    assert ann.ask("GET", f"/orders/{order['order_id']}").body["order_status"] == "canceled"


def test_each_reads_their_own_history_by_pages_their_statistics_and_their_statement(
    two: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement is a page for people, or rows for programs; whatever else a query says is not handed on."""
    ann, bob = two
    place(ann, SELL)
    place(bob, BUY)
    monkeypatch.setattr(wire, "PAGE", 2)
    first = bob.ask("GET", "/history").body
    second = bob.ask("GET", f"/history?after={first['next']}").body
    assert [one["transaction_type"] for one in first["transactions"]] == ["buy", "deposit"]
    assert ([one["transaction_type"] for one in second["transactions"]], second["next"]) == (["deposit"], None)
    assert len(bob.ask("GET", "/history?transaction_type=buy&user_id=1&limit=0").body["transactions"]) == 1
    trail = bob.ask("GET", "/audit").body
    assert bob.ask("GET", f"/audit?after={trail['next']}").body["events"][0] not in trail["events"]
    for path in ("/statistics", "/statistics?period=month"):
        assert [one["trades"] for one in bob.ask("GET", path).body["statistics"]] == [1]
    assert bob.ask("GET", "/statistics?period=decade").status == 422
    forms = {"html": "text/html", "csv": "text/csv", "json": "application/json"}
    for form, content_type in forms.items():
        answer = bob.ask("GET", f"/statement?format={form}")
        assert titled(answer.headers)["Content-Type"].startswith(content_type)
        assert "949.87" in answer.text
    assert bob.ask("GET", "/statement?from=2026-01-01&to=2026-01-02&format=json").status == 200
    for query in ("format=exe", "from=yesterday", "from=2026-02-01&to=2026-01-01"):
        assert bob.ask("GET", f"/statement?{query}").status == 422, query
    assert bob.ask("GET", "/history?after=nonsense").status == 422


def test_an_order_that_is_sent_again_is_placed_once(two: tuple[Client, Client]) -> None:
    """The same key and content: the first answer; other content: refused; no key: not taken at all."""
    ann, _ = two
    first = place(ann, SELL, "spring-1")
    again = ann.ask("POST", "/orders", SELL, idempotency_key="spring-1")
    assert (again.status, again.body["order_id"], again.body["repeated"]) == (200, first["order_id"], True)
    other = ann.ask("POST", "/orders", SELL | {"quantity": "11"}, idempotency_key="spring-1")
    assert (other.status, other.body["title"]) == (409, "command_conflict")
    nameless = ann.ask("POST", "/orders", SELL)
    assert (nameless.status, nameless.body["detail"]) == (422, "the header Idempotency-Key is missing")
    assert len(ann.ask("GET", "/orders").body["orders"]) == 1


def test_a_deposit_that_is_sent_again_is_made_once(host: Host) -> None:
    operator = host.operator()
    user_id, ann = sign_up(host, "ann@example.com")
    body = {"user_id": user_id, "asset": CASH, "amount": "5.00"}
    answers = [operator.ask("POST", "/operator/deposits", body, idempotency_key="wire-1") for _ in range(2)]
    assert [(one.status, one.body["repeated"]) for one in answers] == [(201, False), (200, True)]
    assert balances(ann) == {CASH: "5.00"}


def test_nobody_sees_or_touches_what_is_anothers(two: tuple[Client, Client]) -> None:
    """Not by an order's number, nor by the name of another in the request; and two people's keys never meet."""
    ann, bob = two
    order = place(ann, SELL, "same-key")
    place(bob, BUY | {"price": "1.00"}, "same-key")
    for method in ("GET", "DELETE"):
        answer = bob.ask(method, f"/orders/{order['order_id']}")
        assert (answer.status, answer.body["title"]) == (404, "not_found")
    assert [one["side"] for one in bob.ask("GET", "/orders").body["orders"]] == ["buy"]
    assert {one["order_id"] for one in bob.ask("GET", "/audit").body["events"]} & {order["order_id"]} == set()
    assert bob.ask("POST", "/orders", SELL | {"user_id": "1"}, idempotency_key="forged").status == 422
    for path in ("/orders?user_id=1", "/balances?user_id=1", "/history?user_id=1"):
        assert bob.ask("GET", path).body == bob.ask("GET", path.partition("?")[0]).body
    assert ann.ask("GET", "/orders").body["orders"][0]["order_status"] == "new"


PRIVATE = [
    *[("GET", "/balances"), ("GET", "/orders"), ("POST", "/orders"), ("GET", "/orders/1"), ("DELETE", "/orders/1")],
    *[("GET", "/history"), ("GET", "/statistics"), ("GET", "/statement"), ("GET", "/audit")],
    ("POST", "/operator/deposits"),
]


def test_who_has_not_signed_in_gets_nothing_and_a_user_is_no_operator(host: Host) -> None:
    """What the body says comes after who sends it."""
    visitor = host.visitor()
    assert {visitor.ask(method, path, {}).status for method, path in PRIVATE} == {401}
    user_id, ann = sign_up(host, "ann@example.com")
    forbidden = ann.ask("POST", "/operator/deposits", {"user_id": user_id, "asset": CASH, "amount": "1.00"})
    assert forbidden.status == 403
    assert balances(ann) == {}


REFUSED: list[tuple[dict[str, Any] | bytes, int, str]] = [
    ({"price": "12.505"}, 422, "invalid_input"),
    ({"price": 12.5}, 422, "invalid_input"),
    ({"quantity": "NaN"}, 422, "invalid_input"),
    ({"side": "steal"}, 422, "invalid_input"),
    ({"symbol": "X/Y"}, 404, "not_found"),
    ({"quantity": "101"}, 409, "rejected"),
    (b'{"symbol": ', 422, "invalid_input"),
    (b"\xff", 422, "invalid_input"),
]
"""What is changed in a good order, or sent in its place; its status, and the title of the problem."""


def test_what_is_refused_is_a_problem_with_its_status(two: tuple[Client, Client]) -> None:
    ann, _ = two
    for number, (change, status, title) in enumerate(REFUSED):
        body = change if isinstance(change, bytes) else SELL | change
        answer = ann.ask("POST", "/orders", body, idempotency_key=f"refused-{number}")
        assert (answer.status, answer.body["status"], answer.body["title"]) == (status, status, title), change
        assert titled(answer.headers)["Content-Type"] == "application/problem+json"
        assert answer.body.get("rejection") == ("insufficient_funds" if title == "rejected" else None)
    assert ann.ask("GET", "/orders").body == {"orders": []}


def titled(headers: dict[str, str]) -> dict[str, str]:
    return {name.title(): value for name, value in headers.items()}


TROUBLE = [
    (Busy("orders.place", "/srv/secret/exchange.db", "locked"), 503, "busy"),
    (OutcomeUnknown("submit", "user1/order/x", "the disk /srv/secret failed"), 503, "outcome_unknown"),
    (FileCorrupt("users.file", "/srv/secret/trading_1.db", "damaged"), 500, "file_corrupt"),
]


def test_trouble_with_files_says_whether_to_come_again_and_nothing_of_the_files(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ann = sign_up(host, "ann@example.com")
    for trouble, status, title in TROUBLE:

        def fail(*_: Any, error: Exception = trouble, **__: Any) -> None:
            raise error

        monkeypatch.setattr(OwnOrders, "create_order", fail)
        answer = ann.ask("POST", "/orders", SELL, idempotency_key="unlucky")
        assert (answer.status, answer.body) == (status, {"status": status, "title": title})
        assert titled(answer.headers).get("Retry-After") == ("1" if status == 503 else None)


def test_who_asked_from_where_and_in_which_request_stands_in_the_audit_trail(host: Host, market: Path) -> None:
    """Of a user's own orders and of what an operator does for them; the request is the proxy's name for it, or one is made up."""
    operator = host.operator()
    user_id, ann = funded(host, "ann@example.com", operator)
    ann.ask("POST", "/orders", SELL, idempotency_key="one", x_request_id="request-77")
    ann.ask("POST", "/orders", SELL, idempotency_key="two")
    with credit_trading.open(market) as exchange:
        trail = exchange.as_admin("auditor").on_behalf_of(user_id).audit.list_events(limit=1_000)
    second, first = [one for one in trail if one.kind == "order_accepted"]
    assert (first.actor, first.origin, first.correlation_id) == (f"user:{user_id}", "127.0.0.1", "request-77")
    assert second.correlation_id not in {None, "", "request-77"}
    (created,) = [one for one in trail if one.kind == "user_created"]
    assert created.actor == "admin:sign-up"
    deposits = [one for one in trail if one.kind == "deposited"]
    assert deposits
    assert all(
        one.actor and one.actor.startswith("admin:") and one.origin == "127.0.0.1" and one.correlation_id
        for one in deposits
    )


@pytest.mark.parametrize("host", ["django", "flask"], indirect=True)
def test_a_sign_up_that_a_crash_cut_in_two_is_finished_by_signing_in(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is in the host's database, and the exchange has not heard of them yet."""

    def crash(*_: Any, **__: Any) -> None:
        raise Busy("users.create", "exchange.db", "killed here")

    credentials = {"email": "cut@example.com", "password": PASSWORD}
    browser = host.visitor()
    with monkeypatch.context() as crashing:
        crashing.setattr(TradingDatabaseManager, "create_trading_databases", crash)
        assert browser.ask("POST", "/people", credentials).status == 503
        assert browser.ask("GET", "/balances").status == 401
    assert browser.ask("POST", "/people", credentials).status == 409  # taken, by oneself
    assert browser.ask("POST", "/session", credentials | {"password": "wrong"}).status == 401
    assert browser.ask("POST", "/session", credentials).status == 200
    assert browser.ask("GET", "/balances").body == {"balances": []}


def test_a_number_that_the_host_gives_out_again_opens_nobody_elses_account(host: Host, market: Path) -> None:
    """As after people were restored from an older backup than the exchange."""
    user_id, _ = sign_up(host, "ann@example.com")
    with credit_trading.open(market) as exchange:
        admin = exchange.as_admin("the time before")
        admin.databases.create_trading_database(str(int(user_id) + 1), "formerly@example.com")
    bob = host.newcomer("bob@example.com")
    answer = bob.ask("POST", "/people", {"email": "bob@example.com", "password": PASSWORD})
    assert (answer.status, answer.body["title"]) == (409, "already_exists")
    if isinstance(host, FlaskHost | DjangoHost):  # elsewhere the identity provider says who one is
        assert bob.ask("GET", "/balances").status == 401


@pytest.mark.parametrize("host", ["django", "flask"], indirect=True)
def test_an_address_that_the_exchange_does_not_take_leaves_nobody_behind(host: Host) -> None:
    """Else the person could sign in, and never trade."""
    credentials = {"email": "no address", "password": PASSWORD}
    browser = host.visitor()
    assert browser.ask("POST", "/people", credentials).status == 422
    assert browser.ask("POST", "/session", credentials).status == 401


@pytest.mark.parametrize("host", ["fastapi"], indirect=True)
def test_a_token_is_believed_only_with_its_signature(host: Host) -> None:
    """Neither a forged name under somebody's signature, nor one signed with another secret, nor noise."""
    from examples.fastapi_host.tokens import Identity, signed

    sign_up(host, "ann@example.com")
    ann, op = (signed("another", Identity(name, "a@example.com", is_operator=True)) for name in ("1", "op"))
    for token in (ann, op, ann.partition(".")[0], "", "x.y", f"{op.partition('.')[0]}.{ann.partition('.')[2]}"):
        visitor: Any = host.visitor()
        answer = visitor.ask("GET", "/balances", authorization=f"Bearer {token}")
        assert answer.status == 401, token
