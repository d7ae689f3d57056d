"""Bad input ends in one line that says what to do, with nothing changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from tests.cli.conftest import SYMBOL, Cli

PLACE = ("orders", "place", "ann", SYMBOL, "sell")

REFUSALS = [
    (("users", "create", "ann", "x@example.com"), "the user exists"),
    (("users", "create", "ANN", "x@example.com"), "differs only in case"),
    (("users", "create", "../x", "x@example.com"), "a user id is"),
    (("users", "create", "-5", "x@example.com"), "a user id is"),
    (("users", "create", "nul", "x@example.com"), "reserves"),
    (("users", "create", "x" * 65, "x@example.com"), "a user id is"),
    (("users", "create", "x", "example.com"), "an e-mail has"),
    (("users", "create", "x", "x@a..b"), "labels"),
    (("users", "create", "x", "x\n@a.b"), "control characters"),
    (("users", "email", "ann", "x" * 251 + "@a.b"), "254"),
    (("users", "show", "eve"), "no such user"),
    (("users", "delete", "eve", "--yes"), "no such user"),
    (("users", "delete", "ann", "--sweep-to", "eve", "--yes"), "no such user"),
    (("assets", "add", "USD", "--decimals", "2"), "the asset exists"),
    (("assets", "add", "EUR", "--decimals", "19"), "decimals must be"),
    (("assets", "add", "EUR", "--decimals", "-1"), "decimals must be"),
    (("accounts", "deposit", "ann", "GBP", "1"), "no such asset"),
    (("accounts", "deposit", "eve", "USD", "1"), "no such user"),
    (("accounts", "withdraw", "ann", "USD", "100000"), "insufficient_funds"),
    (("accounts", "deposit", "ann", "USD", "1", "--key", "a b"), "an id is"),
    *(
        (("accounts", "deposit", "ann", "USD", amount), "amount")
        for amount in ("NaN", "Infinity", "1e400", "0", "-5.00")
    ),
    *(
        (("accounts", "deposit", "ann", "USD", amount), "amount")
        for amount in ("1,000", "१२", "0.001", "9" * 19, "-.5")
    ),
    ((*PLACE, "-5", "--price", "12.50"), "quantity"),
    ((*PLACE, "1.5", "--price", "12.50"), "quantity"),
    ((*PLACE, "5", "--price", "12.505"), "price"),
    ((*PLACE, "5", "--price", "-1"), "price"),
    ((*PLACE, "4000000000000000000", "--price", "12.50"), "larger than"),
    ((*PLACE, "5", "--time-in-force", "GTC"), "IOC"),
    ((*PLACE, "5", "--price", "13", "--expires-at", "tomorrow"), "not a moment"),
    ((*PLACE, "5", "--price", "13", "--expires-at", "2031-01-01T00:00:00"), "offset from UTC"),
    ((*PLACE, "5", "--price", "13", "--expires-at", "2001-01-01T00:00:00Z"), "expires_in_the_past"),
    ((*PLACE, "5", "--price", "13", "--client-order-id", "x@y"), "an id is"),
    ((*PLACE, "5", "--type", "limit"), "a limit order takes a price"),
    ((*PLACE, "5", "--type", "stop", "--price", "13"), "a stop order takes a stop price"),
    ((*PLACE, "5", "--stop-price", "12.50"), "stop_would_trigger"),
    ((*PLACE, "5", "--stop-price", "12.005"), "price"),
    ((*PLACE, "5", "--stop-price", "12.00", "--time-in-force", "IOC"), "waits for its price"),
    ((*PLACE, "5", "--price", "12.40", "--post-only"), "post_only_would_take"),
    ((*PLACE, "5", "--post-only"), "can be post-only"),
    ((*PLACE, "5", "--price", "13", "--display-quantity", "6"), "more than the order"),
    ((*PLACE, "5", "--display-quantity", "1"), "show a part of itself"),
    ((*PLACE, "5", "--price", "13", "--time-in-force", "DAY"), "no_session_end"),
    (
        (*PLACE, "5", "--price", "13", "--time-in-force", "DAY", "--expires-at", "2031-01-01T00:00:00Z"),
        "only a GTD order",
    ),
    (("orders", "place", "ann", "GS/USD", "sell", "5"), "no such instrument"),
    (("orders", "cancel-all"), "neither a user nor an instrument"),
    (("orders", "cancel-all", "--user", "eve"), "no such user"),
    (("orders", "cancel-all", "--symbol", "GS/USD"), "no such instrument"),
    (("orders", "place", "dan", SYMBOL, "sell", "5", "--price", "13"), "insufficient_funds"),
    (("orders", "cancel", "ann", "999"), "no such order"),
    (("orders", "cancel", "ann", "3"), "no such order"),
    (("orders", "cancel", "bob", "2"), "order_not_open"),
    (("orders", "show", "ann", "-1"), "above zero"),
    (("orders", "amend", "ann", "1"), "nothing to change"),
    (("orders", "amend", "ann", "1", "--expected-version", "2"), "nothing to change"),
    (("orders", "amend", "ann", "1", "--quantity", "5", "--expected-version", "1"), "version_changed"),
    (("orders", "amend", "ann", "1", "--quantity", "5", "--expected-version", "0"), "a version is"),
    (("orders", "amend", "ann", "1", "--quantity", "5", "--display-quantity", "6"), "more than the order"),
    (("orders", "amend", "ann", "1", "--expires-at", "2001-01-01T00:00:00Z"), "expires_in_the_past"),
    (("users", "suspend", "eve"), "no such user"),
    (("users", "resume", "eve"), "no such user"),
    (("users", "suspend", "ann", "--note", "x" * 1001), "1000 characters"),
    (("users", "fees", "eve", SYMBOL, "--none"), "no such user"),
    (("users", "fees", "ann", "GS/USD", "--none"), "no such instrument"),
    (("users", "fees", "ann", SYMBOL, "--taker-fee", "-0.1"), "may not be negative"),
    (("users", "fees", "ann", SYMBOL, "--taker-fee", "2"), "between -1 and 1"),
    (("instruments", "show", "GS/USD"), "no such instrument"),
    (("instruments", "set", SYMBOL), "nothing to change"),
    (("instruments", "set", SYMBOL, "--min-quantity", "0.5"), "quantity"),
    (("instruments", "set", SYMBOL, "--taker-fee", "none"), "cannot be switched off"),
    (("instruments", "set", SYMBOL, "--max-open-orders", "-1"), "whole number"),
    (("instruments", "schedule", SYMBOL, "--hours", "always", "--time-zone", "UTC"), "not days and hours"),
    (("instruments", "schedule", SYMBOL, "--hours", "mon 09:00-10:00", "--time-zone", "Berlin"), "no such time zone"),
    (
        ("instruments", "schedule", SYMBOL, "--hours", "mon 09:00-10:00", "--time-zone", "UTC", "--holiday", "soon"),
        "not a date",
    ),
    (("instruments", "close", "GS/USD"), "no such instrument"),
    (("book", "GS/USD"), "no such instrument"),
    (("book", SYMBOL, "--depth", "0"), "depth"),
    (("trades", "list", SYMBOL, "--limit", "10001"), "10,000"),
    (("trades", "list", SYMBOL, "--before", "0"), "count from 1"),
    (("trades", "list", "GS/USD"), "no such instrument"),
    (("trades", "bust", "99"), "no such trade"),
    (("trades", "bust", "0"), "above zero"),
    (("trades", "bust", "-1"), "above zero"),
    (("book", SYMBOL, "--orders", "--depth", "-1"), "depth"),
    (("instruments", "halt", "GS/USD"), "no such instrument"),
    (("transactions", "list", "eve"), "no such user"),
]


def everything(market: Cli) -> list[object]:
    """Users, what they have and want, what can be traded, the market."""
    lists = [market.json(noun, "list") for noun in ("users", "assets", "instruments")]
    users = [user["user_id"] for user in lists[0]]
    accounts = [market.json("accounts", "show", user_id) for user_id in users]
    orders = [market.json("orders", "list", user_id)["items"] for user_id in users]
    book = market.json("book", SYMBOL)
    return [lists, accounts, orders, book["bids"], book["asks"], market.json("trades", "list", SYMBOL)["trades"]]


def test_what_is_refused_changes_nothing(market: Cli) -> None:
    """Each ends with 1 and one line; afterwards everything is as it was, but for the order numbers that rejected orders took."""
    before = everything(market)
    for words, expected in REFUSALS:
        assert expected in market.refused(*words), words
    assert everything(market) == before
    assert market.json("verify")["findings"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("users", "lst"),
        ("users", "create", "ann"),
        ("users", "list", "--limit", "1_000"),
        ("users", "list", "--limit", "9" * 30),
        ("users", "list", "--sort", "age"),
        ("orders", "show", "ann", "one"),
        ("orders", "place", "ann", SYMBOL, "hold", "5"),
        ("orders", "place", "ann", SYMBOL, "buy", "5", "--time-in-force", "week"),
        ("orders", "place", "ann", SYMBOL, "buy", "5", "--type", "iceberg"),
        ("orders", "place", "ann", SYMBOL, "buy", "5", "--self-trade", "allow"),
        ("orders", "amend", "ann", "1", "--expected-version", "two"),
        ("instruments", "schedule", SYMBOL),
        ("instruments", "schedule", SYMBOL, "--none", "--hours", "mon 09:00-10:00", "--time-zone", "UTC"),
        ("instruments", "schedule", SYMBOL, "--hours", "mon 09:00-10:00"),
        ("users", "fees", "ann", SYMBOL),
        ("users", "fees", "ann", SYMBOL, "--none", "--maker-fee", "0"),
        ("trades", SYMBOL),
        ("trades", "bust", "one"),
        ("users", "show", "ann", "--colour"),
        ("users", "show", "\udcff"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_where_help_is(market: Cli, words: tuple[str, ...]) -> None:
    """One line, not a page."""
    assert "See: credit-trading" in market.refused(*words, code=2)


def test_an_order_is_canceled_once(market: Cli) -> None:
    """The second time it is no longer open."""
    market.run("orders", "cancel", "ann", "1")
    assert "order_not_open" in market.refused("orders", "cancel", "ann", "1")


def test_a_folder_that_is_no_exchange_is_named(tmp_path: Path) -> None:
    """Absent, empty, or a file: each is said for what it is, and nothing is made there."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert "no such folder" in Cli(tmp_path / "absent").refused("verify")
    assert "exchange.db is missing" in Cli(tmp_path / "empty").refused("users", "list")
    assert "a file, not a folder" in Cli(tmp_path / "file").refused("users", "list")
    assert "a file, not a folder" in Cli(tmp_path / "file").refused("init")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "file"]


def test_a_nameless_folder_is_wrong_usage() -> None:
    """An unset shell variable must not mean the current folder."""
    assert "--home" in Cli(Path()).refused("--home", "", "verify", code=2)


def test_a_database_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """No SQLite, another program's SQLite, and one of a newer version."""
    path = tmp_path / "exchange.db"
    path.write_bytes(b"no database" * 1000)
    assert "exchange.db" in Cli(tmp_path).refused("users", "list")
    assert "exchange.db" in Cli(tmp_path).refused("init")
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    assert "not an exchange's" in Cli(tmp_path).refused("users", "list")
    shutil.rmtree(tmp_path)
    Cli(tmp_path).run("init")
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    assert "newer" in Cli(tmp_path).refused("users", "list")


def test_a_read_only_folder_is_refused() -> None:
    """Before anything is tried. Root may write anywhere, so the command is run by nobody, in a fork."""
    home = Path(tempfile.mkdtemp())
    Cli(home).run("init")
    home.chmod(0o555)
    child = os.fork()
    if child == 0:
        told = ""
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            told = Cli(home).refused("users", "list")
        finally:  # never back into pytest, whatever happened
            os._exit(0 if "the folder cannot be written to" in told else 1)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        home.chmod(0o755)
        shutil.rmtree(home)


def test_another_exchanges_file_in_a_users_place_is_refused(market: Cli, tmp_path: Path) -> None:
    """A file that was swapped for another user's is not read as if it were theirs, and from then on is in quarantine."""
    ann, bob = (Path(market.json("users", "show", user_id)["path"]) for user_id in ("ann", "bob"))
    shutil.copy(bob, ann)
    assert "belongs to user #2" in market.run("orders", "list", "ann", code=1).err
    line = market.refused("orders", "list", "ann")
    assert ann.name in line
    assert "credit-trading" in line


@pytest.mark.parametrize(
    ("user_id", "words"),
    [
        ("ann", ("accounts", "withdraw", "ann", "USD", "100000")),
        ("dan", ("orders", "place", "dan", SYMBOL, "sell", "5", "--price", "13")),
    ],
    ids=["withdraw", "place"],
)
def test_who_lacks_money_is_named_in_the_hint(market: Cli, user_id: str, words: tuple[str, ...]) -> None:
    """A command to be copied."""
    told = market.run(*words, code=1).err
    assert told.endswith(f"credit-trading --home {market.home} accounts show {user_id}.\n")
