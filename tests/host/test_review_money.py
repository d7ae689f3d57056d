"""Money between two databases, attacked: ids and tables that come again, rows that nobody expects, transactions that end otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.orm import Session

from credit_trading.errors import CommandConflict, InvalidInput, NotFound, StorageError
from credit_trading.host import position, request_rows, schema
from credit_trading.host.checking.check import check_host
from credit_trading.host.checking.repair import repair_host
from credit_trading.host.connecting.connections import borrowed
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.inwards.request_commands import RequestCommands
from credit_trading.host.outwards.outward import Outward
from credit_trading.host.rows import Changes
from credit_trading.host.tables import Tables
from tests.floor import CASH, CREDIT, Floor
from tests.host.both_sides import OWN, BothSides, OwnCredits, add_own
from tests.host.credits import FOREST, CreditsHost
from tests.host.credits import OWN as OWN_OF_HOST
from tests.host.database import Database

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)


@pytest.fixture
def both(floor: Floor, database: Database) -> BothSides:
    return BothSides.of(floor, database)


def _row(both: BothSides, request_id: str) -> tuple[Any, ...]:
    ((*found,),) = both.rows("SELECT status, code, reapply FROM trading_requests WHERE id = :id", id=request_id)
    return found[0], found[1], bool(found[2])


# Ids that come again


@ON_SQLITE
@pytest.mark.parametrize("changed", [{"amount": 900}, {"user": "bob"}, {"asset": CASH}])
def test_another_request_under_an_id_that_was_carried_out_is_not_told_to_be_done(
    both: BothSides, changed: dict[str, Any]
) -> None:
    """An older copy of the host's database gives its numbers out once more: what the exchange did was for the other one."""
    both.deposit("in-7", 500)
    both.sync()
    both.execute("DELETE FROM trading_requests")
    for name in ("balances", "activity", "activity_daily", "statistics", "orders"):
        both.execute(f"DELETE FROM trading_{name}")
    both.execute("UPDATE trading_position SET sequence = 0, hash = :hash", hash="00" * 32)
    both.deposit("in-7", **{"amount": 500, **changed})
    own = both.own("ann"), both.own("bob")
    both.sync()
    assert _row(both, "in-7") == ("set_aside", "command_conflict", True)
    ((sentence,),) = both.rows("SELECT sentence FROM trading_requests")
    assert f"deposit of 500 {CREDIT}, user ann" in sentence
    assert (both.own("ann"), both.own("bob")) == own, "whose credits it were, a person finds out"
    request_rows.Requests(both.adapter, both.tables).retry("in-7")
    both.sync()
    assert _row(both, "in-7")[:2] == ("set_aside", "command_conflict")
    assert both.causes() == ["host/key/in-7"]


def test_what_is_set_aside_can_be_given_up(both: BothSides) -> None:
    """The host takes its own side back and gives it up in one transaction; nothing else can be given up, and nothing twice."""
    both.deposit("in-1", 500, asset="NOWHERE")
    both.deposit("in-2", 20)
    both.sync()
    assert both.statuses() == {"in-1": "set_aside", "in-2": "done"}
    with both.adapter.transaction() as connection:
        add_own(connection, "ann", 500)
        request_rows.give_up(connection, "in-1")
    both.sync()
    assert _row(both, "in-1") == ("refused", "given_up", False)
    assert both.own() == OWN - 20
    assert check_host(both.floor.exchange._live, both.adapter, both.tables, hanging_s=60).is_fine
    for request_id, refusal in (("in-1", CommandConflict), ("in-2", CommandConflict), ("in-3", NotFound)):
        with pytest.raises(refusal), both.adapter.transaction() as connection:
            request_rows.give_up(connection, request_id)


@ON_SQLITE
def test_what_is_given_up_and_carried_out_all_the_same_is_in_one_place(both: BothSides) -> None:
    """A worker had read it while it was new, and slept."""
    both.outward()
    both.deposit("in-1", 500)
    desk = both.floor.exchange._desk
    with both.adapter.transaction() as connection:
        place = position.stored(borrowed(connection), both.tables)
        row = connection.execute(text("SELECT * FROM trading_requests")).one()._asdict()
    sleepers = RequestCommands(desk, place, on_retire="halt").begin(row)
    both.change("in-1", status="set_aside")
    with both.adapter.transaction() as connection:
        add_own(connection, "ann", 500)
        request_rows.give_up(connection, "in-1")
    before = both.on_exchange()
    assert [outcome.ok for outcome in desk.sequencer.submit(sleepers)] == [True]
    both.sync()
    assert _row(both, "in-1") == ("done", None, False)
    assert (both.own(), both.on_exchange() - before) == (OWN - 500, 500)


@ON_SQLITE
def test_what_is_confirmed_after_the_exchange_gave_it_back_is_told(both: BothSides) -> None:
    """The host decided to fail it, and then the other way on an older copy: the credits are on both sides."""
    both.withdraw("out-1", 300)
    both.sync()
    both.fail("out-1")
    both.inward()
    both.change("out-1", decision=None)  # the copy knows of no decision
    both.confirm("out-1")
    both.outward()
    assert _row(both, "out-1") == ("released", None, True)
    assert "take them back" in str(both.rows("SELECT sentence FROM trading_requests"))


# Tables that come again


def _init(both: BothSides, tables: Tables) -> None:
    with both.floor.exchange._live.history() as log, both.adapter.transaction() as connection:
        schema.init(connection, tables, exchange_id=both.exchange_id, head=log.head()[0])


class Deciding(OwnCredits):
    """Credits its own side as soon as something is held."""

    def apply(self, connection: Connection, changes: Changes) -> None:
        for row in changes.requests:
            if row["status"] == "held" and row["decision"] is None:
                self.reapply(connection, row)
                request_rows.confirm(connection, row["id"], prefix="second_")


@ON_SQLITE
@pytest.mark.parametrize("rows_per_batch", [1, 1_000])
def test_tables_under_another_prefix_do_not_move_the_hosts_credits_once_more(
    both: BothSides, rows_per_batch: int
) -> None:
    """What was asked for through others was done on the host's side then; what is asked for through these is lost and found as ever."""
    both.deposit("in-1", 500)
    both.withdraw("out-1", 300)
    both.sync()
    both.confirm("out-1")
    both.sync()
    own = both.own()
    second = Tables("second_")
    _init(both, second)
    both.adapter = Deciding(both.database.url)
    Outward(both.floor.exchange._live, both.adapter, second, rows_per_batch=rows_per_batch).round()
    assert both.own() == own == OWN - 200
    assert {bool(flag) for (flag,) in both.rows("SELECT reapply FROM second_requests WHERE status = 'done'")} == {True}
    with both.adapter.transaction() as connection:
        request_rows.withdraw(connection, "out-2", user_id="ann", amount=10, asset=CREDIT, prefix="second_")
    both.tables = second
    both.sync()
    both.sync()
    assert both.own() == own + 10


@ON_SQLITE
def test_a_repair_does_not_take_credits_again_for_requests_that_somebody_has_purged(both: BothSides) -> None:
    both.deposit("in-1", 500)
    both.sync()
    both.execute("DELETE FROM trading_requests WHERE status = 'done'")
    repaired = repair_host(both.floor.exchange._live, both.adapter, both.tables, actor="test")
    assert both.own() == OWN - 500
    assert [(one.kind.value, one.key) for one in repaired.left] == [("reapply", "in-1")]
    assert _row(both, "in-1") == ("done", None, True)


# Rows that nobody expects


@ON_SQLITE
def test_a_time_that_is_a_number_holds_up_nobody(both: BothSides) -> None:
    """SQLite makes one of any text of digits, too."""
    both.write("seconds", created_at=1_790_000_000)
    both.write("digits", created_at="2026")
    both.write("good")
    both.sync()
    assert set(both.statuses().values()) == {"done"}


@ON_POSTGRES
def test_an_order_for_ever_is_shown_by_a_server_east_of_greenwich(both: BothSides) -> None:
    """Its zone makes year 10000 of it, which no driver reads."""
    url = make_url(both.database.url)
    zone = url.update_query_dict({"options": f"{url.query['options']} -c timezone=Pacific/Kiritimati"})
    both.adapter = EngineAdapter(zone.render_as_string(hide_password=False))
    both.floor.place("ann", "sell", 2, "9.00", expires_at="9999-12-31T23:59:59Z")
    both.sync()
    both.floor.place("bob", "buy", 1, "9.00")
    both.sync()
    assert both.rows("SELECT filled FROM trading_orders") == [("1",)]
    both.adapter.close()


@ON_SQLITE
def test_a_host_that_writes_amounts_and_assets_its_own_way_gets_them_in_one(credits_host: CreditsHost) -> None:
    """The example reads a whole number and a project; the page says that a row by SQL does as well."""
    host = credits_host
    amounts = {"held": "20.00", "refused": "2000000.000"}
    for name, amount in amounts.items():
        host.database.execute(
            "INSERT INTO trading_requests (id, kind, user_id, asset, amount) VALUES (:id, 'withdrawal', 'ann', :asset, :amount)",
            id=name,
            asset=FOREST,
            amount=amount,
        )
    with host.engine.begin() as connection:
        request_rows.withdraw(connection, "money", user_id="ann", asset=CASH, amount="1.50")
    host.until_quiet()
    statuses = {name: row["status"] for name, row in host.requests().items()}
    assert statuses == {"held": "done", "refused": "refused", "money": "held"}
    assert host.own()["ann", FOREST] == OWN_OF_HOST + 20
    assert host.database.rows("SELECT amount, project_id FROM trading_requests WHERE id = 'held'") == [("20.00", None)]


@ON_SQLITE
def test_credits_that_are_on_neither_side_for_too_long_are_named(both: BothSides) -> None:
    """What is set aside has left the host's side; that it cannot be carried out is no reason to forget it."""
    both.write("nobody", user_id="zed")
    both.sync()
    requests = request_rows.Requests(both.adapter, both.tables, hanging_s=3_600)
    assert requests.hanging() == []
    both.change("nobody", updated_at="2026-03-01 12:00:00", created_at="2026-03-01 12:00:00")
    assert [row["id"] for row in requests.hanging()] == ["nobody"]
    told = check_host(both.floor.exchange._live, both.adapter, both.tables, hanging_s=3_600).differences
    assert [(one.kind.value, one.key) for one in told] == [("hanging", "nobody")]


# Transactions that end otherwise


class Dropping(EngineAdapter):
    """Whose transaction ends without a word, as Django's does that is marked for rollback, and nothing of it is there."""

    dropping = True

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            if self.dropping and connection.info.pop("is_applied", False):
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("BEGIN")

    def apply(self, connection: Connection, changes: Changes) -> None:
        connection.info["is_applied"] = True


class Swallowing(EngineAdapter):
    """Whose transaction keeps errors to itself."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with suppress(StorageError, ValueError), super().transaction() as connection:
            yield connection

    def apply(self, connection: Connection, changes: Changes) -> None:
        if not changes.before.sequence:
            raise ValueError


class Careless(EngineAdapter):
    """Whose error has cost a server the whole transaction."""

    def apply(self, connection: Connection, changes: Changes) -> None:
        with suppress(Exception):
            connection.execute(text("SELECT * FROM no_such_table"))


@pytest.mark.parametrize("rows_per_batch", [10, 1_000])
@pytest.mark.parametrize(
    ("kind", "database"),
    [(Dropping, "sqlite"), (Dropping, "postgres"), (Swallowing, "sqlite"), (Careless, "postgres")],
    indirect=["database"],
)
def test_a_batch_that_is_dropped_without_an_error_is_told_and_does_not_turn_for_ever(
    both: BothSides, kind: Callable[[str], EngineAdapter], rows_per_batch: int
) -> None:
    rounds = iter(range(20))
    outward = Outward(both.floor.exchange._live, kind(both.database.url), both.tables, rows_per_batch=rows_per_batch)
    with pytest.raises(StorageError, match="rolled back without an error"):
        outward.round(lambda: next(rounds, None) is None)
    assert both.rows("SELECT sequence FROM trading_position") == [(0,)]
    assert next(rounds) < 4


@pytest.mark.parametrize("of_engine", [True, False])
def test_a_connection_that_commits_each_statement_alone_is_refused(both: BothSides, *, of_engine: bool) -> None:
    engine = create_engine(both.database.url, **({"isolation_level": "AUTOCOMMIT"} if of_engine else {}))
    with engine.connect() as connection:
        alone = connection if of_engine else connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(InvalidInput, match="in no transaction"):
            borrowed(alone)
        with Session(alone) as session, pytest.raises(InvalidInput, match="in no transaction"):
            request_rows.deposit(session, "in-1", user_id="ann", amount=5, asset=CREDIT)
    engine.dispose()
