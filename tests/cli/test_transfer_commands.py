"""`export` and `import` as an operator types them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from credit_trading.transfer.schema import TABLES
from tests.cli.conftest import Cli

HISTORY = """user_id,reference,transaction_date,transaction_type,credit_type,quantity
dan,OLD-1,2024-05-01T12:00:00Z,deposit,USD,100.00
dan,OLD-2,2024-05-02T12:00:00Z,withdrawal,USD,40.00
"""


def test_an_export_goes_into_another_exchange(market: Cli, tmp_path: Path) -> None:
    """Balances and history are there; a second time there is nothing to do."""
    path = tmp_path / "all.zip"
    told = market.json("export", "--all", "--to", str(path))
    assert told["path"] == str(path)
    assert (told["rows"]["users"], told["rows"]["orders"]) == (4, 3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = Cli(tmp_path / "other")
    other.run("init")
    assert "a dry run" in other.run("import", str(path), "--dry-run").err
    assert other.json("users", "list") == []
    ran = other.run("import", str(path))
    assert "New users         4\n" in ran.out
    assert "Orders left out   3 (2 open)\n" in ran.out
    assert "place those that are wanted anew" in ran.err
    for user in ("ann", "bob", "cat"):
        shown = [(one["asset"], one["posted"]) for one in other.json("accounts", "show", user)]
        assert shown == [(one["asset"], one["posted"]) for one in market.json("accounts", "show", user)]
    again = other.json("import", str(path))
    assert (again["transactions"], again["duplicates"]) == (0, told["rows"]["transactions"])
    assert other.json("verify", "--deep")["findings"] == []


def test_what_is_not_settled_is_left_out_and_told(market: Cli, tmp_path: Path) -> None:
    """In a line of the table, in a notice, and in JSON."""
    path = tmp_path / "history.csv"
    header, *rest = HISTORY.splitlines()
    path.write_text("\n".join([f"{header},status", f"{rest[0]},", f"{rest[1]},pending", ""]))
    ran = market.run("import", str(path), "--dry-run")
    assert "Not settled       1 left out\n" in ran.out
    assert "moved nothing: it stays there" in ran.err
    told = market.json("import", str(path))
    assert (told["transactions"], told["unsettled_left_out"]) == (1, 1)
    assert market.json("accounts", "show", "dan")[0]["posted"] == "100.00"


def test_one_users_export_is_smaller(market: Cli, tmp_path: Path) -> None:
    told = market.json("export", "--user", "cat", "--to", str(tmp_path / "cat.zip"))
    assert (told["rows"]["users"], told["rows"]["transactions"]) == (1, 1)


def test_problems_are_a_table_and_exit_code_1(market: Cli, tmp_path: Path) -> None:
    """As JSON too, on standard output: they are the result."""
    path = tmp_path / "history.csv"
    path.write_text(HISTORY.replace("40.00", "400.00").replace("OLD-1", "OLD 1"))
    before = market.json("journal", "head")
    told = market.json("import", str(path), code=1)
    assert [(one["line"], one["field"]) for one in told["problems"]] == [(2, "reference"), (3, "quantity")]
    assert told["done"] is False
    ran = market.run("import", str(path), code=1)
    assert ran.out.splitlines()[0].split() == ["File", "Line", "Field", "Problem"]
    assert "history.csv     3  quantity" in ran.out
    assert ran.err == "Error: 2 problems; nothing was changed.\n"
    assert market.json("journal", "head") == before


def test_history_from_elsewhere_is_shown_with_its_own_dates(market: Cli, tmp_path: Path) -> None:
    (path := tmp_path / "history.csv").write_text(HISTORY)
    assert market.json("import", str(path))["transactions"] == 2
    latest = market.json("transactions", "list", "dan")["items"][0]
    assert (latest["transaction_date"], latest["reference"]) == ("2024-05-02T12:00:00.000000Z", "OLD-2")
    assert market.json("accounts", "show", "dan")[0]["posted"] == "60.00"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("export", "--all"), 2, "--to FILE"),
        (("export", "--all", "--to", "no/such/folder.zip"), 1, "there is no folder no/such"),
        (("export", "--all", "--to", "x.txt"), 1, "Name it so: --to x.txt.zip"),
        (("export", "--to", "x.zip"), 2, "Give --user ID or --all"),
        (("export", "--user", "ann", "--all", "--to", "x.zip"), 2, "Give --user ID or --all"),
        (("export", "--user", "eve", "--to", "x.zip"), 1, "no such user"),
        (("export", "--all", "--to", "there.zip"), 1, "a file of this name exists"),
        (("import", "no.zip"), 1, "there is no such file"),
        (("import", "x.txt"), 1, "not a .zip, .jsonl or .csv file"),
        (("import", "folder.zip"), 1, "folder.zip"),
    ],
)
def test_wrong_words_are_one_line(
    market: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.zip").write_text("mine")
    Path("folder.zip").mkdir()
    assert told in market.refused(*words, code=code)


def test_the_schema_names_every_field(market: Cli) -> None:
    """As words, and as data."""
    text = market.run("export", "--schema").out
    assert text.startswith("Schema `credit-trading-export`, version 2. ")
    assert [name for table in TABLES for name in table.names if f"| `{name}`" not in text] == []
    assert [table["name"] for table in market.json("export", "--schema")] == [table.name for table in TABLES]
