"""The demo, end to end: the evening, the trading day, the crash, and the commands that it leaves to try."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credit_trading.cli.demo import command, day
from credit_trading.cli.demo.crash import Survey
from credit_trading.cli.demo.evening import LENGTH_S, Hours
from credit_trading.cli.demo.market import USERS
from credit_trading.exchange.schedule import Boundaries
from credit_trading.trading.calendar import next_boundaries
from credit_trading.trading.hours import parse_schedule
from tests.cli.conftest import Cli

DEMO = [sys.executable, "-m", "credit_trading.cli", "demo"]


STORY = (
    "An exchange was founded",
    "The evening before",
    "kim's stop at 34.60 comes in",
    "ben's stop at 34.50 comes in",
    "One sale of 10 became 35",
    "The session ends",
    "A day of trading",
    "The book of",
    "Last trades",
    "open orders",
    "orders that are done",
    "statistics",
    "SIGKILL",
    "Nothing was lost",
    "It is all still there",
)
"""What a user would look at, in order."""


def _commands_of(told: str, home: Path) -> list[str]:
    """What the demo leaves to try, when it has told its whole story."""
    places = [told.find(words) for words in STORY]
    assert -1 not in places, STORY[places.index(-1)]
    assert places == sorted(places)
    assert f"The folder: {home}" in told
    commands = [line.strip() for line in told.partition("Try:\n")[2].splitlines()]
    assert len(commands) == 5
    return commands


def test_fifty_different_users_trade() -> None:
    """As is promised."""
    assert len(set(USERS)) == 50


def test_a_shorter_day_is_told_the_same_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same demo with a tenth of its orders, in this process; the one that is killed is its own."""
    monkeypatch.setattr(day, "COMMANDS", 200)
    monkeypatch.setattr(command, "_KILL_AFTER", 25)
    home = tmp_path / "it's a demo"
    cli = Cli(home)
    told = cli.run("demo", "--keep", str(home))
    for line in _commands_of(told.out, home):
        _, _, words = line.partition(f"--home {shlex.quote(str(home))} ")
        assert cli.run(*shlex.split(words)).out
    assert "there is an exchange already" in cli.refused("demo", "--keep", str(home))


@pytest.mark.long
def test_the_demo_loses_nothing_and_leaves_commands_that_work(tmp_path: Path) -> None:
    """As it is installed, with all its orders; each command to try ends with 0 when pasted into a shell."""
    home = tmp_path / "it's a demo"
    told = subprocess.run([*DEMO, "--keep", str(home)], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    for line in _commands_of(told.stdout, home):
        ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (line, ran.stderr)
        assert ran.stdout


@pytest.mark.long
def test_the_demo_sums_itself_up_in_json(tmp_path: Path) -> None:
    """One value and nothing else; every acknowledged order is there, once."""
    told = subprocess.run(
        [*DEMO, "--keep", str(tmp_path / "demo"), "--json"], capture_output=True, text=True, check=True
    )
    summary = json.loads(told.stdout)
    assert (summary["users"], summary["instruments"]) == (50, 3)
    assert summary["trades"] > 400
    assert_evening(summary["evening"])
    crash = summary["crash"]
    assert crash["acknowledged"] >= 250
    assert crash["in_journal"] == crash["in_files"] == crash["acknowledged"]
    assert (crash["lost"], crash["doubled"]) == (0, 0)
    assert summary["verify"]["findings"] == []
    again = subprocess.run([*DEMO, "--keep", summary["home"]], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert "there is an exchange already" in again.stderr


def assert_evening(evening: dict[str, Any]) -> None:
    """Each stop comes in when a trade has reached its price, the one placed first before the others; then the session ends."""
    assert evening["stops"] == ["ben 10 at 34.50", "kim 10 at 34.60", "raj 5 at 34.60"]
    assert [line["happened"] for line in evening["cascade"]] == [
        "dan's sale comes in: 10 at market",
        "10 traded at 34.60",
        "kim's stop at 34.60 comes in",
        "10 traded at 34.50",
        "ben's stop at 34.50 comes in",
        "10 traded at 34.40",
        "eva's iceberg at 34.40 shows its next 10",
        "raj's stop at 34.60 comes in",
        "5 traded at 34.40",
    ]
    assert (evening["asked"], evening["sold"], evening["came_in"]) == (10, 35, ["kim", "ben", "raj"])
    assert [line["happened"] for line in evening["session_end"]] == [
        "mia's bid at 33.70 expires: it was for the day",
        "the session ends",
        "uma's bid is refused: the instrument's session is closed",
        "eva's iceberg at 34.40 is canceled: a closed market takes cancels",
        "the session begins",
    ]
    sequences = [line["sequence"] for line in (*evening["cascade"], *evening["session_end"])]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("minute", [0, 1, 2, 3, 754, 1439])
def test_the_session_ends_and_begins_where_the_evening_needs_it(minute: int) -> None:
    """At any minute of the day, midnight included, with the seconds that a day happens to begin at."""
    day_us = (20_000 * 24 * 60 + minute) * 60_000_000 + 17_000_000
    hours = Hours.around(day_us)
    schedule = parse_schedule(hours.text, time_zone="UTC")
    evening_us = hours.closes_us - LENGTH_S * 1_000_000
    evening = next_boundaries(schedule, evening_us)
    assert evening == Boundaries(hours.opens_us, hours.closes_us)
    assert evening.is_open
    assert day_us - 60_000_000 < hours.opens_us <= day_us
    today = next_boundaries(schedule, day_us)
    assert today is not None
    assert today.is_open


@pytest.mark.parametrize(("lost", "doubled", "in_files"), [(1, 0, 3), (0, 1, 3), (0, 0, 2)])
def test_a_survey_that_misses_anything_is_not_clean(lost: int, doubled: int, in_files: int) -> None:
    """The demo can fail."""
    survey = Survey(acknowledged=3, in_journal=3, in_files=in_files, lost=lost, doubled=doubled, unacknowledged=0)
    assert not survey.is_clean
