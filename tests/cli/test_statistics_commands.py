"""`transactions statistics`: what stands over the columns, and what cannot be asked."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_columns_have_a_traders_names(market: Cli) -> None:
    headings = market.run("transactions", "statistics", "bob").out.splitlines()[0]
    for heading in ("Average cost", "Market value", "Unrealised", "Realised", "Currency"):
        assert heading in headings


def test_an_average_cost_is_whole_but_for_zeros_at_its_end(market: Cli) -> None:
    """Bob bought one at 12.50, with a fee of 0.03, and got two for nothing."""
    assert market.json("transactions", "statistics", "bob")[0]["average_cost"] == "12.530000"
    assert " 12.53 " in market.run("transactions", "statistics", "bob").out
    market.run("transactions", "record", "bob", "deposit", "VCS-1340-2020", "2", "--outside", "Acme")
    assert " 4.176667 " in market.run("transactions", "statistics", "bob").out


def test_a_pair_has_one_mark(market: Cli) -> None:
    """The same price twice is no better: one of the two was meant for something else."""
    mark = ("--mark", "VCS-1340-2020", "USD", "13")
    refused = market.refused("transactions", "statistics", "bob", *mark, *mark)
    assert "VCS-1340-2020/USD" in refused
    assert "given twice" in refused
    assert "one --mark for each pair" in refused
