"""Statements: every figure is the ledger's to the last unit, periods chain, and what does not tie is never shown."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import shutil
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock, SystemClock
from credit_trading.clock import format_time
from credit_trading.errors import AlreadyExists, FileCorrupt, InvalidInput, NotFound
from credit_trading.spreadsheet import unguarded
from credit_trading.statements.reading import OpenStatement
from credit_trading.statements.reading import opened as opened_statement
from credit_trading.statements.records import SCHEMA, SCHEMA_VERSION
from credit_trading.statements.rows import COLUMNS
from credit_trading.statements.words import contents
from tests.floor import CASH, CREDIT, Floor, edit, opened
from tests.statements.past import DAY_US, USERS, Past


def noted_before(past: Past, user: str, moment_us: int) -> dict[str, str]:
    """What the ledger had, by what was noted while it happened."""
    found: dict[str, str] = {}
    for noted_us, users in past.notes:
        if noted_us < moment_us:
            found = users[user]
    return found


def moments(past: Past, count: int, *, seed: int) -> list[int]:
    """Of the history, in order: any, those of events, and the microsecond after one."""
    rng = random.Random(seed)
    booked = [at for at, _ in past.notes]
    chosen = [rng.randint(past.begins_us, past.clock.now_us()) for _ in range(count)]
    chosen += [rng.choice(booked) + rng.choice((0, 1)) for _ in range(count)]
    return sorted(moment for moment in chosen if moment < past.clock.now_us())


def test_opening_and_closing_are_what_the_ledger_said_at_the_time(past: Past) -> None:
    """Also of what was entered late or settled later: in between, nobody knew of it."""
    for user in USERS:
        points = moments(past, 6, seed=1)
        for begins, ends in itertools.pairwise(points):
            statement = past.floor.user(user).statements.get_statement(begins, ends)
            opening = {one.asset: one.opening for one in statement.balances if Decimal(one.opening)}
            closing = {one.asset: one.closing for one in statement.balances if Decimal(one.closing)}
            assert opening == noted_before(past, user, begins)
            assert closing == noted_before(past, user, ends)


@pytest.mark.parametrize("by", ["booked", "date"])
def test_consecutive_periods_chain_and_lose_nothing(past: Past, by: str) -> None:
    for user in USERS:
        service = past.floor.user(user).statements
        whole = service.get_statement(by=by)
        points = [past.begins_us, *moments(past, 5, seed=2), None]
        parts = [service.get_statement(begins, ends, by=by) for begins, ends in itertools.pairwise(points)]
        for one, following in itertools.pairwise(parts):
            left = {balance.asset: balance.closing for balance in one.balances if Decimal(balance.closing)}
            assert left == {one.asset: one.opening for one in following.balances if Decimal(one.opening)}
        assert sum(part.transactions for part in parts) == whole.transactions
        flows: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for part in parts:
            for flow in part.flows:
                for kind in flow.by_type:
                    flows[flow.asset, kind.transaction_type] += Decimal(kind.net)
        assert flows == {
            (flow.asset, kind.transaction_type): Decimal(kind.net) for flow in whole.flows for kind in flow.by_type
        }


def test_by_date_each_change_counts_from_when_it_happened(past: Past) -> None:
    """Against a sum over all rows of the file, late ones and those that were pending among them."""
    assert any(happened < booked for user in USERS for _, booked, happened, _, _ in past.rows(user))
    for user in USERS:
        service, rows = past.floor.user(user).statements, past.rows(user)
        for begins, ends in zip(moments(past, 4, seed=3), moments(past, 4, seed=3)[2:], strict=False):
            with service.open_statement(begins, ends, by="date") as source:
                lines = list(source.lines())
            expected = sorted({(row[2], row[3]) for row in rows if begins <= row[2] < ends})
            assert [(line.transaction_date, line.sequence) for line in lines] == [
                (format_time(at), sequence) for at, sequence in expected
            ]
            for balance in source.statement.balances:
                decimals = len(balance.closing.partition(".")[2])
                units = sum(row[4] for row in rows if row[0] == balance.asset and row[2] < ends)
                assert Decimal(balance.closing) == Decimal(units).scaleb(-decimals)


def test_lines_lead_from_the_opening_to_the_closing_balances(past: Past) -> None:
    for by in ("booked", "date"):
        with past.floor.user("ann").statements.open_statement(past.begins_us + 30 * DAY_US, by=by) as source:
            running = {one.asset: Decimal(one.opening) for one in source.statement.balances}
            for line in source.lines():
                for change in line.changes:
                    running[change.asset] += Decimal(change.change)
                    assert Decimal(change.balance) == running[change.asset]
            assert running == {one.asset: Decimal(one.closing) for one in source.statement.balances}


def test_a_statement_up_to_now_ends_with_the_present(past: Past) -> None:
    for user in USERS:
        statement = past.floor.user(user).statements.get_statement()
        assert statement.is_current
        present = {
            one.asset: (one.posted, one.held, one.available)
            for one in past.floor.user(user).accounts.get_balances()
            if Decimal(one.posted)
        }
        shown = {one.asset: (one.closing, one.held, one.available) for one in statement.balances}
        assert {asset: found for asset, found in shown.items() if Decimal(found[0])} == present
        assert {order.order_id for order in statement.open_orders} == {
            one.order_id for one in past.floor.user(user).orders.get_active_orders()
        }


def test_the_journal_proves_what_a_statement_knows(past: Past) -> None:
    statement = past.floor.user("ann").statements.get_statement()
    assert past.floor.admin.check_journal_head(statement.as_of_sequence, statement.as_of_hash) is None
    wrong = "0" * 64
    assert past.floor.admin.check_journal_head(statement.as_of_sequence, wrong) is not None


def test_csv_adds_up_in_a_spreadsheet(past: Past, tmp_path: Path) -> None:
    """Each asset: its opening row, the sum of its changes, its closing row."""
    target = tmp_path / "ann.csv"
    statement = past.floor.user("ann").statements.write_statement(target, past.begins_us + 9 * DAY_US, format="csv")
    assert target.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(target.read_bytes().decode("utf-8-sig"), newline="")))
    assert list(rows[0]) == list(COLUMNS)
    for balance in statement.balances:
        own = [row for row in rows if row["asset"] == balance.asset]
        assert (own[0]["transaction_type"], own[-1]["transaction_type"]) == ("opening", "closing")
        changes = sum(Decimal(row["change"]) for row in own[1:-1])
        assert Decimal(own[0]["balance"]) + changes == Decimal(own[-1]["balance"]) == Decimal(balance.closing)
    assert len({row["line"] for row in rows if row["line"]}) == statement.transactions


def test_json_says_the_same_and_names_its_version(past: Past) -> None:
    stream = io.BytesIO()
    statement = past.floor.user("ann").statements.write_statement(stream, format="json")
    found = json.loads(stream.getvalue())
    assert (found["schema"], found["schema_version"]) == (SCHEMA, SCHEMA_VERSION)
    assert found["balances"] == [
        {name: getattr(one, name) for name in ("asset", "opening", "inflow", "outflow", "closing", "held", "available")}
        for one in statement.balances
    ]
    with past.floor.user("ann").statements.open_statement() as source:
        assert [line["transaction_id"] for line in found["lines"]] == [line.transaction_id for line in source.lines()]
    assert not any(isinstance(value, float) for value in _leaves(found))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


HARMS = {
    "a changed amount": "UPDATE balance_changes SET change = change + 1 WHERE sequence = (SELECT max(sequence) FROM balance_changes)",
    "a lost change": "DELETE FROM balance_changes WHERE sequence = (SELECT max(sequence) FROM balance_changes)",
    "a changed balance": "UPDATE balances SET posted = posted + 1 WHERE asset = 'USD'",
    "a lost transaction": "DELETE FROM trading_transactions WHERE transaction_type = 'deposit'",
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("by", ["booked", "date"])
def test_what_does_not_tie_is_never_shown(floor: Floor, tmp_path: Path, harm: str, by: str) -> None:
    """A file that somebody has edited: an error that says what to do, and no file."""
    floor.admin.accounts.withdraw("ann", CASH, "12.34")
    floor.user("ann").statements.get_statement()
    edit(floor.path("ann"), HARMS[harm])
    with pytest.raises(FileCorrupt, match="verify --deep"):
        floor.user("ann").statements.write_statement(tmp_path / "ann.html", by=by)
    stream = io.BytesIO()
    with pytest.raises(FileCorrupt):
        floor.user("ann").statements.write_statement(stream, format="csv", by=by)
    assert stream.getvalue() == b""
    assert list(tmp_path.glob("*.html*")) == []


def test_nothing_can_be_booked_any_more_in_a_period_that_has_a_statement(floor: Floor, clock: ManualClock) -> None:
    """The future is refused; up to now means all that is there, and what comes next belongs to the next period."""
    clock.advance(60)
    with pytest.raises(InvalidInput, match="has not ended"):
        floor.user("ann").statements.get_statement(to=clock.now_us() + 2)
    first = floor.user("ann").statements.get_statement()
    clock.advance(1)
    floor.admin.accounts.deposit("ann", CASH, "1.00")
    following = floor.user("ann").statements.get_statement(first.ends_at)
    assert {one.asset: one.opening for one in following.balances} == {one.asset: one.closing for one in first.balances}
    assert following.transactions == 1


def test_a_writer_who_was_at_work_is_waited_for(
    floor: Floor, reopen: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process has stamped before now, and commits after it, is in the statement: nothing comes into a period later."""
    elsewhere = reopen().as_admin("elsewhere")
    live = floor.exchange._live
    turn, late = live.turn, list[int]()

    @contextmanager
    def once_it_has_committed() -> Iterator[None]:
        late.append(elsewhere.accounts.deposit("ann", CASH, "7.00").sequence)
        with turn():
            yield

    floor.user("ann").statements.get_statement()
    monkeypatch.setattr(live, "turn", once_it_has_committed)
    with floor.user("ann").statements.open_statement() as source:
        assert [line.sequence for line in source.lines()][-1:] == late


def test_of_nothing_there_is_a_statement_too(floor: Floor, clock: ManualClock) -> None:
    floor.admin.databases.create_trading_database("eve", "eve@example.com")
    service = floor.user("eve").statements
    statement = service.get_statement()
    assert (statement.transactions, statement.balances, statement.flows) == (0, [], [])
    now = clock.now_us()
    assert service.get_statement(now, now).transactions == 0
    for form in ("csv", "html", "json"):
        service.write_statement(io.BytesIO(), now, now, format=form)


def test_wrong_input_is_refused_in_one_line_and_leaves_nothing(floor: Floor, tmp_path: Path) -> None:
    service = floor.user("ann").statements
    wrong: list[dict[str, Any]] = [
        {"from_": "yesterday"},
        {"from_": "2026-01-01T10:00:00"},
        {"from_": "2026-13-01"},
        {"to": True},
        {"from_": "2025-12-02", "to": "2025-12-01"},
        {"by": "guess"},
    ]
    for words in wrong:
        with pytest.raises(InvalidInput):
            service.get_statement(**words)
    with pytest.raises(InvalidInput, match="csv, html, json"):
        service.write_statement(tmp_path / "x", format="pdf")
    with pytest.raises(NotFound):
        service.write_statement(tmp_path / "nowhere" / "x.csv", format="csv")
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(AlreadyExists):
        service.write_statement(tmp_path / "there.csv", format="csv")
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["there.csv"]


def test_whoever_trades_meanwhile_does_not_wait_and_changes_nothing(floor: Floor) -> None:
    """While a statement is read, others write; its lines are those of the moment at which it was opened."""
    with floor.user("ann").statements.open_statement() as source:
        lines = source.lines()
        next(lines)
        floor.admin.accounts.deposit("ann", CASH, "5.00")
        floor.place("ann", "buy", 1, "1.00")
        assert len(list(lines)) == source.statement.transactions - 1
    assert floor.user("ann").statements.get_statement().transactions == source.statement.transactions + 1


def test_who_reads_a_statement_slowly_keeps_nothing_open(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pager may stay at the first line for hours: by then the user's file is closed."""
    finished: list[bool] = []

    @contextmanager
    def watched(*words: Any, **more: Any) -> Iterator[OpenStatement]:
        with opened_statement(*words, **more) as source:
            yield source
        finished.append(True)

    class Pager(io.BytesIO):
        def write(self, data: Any) -> int:
            assert finished
            return super().write(data)

    monkeypatch.setattr("credit_trading.statements.statements.opened", watched)
    for form in ("csv", "html", "json"):
        finished.clear()
        floor.user("ann").statements.write_statement(Pager(), format=form)


HOSTILE = ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "'=1", "\t=1", "a;=1", 'say "hi"\n=2', "-5", "ünï ✓"]


def test_no_note_becomes_a_formula(floor: Floor) -> None:
    """Cells that a spreadsheet would run have a ' before them; without it the note is what it was."""
    for note in HOSTILE:
        floor.admin.accounts.deposit("ann", CASH, "1.00", note=note)
    stream = io.BytesIO()
    floor.user("ann").statements.write_statement(stream, format="csv")
    rows = list(csv.DictReader(io.StringIO(stream.getvalue().decode("utf-8-sig"), newline="")))
    notes = [row["note"] for row in rows if row["note"]]
    assert [unguarded(note) for note in notes] == HOSTILE
    assert [note for note in notes if note[0] in "=+-@\t\r\n"] == ["-5"]


def test_memory_stays_small_however_many_lines_there_are(home: Path, clock: ManualClock, is_long: bool) -> None:
    """Twice the lines take as much memory: what is kept of a line is forgotten with it."""
    many = 20_000 if is_long else 500
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann")
        peaks = []
        for _ in range(2):
            commands = [floor.admin.accounts.prepare_deposit("ann", CREDIT, 1) for _ in range(many)]
            exchange.submit(commands)
            tracemalloc.start()
            with floor.user("ann").statements.open_statement() as source:
                count = sum(1 for _ in source.lines())
            peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
            tracemalloc.stop()
        assert count > 2 * many
        assert peaks[1] < peaks[0] * 2, peaks


def test_a_closed_folder_that_was_copied_gives_the_same_statement(past: Past, tmp_path: Path) -> None:
    """From the journal alone: the user's file is gone, and is made anew."""
    stream, again = io.BytesIO(), io.BytesIO()
    past.floor.user("bob").statements.write_statement(stream, past.begins_us, past.clock.now_us(), format="json")
    copy = tmp_path / "copy"
    shutil.copytree(past.floor.exchange.home, copy, ignore=shutil.ignore_patterns("trading_bob*", "*.lock"))
    with opened(copy, clock=past.clock) as exchange:
        exchange.as_user("bob").statements.write_statement(again, past.begins_us, past.clock.now_us(), format="json")
    assert again.getvalue() == stream.getvalue()


def test_a_statement_up_to_now_says_whether_more_may_still_be_booked_at_its_end(floor: Floor, tmp_path: Path) -> None:
    """A clock that stands, or is set back, gives later events the moment of the last one; with one that goes, statements chain."""
    standing = floor.user("ann").statements.get_statement()
    assert not standing.is_final
    assert "so far" in contents(standing)
    assert floor.user("ann").statements.get_statement(to=standing.begins_at, from_="2020-01-01").is_final
    with opened(tmp_path / "going", clock=SystemClock()) as exchange:
        going = Floor(exchange).set_up("ann")
        before, from_ = None, None
        for _ in range(10):
            told = going.user("ann").statements.get_statement(from_=from_)
            assert told.is_final
            going.admin.accounts.deposit("ann", CASH, "7.00")
            opening = {one.asset: one.opening for one in told.balances}
            assert before is None or opening == before
            before, from_ = {one.asset: one.closing for one in told.balances}, told.ends_at
