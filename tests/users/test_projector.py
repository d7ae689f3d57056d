"""Users' files follow the journal: rebuilt, healed, interrupted or foreign, each event shows exactly once or the file is refused."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock, Rejection, Settings
from credit_trading.errors import (
    FileAhead,
    FileCorrupt,
    FileForeign,
    FileQuarantined,
    OrderRejected,
    StorageError,
    VersionUnsupported,
)
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.sqlite import connect
from credit_trading.users import projector as projector_module
from credit_trading.users.tables.projection import Projection
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION
from credit_trading.users.tables.words import TEXT_TABLES
from reliability.disk import AVAILABLE, faulty_disk
from tests.floor import CASH, CREDIT, SYMBOL, Floor, copy_of, edit, opened, put, rows_of, shared_content
from tests.forks import run_forked
from tests.users.flow import HOURS, RandomFlow

Reopen = Callable[..., Exchange]


def _orders(floor: Floor, user: str) -> list[str]:
    return [order.quantity for order in floor.user(user).orders.get_active_orders()]


# Rebuilt and healed


def test_a_file_rebuilt_from_the_journal_equals_the_live_one(floor: Floor, clock: ManualClock, is_long: bool) -> None:
    """After random flow: every shared table of every user, to the last value; deleted by hand and opened again too."""
    floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
    for seed in range(10 if is_long else 2):
        RandomFlow(floor, clock, seed=seed).run(150)
    assert floor.findings() == []
    paths = {user: floor.path(user) for user in ("ann", "bob", "cat")}
    live = {user: shared_content(path) for user, path in paths.items()}
    floor.exchange.close()
    for path in paths.values():
        path.unlink()
    with opened(floor.exchange.home, clock=clock) as exchange:
        for user in paths:
            exchange.as_user(user).orders.get_active_orders()
    assert {user: shared_content(path) for user, path in paths.items()} == live


def test_an_old_copy_heals_itself_when_it_is_opened(floor: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """Last week's backup of one user: it replays what it missed; the counterparty's file is not touched."""
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    floor.exchange.close()
    old = copy_of(path, tmp_path / "backup")
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        again.place("bob", "buy", 4, "5.00")
        live = shared_content(path)
    counterparty = floor.exchange.home / "trading_bob_bob_example.com.db"
    before = counterparty.read_bytes()
    put(old, path)
    with opened(floor.exchange.home, clock=clock) as exchange:
        order = Floor(exchange).user("ann").orders.get_active_orders()[0]
        assert (order.filled_quantity, order.remaining_quantity) == ("4", "6")
    assert shared_content(path) == live
    assert counterparty.read_bytes() == before


def test_an_old_copy_heals_while_the_exchange_stays_open(floor: Floor, tmp_path: Path) -> None:
    """The operator moves it into place; the handle on the file that was there is let go of."""
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    floor.exchange._files.pool.close_idle()
    old = copy_of(path, tmp_path / "backup")
    floor.place("bob", "buy", 4, "5.00")
    live = shared_content(path)
    put(old, path)
    assert floor.user("ann").orders.get_active_orders()[0].filled_quantity == "4"
    floor.place("bob", "buy", 1, "5.00")
    assert floor.user("ann").orders.get_active_orders()[0].filled_quantity == "5"
    assert len(shared_content(path)["trading_transactions"]) == len(live["trading_transactions"]) + 1
    assert floor.findings() == []


def test_a_file_deleted_while_the_exchange_is_open_is_rebuilt(floor: Floor) -> None:
    """At the next commit that concerns the user, or the next look."""
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    floor.place("bob", "buy", 4, "5.00")
    assert floor.user("ann").orders.get_active_orders()[0].filled_quantity == "4"
    assert floor.findings() == []


# Refused


def _of_another_exchange(floor: Floor, path: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "elsewhere") as other:
        Floor(other).set_up("ann", "bob")
    shutil.copy(tmp_path / "elsewhere" / "trading_ann_ann_example.com.db", path)


def _of_another_user(floor: Floor, path: Path, tmp_path: Path) -> None:
    shutil.copy(floor.exchange.home / "trading_cat_cat_example.com.db", path)


def _of_a_fresh_exchange(floor: Floor, path: Path, tmp_path: Path) -> None:
    """Same user number, few events: its position is one that ours has passed."""
    with opened(tmp_path / "elsewhere") as other:
        Floor(other).admin.databases.create_trading_database("ann", "ann@example.com")
    shutil.copy(tmp_path / "elsewhere" / "trading_ann_ann_example.com.db", path)


def _ahead(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "UPDATE metadata SET applied_sequence = 1000, applied_hash = zeroblob(32)")


def _on_another_history(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "UPDATE metadata SET applied_hash = zeroblob(32)")


def _of_a_newer_version(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "PRAGMA user_version = 99")


def _of_a_newer_projection(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "UPDATE metadata SET projection_version = 99")


def _of_another_program(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "PRAGMA application_id = 12345")


def _corrupt(floor: Floor, path: Path, tmp_path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : len(content)] = os.urandom(len(content) - 4096)
    path.write_bytes(bytes(content))


def _not_sqlite(floor: Floor, path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"Dear Sir or Madam, " * 1000)


def _truncated(floor: Floor, path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _empty(floor: Floor, path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"")


def _without_a_table(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "DROP TABLE trading_statistics")


def _without_metadata(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "DROP TABLE metadata")


def _without_its_row_of_metadata(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "DELETE FROM metadata")


def _without_its_open_order(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "DELETE FROM active_orders")


def _with_a_row_that_is_still_to_come(floor: Floor, path: Path, tmp_path: Path) -> None:
    edit(path, "INSERT INTO audit_trail VALUES (16, 9, 0, 'x', NULL, NULL, NULL, NULL, NULL, '', NULL)")


PASSING = (_ahead, _of_a_newer_version, _of_a_newer_projection)
"""What is no reason to put a file in quarantine."""


@pytest.mark.parametrize(
    ("harm", "error", "words"),
    [
        (_of_another_exchange, FileForeign, "belongs to another exchange"),
        (_of_a_fresh_exchange, FileForeign, "belongs to another exchange"),
        (_of_another_user, FileForeign, "belongs to user #3"),
        (_ahead, FileAhead, "ahead of the journal"),
        (_on_another_history, FileForeign, "stands on another history"),
        (_of_a_newer_version, VersionUnsupported, f"schema 99 is newer than {SCHEMA_VERSION}"),
        (_of_a_newer_projection, VersionUnsupported, f"version 99, which is newer than {PROJECTION_VERSION}"),
        (_of_another_program, FileCorrupt, "not a user's trading file"),
        (_corrupt, FileCorrupt, "damaged"),
        (_not_sqlite, FileCorrupt, "no SQLite database"),
        (_truncated, FileCorrupt, "damaged"),
        (_empty, FileCorrupt, "not a user's trading file"),
        (_without_a_table, FileCorrupt, "trading_statistics"),
        (_without_metadata, FileCorrupt, "metadata"),
        (_without_its_row_of_metadata, FileCorrupt, "where it stands"),
        (_without_its_open_order, FileCorrupt, "order 1 is missing"),
        (_with_a_row_that_is_still_to_come, FileCorrupt, "not as they should be"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_left_as_it_is(
    floor: Floor,
    tmp_path: Path,
    clock: ManualClock,
    harm: Callable[[Floor, Path, Path], None],
    error: type[StorageError],
    words: str,
) -> None:
    """One clear line; not a byte of it is changed; the others trade on, with this user too; moved away, it is rebuilt.

    What is broken or foreign is refused as quarantined from the second time on; not what may be exchange.db's fault, or is too new for us.
    """
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    floor.exchange.close()
    harm(floor, path, tmp_path)
    before = path.read_bytes()
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert again.place("bob", "buy", 4, "5.00").order_status == "filled"
        assert again.place("cat", "sell", 1, "6.00").order_status == "new"
        for attempt in (
            lambda: again.user("ann").orders.get_active_orders(),
            lambda: again.user("ann").get_trading_database(),
            lambda: again.admin.databases.get_trading_database("ann"),
        ):
            with pytest.raises(error if harm in PASSING else FileQuarantined, match=words) as told:
                attempt()
            assert "\n" not in str(told.value)
            assert told.value.hint
        assert again.place("ann", "sell", 2, "5.00").order_status == "new"
        assert _orders(again, "cat") == ["1"]
        about = [finding for finding in again.findings() if not finding.startswith("exchange.db: files that follow")]
        assert {"ann" in finding for finding in about} == {True}
        assert list(exchange._projector.faults) == [1]
    assert path.read_bytes() == before
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert sorted(_orders(again, "ann")) == ["10", "2"]
        assert again.findings() == []
        assert exchange._projector.faults == {}


# Interrupted


class Crash(Exception):
    pass


@pytest.mark.parametrize("at", range(1, 11))
def test_an_event_shows_once_however_the_projection_is_interrupted(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reopen: Reopen, at: int
) -> None:
    """Cut short after each of ten events, with a transaction for every three."""
    floor.exchange.close()
    behind = Floor(reopen(project_on_commit=False))
    for _ in range(3):
        behind.place("ann", "sell", 10, "5.00")
        behind.place("bob", "buy", 4, "5.00")
    monkeypatch.setattr(projector_module, "EVENTS_PER_TRANSACTION", 3)
    path = behind.path("ann")
    path.unlink()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    done = 0
    apply = Projection.apply

    def interrupted(self: Projection, entry: object) -> None:
        nonlocal done
        done += 1
        apply(self, entry)  # type: ignore[arg-type]
        if done == at:
            raise Crash

    monkeypatch.setattr(Projection, "apply", interrupted)
    with pytest.raises(Crash):
        behind.user("ann").orders.get_active_orders()
    assert rows_of(path, "SELECT event_number FROM metadata") == [((at - 1) // 3 * 3,)]
    assert rows_of(path, "SELECT count(*) FROM audit_trail") == [((at - 1) // 3 * 3,)]
    assert len(behind.user("ann").transactions.get_transaction_history()) == 6
    assert behind.findings() == []


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
def test_an_event_shows_once_at_whichever_write_the_disk_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and position are one transaction: the disk fails at the first write to the file, the fourth, and so on."""
    monkeypatch.setattr(projector_module, "EVENTS_PER_TRANSACTION", 3)
    with faulty_disk() as disk, opened(home, settings=Settings(project_on_commit=False)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        assert floor.user("ann").orders.get_active_orders() == []
        failed = 0
        for turn, after in enumerate(range(0, 100, 3)):
            for _ in range(2):
                floor.place("ann", "sell", 3, "5.00")
                floor.place("bob", "buy", 3, "5.00")
            disk.fail("write", suffix="ann_example.com.db-wal", times=None, after=after)
            try:
                floor.user("ann").orders.get_active_orders()
            except StorageError:
                failed += 1
            else:
                break
            finally:
                disk.heal()
            trades = [one.trade_id for one in floor.user("ann").transactions.get_transaction_history() if one.trade_id]
            assert trades == list(range(2 * turn + 2, 0, -1))
        assert failed > 4
        assert floor.findings() == []


_KILLED_WHILE_PROJECTING = """
import os, sys, credit_trading
from credit_trading.users import projector
from credit_trading.users.tables.projection import Projection
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION
home, at = sys.argv[1], int(sys.argv[2])
projector.EVENTS_PER_TRANSACTION = 2
done, apply = 0, Projection.apply

def killed(self, entry):
    global done
    done += 1
    apply(self, entry)
    if done == at:
        os.kill(os.getpid(), 9)

Projection.apply = killed
exchange = credit_trading.open(home)
for user in ("ann", "bob"):
    exchange.as_user(user).orders.get_active_orders()
"""


def test_an_event_shows_once_whenever_the_process_is_killed(home: Path, clock: ManualClock) -> None:
    """SIGKILL in the middle of catching up, at four places, one after the other."""
    with opened(home, clock=clock, settings=Settings(project_on_commit=False)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        for _ in range(3):
            floor.place("ann", "sell", 10, "5.00")
            floor.place("bob", "buy", 4, "5.00")
    for at in (1, 4, 3, 6):
        killed = run_forked(_KILLED_WHILE_PROJECTING, home, at)
        assert killed.returncode == -9, killed.stderr
    with opened(home, clock=clock) as exchange:
        again = Floor(exchange)
        assert again.findings() == []
        for user in ("ann", "bob"):
            trades = again.user(user).transactions.get_transaction_history()
            assert sorted(one.trade_id or 0 for one in trades) == [0, 0, 1, 2, 3, 4]


def test_two_processes_that_carry_the_same_events_carry_them_once(floor: Floor, reopen: Reopen) -> None:
    """Each brings the files up after its own commits; the position is read in the transaction that writes."""
    other = Floor(reopen())
    for _ in range(20):
        floor.place("ann", "sell", 2, "5.00")
        other.place("bob", "buy", 1, "5.00")
        other.user("ann").orders.get_active_orders()
        floor.place("bob", "buy", 1, "5.00")
    for view in (floor, other):
        assert len(view.user("ann").transactions.get_transaction_history()) == 42
        assert view.findings() == []


# What stands in them


def test_each_trade_stands_in_both_users_files_exactly_once(floor: Floor, clock: ManualClock) -> None:
    """On and off the book: one buys, one sells, of the same quantity, price and value; so with its bust."""
    RandomFlow(floor, clock, seed=7).run(200)
    sides: dict[tuple[int, bool], list[tuple[object, ...]]] = {}
    for user in ("ann", "bob", "cat"):
        for trade, kind, *side in rows_of(
            floor.path(user),
            "SELECT trade_id, transaction_type, counterparty, quantity, price_per_credit, total_value, transaction_date, ?"
            " FROM trading_transactions WHERE trade_id IS NOT NULL",
            (user,),
        ):
            busted = kind.endswith("_busted")
            sides.setdefault((trade, busted), []).append((kind.removesuffix("_busted"), *side))
    trades = [trade for trade, busted in sorted(sides) if not busted]
    assert trades == list(range(1, floor.exchange._desk.reading(lambda replica: replica.last_trade) + 1))
    assert any(busted for _, busted in sides)
    for both in sides.values():
        one, other = sorted(both)
        assert (one[0], other[0]) == ("buy", "sell")
        assert (one[1], other[1]) == (other[-1], one[-1])
        assert one[2:-1] == other[2:-1]


def _text_of(path: Path) -> str:
    """Every value of every table and view, as text."""
    names = {name for (name,) in rows_of(path, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}
    return "\n".join(repr(row) for name in names - {*TEXT_TABLES} for row in rows_of(path, f"SELECT * FROM {name}"))


def test_a_users_file_holds_nothing_of_the_other_side_but_who_it_was(floor: Floor) -> None:
    """No fee, order number, client order id, command id, limit, origin or address of the counterparty."""
    for _ in range(7000, 7003):
        floor.place("cat", "buy", 1, "0.01", time_in_force="IOC")  # so that order numbers are not transaction numbers
    resting = floor.place("ann", "sell", 77, "5.00", client_order_id="anns-own-name", command_id="anns-own-command")
    taker = floor.exchange.as_user("bob", origin="bobs-address", correlation_id="bobs-request")
    incoming = taker.orders.create_order(
        SYMBOL, "buy", 5077, "5.43", client_order_id="bobs-own-name", command_id="bobs-command"
    )
    floor.user("ann").orders.amend_order(floor.place("ann", "sell", 1, "9.99").order_id, price="5.43")
    told = {user: _text_of(floor.path(user)) for user in ("ann", "bob")}
    for word in ("bobs-", "bob@example.com", "user2/"):
        assert word not in told["ann"], word
    assert not re.search(r"\b5077\b", told["ann"])
    for word in ("anns-", "ann@example.com", "user1/"):
        assert word not in told["bob"], word
    fees = {
        user: {row[0] for row in rows_of(floor.path(user), "SELECT fee FROM trading_transactions WHERE fee")}
        for user in told
    }
    assert fees["ann"] & fees["bob"] == set()
    for user, other in (("ann", incoming.order_id), ("bob", resting.order_id)):
        orders = {
            row[0] for row in rows_of(floor.path(user), "SELECT order_id FROM audit_trail WHERE order_id IS NOT NULL")
        }
        assert other not in orders
        assert f'"order":{other}' not in told[user]
    assert "'bob'" in told["ann"]
    assert "'ann'" in told["bob"]


def test_the_audit_trail_says_who_acted_and_from_where(floor: Floor) -> None:
    """A user for themselves, an admin, an admin for a user; on every event of a command, but for those of other users."""
    floor.place("ann", "sell", 10, "5.00", command_id="c1")
    floor.exchange.as_user("ann", origin="web:10.0.0.7", correlation_id="req-1").orders.create_order(
        SYMBOL, "sell", 11, "6.00"
    )
    desk = floor.exchange.as_admin("desk", origin="console", correlation_id="ticket-9")
    order = desk.on_behalf_of("ann").orders.create_order(SYMBOL, "sell", 12, "7.00")
    desk.on_behalf_of("ann").orders.cancel_order(order.order_id)
    desk.accounts.deposit("ann", CASH, "1.00", key="k", note="a gift")
    floor.place("bob", "buy", 1, "5.00")
    trail = [
        (one.kind, one.actor, one.origin, one.correlation_id, one.cause)
        for one in reversed(floor.user("ann").audit.list_events(limit=1_000))
    ]
    own = [
        one if one[4] is None or len(one[4]) < 20 else (*one[:4], "...") for one in trail
    ]  # ids that were made up are long
    assert own == [
        ("user_created", "admin:setup", None, None, "..."),
        ("deposited", "admin:setup", None, None, "..."),
        ("deposited", "admin:setup", None, None, "..."),
        ("order_accepted", "user:ann", None, None, "user1/id/c1"),
        ("order_accepted", "user:ann", "web:10.0.0.7", "req-1", "..."),
        ("order_accepted", "admin:desk", "console", "ticket-9", "..."),
        ("order_canceled", "admin:desk", "console", "ticket-9", "..."),
        ("deposited", "admin:desk", "console", "ticket-9", "admin/key/k"),
        ("trade", None, None, None, None),
    ]
    assert floor.user("ann").transactions.get_transaction_history(limit=2)[1].note == "a gift"
    assert [one.event_number for one in floor.user("ann").audit.list_events(limit=1_000)] == list(range(9, 0, -1))


def test_a_refusal_stands_in_the_audit_trail_with_its_code(floor: Floor) -> None:
    """The market's no to an order, a cancel, a withdrawal and an off-book trade."""
    with pytest.raises(OrderRejected):
        floor.place("ann", "buy", 10**6, "500.00")
    with pytest.raises(OrderRejected):
        floor.admin.accounts.withdraw("ann", CREDIT, 10**9)
    with pytest.raises(OrderRejected):
        floor.admin.on_behalf_of("ann").transactions.record_transaction(
            "buy", CREDIT, 1, price_per_credit="1000001.00", currency=CASH, counterparty="bob"
        )
    trail = floor.user("ann").audit.list_events(limit=3)
    assert [one.kind for one in trail] == ["command_rejected", "command_rejected", "order_rejected"]
    assert all(one.details["code"] == Rejection.INSUFFICIENT_FUNDS.value for one in trail)


# Personal data


def test_no_personal_data_is_found_in_the_journal_or_in_a_checkpoint(
    floor: Floor, clock: ManualClock, home: Path
) -> None:
    """Neither address, note, origin, actor, correlation id nor user id, in any column of any row, also after a change."""
    secrets = [
        "ann@example.com",
        "anns-new@example.org",
        "a-remark",
        "an-origin",
        "some-actor",
        "a-request",
        "example",
        "zelda",
        "A Broker Elsewhere",
    ]
    admin = floor.exchange.as_admin("some-actor", origin="an-origin", correlation_id="a-request")
    admin.databases.create_trading_database("zelda", "zelda@example.com")
    admin.databases.change_email("ann", "anns-new@example.org")
    admin.accounts.deposit("zelda", CASH, "5.00", note="a-remark", key="k")
    admin.accounts.deposit("zelda", CREDIT, 50)
    admin.on_behalf_of("zelda").orders.create_order(SYMBOL, "sell", 1, "5.00", client_order_id="c")
    floor.place("bob", "buy", 1, "5.00")
    deals = admin.on_behalf_of("ann").transactions
    terms: dict[str, Any] = {"price_per_credit": "1.00", "currency": CASH, "note": "a-remark"}
    deals.record_transaction("buy", CREDIT, 1, counterparty="zelda", **terms)
    deals.record_transaction("sell", CREDIT, 1, outside="A Broker Elsewhere", fee="0.01", **terms)
    admin.databases.delete_trading_database("zelda", sweep_to="ann")
    floor.exchange._live.save_checkpoint(every_events=1)
    journal = repr(rows_of(home / FILE_NAME, "SELECT * FROM journal"))
    (saved,) = (home / "checkpoints").iterdir()
    for secret in secrets:
        assert secret not in journal, secret
        assert secret.encode() not in saved.read_bytes(), secret
    noted = repr(rows_of(home / FILE_NAME, "SELECT * FROM command_notes"))
    assert all(word in noted for word in ("some-actor", "an-origin", "a-request", "a-remark"))
    assert floor.findings() == []


def test_a_person_can_be_erased_while_the_chain_still_verifies(floor: Floor, home: Path, clock: ManualClock) -> None:
    """What is personal stands in tables that may be changed: without it the journal is as whole as before."""
    floor.admin.accounts.deposit("ann", CASH, "1.00", note="a-remark")
    floor.place("ann", "sell", 1, "5.00")
    floor.place("bob", "buy", 1, "5.00")
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")
    floor.exchange.close()
    edit(
        home / FILE_NAME,
        "DELETE FROM command_notes WHERE sequence IN (SELECT sequence FROM journal WHERE user_a = 1)",
    )
    assert rows_of(home / FILE_NAME, "SELECT email, salt FROM users WHERE number = 1") == [(None, None)]
    for path in home.glob("trading_*"):
        path.unlink()
    with opened(home, clock=clock) as exchange:
        assert Floor(exchange).admin.databases.catch_up() == 0
        assert Floor(exchange).findings() == []


def test_totals_beyond_63_bits_become_empty_and_stop_nothing(floor: Floor) -> None:
    """No number is rounded in secret, and no file is stuck: the total is gone, the transactions are all there."""
    floor.admin.assets.add_asset("FINE", decimals=18)
    for user, asset, amount in (("ann", "FINE", "1"), ("bob", "FINE", "3")):
        floor.admin.accounts.deposit(user, asset, amount)
    for _ in range(10):
        for buyer, seller in (("ann", "bob"), ("bob", "ann")):
            floor.admin.on_behalf_of(buyer).transactions.record_transaction(
                "buy", "FINE", "1", price_per_credit="1", currency=CASH, counterparty=seller
            )
    (one,) = [one for one in floor.user("ann").transactions.calculate_trading_statistics() if one.credit_type == "FINE"]
    assert (one.trades, one.bought_quantity, one.bought_value) == (20, None, "10.00")
    assert len(floor.user("ann").transactions.get_transaction_history(credit_type="FINE")) == 21
    assert floor.findings() == []


def test_a_file_that_another_program_has_locked_keeps_no_order_waiting(floor: Floor) -> None:
    """The order is decided and answered; the file catches up when it is free."""
    blocker = connect(floor.path("ann"), mode="rw")
    blocker.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    floor.place("ann", "sell", 1, "5.00")
    assert time.monotonic() - started < 2
    blocker.execute("ROLLBACK")
    blocker.close()
    assert len(floor.user("ann").orders.get_active_orders()) == 1
