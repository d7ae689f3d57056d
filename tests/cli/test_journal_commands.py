"""The journal's head on the command line, and verify on what cannot be opened."""

from __future__ import annotations

import pytest

from credit_trading.journal.log import FILE_NAME
from tests.cli.conftest import Cli
from tests.floor import edit


def test_a_kept_head_proves_that_history_is_unchanged(market: Cli) -> None:
    """What is decided afterwards changes nothing of it; both are told as text and as JSON."""
    head = market.json("journal", "head")
    assert list(head) == ["sequence", "hash", "time"]
    assert head["hash"] in market.run("journal", "head").out
    market.run("accounts", "deposit", "ann", "USD", "5")
    kept = ("--sequence", str(head["sequence"]), "--hash", head["hash"])
    told = {"sequence": head["sequence"], "hash": head["hash"], "unchanged": True, "finding": None}
    assert market.json("journal", "check", *kept) == told
    assert market.run("journal", "check", *kept).out == f"Unchanged up to sequence {head['sequence']}.\n"


def test_a_kept_head_convicts_a_history_that_was_changed(market: Cli) -> None:
    """Though every hash behind the edited row were made to fit, the kept one would not; here it is another one's, and a later one."""
    head = market.json("journal", "head")
    wrong = ("--sequence", str(head["sequence"] - 1), "--hash", head["hash"])
    told = market.json("journal", "check", *wrong, code=1)
    assert (told["unchanged"], told["finding"]["row"]) == (False, f"sequence {head['sequence'] - 1}")
    assert "history up to here is not what it was" in market.run("journal", "check", *wrong, code=1).out
    later = ("--sequence", str(head["sequence"] + 1), "--hash", head["hash"])
    told = market.run("journal", "check", *later, code=1).out
    assert f"sequence {head['sequence']}  the journal ends before the head that was kept" in told


def test_two_hashes_that_differ_at_their_ends_are_told_in_full(market: Cli) -> None:
    """A slip in the last digit: their beginnings look equal."""
    head = market.json("journal", "head")
    slip = head["hash"][:-1] + ("0" if head["hash"][-1] != "0" else "1")
    told = market.run("journal", "check", "--sequence", str(head["sequence"]), "--hash", slip, code=1).out
    assert f"(expected {slip}, found {head['hash']})" in told


@pytest.mark.parametrize(("sequence", "kept"), [("0", "a" * 64), ("1", "abc"), ("1", "g" * 64)])
def test_what_is_no_head_is_refused(market: Cli, sequence: str, kept: str) -> None:
    market.refused("journal", "check", "--sequence", sequence, "--hash", kept)


@pytest.mark.parametrize("harm", ["text", "row", "schema", "newer"])
def test_verify_looks_at_what_cannot_be_opened(market: Cli, harm: str) -> None:
    """Findings and exit code 1, where every other command is refused."""
    path = market.home / FILE_NAME
    if harm == "text":
        path.write_bytes(b"no database" * 1000)
    else:
        statement = {
            "row": "UPDATE journal SET payload = '{' WHERE sequence = 5",
            "schema": "DROP TABLE users",
            "newer": "PRAGMA user_version = 99",
        }[harm]
        edit(path, statement)
    for words in ((), ("--deep",)):
        findings = market.json("verify", *words, code=1)["findings"]
        assert FILE_NAME in {finding["file"] for finding in findings}
        assert FILE_NAME in market.run("verify", *words, code=1).out
    market.refused("users", "list")


def test_a_user_whom_nobody_knows_is_refused(market: Cli) -> None:
    assert "no such user" in market.refused("verify", "--user", "zed")
