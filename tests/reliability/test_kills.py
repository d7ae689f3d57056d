"""SIGKILL at random moments, at counted calls, and after a sync that failed: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import credit_trading
from credit_trading import ManualClock
from credit_trading.journal.log import FILE_NAME
from credit_trading.progress import Progress
from reliability.__main__ import ATTACKS, main
from reliability.acknowledged import Check, check, check_causes
from reliability.acts import Act, Answer
from reliability.child import Broken, Child
from reliability.countdown import MOMENTS
from reliability.disk import AVAILABLE
from reliability.kills import Kill, Killer, attack, planned
from reliability.ledger import Journal
from reliability.report import Report
from reliability.telling import Told, told_in
from reliability.workload import BEGINNING_US

ROOT = Path(__file__).parent.parent.parent
HOUR_US = 3_600_000_000


@pytest.fixture
def killer(tmp_path: Path) -> Killer:
    return Killer(tmp_path, seed="test")


def test_what_was_acknowledged_survives_sigkill_and_nothing_happens_twice(tmp_path: Path, is_long: bool) -> None:
    """6 kills, 1,000 in a long run, each in a folder whose last process had been killed already."""
    count = 1_000 if is_long else 6
    report = attack(count, seed="1", folder=tmp_path)
    assert report.problems == []
    assert int(report.figures["acknowledged commands checked"]) > 10 * count
    assert int(report.figures["commands under way when killed"]) > count // 4
    assert int(report.figures["ended before the kill"]) <= count // 10


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
def test_a_plan_of_kills_comes_by_every_call_of_the_write_path(killer: Killer) -> None:
    """Whatever SQLite or we ourselves do on the disk in a script is in it, the rare calls as early as the common ones."""
    calls = killer.calls_of("s1")
    expected = {
        ("write", "exchange.db-wal"),
        ("sync", "exchange.db-wal"),
        ("write", "exchange.db"),
        ("sync", "exchange.db"),
        ("write", "trading_*.db-wal"),
        ("write", "trading_*.db"),
        ("delete", "trading_*.db-wal"),
        ("own", "link .writing-*"),
        ("own", "replace .writing-*"),
        ("own", "rename trading_*.db"),
        ("own", "unlink trading_*.db"),
        ("own", "write .writing-*"),
        ("own", "fsync .writing-*"),
        ("own", "fsync the folder"),
    }
    assert expected <= set(calls)
    kills = planned(killer, 7_000)
    counted = [kill for kill in kills if kill.at and kill.script == "s1" and kill.kind != "failed sync"]
    assert sorted(kill.at or 0 for kill in counted) == list(range(1, len(calls) + 1))
    assert {(kill.kind, kill.call) for kill in counted[: len(set(calls))]} == set(calls)
    assert {kill.moment for kill in counted} == set(MOMENTS)
    assert [kill.number for kill in kills] == list(range(1, 7_001))
    assert planned(killer, 7_000) == kills


@pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")
def test_a_kill_at_a_call_leaves_the_same_every_time(killer: Killer) -> None:
    """What was said and which calls were made, up to the same one."""
    at = killer.calls_of("s1").index(("own", "rename trading_*.db")) + 1
    kill = Kill(1, "s1", "own", at, "before")
    told = []
    for name in ("one", "two"):
        home = killer._copy(name)
        told.append([one.act for one in told_in(killer._killed(kill, home))])
    assert killer.missed == 0
    assert told[0] == told[1]
    assert told[0][-1].kind == "email"
    names = [sorted(path.name for path in (killer.folder / name).glob("trading_*.db")) for name in ("one", "two")]
    assert names[0] == names[1]


# What the check sees


@pytest.fixture(scope="module")
def _killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Told]]:
    killer = Killer(tmp_path_factory.mktemp("killed"), seed="test")
    home = killer._copy("left")
    return home, [*killer._first_told, *told_in(killer._killed(Kill(1, "r1"), home))]


@pytest.fixture
def left(_killed: tuple[Path, list[Told]], tmp_path: Path) -> tuple[Path, list[Told]]:
    """A folder that a killed process left, and what had been said in it: copies of one for all."""
    home, told = _killed
    return Path(shutil.copytree(home, tmp_path / "left")), [*told]


def _checked(home: Path, told: Sequence[Told]) -> Check:
    return check(home, told, clock=ManualClock(BEGINNING_US + 2 * HOUR_US))


def _edited(home: Path, *statements: str) -> None:
    """What a bug may have done to exchange.db or to a user's file, its WAL included."""
    for path in home.glob("*.db"):
        connection = sqlite3.connect(path)
        try:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        except sqlite3.OperationalError:
            pass  # another kind of file
        finally:
            connection.close()


def test_a_folder_as_it_must_be_has_no_problems(left: tuple[Path, list[Told]]) -> None:
    home, told = left
    result = _checked(home, told)
    assert result.problems == []
    assert result.acknowledged > 15
    assert _checked(home, told).problems == []


def test_an_acknowledged_command_that_is_not_there_is_lost(left: tuple[Path, list[Told]]) -> None:
    """One with an id, by its id; one without, by the event that it should have left."""
    home, told = left
    told += [
        Told("x-1", Act("deposit", "ann", "never", {"asset": "USD", "amount": "1.00"}), Answer(sequence=5)),
        Told("x-2", Act("create", "eve", arguments={"email": "eve@example.com"}), Answer()),
    ]
    lost = [problem.text for problem in _checked(home, told).problems if problem.kind == "lost"]
    assert any("x-1 (deposit): of ['admin/key/never'] only [] are there" in text for text in lost)
    assert any("user_created" in text and "x-2" in text for text in lost)


def test_a_command_that_is_there_and_that_nobody_asked_for_is_found(left: tuple[Path, list[Told]]) -> None:
    """Two addresses of a user where one change was asked for."""
    home, told = left
    exchange = credit_trading.open(home, clock=ManualClock(BEGINNING_US + HOUR_US))
    for email in ("one@example.com", "two@example.com"):
        exchange.as_admin("test").databases.change_email("dan", email)
    exchange.close()
    told = [one for one in told if one.act.kind != "email"]
    told.append(Told("x-1", Act("email", "dan", arguments={"email": "two@example.com"}), Answer()))
    assert any(
        "user_email_changed" in problem.text for problem in _checked(home, told).problems if problem.kind == "twice"
    )


def test_an_answer_that_is_not_what_the_journal_says_is_found(left: tuple[Path, list[Told]]) -> None:
    """Another place in the journal, another status."""
    home, told = left
    place = next(at for at, one in enumerate(told) if one.act.kind == "place" and one.answer and one.answer.sequence)
    answer = told[place].answer
    assert answer is not None
    told[place] = msgspec.structs.replace(told[place], answer=msgspec.structs.replace(answer, sequence=3))
    assert any("was answered 3" in problem.text for problem in _checked(home, told).problems)


def test_a_command_that_was_refused_must_not_be_there(left: tuple[Path, list[Told]]) -> None:
    home, told = left
    place = next(at for at, one in enumerate(told) if one.act.kind == "place" and one.answer and one.answer.sequence)
    answer = told[place].answer
    assert answer is not None
    refused = msgspec.structs.replace(answer, is_error=True, code="not_taken")
    told[place] = msgspec.structs.replace(told[place], answer=refused)
    assert any("was refused (not_taken)" in problem.text for problem in _checked(home, told).problems)


def test_a_balance_or_a_hold_in_a_users_file_that_the_journal_does_not_give_is_found(
    left: tuple[Path, list[Told]],
) -> None:
    """By verify, and by the books that are kept by hand."""
    home, told = left
    _edited(home, "UPDATE balances SET posted = posted + 1 WHERE asset = 'USD'")
    texts = [problem.text for problem in _checked(home, told).problems]
    assert any("by hand" in text and "USD" in text for text in texts)
    assert any(text.startswith("verify:") for text in texts)


def test_a_cause_that_stands_twice_is_found(left: tuple[Path, list[Told]]) -> None:
    """Whatever verify says to such a journal."""
    home, told = left
    _edited(
        home,
        "UPDATE journal SET cause = 'admin/key/cash-ann'"
        " WHERE sequence = (SELECT max(sequence) FROM journal WHERE kind != 'deposited' AND content IS NOT NULL)",
    )
    result = Check()
    check_causes(Journal.read(home), told, result)
    assert any(problem.kind == "twice" and "admin/key/cash-ann" in problem.text for problem in result.problems)
    assert _checked(home, told).problems


def test_a_folder_that_cannot_be_opened_is_a_finding(left: tuple[Path, list[Told]]) -> None:
    home, told = left
    shutil.rmtree(home / "checkpoints", ignore_errors=True)
    for suffix in ("-wal", "-shm"):
        Path(f"{home / FILE_NAME}{suffix}").unlink(missing_ok=True)
    (home / FILE_NAME).write_bytes(b"nothing")
    assert [problem.kind for problem in _checked(home, told).problems] == ["finding"]


# Children


def test_a_child_that_breaks_is_no_kill() -> None:
    """An exception that nobody expected is told by whoever waits for it."""

    def break_down(_: int) -> None:
        raise ValueError("out of order")

    with pytest.raises(Broken, match="ValueError: out of order"):
        Child(break_down).ended()


def test_a_child_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reliability.child.LONGEST_S", 0.05)
    reading, writing = os.pipe()
    child = Child(lambda _: os.read(reading, 1))
    with pytest.raises(Broken, match="silent"):
        child.ended()
    assert child.was_killed
    os.close(reading)
    os.close(writing)


# The command


def _crash(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/crash", *arguments], capture_output=True, text=True, timeout=120, check=False, cwd="/"
    )


@pytest.mark.long
def test_the_command_prints_its_figures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """As JSON for programs; the exit code says whether anything was wrong."""
    done = _crash("--kills", "2", "--seed", "1", "--json", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert (report["attack"], report["seed"], report["lost"], report["twice"], report["findings"]) == (
        "kills",
        "1",
        0,
        0,
        0,
    )
    assert report["problems"] == []
    assert list(tmp_path.iterdir()) == []


def test_the_command_keeps_what_is_wrong_and_says_how_to_see_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1; the folder, and the seed even where none was given."""

    def find_something(count: int, *, seed: str, folder: Path, progress: Progress) -> Report:
        (folder / "evidence").touch()
        return Report("kills", {"seed": seed, "kills": count}, ["kill 1: lost: everything"])

    monkeypatch.setitem(ATTACKS, "kills", ("N", "", find_something))
    told = CliRunner().invoke(main, ["--kills", "3", "--folder", str(tmp_path)])
    (kept,) = tmp_path.iterdir()
    assert told.exit_code == 1
    assert (kept / "evidence").exists()
    assert "kill 1: lost: everything" in told.stderr
    assert f"Kept: {kept}. Again: scripts/crash --kills 3 --seed " in told.stderr


def test_the_command_says_what_it_can_do() -> None:
    told = CliRunner().invoke(main, ["--help"])
    assert "--kills" in told.stdout
    nothing = _crash()
    assert nothing.returncode == 2
    assert "Nothing to do" in nothing.stderr
