"""The pages in docs/ say what is there: every rule's code stands in its table, every worked example happens, every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from credit_trading import Rejection
from credit_trading.app import JournalEntry
from credit_trading.exchange.commands import AmendOrder
from credit_trading.exchange.entered import TYPES
from credit_trading.exchange.events import KINDS
from credit_trading.exchange.market import MarketStatus, StatusReason
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import CancelReason, ExpiryReason, OrderStatus, OrderType, SelfTrade, TimeInForce
from credit_trading.trading.order_service import OrderManagementService
from tests.floor import SYMBOL, Floor

PACKAGE = Path(__file__).parent.parent / "credit_trading"
DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
ARCHITECTURE = (DOCS / "architecture.md").read_text()
RULES = (DOCS / "order-rules.md").read_text()

Row = list[str]


def table(*heading: str) -> list[Row]:
    """The rows of the one table of the order rules whose heading begins so; each as its cells, without code marks around a whole cell."""
    blocks = re.findall(r"^(\|.*)\n\|[-:| ]+\|\n((?:\|.*\n)+)", RULES, re.M)
    (found,) = [block for first, block in blocks if cells(first)[: len(heading)] == [*heading]]
    return [[re.sub(r"^`(\w+)`$", r"\1", cell) for cell in cells(line)] for line in found.splitlines()]


def cells(line: str) -> Row:
    return [cell.strip() for cell in line.split("|")[1:-1]]


WORDS: dict[type[StrEnum], list[str]] = {
    OrderType: ["type", "given"],
    TimeInForce: ["value", "FIX 59"],
    SelfTrade: ["mode"],
    MarketStatus: ["status", "FIX 326"],
    OrderStatus: ["status", "FIX 39"],
    CancelReason: ["reason of a cancel"],
    ExpiryReason: ["reason of an expiry"],
}
"""What has a table of its own, and how its heading begins."""


@pytest.mark.parametrize(("words", "heading"), WORDS.items())
def test_a_table_of_the_order_rules_names_every_word_and_no_other(words: type[StrEnum], heading: list[str]) -> None:
    """In the first column, in the order in which they are declared."""
    assert [row[0] for row in table(*heading)] == [word.value for word in words]


def test_every_rejection_stands_in_the_order_of_its_check_with_its_sentence() -> None:
    assert [row[:3] for row in table("", "code", "sentence")] == [
        [str(number), code.value, code.sentence] for number, code in enumerate(Rejection, 1)
    ]


def test_every_code_that_the_order_rules_mention_exists() -> None:
    """Words of orders, rejections, events, rules and parameters: what is written with an underscore is one of them."""
    enumerations: list[type[StrEnum]] = [*WORDS, Rejection, StatusReason]
    known = {word.value for words in enumerations for word in words}
    known |= {kind for kind, _ in KINDS} | {*AmendOrder.__struct_fields__, *MarketRules.__struct_fields__}
    known |= {*TYPES, *vars(OrderManagementService), "occurred_at", "expires_at", "external_reference"}
    assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", RULES)) - known == set()


def test_a_rejection_has_a_fix_reason_wherever_fix_has_such_a_command() -> None:
    """OrdRejReason (103) for new orders, CxlRejReason (102) for amends and cancels."""
    for _, code, _, asked_of, new, amend_or_cancel in table("", "code", "sentence"):
        assert bool(new) == ("new" in asked_of), code
        assert bool(amend_or_cancel) == ("amend" in asked_of), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file.read_text()), f"{target}#{anchor}"


def anchors(page: str) -> set[str]:
    """As they are made of headings where such pages are shown."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", page, re.M)}


def test_the_architecture_page_names_every_room_and_no_file_that_is_not_there() -> None:
    rooms = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)/`", ARCHITECTURE.partition("## The house")[2]))
    files = {file.name for file in PACKAGE.rglob("*.py")}
    for room, name in re.findall(r"`(?:(\w+)/)?(\w+\.py)`", ARCHITECTURE):
        assert (PACKAGE / room / name).is_file() if room else name in files, f"{room}/{name}"


@pytest.mark.parametrize("row", range(len(SelfTrade)))
def test_the_self_trade_example_happens_as_it_is_told(floor: Floor, row: int) -> None:
    """The trades, what becomes of ann's two orders, and which asks are left."""
    mode, *told = table("ann's mode")[row]
    assert mode == [*SelfTrade][row]
    asks = {
        floor.place(user, "sell", quantity, "5.00").order_id: user
        for user, quantity in (("bob", 3), ("ann", 4), ("cat", 6))
    }
    buy = floor.place("ann", "buy", 10, "5.00", self_trade=mode).order_id
    trades = [f"{trade['quantity_lots']} with {asks[trade['maker_order']]}" for trade in journaled(floor, "trade")]
    own_ask = floor.user("ann").orders.get_order(list(asks)[1]).order_status
    queues = floor.exchange.market_data.get_orders(SYMBOL).asks
    left = [f"{asks[order.order_id]} {order.quantity}" for queue in queues for order in queue.orders]
    happened = [", ".join(trades), own_ask.replace("new", "stays"), end_of(floor, buy), ", ".join(left) or "none"]
    assert happened == told


def end_of(floor: Floor, order_id: int) -> str:
    """What became of ann's order, in the page's words."""
    order = floor.user("ann").orders.get_order(order_id)
    return {
        "canceled": f"canceled with {order.remaining_quantity} left",
        "filled": f"reduced to {order.quantity}, filled",
        "partially_filled": f"rests with {order.remaining_quantity}",
    }[order.order_status]


@pytest.mark.parametrize("row", [0, 1])
def test_the_cascade_example_happens_as_it_is_told(floor: Floor, row: int) -> None:
    """The trades in their order, and which stop came in first."""
    comes_in, told = table("comes in")[row]
    floor.place("cat", "sell", 1, "10.05")
    for quantity, price in ((1, "10.05"), (5, "10.00"), (5, "9.90"), (20, "9.80")):
        floor.place("bob", "buy", quantity, price)
    stops = {
        floor.place("cat", "sell", 5, None, stop_price=price).order_id: name
        for name, price in (("A", "9.90"), ("B", "10.00"))
    }
    floor.place("ann", "sell", int(comes_in.partition("sell ")[2].split()[0]), None)
    _, *trades = [f"{trade['quantity_lots']} @ {trade['price_ticks'] / 100:.2f}" for trade in journaled(floor, "trade")]
    assert trades == re.findall(r"\d+ @ [\d.]+", told)
    came_in = [stops[stop["order"]] for stop in journaled(floor, "order_triggered")]
    assert came_in == list(dict.fromkeys(re.findall("`([AB])`", told.rpartition("elects both")[2])))


def test_the_fee_example_is_charged_as_it_is_told(floor: Floor) -> None:
    """Three fills of 12.50 at 0.25 %, in cents, each and in all."""
    *fills, total = [charged.strip("*") for *_, charged, _ in table("fill")]
    for _ in fills:
        floor.place("bob", "sell", 1, "12.50")
    order = floor.place("ann", "buy", 3, "12.50")
    assert [str(trade["taker_fee"]) for trade in journaled(floor, "trade")] == fills
    assert order.fees == f"0.{total}"


def journaled(floor: Floor, kind: str) -> Iterator[dict[str, int]]:
    """The numbers of each event of that kind."""
    entries: Iterator[JournalEntry] = floor.admin.journal()
    return (
        {name: value for name, value in e.data.items() if isinstance(value, int)} for e in entries if e.kind == kind
    )
