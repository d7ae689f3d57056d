"""Questions to the audit trail of a user's file: each runs on an index, and gives what looking at every row gives."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from credit_trading.store.sqlite import Connection
from credit_trading.users.scratch import scratch_file
from credit_trading.users.tables import trail
from credit_trading.users.tables.trail import Row, Wanted

GIVEN: dict[str, list[Any]] = {
    "from_us": [50, 500],
    "to_us": [51, 700],
    "kinds": [("trade",), ("order_accepted", "order_rejected", "fenced")],
    "causes": [("user1/order/o3",), ("user1/order/o4", "admin/id/4")],
    "actor": ["user:ann", "admin:x"],
    "origin": ["10.0.0.1"],
    "correlation_id": ["r1", "r%"],
    "order_id": [3],
    "text": ["QUANTITY", "%", "_", "grüße"],
}
"""Each filter with values that some rows have."""


@pytest.fixture
def file() -> Iterator[Connection]:
    """A user's file with 300 rows, several of one moment."""
    chance = random.Random(7)
    with scratch_file() as connection:
        for number in range(300):
            row = (
                number * 3 + 1,
                number + 1,
                number // 4 * 10,
                chance.choice(["trade", "order_accepted", "order_rejected", "deposited"]),
                chance.choice([None, f"user1/order/o{number % 9}", "admin/id/4"]),
                chance.choice([None, "user:ann", "admin:x"]),
                chance.choice([None, "10.0.0.1", "10.0.0.2"]),
                chance.choice([None, "r1", "r%", "rX"]),
                chance.choice([None, 3, 4]),
                json.dumps({"quantity_lots": number, "remark": chance.choice(["100%", "a_b", "Grüße", ""])}, ensure_ascii=False),
                chance.choice([None, '{"hold":["1","2"]}']),
            )  # fmt: skip
            connection.execute(f"INSERT INTO audit_trail VALUES ({', '.join('?' * len(row))})", row)
        yield connection


def _expected(rows: list[Row], wanted: Wanted) -> list[Row]:
    """By looking at every row."""
    found = []
    for row in reversed(rows):
        one = dict(zip(trail.COLUMNS, row, strict=True))
        words = [one[name] for name in ("details", "changes", "cause", "actor", "origin", "correlation_id")]
        if (
            (wanted.from_us is None or one["event_date"] >= wanted.from_us)
            and (wanted.to_us is None or one["event_date"] < wanted.to_us)
            and (not wanted.kinds or one["kind"] in wanted.kinds)
            and (not wanted.causes or one["cause"] in wanted.causes)
            and all(
                getattr(wanted, name) in (None, one[name]) for name in ("actor", "origin", "correlation_id", "order_id")
            )
            and (wanted.text is None or any(wanted.text.lower() in word.lower() for word in words if word))
        ):
            found.append(row)
    return found


def _all_questions() -> Iterator[Wanted]:
    """Each filter alone, all pairs, and a sample of larger sets."""
    yield Wanted()
    names, chance = list(GIVEN), random.Random(1)
    sets = [*itertools.combinations(names, 1), *itertools.combinations(names, 2)]
    sets += [tuple(chance.sample(names, chance.randrange(3, len(names)))) for _ in range(60)]
    for chosen in sets:
        yield Wanted(**{name: chance.choice(GIVEN[name]) for name in chosen})


def test_every_question_runs_on_an_index_and_sorts_nothing(file: Connection) -> None:
    """Without any filter that has one, the range of sequences is read."""
    for wanted in _all_questions():
        leading, values, parameters = trail.question(wanted)
        given = {**parameters, "first": 0, "before": 10, "most": 5, "value": values[0]}
        plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {trail.QUESTIONS[leading]}", given)]
        assert plan[0].startswith("SEARCH audit_trail USING "), (wanted, plan)
        assert ("INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan[0]) == (leading == ""), (wanted, plan)
        assert "rowid>? AND rowid<?" in plan[0], (wanted, plan)
        assert not [line for line in plan if "TEMP B-TREE" in line or "SCAN audit_trail" in line], (wanted, plan)


def test_every_filter_but_text_and_dates_has_an_index_of_its_own() -> None:
    """Dates are a range of sequences."""
    alone = {name: trail.question(Wanted(**{name: values[0]}))[0] for name, values in GIVEN.items()}
    assert {name for name, leading in alone.items() if leading != name} == {"from_us", "to_us", "text"}


def test_each_question_gives_what_looking_at_every_row_gives(file: Connection) -> None:
    """In pages of any size."""
    rows = file.execute("SELECT * FROM audit_trail ORDER BY sequence").fetchall()
    chance, hits = random.Random(2), 0
    for wanted in _all_questions():
        found: list[Row] = []
        before = None
        while page := trail.events(file, wanted, before=before, most=chance.randrange(1, 40)):
            assert before is None or page[0][0] < before
            found += page
            before = page[-1][0]
        assert found == _expected(rows, wanted), wanted
        hits += len(found)
    assert hits > 1_000


def test_a_moment_leads_to_the_first_event_not_before_it(file: Connection) -> None:
    """Also before the first, beyond the last, and in a file without any."""
    assert [trail.first_at(file, moment) for moment in (-5, 0, 1, 10, 740, 741)] == [0, 0, 11, 11, 887, 899]
    with scratch_file() as empty:
        assert trail.events(empty, Wanted(from_us=5), before=None, most=10) == []


def test_wanted_kinds_and_causes_may_be_named_twice(file: Connection) -> None:
    once = trail.events(file, Wanted(kinds=("trade",)), before=None, most=1_000)
    assert trail.events(file, Wanted(kinds=("trade", "trade")), before=None, most=1_000) == once


def test_no_filter_is_forgotten_by_these_tests() -> None:
    assert {field.name for field in attrs.fields(Wanted)} == set(GIVEN)
