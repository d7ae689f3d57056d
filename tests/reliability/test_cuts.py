"""Power cuts over a whole day of an exchange: nothing acknowledged is lost, nothing is there twice, every file opens whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reliability import planted, planted_syncs
from reliability.cuts import STEPS, PowerCuts, attack
from reliability.disk import AVAILABLE
from reliability.moments import choose
from reliability.recording import record
from reliability.unsynced import Operation, Wrote

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")

SEED = "power"


def test_no_power_cut_loses_what_was_acknowledged(tmp_path: Path, is_long: bool) -> None:
    """Also where the power goes once more while the folder recovers."""
    count = 500 if is_long else 14
    figures = PowerCuts(tmp_path, seed=SEED).run(count)
    assert figures.problems == []
    assert figures.cuts == count
    assert figures.again >= count // 6
    assert len(figures.disks) > count * 0.9
    assert len(figures.states) > (100 if is_long else 10)
    assert figures.acknowledged > count * 20
    assert figures.behind > count / 10


def test_every_sort_of_moment_is_hit(tmp_path: Path) -> None:
    """Around syncs and names, in each kind of file, in all that is rare; otherwise the day is not what it should be."""
    recording = record(tmp_path / "day", seed=SEED, steps=STEPS)
    moments = {cut.moment for cut in choose(recording, count=100, seed=SEED)}
    assert moments >= {
        "any call",
        "before a sync",
        "after a sync",
        "a user's file comes",
        "a user's WAL comes",
        "another name comes",
        "a user's file goes",
        "a user's WAL goes",
        "another name goes",
        "a user's file moves",
        "another name moves",
        "writing a new file",
        "writing a user's WAL",
        "writing a user's file",
        "writing exchange.db",
        "writing exchange.db-wal",
        "writing marketdata.db-wal",
        "during found",
        "during rebuild",
        "during rename",
        "during reopen",
        "during close",
        "early in create",
        "early in delete",
        "early in email",
        "early in group",
    }


def _shapes(calls: list[Operation]) -> list[tuple[object, ...]]:
    return [
        (type(call), call.file, call.offset, len(call.data)) if isinstance(call, Wrote) else (type(call),)
        for call in calls
    ]


def test_one_seed_gives_one_day_and_one_choice_of_cuts(tmp_path: Path) -> None:
    """Else a cut could not be repeated by its number."""
    one, other = (record(tmp_path / name, seed="7", steps=36) for name in ("one", "other"))
    assert _shapes(one.calls) == _shapes(other.calls)
    assert one.heard == other.heard
    assert choose(one, count=60, seed="7") == choose(other, count=60, seed="7")
    assert set(choose(one, count=30, seed="7")) < set(choose(one, count=60, seed="7"))
    assert choose(one, count=60, seed="8") != choose(one, count=60, seed="7")


@pytest.mark.parametrize(
    ("bug", "moment", "sign"),
    [
        (planted_syncs.journal_not_synced, "after a sync", "lost|does not open|malformed"),
        (planted_syncs.private_facts_not_synced, "during write_privately", "lost: the private fact"),
        (planted_syncs.new_files_not_synced, "a user's file comes", "not a user's trading file|malformed"),
        (planted.acknowledgement_before_commit, "after a sync", "lost"),
        pytest.param(
            planted_syncs.folders_not_synced, "", "the file is missing|finding: files", marks=pytest.mark.long
        ),
    ],
)
def test_a_planted_bug_is_seen(
    tmp_path: Path, bug: Callable[[], AbstractContextManager[None]], moment: str, sign: str
) -> None:
    """By what it does; and the disk that showed it is kept. SQLite syncs the folder often enough to hide it when we do not."""
    moments = {moment} if moment else set()
    figures = PowerCuts(tmp_path, seed=SEED, planted=bug).run(2_000, moments=moments, most_problems=1)
    assert any(re.search(sign, problem) for problem in figures.problems)
    number = figures.problems[0].split()[1]
    assert (tmp_path / f"cut-{number}").is_dir()


def test_the_front_shows_what_was_done_and_repeats_one_cut_by_its_number(tmp_path: Path) -> None:
    whole = attack(2, seed="front", folder=tmp_path)
    assert whole.problems == []
    assert whole.figures["cuts"] == 2
    alone = attack(2, seed="front:2", folder=tmp_path)
    assert (alone.figures["cuts"], alone.figures["distinct disks"]) == (1, 1)
    assert alone.figures["calls of the day"] == whole.figures["calls of the day"]
