"""What the tests of the store need from the system: forked children, and a user who is not root."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

InFork = Callable[[Callable[[], object]], str]


def _run_in_fork(action: Callable[[], object]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = ""
        try:
            told = str(action())
        finally:  # never back into pytest, whatever happened
            error = sys.exc_info()[1]
            os.write(writing, (told if error is None else f"{type(error).__name__}: {error}").encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def in_fork() -> InFork:
    """Runs a function in a forked child and gives what it returned, or the exception that it raised, as text."""
    return _run_in_fork


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder in which this process may read and not write, even if it was started by root."""
    folder = Path(tempfile.mkdtemp())
    (folder / "there").write_bytes(b"")
    (folder / "there").chmod(0o444)
    folder.chmod(0o555)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)
