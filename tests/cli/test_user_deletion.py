"""`users delete`: where the copy is, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli


def test_the_copy_is_told_and_is_there(market: Cli) -> None:
    told = market.json("users", "delete", "dan", "--yes")
    assert Path(told["copy"]).parent == market.home / "deleted"
    assert Path(told["copy"]).exists()
    told = market.run("users", "delete", "cat", "--sweep-to", "ann", "--yes").out
    assert told.startswith("Deleted cat; a copy of the file: ")


def test_without_a_copy_none_is_told(market: Cli) -> None:
    assert market.json("users", "delete", "dan", "--yes", "--no-backup")["copy"] is None
    assert market.run("users", "delete", "cat", "--sweep-to", "ann", "--yes", "--no-backup").out == "Deleted cat\n"
    assert not (market.home / "deleted").exists()


def test_a_user_whose_file_cannot_be_copied_is_not_deleted(market: Cli) -> None:
    path = Path(market.json("users", "show", "ann")["path"])
    path.write_bytes(b"no database at all, of some length")
    told = market.run("users", "delete", "ann", "--sweep-to", "bob", "--yes", code=1).err
    assert "the user was not deleted" in told
    assert "users delete ann --no-backup" in told
    market.run("users", "delete", "ann", "--sweep-to", "bob", "--no-backup", "--yes")
