"""What a host asks within its own transaction, and what it sees of it later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from credit_trading.errors import AlreadyExists, CommandConflict, InvalidInput, NotFound
from credit_trading.host import request_rows
from credit_trading.host.request_rows import Requests
from tests.floor import CREDIT, Floor
from tests.host.both_sides import OWN, BothSides
from tests.host.database import Database

ONLY_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def both(floor: Floor, database: Database) -> BothSides:
    return BothSides.of(floor, database)


@pytest.fixture
def requests(both: BothSides) -> Requests:
    return Requests(both.adapter, both.tables)


def test_a_request_goes_with_the_hosts_transaction(both: BothSides, requests: Requests) -> None:
    with pytest.raises(LookupError, match="no such row"):
        fail_after_asking(both, requests)
    assert requests.list() == []
    engine = create_engine(both.database.url)
    with Session(engine) as session, session.begin():
        session.execute(text("UPDATE own_credits SET amount = amount - 5 WHERE user_id = 'ann'"))
        request_rows.deposit(session, "d-1", user_id="ann", amount=Decimal("5"), asset=CREDIT, note="prize")
    engine.dispose()
    row = requests.get("d-1")
    assert (row["status"], row["amount"], row["note"], row["reapply"], row["updated_at"]) == (
        "new",
        "5",
        "prize",
        False,
        None,
    )
    assert timedelta() <= datetime.now(UTC) - row["created_at"] < timedelta(minutes=5)
    assert both.own() == OWN - 5


def fail_after_asking(both: BothSides, requests: Requests) -> None:
    with both.adapter.transaction() as connection:
        requests.deposit(connection, "d-1", user_id="ann", amount=5, asset=CREDIT)
        raise LookupError("no such row")


def test_an_id_in_use_rolls_back_what_the_host_has_done_beside_it(both: BothSides) -> None:
    both.deposit("d-1", 5)
    with pytest.raises(AlreadyExists, match="ids are never used again"):
        both.deposit("d-1", 5)
    both.sync()
    with pytest.raises(AlreadyExists, match="done"):
        both.withdraw("d-1", 7)
    assert (both.own(), both.on_exchange()) == (OWN - 5, 100_005)


WRONG: list[dict[str, Any]] = [
    *({"request_id": one} for one in ("", "a b", "ann@example.com", "x" * 65, "a/end", 7, None)),
    *({"amount": one} for one in ("1e3", "-5", " 5", "0", "0.00", "NaN", "", 5.5, None, True, "1" * 101)),
    *({"user_id": one} for one in ("a b", "", None, 7)),
    *({"asset": one} for one in (None, 7, "x" * 33)),
    {"project_id": "a b"},
    *({name: "x" * 1_001} for name in ("note", "actor", "correlation_id")),
]


@ONLY_SQLITE
def test_what_can_never_become_a_command_is_refused_at_once(requests: Requests, both: BothSides) -> None:
    good = {"request_id": "d-1", "user_id": "ann", "amount": "5", "asset": CREDIT}
    with both.adapter.transaction() as connection:
        for wrong in WRONG:
            for ask in (requests.deposit, requests.withdraw):
                with pytest.raises(InvalidInput):
                    ask(connection, **(good | wrong))
    assert requests.list() == []


@ONLY_SQLITE
def test_only_what_is_held_and_undecided_can_be_decided(both: BothSides) -> None:
    both.deposit("d-1", 5)
    both.withdraw("w-1", 5)
    both.withdraw("w-2", 999_999)
    for request_id, error, words in (
        ("w-1", CommandConflict, "it is new, not held"),
        ("none", NotFound, "no such request"),
    ):
        with pytest.raises(error, match=words):
            both.fail(request_id)
    both.sync()
    both.confirm("w-1")
    own = both.own()
    wrong: tuple[tuple[Callable[[str], None], str, str], ...] = (
        (both.confirm, "w-1", "has decided before: confirm"),
        (both.fail, "w-1", "has decided before: confirm"),
        (both.confirm, "w-2", "it is refused"),
        (both.confirm, "d-1", "only a withdrawal"),
    )
    for decide, request_id, words in wrong:
        with pytest.raises(CommandConflict, match=words):
            decide(request_id)
    assert both.own() == own
    both.sync()
    with pytest.raises(CommandConflict):
        both.confirm("w-1")
    assert both.own() == own


def test_requests_are_listed_in_pages_and_by_status(both: BothSides, requests: Requests) -> None:
    for number in range(5):
        both.write(f"d-{number}", amount="5" if number % 2 else "x")
    ids = [row["id"] for row in requests.list()]
    assert ids == [f"d-{number}" for number in range(5)]
    pages, after = [], None
    while page := requests.list(limit=2, after=after):
        pages.append([row["id"] for row in page])
        after = page[-1]["id"]
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    both.sync()
    assert [row["id"] for row in requests.list("set_aside")] == ["d-0", "d-2", "d-4"]
    assert [row["id"] for row in requests.list("set_aside", after="d-1")] == ["d-2", "d-4"]
    for wrong in ({"status": "gone"}, {"limit": 0}, {"limit": 1_001}, {"after": "a b"}):
        with pytest.raises(InvalidInput):
            requests.list(**wrong)
    with pytest.raises(NotFound):
        requests.list(after="none")
    with pytest.raises(NotFound):
        requests.get("none")


@ONLY_SQLITE
def test_only_what_is_set_aside_is_tried_again_as_it_stands_then(both: BothSides, requests: Requests) -> None:
    both.write("d-1", user_id="dora")
    both.sync()
    assert requests.retry("d-1")["code"] is None
    both.sync()
    assert (both.status("d-1"), both.code("d-1")) == ("set_aside", "not_found")
    both.change("d-1", user_id="ann")
    assert requests.retry("d-1")["status"] == "new"
    both.sync()
    assert (both.status("d-1"), both.on_exchange()) == ("done", 100_005)
    with pytest.raises(InvalidInput, match="it is done"):
        requests.retry("d-1")
    with pytest.raises(NotFound):
        requests.retry("none")


def test_what_waits_too_long_is_named(both: BothSides, requests: Requests) -> None:
    both.withdraw("w-1", 5)
    both.sync()
    both.write("new")
    both.write("bad", amount="x", status="set_aside")
    both.write("odd", status="Done")
    then = datetime(2026, 1, 1, 12, tzinfo=UTC)  # on the exchange's clock
    assert [row["id"] for row in requests.hanging(now=then)] == ["odd"]
    later = datetime.now(UTC) + timedelta(days=2)
    assert sorted(row["id"] for row in requests.hanging(now=later)) == ["bad", "new", "odd", "w-1"]
    assert sorted(row["id"] for row in requests.hanging(200_000, now=later)) == ["odd", "w-1"]
