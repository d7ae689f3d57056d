"""Each bug that is planted into the processes that are killed is found by what is looked at afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from reliability import planted
from reliability.acknowledged import Check
from reliability.countdown import FAILED
from reliability.disk import AVAILABLE
from reliability.kills import Kill, Killer, Planted

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")

MOST = 8
"""Kills, spread over the calls of some scripts; twice as many where they are one after the other."""


def _kills(
    folder: Path,
    bug: Planted,
    call: tuple[str, str],
    moment: str,
    *,
    writes_left: int = 0,
    scripts: int = 1,
    is_spread: bool = True,
) -> Iterator[Check]:
    killer = Killer(folder, seed="planted", planted=bug)
    found = [
        (script, at)
        for script in [f"s{number}" for number in range(1, scripts + 1)]
        for at, one in enumerate(killer.calls_of(script), 1)
        if one == call
    ]
    assert found, f"the scripts do not come by {call}"
    chosen = found[:: -(-len(found) // MOST)] if is_spread else found[len(found) // 2 :][: 12 * MOST : 3]
    for number, (script, at) in enumerate(chosen, 1):
        yield killer.kill(Kill(number, script, call[0], at, moment, call[1], writes_left))


def _caught(checks: Iterator[Check], *words: str) -> bool:
    """Whether one of the kills leads to a problem that is told in these words."""
    for result in checks:
        texts = [f"{problem.kind}: {problem.text}" for problem in result.problems]
        if any(all(word in text for word in words) for text in texts):
            return True
    return False


def test_an_acknowledgement_before_its_commit_is_caught(tmp_path: Path) -> None:
    """Killed at the first write of the COMMIT: the answer was told, and the journal does not have it."""
    bug, call = planted.acknowledgement_before_commit, ("write", "exchange.db-wal")
    assert _caught(_kills(tmp_path, bug, call, "before"), "lost:")


@pytest.mark.long
def test_a_position_in_another_transaction_than_its_rows_is_caught(tmp_path: Path) -> None:
    """Killed between the two: the rows are written twice, or cannot be."""
    bug, call = planted.position_in_another_transaction, ("write", "trading_*.db-wal")
    assert _caught(_kills(tmp_path, bug, call, "after", is_spread=False), "finding: verify:")


def test_a_commit_that_failed_and_is_not_fenced_is_caught(tmp_path: Path) -> None:
    """Its command was said not to be taken, and after a kill it is there."""
    bug, call = planted.no_fence, ("sync", "exchange.db-wal")
    assert _caught(_kills(tmp_path, bug, call, FAILED), "refused (not_taken)")


def test_a_replica_that_outlives_a_failed_commit_is_caught(tmp_path: Path) -> None:
    """What comes after it in the journal builds on what is not there."""
    bug, call = planted.replica_kept, ("sync", "exchange.db-wal")
    assert _caught(_kills(tmp_path, bug, call, FAILED, writes_left=30), "finding:", "journal")


def test_a_rename_over_a_live_file_is_caught(tmp_path: Path) -> None:
    """The old file's WAL is replayed into the new one."""
    bug, call = planted.renamed_over_live_file, ("own", "rename trading_*.db.new")
    assert _caught(_kills(tmp_path, bug, call, "after", scripts=2), "finding: verify:")


def test_a_hold_one_unit_short_is_caught(tmp_path: Path) -> None:
    """By verify, and by the books that are kept by hand."""
    bug, call = planted.hold_one_unit_short, ("sync", "exchange.db-wal")
    seen: set[str] = set()
    for result in _kills(tmp_path, bug, call, "after", scripts=2):
        texts = [problem.text for problem in result.problems]
        seen |= {"hand" for text in texts if text.startswith("by hand: order") and "is needed" in text}
        seen |= {"verify" for text in texts if text.startswith("verify:") and "hold what it needs" in text}
        if len(seen) == 2:
            return
    raise AssertionError(f"only {seen} has seen it")


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        (("write", "exchange.db-wal"), "before"),
        (("write", "trading_*.db-wal"), "after"),
        (("sync", "exchange.db-wal"), FAILED),
    ],
)
def test_without_a_bug_the_same_kills_find_nothing(tmp_path: Path, call: tuple[str, str], moment: str) -> None:
    """What the others catch is the bug, and not the kill."""
    for result in islice(_kills(tmp_path, planted.nothing, call, moment, writes_left=1), 2):
        assert result.problems == []
