"""What is measured of a host's database: that both sides do the same, and what a lag is. The figures are not judged here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import host_databases, host_lag, host_rows, normal_flow
from benchmarks.__main__ import run
from benchmarks.flow import CANCEL, MODIFY, NEW
from benchmarks.host_exchange import commands_of
from credit_trading.exchange import commands as cmd
from tests.benchmarks.test_benchmarks import FEW


@pytest.fixture(autouse=True)
def no_recorded_flow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The made-up one is the same everywhere."""
    monkeypatch.setattr(normal_flow, "NORMAL", tmp_path / "absent")


def test_the_flow_s_messages_are_commands_of_those_whose_orders_they_are() -> None:
    """A cancel or modify goes to the owner by the order's number, whatever its side says; buyer and seller have one instrument."""
    messages = [
        (NEW, 0, 0, 0, 5, 0, 7, -3, 0),
        (NEW, 1, 1, 0, 5, 1, 17, -4, 0),
        (MODIFY, 1, 0, 0, 6, 2, 7, -2, 0),
        (CANCEL, 1, 0, 0, 9, 3, 7, 99, 0),
    ]
    assert list(commands_of(messages, 10, lift_ticks=5)) == [
        cmd.PlaceOrder(8, "VCS-8/USD", True, 5, 2, "GTC", client_order_id="order-7"),
        cmd.PlaceOrder(18, "VCS-8/USD", False, 5, 1, "IOC", client_order_id="order-17"),
        cmd.AmendOrder(8, "VCS-8/USD", None, "order-7", price_ticks=3, quantity_lots=6),
        cmd.CancelOrder(8, None, "order-7"),
    ]


def test_both_sides_write_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark compares all tables of both; and notices it if the hand leaves one statement out. Without a server a line says so."""
    monkeypatch.setattr(host_databases, "programs", lambda: None)
    sqlite, absent = run(FEW, tmp_path, only="n")
    assert sqlite.unit == "events/s"
    assert sqlite.ok is not None
    assert (absent.item, absent.measured, absent.compared_with) == ("n", None, "PostgreSQL: not installed")

    taken = host_rows.TakenDown.by_place
    monkeypatch.setattr(host_rows.TakenDown, "by_place", lambda self: [one[:2] + one[3:] for one in taken(self)])
    with pytest.raises(AssertionError, match="different rows"):
        run(FEW, tmp_path, only="n")


def test_statements_by_name_are_written_by_place() -> None:
    """As a driver takes them soonest; a name that comes twice is given twice."""
    sql = "UPDATE t SET a = %(a)s, b = %(b)s::BIGINT WHERE a <> %(a)s"
    rows: list[Any] = [{"b": 2, "a": 1, "c": 0}]
    assert host_rows.by_place(sql, rows) == ("UPDATE t SET a = %s, b = %s::BIGINT WHERE a <> %s", [(1, 2, 1)])
    assert host_rows.by_place("DELETE FROM t WHERE a = ?", [(1,)]) == ("DELETE FROM t WHERE a = ?", [(1,)])


def test_the_lag_of_an_order_ends_when_its_last_event_is_seen() -> None:
    """Not when an earlier one is; several may be seen at once."""
    placed = host_lag.Placed(took_ms=[1.0] * 3, at_s=[10.0, 10.5, 11.0], sequences=[5, 7, 8])
    seen = [(0.0, 0), (10.25, 6), (11.5, 8)]
    assert host_lag.lags_ms(placed, seen) == [250.0, 1000.0, 500.0]


@pytest.mark.long
def test_every_figure_of_a_host_s_database_is_measured(tmp_path: Path) -> None:
    """With the server, if there is one: workers in threads and processes, and checks in processes."""
    figures = run(FEW, tmp_path, only="nop")
    with_server = [figure for figure in figures if figure.measured is None] == []
    assert [figure.item for figure in figures] == list("nn" + ("o" * 20 if with_server else "o" * 11) + "pppp")
    assert all(figure.measured is None or figure.measured > 0 for figure in figures)
    assert list(tmp_path.iterdir()) == []
