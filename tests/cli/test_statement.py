"""`statement`, and balances at a past moment."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

from tests.cli.conftest import Cli


def test_a_statement_is_a_table_that_ties(market: Cli) -> None:
    """Ann sold one at 12.50: a maker's fee of a twentieth of a percent."""
    lines = [line.split() for line in market.run("statement", "ann").out.splitlines()]
    assert ["USD", "0.00", "1012.49", "0.00", "1012.49", "0.00", "1012.49"] in lines
    assert ["VCS-1340-2020", "0", "100", "1", "99", "9", "90"] in lines
    assert ["USD", "sell", "1", "12.49", "0.00", "12.49"] in lines
    assert any(line[2:6] == ["sell", "VCS-1340-2020", "-1", "99"] for line in lines)


def test_every_form_says_the_same(market: Cli, tmp_path: Path) -> None:
    """On standard output, and in files whose names say which form it is."""
    found = market.json("statement", "ann")
    assert found["transactions"] == len(found["lines"]) == 3
    for ending in ("csv", "html", "json"):
        path = tmp_path / f"ann.{ending}"
        told = market.run("statement", "ann", "-o", str(path))
        assert told.out == ""
        assert "3 transactions" in told.err
        assert path.stat().st_mode & 0o777 == 0o600
        assert (
            market.run("statement", "ann", "--format", ending).out.splitlines()[0]
            == (path.read_bytes().decode().splitlines()[0])
        )
    assert json.loads((tmp_path / "ann.json").read_text())["balances"] == found["balances"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "ann.csv").read_bytes().decode("utf-8-sig"))))
    closing = {row["asset"]: row["balance"] for row in rows if row["transaction_type"] == "closing"}
    assert closing == {one["asset"]: one["closing"] for one in found["balances"]}
    assert (tmp_path / "ann.html").read_text().startswith("<!doctype html>")


def test_what_cannot_be_is_refused_in_one_line(market: Cli, tmp_path: Path) -> None:
    assert "users list" in market.refused("statement", "nobody")
    assert "ends before it begins" in market.refused("statement", "ann", "--from", "2026-02-01", "--to", "2026-01-01")
    assert "Leave the end out" in market.refused("statement", "ann", "--to", "2999-01-01")
    assert "offset from UTC" in market.refused("statement", "ann", "--from", "2026-01-01T10:00:00")
    there = tmp_path / "there.html"
    there.write_text("mine")
    assert "a file of this name exists" in market.run("statement", "ann", "-o", str(there), code=1).err
    assert "CSV, JSON or HTML" in market.run("statement", "ann", "-o", str(tmp_path / "x.txt"), code=2).err
    assert (
        "x.html would be html"
        in market.run("statement", "ann", "-o", str(tmp_path / "x.html"), "--format", "csv", code=2).err
    )
    assert "would be csv" in market.run("statement", "ann", "-o", str(tmp_path / "x.csv"), "--json", code=2).err
    assert list(tmp_path.glob("x.*")) == []
    assert "not both" in market.run("statement", "ann", "--json", "--format", "csv", code=2).err
    assert there.read_text() == "mine"


def test_what_the_page_says_proves_it_does(market: Cli) -> None:
    """The command as it stands there, and one with another hash, which proves nothing."""
    page = market.run("statement", "ann", "--format", "html").out
    (command,) = re.findall("<code>credit-trading (journal check [^<]*)</code>", page)
    market.run(*shlex.split(command))
    market.run(*shlex.split(re.sub("hash [0-9a-f]{8}", "hash 01234567", command)), code=1)


def test_a_late_entry_stands_in_the_table_with_its_own_day(market: Cli) -> None:
    """And nothing above it is wider than a terminal."""
    terms = ("--price", "2.00", "--currency", "USD", "--outside", "Acme", "--occurred-at", "2025-12-12T10:00:00Z")
    market.run("transactions", "record", "ann", "buy", "VCS-1340-2020", "5", *terms)
    told = market.run("statement", "ann")
    late = [line.split() for line in told.out.splitlines() if "Acme" in line]
    assert [line[2:7] for line in late] == [["2025-12-12", "buy", "VCS-1340-2020", "5", "104"]]
    assert all(len(line) <= 80 for line in told.out.partition("Transactions of")[0].splitlines())
    assert told.err == ""
    since = market.run("statement", "ann", "--from", told.out.partition("Period (UTC)")[2].split()[0])
    assert "by date has it" in since.err
    by_date = market.run("statement", "ann", "--by", "date").out
    assert [line.split()[0] for line in by_date.splitlines() if "Acme" in line] == ["2025-12-12"]


def test_a_user_who_has_nothing_gets_a_statement_of_nothing(market: Cli) -> None:
    assert "nothing moved" in market.run("statement", "dan").err
    assert market.json("statement", "dan")["balances"] == []


def test_balances_can_be_shown_at_a_past_moment(market: Cli) -> None:
    lines = market.json("statement", "ann")["lines"]
    assert market.json("accounts", "show", "ann", "--at", lines[0]["booked_at"]) == [
        {"asset": "VCS-1340-2020", "posted": "100"}
    ]
    assert "1012.49" in market.run("accounts", "show", "ann", "--at", lines[-1]["booked_at"], "--by", "date").out
    assert market.json("accounts", "show", "ann", "--at", "2020-01-01") == []
    assert "not come yet" in market.refused("accounts", "show", "ann", "--at", "2999-01-01")
