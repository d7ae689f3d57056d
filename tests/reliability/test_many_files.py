"""Many users' files in one folder: every step of an operator with bounded memory and few open files; and what is seen if not."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from reliability import many_files
from reliability.many_files import STEPS, attack


def test_many_files_need_little_memory_and_few_descriptors(tmp_path: Path, is_long: bool) -> None:
    """Under a hard limit of 1,024 open files, of which 256 may be used; 100,000 files in full, 150 here: 450, if handles were kept.

    The figures are printed; `python -m reliability.many_files 100000` makes the same run.
    """
    told: list[tuple[int, int]] = []
    report = attack(100_000 if is_long else 150, folder=tmp_path, progress=lambda done, of: told.append((done, of)))
    Console().print(report.table())
    assert report.problems == []
    assert list(report.figures) == [*STEPS, "on disk"]
    assert told


def test_handles_that_are_kept_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool without a bound."""
    monkeypatch.setenv("CREDIT_TRADING_POOL_SIZE", "100000")
    problems = attack(100, folder=tmp_path, steps=["create", "catch_up"]).problems
    assert any(problem.startswith("catch_up: ") and problem.endswith("open files") for problem in problems), problems


def test_listing_the_folder_is_noticed(tmp_path: Path) -> None:
    """By whatever call, and only while it is looked for."""
    with many_files._unlisted(tmp_path) as listed:
        list(tmp_path.glob("*.db"))
        list(tmp_path.iterdir())
        list(tmp_path.parent.iterdir())
    list(tmp_path.iterdir())
    assert len(listed) == 2


def test_a_step_that_dies_is_a_problem(tmp_path: Path) -> None:
    """Nobody opens what was never created."""
    (tmp_path / "trading").mkdir()
    figures = many_files._in_process("status", tmp_path / "trading", 3, lambda done, of: None)
    assert figures["problem"] == "it ended with exit code 1"
