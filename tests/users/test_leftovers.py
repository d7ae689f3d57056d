"""What killed processes have left of users' files goes when the exchange is opened, and when a person is erased."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading import Exchange
from credit_trading.errors import StorageError
from credit_trading.store.files import STALE_AFTER_S, unfinished_in
from tests.floor import Floor, edit

FOLDERS = ("", "quarantine", "deleted")

_KILLED = """
import os, signal, sys
import credit_trading
from credit_trading.users import scratch
scratch.rename_durably = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with credit_trading.open(sys.argv[1]) as exchange:
    exchange.as_admin("x").databases.delete_trading_database("ann", sweep_to="bob")
"""


def _aged(path: Path, age_s: float) -> Path:
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def _left(home: Path, *, age_s: float) -> list[Path]:
    """A half written copy in each folder."""
    paths = [home / folder / f".writing-{int(age_s)}" for folder in FOLDERS]
    for path in paths:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.write_bytes(b"ann@example.com")
        _aged(path, age_s)
    return paths


def test_what_was_left_long_ago_is_removed(floor: Floor, reopen: Callable[..., Exchange], tmp_path: Path) -> None:
    """Among kept files when the exchange is opened; among users' files, of which there may be very many, by the next backup."""
    home = floor.exchange.home
    old, young = _left(home, age_s=STALE_AFTER_S + 5), _left(home, age_s=STALE_AFTER_S - 60)
    again = Floor(reopen())
    assert [path.exists() for path in old] == [True, False, False]
    again.admin.backups.create(tmp_path / "backups")
    assert [path.exists() for path in old] == [False] * 3
    assert [path.exists() for path in young] == [True] * 3


def test_erasing_removes_all_that_nobody_can_be_writing_and_names_the_rest(floor: Floor) -> None:
    home = floor.exchange.home
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")
    old, young = _left(home, age_s=65), _left(home, age_s=5)
    assert list(floor.admin.databases.erase("ann").unfinished) == young
    assert [path.exists() for path in old] == [False] * 3
    for path in young:
        _aged(path, 61)
    assert list(floor.admin.databases.erase("ann").unfinished) == []
    assert [path.exists() for path in young] == [False] * 3


def test_a_deletion_that_was_killed_leaves_nothing_of_a_person_who_is_erased_later(floor: Floor) -> None:
    home = floor.exchange.home
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(home)], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    (copy,) = [path for path in unfinished_in(home / "deleted") if path.name[-4:] not in ("-wal", "-shm")]
    assert b"ann@example.com" in copy.read_bytes()
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")
    for path in unfinished_in(home / "deleted"):
        _aged(path, 61)
    assert not floor.admin.databases.erase("ann").unfinished
    assert list((home / "deleted").iterdir()) == []


@pytest.mark.parametrize("name", ["deleted", "quarantine"])
def test_a_file_that_has_the_name_of_one_of_our_folders_is_told_as_such(floor: Floor, name: str) -> None:
    """By what needs the folder, and by verify."""
    path = floor.exchange.home / name
    path.write_bytes(b"")
    databases = floor.admin.databases
    needing: dict[str, Callable[[], object]] = {
        "deleted": lambda: databases.delete_trading_database("ann", sweep_to="cat"),
        "quarantine": lambda: databases.rebuild("bob"),
    }
    edit(floor.path("bob"), "UPDATE balances SET posted = posted + 1")
    with pytest.raises(StorageError, match=f'{name}": a folder has to be here, and this is none') as told:
        needing[name]()
    assert "move it away" in str(told.value)
    assert "disk" not in str(told.value)
    found = [one for one in floor.admin.verify().findings if one.file == name]
    assert [one.problem for one in found] == ["a folder has to be here, and this is none"]
    path.unlink()
    needing["quarantine"]()
    needing["deleted"]()
    assert floor.findings() == []
