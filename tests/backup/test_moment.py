"""Which sets lead to a moment: with a time, none that was finished after it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import credit_trading
from credit_trading import ManualClock
from credit_trading.backup.archive import Archive
from credit_trading.backup.moment import choose
from credit_trading.backup.restoring import restore
from credit_trading.backup.user_as_of import user_as_of_archive
from credit_trading.errors import NotFound
from tests.backup.past import ANN, BOB, private_of, write_private
from tests.floor import Floor, opened

HOUR_S = 3600
ANNS, BOBS = "trading_ann_ann_example.com.db", "trading_bob_bob_example.com.db"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """At 0:00 all that the journal knows, and ann's private 1; a set at 1:00; at 3:00 her 2 and bob's 1, and a set at 4:00."""
    folder, clock = tmp_path_factory.mktemp("quiet"), ManualClock()
    with opened(folder / "home", clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        write_private(exchange, ANN, 1)
        clock.advance(HOUR_S)
        floor.admin.backups.create(folder / "archive")
        clock.advance(2 * HOUR_S)
        write_private(exchange, ANN, 2)
        write_private(exchange, BOB, 1)
        clock.advance(HOUR_S)
        floor.admin.backups.create(folder / "archive")
    return folder


def _archive(folder: Path) -> Archive:
    return Archive.at(folder / "archive")


def _at(hours: float) -> int:
    """So long after the last event."""
    return ManualClock().now_us() + int(hours * HOUR_S * 1_000_000)


def _sets(folder: Path) -> list[str]:
    return _archive(folder).set_ids()


def test_a_time_between_sets_of_one_sequence_chooses_the_earlier(quiet: Path) -> None:
    first, second = _sets(quiet)
    for hours, set_id in ((1, first), (2, first), (3.9, first), (4, second), (5, second)):
        moment = choose(_archive(quiet), time_us=_at(hours))
        assert (moment.set, moment.before[-1].set, moment.after) == (set_id, set_id, [])
    moment = choose(_archive(quiet), time_us=_at(0.5))
    assert (moment.set, moment.before, [one.set for one in moment.after]) == (first, [], [first])
    assert choose(_archive(quiet), sequence=moment.sequence).set == second
    assert choose(_archive(quiet), set_id=first, time_us=_at(5)).set == first


def test_a_folder_as_of_a_time_has_the_private_facts_of_then(quiet: Path, tmp_path: Path) -> None:
    then = restore(_archive(quiet), tmp_path / "then", time_us=_at(3.5))
    assert (private_of(then.home / ANNS), private_of(then.home / BOBS)) == ([1], [])
    assert (then.notes, then.without_private_facts) == ([], [])
    now = restore(_archive(quiet), tmp_path / "now", time_us=_at(4))
    assert (private_of(now.home / ANNS), private_of(now.home / BOBS)) == ([2], [1])
    for home in (then.home, now.home):
        assert credit_trading.verify_folder(home, deep=True).findings == []


def test_where_no_set_was_finished_by_then_facts_of_later_are_taken_and_told(quiet: Path, tmp_path: Path) -> None:
    """Whoever asks for one user gets none, and in place nothing is done."""
    restored = restore(_archive(quiet), tmp_path / "then", time_us=_at(0.5))
    assert private_of(restored.home / ANNS) == [1]
    assert restored.notes == ["The private facts of user ann are of later than the moment."]
    assert private_of(restored.home / BOBS) == []
    told = user_as_of_archive(_archive(quiet), "ann", tmp_path / "a.db", tmp_path / "none", time_us=_at(0.5))
    assert (told.set, private_of(tmp_path / "a.db")) == (None, [])
    with (
        opened(quiet / "home", clock=ManualClock(_at(9))) as exchange,
        pytest.raises(NotFound, match=r"no set .* has a copy of this user's file as old as that"),
    ):
        Floor(exchange).admin.backups.restore_user(quiet / "archive", "ann", time_us=_at(0.5))


def test_a_user_as_of_a_time_gets_no_private_facts_of_later(quiet: Path, tmp_path: Path) -> None:
    """With the exchange's own journal, and without one."""
    with opened(quiet / "home", clock=ManualClock(_at(9))) as exchange:
        told = Floor(exchange).admin.backups.user_as_of(
            quiet / "archive", "ann", tmp_path / "live.db", time_us=_at(3.5)
        )
    assert told.set == _sets(quiet)[0]
    assert private_of(tmp_path / "live.db") == [1]
    told = user_as_of_archive(_archive(quiet), "ann", tmp_path / "a.db", tmp_path / "none", time_us=_at(3.5))
    assert told.set == _sets(quiet)[0]
    assert private_of(tmp_path / "a.db") == [1]


def test_a_user_is_put_back_as_of_a_time(quiet: Path, tmp_path: Path) -> None:
    """Private facts of then, though the journal has had no event since; without a time those of the newest set."""
    shutil.copytree(quiet / "home", tmp_path / "home")
    with opened(tmp_path / "home", clock=ManualClock(_at(9))) as exchange:
        backups = Floor(exchange).admin.backups
        for wanted, expected in ((_at(3.5), [1]), (_at(4), [2]), (_at(1), [1]), (None, [2])):
            backups.restore_user(quiet / "archive", "ann", time_us=wanted)
            assert private_of(tmp_path / "home" / ANNS) == expected
