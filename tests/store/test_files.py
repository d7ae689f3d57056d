"""Durable file operations: complete or not at all, and on the disk when they return."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading.errors import AlreadyExists, StorageError, Unwritable
from credit_trading.store.files import (
    fsync_folder,
    make_private_folder,
    publish_new,
    remove_database,
    rename_durably,
    temporary_database,
    write_durably,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system is asked for, in order: `sync file`, `sync folder`, `replace`, `link`, `rename`."""
    calls: list[str] = []
    really = {name: getattr(os, name) for name in ("fsync", "replace", "link", "rename")}

    def fsync(descriptor: int) -> None:
        calls.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        really["fsync"](descriptor)

    def recorded(name: str) -> Callable[..., None]:
        def call(*arguments: str) -> None:
            calls.append(name)
            really[name](*arguments)

        return call

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("replace", "link", "rename"):
        monkeypatch.setattr(os, name, recorded(name))
    return calls


def _failing(number: int) -> Callable[..., None]:
    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_writing_replaces_the_whole_file_in_one_step(tmp_path: Path) -> None:
    """Nobody ever sees half of it, and nothing else stays in the folder."""
    write_durably(tmp_path / "a", b"first, and longer")
    write_durably(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"second"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["a"]


def test_writing_syncs_content_before_name_and_name_before_returning(tmp_path: Path, calls: list[str]) -> None:
    """The other way round, a power cut could leave an empty file under the name."""
    write_durably(tmp_path / "a", b"content")
    assert calls == ["sync file", "replace", "sync folder"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """The old content is there, the temporary file is not."""
    write_durably(tmp_path / "a", b"old")
    monkeypatch.setattr(os, broken, _failing(errno.ENOSPC))
    with pytest.raises(Unwritable, match="no space left"):
        write_durably(tmp_path / "a", b"new")
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_publishing_makes_a_new_private_file(tmp_path: Path, calls: list[str]) -> None:
    """Content first, then the name, then the folder."""
    publish_new(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_nlink == 1
    assert os.listdir(tmp_path) == ["a"]
    assert calls == ["sync file", "link", "sync folder"]


def test_publishing_refuses_to_replace(tmp_path: Path) -> None:
    """Whoever came first keeps the name, an empty file and a dangling link included."""
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("a", "link"):
        with pytest.raises(AlreadyExists):
            publish_new(tmp_path / name, b"second")
    assert (tmp_path / "a").read_bytes() == b""
    assert sorted(os.listdir(tmp_path)) == ["a", "link"]


def test_renaming_syncs_both_folders(tmp_path: Path, calls: list[str]) -> None:
    """What was removed before stays so; then the new name first: a file may be found twice, but never not at all."""
    (tmp_path / "to").mkdir()
    (tmp_path / "a").write_bytes(b"content")
    rename_durably(tmp_path / "a", tmp_path / "to" / "b")
    assert (tmp_path / "to" / "b").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["to"]
    assert calls == ["sync folder", "rename", "sync folder", "sync folder"]


def test_renaming_refuses_to_replace(tmp_path: Path) -> None:
    """A file that somebody may have open is never renamed over."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(AlreadyExists, match="/b"):
        rename_durably(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == b"a"
    assert (tmp_path / "b").read_bytes() == b"b"


def test_removing_a_database_takes_its_wal_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A WAL that outlived its database would be replayed into the next one of that name."""
    for name in ("a.db", "a.db-wal", "a.db-shm", "b.db", "a.db-journal-of-something-else"):
        (tmp_path / name).write_bytes(b"")
    seen: list[list[str]] = []
    really_sync = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(sorted(os.listdir(tmp_path)))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    remove_database(tmp_path / "a.db")
    others = ["a.db-journal-of-something-else", "b.db"]
    assert seen == [["a.db", *others], others]


def test_removing_can_be_repeated(tmp_path: Path) -> None:
    """A deletion that a crash cut short is finished later."""
    (tmp_path / "a.db").write_bytes(b"")
    remove_database(tmp_path / "a.db")
    remove_database(tmp_path / "a.db")
    assert os.listdir(tmp_path) == []


def test_a_folder_is_made_private_with_those_above_it_as_usual(tmp_path: Path, calls: list[str]) -> None:
    """The host's own folder stays the host's; each new name is synced."""
    os.umask(umask := os.umask(0))
    make_private_folder(tmp_path / "database" / "trading")
    assert (tmp_path / "database" / "trading").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "database").stat().st_mode & 0o777 == 0o777 & ~umask
    assert calls == ["sync folder", "sync folder"]


def test_a_folder_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    """An operator who opened it to a group meant it."""
    (tmp_path / "trading").mkdir()
    (tmp_path / "trading").chmod(0o750)
    make_private_folder(tmp_path / "trading")
    assert (tmp_path / "trading").stat().st_mode & 0o777 == 0o750


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path: Path) -> None:
    """As the folder itself, or above it."""
    (tmp_path / "a").write_bytes(b"")
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(StorageError):
            make_private_folder(folder)


def test_a_folder_that_cannot_be_written_is_unwritable(read_only_folder: Path) -> None:
    """Every operation says so in the same way."""
    operations: list[Callable[[], None]] = [
        lambda: write_durably(read_only_folder / "a", b""),
        lambda: publish_new(read_only_folder / "a", b""),
        lambda: rename_durably(read_only_folder / "there", read_only_folder / "a"),
        lambda: remove_database(read_only_folder / "there"),
        lambda: make_private_folder(read_only_folder / "a"),
    ]
    for operation in operations:
        with pytest.raises(Unwritable):
            operation()
    assert os.listdir(read_only_folder) == ["there"]


def _folder_syncs_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The content of files gets to the disk, names do not."""
    really_sync = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_file_whose_name_may_not_be_durable_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found there, it would be taken for one that a power cut cannot take away; repeated, all is synced again."""
    with monkeypatch.context() as patch:
        _folder_syncs_fail(patch)
        with pytest.raises(StorageError, match="input/output error"):
            publish_new(tmp_path / "a", b"content")
        assert os.listdir(tmp_path) == []
    publish_new(tmp_path / "a", b"content")
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_whose_name_may_not_be_durable_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever tries again finds it there, and its name is never synced."""
    with monkeypatch.context() as patch:
        _folder_syncs_fail(patch)
        with pytest.raises(StorageError, match="input/output error"):
            make_private_folder(tmp_path / "trading")
    assert os.listdir(tmp_path) == []


def test_a_disk_that_takes_little_at_a_time_gets_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take a part only, without an error."""
    really_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: really_write(descriptor, bytes(data)[:3]))
    write_durably(tmp_path / "a", b"ten bytes!")
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == b"ten bytes!"


def test_what_is_left_of_a_failure_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full, and the unfinished file cannot even be removed: the first is told."""
    monkeypatch.setattr(os, "write", _failing(errno.ENOSPC))
    monkeypatch.setattr(os, "unlink", _failing(errno.EIO))
    with pytest.raises(Unwritable, match="no space left"):
        publish_new(tmp_path / "a", b"content")


def test_a_temporary_database_is_removed_without_a_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be none left just then, and what went wrong for that reason must not hide behind another error."""
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(tmp_path))
    with temporary_database("a.db") as path:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").write_bytes(b"")
        monkeypatch.setattr(os, "open", _failing(errno.EMFILE))
    assert os.listdir(tmp_path) == []


def test_no_temporary_folder_is_an_error_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a file is rebuilt beside the live one."""
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(tmp_path / "gone"))
    with pytest.raises(StorageError, match="gone"), temporary_database("a.db"):
        pass


def test_a_missing_folder_cannot_be_synced(tmp_path: Path) -> None:
    """It is told with the folder's name."""
    with pytest.raises(StorageError, match="missing"):
        fsync_folder(tmp_path / "missing")
