"""What a killed process has left half written goes, and what somebody may be writing stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from credit_trading.errors import StorageError
from credit_trading.store.files import STALE_AFTER_S, make_private_folder, sweep_unfinished, unfinished_in
from credit_trading.store.places import Folder


def left(path: Path, *, age_s: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half of it")
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_what_is_old_goes_and_what_is_young_stays(tmp_path: Path) -> None:
    """A half written database with what SQLite keeps beside it; nothing else, however old."""
    for suffix in ("", "-wal", "-shm"):
        left(tmp_path / f".writing-old{suffix}", age_s=STALE_AFTER_S + 5)
    young = left(tmp_path / ".writing-young", age_s=STALE_AFTER_S - 60)
    other = left(tmp_path / "old", age_s=STALE_AFTER_S + 5)
    sweep_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == [young, other]
    assert unfinished_in(tmp_path) == [young]
    sweep_unfinished(tmp_path, older_than_s=60)
    assert list(tmp_path.iterdir()) == [other]


def test_what_cannot_be_swept_is_left_and_holds_up_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No folder, a file in its place, something that cannot be unlinked."""
    sweep_unfinished(tmp_path / "none")
    sweep_unfinished(left(tmp_path / "file", age_s=0))
    (tmp_path / ".writing-a").mkdir()
    os.utime(tmp_path / ".writing-a", (1, 1))
    after = left(tmp_path / ".writing-b", age_s=STALE_AFTER_S + 5)
    sweep_unfinished(tmp_path)
    assert not after.exists()
    assert "cannot be removed" in caplog.text


def test_an_archive_in_a_folder_is_swept_throughout(tmp_path: Path) -> None:
    """It is seen by no listing, so nobody else would ever remove it. Where a link leads is not the archive's."""
    place = Folder(tmp_path / "archive")
    place.sweep()
    place.write("packs/a.pack", b"whole")
    for folder in ("", "packs", "people"):
        left(place.path / folder / ".writing-old", age_s=STALE_AFTER_S + 5)
    young = left(place.path / "packs" / ".writing-young", age_s=5)
    elsewhere = left(tmp_path / "elsewhere" / ".writing-old", age_s=STALE_AFTER_S + 5)
    (place.path / "link").symlink_to(elsewhere.parent)
    place.sweep()
    assert unfinished_in(place.path) == unfinished_in(place.path / "people") == []
    assert unfinished_in(place.path / "packs") == [young]
    assert elsewhere.exists()
    assert place.read("packs/a.pack") == b"whole"


def test_a_file_where_a_folder_belongs_is_told_as_such(tmp_path: Path) -> None:
    """As the folder itself, or above it: no word of broken disks."""
    (tmp_path / "deleted").write_bytes(b"")
    for folder in (tmp_path / "deleted", tmp_path / "deleted" / "below" / "it"):
        with pytest.raises(
            StorageError, match=r'deleted": a folder has to be here, and this is none.*move it away'
        ) as told:
            make_private_folder(folder)
        assert "disk" not in str(told.value)
