"""The write path's clock, ids and waiting; what a failing disk does to it is in test_failing_disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import Busy, ClockRefused, StorageError
from credit_trading.exchange.events import Entry
from credit_trading.journal.log import FILE_NAME
from credit_trading.journal.notes import Note
from credit_trading.users.projector import Projector
from tests.floor import CASH, Floor, rows_of

Reopen = Callable[..., Exchange]


def _times(floor: Floor) -> list[int]:
    return [row[0] for row in rows_of(floor.exchange.home / FILE_NAME, "SELECT time_us FROM journal ORDER BY sequence")]


def test_a_clock_behind_the_journal_is_loud_and_time_does_not_run_backwards(
    floor: Floor, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once each time it falls behind, not for every command."""
    clock.advance(100)
    floor.place("ann", "sell", 1, "5.00")
    latest = clock.now_us()
    clock.advance(-50)
    with caplog.at_level(logging.WARNING):
        floor.place("ann", "sell", 1, "5.00")
        floor.place("ann", "sell", 1, "5.00")
    assert caplog.text.count("is behind the journal") == 1
    assert _times(floor)[-3:] == [latest] * 3
    clock.set(latest + 1)
    floor.place("ann", "sell", 1, "5.00")
    clock.advance(-50)
    floor.place("ann", "sell", 1, "5.00")
    assert caplog.text.count("is behind the journal") == 2
    assert _times(floor) == sorted(_times(floor))
    assert floor.findings() == []


def test_a_clock_that_leaps_ahead_is_refused(floor: Floor, clock: ManualClock, reopen: Reopen) -> None:
    """One line that names both times and the setting; with the setting raised it is believed."""
    floor.place("cat", "sell", 1, "9.00", expires_at="2026-02-01T00:00:00Z")
    sequence, now = floor.exchange.sequence, clock.now_us()
    clock.advance(400 * 86_400)
    with pytest.raises(ClockRefused, match="CREDIT_TRADING_MAX_CLOCK_JUMP_S") as error:
        floor.place("ann", "sell", 1, "5.00")
    assert "2027-02-05" in str(error.value)
    assert "2026-01-01" in str(error.value)
    with pytest.raises(ClockRefused):
        floor.exchange.expire_due()
    assert floor.exchange.sequence == sequence
    believing = Floor(reopen(max_clock_jump_s=500 * 86_400))
    assert believing.place("ann", "sell", 1, "5.00").order_status == "new"
    clock.set(now)
    assert floor.place("ann", "sell", 1, "5.00").order_status == "new"
    assert floor.findings() == []


def test_an_exchange_may_rest_for_long_between_founding_and_first_use(
    home: object, clock: ManualClock, reopen: Reopen
) -> None:
    """The first command may come at any time."""
    exchange = reopen()
    clock.advance(4000 * 86_400)
    Floor(exchange).set_up("ann")
    assert exchange.sequence > 1


def test_a_group_keeps_the_moments_at_which_its_commands_were_prepared(floor: Floor, clock: ManualClock) -> None:
    """With a manual clock: recorded order flow, submitted together, keeps its own times."""
    group = []
    for _ in range(3):
        clock.advance(1)
        group.append(floor.prepared("ann", "sell", 1, "5.00"))
    clock.advance(60)
    floor.exchange.submit(group)
    times = _times(floor)[-3:]
    assert [later - times[0] for later in times] == [0, 1_000_000, 2_000_000]


def test_a_writer_that_waits_for_too_long_is_told_so(floor: Floor, reopen: Reopen) -> None:
    """Busy, after the timeout of the settings; the command did not take effect and can be repeated."""
    impatient = Floor(reopen(lock_timeout_s=1))
    sequence = floor.exchange.sequence
    with floor.exchange._live.turn():
        began = time.monotonic()
        told: list[BaseException] = []

        def attempt() -> None:
            try:
                impatient.place("ann", "sell", 1, "5.00", command_id="c")
            except Busy as error:
                told.append(error)

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        assert 0.9 < time.monotonic() - began < 5
    assert len(told) == 1
    assert floor.exchange.sequence == sequence
    assert not impatient.place("ann", "sell", 1, "5.00", command_id="c").repeated


def test_concurrent_callers_share_a_commit(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group commit: while one commit is under way, those who come wait and go together in the next."""
    commits: list[int] = []
    commit = floor.exchange._live.commit

    def counted(entries: Sequence[Entry], noted: Mapping[int, Note]) -> None:
        commits.append(len(entries))
        commit(entries, noted)

    monkeypatch.setattr(floor.exchange._live, "commit", counted)
    threads = [threading.Thread(target=floor.place, args=("ann", "sell", 1, "5.00")) for _ in range(10)]
    with floor.exchange._sequencer._leading:
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while len(floor.exchange._sequencer._waiting) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert commits == [10]
    assert floor.findings() == []


def test_one_key_from_many_threads_moves_money_once(floor: Floor) -> None:
    """All of them are answered, one of them as the first."""
    receipts = []

    def deposit() -> None:
        receipts.append(floor.admin.accounts.deposit("ann", CASH, "5.00", key="k"))

    threads = [threading.Thread(target=deposit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receipt.repeated for receipt in receipts) == [False] + [True] * 7
    assert len({receipt.sequence for receipt in receipts}) == 1
    assert floor.balance("ann") == "1000005.00"


def test_a_command_repeated_in_one_group_stays_repeated_when_something_expires_between(
    floor: Floor, clock: ManualClock
) -> None:
    """What expires in between is not the command's doing."""
    floor.place("ann", "sell", 1, "5.00", expires_at=clock.now_us() + 1_000_000)
    first = floor.admin.accounts.prepare_deposit("bob", CASH, "1.00", key="k")
    clock.advance(2)
    second = floor.admin.accounts.prepare_deposit("bob", CASH, "1.00", key="k")
    outcomes = floor.exchange.submit([first, second])
    assert [outcome.repeated for outcome in outcomes] == [False, True]
    assert floor.kinds()[-2:] == ["deposited", "order_expired"]
    assert floor.findings() == []


def test_trouble_after_the_decision_is_not_taken_for_its_outcome(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The order is in the journal: whoever placed it hears so, and the files catch up when they are read."""

    def failing(*_: object) -> None:
        raise StorageError("exchange.read", FILE_NAME, "the disk reported an error")

    with monkeypatch.context() as patched:
        patched.setattr(Projector, "_heads", failing)
        assert floor.place("ann", "sell", 1, "5.00").order_status == "new"
    assert "catch up when they are next read" in caplog.text
    assert len(floor.user("ann").orders.get_active_orders()) == 1
