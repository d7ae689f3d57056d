"""Audit trails: what a user and an administrator find in them, by any filter, in pages of any size."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from credit_trading import Exchange, ManualClock, OrderRejected
from credit_trading.backup import sealing
from credit_trading.backup.archive import Archive
from credit_trading.backup.verified import Verified, record
from credit_trading.clock import format_time, parse_time
from credit_trading.errors import FileQuarantined, InvalidInput, NotFound
from credit_trading.journal import trail
from credit_trading.journal.log import FILE_NAME
from credit_trading.trading import audit_search
from credit_trading.trading.audit import AuditEvent
from credit_trading.trading.pages import Page
from credit_trading.trading.records import AuditRecord
from tests.floor import CASH, CREDIT, SYMBOL, Floor, edit, opened, rows_of
from tests.users.flow import HOURS, RandomFlow

FILTERS = ("from_", "to", "kind", "actor", "origin", "correlation_id", "command_id", "order_id", "rejected", "text")


def _all(ask: Callable[..., Page[Any]], **filters: Any) -> list[Any]:
    """All pages, each of which ends where the next begins."""
    found: list[Any] = []
    after = None
    while True:
        page = ask(after=after, **filters)
        found += page.items
        if page.next is None:
            return found
        assert page.next != after
        after = page.next


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """Everything that can happen, with words on some of it, as a host would say them; dan is deleted in the end."""
    clock = ManualClock()
    with opened(tmp_path_factory.mktemp("busy") / "trading", clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat", "dan")
        floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
        flow = RandomFlow(floor, clock, seed=5)
        for number in range(12):
            flow.run(12)
            web = exchange.as_user("ann", origin=f"10.0.0.{number % 3}", correlation_id=f"request-{number}")
            web.orders.create_order(SYMBOL, "buy", 1, "1.00", client_order_id=f"web-{number}")
            desk = exchange.as_admin("desk", origin="10.0.0.1").on_behalf_of("bob")
            with pytest.raises(OrderRejected):
                desk.orders.create_order(SYMBOL, "buy", 10**6, "9999.00")
            exchange.as_admin("desk").accounts.deposit("cat", CASH, 1, key=f"key-{number}", note=f"Grüße {number}")
        exchange.as_admin("desk").trading.cancel_all_orders(symbol=SYMBOL)
        floor.place("dan", "sell", 1, "1.00", client_order_id="last")
        floor.admin.databases.delete_trading_database("dan", sweep_to="cat")
        yield floor


def _as_it_was(floor: Floor) -> list[dict[str, Any]]:
    """Every event as filters see it, the latest first: read in order, with who began each command."""
    path = Path(floor.exchange.home) / FILE_NAME
    names = dict(rows_of(path, "SELECT number, user_id FROM users"))
    written = rows_of(path, "SELECT sequence, actor, origin, correlation_id, note, counterparty FROM command_notes")
    notes = {row[0]: row[1:] for row in written}
    found, note = [], None
    for sequence, time_us, kind, cause, content, a, b, payload in rows_of(
        path, "SELECT sequence, time_us, kind, cause, content, user_a, user_b, payload FROM journal ORDER BY sequence"
    ):
        if content is not None:
            owner = int(cause.split("/")[0][4:]) if cause.startswith("user") else 0
            note = notes.get(sequence, (f"user:{names.get(owner)}", None, None, None, None))
        elif "/" not in cause:
            note = ("system", None, None, None, None)
        event = json.loads(payload)
        found.append(
            {
                "sequence": sequence,
                "time_us": time_us,
                "kind": kind,
                "command_id": cause,
                "users": {names[user] for user in (a, b) if user is not None},
                "orders": {event.get("order"), event.get("taker_order"), event.get("maker_order")},
                **dict(zip(("actor", "origin", "correlation_id"), note or (), strict=False)),
                "words": [payload, cause, *(note or ())],
            }
        )
    return found[::-1]


def _matches(event: dict[str, Any], asked: dict[str, Any]) -> bool:
    kinds = asked.get("kind")
    return (
        ("from_" not in asked or event["time_us"] >= parse_time(asked["from_"]))
        and ("to" not in asked or event["time_us"] < parse_time(asked["to"]))
        and (kinds is None or event["kind"] in ([kinds] if isinstance(kinds, str) else kinds))
        and (not asked.get("rejected") or event["kind"] in ("order_rejected", "command_rejected"))
        and all(
            event[name] == asked[name] for name in ("actor", "origin", "correlation_id", "command_id") if name in asked
        )
        and ("user_id" not in asked or asked["user_id"] in event["users"])
        and ("order_id" not in asked or asked["order_id"] in event["orders"])
        and ("text" not in asked or any(asked["text"].lower() in word.lower() for word in event["words"] if word))
    )


def _asked(events: list[dict[str, Any]], chance: random.Random, *, users: list[str]) -> dict[str, Any]:
    """Filters that fit one of the events, more or less."""
    one = chance.choice(events)
    fitting: dict[str, Any] = {
        "from_": format_time(chance.choice(events)["time_us"]),
        "to": format_time(chance.choice(events)["time_us"]),
        "kind": chance.choice([one["kind"], [one["kind"], "trade"]]),
        "actor": one["actor"],
        "origin": one["origin"] or "nowhere",
        "correlation_id": one["correlation_id"] or "request-3",
        "command_id": one["command_id"],
        "order_id": next((order for order in one["orders"] if order), 1),
        "rejected": True,
        "text": chance.choice(["QUANTITY", "grüße 1", "100", "10.0.0.1", one["command_id"][-5:], "%"]),
        "user_id": chance.choice(users),
    }
    return {name: fitting[name] for name in chance.sample(list(fitting), chance.choice([1, 1, 1, 2, 2, 3]))}


def test_an_administrator_finds_what_reading_the_whole_journal_finds(
    busy: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every filter alone and many together, in pages of any size, though each looks at few rows only."""
    monkeypatch.setattr(audit_search, "_NOTES_AT_ONCE", 7)
    events, chance = _as_it_was(busy), random.Random(11)
    questions: list[dict[str, Any]] = [{}, {"user_id": "dan"}, {"actor": "user:dan"}, {"actor": "system"}]
    questions += [{"text": "grüße 1"}, {"text": "REQUEST-3", "user_id": "ann"}]
    while len(questions) < 80 or not set(FILTERS) <= {name for asked in questions for name in asked}:
        questions.append(_asked(events, chance, users=["ann", "bob", "dan"]))
    hits = 0
    for asked in questions:
        monkeypatch.setattr(trail, "STEP", chance.choice([2, 9, 256]))
        monkeypatch.setattr(audit_search, "LOOK_AT_MOST", chance.choice([10, 100, 20_000]))
        found = _all(busy.admin.audit.list_events, limit=chance.choice([3, 20, 1_000]), changes=False, **asked)
        expected = [event for event in events if _matches(event, asked)]
        assert [event.sequence for event in found] == [event["sequence"] for event in expected], asked
        assert [event.actor for event in found] == [event["actor"] for event in expected], asked
        hits += bool(found)
    assert hits > 40


def test_a_user_finds_what_reading_the_whole_trail_finds(busy: Floor) -> None:
    """The same filters on the user's side of it."""
    own, chance = busy.user("ann").audit, random.Random(12)
    everything = _all(own.list_events, limit=1_000)
    assert len(everything) > 100
    events = [_as_seen(one) for one in everything]
    for _ in range(150):
        asked = _asked([event for event in events if event["command_id"]], chance, users=["ann"])
        asked.pop("user_id", None)
        if asked.get("actor", "") is None:
            del asked["actor"]
        found = _all(own.list_events, limit=chance.choice([3, 20, 1_000]), **asked)
        expected = [event["sequence"] for event in events if _matches(event, asked)]
        assert [event.sequence for event in found] == expected, asked


def _as_seen(one: AuditRecord) -> dict[str, Any]:
    return {
        "sequence": one.sequence,
        "time_us": parse_time(one.event_date),
        "kind": one.kind,
        "command_id": one.cause,
        "actor": one.actor,
        "origin": one.origin,
        "correlation_id": one.correlation_id,
        "orders": {one.order_id},
        "words": [
            _text(one.details),
            one.changes and _text(one.changes),
            one.cause,
            one.actor,
            one.origin,
            one.correlation_id,
        ],
    }


def _text(value: object) -> str:
    """As it is stored."""
    return msgspec.json.encode(value).decode()


def test_a_command_is_found_by_what_its_user_calls_it(busy: Floor) -> None:
    """By a client order id, or a key of an administrator's; an administrator must say whose it is."""
    mine = busy.user("ann").audit.list_events(command_id="web-3")
    assert {event.cause for event in mine} == {"user1/order/web-3"}
    assert {event.kind for event in mine} == {"order_accepted"}
    deposit = busy.admin.audit.list_events(user_id="cat", command_id="key-3")
    assert [(event.kind, event.cause, event.note) for event in deposit] == [("deposited", "admin/key/key-3", "Grüße 3")]
    with pytest.raises(InvalidInput, match="or name the user"):
        busy.admin.audit.list_events(command_id="key-3")


def test_one_event_tells_who_and_what_was_before_and_after(busy: Floor) -> None:
    """Of each user concerned, the own side."""
    trade = next(event for event in _all(busy.admin.audit.list_events, kind="trade") if "ann" in event.users)
    other = next(user for user in trade.users if user != "ann")
    shown = busy.admin.audit.get_event(trade.sequence)
    assert shown == trade
    assert set(shown.changes) == {"ann", other}
    moved = shown.changes["ann"]
    assert set(moved) & {f"posted {CASH}", f"posted {CREDIT}"}
    assert all(len(pair) == 2 for pair in moved.values())
    assert {"taker", "maker", "value"} <= set(shown.details)
    own = busy.user("ann").audit.get_event(trade.sequence)
    assert own.changes == shown.changes["ann"]
    assert busy.admin.audit.list_events(kind="trade", changes=False)[0].changes == {}


def test_a_deleted_user_is_a_number_and_can_still_be_asked_for(busy: Floor) -> None:
    """By the former id, or by the number."""
    by_id = _all(busy.admin.audit.list_events, user_id="dan")
    assert by_id == _all(busy.admin.audit.list_events, user_id="#4")
    assert by_id[0].kind == "user_deleted"
    assert {name for event in by_id for name in event.users} <= {"#4 (deleted)", "ann", "bob", "cat"}
    assert all("#4 (deleted)" in event.users for event in by_id)
    assert "dan" not in str([event.users for event in by_id])
    for unknown in ("#99", "zoe"):
        with pytest.raises(NotFound):
            busy.admin.audit.list_events(user_id=unknown)


def test_a_note_that_was_erased_leaves_nobody(floor: Floor, reopen: Callable[..., Exchange]) -> None:
    """Who it was is not made up."""
    deposit = floor.admin.audit.list_events(kind="deposited")[0]
    floor.exchange.close()
    edit(Path(floor.exchange.home) / FILE_NAME, f"DELETE FROM command_notes WHERE sequence = {deposit.sequence}")
    again = reopen().as_admin("setup").audit.get_event(deposit.sequence)
    assert (again.actor, again.note) == (None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 1_001},
        {"limit": "5"},
        {"after": "nonsense"},
        {"after": 7},
        {"kind": "trades"},
        {"kind": 5},
        {"kind": ["trade", None]},
        {"from_": "yesterday"},
        {"to": "2026-02-30"},
        {"order_id": 0},
        {"order_id": "1"},
        {"actor": 5},
        {"origin": "x\0"},
        {"correlation_id": "x" * 1001},
        {"command_id": ["x"]},
        {"text": 1.5},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(busy: Floor, wrong: dict[str, Any]) -> None:
    """In one line, whoever asks."""
    for ask in (busy.user("ann").audit.list_events, busy.admin.audit.list_events):
        with pytest.raises(InvalidInput) as refused:
            ask(**wrong)
        assert str(refused.value).isprintable()


def test_a_filter_that_there_is_not_is_no_filter_at_all(busy: Floor) -> None:
    """It is not passed over."""
    asks: tuple[Callable[..., object], ...] = (busy.user("ann").audit.list_events, busy.admin.audit.list_events)
    for ask in asks:
        with pytest.raises(TypeError):
            ask(unknown=1)


def test_a_cursor_is_good_for_its_own_question_only(busy: Floor) -> None:
    """Of another user, of other filters, of an administrator's."""
    page = busy.user("ann").audit.list_events(limit=3)
    assert page.next is not None
    others: list[tuple[Callable[..., object], dict[str, Any]]] = [
        (busy.user("bob").audit.list_events, {}),
        (busy.user("ann").audit.list_events, {"kind": "trade"}),
        (busy.admin.audit.list_events, {}),
        (busy.admin.audit.list_events, {"user_id": "ann"}),
    ]
    for ask, asked in others:
        with pytest.raises(InvalidInput, match="another question"):
            ask(after=page.next, **asked)


def test_rows_that_come_while_somebody_turns_pages_move_nothing(floor: Floor) -> None:
    """Neither for the user nor for an administrator."""
    for number in range(8):
        floor.place("ann", "buy", 1, "1.00", client_order_id=f"n{number}")
    for ask in (floor.user("ann").audit.list_events, floor.admin.audit.list_events):
        before = [event.sequence for event in _all(ask, limit=1_000)]
        found, after = [], None
        while True:
            page = ask(limit=3, after=after)
            found += [event.sequence for event in page]
            floor.place("ann", "buy", 1, "1.00")
            if page.next is None:
                break
            after = page.next
        assert found == before


def test_a_cursor_that_was_made_up_leads_nowhere_bad(busy: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that says another place is a page from there, of the same user's rows."""
    from credit_trading.trading import audit

    own = {event.sequence for event in _all(busy.admin.audit.list_events, user_id="ann", limit=1_000)}
    for place in (-5, 0, 1, 2, 10, 50, 10**9):
        monkeypatch.setattr(audit, "position_after", lambda *_, place=place, **__: (place,))
        found = busy.admin.audit.list_events(user_id="ann", after="x", limit=1_000)
        assert {event.sequence for event in found} == {sequence for sequence in own if sequence < place}
        mine = busy.user("ann").audit.list_events(after="x", limit=1_000)
        assert {event.sequence for event in mine} == {sequence for sequence in own if sequence < place}


def test_a_page_that_finds_little_says_how_to_go_on(busy: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at so many rows and no more."""
    monkeypatch.setattr(trail, "STEP", 10)
    monkeypatch.setattr(audit_search, "LOOK_AT_MOST", 40)
    looked: list[int] = []
    monkeypatch.setattr(trail, "backwards", _counting(trail.backwards, looked))
    page = busy.admin.audit.list_events(kind="fenced")
    assert (page.items, page.next is None) == ([], False)
    assert sum(looked) == 40


def _counting(read: Callable[..., list[Any]], looked: list[int]) -> Callable[..., list[Any]]:
    def counted(*args: Any, **more: Any) -> list[Any]:
        rows = read(*args, **more)
        looked.append(len(rows))
        return rows

    return counted


def test_whoever_looks_far_lets_others_read_in_between(busy: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock for reading is taken for a step at a time."""
    monkeypatch.setattr(trail, "STEP", 10)
    live = busy.exchange._live
    held: list[int] = []
    entered = type(live).history

    def history(self: Any) -> Any:
        held.append(1)
        return entered(self)

    monkeypatch.setattr(type(live), "history", history)
    busy.admin.audit.list_events(text="nothing like it")
    assert len(held) > busy.exchange.sequence / 10


def test_the_trail_of_a_user_whose_file_is_put_aside_is_in_the_journal(
    floor: Floor, reopen: Callable[..., Exchange]
) -> None:
    """By user, by order and by command; only what changed cannot be told."""
    report = floor.place("ann", "sell", 3, "5.00", client_order_id="mine")
    floor.place("bob", "buy", 1, "5.00")
    questions: dict[str, dict[str, Any]] = {
        "user": {"user_id": "ann"},
        "order": {"order_id": report.order_id},
        "command": {"command_id": "user1/order/mine"},
    }
    expected = {
        name: [event.sequence for event in _all(floor.admin.audit.list_events, **asked)]
        for name, asked in questions.items()
    }
    path = floor.path("ann")
    floor.exchange.close()
    path.write_bytes(b"no database any more" * 500)
    again = reopen()
    with pytest.raises(Exception, match="ann"):
        again.as_user("ann").audit.list_events()
    with pytest.raises(FileQuarantined):
        again.as_user("ann").audit.list_events()
    for name, asked in questions.items():
        found = _all(again.as_admin("setup").audit.list_events, **asked)
        assert [event.sequence for event in found] == expected[name] != [], name
        assert all("ann" not in event.changes for event in found)
    assert any("bob" in event.changes for event in _all(again.as_admin("setup").audit.list_events, user_id="ann"))


def test_what_lies_in_an_archive_is_found_there(
    floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """By every way to it, as before it was moved."""
    monkeypatch.setattr(sealing, "ROWS_PER_SEGMENT", 8)
    for number in range(12):
        clock.advance(60)
        web = floor.exchange.as_user("ann", correlation_id=f"r{number}")
        web.orders.create_order(SYMBOL, "sell", 5, "5.00", client_order_id=f"s{number}")
        floor.place("bob", "buy", 2, "5.00")
        floor.user("ann").orders.cancel_all_orders()
    middle = floor.admin.audit.list_events(text="s6").items[-1]
    questions: list[dict[str, Any]] = [
        {},
        {"user_id": "bob"},
        {"order_id": 9},
        {"order_id": 10},
        {"command_id": "user1/order/s2"},
        {"correlation_id": "r3"},
        {"actor": "user:bob"},
        {"actor": "admin:setup"},
        {"from_": middle.event_date},
        {"to": middle.event_date, "kind": "trade"},
        {"text": "s4"},
    ]
    before = [_all(floor.admin.audit.list_events, limit=7, **asked) for asked in questions]
    _backed_up(floor, tmp_path / "backups")
    assert floor.admin.backups.archive_journal(tmp_path / "backups", keep_events=0).rows > 20
    after = [_all(floor.admin.audit.list_events, limit=7, **asked) for asked in questions]
    assert after == before
    assert all(before)
    assert floor.admin.audit.get_event(middle.sequence) == middle


def _backed_up(floor: Floor, place: Path) -> None:
    """A full set that counts as verified."""
    floor.admin.backups.create(place, "full")
    archive = Archive.at(place)
    newest = archive.newest()
    record(
        archive,
        Verified(
            set=newest.set,
            manifest_sha256=newest.sha256,
            verified_at_us=0,
            deep=True,
            findings=0,
            tool_version="0",
        ),
    )


def test_an_event_beyond_the_journals_end_is_not_found(floor: Floor) -> None:
    """Nor is one of others, for a user."""
    head = floor.exchange.sequence
    with pytest.raises(NotFound, match="ends at sequence"):
        floor.admin.audit.get_event(head + 1)
    theirs = floor.place("bob", "buy", 1, "1.00").sequence
    told = set()
    for sequence in (theirs, theirs + 1, 10**9):
        with pytest.raises(NotFound) as unknown:
            floor.user("ann").audit.get_event(sequence)
        told.add(str(unknown.value).replace(str(sequence), "N"))
    assert len(told) == 1
    assert isinstance(floor.admin.audit.get_event(theirs), AuditEvent)
