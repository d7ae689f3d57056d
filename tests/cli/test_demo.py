"""The demo, end to end: the trading day, the crash, and the commands that it leaves to try."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from credit_trading.cli.demo.crash import Survey
from credit_trading.cli.demo.market import USERS

DEMO = [sys.executable, "-m", "credit_trading.cli", "demo"]


def test_fifty_different_users_trade() -> None:
    """As is promised."""
    assert len(set(USERS)) == 50


def test_the_demo_loses_nothing_and_leaves_commands_that_work(tmp_path: Path) -> None:
    """What a user would look at is shown, in order; each command to try ends with 0 when pasted into a shell."""
    home = tmp_path / "it's a demo"
    told = subprocess.run([*DEMO, "--keep", str(home)], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    for earlier, later in (
        ("A day of trading", "The book of"),
        ("The book of", "Last trades"),
        ("Last trades", "open orders"),
        ("open orders", "orders that are done"),
        ("orders that are done", "statistics"),
        ("statistics", "SIGKILL"),
        ("SIGKILL", "Nothing was lost"),
        ("Nothing was lost", "It is all still there"),
    ):
        assert -1 < told.stdout.index(earlier) < told.stdout.index(later)
    assert f"The folder: {home}" in told.stdout
    commands = [line.strip() for line in told.stdout.partition("Try:\n")[2].splitlines()]
    assert len(commands) == 5
    for command in commands:
        ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (command, ran.stderr)
        assert ran.stdout


def test_the_demo_sums_itself_up_in_json(tmp_path: Path) -> None:
    """One value and nothing else; every acknowledged order is there, once."""
    told = subprocess.run(
        [*DEMO, "--keep", str(tmp_path / "demo"), "--json"], capture_output=True, text=True, check=True
    )
    summary = json.loads(told.stdout)
    assert (summary["users"], summary["instruments"]) == (50, 3)
    assert summary["trades"] > 400
    crash = summary["crash"]
    assert crash["acknowledged"] >= 250
    assert crash["in_journal"] == crash["in_files"] == crash["acknowledged"]
    assert (crash["lost"], crash["doubled"]) == (0, 0)
    assert summary["verify"]["findings"] == []
    again = subprocess.run([*DEMO, "--keep", summary["home"]], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert "there is an exchange already" in again.stderr


@pytest.mark.parametrize(("lost", "doubled", "in_files"), [(1, 0, 3), (0, 1, 3), (0, 0, 2)])
def test_a_survey_that_misses_anything_is_not_clean(lost: int, doubled: int, in_files: int) -> None:
    """The demo can fail."""
    survey = Survey(acknowledged=3, in_journal=3, in_files=in_files, lost=lost, doubled=doubled, unacknowledged=0)
    assert not survey.is_clean
