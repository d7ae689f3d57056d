"""`host.json`: what is said of the host's database, when it is written, and what status makes of it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.host import standing
from credit_trading.host.standing import HostStatus, Standing, without_passwords
from credit_trading.journal.follower import Position
from tests.floor import CASH, Floor


class Watch:
    """Seconds that pass when they are told to."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def watch() -> Watch:
    return Watch()


def speaker(floor: Floor, watch: Watch, *, host: str = "app") -> Standing:
    clock = floor.exchange._sequencer.clock
    exchange_id = floor.admin.status().journal.exchange_id
    return Standing(floor.exchange.home, exchange_id=exchange_id, host=host, clock=clock, monotonic=watch)


def at(sequence: int) -> Position:
    return Position("", sequence, b"")


def written(floor: Floor) -> Any:
    return json.loads((floor.exchange.home / standing.FILE_NAME).read_bytes())


def told(floor: Floor) -> HostStatus:
    found = floor.admin.status().host
    assert found is not None
    return found


def test_nothing_is_said_of_a_host_that_nobody_ever_tried(floor: Floor) -> None:
    assert floor.admin.status().host is None


def test_it_is_written_once_a_second_at_most(floor: Floor, watch: Watch) -> None:
    """Each writing is an fsync; what was not written is written when its time has come, or at the end."""
    speak = speaker(floor, watch)
    speak.shown(at(1))
    speak.shown(at(2))
    assert written(floor)["sequence"] == 1
    watch.now_s += 0.9
    speak.shown(at(2))
    assert written(floor)["sequence"] == 1
    watch.now_s += 0.1
    speak.shown(at(2))
    assert written(floor)["sequence"] == 2
    speak.shown(at(3))
    speak.flush()
    assert written(floor)["sequence"] == 3


def test_rounds_without_news_write_nothing(floor: Floor, watch: Watch) -> None:
    speak = speaker(floor, watch)
    speak.shown(at(5))
    path = floor.exchange.home / standing.FILE_NAME
    path.unlink()
    for _ in range(5):
        watch.now_s += 60
        speak.shown(at(5))
    speak.flush()
    assert not path.exists()


def test_a_change_of_trouble_is_written_at_once(floor: Floor, watch: Watch, clock: ManualClock) -> None:
    """That it begins, that it is another one, that it is over; and since when it lasts, whatever it is called."""
    speak = speaker(floor, watch)
    speak.shown(at(1))
    speak.in_trouble("down", attempts=1, wait_s=0.5)
    first = told(floor)
    assert (first.problem, first.attempts, first.sequence, first.is_well) == ("down", 1, 1, False)
    clock.advance(10)
    speak.in_trouble("down", attempts=2, wait_s=1)
    assert told(floor).attempts == 1
    speak.in_trouble("other", attempts=3, wait_s=2)
    second = told(floor)
    assert (second.problem, second.attempts, second.problem_since) == ("other", 3, first.problem_since)
    assert second.next_try_at == "2026-01-01T00:00:12.000000Z"
    speak.shown(at(1))
    assert (told(floor).problem, told(floor).is_well, told(floor).next_try_at) == (None, True, None)


def test_another_process_knows_where_the_one_before_it_stood(floor: Floor, watch: Watch) -> None:
    """Of the same host only."""
    speaker(floor, watch).shown(at(4))
    speaker(floor, watch).in_trouble("down", attempts=1, wait_s=1)
    assert told(floor).sequence == 4
    speaker(floor, watch, host="other").in_trouble("down", attempts=1, wait_s=1)
    assert (told(floor).sequence, told(floor).host) == (None, "other")


def test_of_several_that_follow_the_latest_sight_stands(floor: Floor, watch: Watch, clock: ManualClock) -> None:
    """Whoever stops with an older one in hand does not take back what another has said; nor does trouble stay that is nobody's."""
    one, two = speaker(floor, watch), speaker(floor, watch)
    one.shown(at(1))
    one.shown(at(2))
    clock.advance(1)
    two.shown(at(5))
    one.flush()
    assert told(floor).sequence == 5
    clock.advance(1)
    one.in_trouble("down", attempts=1, wait_s=1)
    assert told(floor).problem == "down"
    watch.now_s += 2
    two.shown(at(5))
    assert (told(floor).problem, told(floor).sequence) == (None, 5)
    clock.advance(1)
    watch.now_s += 2
    one.shown(at(3))
    assert told(floor).sequence == 3, "an older copy of the host's database was put back"


def test_whoever_stops_following_has_no_next_try(floor: Floor, watch: Watch) -> None:
    speak = speaker(floor, watch)
    speak.in_trouble("down", attempts=1, wait_s=1)
    assert told(floor).next_try_at is not None
    speak.flush()
    assert (told(floor).next_try_at, told(floor).problem, told(floor).process) == (None, "down", os.getpid())


def test_the_lag_is_counted_from_the_first_event_that_is_not_shown(
    floor: Floor, watch: Watch, clock: ManualClock
) -> None:
    """By the journal's clock, while the host's database need not be there."""
    speaker(floor, watch).shown(at(floor.exchange.sequence))
    clock.advance(3)
    assert (told(floor).events_behind, told(floor).seconds_behind) == (0, 0.0)
    floor.admin.accounts.deposit("ann", CASH, "1.00")
    clock.advance(5)
    floor.admin.accounts.deposit("ann", CASH, "1.00")
    clock.advance(2)
    assert (told(floor).events_behind, told(floor).seconds_behind) == (2, 7.0)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"[]", b'{"exchange_id": 5}', b"\xff" * 5000])
def test_a_damaged_word_is_named_and_written_anew(floor: Floor, watch: Watch, content: bytes) -> None:
    path = floor.exchange.home / standing.FILE_NAME
    path.write_bytes(content)
    assert "host.json cannot be read" in str(told(floor).problem)
    speaker(floor, watch).shown(at(3))
    assert (told(floor).sequence, told(floor).problem) == (3, None)


def test_the_word_of_another_exchange_is_not_believed(floor: Floor, watch: Watch) -> None:
    """A folder that was founded anew, or put together by hand."""
    clock = floor.exchange._sequencer.clock
    Standing(floor.exchange.home, exchange_id="other", host="app", clock=clock, monotonic=watch).shown(at(9))
    assert told(floor).sequence is None
    assert "another exchange" in str(told(floor).problem)


def test_a_word_that_cannot_be_written_stops_nobody(
    floor: Floor, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is the exchange's own trouble, and told elsewhere."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    speaker(floor, watch).shown(at(3))
    monkeypatch.undo()
    assert floor.admin.status().host is None


def test_the_word_is_its_owners_alone_and_no_unknown_file(floor: Floor, watch: Watch) -> None:
    speaker(floor, watch).shown(at(3))
    path: Path = floor.exchange.home / standing.FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert floor.findings() == []
    path.chmod(0o644)
    assert [finding for finding in floor.findings() if "host.json" in finding]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://me:secret@db:5432/app", "postgresql+psycopg://me:***@db:5432/app"),
        ("at mysql://:secret@db and x://a:secret@b", "at mysql://:***@db and x://a:***@b"),
        ("x://db/app?user=me&password=secret&sslmode=on", "x://db/app?user=me&password=***&sslmode=on"),
        ("connection to host=db PASSWORD=secret failed", "connection to host=db PASSWORD=*** failed"),
        ("sqlite:///app.db", "sqlite:///app.db"),
        ("x://db:5432/app", "x://db:5432/app"),
        ("10:30, mail me@example.com", "10:30, mail me@example.com"),
    ],
)
def test_passwords_are_hidden_wherever_they_stand_in_a_text(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
