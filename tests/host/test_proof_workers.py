"""Several workers on the same rows, in processes and threads, while users trade and the host asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import event

from credit_trading.host.connecting.connections import engine_for
from examples.sqlalchemy_credits.adapter import CreditsAdapter
from reliability.child import Child
from tests.host.credits import AT_LENGTH_ON_POSTGRES, AT_LENGTH_ON_SQLITE, CreditsHost

ROUNDS = 3

OVERLAP_S = 0.2
"""Enough for the second worker to come as far as it gets."""


def worker(host: CreditsHost, rounds: int) -> Callable[[int], None]:
    """Rounds in a process of its own."""

    def work(telling: int) -> None:
        host.reconnect()
        floor = host.open()
        os.write(telling, b"ready\n")
        for _ in range(rounds):
            floor.admin.host.sync()
        host.close()

    return work


def trader(host: CreditsHost, seed: int, steps: int) -> Callable[[int], None]:
    def work(telling: int) -> None:
        host.open()
        os.write(telling, b"ready\n")
        host.trade(Random(seed), steps)
        host.close()

    return work


@AT_LENGTH_ON_SQLITE
def test_two_workers_in_processes_of_their_own_do_each_thing_once_while_a_third_process_trades(
    credits_host: CreditsHost, is_long: bool
) -> None:
    host = credits_host
    for number in range(3):
        host.ask(f"a{number}")
    host.trade(Random(1), 10)
    host.close()
    host.engine.dispose()
    rounds = 40 * ROUNDS if is_long else ROUNDS
    workers = [Child(worker(host, rounds)) for _ in range(2)]
    users = Child(trader(host, 2, 10 * rounds if is_long else 20))
    for number in range(3, 6):
        host.ask(f"a{number}")
    told = [child.ended() for child in (users, *workers)]
    assert told == [[b"ready\n"]] * 3
    host.reopen()
    host.assert_sums()
    host.until_quiet()
    host.assert_settled()
    assert len(host.effects()) == 2 * 6


@AT_LENGTH_ON_POSTGRES
def test_three_threads_of_rounds_and_one_that_checks_do_each_thing_once(
    credits_host: CreditsHost, is_long: bool
) -> None:
    host = credits_host
    failures: list[BaseException] = []
    end = threading.Event()

    def rounds() -> None:
        other = CreditsHost(host.home, host.clock, host.database)
        floor = other.open()
        try:
            while not end.is_set():
                floor.admin.host.sync()
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            failures.append(error)
        finally:
            other.close()
            other.engine.dispose()

    threads = [threading.Thread(target=rounds) for _ in range(3)]
    for thread in threads:
        thread.start()
    chance = Random(3)
    try:
        for number in range(40 if is_long else 3):
            host.ask(f"t{number}")
            host.trade(chance, 5)
            host.assert_sums()
        told = host.floor.admin.host.check().differences
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert told == []
    host.until_quiet()
    host.assert_settled()


def test_a_worker_that_comes_while_another_writes_waits_and_writes_nothing_again(credits_host: CreditsHost) -> None:
    """Both have read the same position."""
    host = credits_host
    host.ask("a")
    host.trade(Random(4), 6)
    other = CreditsHost(host.home, host.clock, host.database)
    other.open()
    told: list[object] = []

    def round_of_other() -> None:
        try:
            told.append(other.sync().events)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            told.append(error)

    late = threading.Thread(target=round_of_other)

    def meet(connection: object, cursor: object, sql: str, *_: object) -> None:
        if sql.startswith("INSERT") and late.ident is None:
            late.start()
            late.join(OVERLAP_S)

    event.listen(host.engine, "before_cursor_execute", meet)
    begun = position_of(host)
    own = host.sync().events
    late.join()
    other.close()
    other.engine.dispose()
    (others,) = told
    assert isinstance(others, int), others
    assert own + others == position_of(host) - begun
    host.until_quiet()
    host.assert_settled()


def position_of(host: CreditsHost) -> int:
    ((sequence,),) = host.database.rows("SELECT sequence FROM trading_position")
    return int(sequence)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_what_the_host_does_between_reading_and_writing_its_own_credits_is_not_lost(credits_host: CreditsHost) -> None:
    """A user's own request commits while the adapter credits the same user; SQLite lets one of them write at a time."""
    host = credits_host
    host.take_back("out", 30)
    engine = engine_for(host.database.url)
    asked = threading.Thread(target=lambda: CreditsAdapter(engine).bring("ann", 1, 100))

    def bring_meanwhile(connection: object, cursor: object, sql: str, *_: object) -> None:
        if sql.startswith("UPDATE credits") and asked.ident is None:
            asked.start()
            asked.join(OVERLAP_S)

    event.listen(host.engine, "before_cursor_execute", bring_meanwhile)
    host.sync()
    asked.join()
    engine.dispose()
    host.assert_sums()
    host.until_quiet()
    host.assert_settled()
    assert len(host.effects()) == 2
