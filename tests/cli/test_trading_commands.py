"""Order types, an instrument's rules and hours, and what an admin does to trading, on the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

import credit_trading
from credit_trading import ManualClock
from credit_trading.errors import Busy
from credit_trading.trading.administration import BustReport, Suspension, UserFees
from credit_trading.trading.instrument_record import InstrumentRecord
from credit_trading.trading.order_service import OrderManagementService
from credit_trading.trading.outcome import MassCancelReport, OrderReport
from tests.cli.conftest import SYMBOL, Cli
from tests.floor import Floor, opened


def fields(record: type[attrs.AttrsInstance]) -> list[str]:
    return [field.name for field in attrs.fields(record)]


PLACE = ("orders", "place", "ann", SYMBOL, "sell")


def test_every_type_of_order_can_be_placed_and_is_shown(market: Cli) -> None:
    """Stop, stop-limit, iceberg; type, stop price, shown quantity and version in the lists, all of it in `show`."""
    stop = market.json(*PLACE, "5", "--type", "stop", "--stop-price", "12.00")
    assert list(stop) == fields(OrderReport)
    market.run(*PLACE, "6", "--type", "stop-limit", "--stop-price", "12.10", "--price", "12.05")
    ice = market.json(*PLACE, "50", "--price", "13.00", "--display-quantity", "10", "--post-only")
    market.run("orders", "amend", "ann", str(ice["order_id"]), "--display-quantity", "5", "--quantity", "40")
    shown = market.json("orders", "show", "ann", str(ice["order_id"]))
    assert (shown["displayed_quantity"], shown["post_only"], shown["version"]) == ("5", True, 2)
    heading, *rows = [line.split() for line in market.run("orders", "list", "ann").out.splitlines()]
    assert heading[:8] == ["Order", "Symbol", "Side", "Type", "Price", "Stop", "Quantity", "Shows"]
    assert heading[8:] == ["Filled", "Remaining", "Done", "Average", "Version", "Route", "Project"]
    assert rows[1][3:8] == ["stop", "market", "12.00", "5", "-"]
    assert rows[2][3:8] == ["stop-limit", "12.05", "12.10", "6", "-"]
    assert rows[3][3:8] == ["limit", "13.00", "-", "40", "5"]
    assert rows[3][-3:] == ["2", "internal", "42"]
    assert market.json("book", SYMBOL)["asks"][-1] == {"price": "13.00", "quantity": "5", "orders": 1}
    text = market.run("orders", "show", "ann", str(stop["order_id"])).out
    assert ["stop_price", "12.00"] in [line.split() for line in text.splitlines()]
    market.run("orders", "cancel", "ann", str(stop["order_id"]))
    done = market.run("orders", "history", "ann").out.splitlines()
    assert done[0].split()[-6:] == ["Type", "Stop", "Shows", "Version", "Route", "Project"]
    assert done[1].split()[-6:] == ["stop", "12.00", "-", "1", "internal", "42"]


def test_an_order_names_its_self_trade_mode(market: Cli) -> None:
    """With hyphens on the command line."""
    report = market.json(
        "orders", "place", "bob", SYMBOL, "sell", "1", "--price", "12.40", "--self-trade", "cancel-oldest"
    )
    assert report["order_status"] == "new"
    assert market.json("orders", "show", "bob", "3")["reason"] == "self_trade"


def test_an_amend_may_change_the_expiry_and_insist_on_a_version(market: Cli) -> None:
    """The order is GTD then."""
    words = ("orders", "amend", "ann", "1", "--expires-at", "2031-12-31T17:00:00Z", "--expected-version")
    market.run(*words, "2")
    shown = market.json("orders", "show", "ann", "1")
    assert (shown["time_in_force"], shown["version"]) == ("GTD", 3)
    assert "version_changed" in market.refused(*words, "2")


def test_all_orders_of_a_user_or_an_instrument_are_canceled(market: Cli) -> None:
    """It says how many."""
    assert market.run("orders", "cancel-all", "--user", "ann").out == "Canceled 1 open order\n"
    report = market.json("orders", "cancel-all", "--symbol", SYMBOL)
    assert list(report) == fields(MassCancelReport)
    assert (report["orders"], market.json("book", SYMBOL)["bids"]) == (1, [])
    assert market.run("orders", "cancel-all", "--user", "bob", "--symbol", SYMBOL).out == "Canceled 0 open orders\n"


def test_the_book_is_shown_order_by_order(market: Cli) -> None:
    """Each in its place: what trades first stands next to the middle."""
    market.run(*PLACE, "7", "--price", "12.50", "--display-quantity", "2")
    market.run(*PLACE, "3", "--price", "12.60")
    rows = [line.split() for line in market.run("book", SYMBOL, "--orders").out.splitlines()]
    assert rows == [
        ["Side", "Price", "Quantity", "Order"],
        ["ask", "12.60", "3", "5"],
        ["ask", "12.50", "2", "4"],
        ["ask", "12.50", "9", "1"],
        ["bid", "12.40", "20", "3"],
    ]
    queues = market.json("book", SYMBOL, "--orders", "--depth", "1")
    assert queues["asks"] == [
        {"price": "12.50", "orders": [{"order_id": 1, "quantity": "9"}, {"order_id": 4, "quantity": "2"}]}
    ]
    market.run("orders", "cancel-all", "--symbol", SYMBOL)
    assert market.run("book", SYMBOL, "--orders").err == f"No open orders in {SYMBOL}.\n"


def test_one_side_of_a_book_may_be_empty(market: Cli) -> None:
    """The best line says so; with both empty there is none."""
    market.run("orders", "cancel", "bob", "3")
    assert market.run("book", SYMBOL).out.startswith("Best bid none, best ask 9 at 12.50\n")
    market.run("orders", "cancel", "ann", "1")
    assert market.run("book", SYMBOL).out.startswith("Side")


def test_an_instruments_rules_are_set_and_shown(market: Cli) -> None:
    """What is not named stays; none switches a filter off."""
    rules = ("--min-quantity", "2", "--max-quantity", "500", "--min-value", "5.00", "--price-band", "0.2")
    more = ("--reference-price", "12.00", "--max-open-orders", "9", "--collar", "0.1", "--self-trade", "decrement")
    changed = market.json("instruments", "set", SYMBOL, *rules, *more)
    assert list(changed) == fields(InstrumentRecord)
    assert market.json("instruments", "show", SYMBOL) == changed
    lines = {
        line[:18].strip(): line[18:].strip() for line in market.run("instruments", "show", SYMBOL).out.splitlines()
    }
    assert lines["Min quantity"] == "2"
    assert lines["Min value"] == "5.00 USD"
    assert lines["Reference price"] == "12.00"
    assert lines["Self-trade"] == "decrement"
    assert (lines["Last price"], lines["Taker fee"], lines["Hours"]) == ("12.50", "0.002", "-")
    off = ("--min-quantity", "none", "--max-quantity", "none", "--min-value", "none", "--price-band", "none")
    market.run("instruments", "set", SYMBOL, *off, "--reference-price", "none", "--max-open-orders", "none")
    shown = market.json("instruments", "show", SYMBOL)
    assert {shown[name] for name in ("min_quantity", "max_quantity", "min_value", "price_band", "reference_price")} == {
        None
    }
    assert (shown["collar"], shown["self_trade"], shown["max_open_orders"]) == ("0.1", "decrement", None)
    assert "12.50 (last)" in market.run("instruments", "show", SYMBOL).out
    assert "price_outside_band" not in market.run(*PLACE, "1", "--price", "99.00").out


def test_an_instrument_is_scheduled_opened_and_closed(market: Cli) -> None:
    """Status and what comes next; a day's session that lasts always is open now."""
    hours = ("--hours", "mon-sun 00:00-24:00", "--time-zone", "Europe/Berlin", "--holiday", "2031-12-25")
    told = market.json("instruments", "schedule", SYMBOL, *hours, "--holiday", "2031-12-26")
    assert (told["status"], told["hours"], told["time_zone"]) == ("open", "mon-sun 00:00-24:00", "Europe/Berlin")
    assert told["holidays"] == ["2031-12-25", "2031-12-26"]
    assert told["next_close"] == told["next_open"] != None  # noqa: E711 - three things at once
    order = market.json(*PLACE, "1", "--price", "13", "--time-in-force", "DAY")
    assert market.json("orders", "show", "ann", str(order["order_id"]))["expires_at"] == told["next_close"]
    line = market.run("instruments", "close", SYMBOL, "--note", "registry is down").out
    assert line.startswith(f"{SYMBOL} is closed and takes cancels only; closes 20")
    assert "instrument_closed" in market.refused(*PLACE, "1", "--price", "13")
    assert market.json("instruments", "open", SYMBOL)["status"] == "open"
    assert market.json("instruments", "halt", SYMBOL)["status"] == "halted"
    assert market.run("instruments", "schedule", SYMBOL, "--none").out == f"{SYMBOL} is halted and takes cancels only\n"
    assert market.run("instruments", "resume", SYMBOL).out == f"{SYMBOL} is open\n"


def test_a_user_is_suspended_and_resumed(market: Cli) -> None:
    """Open orders go; the user is shown for what they are."""
    assert market.run("users", "suspend", "ann", "--note", "papers").out == "ann is suspended; 1 open order canceled\n"
    told = market.json("users", "suspend", "bob")
    assert list(told) == fields(Suspension)
    assert "user_suspended" in market.refused(*PLACE, "1", "--price", "13")
    assert [user["suspended"] for user in market.json("users", "list")] == [True, True, False, False]
    assert "suspended" in market.run("users", "show", "ann").out
    assert market.run("users", "resume", "ann").out == "ann may trade again\n"
    assert market.json("users", "show", "ann")["suspended"] is False
    assert market.json(*PLACE, "1", "--price", "13")["order_status"] == "new"


def test_a_user_may_have_fees_of_their_own(market: Cli) -> None:
    """None of it stays after --none."""
    told = market.json("users", "fees", "bob", SYMBOL, "--taker-fee", "0.01")
    assert list(told) == fields(UserFees)
    assert market.json("orders", "place", "bob", SYMBOL, "buy", "1")["fees"] == "0.13"
    assert market.json("users", "show", "bob")["fees"] == [told]
    assert "Fees of their own" in market.run("users", "show", "bob").out
    words = ("users", "fees", "bob", SYMBOL)
    assert market.run(*words, "--maker-fee", "0").out == f"Fees of bob in {SYMBOL}: maker 0, taker as all\n"
    assert market.run(*words, "--none").out == f"Fees of bob in {SYMBOL}: maker as all, taker as all\n"
    assert market.json("users", "show", "bob")["fees"] == []


def test_a_trade_is_busted_once(market: Cli) -> None:
    """Again, it is the first answer; the print is marked, both users see it."""
    report = market.json("trades", "bust", "1", "--note", "wrong price")
    assert list(report) == fields(BustReport)
    assert (report["buyer"], report["seller"], report["quantity"], report["total_value"]) == (
        "bob",
        "ann",
        "1",
        "12.50",
    )
    again = market.run("trades", "bust", "1").out
    assert again.startswith("Busted trade 1: 1 VCS-1340-2020 back to ann, 12.50 USD back to bob, and the fees before;")
    assert market.json("trades", "list", SYMBOL)["trades"][0]["busted"] is True
    assert market.run("trades", "list", SYMBOL).out.splitlines()[1].split()[-1] == "busted"
    assert market.json("transactions", "list", "bob")["items"][0]["transaction_type"] == "buy_busted"
    assert market.json("verify")["findings"] == []


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (("12", "--price", "12.40", "--post-only"), {"price": "12.40", "post_only": True}),
        (("12", "--stop-price", "12.50"), {"stop_price": "12.50"}),
        (("12", "--price", "99999999"), {"price": "99999999"}),
    ],
)
def test_a_rejection_reads_the_same_in_the_library_and_here(
    market: Cli, words: tuple[str, ...], order: dict[str, object]
) -> None:
    """Code, sentence and hint."""
    market.run("instruments", "set", SYMBOL, "--price-band", "0.1")
    told = market.refused(*PLACE, *words)
    with (
        credit_trading.open(market.home) as exchange,
        pytest.raises(credit_trading.OrderRejected) as error,
    ):
        exchange.as_user("ann").orders.create_order(SYMBOL, "sell", 12, **order)  # type: ignore[arg-type]
    hint = error.value.hint.replace("credit-trading ", f"credit-trading --home {market.home} ")
    assert told == f"Error: {error.value}\n".replace(error.value.hint, hint)


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (("orders", "list", "ann"), lambda page: page == {"items": [], "next": None}),
        (
            ("orders", "show", "ann", "1"),
            lambda order: (order["order_status"], order["reason"]) == ("expired", "session_ended"),
        ),
        (("users", "show", "ann"), lambda user: user["active_orders"] == 0),
        (("book", SYMBOL), lambda book: book["asks"] == []),
        (("book", SYMBOL, "--orders"), lambda book: book["asks"] == []),
        (("instruments", "list"), lambda found: [one["status"] for one in found] == ["closed"]),
        (("instruments", "show", SYMBOL), lambda one: one["next_open"] > f"{datetime.now(UTC):%Y-%m-%d}"),
    ],
)
def test_what_is_due_has_happened_before_anything_is_shown(
    tmp_path: Path, look: tuple[str, ...], told: Callable[[Any], bool]
) -> None:
    """A folder that only the command line uses has nobody else who would see to it."""
    three_days_ago = datetime.now(UTC) - timedelta(days=3)
    clock = ManualClock(int(three_days_ago.timestamp() * 1_000_000))
    with opened(tmp_path / "exchange", clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann")
        hours = f"{three_days_ago:%a} 00:00-24:00"
        floor.admin.instruments.set_schedule(SYMBOL, hours=hours, time_zone="UTC")
        floor.place("ann", "sell", 1, "5.00", time_in_force="DAY")
    assert told(Cli(tmp_path / "exchange").json(*look))


def test_an_order_is_named_by_its_owners_own_name_too(market: Cli) -> None:
    """To show, amend and cancel; both names or none is a slip that is told."""
    assert market.json("orders", "show", "ann", "--client-order-id", "spring-1")["order_id"] == 1
    assert market.json("orders", "amend", "ann", "--client-order-id", "spring-1", "--quantity", "9")["quantity"] == "9"
    for words in (("ann",), ("ann", "1", "--client-order-id", "spring-1")):
        assert "Give one of the two" in market.refused("orders", "cancel", *words)
    assert market.json("orders", "cancel", "ann", "--client-order-id", "spring-1")["order_status"] == "canceled"
    assert "no such order" in market.refused("orders", "cancel", "ann", "--client-order-id", "never")


def test_words_may_be_written_as_results_write_them(market: Cli) -> None:
    """In capitals or not, with - or _ between them."""
    words = ("--type", "STOP_LIMIT", "--self-trade", "cancel_oldest", "--time-in-force", "gtc")
    placed = market.run("orders", "place", "ann", SYMBOL, "SELL", "2", "--price", "11", "--stop-price", "11.5", *words)
    assert "waits for a trade at 11.50 or below, version 1" in placed.out
    shown = market.json("orders", "show", "ann", "4")
    assert (shown["order_type"], shown["self_trade"], shown["time_in_force"]) == ("stop_limit", "cancel_oldest", "GTC")


def test_an_order_that_lacks_its_price_is_never_sent_to_market_by_a_hint(market: Cli) -> None:
    """The hint says what to give, not to leave the type out."""
    for kind, hint in (("stop", "Give a stop price"), ("limit", "Give a price"), ("stop-limit", "Give both")):
        line = market.refused("orders", "place", "ann", SYMBOL, "sell", "2", "--type", kind)
        assert hint in line
        assert "leave the type out" not in line


def test_an_order_that_is_taken_is_never_told_as_failed(market: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person is shown beside the answer may be missing for once; the answer stands."""

    def busy(*_: object, **__: object) -> None:
        raise Busy("users.file", "ann", "locked by another program", hint="Try again.")

    with monkeypatch.context() as patched:
        patched.setattr(OrderManagementService, "get_order", busy)
        placed = market.run("orders", "place", "ann", SYMBOL, "sell", "2", "--price", "13")
    assert placed.out.startswith("Order 4, ")
    assert "version" not in placed.out
    assert market.json("orders", "show", "ann", "4")["order_status"] == "new"
