"""`transactions list`, `orders list` and `orders history`: what is shown, page by page."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

CREDIT = "VCS-1340-2020"
SYMBOL = f"{CREDIT}/USD"
PLACE = ("orders", "place")


@pytest.mark.parametrize(
    "words",
    [
        ("transactions", "list", "ann"),
        ("orders", "list", "ann", "--state", "all"),
    ],
)
def test_pages_follow_on_each_other(market: Cli, words: tuple[str, ...]) -> None:
    """With --json by "next"; on a terminal a line says how to go on, and the last page says nothing."""
    for number in range(3):
        market.run(*PLACE, "ann", SYMBOL, "sell", "1", "--price", f"1{number}.00")
        market.run(*PLACE, "bob", SYMBOL, "buy", "1", "--price", f"1{number}.00")
    whole = market.json(*words)
    assert whole["next"] is None
    assert len(whole["items"]) >= 3
    found: list[object] = []
    after: tuple[str, ...] = ()
    while True:
        page = market.json(*words, "--limit", "2", *after)
        found += page["items"]
        if page["next"] is None:
            break
        after = ("--after", page["next"])
    assert found == whole["items"]
    told = market.run(*words, "--limit", "2")
    assert f"There is more: --after {market.json(*words, '--limit', '2')['next']}" in told.err
    assert "There is more" not in market.run(*words).err


def test_filters_reach_the_question(market: Cli) -> None:
    """However words are spelled; the order is the one that was asked for."""
    for quantity in ("3", "1", "2"):
        market.run(*PLACE, "ann", SYMBOL, "sell", quantity, "--price", "12.45", "--client-order-id", f"lot-{quantity}")
    market.run(*PLACE, "bob", SYMBOL, "buy", "5", "--price", "12.45")
    listed = market.json(
        *("transactions", "list", "ann", "--credit-type", CREDIT, "--side", "sell"),
        *("--min-quantity", "1", "--currency", "USD", "--max-total", "12.45", "--ascending"),
    )
    assert [one["quantity"] for one in listed["items"]] == ["1", "1"]
    by_quantity = market.json(
        *(
            "transactions",
            "list",
            "ann",
            "--credit-type",
            CREDIT,
            "--sort",
            "quantity",
            "--max-quantity",
            "2",
            "--ascending",
        )
    )
    assert [one["quantity"] for one in by_quantity["items"]] == sorted(one["quantity"] for one in by_quantity["items"])
    assert {one["quantity"] for one in by_quantity["items"]} <= {"1", "2"}
    (opened,) = market.json("orders", "list", "ann", "--status", "partially-filled", "--text", "lot*")["items"]
    assert opened["client_order_id"] == "lot-2"
    (done,) = market.json(
        *("orders", "list", "ann", "--state", "DONE", "--symbol", SYMBOL, "--max-price", "12.45", "--text", "lot 3")
    )["items"]
    assert done["client_order_id"] == "lot-3"
    both = market.json("orders", "list", "ann", "--state", "all")["items"]
    assert market.json("orders", "list", "ann", "--state", "all", "--ascending")["items"] == both[::-1]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("transactions", "list", "ann", "--sort", "total"), "Give a currency."),
        (("transactions", "list", "ann", "--type", "gift"), "no such transaction type"),
        (("transactions", "list", "ann", "--from", "soon"), "not a moment"),
        (("transactions", "list", "ann", "--from", "2026-02-30"), "there is no such day"),
        (("transactions", "list", "ann", "--credit-type", "NOPE"), "no such asset"),
        (("transactions", "list", "ann", "--currency", "NOPE"), "no such asset"),
        (("orders", "list", "ann", "--currency", "NOPE"), "no such asset"),
        (("orders", "list", "ann", "--status", "filled"), "no order that is active is filled"),
        (("orders", "list", "ann", "--state", "done", "--status", "partially-filled"), "is partially filled"),
        (("audit", "list", "--to", "2026-02-30"), "there is no such day"),
        (("transactions", "list", "ann", "--after", "x"), "not a cursor"),
        (("orders", "list", "ann", "--min-price", "1"), "Give a symbol."),
        (("orders", "list", "ann", "--symbol", "NO/SUCH"), "no such instrument"),
        (("orders", "history", "ann", "--after", "x"), "not a cursor"),
    ],
)
def test_what_cannot_be_answered_is_refused(market: Cli, words: tuple[str, ...], problem: str) -> None:
    assert problem in market.refused(*words)
