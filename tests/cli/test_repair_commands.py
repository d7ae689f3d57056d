"""`rebuild` and `quarantine`: what an operator does with a user's file that is not as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

import credit_trading
from credit_trading.users.private_writer import PrivateWriter
from tests.cli.conftest import Cli
from tests.floor import edit
from tests.users import harm


def _path(market: Cli, user: str = "ann") -> Path:
    return market.home / f"trading_{user}_{user}_example.com.db"


def _write_private_fact(market: Cli, number: int) -> None:
    with (
        credit_trading.open(market.home) as exchange,
        PrivateWriter(exchange._files, exchange._projector).writing(number) as file,
    ):
        file.execute("CREATE TABLE paper (a)")


def test_a_broken_file_is_listed_rebuilt_and_used_again(market: Cli) -> None:
    """The errors name the commands that help, for the folder that was given."""
    harm.header(_path(market))
    assert "in quarantine" in market.run("orders", "list", "ann", code=1).err
    told = market.refused("orders", "list", "ann")
    assert f"credit-trading --home {market.home} rebuild ann" in told
    assert f"credit-trading --home {market.home} quarantine release ann" in told
    (listed,) = market.json("quarantine", "list")
    assert (listed["user_id"], listed["path"], listed["code"]) == ("ann", str(_path(market)), "file_corrupt")
    assert "no SQLite database" in market.run("quarantine", "list").out
    assert "stays in quarantine" in market.refused("quarantine", "release", "ann")
    rebuilt = market.json("rebuild", "ann")
    assert list(rebuilt) == ["user_id", "path", "changed", "kept", "differing_rows", "carried_over", "left_behind"]
    assert Path(rebuilt["kept"]).parent == market.home / "quarantine"
    assert market.json("quarantine", "list") == []
    empty = market.run("quarantine", "list")
    assert "ann" not in empty.out
    assert f"1 file of before, kept by repairs and restores, in {market.home / 'quarantine'}" in empty.err
    assert len(market.json("orders", "list", "ann")["items"]) == 1


def test_an_empty_quarantine_is_one_line(market: Cli) -> None:
    """No heading of a table without rows."""
    told = market.run("quarantine", "list")
    assert (told.out, told.err) == ("", "No file is in quarantine.\n")
    assert market.json("quarantine", "list") == []


def test_what_was_changed_by_hand_is_told_and_put_right(market: Cli) -> None:
    edit(_path(market), "UPDATE balances SET posted = 0", "CREATE TABLE mine (a)")
    told = market.run("rebuild", "ann").out
    assert "balances 2" in told
    assert "mine" in told
    assert str(market.home / "quarantine") in told.replace("\n", "")
    assert "nothing was changed" in market.run("rebuild", "ann").out


def test_a_file_put_back_from_a_backup_is_released(market: Cli) -> None:
    content = _path(market).read_bytes()
    harm.header(_path(market))
    assert "in quarantine" in market.run("orders", "list", "ann", code=1).err
    _path(market).write_bytes(content)
    market.refused("orders", "list", "ann")
    assert market.json("quarantine", "release", "ann") == {"user_id": "ann", "released": True}
    assert "was not in quarantine" in market.run("quarantine", "release", "ann").out
    assert len(market.json("orders", "list", "ann")["items"]) == 1


def test_private_facts_are_lost_only_if_that_is_accepted(market: Cli) -> None:
    _write_private_fact(market, 1)
    _path(market).unlink()
    assert "--accept-loss" in market.refused("orders", "list", "ann")
    assert "--accept-loss" in market.refused("rebuild", "ann")
    assert market.json("rebuild", "ann", "--accept-loss")["kept"] is None
    assert len(market.json("orders", "list", "ann")["items"]) == 1


def test_all_are_rebuilt_but_those_that_would_lose_something(market: Cli) -> None:
    """They are named, the exit code is 1, the others are done; --accept-loss does them too."""
    _write_private_fact(market, 1)
    _path(market).unlink()
    harm.header(_path(market, "bob"))
    assert "--yes" in market.refused("rebuild", "--all")
    result = market.json("rebuild", "--all", "--yes", code=1)
    assert [one["user_id"] for one in result["rebuilt"]] == ["bob"]
    assert [one["user_id"] for one in result["refused"]] == ["ann"]
    assert result["unchanged"] == 2
    told = market.run("rebuild", "--all", "--yes", code=1).out
    assert "Left alone" in told
    assert "--accept-loss" in told
    assert [one["user_id"] for one in market.json("rebuild", "--all", "--yes", "--accept-loss")["rebuilt"]] == ["ann"]
    assert market.json("rebuild", "--all", "--yes") == {"unchanged": 4, "rebuilt": [], "refused": []}


@pytest.mark.parametrize("words", [(), ("ann", "--all")])
def test_one_user_or_all_not_both_nor_neither(market: Cli, words: tuple[str, ...]) -> None:
    assert "Give a user, or --all" in market.refused("rebuild", *words, code=2)


def test_an_unknown_user_has_nothing_to_rebuild_or_release(market: Cli) -> None:
    for words in (("rebuild", "zoe"), ("quarantine", "release", "zoe")):
        assert "no such user" in market.refused(*words)
