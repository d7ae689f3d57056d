"""`host check` and `host repair`: what somebody has done to the host's tables by hand is named, and mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.host.checking import comparing
from credit_trading.host.checking.difference import DifferenceKind as Kind
from tests.floor import Floor
from tests.host.both import Both
from tests.host.database import Database
from tests.users.flow import RandomFlow


@pytest.fixture
def both(floor: Floor, clock: ManualClock, database: Database) -> Iterator[Both]:
    """Something of everything, and an order that is surely open."""
    made = Both(floor, clock, database).init().trade(30)
    RandomFlow(floor, clock, seed=1).resume("")
    made.floor.place("bob", "buy", 5, "1.00")
    made.ask()
    yield made
    made.adapter.close()


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

Content = dict[str, list[tuple[Any, ...]]]

Plant = tuple[str, str, Kind]
"""A statement, where it is to be found, and as what."""

CHANGED: list[Plant] = [
    ("balances SET posted_units = posted_units + 1 WHERE user_id = 'ann'", "balances ann USD", Kind.DIFFERS),
    ("balances SET held = '7' WHERE user_id = 'bob'", "balances bob USD held", Kind.DIFFERS),
    ("balances SET sequence = 999999 WHERE user_id = 'cat'", "balances cat USD sequence", Kind.AHEAD),
    ("orders SET filled_units = filled_units + 1", "orders", Kind.DIFFERS),
    ("statistics SET trades = trades - 1 WHERE user_id = 'ann'", "statistics ann", Kind.DIFFERS),
    ("statistics SET spent = '0.01' WHERE user_id = 'bob'", "statistics bob", Kind.DIFFERS),
    ("activity SET sentence = 'nothing happened' WHERE sequence = 8", "activity 8 0 sentence", Kind.DIFFERS),
    ("activity SET actor = 'somebody' WHERE sequence = 9", "activity 9 0 actor", Kind.DIFFERS),
    ("activity_daily SET entries = entries + 1 WHERE user_id = 'ann'", "activity_daily 2026-01-01", Kind.DIFFERS),
    ("requests SET status = 'refused' WHERE id = 'in-1'", "requests in-1 status", Kind.DIFFERS),
    ("requests SET amount = '0.51' WHERE id = 'in-2'", "requests in-2 amount", Kind.DIFFERS),
    ("requests SET sequence = 3 WHERE id = 'held'", "requests held sequence", Kind.DIFFERS),
    ("requests SET code = 'x' WHERE id = 'much'", "requests much code", Kind.DIFFERS),
]
GONE: list[Plant] = [
    ("balances WHERE user_id = 'ann'", "balances ann USD:", Kind.MISSING),
    ("orders WHERE user_id = 'bob'", "orders", Kind.MISSING),
    ("statistics WHERE user_id = 'ann'", "statistics ann", Kind.MISSING),
    ("activity WHERE sequence = 8", "activity 8 0:", Kind.MISSING),
    ("activity_daily WHERE user_id = 'bob'", "activity_daily 2026-01-01", Kind.MISSING),
    ("requests WHERE id = 'failed'", "requests failed:", Kind.MISSING),
]
INVENTED: list[Plant] = [
    ("balances SET user_id = 'zoe' WHERE user_id = 'ann'", "balances zoe USD:", Kind.UNEXPECTED),
    ("orders SET order_id = order_id + 5000", "orders 50", Kind.UNEXPECTED),
    ("statistics SET currency = 'EUR' WHERE user_id = 'ann' AND currency = 'USD'", "statistics ann", Kind.UNEXPECTED),
    ("activity SET part = 7 WHERE sequence = 8", "activity 8 7:", Kind.UNEXPECTED),
    ("activity SET sequence = 999999 WHERE sequence = 9", "activity 999999 0:", Kind.AHEAD),
    ("activity_daily SET day = '2025-12-31'", "activity_daily 2025-12-31", Kind.UNEXPECTED),
    (
        "requests SET status = 'new', sequence = NULL, code = NULL WHERE id = 'much'",
        "requests much status",
        Kind.DIFFERS,
    ),
    ("requests SET status = 'done' WHERE id = 'new'", "requests new status", Kind.UNEXPECTED),
]


def without_requests(content: Content) -> Content:
    """What a request says may lawfully be something else afterwards."""
    return {name: rows for name, rows in content.items() if name != "requests"}


def test_nothing_is_found_after_everything_has_happened(both: Both) -> None:
    check = both.check()
    assert check.differences == []
    assert check.rows["trading_activity"] > 50
    assert check.rows["trading_requests"] == 5
    assert both.repair().changed == 0
    assert both.database.rows("SELECT * FROM trading_repairs") == []


BY_HAND = [("UPDATE", CHANGED), ("DELETE FROM", GONE), pytest.param("UPDATE", INVENTED, marks=pytest.mark.long)]


@on_sqlite
@pytest.mark.parametrize(("verb", "plants"), BY_HAND)
def test_whatever_is_done_by_hand_is_named_and_mended(
    both: Both, verb: str, plants: list[Plant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are small here, so that there are many of them."""
    plant_and_mend(both, verb, plants, monkeypatch)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_database_that_sorts_texts_otherwise_is_mended_too(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_and_mend(both, "UPDATE", INVENTED, monkeypatch)


def plant_and_mend(both: Both, verb: str, plants: list[Plant], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "ROWS_AT_ONCE", 70)
    before = both.content()
    for statement, _, _ in plants:
        both.database.execute(f"{verb} trading_{statement}")
    planted = both.content()

    found = both.check().differences

    for statement, where, kind in plants:
        assert any(str(one).startswith(f"trading_{where}") and one.kind == kind for one in found), statement
    rehearsed = both.repair(dry_run=True)
    assert rehearsed.differences == found
    assert both.content() == planted, "a dry run changes nothing"

    repaired = both.repair()

    assert repaired.changed == rehearsed.changed > 0
    assert repaired.left == []
    assert both.told() == []
    after = both.content()
    assert without_requests(after) == without_requests(before)
    ((count, actors),) = both.database.rows("SELECT count(*), min(actor) FROM trading_repairs")
    assert (count, actors) == (repaired.changed, "test")
