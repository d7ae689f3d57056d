"""`credit-trading host activity` and `host activity-daily`."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit_trading.host.entries.entry import EntryType
from tests.cli.conftest import Cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """An exchange on which ann has sold 4 credits of project p-7 to bob, all of it shown in the host's database."""
    monkeypatch.setenv("CREDIT_TRADING_HOST_URL", f"sqlite:///{tmp_path}/app.db")
    cli = Cli(tmp_path / "exchange")
    for command in (
        "init",
        "users create ann ann@example.com",
        "users create bob bob@example.com",
        "assets add USD --decimals 2",
        "assets add CRD --decimals 0 --project p-7",
        "instruments add CRD/USD --base CRD --quote USD --tick 0.01 --lot 1",
        "accounts deposit ann CRD 10",
        "accounts deposit bob USD 50.00",
        "orders place ann CRD/USD sell 10 --price 5.00",
        "orders place bob CRD/USD buy 4 --price 5.00",
        "host init",
        "host sync",
    ):
        cli.run(*command.split())
    return cli


def test_activity_is_listed_filtered_and_paged(cli: Cli) -> None:
    """In words for people, with numbers for programs."""
    listed = cli.run("host", "activity", "--type", "trade").out
    assert "bob bought 4 CRD from ann at 5.00 USD (20.00 USD)" in listed
    (trade,) = cli.json("host", "activity", "--type", "trade", "--user", "ann", "--project", "p-7")["items"]
    assert (trade["user_id"], trade["counterparty_id"], trade["quantity_units"], trade["value"]) == (
        "bob",
        "ann",
        4,
        "20.00",
    )
    assert trade["occurred_at"].endswith("Z")
    everything = cli.json("host", "activity", "--limit", "1000")
    assert everything["next"] is None
    page = cli.json("host", "activity", "--limit", "5")
    rest = cli.json("host", "activity", "--limit", "1000", "--after", page["next"])
    assert page["items"] + rest["items"] == everything["items"]
    assert f"There is more: --after {page['next']}" in cli.run("host", "activity", "--limit", "5").err
    placed = cli.json("host", "activity", "--type", "order-placed", "--text", "SELL 10", "--order", "1")["items"]
    assert [one["sentence"] for one in placed] == ["ann placed order 1: sell 10 CRD at 5.00 USD, GTC"]
    assert cli.run("host", "activity", "--until", "2020-01-01").err == "Nothing such.\n"
    cli.run("host", "activity", "--type", "sale", code=2)
    assert cli.run("host", "activity", "--limit", "0", code=1).err.count("\n") == 1


def test_what_happened_is_summed_by_day_and_more(cli: Cli) -> None:
    sums = cli.json(
        "host", "activity-daily", "--by", "user", "--by", "type", "--asset", "CRD", "--type", "order-partly-filled"
    )
    assert [(one["user_id"], one["entries"], one["quantity_units"], one["value_units"]) for one in sums] == [
        ("ann", 1, 4, None)
    ]
    (total,) = cli.json("host", "activity-daily", "--by", "currency", "--type", "trade", "--project", "p-7")
    assert (total["currency"], total["quantity_units"], total["value_units"]) == ("USD", None, 2000)
    drawn = cli.run("host", "activity-daily").out.splitlines()
    assert drawn[0].split() == ["Day", "Type", "Entries", "Quantity", "(units)", "Value", "(units)"]
    assert any(line.split()[1:3] == ["trade", "1"] for line in drawn[1:])
    assert cli.run("host", "activity-daily", "--until", "2020-01-01").err == "Nothing such.\n"
    assert "not a date" in cli.run("host", "activity-daily", "--since", "soon", code=1).err


def test_the_help_names_every_type(cli: Cli) -> None:
    words = cli.run("host", "activity", "--help").out.replace(",", " ").split()
    assert {one.value for one in EntryType} <= {word.rstrip(".") for word in words}
