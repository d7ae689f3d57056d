"""`migrate`: what an operator sees of older versions, and does about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit_trading.journal.log import FORMAT_VERSION
from credit_trading.users.tables.schema import SCHEMA_VERSION
from tests.cli.conftest import Cli
from tests.floor import edit, rows_of
from tests.released.test_released import unpacked
from tests.users import harm
from tests.users.older import make_older


def _path(market: Cli, user: str) -> Path:
    return market.home / f"trading_{user}_{user}_example.com.db"


@pytest.fixture
def old(market: Cli) -> Cli:
    """The files of ann and bob are of version 2, cat's is of version 1."""
    for user, version in (("ann", 2), ("bob", 2), ("cat", 1)):
        make_older(_path(market, user), version)
    return market


@pytest.fixture
def first(tmp_path: Path) -> Cli:
    """An exchange as the first release left it."""
    return Cli(unpacked("1", "killed", tmp_path).home)


def test_versions_are_counted_and_nothing_is_changed(old: Cli) -> None:
    counted = old.json("migrate", "status")
    assert counted == {
        "format": FORMAT_VERSION,
        "newest_format": FORMAT_VERSION,
        "files": {"1": 1, "2": 2, str(SCHEMA_VERSION): 1},
        "newest_files": SCHEMA_VERSION,
        "missing": 0,
        "left_alone": [],
    }
    told = old.run("migrate", "status").out
    assert f"format {FORMAT_VERSION}, which is the newest" in told
    assert "made anew from the journal" in told
    assert old.json("migrate", "status") == counted


def test_what_would_be_done_is_told_and_then_done(old: Cli) -> None:
    planned = old.json("migrate", "--all", "--dry-run")
    assert (planned["to_migrate"], planned["current"], planned["left_alone"]) == (3, 1, [])
    assert "Nothing was changed." in old.run("migrate", "--all", "--dry-run").err
    assert old.json("migrate", "--all", "--dry-run") == planned
    done = old.json("migrate", "--all")
    assert (done["migrated"], done["current"], done["left_alone"]) == (3, 1, [])
    assert old.json("migrate", "--all")["migrated"] == 0
    assert "Users' files migrated         0" in old.run("migrate", "--all").out
    old.run("verify", "--deep")


def test_an_exchange_of_the_first_release_can_be_looked_at_and_brought_here(first: Cli) -> None:
    """exchange.db stays in its format until somebody says that it may go on."""
    before = (first.home / "exchange.db").read_bytes()
    assert first.json("migrate", "status")["format"] == 1
    assert first.json("migrate", "--all", "--dry-run") == {
        "format_before": 1,
        "format": FORMAT_VERSION,
        "current": 0,
        "to_migrate": 3,
        "left_alone": [],
    }
    assert f"would go from format 1 to {FORMAT_VERSION}" in first.run("migrate", "--all", "--dry-run").out
    assert "digests of notes in the journal" in first.run("migrate", "status").out
    assert (first.home / "exchange.db").read_bytes() == before
    done = first.json("migrate", "--all")
    assert (done["format_before"], done["format"], done["migrated"]) == (1, FORMAT_VERSION, 3)
    assert rows_of(first.home / "exchange.db", "PRAGMA user_version") == [(FORMAT_VERSION,)]


def test_a_file_that_cannot_be_migrated_is_listed_with_its_way_out(old: Cli) -> None:
    """The others are done, the exit code is 1, also of a look and a dry run, and the way out is for the folder that was named."""
    harm.header(_path(old, "ann"))
    assert [one["user_id"] for one in old.json("migrate", "--all", "--dry-run", code=1)["left_alone"]] == ["ann"]
    assert "Cannot be migrated" in old.run("migrate", "--all", "--dry-run", code=1).out
    assert "Cannot be migrated" in old.run("migrate", "status", code=1).out
    assert [one["user_id"] for one in old.json("migrate", "status", code=1)["left_alone"]] == ["ann"]
    done = old.json("migrate", "--all", code=1)
    assert (done["migrated"], [one["user_id"] for one in done["left_alone"]]) == (2, ["ann"])
    assert f"credit-trading --home {old.home} rebuild ann" in done["left_alone"][0]["reason"]
    assert "Left alone" in old.run("migrate", "--all", code=1).out
    old.run("rebuild", "ann")
    assert old.json("migrate", "--all")["current"] == 4


def test_a_file_that_is_gone_is_told_apart(old: Cli) -> None:
    _path(old, "bob").unlink()
    assert old.json("migrate", "status")["missing"] == 1
    assert "none yet" in old.run("migrate", "status").out


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--all", "status"), ("--dry-run", "status")])
def test_all_has_to_be_said(old: Cli, words: tuple[str, ...]) -> None:

    assert "Give --all, or a command" in old.run("migrate", *words, code=2).err


def test_a_newer_exchange_and_a_folder_without_one_are_refused(old: Cli, tmp_path: Path) -> None:
    """In one line, before anything is done."""
    nowhere = Cli(tmp_path / "nowhere")
    for words in (("migrate", "status"), ("migrate", "--all"), ("migrate", "--all", "--dry-run")):
        assert "no such folder" in nowhere.refused(*words)
    edit(old.home / "exchange.db", "PRAGMA user_version = 99")
    for words in (("migrate", "status"), ("migrate", "--all"), ("migrate", "--all", "--dry-run")):
        assert f"format 99 is newer than {FORMAT_VERSION}" in old.refused(*words)
