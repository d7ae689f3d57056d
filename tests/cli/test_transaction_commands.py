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
        market.refused(*wrong)


def test_who_refuses_and_what_to_do_is_told_as_it_can_be_typed(market: Cli) -> None:
    """The command that was given, the names that were given, and hints that can be pasted."""
    external = ("orders", "place", "ann", SYMBOL, "buy", "5", "--price", "12.00", "--route", "external")
    assert '"post-only": it does not go with' in market.refused(*external, "--post-only")
    order = str(market.json(*external)["order_id"])
    report = ("orders", "complete", "ann", order, "--price", "12.00")
    assert "before the order was placed" in market.refused(*report, "--occurred-at", "2026-01-01")
    assert "nobody is named" in market.refused(*report, "--outside", "")
    told = market.refused("orders", "complete", "ann", order, "--price", "12.01")
    assert told.startswith(f'Error: orders.complete "{order}": ')
    assert told.endswith(f" orders show ann {order}.\n")
    assert "it was reported before" not in market.run(*report, "--reference", "e-1").out
    assert "it was reported before" in market.run(*report, "--reference", "e-1").out


def test_a_day_is_enough_to_say_when_it_happened(market: Cli) -> None:
    """Its first moment, in UTC; one that there is, and that has come."""
    deal = ("transactions", "record", "ann", "sell", CREDIT, "1", "--price", "1.00", "--currency", "USD")
    assert '"ann": both sides are the same user' in market.refused(*deal, "--counterparty", "ann")
    assert "nobody is named" in market.refused(*deal, "--outside", " ")
    assert "there is no such day" in market.refused(*deal, "--outside", "Acme", "--occurred-at", "2026-02-30")
    assert "it happened lies in the future" in market.refused(*deal, "--outside", "A", "--occurred-at", "2031-01-01")
    entered = market.json(*deal, "--outside", "Acme", "--occurred-at", "2026-01-01")
    (first,) = market.json("transactions", "list", "ann", "--to", "2026-01-01T00:00:00.000001Z")["items"]
    assert (first["transaction_id"], first["transaction_date"][:10]) == (entered["transaction_id"], "2026-01-01")


def test_a_way_to_count_needs_the_moment_that_it_is_about(market: Cli) -> None:
    """Balances of now are the ledger's alone."""
    assert "--by says how --at is meant" in market.refused("accounts", "show", "ann", "--by", "date", code=2)
    market.run("accounts", "show", "ann", "--by", "date", "--at", "2026-01-01")
    market.run("accounts", "show", "ann")
