"""Balances over time: at any moment, between moments, and one change after the other."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.clock import format_time, parse_time
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.store.sqlite import connect
from credit_trading.users.tables import balances_over_time
from tests.floor import CASH, CREDIT, Floor, rows_of
from tests.statements.past import DAY_US, FINE, USERS, Past, random_past


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Half a year of it, which nobody may change."""
    past = random_past(tmp_path_factory.mktemp("past") / "trading", seed=7, steps=80)
    yield past
    past.floor.exchange.close()


def test_at_every_moment_the_balance_is_what_the_ledger_said_then(past: Past) -> None:
    """Everything of that very microsecond included; between two events it is that of the first."""
    for place, (moment_us, users) in enumerate(past.notes):
        if place + 1 < len(past.notes) and past.notes[place + 1][0] == moment_us:
            continue
        for user in USERS:
            accounts = past.floor.user(user).accounts
            assert {one.asset: one.posted for one in accounts.get_balances_at(moment_us)} == users[user]
            assert accounts.get_balance_at(CREDIT, moment_us) == users[user].get(CREDIT, "0")


def test_by_date_a_change_counts_from_when_it_happened(past: Past) -> None:
    """Against a sum over every row of the file."""
    rng = random.Random(5)
    for user in USERS:
        rows, accounts = past.rows(user), past.floor.user(user).accounts
        some = [moment - before for row in rows for moment in (row[1], row[2]) for before in (0, 1)]
        for moment_us in [*rng.sample(some, 24), past.begins_us, past.begins_us - 1, past.clock.now_us()]:
            for asset, decimals in ((CASH, 2), (CREDIT, 0), (FINE, 3)):
                units = sum(row[4] for row in rows if row[0] == asset and row[2] <= moment_us)
                found = accounts.get_balance_at(asset, moment_us, by="date")
                assert Decimal(found) == Decimal(units).scaleb(-decimals)


def test_many_moments_at_once_are_as_many_asked_for_one_by_one(past: Past) -> None:
    """Among them those at which something happened or was booked, and their neighbours."""
    for user in USERS:
        rows = [row for row in past.rows(user) if row[0] == CREDIT]
        moments = sorted({moment + near for row in rows for moment in (row[1], row[2]) for near in (-1, 0, 1)})
        with closing(connect(past.floor.path(user), mode="ro")) as connection:
            for by in ("booked", "date"):
                found = balances_over_time.balances_before(connection, CREDIT, moments, by)
                when = [(row[1] if by == "booked" else row[2], row[4]) for row in rows]
                assert found == [sum(change for at, change in when if at < moment) for moment in moments]


@pytest.mark.parametrize("by", ["booked", "date"])
@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_a_history_has_every_period_and_ends_with_the_present(past: Past, every: str, by: str) -> None:
    """Without gaps, each opening with what the one before closed with, each closing what was there at that moment."""
    accounts = past.floor.user("ann").accounts
    records = accounts.get_balance_history(CASH, every=every, by=by)
    assert records[0].opening == "0.00"
    assert records[-1].closing == past.balances("ann")[CASH]
    for one, following in pairwise(records):
        assert (one.ends_at, one.closing) == (following.begins_at, following.opening)
    for one in records:
        assert Decimal(one.opening) + Decimal(one.change) == Decimal(one.closing)
        assert one.closing == accounts.get_balance_at(CASH, parse_time(one.ends_at) - 1, by=by)
    weekdays = {datetime.fromisoformat(one.begins_at).astimezone(UTC).weekday() for one in records[1:]}
    assert every != "week" or weekdays == {0}
    assert every != "month" or {one.begins_at[8:19] for one in records[1:]} == {"01T00:00:00"}


def test_the_running_balance_has_every_change_once_page_by_page(past: Past) -> None:
    """Newest first; each balance is the one before it and the change."""
    for user in USERS:
        accounts = past.floor.user(user).accounts
        found, after = [], None
        while True:
            page = accounts.get_running_balance(CASH, limit=7, after=after)
            found += page.items
            after = page.next
            if after is None:
                break
            assert len(page) == 7
        rows = [row for row in past.rows(user) if row[0] == CASH]
        assert [(one.sequence, one.booked_at) for one in reversed(found)] == [
            (row[3], format_time(row[1])) for row in rows
        ]
        for newer, older in pairwise(found):
            assert Decimal(older.balance) + Decimal(newer.change) == Decimal(newer.balance)
        assert found[0].balance == past.balances(user)[CASH]


def test_a_period_of_the_running_balance_has_its_beginning_and_not_its_end(past: Past) -> None:
    accounts = past.floor.user("ann").accounts
    rows = [row for row in past.rows("ann") if row[0] == CASH]
    begins, ends = rows[5][1], rows[15][1]
    page = accounts.get_running_balance(CASH, from_=begins, to=ends)
    assert sorted(one.sequence for one in page) == [row[3] for row in rows if begins <= row[1] < ends]


def test_pages_stay_right_while_changes_arrive(floor: Floor, clock: ManualClock) -> None:
    for _ in range(9):
        clock.advance(1)
        floor.admin.accounts.deposit("ann", CASH, "1.00")
    accounts = floor.user("ann").accounts
    page = accounts.get_running_balance(CASH, limit=4)
    floor.admin.accounts.deposit("ann", CASH, "5.00")
    following = accounts.get_running_balance(CASH, limit=100, after=page.next)
    sequences = [one.sequence for one in (*page, *following)]
    assert len(sequences) == 10
    assert sequences == sorted(set(sequences), reverse=True)


def test_a_cursor_is_of_its_question_and_its_user_alone(floor: Floor) -> None:
    for _ in range(3):
        floor.admin.accounts.deposit("ann", CASH, "1.00")
    cursor = floor.user("ann").accounts.get_running_balance(CASH, limit=2).next
    assert cursor is not None
    with pytest.raises(InvalidInput, match="another question"):
        floor.user("bob").accounts.get_running_balance(CASH, limit=2, after=cursor)
    with pytest.raises(InvalidInput, match="another question"):
        floor.user("ann").accounts.get_running_balance(CREDIT, limit=2, after=cursor)


@pytest.mark.parametrize("by", ["booked", "date"])
def test_net_flow_is_what_each_type_of_transaction_moved(past: Past, by: str) -> None:
    """Against the rows of the file, by asset and type, of all of it and of a part."""
    now = past.clock.now_us()
    for user in USERS:
        types = dict(
            rows_of(past.floor.path(user), "SELECT transaction_id, transaction_type FROM trading_transactions")
        )
        owners = dict(rows_of(past.floor.path(user), "SELECT sequence, transaction_id FROM balance_changes"))
        for begins, ends in ((None, None), (past.begins_us + 20 * DAY_US, past.begins_us + 90 * DAY_US)):
            expected: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
            for row in past.rows(user):
                counts_at = row[1] if by == "booked" else row[2]
                if (begins or 0) <= counts_at < (ends or now + 1):
                    sums = expected[row[0], types[owners[row[3]]]]
                    sums[0] += 1
                    sums[1 if row[4] > 0 else 2] += abs(row[4])
            found = past.floor.user(user).accounts.get_net_flow(from_=begins, to=ends, by=by)
            assert {
                (flow.asset, kind.transaction_type): (kind.changes, _units(kind.inflow), _units(kind.outflow))
                for flow in found
                for kind in flow.by_type
            } == {key: tuple(sums) for key, sums in expected.items()}
            for flow in found:
                assert Decimal(flow.net) == sum(Decimal(kind.net) for kind in flow.by_type)


def _units(text: str) -> int:
    return int(text.replace(".", ""))


def test_sums_of_huge_amounts_are_exact(floor: Floor, clock: ManualClock) -> None:
    """More went through than SQLite's whole numbers can hold."""
    huge = 2**61
    for _ in range(5):
        clock.advance(1)
        floor.admin.accounts.withdraw("ann", CREDIT, floor.balance("ann", CREDIT))
        floor.admin.accounts.deposit("ann", CREDIT, huge)
    flow = floor.user("ann").accounts.get_net_flow(CREDIT)[0]
    assert int(flow.inflow) == 5 * huge + 100_000
    assert int(flow.net) == huge
    assert floor.user("ann").statements.get_statement().balances[-1].inflow == str(5 * huge + 100_000)


def test_moments_and_names_that_cannot_be_are_refused(floor: Floor, clock: ManualClock) -> None:
    accounts = floor.user("ann").accounts
    with pytest.raises(InvalidInput, match="not come yet"):
        accounts.get_balance_at(CASH, clock.now_us() + 1)
    with pytest.raises(NotFound):
        accounts.get_balance_at("EUR", clock.now_us())
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (accounts.get_balances_at, {"at": "2026-01-01 noon"}),
        (accounts.get_balances_at, {"at": clock.now_us(), "by": "entry"}),
        (accounts.get_balance_history, {"asset": CASH, "every": "decade"}),
        (accounts.get_balance_history, {"asset": CASH, "from_": 1, "every": "hour"}),
        (accounts.get_net_flow, {"from_": "2026-02-01", "to": "2026-01-01"}),
        (accounts.get_running_balance, {"asset": CASH, "limit": 0}),
        (accounts.get_running_balance, {"asset": CASH, "after": "nonsense"}),
    ]
    for ask, words in wrong:
        with pytest.raises(InvalidInput):
            ask(**words)


def test_of_what_a_user_never_had_there_was_nothing(floor: Floor, clock: ManualClock) -> None:
    floor.admin.assets.add_asset("EUR", decimals=2)
    accounts = floor.user("ann").accounts
    assert accounts.get_balance_at("EUR", clock.now_us()) == "0.00"
    assert accounts.get_balance_history("EUR") == []
    assert accounts.get_running_balance("EUR").items == []
    assert accounts.get_net_flow("EUR") == []


STATEMENTS = [
    (balances_over_time._BEFORE, 2, "balance_changes USING PRIMARY KEY"),
    (balances_over_time._BOOKED_ROWS, 3, "balance_changes USING PRIMARY KEY"),
    (balances_over_time._PUNCTUAL_ROWS, 3, "balance_changes USING PRIMARY KEY"),
    (balances_over_time._PAGE, 5, "balance_changes USING PRIMARY KEY"),
    (balances_over_time._BOOKED_SUMS, 3, "c USING PRIMARY KEY"),
    (balances_over_time._PUNCTUAL_SUMS, 3, "c USING PRIMARY KEY"),
    (balances_over_time._LATE, 2, "balance_changes_entered_late"),
    (balances_over_time._LATE_ROWS, 3, "balance_changes_entered_late"),
    (balances_over_time._LATE_SUMS, 3, "balance_changes_entered_late"),
    (balances_over_time._FIRST, 1, "balance_changes USING PRIMARY KEY"),
    (balances_over_time._FIRST_LATE, 1, "balance_changes_entered_late"),
]


@pytest.mark.parametrize(("sql", "parameters", "expected"), STATEMENTS)
def test_every_question_of_rows_seeks_in_an_index(floor: Floor, sql: str, parameters: int, expected: str) -> None:
    """And none sorts what it reads, but for the few sums by type."""
    floor.user("ann").accounts.get_net_flow()
    plan = [row[3] for row in rows_of(floor.path("ann"), f"EXPLAIN QUERY PLAN {sql}", (1,) * parameters)]
    assert plan[0].startswith("SEARCH")
    assert expected in plan[0]
    assert "GROUP BY" in sql or not any("TEMP B-TREE" in step for step in plan)
