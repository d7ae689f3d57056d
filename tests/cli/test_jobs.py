"""`jobs` and what `status` says of them: what an operator sees and does with schedules."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from credit_trading.jobs.config import FILE_NAME
from credit_trading.jobs.runs import Runs
from tests.cli.conftest import Cli
from tests.forks import in_fork
from tests.jobs.schedule import HOUR_US, SIX_US, job

PROGRAM = [sys.executable, "-m", "credit_trading.cli"]
SWEEP = '[jobs.sweep]\nkind = "expire"\nevery = "1h"\n'


@pytest.fixture
def scheduled(market: Cli) -> Cli:
    """With one job, an hourly sweep."""
    (market.home / FILE_NAME).write_text(SWEEP)
    return market


def missed(cli: Cli) -> None:
    """The sweep was known hours ago, and nobody has done it since."""
    Runs(cli.home).due_at_us(job("sweep"), time.time_ns() // 1000 - 2 * HOUR_US)


def test_init_writes_the_five_jobs_and_overwrites_nothing(market: Cli, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    told = market.run("jobs", "init", "--to", str(place)).out
    assert "hourly-backup, daily-backup, weekly-drill, expiry, checkpoint" in told
    assert f"Backups go to {place}." in told
    assert [one["job"] for one in market.json("jobs", "list")["jobs"]] == [
        *("hourly-backup", "daily-backup", "weekly-drill", "expiry", "checkpoint")
    ]
    before = (market.home / FILE_NAME).read_text()
    assert "Edit it, or move it away." in market.refused("jobs", "init", "--to", "/elsewhere")
    assert (market.home / FILE_NAME).read_text() == before
    assert (market.home / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_init_refuses_a_place_where_no_backup_can_go(market: Cli) -> None:
    """Not only the first run: that is by night."""
    assert "keeps nothing" in market.refused("jobs", "init", "--to", "memory://x")
    told = market.refused("jobs", "init", "--to", "s3://key:secret@bucket")
    assert "s3://key:***@bucket" in told
    assert "AWS_SECRET_ACCESS_KEY" in told
    assert not (market.home / FILE_NAME).exists()


def test_without_a_file_of_schedules_the_way_to_one_is_told(market: Cli) -> None:
    for words in (("list",), ("run", "x"), ("start", "--once")):
        assert f"credit-trading --home {market.home} jobs init" in market.refused("jobs", *words)
    assert "Scheduled  nothing; write jobs.toml by credit-trading" in market.run("status").out
    assert market.json("status")["jobs"] == {"path": None, "jobs": [], "problem": None}


def test_a_mistake_in_the_file_is_told_by_every_command(scheduled: Cli) -> None:
    """Status shows all the rest, too."""
    (scheduled.home / FILE_NAME).write_text('[jobs.sweep]\nkind = "expire"\nevery = "1x"\n')
    for words in (("list",), ("run", "sweep"), ("start", "--once")):
        assert "[jobs.sweep] every: '1x' is not a period" in scheduled.refused("jobs", *words)
    told = scheduled.run("status", code=1).out
    assert "[jobs.sweep] every: '1x' is not a period" in told
    assert "\nRoom\n" in told
    assert scheduled.json("status", code=1)["jobs"]["problem"]


def test_a_backup_a_drill_and_a_prune_are_done_by_hand(market: Cli, tmp_path: Path) -> None:
    """The real ones, as the schedules have them; each run is listed."""
    place = tmp_path / "backups"
    market.run("jobs", "init", "--to", str(place))
    with (market.home / FILE_NAME).open("a") as file:
        file.write(f'[jobs.prune]\nkind = "prune"\nfrom = "{place}"\nkeep_last = 1\nevery = "1d"\n')
        file.write(f'[jobs.look]\nkind = "verify"\nfrom = "{place}"\ncron = "0 1 * * *"\n')
    full = market.json("jobs", "run", "daily-backup")
    assert (full["outcome"], full["job"]) == ("done", "daily-backup")
    assert full["size_bytes"] > 0
    assert full["detail"].startswith("full set ")
    assert "incremental set" in market.json("jobs", "run", "hourly-backup")["detail"]
    market.run("jobs", "run", "daily-backup")
    assert "with 4 users and replayed it: nothing found" in market.run("jobs", "run", "weekly-drill").out
    assert "nothing found" in market.json("jobs", "run", "look")["detail"]
    assert market.json("jobs", "run", "prune")["detail"] == "removed 2 sets, kept 1"
    assert [one["outcome"] for one in market.json("jobs", "runs")] == ["done"] * 6
    assert [one["run"] for one in market.json("jobs", "runs", "daily-backup", "--last", "1")] == [3]
    assert "daily-backup" in market.run("jobs", "runs").out
    market.run("verify", "--deep")


@pytest.mark.parametrize("kind", ["drill", "verify", "prune"])
def test_a_job_on_the_archive_of_another_exchange_fails(market: Cli, tmp_path: Path, kind: str) -> None:
    """It would be found good for ever, while nobody looks at ours; nothing of it is removed."""
    other, place = Cli(tmp_path / "other"), str(tmp_path / "theirs")
    other.run("init")
    for _ in range(2):
        other.run("backup", "create", "--to", place, "--full")
    other.run("backup", "verify", "--from", place)
    keep = "keep_last = 1\n" if kind == "prune" else ""
    (market.home / FILE_NAME).write_text(f'[jobs.look]\nkind = "{kind}"\nfrom = "{place}"\nevery = "1d"\n{keep}')
    told = market.json("jobs", "run", "look", code=1)
    assert told["outcome"] == "failed"
    assert "it is the archive of another exchange" in told["detail"]
    assert "failed: " in market.run("status", code=1).out
    assert "another exchange" in market.refused("backup", "prune", "--from", place, "--keep-last", "1")
    assert len(other.json("backup", "list", "--from", place)) == 2


def test_a_failed_backup_is_loud(market: Cli, tmp_path: Path) -> None:
    """In its own exit code, in the list, in status; until it has succeeded."""
    place = tmp_path / "backups"
    place.write_text("in the way")
    market.run("jobs", "init", "--to", str(place))
    assert "daily-backup failed in" in market.run("jobs", "run", "daily-backup", code=1).out
    for words in (("jobs", "list"), ("status",)):
        assert "failed: " in market.run(*words, code=1).out
    status = {one["job"]: one for one in market.json("status", code=1)["jobs"]["jobs"]}
    assert status["daily-backup"]["problems"][0].startswith("failed: ")
    assert status["hourly-backup"]["problems"] == []
    place.unlink()
    market.run("jobs", "run", "daily-backup")
    for words in (("jobs", "list"), ("status",)):
        assert "failed: " not in market.run(*words).out


def test_jobs_that_nobody_does_are_overdue(scheduled: Cli) -> None:
    path = scheduled.home / FILE_NAME
    os.utime(path, ns=(SIX_US * 1000, SIX_US * 1000))
    for words in (("jobs", "list"), ("status",)):
        assert "overdue: it was never done, and has 3h" in scheduled.run(*words, code=1).out
    scheduled.run("jobs", "run", "sweep")
    for words in (("jobs", "list"), ("status",)):
        assert "overdue" not in scheduled.run(*words).out


def test_start_once_does_what_is_due_and_ends(scheduled: Cli) -> None:
    assert scheduled.run("jobs", "start", "--once").out == "Did 0 jobs\n"
    missed(scheduled)
    assert scheduled.json("jobs", "start", "--once") == {"runs": 1, "not_done": 0, "overdue": []}
    assert scheduled.run("jobs", "start", "--once").out == "Did 0 jobs\n"


def test_start_once_ends_with_1_if_a_job_fails(market: Cli, tmp_path: Path) -> None:
    (market.home / FILE_NAME).write_text('[jobs.sweep]\nkind = "drill"\nfrom = "nowhere"\nevery = "1h"\n')
    missed(market)
    told = market.run("jobs", "start", "--once", code=1)
    assert told.out == "Did 0 jobs; 1 not done\n"
    assert "sweep failed" in told.err


def test_start_once_ends_with_1_while_a_job_is_overdue(scheduled: Cli) -> None:
    """Another process hangs in it, so there is nothing to do here; the hook that cannot be told is in nobody's way."""
    hook = '[hook]\ncommand = ["/nowhere/notify"]\n'
    (scheduled.home / FILE_NAME).write_text(SWEEP + hook)
    now_us = time.time_ns() // 1000
    Runs(scheduled.home).due_at_us(job("sweep"), now_us - 5 * HOUR_US)
    claim = Runs(scheduled.home).claim(job("sweep"), now_us - 4 * HOUR_US)
    assert claim is not None
    told = scheduled.run("jobs", "start", "--once", code=1)
    assert told.out == "Did 0 jobs; overdue: sweep\n"
    assert "/nowhere/notify cannot be started" in told.err
    assert scheduled.json("jobs", "start", "--once", code=1) == {"runs": 0, "not_done": 0, "overdue": ["sweep"]}
    claim.finish("done", now_us, size_bytes=None, detail="")
    assert scheduled.json("jobs", "start", "--once")["overdue"] == []


def test_a_job_that_another_process_does_is_refused_with_its_id(scheduled: Cli) -> None:
    claimed, tell = os.pipe()

    def hold() -> None:
        Runs(scheduled.home).claim(job("sweep"), time.time_ns() // 1000, in_any_case=True)
        os.write(tell, b"!")
        time.sleep(60)

    child = in_fork(hold)
    try:
        assert os.read(claimed, 1) == b"!"
        assert f"process {child} is doing it just now" in scheduled.refused("jobs", "run", "sweep")
        assert scheduled.json("jobs", "list")["jobs"][0]["running_process"] == child
        assert "running since" in scheduled.run("status").out
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_an_unknown_job_is_refused(scheduled: Cli) -> None:
    for words in (("run",), ("runs",)):
        assert "It has: sweep." in scheduled.refused("jobs", *words, "backup")
    assert "There were no runs." in scheduled.run("jobs", "runs", "sweep").err
    assert "--last is 1 or more" in scheduled.refused("jobs", "runs", "--last", "0", code=2)


def test_runs_of_a_job_that_is_in_the_file_no_longer_are_still_listed(scheduled: Cli) -> None:
    scheduled.run("jobs", "run", "sweep")
    (scheduled.home / FILE_NAME).unlink()
    assert "sweep" in scheduled.run("jobs", "runs", "sweep").out


def test_every_line_of_start_has_a_time(market: Cli) -> None:
    """Whether it went well or not: somebody reads it days later."""
    (market.home / FILE_NAME).write_text('[jobs.drill]\nkind = "drill"\nfrom = "nowhere"\nevery = "1h"\n')
    Runs(market.home).due_at_us(job("drill"), time.time_ns() // 1000 - 2 * HOUR_US)
    command = [*PROGRAM, "--home", str(market.home), "jobs", "start"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not [run for run in Runs(market.home).latest(most=1) if run.outcome == "failed"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        _, err = process.communicate(timeout=30)
    (_, failure) = err.splitlines()
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  Warning: job drill failed: ", failure)


def test_start_goes_on_until_it_is_told_to_end(scheduled: Cli) -> None:
    """What was missed is done at once; SIGTERM ends it soon, with exit code 0 and what it did."""
    missed(scheduled)
    command = [*PROGRAM, "--home", str(scheduled.home), "jobs", "start"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not [run for run in Runs(scheduled.home).latest(most=1) if run.outcome == "done"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        asked = time.monotonic()
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert time.monotonic() - asked < 5
    assert (process.returncode, out) == (0, "Did 1 job\n")
    assert err == "Doing 1 job when due, until Ctrl-C: sweep\n"
