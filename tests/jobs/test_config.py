"""jobs.toml: what it may say, and what is told of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit_trading.errors import InvalidInput, NotFound
from credit_trading.jobs.config import BACKUP, CHECKPOINT, DRILL, EXPIRE, Hook, load
from credit_trading.jobs.starter import starter
from tests.jobs.schedule import SIX_US, written

GOOD = 'kind = "expire"\nevery = "1m"\n'
BACKUPS = 'kind = "backup"\nset = "full"\nto = "b"\n'


def test_the_file_to_begin_with_has_the_jobs_that_everybody_needs(tmp_path: Path) -> None:
    """Whatever the place is called."""
    place = 's3://bucket/"exchange" \\ ü'
    found = load(written(tmp_path, starter(place)))
    assert [(job.kind, job.timing.text) for job in found.jobs.values()] == [
        (BACKUP, "every 1h"),
        (BACKUP, "cron 15 2 * * *"),
        (DRILL, "cron 0 4 * * sun"),
        (EXPIRE, "every 1m"),
        (CHECKPOINT, "every 10m"),
    ]
    assert [job.set for job in found.jobs.values()][:2] == ["incremental", "full"]
    assert {job.place for job in found.jobs.values()} == {place, ""}
    assert found.hook is None
    assert found.job("hourly-backup").patience_s(SIX_US) == 3 * 3600
    assert found.job("daily-backup").patience_s(SIX_US) == 3 * 86_400
    assert found.job("expiry").patience_s(SIX_US) == 300


def test_what_is_commented_out_in_that_file_is_right_too(tmp_path: Path) -> None:
    text = starter("/srv/b")
    commented = [
        line for line in text.splitlines() if line.startswith(("# [", "# command", "# timeout", "# on", "# kind"))
    ]
    commented += [line for line in text.splitlines() if line.startswith(("# from", "# keep", "# cron"))]
    assert len(commented) == 12
    lines = [line.removeprefix("# ") if line in commented else line for line in text.splitlines()]
    found = load(written(tmp_path, "\n".join(lines)))
    assert (found.job("prune").keep_last, found.job("prune").keep_monthly) == (24, 24)
    assert found.hook == Hook(command=("/usr/local/bin/notify-operator", "--from", "exchange"))


def test_a_relative_place_is_seen_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may be started from anywhere."""
    path = written(tmp_path / "etc", f'[jobs.b]\n{BACKUPS}every = "1h"\n')
    monkeypatch.chdir(tmp_path)
    assert load(Path("etc/jobs.toml")).job("b").place == str(path.parent / "b")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[jobs.a", "it is not TOML"),
        ("jobs = 3", "jobs is not a table"),
        ("[backup]\n", "[backup] is not known"),
        ("[jobs.Big]\n" + GOOD, "[jobs.Big] a job's name is"),
        ("[jobs]\na = 3", "[jobs.a] kind is missing"),
        ('[jobs.a]\nevery = "1m"', "[jobs.a] kind is missing"),
        ('[jobs.a]\nkind = "bakup"\nevery = "1m"', "[jobs.a] kind: 'bakup' is not one of backup, drill"),
        ('[jobs.a]\nkind = ["x"]\nevery = "1m"', "[jobs.a] kind: ['x'] is not one of"),
        ('[jobs.a]\nkind = "expire"', '[jobs.a] give either every = "1h" or cron'),
        (f'[jobs.a]\n{GOOD}cron = "* * * * *"', "not both"),
        ('[jobs.a]\nkind = "expire"\nevery = "1x"', "[jobs.a] every: '1x' is not a period"),
        ('[jobs.a]\nkind = "expire"\ncron = "0 0 * * 0"', "[jobs.a] cron: "),
        (f"[jobs.a]\n{GOOD}overdue_after = 3", "[jobs.a] overdue_after: 3 is not a period"),
        (f'[jobs.a]\n{GOOD}to = "b"', '[jobs.a] to: a job of kind "expire" has no such key'),
        ('[jobs.a]\nkind = "backup"\nset = "full"\nevery = "1h"', "[jobs.a] to is missing"),
        ('[jobs.a]\nkind = "backup"\nset = "half"\nto = "b"\nevery = "1h"', "[jobs.a] set: 'half' is not one of"),
        ('[jobs.a]\nkind = "backup"\nset = "full"\nto = ""\nevery = "1h"', "[jobs.a] to: '' is not a folder"),
        ('[jobs.a]\nkind = "verify"\nfrom = "b"\ndeep = 1\nevery = "1h"', "[jobs.a] deep: 1 is not true or false"),
        ('[jobs.a]\nkind = "prune"\nfrom = "b"\nevery = "1h"', "[jobs.a] nothing says what to keep"),
        ('[jobs.a]\nkind = "prune"\nfrom = "b"\nevery = "1h"\nkeep_last = -1', "keep_last: -1 is not a whole number"),
        ("hook = 3", "[hook] command is missing"),
        ("[hook]\ncommand = 'rm -rf x'", "[hook] command: 'rm -rf x' is not a program and its arguments"),
        ('[hook]\ncommand = ["x", 3]', "[hook] command: ['x', 3] is not"),
        ('[hook]\ncommand = ["x"]\non = ["always"]', "[hook] on: ['always'] is not a list of failed, overdue, done"),
        ('[hook]\ncommand = ["x"]\ntimeout_s = 0', "[hook] timeout_s: 0 is not"),
        ('[hook]\ncommand = ["x"]\nshell = true', "[hook] shell: it has no such key"),
    ],
)
def test_a_mistake_is_told_with_its_table_and_key(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidInput) as error:
        load(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = '[jobs.a]\nkind = "x"\nevery = "1x"\nset = 1\n[jobs.b]\nkind = "drill"\ncron = "x"\n[hook]\n'
    with pytest.raises(InvalidInput) as error:
        load(written(tmp_path, text))
    for told in ("[jobs.a] kind", "[jobs.a] every", "[jobs.b] cron", "[jobs.b] from is missing", "[hook] command"):
        assert told in str(error.value)


def test_too_many_jobs_are_refused(tmp_path: Path) -> None:
    text = "".join(f"[jobs.j{number}]\n{GOOD}" for number in range(101))
    with pytest.raises(InvalidInput, match="it has 101 jobs: 100 at most"):
        load(written(tmp_path, text))


def test_a_file_that_is_no_text_or_not_there_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="jobs init"):
        load(tmp_path / "jobs.toml")
    (tmp_path / "jobs.toml").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        load(tmp_path / "jobs.toml")


def test_an_unknown_job_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="It has: a, b"):
        load(written(tmp_path, f"[jobs.a]\n{GOOD}[jobs.b]\n{GOOD}")).job("c")
