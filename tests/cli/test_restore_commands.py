"""`backup restore` of one user, and of a lost exchange.db: options, what is shown, and ways out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

import credit_trading
from credit_trading.users.private_writer import PrivateWriter
from tests.cli.conftest import SYMBOL, Cli
from tests.floor import edit


@pytest.fixture
def place(market: Cli, tmp_path: Path) -> str:
    """An archive of the market, in which ann has a private table; she has sold one more since."""
    with (
        credit_trading.open(market.home) as exchange,
        PrivateWriter(exchange._files, exchange._projector).writing(1) as file,
    ):
        file.execute("CREATE TABLE paper (a)")
    market.run("backup", "create", "--to", str(tmp_path / "backups"))
    market.run("orders", "place", "bob", SYMBOL, "buy", "1")
    return str(tmp_path / "backups")


def test_one_user_is_put_back_and_told(market: Cli, place: str) -> None:
    """As text and as JSON; the error of a lost file names the command that does it."""
    path = market.home / "trading_ann_ann_example.com.db"
    edit(path, "UPDATE balances SET posted = 0")
    told = market.run("backup", "restore", "--from", place, "--user", "ann").out
    assert "balances 2" in told
    assert "paper" in told
    path.unlink()
    wanted = f"credit-trading --home {market.home} backup restore --from PLACE --user ann"
    assert wanted in market.refused("orders", "list", "ann")
    shown = market.json("backup", "restore", "--from", place, "--user", "ann")
    assert (shown["user_id"], shown["path"], shown["kept"]) == ("ann", str(path), None)
    assert (shown["private_tables"], shown["file_differed"]) == (["paper"], None)
    assert market.json("verify", "--deep")["findings"] == []
    assert "no such user" in market.refused("backup", "restore", "--from", place, "--user", "zed")
    assert "rebuild dan" in market.refused("backup", "restore", "--from", place, "--user", "dan", "--sequence", "3")


def test_a_restored_folder_is_said_to_have_no_schedules(market: Cli, place: str, tmp_path: Path) -> None:
    """With the command that sets them up there, as it has to be typed."""
    market.run("jobs", "init", "--to", place)
    words = ("backup", "restore", "--from", place, "--to")
    note = market.json(*words, str(tmp_path / "restored folder"))["notes"][-1]
    command = note.partition("set them up: credit-trading ")[2]
    assert command == f"--home '{tmp_path}/restored folder' jobs init --to PLACE"
    assert "Scheduled  nothing" in Cli(tmp_path / "restored folder").run("status").out
    Cli(tmp_path / "restored folder").run(*shlex.split(command)[2:-1], place)
    told = market.run(*words, str(tmp_path / "again")).out
    assert f"credit-trading --home {tmp_path}/again jobs init --to PLACE" in told


def test_a_user_as_of_a_moment_is_written_with_and_without_an_exchange(market: Cli, place: str, tmp_path: Path) -> None:
    words = ("backup", "restore", "--from", place, "--user", "ann")
    now = market.json(*words, "--to", str(tmp_path / "now.db"))
    then = market.json(*words, "--to", str(tmp_path / "then.db"), "--sequence", str(now["sequence"] - 1))
    assert then["events"] < now["events"]
    assert (tmp_path / "then.db").stat().st_mode & 0o777 == 0o400
    assert "exists" in market.refused(*words, "--to", str(tmp_path / "then.db"))
    told = Cli(tmp_path / "nowhere").run(*words, "--to", str(tmp_path / "archived.db")).out
    assert str(tmp_path / "archived.db") in told
    assert "paper" in told


def test_a_lost_exchange_db_is_put_back_and_what_is_beyond_it_told(market: Cli, place: str) -> None:
    """The error of the folder without one names the command; it changes nothing where there is one."""
    words = ("backup", "restore", "--from", place, "--exchange-db")
    assert "move it away" in market.refused(*words)
    market.run("users", "create", "eve", "eve@example.com")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{market.home / 'exchange.db'}{suffix}").unlink(missing_ok=True)
    assert "backup restore --from PLACE --exchange-db" in market.refused("users", "list")
    shown = market.json(*words)
    beyond = {one["user_id"]: one for one in shown["beyond"]}
    assert set(beyond) == {"ann", "bob", "eve"}
    assert (beyond["ann"]["transactions"], beyond["ann"]["carried_over"]) == (1, ["paper"])
    assert (shown["findings"], shown["without_private_facts"]) == ([], [])
    assert json.loads(Path(beyond["eve"]["report"]).read_bytes())["beyond"]["events"][0]["kind"] == "user_created"
    assert market.json("verify", "--deep")["findings"] == []
    market.run("orders", "place", "bob", SYMBOL, "buy", "1")
    (market.home / "exchange.db").unlink()
    told = market.run(*words).out
    assert "Beyond the restored exchange.db" in told
    assert "bob" in told


def test_which_of_two_histories_is_meant_has_to_be_said(market: Cli, place: str, tmp_path: Path) -> None:
    """A restored copy has written to the same place: that is told when it does, and nothing older is taken without a word."""
    first = market.json("backup", "list", "--from", place)[0]["set"]
    second = market.json("backup", "create", "--to", place)["set"]
    market.run("backup", "restore", first, "--from", place, "--to", str(tmp_path / "twin"))
    twin = Cli(tmp_path / "twin")
    told = twin.run("backup", "create", "--to", place).err
    assert f"Warning: The newest set before this one, {second}, is of sequence" in told
    (note,) = market.json("backup", "create", "--full", "--to", place)["notes"]
    assert "give one of them a place of its own" in note
    third = twin.json("backup", "create", "--to", place)["set"]
    for suffix in ("", "-wal", "-shm"):
        Path(f"{market.home / 'exchange.db'}{suffix}").unlink(missing_ok=True)
    error = market.refused("backup", "restore", "--from", place, "--exchange-db")
    assert third in error
    assert "Name the set that is meant" in error
    assert error == market.refused("backup", "restore", "--from", place, "--to", str(tmp_path / "restored"))
    market.run("backup", "restore", second, "--from", place, "--exchange-db")
    assert market.json("verify", "--deep")["findings"] == []


@pytest.mark.parametrize(
    "more", [("--user", "ann"), ("--to", "x"), ("--sequence", "3"), ("--at", "2026-01-01T00:00:00Z")]
)
def test_a_lost_exchange_db_takes_a_set_at_most(cli: Cli, more: tuple[str, str]) -> None:
    assert "in place, as of that set" in cli.run("backup", "restore", "--from", "x", "--exchange-db", *more, code=2).err
