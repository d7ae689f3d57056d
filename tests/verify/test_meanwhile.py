"""Verifying while others write: nothing is found that is not wrong, and nobody waits for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from credit_trading import Exchange, verify_folder
from credit_trading.errors import Busy, OrderRejected
from tests.floor import CASH, Floor

Reopen = Callable[..., Exchange]


class _Crowd:
    """One trades, one gives users other names and makes and deletes some; `longest_s` is what a trade has waited for."""

    def __init__(self, exchange: Exchange) -> None:
        self.floor = Floor(exchange)
        self.longest_s = 0.0
        self.done = 0
        self._ends = threading.Event()
        self.errors: list[Exception] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._runs, args=(act,)) for act in (self._trade, self._rename)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ends.set()
            for thread in threads:
                thread.join()
        assert self.errors == []

    def _runs(self, act: Callable[[int], None]) -> None:
        number = 0
        try:
            while not self._ends.is_set():
                number += 1
                with suppress(OrderRejected, Busy):  # Busy: a file that is looked at is renamed later
                    act(number)
                self.done += 1
        except Exception as error:  # noqa: BLE001 - told by the test
            self.errors.append(error)

    def _trade(self, number: int) -> None:
        began = time.monotonic()
        self.floor.place("ann" if number % 2 else "bob", "sell" if number % 4 < 2 else "buy", 1, "5.00")
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        time.sleep(0.002)

    def _rename(self, number: int) -> None:
        databases = self.floor.admin.databases
        databases.change_email("cat", f"cat{number}@example.com")
        databases.create_trading_database(f"new{number}", "new@example.com")
        if number % 2:
            self.floor.admin.accounts.deposit(f"new{number}", CASH, "1.00", note="welcome")
        else:
            databases.delete_trading_database(f"new{number}")
        time.sleep(0.2)


def test_what_changes_meanwhile_is_not_taken_for_damage(floor: Floor, reopen: Reopen) -> None:
    """Deep and quick in turn, in the process that writes and in another; files are behind now and then, by design."""
    crowd = _Crowd(reopen(project_on_commit=False))
    with crowd.at_work():
        for deep in (False, True):
            assert floor.admin.verify(deep=deep).findings == []
            assert crowd.floor.admin.verify(deep=deep).findings == []
            assert verify_folder(floor.exchange.home, deep=deep).findings == []
    assert crowd.done > 10
    assert crowd.longest_s < 5
    assert floor.findings() == []
