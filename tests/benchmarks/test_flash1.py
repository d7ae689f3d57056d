"""The command that proves a flow: what it prints, and how it fails. It runs as a plain script, as anyone would run it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.flows import ROOT, file_of, record, records

SCRIPT = "new sell 1 5 @ 100 \n ioc buy 2 7 @ 100 \n cancel 1"
SHA256 = hashlib.sha256(b"0,1,1,1,100,5\n0,2,0,2,100,7\n1,2,100,5,1,2\n2,2,0,2,100\n4,3,1").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flow.bin"
    path.write_bytes(file_of(records(SCRIPT)))
    return path


def flash1(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/flash1.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [[], ["--through", "book"], ["--through", "engine"], ["--expect", SHA256.upper()]])
def test_a_flow_is_one_line_with_its_hash_and_its_rate(options: list[str], file: Path) -> None:
    done = flash1(file, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"sha256={SHA256} messages_per_s=[1-9][0-9]*\n", done.stdout)


def test_another_hash_than_expected_is_a_failure(file: Path) -> None:
    done = flash1(file, "--expect", "abc")
    assert done.returncode == 1
    assert done.stdout.startswith(f"sha256={SHA256} ")
    assert done.stderr == f"{file}: the reports' hash is {SHA256}, and abc was expected\n"


def test_a_file_that_is_absent_is_a_failure_of_one_line(tmp_path: Path) -> None:
    done = flash1(tmp_path / "absent.bin.xz")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path / 'absent.bin.xz'}: No such file or directory\n"


def test_a_flow_that_cannot_be_played_is_a_failure_of_one_line(file: Path) -> None:
    """Its header and records are in order; its second order takes the first one's id."""
    file.write_bytes(file_of(record(0, 0, 0, 5, 1, 1, 100) * 2))
    done = flash1(file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "message 1: order 1 is in the book already\n"


def test_through_says_what_matches(file: Path) -> None:
    """Price times quantity is too much for an account, and nothing to a book."""
    file.write_bytes(file_of(records(f"new buy 1 4000000000 @ {2**60}")))
    assert flash1(file, "--through", "book").returncode == 0
    done = flash1(file, "--through", "engine")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "message 1: the engine refused order 1 (value_too_large)\n"
