"""Whatever dies between the host's row, the exchange's COMMIT and the outcome: no credit is lost, doubled, or on both sides."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import attrs
import pytest
from sqlalchemy import insert, select, text

from credit_trading.errors import AlreadyExists, CommandConflict, StorageError
from credit_trading.host.adapter import Adapter
from credit_trading.host.rows import RequestRow
from credit_trading.trading.sequencer import Sequencer
from tests.floor import Floor
from tests.forks import in_fork, succeeded
from tests.host.both_sides import OWN, USERS, BothSides, OwnCredits
from tests.host.database import Database

MANY_STEPS = 18
"""Of a round that has something to do: beginnings, ends and COMMITs of its transactions, and its submissions."""


class Died(Exception):
    """The worker is no more."""


def die() -> None:
    raise Died


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@attrs.define(eq=False)
class Steps:
    """Counts what a worker does, and ends it at one of them."""

    end: Callable[[], None]
    last: int
    done: int = 0

    def take(self) -> None:
        self.done += 1
        if self.done == self.last:
            self.end()


@attrs.define(eq=False)
class Mortal(Adapter):
    """A host's adapter whose worker may die before, within and after each transaction."""

    whole: OwnCredits
    steps: Steps

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.steps.take()
        with self.whole.transaction() as connection:
            yield connection
            self.steps.take()
        self.steps.take()

    def reapply(self, connection: Any, request: RequestRow) -> bool:
        return self.whole.reapply(connection, request)


@pytest.fixture
def both(floor: Floor, database: Database) -> BothSides:
    return BothSides.of(floor, database)


def dying_round(both: BothSides, steps: Steps) -> bool:
    """A round by a worker that dies at one of its steps; whether it did."""
    worker = BothSides(both.floor, both.database, Mortal(OwnCredits(both.database.url), steps))
    submit = Sequencer.submit

    def mortal_submit(sequencer: Sequencer, *of: Any, **more: Any) -> Any:
        steps.take()
        outcomes = submit(sequencer, *of, **more)
        steps.take()
        return outcomes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sequencer, "submit", mortal_submit)
        try:
            worker.sync()
        except Died:
            return True
    return False


def ask(both: BothSides, name: str) -> None:
    """One of each: a deposit, two withdrawals, one that cannot be, and the ends of what was held by the round before."""
    decide(both)
    both.deposit(f"{name}-d", 50)
    both.withdraw(f"{name}-yes", 30)
    both.withdraw(f"{name}-no", 20, user="bob")
    both.write(f"{name}-bad", amount="0")


def decide(both: BothSides) -> None:
    """On all that is held."""
    for (request_id,) in both.rows("SELECT id FROM trading_requests WHERE status = 'held' AND decision IS NULL"):
        both.confirm(request_id) if request_id.endswith("yes") else both.fail(request_id)


def drained(both: BothSides) -> None:
    """All that was asked for has come to its end, exactly once."""
    for _ in range(2):
        decide(both)
        both.sync()
    assert set(both.statuses().values()) <= {"done", "released", "set_aside"}
    causes = both.causes()
    assert len(causes) == len(set(causes))
    moved = moves(both)
    for user in USERS:
        assert both.own(user) == OWN - sum(amount for owner, amount in moved if owner == user), user


def moves(both: BothSides) -> list[tuple[str, int]]:
    """Who has got how much from the host's side, as the journal tells it; less than nothing for what went back."""
    entered = {entry.sequence: entry.event for entry in both.entries() if entry.event.kind == "transaction_entered"}
    found = []
    for entry in both.entries():
        event: Any = entry.event
        if not entry.cause.startswith("host/"):
            continue
        if event.kind == "deposited":
            found.append((USERS[event.user - 1], event.amount))
        elif event.kind == "transaction_updated" and event.status == "settled":
            held: Any = entered[event.transaction]
            found.append((USERS[held.user - 1], -held.quantity))
    return found


def test_a_worker_that_dies_at_any_step_leaves_every_credit_in_one_place(both: BothSides, is_long: bool) -> None:
    before = both.total()
    stride = 1 if is_long or both.database.kind == "sqlite" else 6
    step, died = 1, True
    while died:
        ask(both, f"s{step}")
        died = dying_round(both, Steps(die, step))
        assert both.total() == before, step
        both.sync()
        assert both.total() == before, step
        step += stride
    assert step > MANY_STEPS
    drained(both)
    assert both.total() == before


def test_a_worker_that_is_killed_leaves_every_credit_in_one_place(both: BothSides, is_long: bool) -> None:
    """For real, in a process of its own."""
    before = both.total()
    steps = range(1, MANY_STEPS + 1) if is_long else (9, 11, 13) if both.database.kind == "sqlite" else (12,)
    for step in steps:
        ask(both, f"k{step}")
        child = in_fork(lambda step=step: dying_round(both, Steps(kill, step)))  # type: ignore[misc]
        assert not succeeded(child)
        assert both.total() == before, step
        both.sync()
    drained(both)
    assert both.total() == before


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_database_that_crashes_in_mid_flow_leaves_every_credit_in_one_place(both: BothSides, is_long: bool) -> None:
    server, adapter = both.database.server, both.adapter
    assert server is not None
    assert isinstance(adapter, OwnCredits)
    before = both.total()
    for step in range(2, MANY_STEPS, 2) if is_long else (11,):
        ask(both, f"c{step}")
        with suppress(StorageError):
            dying_round(both, Steps(server.crash, step))
        server.start_again()
        adapter.close()  # of connections to the server of before
        assert both.total() == before, step
        both.sync()
    drained(both)
    assert both.total() == before


def test_workers_at_the_same_time_on_the_same_rows_do_each_once(both: BothSides) -> None:
    before = both.total()
    for number in range(12):
        ask(both, f"t{number}")
    failures: list[BaseException] = []
    ready = threading.Barrier(3)

    def work() -> None:
        worker = BothSides(both.floor, both.database, OwnCredits(both.database.url))
        try:
            ready.wait()
            for _ in range(4):
                worker.sync()
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    for number in range(12, 16):
        ask(both, f"t{number}")
    for thread in threads:
        thread.join()
    assert not failures
    drained(both)
    assert both.total() == before
    assert sum(status == "done" for status in both.statuses().values()) == 32


def test_an_older_copy_of_the_hosts_database_gets_back_what_it_had_lost(both: BothSides) -> None:
    before = both.total()
    ask(both, "a")
    copy = dumped(both)
    both.sync()
    ask(both, "b")
    both.sync()
    ask(both, "c")
    put_back(both, copy)
    both.sync()
    assert both.total() == before
    drained(both)
    assert both.total() == before
    done = dict.fromkeys(("a-d", "b-d", "a-yes", "b-yes"), "done")
    assert both.statuses() == {**done, "a-no": "released", "b-no": "released", "a-bad": "set_aside"}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3, 4))])
def test_random_requests_decisions_trades_and_deaths_move_every_credit_once(
    both: BothSides, seed: int, is_long: bool
) -> None:
    chance = random.Random(seed)
    before = both.total()
    copy = dumped(both)
    for number in range(150 if is_long else 30 if both.database.kind == "sqlite" else 8):
        for _ in range(chance.randint(1, 3)):
            random_request(both, chance, f"r{number}-{chance.randint(0, 9)}")
        what = chance.random()
        if what < 0.4:
            dying_round(both, Steps(die, chance.randint(1, MANY_STEPS)))
        elif what < 0.6:
            both.sync()
        elif what < 0.7:
            both.inward()
        elif what < 0.8:
            both.floor.place("ann", "sell", chance.randint(1, 9), "5.00")
            both.floor.place("bob", "buy", chance.randint(1, 9), "5.00")
        elif what < 0.9:
            copy = dumped(both)
            continue
        elif what < 0.94:
            put_back(both, copy)
            both.outward()
        assert both.total() == before, number
    drained(both)
    assert both.total() == before
    assert both.floor.findings() == []


def random_request(both: BothSides, chance: random.Random, name: str) -> None:
    """What a host does, rightly or not; an error rolls back its own side too."""
    user = chance.choice(USERS)
    statuses = both.statuses()
    try:
        if chance.random() < 0.4:
            both.deposit(f"{name}-d", chance.randint(1, 40), user=user)
        elif chance.random() < 0.5:
            both.withdraw(chance.choice((f"{name}-yes", f"{name}-no")), chance.randint(1, 40), user=user)
        elif statuses:
            request_id = chance.choice(sorted(statuses))
            chance.choice((both.confirm, both.fail, lambda one: both.deposit(one, 7)))(request_id)
    except (AlreadyExists, CommandConflict):
        pass


def dumped(both: BothSides) -> dict[str, list[Any]]:
    """A backup of the host's database."""
    with both.adapter.transaction() as connection:
        tables = [*both.tables.metadata.sorted_tables]
        copy: dict[str, list[Any]] = {
            table.name: [row._asdict() for row in connection.execute(select(table))] for table in tables
        }
        copy["own_credits"] = [row._asdict() for row in connection.execute(text("SELECT * FROM own_credits"))]
    return copy


def put_back(both: BothSides, copy: dict[str, list[Any]]) -> None:
    with both.adapter.transaction() as connection:
        for table in both.tables.metadata.sorted_tables:
            connection.execute(table.delete())
            if copy[table.name]:
                connection.execute(insert(table), copy[table.name])
        for row in copy["own_credits"]:
            connection.execute(text("UPDATE own_credits SET amount = :amount WHERE user_id = :user_id"), row)
