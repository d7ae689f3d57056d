"""Outwards into real databases: each event once, whatever fails, and however many are at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from threading import Thread
from typing import Any

import attrs
import pytest
from sqlalchemy import Connection, event, text, update

from credit_trading.errors import FileForeign, NotFound, StorageError
from credit_trading.host import schema
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.outwards.outward import Outward, Shown
from credit_trading.host.rows import Changes
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from tests.host.database import Database
from tests.host.journals import EXCHANGE_ID, TABLES, Derived, content, traded, written

SEED, STEPS = 3, 200

CHANGED = "SELECT count(*), coalesce(sum(entries), 0) FROM own_batches"


class Host(EngineAdapter):
    """Counts batches and entries in a table of its own; `after_commit` is called once, `in_apply` in each batch."""

    after_commit: Callable[[], None] | None = None
    in_apply: Callable[[], None] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
        if self.after_commit is not None:
            then, self.after_commit = self.after_commit, None
            then()

    def apply(self, connection: Connection, changes: Changes) -> None:
        if self.in_apply is not None:
            self.in_apply()
        connection.execute(text("INSERT INTO own_batches VALUES (:entries)"), {"entries": len(changes.activity)})


@attrs.frozen
class Side:
    """A journal, a host's database, and what its tables are to hold in the end."""

    live: LiveReplica
    database: Database
    expected: dict[str, list[tuple[Any, ...]]]

    def host(self) -> Host:
        return Host(self.database.url)

    def outward(self, host: Host, *, rows: int = 40) -> Outward:
        return Outward(self.live, host, TABLES, rows_per_batch=rows)

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        with self.database.connect() as connection:
            return content(connection, TABLES)

    def is_complete(self) -> bool:
        """And its own table has had each entry once."""
        found = self.content()
        ((_, entries),) = self.database.rows(CHANGED)
        return found == self.expected and entries == len(found["trading_activity"])


@pytest.fixture(scope="module")
def _journal(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LiveReplica, dict[str, list[tuple[Any, ...]]]]]:
    with written(traded(SEED, steps=STEPS), tmp_path_factory.mktemp("journal") / "trading") as live:
        with Derived.of(live, 10_000) as derived:
            expected = derived.content()
        yield live, expected


@pytest.fixture
def side(_journal: tuple[LiveReplica, dict[str, list[tuple[Any, ...]]]], database: Database) -> Side:
    live, expected = _journal
    with database.connect() as connection:
        schema.init(connection, TABLES, exchange_id=EXCHANGE_ID)
        connection.execute(text("CREATE TABLE own_batches (entries BIGINT)"))
    return Side(live, database, expected)


def test_it_ends_where_the_journal_does_and_a_second_round_does_nothing(side: Side) -> None:
    outward = side.outward(side.host())
    shown = outward.round()
    assert shown.events == shown.position.sequence > 150
    assert side.is_complete()
    with side.live.history() as log:
        assert shown.position == Position(EXCHANGE_ID, *log.head())
    assert outward.round() == Shown(0, 0, shown.position)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_stops_when_asked_and_where_it_is_told(side: Side) -> None:
    """Also within a command: what is shown is the state after that event."""
    outward = side.outward(side.host())
    assert outward.round(lambda: True).events == 0
    assert outward.round(up_to=101) == Shown(101, 3, outward.round(lambda: True).position)
    with Derived.of(side.live) as derived:
        derived.bring_forward(1_000, up_to=101)
        assert side.content() == derived.content()
    outward.round()
    assert side.is_complete()


def test_workers_at_the_same_time_show_each_event_once(side: Side) -> None:
    hosts = [side.host() for _ in range(3)]
    shown: list[Shown] = []
    workers = [Thread(target=lambda host=host: shown.append(side.outward(host, rows=15).round())) for host in hosts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert side.is_complete()
    assert sum(one.events for one in shown) == shown[0].position.sequence


def test_a_worker_that_was_overtaken_goes_on_behind_the_other(side: Side) -> None:
    """Between its look at the position and its own transaction, another shows more, and ends within the first one's batch."""
    host = side.host()

    def overtake() -> None:
        side.outward(side.host(), rows=25).round(up_to=25)

    host.after_commit = overtake
    shown = side.outward(host).round()
    assert side.is_complete()
    assert shown.events == shown.position.sequence - 25


def test_what_fails_at_any_step_leaves_everything_as_it_was(side: Side, *, is_long: bool) -> None:
    """Each statement in turn, and COMMIT before the database has taken it; on a server only some of them unless there is time."""
    host = side.host()
    outward = side.outward(host, rows=150)
    outward.round(up_to=150)
    before, step = side.content(), 0
    while True:
        with _failing_at(host, step) as failed, suppress(OSError):
            outward.round(up_to=250)
        if not failed or side.database.rows("SELECT sequence FROM trading_position") != [(150,)]:
            break  # what is left is its look at whether that was kept
        assert side.content() == before, f"step {step} has left something"
        step += 1 if is_long or side.database.kind == "sqlite" else 5
    assert step > 12
    outward.round()
    assert side.is_complete()


@contextmanager
def _failing_at(host: Host, step: int) -> Iterator[list[int]]:
    """The statement of that number fails, counted over a round; what is given says whether there was one."""
    passed, failed = count(), list[int]()

    def fail(*_: object) -> None:
        if next(passed) == step:
            failed.append(step)
            raise OSError("injected")

    event.listen(host._engine, "before_cursor_execute", fail)
    event.listen(host._engine, "commit", fail)
    try:
        yield failed
    finally:
        event.remove(host._engine, "before_cursor_execute", fail)
        event.remove(host._engine, "commit", fail)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_commit_that_was_taken_and_not_confirmed_is_not_repeated(side: Side) -> None:
    """The connection was lost in between."""
    host = side.host()

    def lose() -> None:
        host.in_apply = None
        raise OSError("injected")

    host.in_apply = lambda: setattr(host, "after_commit", lose)
    outward = side.outward(host)
    with pytest.raises(OSError, match="injected"):
        outward.round()
    outward.round()
    assert side.is_complete()


def test_what_the_hosts_own_side_raises_rolls_all_of_it_back(side: Side) -> None:
    host = side.host()

    def refuse() -> None:
        raise ZeroDivisionError

    outward = side.outward(host)
    outward.round(up_to=40)
    before = side.content()
    host.in_apply = refuse
    with pytest.raises(ZeroDivisionError):
        outward.round()
    assert side.content() == before
    host.in_apply = None
    outward.round()
    assert side.is_complete()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_position_that_somebody_moves_without_the_lock_is_noticed(side: Side) -> None:
    """Nothing of ours does so; a host's own code on the same connection might."""
    host = side.host()
    outward = side.outward(host)
    outward.round(up_to=40)
    before = side.content()

    def meddle(connection: Connection, _: Any, statement: str, *__: object) -> None:
        if statement.startswith("INSERT INTO trading_activity "):
            connection.execute(update(TABLES.position).values(sequence=41))

    event.listen(host._engine, "before_cursor_execute", meddle)
    with pytest.raises(StorageError, match="meanwhile"):
        outward.round()
    assert side.content() == before


WRONG: list[tuple[dict[str, object], str]] = [
    ({"sequence": 1_000_000}, "ahead of the journal"),
    ({"hash": "77" * 32}, "another history"),
    ({"exchange_id": "x2"}, "another exchange"),
    ({"exchange_id": "x2", "sequence": 0, "hash": "00" * 32}, "another exchange"),
]


def test_tables_of_another_history_are_not_touched(side: Side) -> None:
    outward = side.outward(side.host())
    right = outward.round(up_to=80).position
    position: dict[str, object] = {"exchange_id": right.exchange_id, "sequence": 80, "hash": right.hash.hex()}
    for wrong, problem in WRONG:
        with side.database.connect() as connection:
            connection.execute(update(TABLES.position).values(**{**position, **wrong}))
        before = side.content()
        with pytest.raises(FileForeign, match=problem):
            outward.round()
        assert side.content() == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_order_whose_row_somebody_has_deleted_is_named_with_what_to_do(side: Side) -> None:
    outward = side.outward(side.host())
    outward.round(up_to=60)
    side.database.execute("DELETE FROM trading_orders")
    before = side.content()
    with pytest.raises(StorageError, match=r"order [0-9]+.*host repair"):
        outward.round()
    assert side.content()["trading_orders"] == before["trading_orders"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_tables_that_were_never_made_are_named_with_what_to_do(side: Side) -> None:
    side.database.execute("DELETE FROM trading_position")
    with pytest.raises(NotFound, match="host init"):
        side.outward(side.host()).round()
    side.database.execute("DROP TABLE trading_position")
    with pytest.raises(StorageError, match="trading_position"):
        side.outward(side.host()).round()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_server_that_dies_in_mid_flow_is_followed_again_when_it_is_back(side: Side) -> None:
    server, host = side.database.server, side.host()
    assert server is not None
    outward = side.outward(host)
    outward.round(up_to=80)
    host.in_apply = server.crash
    with pytest.raises(StorageError):
        outward.round()
    host.in_apply = None
    with pytest.raises(StorageError):
        outward.round()
    server.start()
    outward.round()
    assert side.is_complete()
