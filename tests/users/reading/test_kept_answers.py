"""Answers are given again as long as they are true, and never after."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import FileForeign, FileQuarantined, NotFound
from credit_trading.store.sqlite import Connection
from credit_trading.users.reading import reads
from tests.floor import Floor, opened
from tests.forks import in_fork, succeeded

_OPEN_ORDERS = "SELECT order_id, remaining_quantity FROM active_orders ORDER BY order_id"


def open_orders(connection: Connection) -> tuple[Any, ...]:
    return tuple(connection.execute(_OPEN_ORDERS).fetchall())


def ask(exchange: Exchange, user: str) -> tuple[Any, ...]:
    desk = exchange._desk
    return desk.ask(desk.user_number(user), "open orders", open_orders)


def told(exchange: Exchange) -> tuple[int, int]:
    """Hits and misses of this process."""
    counted = exchange._reads._counted
    return counted.hits, counted.misses


def listen(exchange: Exchange, user: str) -> tuple[list[str], list[str]]:
    """All that is executed from now on, in exchange.db and in the user's file."""
    shared: list[str] = []
    own: list[str] = []
    desk = exchange._desk
    desk.live.log.connection.set_trace_callback(shared.append)
    with desk.live.history() as log:
        log.connection.set_trace_callback(shared.append)
    with desk.files.checkout(desk.user_number(user)) as connection:
        connection.set_trace_callback(own.append)
    shared.clear()
    own.clear()
    return shared, own


def test_an_answer_that_is_still_true_costs_no_statement_but_the_question_whether_anybody_has_committed(
    floor: Floor,
) -> None:
    floor.place("ann", "buy", 3, "9.00")
    first = ask(floor.exchange, "ann")
    number = floor.exchange._desk.user_number("ann")
    shared, own = listen(floor.exchange, "ann")
    assert floor.exchange._desk.ask(number, "open orders", open_orders) is first
    assert shared == ["PRAGMA data_version"]
    assert own == []
    assert told(floor.exchange) == (1, 1)


def test_what_this_process_commits_for_the_user_is_shown_at_once(floor: Floor) -> None:
    assert ask(floor.exchange, "ann") == ()
    floor.place("ann", "buy", 3, "9.00")
    assert ask(floor.exchange, "ann") == ((1, 3),)
    floor.place("bob", "sell", 1, "9.00")
    assert ask(floor.exchange, "ann") == ((1, 2),)


def test_what_another_process_commits_for_the_user_is_shown_at_once(
    floor: Floor, reopen: Callable[..., Exchange]
) -> None:
    other = Floor(reopen())
    assert ask(floor.exchange, "ann") == ()
    other.place("ann", "buy", 3, "9.00")
    assert ask(floor.exchange, "ann") == ((1, 3),)


def test_what_others_do_leaves_a_users_answers_as_they_are(floor: Floor, reopen: Callable[..., Exchange]) -> None:
    other = Floor(reopen())
    first = ask(floor.exchange, "ann")
    floor.place("bob", "buy", 1, "8.00")
    other.place("cat", "buy", 1, "8.00")
    _, own = listen(floor.exchange, "ann")
    assert ask(floor.exchange, "ann") is first
    assert own == []


def test_a_file_that_is_in_quarantine_since_is_refused_though_its_answer_is_known(
    floor: Floor, reopen: Callable[..., Exchange]
) -> None:
    other = Floor(reopen())
    ask(floor.exchange, "ann")
    ask(other.exchange, "ann")
    desk = floor.exchange._desk
    desk.projector.admission.put(desk.user_number("ann"), FileForeign("users.file", "ann", "it was found so"))
    for exchange in (floor.exchange, other.exchange):
        with pytest.raises(FileQuarantined):
            ask(exchange, "ann")


def test_a_user_who_is_deleted_is_not_read_any_more(floor: Floor) -> None:
    floor.admin.databases.create_trading_database("eve", "eve@example.com")
    desk = floor.exchange._desk
    number = desk.user_number("eve")
    assert desk.ask(number, "open orders", open_orders) == ()
    floor.admin.databases.delete_trading_database("eve")
    with pytest.raises(NotFound):
        desk.ask(number, "open orders", open_orders)


def test_questions_and_users_are_kept_apart(floor: Floor) -> None:
    floor.place("ann", "buy", 3, "9.00")
    desk = floor.exchange._desk
    number = desk.user_number("ann")
    assert ask(floor.exchange, "ann") != ask(floor.exchange, "bob")
    assert desk.ask(number, "how many", lambda connection: len(open_orders(connection))) == 1
    assert ask(floor.exchange, "ann") == ((1, 3),)


def test_no_more_answers_are_kept_than_the_settings_allow(home: Path, clock: ManualClock) -> None:
    with opened(home, clock=clock, settings=Settings(kept_answers=2)) as exchange:
        Floor(exchange).set_up("ann", "bob", "cat")
        for user in ("ann", "bob", "ann", "cat", "ann"):
            ask(exchange, user)
        assert told(exchange) == (2, 3)
        ask(exchange, "bob")
        assert told(exchange) == (2, 4)


def test_whoever_acts_in_whichever_process_every_answer_is_that_of_the_file(
    floor: Floor, reopen: Callable[..., Exchange]
) -> None:
    """Two processes act and ask by turns; each answer is compared with the orders that the engine has."""
    chance = random.Random(7)
    processes = [floor, Floor(reopen())]
    for _ in range(60):
        who = chance.choice(["ann", "bob"])
        side, price = chance.choice([("buy", "9.00"), ("sell", "9.00"), ("buy", "8.50"), ("sell", "9.50")])
        chance.choice(processes).place(who, side, chance.randint(1, 3), price)
        for user in ("ann", "bob"):
            asked = chance.choice(processes)
            assert ask(asked.exchange, user) == in_memory(asked, user)
    assert all(told(one.exchange)[0] > 5 for one in processes)


def in_memory(floor: Floor, user: str) -> tuple[Any, ...]:
    """The same, as the engine has it."""
    desk = floor.exchange._desk
    number = desk.user_number(user)
    with desk.live.reading() as replica:
        return tuple((one.number, one.remaining_lots) for one in replica.users[number].open_orders_in(None))


def test_a_forked_child_reads_and_counts_for_itself(floor: Floor) -> None:
    ask(floor.exchange, "ann")

    def child() -> None:
        assert ask(floor.exchange, "ann") == ()
        assert told(floor.exchange) == (0, 1)
        floor.place("ann", "buy", 1, "8.00")
        assert ask(floor.exchange, "ann") == ((1, 1),)

    assert succeeded(in_fork(child))
    assert ask(floor.exchange, "ann") == ((1, 1),)
    assert told(floor.exchange) == (0, 2)


# What took long


def test_a_slow_question_is_told_with_its_plan_and_without_its_values(home: Path, clock: ManualClock) -> None:
    def slowly(connection: Connection) -> int:
        statement = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " SELECT count(*) FROM n, assets WHERE asset <> ?"
        )
        connection.execute("SELECT 1").fetchone()
        found = int(connection.execute(statement, (30_000, "secret")).fetchone()[0])
        connection.execute("SELECT 2").fetchone()
        return found

    with opened(home, clock=clock, settings=Settings(slow_query_ms=1)) as exchange:
        floor = Floor(exchange).set_up("ann")
        desk = exchange._desk
        desk.ask(desk.user_number("ann"), "slow", slowly)
        desk.ask(desk.user_number("ann"), "slow again", slowly)
        told_ = floor.admin.status().reads
    (slow,) = told_.slow
    assert slow.times == 2
    assert slow.longest_us >= 1000
    assert "i < ?" in slow.statement
    assert any("assets" in line for line in slow.plan)
    assert not any("secret" in path.read_text() for path in (home / reads.FOLDER).iterdir())


def test_what_many_processes_have_counted_is_told_together(home: Path, clock: ManualClock) -> None:
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann")
        for _ in range(3):
            ask(exchange, "ann")
        exchange._reads.write()
        (home / reads.FOLDER / "damaged.json").write_text("{")
        (home / reads.FOLDER / "old.json").write_text('{"process": 1, "written_at_us": 1, "hits": 1000}')
        other = reads.Reads(home)
        other.count(hit=True)
        os.utime(home / reads.FOLDER / "damaged.json", (0, 0))
        other.write()
        found = floor.admin.status().reads
        assert (found.processes, found.hits, found.misses) == (2, 3, 1)
        assert not (home / reads.FOLDER / "damaged.json").exists(), "what is older than a week is swept"


def test_a_folder_that_cannot_be_written_disturbs_no_reader(home: Path, clock: ManualClock) -> None:
    with opened(home, clock=clock) as exchange:
        Floor(exchange).set_up("ann")
        (home / reads.FOLDER).write_text("a file where the folder should be")
        exchange._reads.write()
        assert ask(exchange, "ann") == ()


def test_long_answers_leave_room_for_fewer_others(home: Path, clock: ManualClock) -> None:
    """What is kept is bounded by its rows, too; and what is very long is not kept at all."""
    with opened(home, clock=clock, settings=Settings(kept_answers=10)) as exchange:
        Floor(exchange).set_up("ann")
        desk = exchange._desk
        number = desk.user_number("ann")

        def ask_for(rows: int, name: int) -> list[int]:
            return desk.ask(number, (rows, name), lambda _: [0] * rows)

        for name in (1, 2, 3, 1):  # 200 rows in all, 90 each: the first had to go
            ask_for(90, name)
        assert told(exchange) == (0, 4)
        ask_for(90, 1)
        assert told(exchange) == (1, 4)
        for _ in range(2):
            ask_for(201, 1)
        assert told(exchange) == (1, 6)


def test_what_is_read_without_being_kept_is_told_if_it_is_slow(home: Path, clock: ManualClock) -> None:
    with opened(home, clock=clock, settings=Settings(slow_query_ms=1)) as exchange:
        floor = Floor(exchange).set_up("ann")
        with exchange._desk.file_of(1) as connection:
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT count(*) FROM n"
            ).fetchone()
        assert [one.times for one in floor.admin.status().reads.slow] == [1]
