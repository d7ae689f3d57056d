"""Folders of killed drills are removed by the next one; those of the living stay."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from credit_trading.backup.scratch_folder import thrown_away
from credit_trading.backup.verification import drill
from credit_trading.store.locks import BACKUP, LockFile
from tests.backup.story import Story, everything_in

_KILLED = """
import os, signal, sys
from credit_trading.backup import verification
from credit_trading.backup.archive import Archive
def killed(_):
    os.kill(os.getpid(), signal.SIGKILL)
verification.drill(Archive.at(sys.argv[1]), killed)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_drill_removes_what_a_killed_one_has_left(story: Story, temporary: Path) -> None:
    """All of the restored exchange. Nothing is left of the drill itself either."""
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(story.folder)],
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -9, killed.stderr
    (left,) = temporary.iterdir()
    assert (left / "restored" / "exchange.db").exists()
    assert drill(story.archive, everything_in).findings == []
    assert list(temporary.iterdir()) == []


def test_one_that_is_under_way_keeps_its_folder_and_so_does_anybody_else(temporary: Path) -> None:
    """Also one that has made its folder just now and has not locked it; a link is followed by nobody."""
    alive, fresh, other, target = (temporary / name for name in ("drill-alive", "drill-fresh", "else", "target"))
    for folder in (alive, fresh, other, target):
        folder.mkdir()
    for folder in (other, target):
        (folder / "precious").write_bytes(b"")
    link = temporary / "drill-link"
    link.symlink_to(target)
    lock_file = LockFile.open(alive / "exchange.lock")
    with lock_file.hold(BACKUP, timeout_s=0, operation="test"), thrown_away("drill-", operation="test") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    lock_file.close()
    assert sorted(temporary.iterdir()) == sorted([alive, fresh, link, other, target])
    assert (target / "precious").exists()
    os.utime(fresh, (1, 1))
    with pytest.raises(KeyError), thrown_away("drill-", operation="test"):
        raise KeyError
    assert sorted(temporary.iterdir()) == sorted([link, other, target])
