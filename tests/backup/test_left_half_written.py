"""Objects that a killed backup has left half written leave the archive: no set names them, and no listing shows them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from credit_trading.backup.archive import Archive
from credit_trading.backup.retention import Rules
from credit_trading.backup.verification import verify
from credit_trading.store.files import STALE_AFTER_S
from credit_trading.store.places import Folder
from tests.floor import Floor


def _left(place: Path, *, age_s: float) -> list[Path]:
    paths = [place / folder / f".writing-{int(age_s)}" for folder in ("packs", "people", "segments")]
    then = time.time() - age_s
    for path in paths:
        path.write_bytes(b"ann@example.com")
        os.utime(path, (then, then))
    return paths


def _there(paths: list[Path]) -> list[bool]:
    return [path.exists() for path in paths]


def test_the_next_backup_removes_them(floor: Floor, tmp_path: Path) -> None:
    """Once they are old."""
    place = tmp_path / "backups"
    floor.admin.backups.create(place)
    old, young = _left(place, age_s=STALE_AFTER_S + 5), _left(place, age_s=STALE_AFTER_S - 60)
    floor.admin.backups.create(place)
    assert (_there(old), _there(young)) == ([False] * 3, [True] * 3)


def test_pruning_and_erasing_remove_them_after_a_minute(floor: Floor, tmp_path: Path) -> None:
    """No backup is under way then: they may hold somebody who is erased."""
    place = tmp_path / "backups"
    floor.admin.backups.create(place)
    assert verify(Archive(Folder(place)), check=lambda _: ()) == []
    old, young = _left(place, age_s=65), _left(place, age_s=5)
    floor.admin.backups.erase_users(place)
    assert (_there(old), _there(young)) == ([False] * 3, [True] * 3)
    old = _left(place, age_s=65)
    floor.admin.backups.prune(place, Rules(last=1), dry_run=True)
    assert _there(old) == [True] * 3
    floor.admin.backups.prune(place, Rules(last=1))
    assert _there(old) == [False] * 3
