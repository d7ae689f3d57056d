"""Tables on terminals of any width: whole values, and a word on each column for which there is no room."""

from __future__ import annotations

import pytest

from credit_trading.backup.listing import SetRecord
from credit_trading.cli import output
from credit_trading.cli.backup import list as backup_list
from credit_trading.cli.job_tables import draw_jobs
from credit_trading.cli.tables import Column, draw_table
from credit_trading.jobs.standing import JobsStatus, JobStatus

PROBLEM = (
    "failed: restored set 20261121-193421-509111 and replayed it: 1 finding, first sets/20261121-193421-509111.json"
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """Of so many columns, without colours."""
    monkeypatch.setattr(output, "is_fancy", lambda _: True)
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


SETS = [
    SetRecord(
        set="20261121-193418-213818",
        kind="incremental",
        base="20261121-193410-000000",
        sequence=123_456_789,
        as_of="2026-11-21T19:34:15.000000Z",
        finished_at="2026-11-21T19:34:19.000000Z",
        users=10_000,
        copies=9_999,
        size_bytes=123_400_000,
        verified_at="2026-11-21T19:40:15.000000Z",
        verified_deep=True,
        findings=findings,
    )
    for findings in (0, 1)
]


@pytest.mark.parametrize("terminal", [50, 60, 80, 100, 120], indirect=True)
def test_sets_and_whether_they_are_good_are_whole_at_any_width(
    terminal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = SetRecord(set="20261121-200000-000000", problem="it cannot be read (JSON is malformed)")
    backup_list._draw_sets([*SETS, damaged], "backups")
    told = capsys.readouterr().out
    _check_headings(told, ["Set", "Kind", "As of (UTC)", "Sequence", "Users", "Files", "Size", "Verified"])
    for whole in ("20261121-193418-213818  incremental  ", "2026-11-21 19:40 deep", "1 finding (deep)"):
        assert whole in told
    assert "20261121-200000-000000: it cannot be read (JSON is malformed)\n" in told
    assert all(len(line.rstrip()) <= max(terminal, 60) for line in told.splitlines() if "cannot be read" not in line)


@pytest.mark.parametrize("terminal", [40, 60, 80, 100, 120], indirect=True)
def test_jobs_their_schedules_and_problems_are_whole_at_any_width(
    terminal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 60 columns the schedule still has its last word."""
    job = JobStatus(
        job="hourly-backup",
        kind="backup",
        schedule="cron 0 4 * * sun",
        next_due_at="2026-11-22T04:00:00.000000Z",
        running_since=None,
        running_process=None,
        overdue=None,
        last_outcome="failed",
        last_started_at="2026-11-21T19:34:22.000000Z",
        last_finished_at="2026-11-21T19:34:23.000000Z",
        last_duration_s=1.0,
        last_size_bytes=135,
        last_detail=PROBLEM,
        last_done_at=None,
        problems=[PROBLEM],
    )
    draw_jobs(JobsStatus(path="jobs.toml", jobs=[job], problem=None))
    told = capsys.readouterr().out
    _check_headings(told, ["Job", "Next due (UTC)", "Schedule", "Last run (UTC)", "Outcome", "Took", "Size"])
    assert "hourly-backup  2026-11-22 04:00  " in told
    assert ("cron 0 4 * * sun" in told) == (terminal >= 60)
    assert f"hourly-backup: {PROBLEM}\n" in told


@pytest.mark.parametrize("terminal", [30], indirect=True)
def test_what_is_never_left_out_makes_the_table_wider_than_the_terminal(
    terminal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its lines are broken by the terminal, which loses nothing."""
    draw_table([Column("Set"), Column("Problem", wrap=True)], [("s" * 25, "many words " * 5)])
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) > terminal
    assert "s" * 25 in lines[2]
    assert " ".join(line[25:].strip() for line in lines[2:]).split() == ["many", "words"] * 5


def _check_headings(told: str, headings: list[str]) -> None:
    """Each is drawn or named as left out, and none is cut."""
    for heading in headings:
        assert heading in told.replace("\n", " ")
