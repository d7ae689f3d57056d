"""The host's PostgreSQL is stopped, crashes and hangs while a worker follows and users trade: nobody waits for it, and it catches up."""

from __future__ import annotations

import signal
import statistics
import threading
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.host.credits import CreditsHost
from tests.host.postgres import Postgres

pytestmark = pytest.mark.parametrize("database", ["postgres"], indirect=True)

AWAY_S = 0.4

BETWEEN_ORDERS_S, LEAST_ORDERS = 0.03, 5
"""While it is away."""

WITHIN_S = 30
"""The worker rests for at most so long, and comes back by itself."""


def stopped(server: Postgres) -> None:
    server.stop()
    time.sleep(AWAY_S)
    server.start()


def crashed(server: Postgres) -> None:
    server.crash()
    time.sleep(AWAY_S)
    server.start()


def silent(server: Postgres) -> None:
    server.signal(signal.SIGSTOP)
    time.sleep(AWAY_S)
    server.signal(signal.SIGCONT)


def latencies(host: CreditsHost, chance: Random, is_over: Callable[[], bool]) -> list[float]:
    """How long each order took, in seconds."""
    took: list[float] = []
    while not is_over():
        began = time.perf_counter()
        host.trade(chance, 1)
        took.append(time.perf_counter() - began)
        time.sleep(BETWEEN_ORDERS_S)
    return took


WAYS: list[Callable[[Postgres], None]] = [stopped, crashed, silent]


def until_in_step(host: CreditsHost) -> None:
    """By the thread alone."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        assert time.monotonic() < deadline
        status = host.floor.admin.host.status()
        assert status is not None
        waiting = [row for row in host.requests().values() if row["status"] in ("new", "held")]
        if status.events_behind == 0 and not waiting:
            return
        time.sleep(0.05)


def test_a_server_that_goes_away_and_comes_back_loses_nothing_and_holds_up_nobody(
    credits_host: CreditsHost, is_long: bool
) -> None:
    host, chance = credits_host, Random(7)
    server = host.database.server
    assert server is not None
    host.floor.admin.host.follow(0.1)
    for number, goes_away in enumerate(WAYS * (10 if is_long else 1)):
        host.ask(f"a{number}")
        away = threading.Thread(target=goes_away, args=(server,))
        away.start()
        took = latencies(host, chance, lambda: not away.is_alive())  # noqa: B023 - called at once
        away.join()
        until_in_step(host)
        host.assert_sums()
        assert len(took) > LEAST_ORDERS, goes_away  # an order that waits keeps all that come after it
        assert statistics.median(took) < AWAY_S / 4, goes_away
    host.floor.admin.host.stop()
    host.until_quiet()
    host.assert_settled()
