"""Requests of a host become commands, each once, whatever is in their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock, Settings
from credit_trading.errors import Busy, FileForeign, Unwritable
from credit_trading.host.inwards import inward as inward_module
from credit_trading.host.inwards.inward import Inward
from tests.floor import CASH, CREDIT, Floor, opened
from tests.host.both_sides import OWN, USERS, BothSides
from tests.host.database import Database


@pytest.fixture
def both(floor: Floor, database: Database) -> BothSides:
    return BothSides.of(floor, database)


ONLY_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_deposit_is_done_once_and_then_says_where_it_stands(both: BothSides) -> None:
    before = both.total()
    both.deposit("d-1", 500, note="prize", actor="erin", correlation_id="req-7")
    assert both.sync() == inward_module.Asked(submitted=1)
    assert both.sync() == inward_module.Asked()
    ((status, sequence),) = both.rows("SELECT status, sequence FROM trading_requests")
    assert (status, both.own(), both.on_exchange()) == ("done", OWN - 500, 100_500)
    entry = both.entries()[sequence - 1]
    assert (entry.event.kind, entry.cause) == ("deposited", "host/key/d-1")
    (trail,) = both.floor.admin.audit.list_events(correlation_id="req-7")
    assert (trail.actor, trail.note) == ("host:erin", "prize")
    assert both.total() == before


def test_a_withdrawal_is_held_until_the_host_confirms_or_fails_it(both: BothSides) -> None:
    before = both.total()
    both.withdraw("w-1", 300)
    both.withdraw("w-2", 200)
    both.sync()
    assert both.statuses() == {"w-1": "held", "w-2": "held"}
    (balance,) = [one for one in both.floor.user("ann").accounts.get_balances() if one.asset == CREDIT]
    assert (balance.posted, balance.held) == ("100000", "500")
    both.confirm("w-1")
    both.fail("w-2")
    assert both.total() == before
    assert both.sync().ended == 2
    assert both.statuses() == {"w-1": "done", "w-2": "released"}
    assert (both.own(), both.on_exchange(), both.total()) == (OWN + 300, 99_700, before)
    assert both.sync() == inward_module.Asked()


@ONLY_SQLITE
def test_what_the_exchange_refuses_says_so_and_nothing_is_held(both: BothSides) -> None:
    both.withdraw("w-1", 999_999)
    both.sync()
    assert (both.status("w-1"), both.code("w-1")) == ("refused", "insufficient_funds")
    assert both.sync() == inward_module.Asked()


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("amount", {"amount": "1e3"}, "invalid_input"),
    ("negative", {"amount": "-5"}, "invalid_input"),
    ("space", {"amount": " 5"}, "invalid_input"),
    ("too-fine", {"amount": "5.5"}, "invalid_input"),
    ("nan", {"amount": "NaN"}, "invalid_input"),
    ("huge", {"amount": "1" + "0" * 30}, "invalid_input"),
    ("zero", {"amount": "0"}, "invalid_input"),
    ("no-amount", {"amount": None}, "invalid_input"),
    ("comma", {"amount": "1,5", "asset": CASH}, "invalid_input"),
    ("no-user", {"user_id": None}, "invalid_input"),
    ("unknown-user", {"user_id": "zed"}, "not_found"),
    ("other-case", {"user_id": "ANN"}, "not_found"),
    ("deleted-user", {"user_id": "gone"}, "not_found"),
    ("unknown-asset", {"asset": "NONE"}, "not_found"),
    ("no-asset", {"asset": None}, "invalid_input"),
    ("unknown-project", {"asset": None, "project_id": "p9"}, "not_found"),
    ("two-assets", {"asset": None, "project_id": "p2"}, "invalid_input"),
    ("other-project", {"project_id": "p2"}, "invalid_input"),
    ("bad-project", {"project_id": "a b"}, "invalid_input"),
    ("unknown-kind", {"kind": "gift"}, "invalid_input"),
    ("long-note", {"note": "n" * 1_001}, "invalid_input"),
    ("no-project", {"kind": "retire_project"}, "invalid_input"),
    ("id with spaces", {}, "invalid_input"),
    ("ann@example.com", {}, "invalid_input"),
    ("d-1/end", {}, "invalid_input"),
    ("../../x", {}, "invalid_input"),
    ("", {}, "invalid_input"),
]


def test_rows_that_cannot_become_commands_are_set_aside_and_hold_up_no_other(both: BothSides) -> None:
    admin = both.floor.admin
    admin.databases.create_trading_database("gone", "gone@example.com")
    admin.databases.delete_trading_database("gone")
    for code, project in (("P1", "p1"), ("P2-A", "p2"), ("P2-B", "p2")):
        admin.assets.add_asset(code, decimals=0, project_id=project)
    admin.trading.suspend_user("bob")
    both.write("a-good")
    for request_id, columns, _ in BAD:
        both.write(request_id, **columns)
    both.write("the-only-asset", asset=None, project_id="p1")
    both.write("suspended", user_id="bob")
    both.write("withdrawn-from-suspended", kind="withdrawal", user_id="bob")
    both.write("z-good")
    assert both.sync() == inward_module.Asked(submitted=5, set_aside=len(BAD))
    rows = both.rows("SELECT id, status, code FROM trading_requests")
    found = {request_id: (status, code) for request_id, status, code in rows}
    for request_id, _, code in BAD:
        assert found.pop(request_id) == ("set_aside", code), request_id
    assert found.pop("withdrawn-from-suspended") == ("held", None)
    assert set(found.values()) == {("done", None)}
    assert both.floor.balance("ann", "P1") == "5"
    assert both.on_exchange() == 100_010
    sentences = both.rows("SELECT sentence FROM trading_requests WHERE status = 'set_aside'")
    assert all(sentence for (sentence,) in sentences)


@ONLY_SQLITE
def test_what_only_a_careless_database_takes_is_set_aside_too(both: BothSides) -> None:
    """Columns of SQLite hold anything."""
    both.write("x" * 65)
    both.write("number", amount=7)
    both.write("bytes", user_id=b"\xff\xfe")
    both.write(b"blob")
    both.write("some-day", created_at="some day")
    both.write("good")
    both.sync()
    both.sync()
    statuses = both.statuses()
    assert (statuses["good"], statuses["number"], statuses["some-day"]) == ("done", "done", "done")
    assert (statuses["x" * 65], statuses["bytes"]) == ("set_aside", "set_aside")
    assert both.on_exchange() == 100_017


def test_rows_are_worked_off_in_the_order_of_their_times_and_ids(
    both: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, rows of one moment on both sides of a border."""
    monkeypatch.setattr(inward_module, "PAGE_ROWS", 2)
    same, earlier, later = "2026-01-02 00:00:00+00:00", "2026-01-01 10:00:00+00:00", "2026-01-03 00:00:00+00:00"
    if both.database.kind == "sqlite":
        same, earlier, later = (moment.removesuffix("+00:00") for moment in (same, earlier, later))
    for request_id, moment in (("c", same), ("a", later), ("e", same), ("d", same), ("b", same), ("z", earlier)):
        both.write(request_id, created_at=moment)
    assert both.sync().submitted == 6
    assert both.causes() == [f"host/key/{one}" for one in "zbcdea"]


def test_the_same_id_again_moves_nothing_and_says_so(both: BothSides) -> None:
    """A host that deletes rows of requests and writes them once more."""
    both.write("d-1")
    both.write("d-2")
    both.write("r-1", kind="withdrawal", amount="999999")
    for name in ("w-held", "w-ended", "w-other"):
        both.write(name, kind="withdrawal")
    both.sync()
    both.fail("w-ended")
    both.sync()
    both.execute("DELETE FROM trading_requests")
    both.write("d-1")
    both.write("d-2", amount="6")
    both.write("r-1", kind="withdrawal", amount="999999")
    both.write("w-held", kind="withdrawal")
    both.write("w-ended", kind="withdrawal")
    both.write("w-other", kind="withdrawal", amount="6")
    both.sync()
    assert both.on_exchange() == 100_010
    assert both.statuses() == {
        "d-1": "set_aside",
        "d-2": "set_aside",
        "r-1": "set_aside",
        "w-held": "held",
        "w-ended": "set_aside",
        "w-other": "set_aside",
    }
    assert (both.code("d-1"), both.code("d-2"), both.code("w-ended")) == (
        "already_done",
        "command_conflict",
        "already_done",
    )
    both.confirm("w-held")
    assert both.sync().ended == 1
    assert (both.status("w-held"), both.on_exchange()) == ("done", 100_005)


@ONLY_SQLITE
def test_a_status_that_the_host_wrote_by_hand_moves_nothing(both: BothSides) -> None:
    for request_id, status in (
        ("a", "done"),
        ("b", "refused"),
        ("c", "New"),
        ("d", ""),
        ("e", "held"),
        ("f", "set_aside"),
    ):
        both.write(request_id, kind="withdrawal", status=status, decision="confirm")
    assert both.sync() == inward_module.Asked()
    assert both.causes() == []
    assert both.on_exchange() == 100_000


@ONLY_SQLITE
def test_a_decision_that_is_there_before_the_credits_are_held_waits_for_them(both: BothSides) -> None:
    both.write("w-1", kind="withdrawal", decision="confirm")
    both.write("w-2", kind="withdrawal", decision="fail")
    both.write("w-3", kind="withdrawal", decision="perhaps")
    both.sync()
    assert both.statuses() == dict.fromkeys(("w-1", "w-2", "w-3"), "held")
    both.sync()
    assert both.statuses() == {"w-1": "done", "w-2": "released", "w-3": "held"}
    assert both.on_exchange() == 99_995


@ONLY_SQLITE
def test_a_host_that_changes_its_mind_after_the_end_gets_what_the_journal_has(both: BothSides) -> None:
    both.withdraw("w-1", 5)
    both.sync()
    both.confirm("w-1")
    both.inward()
    both.change("w-1", decision="fail")
    assert both.inward() == inward_module.Asked()
    both.sync()
    assert (both.status("w-1"), both.on_exchange()) == ("done", 99_995)
    assert both.floor.kinds()[-1] == "transaction_updated"


@ONLY_SQLITE
def test_only_its_own_hold_is_ended_whatever_number_stands_in_the_row(both: BothSides) -> None:
    both.withdraw("w-1", 5)
    both.withdraw("w-2", 7, user="bob")
    both.sync()
    ((other,),) = both.rows("SELECT transaction_id FROM trading_requests WHERE id = 'w-2'")
    both.change("w-1", transaction_id=other, user_id="bob", amount="7")
    both.fail("w-1")
    both.sync()
    assert both.statuses() == {"w-1": "released", "w-2": "held"}


@ONLY_SQLITE
def test_while_the_exchange_takes_no_commands_rows_stay_new(both: BothSides, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad ones are set aside all the same."""
    both.withdraw("w-1", 5)
    both.sync()
    both.confirm("w-1")
    both.write("good")
    both.write("bad", amount="x")
    sequencer = both.floor.exchange._desk.sequencer
    for failure in (Busy("submit", "", "others"), Unwritable("submit", "", "the disk is full")):
        with monkeypatch.context() as patch:
            patch.setattr(type(sequencer), "submit", _raising(failure))
            with pytest.raises(type(failure)):
                both.sync()
        assert both.statuses() == {"w-1": "held", "good": "new", "bad": "set_aside"}
    both.sync()
    assert both.statuses() == {"w-1": "done", "good": "done", "bad": "set_aside"}


@ONLY_SQLITE
def test_nothing_is_submitted_for_tables_of_another_history(both: BothSides) -> None:
    both.write("d-1")
    both.execute("UPDATE trading_position SET sequence = 3, hash = :hash", hash="ab" * 32)
    with pytest.raises(FileForeign, match="another history"):
        both.inward()
    both.execute("UPDATE trading_position SET sequence = 1000000")
    with pytest.raises(FileForeign, match="ahead of the journal"):
        both.inward()
    both.execute("UPDATE trading_position SET sequence = 0, exchange_id = 'other'")
    with pytest.raises(FileForeign, match="another exchange"):
        both.inward()
    assert both.causes() == []


def test_what_was_refused_is_not_decided_again_by_a_worker_that_slept(home: Path, tmp_path: Path) -> None:
    """It read the row while that was new; meanwhile it was refused, and the exchange has forgotten the refusal."""
    with opened(home, settings=Settings(remember_commands=4)) as exchange:
        both = BothSides.of(Floor(exchange).set_up(*USERS), Database("sqlite", f"sqlite:///{tmp_path / 'host.db'}"))
        both.outward()
        both.withdraw("w-1", 999_999)
        sleeper = Inward(exchange._desk, both.adapter, both.tables, both.settings)
        place, (rows,) = sleeper._read(sleeper._new())
        both.sync()
        assert both.status("w-1") == "refused"
        for _ in range(4):
            both.floor.admin.accounts.deposit("ann", CREDIT, 999_999)
        with pytest.raises(Busy, match="too much has happened"):
            sleeper._begin(place, rows)
        both.sync()
        assert (both.status("w-1"), both.on_exchange()) == ("refused", 100_000 + 4 * 999_999)
        assert both.floor.kinds().count("transaction_entered") == 0


@ONLY_SQLITE
def test_requests_that_come_after_a_long_rest_are_done_together(both: BothSides, clock: ManualClock) -> None:
    """The first of them makes the exchange forget all commands of before."""
    clock.advance(200_000)
    for number in range(3):
        both.write(f"d-{number}")
        both.write(f"w-{number}", kind="withdrawal", amount="999999")
    assert both.sync().submitted == 6


def test_a_worker_that_slept_sets_nothing_aside_that_was_done_meanwhile(both: BothSides) -> None:
    both.write("d-1", user_id="cat")
    both.write("d-2", user_id="cat", amount="x")
    sleeper = Inward(both.floor.exchange._desk, both.adapter, both.tables, both.settings)
    both.outward()
    place, (rows,) = sleeper._read(sleeper._new())
    both.inward()
    both.floor.admin.databases.delete_trading_database("cat", sweep_to="ann")
    assert sleeper._begin(place, rows) == inward_module.Asked()
    assert both.statuses() == {"d-1": "new", "d-2": "set_aside"}
    both.sync()
    assert sleeper._begin(place, rows) == inward_module.Asked()
    assert both.statuses() == {"d-1": "done", "d-2": "set_aside"}


def _raising(error: Exception) -> Any:
    def submit(*_: object, **__: object) -> None:
        raise error

    return submit
