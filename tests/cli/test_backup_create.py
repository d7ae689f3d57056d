"""`backup create`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.floor import edit, rows_of


def test_a_set_is_made_and_shown(market: Cli, tmp_path: Path) -> None:
    """The first is full, the next adds to it; people get a few lines, programs all of it."""
    place = str(tmp_path / "backups")
    made = market.json("backup", "create", "--to", place)
    assert (made["kind"], made["users"], made["skipped"], made["base"]) == ("full", 4, [], None)
    assert made["size_bytes"] > 0
    assert made["seconds"] > 0
    market.run("accounts", "deposit", "cat", "USD", "1.00")
    told = market.run("backup", "create", "--to", place)
    assert f"incremental, adds to {made['set']}" in told.out
    assert "Users' files  1\n" in told.out
    assert "same disk as the exchange" in told.err
    full = market.json("backup", "create", "--to", place, "--full")
    assert (full["kind"], full["users"]) == ("full", 4)
    assert market.json("backup", "create", "--to", place, "--incremental")["base"] == full["set"]


def test_a_user_who_cannot_be_copied_is_told_and_the_command_ends_with_1(market: Cli, tmp_path: Path) -> None:
    edit(market.home / "trading_bob_bob_example.com.db", "UPDATE metadata SET exchange_id = 'another'")
    told = market.run("backup", "create", "--to", str(tmp_path / "backups"), code=1)
    assert "Warning: bob was not copied: " in told.err
    assert f"credit-trading --home {market.home} rebuild bob" in told.err
    assert "Users' files  3\n" in told.out
    assert "Not copied    1\n" in told.out
    made = market.json("backup", "create", "--to", str(tmp_path / "backups"), code=1)
    assert [one["user_id"] for one in made["skipped"]] == ["bob"]


def test_one_users_file(market: Cli, tmp_path: Path) -> None:
    path = tmp_path / "ann.db"
    told = market.json("backup", "create", "--user", "ann", "--to", str(path))
    assert (told["user_id"], told["path"], told["size_bytes"]) == ("ann", str(path), path.stat().st_size)
    assert rows_of(path, "SELECT user_id FROM metadata") == [("ann",)]
    assert "a file of this name exists" in market.refused("backup", "create", "--user", "ann", "--to", str(path))


@pytest.mark.parametrize(
    "words", [("--full", "--incremental"), ("--user", "ann", "--full"), ("--user", "ann", "--incremental")]
)
def test_what_contradicts_itself_is_wrong_usage(market: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    market.refused("backup", "create", "--to", str(tmp_path / "backups"), *words, code=2)
    assert not (tmp_path / "backups").exists()


def test_what_cannot_be_is_refused_in_a_line(market: Cli, tmp_path: Path) -> None:
    inside = market.refused("backup", "create", "--to", str(market.home / "backups"))
    assert "lies in the exchange's own folder" in inside
    alone = market.refused("backup", "create", "--incremental", "--to", str(tmp_path / "backups"))
    assert f"Make a full one: credit-trading --home {market.home} backup create --to " in alone
