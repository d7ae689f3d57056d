"""`audit`: what happened, by whom, from the command line."""

from __future__ import annotations

import json

from tests.cli.conftest import Cli


def test_what_happened_is_listed_with_who_did_it(market: Cli) -> None:
    """The latest first; a pipe gets every value whole."""
    lines = market.run("audit", "list", "--limit", "3").out.splitlines()
    assert lines[0].split("  ")[0] == "Sequence"
    assert [line.split()[3] for line in lines[1:]] == ["order_accepted", "trade", "order_accepted"]
    assert all("admin:cli" in line for line in lines[1:])
    assert "ann, bob" in lines[2] or "bob, ann" in lines[2]


def test_pages_follow_each_other(market: Cli) -> None:
    """As JSON with `next`; as text with a word on how to go on."""
    everything = market.json("audit", "list", "--limit", "1000")
    assert everything["next"] is None
    first = market.json("audit", "list", "--limit", "5")
    rest = market.json("audit", "list", "--limit", "1000", "--after", first["next"])
    assert first["items"] + rest["items"] == everything["items"]
    assert f"--after {first['next']}" in market.run("audit", "list", "--limit", "5").err


def test_filters_meet(market: Cli) -> None:
    """Each narrows what the others leave."""
    deposits = market.json("audit", "list", "--user", "ann", "--kind", "deposited")["items"]
    assert {event["kind"] for event in deposits} == {"deposited"}
    assert all(event["users"] == ["ann"] for event in deposits)
    placed = market.json("audit", "list", "--order", "1", "--command-id", "spring-1", "--user", "ann")["items"]
    assert [event["kind"] for event in placed] == ["order_accepted"]
    assert placed[0]["changes"]["ann"]["order_status"] == [None, "new"]
    market.run("orders", "place", "dan", "VCS-1340-2020/USD", "buy", "1", "--price", "1.00", code=1)
    (refused,) = market.json("audit", "list", "--rejected")["items"]
    assert (refused["kind"], refused["users"]) == ("order_rejected", ["dan"])
    told = market.run("audit", "list", "--text", "nothing like it")
    assert told.err == "Nothing such.\n"


def test_one_event_is_shown_whole(market: Cli) -> None:
    """As the journal has it, with what it changed."""
    trade = market.json("audit", "list", "--kind", "trade")["items"][0]
    assert market.json("audit", "show", str(trade["sequence"])) == trade
    told = market.run("audit", "show", str(trade["sequence"])).out
    assert json.dumps(trade["details"], separators=(",", ":")) in told
    price = trade["details"]["price_ticks"]
    assert price == 1250
    assert "filled_quantity: 0 -> 1" in told
    assert "Changes of ann" in told
    assert "Changes of bob" in told


def test_what_cannot_be_asked_is_refused_in_one_line(market: Cli) -> None:
    assert "no such user" in market.refused("audit", "list", "--user", "zoe")
    assert "there are no such events" in market.refused("audit", "list", "--kind", "trades")
    assert "not a cursor" in market.refused("audit", "list", "--after", "x")
    assert "the journal ends at" in market.refused("audit", "show", "100000")
