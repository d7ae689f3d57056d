"""Files that are written, published, renamed and deleted, with the power going at every call: whole or not at all, and kept."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from credit_trading.store import files
from credit_trading.store.sqlite import connect
from reliability import planted_syncs
from reliability.disk import AVAILABLE
from reliability.recorded_disk import recorded_disk
from reliability.unsynced import Contents, UnsyncedDisk

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")

OLD, NEW = b"old" * 1000, b"new" * 1000
CUTS_PER_CALL = 60


@contextmanager
def _cut(home: Path) -> Iterator[tuple[list[Contents], list[Contents]]]:
    """What cuts during the block may leave, and those after it."""
    during: list[Contents] = []
    after: list[Contents] = []
    with recorded_disk(home) as disk:
        before = len(disk.calls)
        yield during, after
    for position in range(before, len(disk.calls) + 1):
        possible = UnsyncedDisk(disk.calls[:position])
        found = after if position == len(disk.calls) else during
        found += [possible.after_cut(random.Random(seed)) for seed in range(CUTS_PER_CALL)]


def _shown(disks: list[Contents]) -> set[tuple[tuple[str, bytes | None], ...]]:
    """The different ones; unfinished files may stay."""
    return {
        tuple((name, content) for name, content in disk.items() if not name.startswith(".writing-")) for disk in disks
    }


def test_a_written_file_is_the_old_one_or_the_new_one_and_then_the_new_one(tmp_path: Path) -> None:
    files.write_durably(tmp_path / "f", OLD)
    with _cut(tmp_path) as (during, after):
        files.write_durably(tmp_path / "f", NEW)
    assert _shown(during) == {(("f", OLD),), (("f", NEW),)}
    assert _shown(after) == {(("f", NEW),)}


def test_a_published_file_is_whole_or_not_there_and_then_there(tmp_path: Path) -> None:
    with _cut(tmp_path) as (during, after):
        files.publish_new(tmp_path / "f", NEW)
    assert _shown(during) == {(), (("f", NEW),)}
    assert _shown(after) == {(("f", NEW),)}


def test_of_many_published_files_each_is_whole_or_not_there_and_then_all_are(tmp_path: Path) -> None:
    paths = [tmp_path / f"f{number}" for number in range(5)]
    with _cut(tmp_path) as (during, after):
        files.publish_all_new(paths, NEW)
    assert {content for disk in _shown(during) for _, content in disk} == {NEW}
    assert len(_shown(during)) > 2
    assert _shown(after) == {tuple((path.name, NEW) for path in paths)}


def test_a_renamed_file_has_one_of_its_names_and_then_the_new_one(tmp_path: Path) -> None:
    files.publish_new(tmp_path / "f", NEW)
    with _cut(tmp_path) as (during, after):
        files.rename_durably(tmp_path / "f", tmp_path / "g")
    assert _shown(during) == {(("f", NEW),), (("g", NEW),)}
    assert _shown(after) == {(("g", NEW),)}


def test_a_file_in_a_new_folder_is_kept_with_it(tmp_path: Path) -> None:
    with _cut(tmp_path) as (_, after):
        files.make_private_folder(tmp_path / "one" / "two")
        files.write_durably(tmp_path / "one" / "two" / "f", NEW)
    assert _shown(after) == {(("one", None), ("one/two", None), ("one/two/f", NEW))}


def _database_with_wal(home: Path) -> Path:
    """One that a crash left behind: nobody has it open, and its WAL is full."""
    path, made = home / "f.db", home / "made"
    made.mkdir()
    with closing(connect(made / "f.db", mode="rwc")) as connection:
        connection.execute("CREATE TABLE t (x)")
        for suffix in ("", "-wal"):  # by hand, while it is open, is fine here: nobody writes any more
            shutil.copy(made / f"f.db{suffix}", f"{path}{suffix}")
    shutil.rmtree(made)
    return path


def _wal_is_alone(disks: list[Contents]) -> bool:
    """It would ruin the next database of that name."""
    return any("f.db-wal" in disk and "f.db" not in disk for disk in disks)


def test_a_deleted_database_is_gone(tmp_path: Path) -> None:
    path = _database_with_wal(tmp_path)
    with _cut(tmp_path) as (_, after):
        files.remove_database(path)
    assert _shown(after) == {()}


def _write(home: Path) -> bool:
    with _cut(home) as (during, _):
        files.write_durably(home / "f", NEW)
    return _shown(during) <= {(), (("f", NEW),)}


def _rename(home: Path) -> bool:
    files.publish_new(home / "f", NEW)
    with _cut(home) as (_, after):
        files.rename_durably(home / "f", home / "g")
    return _shown(after) == {(("g", NEW),)}


def _delete(home: Path) -> bool:
    path = _database_with_wal(home)
    with _cut(home) as (during, _):
        files.remove_database(path)
    return not _wal_is_alone(during)


def _rename_with_wal(home: Path) -> bool:
    path = _database_with_wal(home)
    with _cut(home) as (during, after):
        Path(f"{path}-wal").unlink()
        files.rename_durably(path, home / "g.db")
    return not _wal_is_alone([*during, *after])


@pytest.mark.parametrize(
    ("bug", "is_right"),
    [
        (planted_syncs.new_files_not_synced, _write),
        (planted_syncs.folders_not_synced, _rename),
        (planted_syncs.deleted_before_its_wal, _delete),
        (planted_syncs.renamed_before_its_wal_is_gone, _rename_with_wal),
    ],
)
def test_what_must_be_synced_first_is_and_where_it_is_not_that_is_seen(
    tmp_path: Path, bug: Callable[[], Iterator[None]], is_right: Callable[[Path], bool]
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.mkdir()
    wrong.mkdir()
    assert is_right(right)
    with bug():  # type: ignore[attr-defined]
        assert not is_right(wrong)
