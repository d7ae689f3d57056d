"""The journal as rows: what was written is chained, numbered and found again; what was tampered with is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import attrs
import msgspec
import pytest

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import Busy, CommandConflict, FileCorrupt, StorageError, TradingError, VersionUnsupported
from credit_trading.exchange import events as ev
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.schedule import Schedule, WeeklySession
from credit_trading.journal import notes, rows
from credit_trading.journal.log import FILE_NAME, FORMAT_VERSION, UPGRADED, Log
from credit_trading.journal.notes import Note
from credit_trading.store.locks import PRESENT, LockFile
from credit_trading.store.sqlite import connect
from tests.floor import CASH, CREDIT, SYMBOL, Floor, copy_of, edit, opened, rows_of


def _some_history(floor: Floor) -> None:
    """Orders that rest, trade, are amended, canceled and rejected; money that moves."""
    resting = floor.place("ann", "sell", 10, "12.50")
    floor.place("bob", "buy", 4, "12.50")
    floor.user("ann").orders.amend_order(resting.order_id, quantity=8)
    floor.user("ann").orders.cancel_order(resting.order_id)
    floor.admin.accounts.withdraw("cat", CASH, "10.00", key="w1")
    floor.admin.transactions.record_transaction(
        buyer="cat", seller="ann", credit_type=CREDIT, quantity=5, price_per_credit="11.00", currency=CASH
    )
    with pytest.raises(TradingError):
        floor.place("cat", "sell", 10**9, "12.50")


def test_the_chain_of_a_real_history_verifies(floor: Floor) -> None:
    """Every row's hash follows from the row before and its own stored bytes; the first is chained to zeros."""
    _some_history(floor)
    previous = rows.FIRST_HASH
    stored = rows_of(floor.exchange.home / FILE_NAME, f"SELECT {rows.COLUMNS} FROM journal ORDER BY sequence")
    for number, row in enumerate(stored, 1):
        assert row[0] == number
        assert row[rows.HASH] == rows.row_hash(row, previous)
        previous = row[rows.HASH]
    assert len(stored) == floor.exchange.sequence
    assert floor.findings() == []


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("payload", """UPDATE journal SET payload = replace(payload, '"amount":', '"amount":1') WHERE sequence = 9"""),
        ("time", "UPDATE journal SET time_us = time_us + 1 WHERE sequence = 9"),
        ("cause", "UPDATE journal SET cause = 'x' WHERE sequence = 9"),
        ("content", "UPDATE journal SET content = NULL WHERE sequence = 9"),
        ("user", "UPDATE journal SET user_a = 1 WHERE sequence = 9"),
        ("back-pointer", "UPDATE journal SET previous_a = 3 WHERE sequence = 9"),
        ("hash", "UPDATE journal SET hash = zeroblob(32) WHERE sequence = 9"),
        ("a dropped row", "DELETE FROM journal WHERE sequence = 9"),
        (
            "a row twice",
            f"INSERT INTO journal SELECT sequence + 100, {rows.COLUMNS[10:]} FROM journal WHERE sequence = 9",
        ),
        (
            "two rows exchanged",
            "UPDATE journal SET sequence = CASE sequence WHEN 9 THEN -10 WHEN 10 THEN -9 END WHERE sequence IN (9, 10)",
        ),
    ],
)
def test_a_row_that_was_tampered_with_is_found(floor: Floor, what: str, damage: str) -> None:
    """Edited in any column, dropped, repeated or moved: an exchange that is open names it, and opening anew refuses it."""
    _some_history(floor)
    home = floor.exchange.home
    edit(home / FILE_NAME, damage, "UPDATE journal SET sequence = -sequence WHERE sequence < 0")
    findings = floor.findings()
    if what == "a row twice":
        assert len(findings) == 1
        assert "the chain is broken here" in findings[0]
    else:
        assert any(
            finding.startswith(("exchange.db, sequence 9:", "exchange.db, sequence 10:")) for finding in findings
        ), findings
    with pytest.raises(FileCorrupt, match="the chain is broken here") as error, opened(home):
        pass
    assert "\n" not in str(error.value)


def test_every_kind_of_event_comes_back_from_its_row_as_it_was() -> None:
    """Encoded and decoded, each kind with values in all its fields, and with its defaults."""
    examples: dict[object, object] = {int: 7, str: "x", bool: True, int | None: 9, str | None: "y"}
    schedule = Schedule("Europe/Berlin", (WeeklySession(0, 540, 1050),), ("2026-12-25",))
    examples |= {MarketRules: MarketRules(maker_ppm=-100, min_lots=5), Schedule | None: schedule}
    for kind in ev.KINDS.values():
        hints = get_type_hints(kind)
        fields = msgspec.structs.fields(kind)
        full = kind(**{field.name: examples[hints[field.name]] for field in fields})
        bare = kind(**{field.name: examples[hints[field.name]] for field in fields if field.required})
        for event in (full, bare):
            entry = ev.Entry(3, 5, "cause", "content", event, 1, 2, 1, None, None, None)
            assert rows.decode(rows.encode(entry, rows.FIRST_HASH)) == entry


@pytest.mark.parametrize(
    ("kind", "payload", "meant"),
    [
        (
            "founded",
            {"exchange_id": "x", "remember_commands": 9, "remember_commands_us": 8},
            ev.Founded("x", 9, 8, remember_client_orders=1000, remember_client_orders_us=86_400_000_000),
        ),
        (
            "instrument_status_changed",
            {"symbol": "T/USD", "halted": True},
            ev.InstrumentStatusChanged("T/USD", halted=True, session_open=True, reason="requested"),
        ),
        (
            "order_accepted",
            {"user": 1, "order": 2, "symbol": "T/USD", "side": "buy", "order_type": "limit", "time_in_force": "GTC"}
            | {"price_ticks": 5, "quantity_lots": 6, "hold": 30},
            ev.OrderAccepted(1, 2, "T/USD", "buy", "limit", "GTC", 5, 6, 30, self_trade="cancel_newest"),
        ),
        (
            "order_rejected",
            {"user": 1, "order": 2, "symbol": "T/USD", "side": "buy", "order_type": "limit", "time_in_force": "GTC"}
            | {"quantity_lots": 6, "code": "insufficient_funds", "price_ticks": 5},
            ev.OrderRejected(1, 2, "T/USD", "buy", "limit", "GTC", 6, "insufficient_funds", 5),
        ),
        (
            "order_amended",
            {"user": 1, "order": 2, "price_ticks": 5, "quantity_lots": 6, "hold": 30, "requeued": False},
            ev.OrderAmended(1, 2, 5, 6, 30, requeued=False, expires_at_us=None, display_lots=None),
        ),
        ("order_expired", {"user": 1, "order": 2, "released": 30}, ev.OrderExpired(1, 2, 30, reason="expired")),
    ],
)
def test_an_event_of_the_first_version_means_what_it_meant(
    kind: str, payload: dict[str, object], meant: ev.Event
) -> None:
    """What a later version added is absent from the stored row, and its default says what was so before."""
    row = (3, 5, kind, 1, "cause", None, *[None] * 6, msgspec.json.encode(payload).decode(), b"")
    assert rows.decode(row).event == meant


def test_an_event_of_a_newer_version_is_refused_and_not_guessed() -> None:
    """It was written by a newer program; the message says so."""
    entry = ev.Entry(3, 5, "cause", None, ev.Fenced(), *[None] * 6)
    row = rows.encode(entry, rows.FIRST_HASH)
    newer = (*row[:3], 2, *row[4:])
    with pytest.raises(VersionUnsupported, match="unknown event fenced version 2"):
        rows.decode(newer)


def test_an_exchange_with_a_newer_event_in_it_is_refused(home: Path) -> None:
    """One line that names the place and asks for a newer program; nothing in the folder is changed."""
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
        last, last_hash = (
            exchange.sequence,
            rows_of(home / FILE_NAME, "SELECT hash FROM journal ORDER BY sequence DESC")[0][0],
        )
    row = rows.encode(ev.Entry(last + 1, 2**60, "cause", None, ev.Fenced(), *[None] * 6), last_hash)
    row = (*row[:3], 9, *row[4:])
    edit(
        home / FILE_NAME,
        "INSERT INTO journal VALUES ("
        + ", ".join("NULL" if value is None else repr(value) for value in row[: rows.HASH])
        + f", x'{rows.row_hash(row, last_hash).hex()}', NULL)",
    )
    before = (home / FILE_NAME).read_bytes()
    with (
        pytest.raises(VersionUnsupported, match=f'"sequence {last + 1}": unknown event fenced version 9'),
        opened(home),
    ):
        pass
    assert (home / FILE_NAME).read_bytes() == before


def test_each_users_events_are_numbered_without_gaps_and_point_back(floor: Floor) -> None:
    """Dense numbers from 1, and from each event the sequence of the user's previous one, on either side of a trade."""
    _some_history(floor)
    last: dict[int, tuple[int, int]] = {}
    stored = rows_of(
        floor.exchange.home / FILE_NAME,
        "SELECT sequence, user_a, number_a, previous_a, user_b, number_b, previous_b FROM journal ORDER BY sequence",
    )
    for sequence, *sides in stored:
        for user, number, previous in (sides[:3], sides[3:]):
            if user is None:
                assert (number, previous) == (None, None)
                continue
            assert (number - 1, previous) == last.get(user, (0, 0))
            last[user] = (number, sequence)
    assert set(last) == {1, 2, 3}


def test_a_users_history_is_found_by_its_back_pointers(floor: Floor) -> None:
    """The walk gives what a scan of the whole journal gives, from the start and from any point on it."""
    _some_history(floor)
    path = floor.exchange.home / FILE_NAME
    log = Log.open(path)
    try:
        for user in (1, 2, 3):
            scanned = [
                row[0] for row in rows_of(path, f"SELECT sequence FROM journal WHERE {user} IN (user_a, user_b)")
            ]
            assert log.history_of(user, last=scanned[-1], after=0) == scanned
            assert log.history_of(user, last=scanned[-1], after=scanned[1]) == scanned[2:]
            assert log.history_of(user, last=scanned[-1], after=scanned[-1]) == []
    finally:
        log.close()


def test_a_history_that_does_not_come_by_the_position_is_refused(floor: Floor) -> None:
    """A follower that stands on an event of somebody else would skip or repeat events of its own."""
    _some_history(floor)
    path = floor.exchange.home / FILE_NAME
    log = Log.open(path)
    try:
        with pytest.raises(FileCorrupt, match="the history of user #1 does not come by here"):
            log.history_of(1, last=rows_of(path, "SELECT max(sequence) FROM journal WHERE user_a = 1")[0][0], after=2)
        with pytest.raises(FileCorrupt, match="this row is not part of it"):
            log.history_of(1, last=2, after=0)
    finally:
        log.close()


@pytest.fixture
def forgetful(home: Path, clock: ManualClock) -> Floor:
    """An exchange whose replica remembers three commands only."""
    exchange = opened(home, clock=clock, settings=Settings(remember_commands=3))
    return Floor(exchange).set_up("ann", "bob")


def test_the_keys_of_money_movements_are_known_for_ever(forgetful: Floor) -> None:
    """Long after the replica forgot them, a deposit, a withdrawal and an off-book trade are not made twice."""
    admin = forgetful.admin
    deal = {"buyer": "ann", "seller": "bob", "credit_type": CREDIT, "quantity": 5, "currency": CASH, "key": "t"}
    first = admin.accounts.deposit("ann", CASH, "100.00", key="d")
    admin.accounts.withdraw("ann", CASH, "30.00", key="w")
    admin.transactions.record_transaction(price_per_credit="2.00", **deal)  # type: ignore[arg-type]
    for _ in range(5):
        forgetful.place("bob", "sell", 1, "99.00")
    before, sequence = forgetful.balance("ann"), forgetful.exchange.sequence
    again = admin.accounts.deposit("ann", CASH, "100.00", key="d")
    assert (again.repeated, again.sequence) == (True, first.sequence)
    assert admin.accounts.withdraw("ann", CASH, "30.00", key="w").repeated
    assert admin.transactions.record_transaction(price_per_credit="2.00", **deal).repeated  # type: ignore[arg-type]
    assert (forgetful.balance("ann"), forgetful.exchange.sequence) == (before, sequence)
    with pytest.raises(CommandConflict, match="used before for something else"):
        admin.accounts.deposit("ann", CASH, "100.01", key="d")
    assert forgetful.findings() == []
    forgetful.exchange.close()


def test_a_key_is_known_within_the_group_that_used_it_and_forgot_it(forgetful: Floor) -> None:
    """One group may be longer than the memory: the key is then neither remembered nor in the journal yet."""
    admin, before = forgetful.admin, forgetful.exchange.sequence
    deposit = [admin.accounts.prepare_deposit("ann", CASH, "100.00", key="d") for _ in range(2)]
    between = [forgetful.prepared("bob", "sell", 1, "99.00") for _ in range(5)]
    outcomes = forgetful.exchange.submit([deposit[0], *between, deposit[1]])
    assert [outcome.repeated for outcome in outcomes] == [False] * 6 + [True]
    assert forgetful.kinds(after=before).count("deposited") == 1
    forgetful.exchange.close()


def test_an_order_is_remembered_for_the_founded_number_of_commands(forgetful: Floor) -> None:
    """Within it a repeated command id gives the first answer; beyond it the id is new again: that is the setting's meaning."""
    first = forgetful.place("bob", "sell", 1, "99.00", command_id="c")
    assert forgetful.place("bob", "sell", 1, "99.00", command_id="c").repeated
    for _ in range(5):
        forgetful.place("bob", "sell", 1, "99.00")
    later = forgetful.place("bob", "sell", 1, "99.00", command_id="c")
    assert not later.repeated
    assert later.order_id != first.order_id
    forgetful.exchange.close()


def test_the_memory_is_the_same_after_a_restart_and_from_a_checkpoint(forgetful: Floor) -> None:
    """It was founded with the exchange, so every process forgets the same ids, whatever its own constant says."""
    home = forgetful.exchange.home
    ids = [f"c{number}" for number in range(5)]
    for command_id in ids:
        forgetful.place("bob", "sell", 1, "99.00", command_id=command_id)
    forgetful.exchange._live.save_checkpoint(every_events=1)
    forgetful.exchange.close()
    for _ in range(2):
        with opened(home) as exchange:
            again = [
                Floor(exchange).place("bob", "sell", 1, "99.00", command_id=one).repeated for one in reversed(ids[2:])
            ]
            assert again == [True, True, True]
        for checkpoint in (home / "checkpoints").iterdir():
            checkpoint.unlink()


def test_money_keys_are_looked_up_by_their_own_index(floor: Floor) -> None:
    """However long the journal, one lookup in an index that holds money movements alone."""
    path = floor.exchange.home / FILE_NAME
    plan = rows_of(
        path,
        f"EXPLAIN QUERY PLAN SELECT sequence FROM journal INDEXED BY journal_money_causes WHERE cause = ? AND {rows.MONEY}",
        ("x",),
    )
    assert [row[3] for row in plan] == ["SEARCH journal USING INDEX journal_money_causes (cause=?)"]
    _some_history(floor)
    kinds = {
        row[0]
        for row in rows_of(
            path,
            f"SELECT kind FROM journal INDEXED BY journal_money_causes WHERE {rows.MONEY} AND cause > ''",
        )
    }
    assert kinds == {"deposited", "withdrawn", "transaction_entered"}
    assert kinds <= rows.MONEY_KINDS
    assert all(f"'{kind}'" in rows.MONEY for kind in rows.MONEY_KINDS)


@pytest.mark.parametrize("side", ["a", "b"])
def test_references_are_looked_up_by_their_own_index(floor: Floor, side: str) -> None:
    """One for each side of a movement; neither holds anything else, and so costs orders nothing."""
    _some_history(floor)
    deal = {"credit_type": CREDIT, "quantity": 5, "price_per_credit": "11.00", "currency": CASH}
    floor.admin.transactions.record_transaction(buyer="cat", seller="ann", external_reference="R", **deal)  # type: ignore[arg-type]
    path = floor.exchange.home / FILE_NAME
    index = f"journal_references_{side}"
    plan = rows_of(
        path,
        f"EXPLAIN QUERY PLAN SELECT {rows.COLUMNS} FROM journal INDEXED BY {index}"
        f" WHERE user_{side} = ? AND {rows.REFERENCE} = ? AND {rows.REFERRED}",
        (3, "R"),
    )
    assert [row[3] for row in plan] == [f"SEARCH journal USING INDEX {index} (user_{side}=? AND <expr>=?)"]
    kept = rows_of(
        path, f"SELECT kind, cause FROM journal INDEXED BY {index} WHERE {rows.REFERRED} AND user_{side} > 0"
    )
    assert [kind for kind, _ in kept] == ["transaction_entered"]


def test_an_exchange_whose_founding_was_interrupted_can_be_founded(home: Path) -> None:
    """A crash between making the file and the first commit leaves a database without tables."""
    home.mkdir()
    connect(home / FILE_NAME, mode="rwc").close()
    assert (home / FILE_NAME).exists()
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
        assert exchange.sequence > 1


def test_the_journal_can_be_read_with_any_tool(floor: Floor) -> None:
    """Payloads are JSON objects with the fields' names."""
    floor.place("ann", "sell", 10, "12.50", client_order_id="mine")
    (payload,) = rows_of(
        floor.exchange.home / FILE_NAME,
        "SELECT payload FROM journal WHERE payload ->> 'client_order_id' = 'mine'",
    )
    assert msgspec.json.decode(payload[0])["symbol"] == SYMBOL


def _as_format_1(home: Path) -> None:
    """What an older version left: no digests of notes, and nothing of what came later."""
    edit(
        home / FILE_NAME,
        "DROP TABLE archived_segments",
        "DROP TABLE erased_users",
        "DROP TABLE backup_generation",
        "ALTER TABLE command_notes DROP COLUMN counterparty",
        "DROP INDEX journal_money_causes",
        "DROP INDEX journal_references_a",
        "DROP INDEX journal_references_b",
        "CREATE INDEX journal_money_causes ON journal (cause)"
        " WHERE content IS NOT NULL AND kind IN ('deposited', 'withdrawn', 'traded_off_book')",
    )
    edit(
        home / FILE_NAME,
        "DROP TABLE quarantine",
        "DROP TABLE private_facts",
        "ALTER TABLE command_notes DROP COLUMN salt",
        "UPDATE journal SET note = NULL",
        "ALTER TABLE journal DROP COLUMN note",
        "PRAGMA user_version = 1",
    )
    connection, previous = connect(home / FILE_NAME, mode="rw"), rows.FIRST_HASH
    try:
        for row in connection.execute(f"SELECT {rows.COLUMNS.removesuffix(', note')} FROM journal").fetchall():
            previous = rows.row_hash((*row, None), previous)
            connection.execute("UPDATE journal SET hash = ? WHERE sequence = ?", (previous, row[0]))
    finally:
        connection.close()


def test_an_exchange_of_the_first_format_is_upgraded_when_it_is_opened(
    floor: Floor, reopen: Callable[..., Exchange]
) -> None:
    """Its history stays as it is; from one event on, which says so, the journal knows what notes said."""
    _some_history(floor)
    home, before = floor.exchange.home, floor.exchange.sequence
    floor.exchange.close()
    for path in [*home.glob("trading_*.db*"), *home.glob("marketdata.db*")]:
        path.unlink()
    _as_format_1(home)
    for _ in range(2):
        again = Floor(reopen())
        assert again.admin.databases.catch_up() == 0
        assert [(entry.kind, entry.cause) for entry in again.admin.journal(after=before)][:1] == [("fenced", UPGRADED)]
        assert again.findings() == []
    assert again.exchange.sequence == before + 1
    again.admin.accounts.deposit("ann", CASH, "1.00", note="after all")
    kept = rows_of(home / FILE_NAME, "SELECT note FROM journal WHERE note IS NOT NULL")
    assert len(kept) == 1


def test_the_journal_knows_what_a_note_said_without_telling(floor: Floor) -> None:
    """A digest with a salt that stands beside the note: who erases both leaves a chain that verifies and a digest of nothing."""
    answer = floor.admin.accounts.deposit("ann", CASH, "1.00", note="for March")
    path = floor.exchange.home / FILE_NAME
    ((digest,),) = rows_of(path, "SELECT note FROM journal WHERE sequence = ?", (answer.sequence,))
    ((salt,),) = rows_of(path, "SELECT salt FROM command_notes WHERE sequence = ?", (answer.sequence,))
    written = Note(actor="admin:setup", note="for March")
    assert digest == notes.digest(answer.sequence, written, salt)
    assert digest != notes.digest(answer.sequence, attrs.evolve(written, note="for May"), salt)
    assert len(salt) == 16
    assert floor.findings() == []


def test_an_exchange_db_that_was_replaced_under_a_process_takes_nothing_more(floor: Floor, tmp_path: Path) -> None:
    """What would be committed into a file that has lost its name would be gone; opened anew, all goes on."""
    path = floor.exchange.home / FILE_NAME
    before = floor.exchange.sequence
    os.replace(copy_of(path, tmp_path), path)
    with pytest.raises(StorageError, match="it was replaced while in use; nothing was changed"):
        floor.admin.accounts.deposit("ann", CASH, "1.00")
    assert rows_of(path, "SELECT max(sequence) FROM journal") == [(before,)]


def test_an_upgrade_waits_until_nobody_else_is_there(floor: Floor) -> None:
    """A process of the older version would go on writing rows that the new one takes for damaged. Being old is no finding meanwhile."""
    home = floor.exchange.home
    floor.exchange.close()
    _as_format_1(home)
    other = LockFile.open(home / "exchange.lock")
    with (
        other.hold(PRESENT, shared=True, timeout_s=1, operation="test"),
        pytest.raises(Busy, match="present"),
    ):
        opened(home, settings=Settings(lock_timeout_s=1))
    with other.hold(PRESENT, shared=True, timeout_s=1, operation="test"):
        with pytest.raises(Busy, match="present"):
            credit_trading.verify_folder(home, settings=Settings(lock_timeout_s=1))
        assert credit_trading.folder_versions(home).format == 1
    other.close()
    assert rows_of(home / FILE_NAME, "PRAGMA user_version") == [(1,)]
    opened(home).close()
    assert rows_of(home / FILE_NAME, "PRAGMA user_version") == [(FORMAT_VERSION,)]
