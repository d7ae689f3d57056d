"""Every command does what it says, as text for people and as one JSON value for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

import credit_trading
from credit_trading.trading.records import BalanceRecord, OrderRecord, StatisticsRecord, TransactionRecord
from tests.cli.conftest import SYMBOL, Cli
from tests.floor import edit


def fields(record: type) -> list[str]:
    return [field.name for field in record.__attrs_attrs__]  # type: ignore[attr-defined]


def test_init_founds_an_exchange_once(tmp_path: Path) -> None:
    """A second init is refused and says so; the first one's folder is named."""
    cli = Cli(tmp_path / "deep" / "exchange")
    assert cli.json("init") == {"home": str(cli.home)}
    assert "there is an exchange already" in cli.refused("init")
    assert cli.run("users", "list").out.startswith("User")


def test_init_founds_with_what_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is remembered is the same for all who open it later."""
    monkeypatch.setenv("CREDIT_TRADING_REMEMBER_CLIENT_ORDERS", "7")
    cli = Cli(tmp_path / "exchange")
    cli.run("init")
    monkeypatch.delenv("CREDIT_TRADING_REMEMBER_CLIENT_ORDERS")
    with credit_trading.open(cli.home) as exchange:
        (founded,) = exchange.as_admin("look").journal()
    assert (founded.data["remember_client_orders"], founded.data["remember_commands"]) == (7, 100_000)
    monkeypatch.setenv("CREDIT_TRADING_REMEMBER_CLIENT_ORDERS", "0")
    assert "remember_client_orders" in cli.refused("users", "list")


def test_init_completes_what_a_crash_cut_off(tmp_path: Path) -> None:
    """An empty exchange.db is no exchange yet."""
    (tmp_path / "exchange.db").touch()
    assert "Founded" in Cli(tmp_path).run("init").out


def test_users_are_created_listed_shown_renamed_and_deleted(cli: Cli) -> None:
    """JSON keys are user_id, email, created_at, path, suspended; the file follows the e-mail and goes with the user."""
    assert "Created ann" in cli.run("users", "create", "ann", "ann@example.com").out
    bob = cli.json("users", "create", "bob", "bob@example.org")
    assert list(bob) == ["user_id", "email", "created_at", "path", "suspended"]
    assert Path(bob["path"]).is_file()
    assert [user["user_id"] for user in cli.json("users", "list")] == ["ann", "bob"]
    shown = cli.json("users", "show", "bob")
    assert shown == {**bob, "active_orders": 0, "balances": [], "statistics": [], "fees": []}
    renamed = cli.json("users", "email", "bob", "bob@example.net")
    assert renamed["email"] == "bob@example.net"
    assert Path(renamed["path"]).is_file()
    assert not Path(bob["path"]).exists()
    deleted = cli.json("users", "delete", "bob", "--yes")
    assert Path(deleted.pop("copy")).is_file()
    assert deleted == {"user_id": "bob", "deleted": True, "swept_to": None}
    assert not Path(renamed["path"]).exists()
    assert "ann@example.org" in cli.run("users", "email", "ann", "ann@example.org").out
    assert "Deleted ann" in cli.run("users", "delete", "ann", "--yes").out


def test_the_list_of_users_is_searched_sorted_and_paged(market: Cli) -> None:
    """--search looks into ids and e-mails; --sort, --descending, --limit and --offset make pages."""
    assert [user["user_id"] for user in market.json("users", "list", "--search", "BOB@")] == ["bob"]
    page = ("--sort", "created_at", "--descending", "--limit", "2", "--offset", "1")
    assert [user["user_id"] for user in market.json("users", "list", *page)] == ["cat", "bob"]
    assert market.json("users", "list", "--search", "nobody") == []


def test_deleting_is_not_done_unasked(market: Cli) -> None:
    """Where nobody can be asked, --yes has to be given; a user who has something needs --sweep-to as well."""
    assert "--yes" in market.refused("users", "delete", "dan")
    assert 'users.delete "ann": the user still has 1 open order' in market.refused("users", "delete", "ann", "--yes")
    assert "a balance" in market.refused("users", "delete", "cat", "--yes")
    swept = market.json("users", "delete", "cat", "--sweep-to", "dan", "--yes")
    assert Path(swept.pop("copy")).is_file()
    assert swept == {"user_id": "cat", "deleted": True, "swept_to": "dan"}
    assert market.json("accounts", "show", "dan")[0]["posted"] == "1.00"


def test_assets_and_instruments_are_added_and_listed(cli: Cli) -> None:
    """Keys as in the records; text names what was added."""
    assert cli.json("assets", "add", "USD", "--decimals", "2") == {
        "code": "USD",
        "decimals": 2,
        "project_id": None,
    }
    assert "Added GS-1 with 0 decimals" in cli.run("assets", "add", "GS-1", "--decimals", "0").out
    assert [asset["code"] for asset in cli.json("assets", "list")] == ["USD", "GS-1"]
    assert cli.run("assets", "list").out.splitlines()[1].split() == ["USD", "2", "-"]
    grid = ("--base", "GS-1", "--quote", "USD", "--tick", "0.05", "--lot", "1")
    added = cli.json("instruments", "add", "GS-1/USD", *grid, "--maker-fee", "-0.0001", "--taker-fee", "0.002")
    assert added == {
        "symbol": "GS-1/USD",
        "base": "GS-1",
        "quote": "USD",
        "tick": "0.05",
        "lot": "1",
        "project_id": None,
        "status": "open",
        "session": "open",
        "maker_fee": "-0.0001",
        "taker_fee": "0.002",
        "collar": "0.05",
        "self_trade": "cancel_newest",
        "min_quantity": None,
        "max_quantity": None,
        "min_value": None,
        "price_band": None,
        "reference_price": None,
        "max_open_orders": None,
        "hours": None,
        "time_zone": None,
        "holidays": [],
        "next_open": None,
        "next_close": None,
        "last_price": None,
    }
    assert cli.json("instruments", "list") == [added]
    assert "GS-1/USD" in cli.run("instruments", "list").out


def test_a_halted_instrument_takes_cancels_only(market: Cli) -> None:
    """halt and resume give the instrument with its status."""
    assert market.json("instruments", "halt", SYMBOL)["status"] == "halted"
    assert "instrument_halted" in market.refused("orders", "place", "ann", SYMBOL, "sell", "1", "--price", "13")
    assert market.json("orders", "cancel", "bob", "3")["order_status"] == "canceled"
    assert "is open" in market.run("instruments", "resume", SYMBOL).out
    assert market.json("orders", "place", "ann", SYMBOL, "sell", "1", "--price", "13")["order_status"] == "new"


def test_the_same_key_moves_money_once(market: Cli) -> None:
    """A repeated deposit or withdrawal gives the first receipt and says that it did; other content is refused."""
    words = ("accounts", "deposit", "dan", "USD", "5.00", "--key", "wire-1")
    first, second = market.json(*words), market.json(*words)
    assert list(first) == ["user_id", "asset", "amount", "sequence", "repeated"]
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert "nothing was moved again" in market.run(*words).out
    assert "used before" in market.refused("accounts", "deposit", "dan", "USD", "6.00", "--key", "wire-1")
    assert market.json("accounts", "withdraw", "dan", "USD", "2")["amount"] == "2.00"
    balance = {"asset": "USD", "posted": "3.00", "held": "0.00", "available": "3.00"}
    assert market.json("accounts", "show", "dan") == [balance]
    assert market.run("accounts", "show", "dan").out.splitlines()[1].split() == list(balance.values())


def test_an_order_is_placed_watched_amended_and_canceled(market: Cli) -> None:
    """From open to done: report, list with progress, one in full, history."""
    (order,) = market.json("orders", "list", "ann")["items"]
    assert list(order) == fields(OrderRecord)
    assert (order["filled_quantity"], order["remaining_quantity"], order["percent_filled"]) == ("1", "9", "10.0")
    assert order["average_price"] == "12.500000"
    assert "10.0%" in market.run("orders", "list", "ann").out
    assert market.json("orders", "show", "ann", "1") == order
    assert "order_status" in market.run("orders", "show", "ann", "1").out
    amended = market.json("orders", "amend", "ann", "1", "--quantity", "8", "--price", "12.60")
    assert (amended["order_id"], amended["quantity"], amended["remaining_quantity"]) == (1, "8", "7")
    assert "canceled (requested), 1 of 8 filled at 12.50" in market.run("orders", "cancel", "ann", "1").out
    (done,) = market.json("orders", "history", "ann")["items"]
    assert (done["order_status"], done["reason"]) == ("canceled", "requested")
    assert "canceled" in market.run("orders", "history", "ann").out
    assert market.json("orders", "history", "ann", "--limit", "0")["items"] == []


def test_orders_take_a_time_in_force_an_expiry_and_a_name(market: Cli) -> None:
    """A client order id makes placing repeatable; an IOC that finds nothing is canceled."""
    words = ("orders", "place", "bob", SYMBOL, "buy", "1", "--price", "12.00")
    named = (*words, "--expires-at", "2031-12-31T17:00:00Z", "--client-order-id", "q4-7")
    first, second = market.json(*named), market.json(*named)
    assert (first["order_id"], first["repeated"]) == (second["order_id"], False)
    assert second["repeated"]
    shown = market.json("orders", "show", "bob", str(first["order_id"]))
    assert (shown["time_in_force"], shown["expires_at"]) == ("GTD", "2031-12-31T17:00:00.000000Z")
    assert market.json(*words, "--time-in-force", "IOC")["reason"] == "immediate_or_cancel"
    assert "fill_or_kill" in market.run(*words, "--time-in-force", "FOK").out


def test_the_book_is_shown_best_prices_in_the_middle(market: Cli) -> None:
    """Text has asks above bids; JSON has each side best first."""
    market.run("orders", "place", "ann", SYMBOL, "sell", "3", "--price", "12.70")
    book = market.json("book", SYMBOL)
    assert list(book) == ["symbol", "sequence", "bids", "asks"]
    assert book["asks"][0] == {"price": "12.50", "quantity": "9", "orders": 1}
    best, *lines = [line.split() for line in market.run("book", SYMBOL).out.splitlines()]
    assert " ".join(best) == "Best bid 20 at 12.40, best ask 9 at 12.50, spread 0.10"
    assert lines == [
        ["Side", "Price", "Quantity", "Orders"],
        ["ask", "12.70", "3", "1"],
        ["ask", "12.50", "9", "1"],
        ["bid", "12.40", "20", "1"],
    ]
    assert len(market.json("book", SYMBOL, "--depth", "1")["asks"]) == 1


def test_trades_and_transactions_are_listed_the_latest_first(market: Cli) -> None:
    """What everybody sees of a trade, and what its parties see of it."""
    market.run("orders", "place", "bob", SYMBOL, "buy", "2", "--price", "12.50")
    told = market.json("trades", "list", SYMBOL)
    assert list(told) == ["symbol", "sequence", "trades"]
    assert [trade["quantity"] for trade in told["trades"]] == ["2", "1"]
    assert list(told["trades"][0]) == ["trade_id", "sequence", "time", "price", "quantity", "taker_side", "busted"]
    assert [one["trade_id"] for one in market.json("trades", "list", SYMBOL, "--limit", "1")["trades"]] == [2]
    assert [one["trade_id"] for one in market.json("trades", "list", SYMBOL, "--before", "2")["trades"]] == [1]
    assert "12.50" in market.run("trades", "list", SYMBOL).out
    transactions = market.json("transactions", "list", "bob", "--credit-type", "VCS-1340-2020")["items"]
    assert list(transactions[0]) == list(TransactionRecord.__struct_fields__)
    assert [(one["transaction_type"], one["quantity"]) for one in transactions] == [("buy", "2"), ("buy", "1")]
    assert len(market.json("transactions", "list", "bob", "--limit", "1")["items"]) == 1
    assert "ann" in market.run("transactions", "list", "bob").out


def test_a_user_is_shown_with_balances_statistics_and_open_orders(market: Cli) -> None:
    """What an admin wants to know first."""
    shown = market.json("users", "show", "bob")
    assert shown["active_orders"] == 1
    assert list(shown["balances"][0]) == fields(BalanceRecord)
    assert list(shown["statistics"][0]) == fields(StatisticsRecord)
    text = market.run("users", "show", "bob").out
    assert "Balances" in text
    assert "Statistics" in text


def test_verify_finds_nothing_in_a_sound_exchange(market: Cli) -> None:
    """Quick or deep, of all or of one user."""
    for words, users in (((), 4), (("--deep",), 4), (("--user", "ann"), 1), (("--user", "ann", "--deep"), 1)):
        result = market.json("verify", *words)
        assert list(result) == ["sequence", "state_digest", "users", "deep", "findings", "notes", "stopped_at"]
        assert (result["users"], result["deep"], result["findings"]) == (users, "--deep" in words, [])
        assert "none" in market.run("verify", *words).out


def test_verify_ends_with_1_where_it_finds_something(market: Cli) -> None:
    """A user's file that is no database any more is a finding, not a failure."""
    path = Path(market.json("users", "show", "ann")["path"])
    path.write_bytes(b"no database" * 1000)
    for words in ((), ("--deep",), ("--user", "ann")):
        (finding,) = market.json("verify", *words, code=1)["findings"]
        assert (finding["file"], finding["row"]) == (path.name, "user ann")
        assert list(finding) == ["file", "row", "problem", "expected", "found", "repair"]
        assert "user ann" in market.run("verify", *words, code=1).out


def test_verify_looks_at_market_data_too(market: Cli) -> None:
    """A print that was edited is found; the users' files are as they should be."""
    market.run("trades", "list", SYMBOL)
    edit(market.home / "marketdata.db", "UPDATE trades SET price_ticks = price_ticks + 1")
    result = market.json("verify", "--deep", code=1)
    assert [finding["file"] for finding in result["findings"]] == ["marketdata.db"]


@pytest.mark.parametrize(
    "words",
    [
        ("users", "list"),
        ("assets", "list"),
        ("instruments", "list"),
    ],
)
def test_a_list_of_nothing_is_an_empty_array(cli: Cli, words: tuple[str, ...]) -> None:
    """Text says on standard error that there is nothing; standard output keeps the heading alone."""
    assert cli.json(*words) == []
    ran = cli.run(*words)
    assert ran.out.count("\n") == 1
    assert ran.err.startswith("No ")
