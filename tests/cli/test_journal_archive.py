"""`journal archive`: what a person sees of moving the older part of the journal into an archive."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli


def test_rows_are_moved_once_a_set_was_verified(market: Cli, tmp_path: Path) -> None:
    """Refused before, told and not done by a dry run, done, and shown by status; what is read from the beginning is as before."""
    place = tmp_path / "backups"
    words = ("journal", "archive", "--to", str(place), "--keep-events", "0")
    assert "no archive of this exchange is there" in market.refused(*words)
    market.run("backup", "create", "--to", str(place))
    assert "backup verify --from" in market.refused(*words)
    market.run("backup", "verify", "--from", str(place))
    head = market.json("journal", "head")
    market.run("users", "create", "zoe", "zoe@example.com")
    told = market.json(*words, "--dry-run")
    assert (told["dry_run"], told["border"]) == (True, head["sequence"])
    assert market.json("status")["journal"]["archived_up_to"] == 0
    shown = market.run(*words).out
    assert f"sequence {head['sequence']}" in shown
    assert f"the last full set that was verified ends at {head['sequence']}" in shown
    journal = market.json("status")["journal"]
    assert (journal["archived_up_to"], journal["archive"]) == (head["sequence"], str(place))
    assert f"up to {head['sequence']} at {place}" in market.run("status").out.replace("\n", " ")
    market.run("journal", "check", "--sequence", str(head["sequence"]), "--hash", head["hash"])
    market.run("verify", "--deep")
    place.rename(tmp_path / "away")
    assert "segments/0000" in market.run("verify", "--deep", code=1).out
    market.run("verify")


def test_a_small_exchange_keeps_everything_unless_asked(market: Cli, tmp_path: Path) -> None:
    """The latest 50,000 events stay."""
    place = tmp_path / "backups"
    market.run("backup", "create", "--to", str(place))
    market.run("backup", "verify", "--from", str(place))
    shown = market.run("journal", "archive", "--to", str(place)).out
    assert "nothing was moved yet" in shown
    assert "the last 50000 events stay" in shown
