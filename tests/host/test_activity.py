"""Questions to the activity log in a host's database, and the counts by day beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select

from credit_trading.checks import LARGEST
from credit_trading.errors import InvalidInput, StorageError
from credit_trading.host import schema
from credit_trading.host.activity import Activity, DailySum
from credit_trading.host.activity_input import COLUMNS
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.entries.daily import counts_of, daily_row
from credit_trading.host.outwards.outward import Outward
from credit_trading.host.rows import ActivityRow
from credit_trading.host.tables import Tables
from tests.exchange.flow import act, any_steps, random_flow
from tests.exchange.market import Market
from tests.exchange.replicas import DAY_US
from tests.host.database import Database
from tests.host.journals import EXCHANGE_ID, written
from tests.host.told import told

_START = datetime(2026, 1, 1, 22, tzinfo=UTC)
_SENTENCES = ["100% of it", "100 of it", "a_b", "aXb", r"back\slash", "Order FILLED", "order filled", "/slash"]


class Log:
    """An activity log that somebody wrote: `rows`, the latest first."""

    def __init__(self, database: Database) -> None:
        self.adapter = EngineAdapter(database.url)
        self.tables = Tables()
        self.activity = Activity(self.adapter, self.tables)
        with self.adapter.transaction() as connection:
            schema.init(connection, self.tables, exchange_id=EXCHANGE_ID)
        self.rows: list[ActivityRow] = []

    def write(self, rows: Sequence[ActivityRow]) -> None:
        with self.adapter.transaction() as connection:
            connection.execute(insert(self.tables.activity), [dict(row) for row in rows])
            daily = [dict(daily_row(key, counts)) for key, counts in counts_of(rows).items()]
            connection.execute(insert(self.tables.activity_daily), daily)
        self.rows = sorted(rows, key=lambda row: (-row["sequence"], -row["part"]))

    def found(self, limit: int = 50, **filters: Any) -> list[tuple[int, int]]:
        """Where they stand, page by page."""
        found, after = [], None
        while True:
            page = self.activity.search(limit=limit, after=after, **filters)
            found += [(row["sequence"], row["part"]) for row in page]
            if page.next is None:
                return found
            after = page.next


@pytest.fixture
def log(database: Database) -> Iterator[Log]:
    made = Log(database)
    yield made
    made.adapter.close()


def _any_rows(count: int, *, seed: int = 1) -> list[ActivityRow]:
    """Three to an event, of a few of everything, half an hour apart."""
    random = Random(seed)
    rows: list[ActivityRow] = []
    for number in range(count):
        quantity, value = random.choice([None, 0, 5, 2**60]), random.choice([None, 7, 2**60])
        rows.append(
            {
                "sequence": number // 3 + 1,
                "part": number % 3,
                "occurred_at": _START + timedelta(minutes=30 * (number // 3)),
                "type": random.choice(["trade", "deposit", "order_filled"]),
                "user_id": random.choice([None, "ann", "bob", "Ann"]),
                "counterparty_id": random.choice([None, "ann", "cat"]),
                "project_id": random.choice([None, "p-1", "p-2"]),
                "instrument": random.choice([None, "A/USD"]),
                "asset": random.choice([None, "A", "B"]),
                "currency": random.choice([None, "USD"]),
                "order_id": random.choice([None, 1, 2]),
                "trade_id": None,
                "transaction_id": None,
                "request_id": None,
                "side": None,
                "quantity_units": quantity,
                "value_units": value,
                "quantity": None,
                "price": None,
                "value": None,
                "status": None,
                "reason": None,
                "actor": random.choice(["user:ann", "exchange"]),
                "correlation_id": None,
                "sentence": random.choice(_SENTENCES),
            }
        )
    return rows


def test_a_search_finds_what_is_all_that_was_asked_for_page_by_page(log: Log) -> None:
    """Every filter alone and two together, against a plain look at all rows; a page ends within an event as well."""
    log.write(_any_rows(120))
    noon = _START + timedelta(hours=9)
    asked: dict[str, tuple[object, Callable[[Mapping[str, Any]], bool]]] = {
        "types": (["trade", "deposit"], lambda row: row["type"] in ("trade", "deposit")),
        "user_id": ("ann", lambda row: "ann" in (row["user_id"], row["counterparty_id"])),
        "project_id": ("p-1", lambda row: row["project_id"] == "p-1"),
        "instrument": ("A/USD", lambda row: row["instrument"] == "A/USD"),
        "asset": ("B", lambda row: row["asset"] == "B"),
        "order_id": (2, lambda row: row["order_id"] == 2),
        "actor": ("exchange", lambda row: row["actor"] == "exchange"),
        "since": (noon.isoformat(), lambda row: row["occurred_at"] >= noon),
        "until": (noon, lambda row: row["occurred_at"] < noon),
        "text": ("ORDER f", lambda row: "order f" in row["sentence"].lower()),
    }
    assert log.found(limit=7) == [(row["sequence"], row["part"]) for row in log.rows]
    for names in [*((name,) for name in asked), *combinations(asked, 2)]:
        expected = [(row["sequence"], row["part"]) for row in log.rows if all(asked[name][1](row) for name in names)]
        filters: dict[str, Any] = {name: asked[name][0] for name in names}
        assert log.found(**filters) == expected, names
        assert expected or {"since", "until"} <= set(names)
    assert {row["occurred_at"].tzinfo for row in log.activity.search()} == {UTC}
    assert log.activity.search(limit=1_000).items == log.rows


def test_wildcards_in_a_text_are_letters(log: Log) -> None:
    log.write(_any_rows(60))
    for text in ("100%", "a_b", "back\\", "/s", "%", "_"):
        expected = [row["sentence"] for row in log.rows if text in row["sentence"]]
        assert [row["sentence"] for row in log.activity.search(text=text)] == expected, text
        assert expected, text


def test_entries_that_come_meanwhile_do_not_move_the_pages(log: Log) -> None:
    rows = _any_rows(30)
    log.write(rows[:15])
    first = log.activity.search(limit=4)
    with log.adapter.transaction() as connection:
        connection.execute(insert(log.tables.activity), [dict(row) for row in rows[15:]])
    second = log.activity.search(limit=11, after=first.next)
    assert [*first, *second] == log.rows
    assert second.next is None


def test_what_cannot_be_asked_is_refused_in_a_line(log: Log) -> None:
    log.write(_any_rows(6))
    page = log.activity.search(limit=1)
    searches: list[dict[str, Any]] = [
        {"limit": 0},
        {"limit": 1_001},
        {"types": "sale"},
        {"types": 7},
        {"order_id": 0},
        {"since": "yesterday"},
        {"text": "a\0b"},
        {"user_id": 7},
        {"after": "x"},
        {"after": page.next, "user_id": "ann"},
    ]
    for wrong in searches:
        with pytest.raises(InvalidInput) as caught:
            log.activity.search(**wrong)
        assert "\n" not in str(caught.value)
    sums: list[dict[str, Any]] = [
        {"by": "actor"},
        {"since": "2026-13-01"},
        {"since": _START},
        {"types": ["x"]},
        {"asset": "\0"},
    ]
    for wrong in sums:
        with pytest.raises(InvalidInput):
            log.activity.daily(**wrong)


def test_tables_that_are_not_there_are_told_in_a_line(tmp_path: Path) -> None:
    activity = Activity(EngineAdapter(f"sqlite:///{tmp_path / 'host.db'}"), Tables())
    with pytest.raises(StorageError) as caught:
        activity.search()
    assert "\n" not in str(caught.value)


def test_daily_sums_are_those_of_the_entries_however_they_are_grouped(log: Log) -> None:
    """Over many days and types, with sums beyond 63 bits; things that cannot be added are not."""
    rows = _any_rows(200)
    log.write(rows)
    for count in (0, 1, 2, len(COLUMNS)):
        for by in combinations(COLUMNS, count):
            assert log.activity.daily(by) == _sums(rows, by), by
    only = [row for row in rows if row["project_id"] == "p-1" and row["occurred_at"].date() >= date(2026, 1, 3)]
    found = log.activity.daily(["asset", "type"], project_id="p-1", since="2026-01-03")
    assert found == _sums(only, ("type", "asset"))
    no_user = [row for row in rows if row["user_id"] is None and row["occurred_at"].date() < date(2026, 1, 3)]
    assert log.activity.daily("day", user_id="", until=date(2026, 1, 3)) == _sums(no_user, ("day",))
    trades_in_a = [row for row in rows if row["type"] == "trade" and row["asset"] == "A"]
    (found_a,) = log.activity.daily((), types="trade", asset="A")
    assert found_a.quantity_units == sum(row["quantity_units"] or 0 for row in trades_in_a) > LARGEST
    assert found_a.value_units is None
    assert log.activity.daily("day", project_id="p-9") == log.activity.daily((), project_id="p-9") == []


def _sums(rows: Sequence[ActivityRow], by: Sequence[str]) -> list[DailySum]:
    """Counted one by one."""
    counted: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        all_of = {"day": row["occurred_at"].date(), **{name: row[name] or "" for name in COLUMNS[1:]}}  # type: ignore[literal-required]
        sums = counted.setdefault(tuple(all_of[name] for name in by), [0, 0, 0])
        for place, more in enumerate((1, row["quantity_units"] or 0, row["value_units"] or 0)):
            sums[place] += more
    order = sorted(counted, key=lambda key: [-one.toordinal() if isinstance(one, date) else one for one in key])
    return [
        DailySum(
            entries=counted[key][0],
            quantity_units=counted[key][1] if {"type", "asset"} <= set(by) else None,
            value_units=counted[key][2] if {"type", "currency"} <= set(by) else None,
            **dict(zip(by, key, strict=True)),
        )
        for key in order
    ]


def test_the_counts_by_day_equal_a_recount_of_the_log(log: Log, tmp_path: Path) -> None:
    """After random trading over several days with trades taken back and users deleted, in batches of any size."""
    market = Market("ann", "bob", "cat", "dan", cash="900.00", credits=60, maker="-0.001", taker="0.0025")
    for number, step in enumerate(random_flow(any_steps, Random(7), length=400)):
        act(market, step)
        if number % 50 == 0:
            market.time_us += DAY_US * 2 // 3
            market.advance()
    market.play("create eve\ncreate fay\nenter x eve correction_in 5 TREE\ndeal fay buys 1 from eve for 0.00 -> ...")
    market.play("withdraw eve 5 TREE\ndelete eve")
    with written(market, tmp_path / "trading") as live:
        Outward(live, log.adapter, log.tables, rows_per_batch=37).round(up_to=90)
        Outward(live, log.adapter, log.tables).round()
    with log.adapter.transaction() as connection:
        stored = connection.execute(select(log.tables.activity)).mappings().all()
        daily = {tuple(row[:6]): list(row[6:]) for row in connection.execute(select(log.tables.activity_daily))}
    kinds = {row["type"] for row in stored}
    assert {"trade", "trade_busted", "user_deleted", "order_expired", "correction", "withdrawal"} <= kinds
    assert len({key[0] for key in daily}) > 3
    assert daily == _recounted([dict(row) for row in stored])
    expected = [(row["sequence"], row["part"], row["type"], row["sentence"]) for row in told(market)]
    log_rows = sorted(stored, key=lambda row: (row["sequence"], row["part"]))
    assert [(row["sequence"], row["part"], row["type"], row["sentence"]) for row in log_rows] == expected


def _recounted(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], list[int]]:
    counted: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        names = ("project_id", "user_id", "asset", "currency")
        key = (row["occurred_at"].date(), row["type"], *[row[name] or "" for name in names])
        sums = counted.setdefault(key, [0, 0, 0])
        for place, more in enumerate((1, row["quantity_units"] or 0, row["value_units"] or 0)):
            sums[place] += more
    return {
        key: [one if place == 0 else min(one, LARGEST) for place, one in enumerate(sums)]
        for key, sums in counted.items()
    }


def test_a_sum_that_does_not_fit_its_column_stays_at_the_largest_number_in_whatever_portions() -> None:
    (row,) = _any_rows(1)
    row["quantity_units"], row["value_units"] = 2**62, 3
    ((key, once),) = counts_of([row]).items()
    ((_, thrice),) = counts_of([row] * 3).items()
    by_ones = daily_row(key, once, daily_row(key, once, daily_row(key, once)))
    assert by_ones == daily_row(key, thrice)
    assert (by_ones["entries"], by_ones["quantity_units"], by_ones["value_units"]) == (3, LARGEST, 9)
