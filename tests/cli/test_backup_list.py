"""`backup list`, `show` and `prune`, as they are typed: what is named wrongly is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def place(market: Cli, tmp_path: Path) -> Path:
    """With one set."""
    market.run("backup", "create", "--to", str(tmp_path / "backups"))
    return tmp_path / "backups"


def test_a_place_that_is_no_archive_is_refused_by_all_that_look_at_sets(market: Cli, tmp_path: Path) -> None:
    """A slip in the place: an empty list would pass for an archive that lost everything."""
    for command in ("list", "show", "verify"):
        told = market.refused("backup", command, "--from", str(tmp_path / "nope"))
        assert "there is no complete backup here" in told
    (tmp_path / "u1.db").write_text("a file")
    assert "a file, not a folder" in market.refused("backup", "list", "--from", str(tmp_path / "u1.db"))


def test_an_archive_that_waits_for_its_first_set_is_empty(market: Cli, place: Path) -> None:
    """Its first backup was interrupted, or all its sets were taken away."""
    for manifest in (place / "sets").iterdir():
        manifest.unlink()
    assert market.json("backup", "list", "--from", str(place)) == []
    assert "No set at" in market.run("backup", "list", "--from", str(place)).err


@pytest.mark.parametrize("damaged", [False, True])
def test_a_set_that_is_not_there_is_named(market: Cli, place: Path, damaged: bool) -> None:
    """Whatever has become of those that are."""
    if damaged:
        for manifest in (place / "sets").iterdir():
            manifest.write_text("x")
    told = market.refused("backup", "show", "nope", "--from", str(place))
    assert f'"nope": there is no such set at {place}. See which there are: ' in told


def test_a_damaged_set_is_one_word_in_the_table_and_a_line_below(market: Cli, place: Path) -> None:
    (manifest,) = (place / "sets").iterdir()
    manifest.write_text("x")
    table, _, problem = market.run("backup", "list", "--from", str(place)).out.rstrip().rpartition("\n")
    assert table.endswith("damaged")
    assert problem.startswith(f"{manifest.stem}: it cannot be read")


def test_nothing_is_pruned_without_a_rule(market: Cli, place: Path) -> None:
    told = market.refused("backup", "prune", "--from", str(place), code=2)
    assert "Say what to keep: --keep-last, --keep-daily, --keep-weekly or --keep-monthly" in told


def test_numbers_of_one_are_in_the_singular(market: Cli, place: Path) -> None:
    market.run("backup", "create", "--to", str(place), "--full")
    market.run("backup", "verify", "--from", str(place))
    told = market.run("backup", "prune", "--from", str(place), "--keep-last", "1", "--dry-run").err
    assert told.startswith("1 set and ")


def test_restoring_into_a_file_that_is_there_names_the_restore(market: Cli, place: Path, tmp_path: Path) -> None:
    (tmp_path / "ann.db").write_text("mine")
    words = ("backup", "restore", "--from", str(place), "--user", "ann", "--to", str(tmp_path / "ann.db"))
    assert market.refused(*words).startswith("Error: backup.restore ")


def test_what_a_user_has_cannot_be_swept_to_the_user(market: Cli) -> None:
    told = market.refused("users", "delete", "ann", "--sweep-to", "ann", "--yes")
    assert told.startswith('Error: users.delete "ann": ')
