"""What did not happen on the book, and what is worked outside, on the command line."""

from __future__ import annotations

import attrs

from credit_trading.trading.transaction_service import TransactionReport
from tests.cli.conftest import SYMBOL, Cli
from tests.floor import CREDIT


def test_a_transaction_is_entered_shown_and_moved_on(market: Cli) -> None:
    deal = market.json(
        *("transactions", "record", "bob", "buy", CREDIT, "2", "--price", "12.40", "--currency", "USD"),
        *("--counterparty", "ann", "--pending", "--reference", "inv-7", "--note", "by phone"),
    )
    assert list(deal) == [field.name for field in attrs.fields(TransactionReport)]
    assert (deal["status"], deal["total_value"]) == ("pending", "24.80")
    number = str(deal["transaction_id"])
    said = market.run("transactions", "update", "bob", number, "settled").out
    assert said == f"Transaction {number}, buy of 2 {CREDIT} for 24.80 USD: settled\n"
    again = market.run(
        *("transactions", "record", "bob", "buy", CREDIT, "2", "--price", "12.40", "--currency", "USD"),
        *("--counterparty", "ann", "--pending", "--reference", "inv-7"),
    )
    assert "it was entered before" in again.out


def test_words_of_types_may_have_hyphens(market: Cli) -> None:
    out = market.run("transactions", "record", "ann", "transfer-out", "USD", "1.00", "--outside", "Acme Ltd").out
    assert "transfer out of 1.00 USD: settled" in out


def test_an_order_is_worked_outside(market: Cli) -> None:
    order = str(
        market.json("orders", "place", "ann", SYMBOL, "buy", "5", "--price", "12.00", "--route", "external")["order_id"]
    )
    told = market.run("orders", "progress", "ann", order, "--quantity", "2", "--price", "11.99", "--reference", "e1")
    assert "partially filled, 2 of 5 filled at 11.99 on average" in told.out
    told = market.run("orders", "complete", "ann", order, "--price", "11.90", "--outside", "Venue X")
    assert "filled, 5 of 5 filled" in told.out
    assert market.json("orders", "show", "ann", order)["route"] == "external"


def test_what_is_refused_is_one_line(market: Cli) -> None:
    for wrong in (
        ("transactions", "record", "ann", "deposit", CREDIT, "0"),
        ("transactions", "record", "bob", "buy", CREDIT, "1"),
        ("transactions", "update", "ann", "999", "settled"),
        ("orders", "progress", "ann", "999", "--quantity", "1", "--price", "1"),
    ):
        result = market.run(*wrong, code=1)
        assert result.err.count("\n") == 1
