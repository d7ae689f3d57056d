"""The disk that loses what was not synced: that it tells the whole story, and is as cruel as it says but no crueler."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from credit_trading.errors import FileCorrupt
from credit_trading.store.files import make_private_folder, publish_new, remove_database, rename_durably, write_durably
from credit_trading.store.sqlite import connect, sqlite3
from reliability.disk import AVAILABLE
from reliability.recorded_disk import RecordedDisk, recorded_disk
from reliability.unsynced import (
    FOLDER,
    Contents,
    FolderSynced,
    Named,
    Operation,
    Synced,
    Truncated,
    UnsyncedDisk,
    Wrote,
)

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs pysqlite3 with sqlite3_vfs_find")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[RecordedDisk]:
    home = tmp_path / "home"
    home.mkdir()
    with recorded_disk(home) as disk:
        yield disk


def possible(calls: list[Operation], count: int = 200) -> list[Contents]:
    """Disks that a cut after these calls may leave."""
    disk = UnsyncedDisk(calls)
    return [disk.after_cut(random.Random(seed)) for seed in range(count)]


def test_with_every_call_carried_out_it_is_the_folder(disk: RecordedDisk) -> None:
    """SQLite's files in three journal modes, growing and shrinking, a folder, files of our own; renamed, replaced and deleted."""
    for mode in ("WAL", "TRUNCATE", "DELETE"):
        with closing(sqlite3.connect(disk.home / f"{mode}.db", isolation_level=None)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("CREATE TABLE t (x)")
            connection.executemany("INSERT INTO t VALUES (?)", [(bytes(1000),)] * 100)
            connection.execute("PRAGMA wal_checkpoint")
            connection.execute("DELETE FROM t WHERE rowid > 10")
            connection.execute("VACUUM")
    make_private_folder(disk.home / "inner")
    for content in (b"one", b"another"):
        write_durably(disk.home / "inner" / "written", content)
    publish_new(disk.home / "published", b"content")
    rename_durably(disk.home / "published", disk.home / "renamed")
    remove_database(disk.home / "DELETE.db")
    assert {path.name for path in disk.home.rglob("*")} == {
        "WAL.db",
        "TRUNCATE.db",
        "TRUNCATE.db-journal",
        "inner",
        "written",
        "renamed",
    }
    assert disk.differences() == []


def test_what_is_written_past_it_is_told(disk: RecordedDisk) -> None:
    publish_new(disk.home / "seen", b"content")
    (disk.home / "seen").write_bytes(b"other")
    (disk.home / "unseen").write_bytes(b"content")
    assert disk.differences() == ["seen", "unseen"]


def test_what_stood_in_the_folder_before_is_durable(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "home" / "inner")
    publish_new(tmp_path / "home" / "inner" / "file", b"content")
    with recorded_disk(tmp_path / "home") as disk:
        assert all(left == {"inner": None, "inner/file": b"content"} for left in possible(disk.calls))


def test_a_file_that_was_published_durably_is_always_there(disk: RecordedDisk) -> None:
    publish_new(disk.home / "file", b"content")
    assert {left["file"] for left in possible(disk.calls)} == {b"content"}


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda home: os.rename(home / "old", home / "new"), [{"old"}, {"new"}]),
        (lambda home: os.unlink(home / "old"), [set(), {"old"}]),
        (lambda home: os.link(home / "old", home / "new"), [{"old"}, {"old", "new"}]),
        (lambda home: os.mkdir(home / "new"), [{"old"}, {"old", "new"}]),
    ],
    ids=["rename", "unlink", "link", "mkdir"],
)
def test_a_name_may_be_lost_until_its_folder_is_synced(
    disk: RecordedDisk, change: Callable[[Path], None], seen: list[set[str]]
) -> None:
    """A rename is never half done."""
    publish_new(disk.home / "old", b"content")
    change(disk.home)
    assert sorted({tuple(sorted(left)) for left in possible(disk.calls)}) == sorted(tuple(sorted(one)) for one in seen)
    assert all(content in (b"content", None) for left in possible(disk.calls) for content in left.values())


def test_a_write_is_torn_between_sectors_and_never_within_one() -> None:
    """Each of the four sectors is the old one or the new one; all sixteen mixtures happen."""
    calls: list[Operation] = [Named("", {"file": 1}), FolderSynced(""), Wrote(1, 0, b"a" * 2048), Synced(1)]
    files = [left["file"] or b"" for left in possible([*calls, Wrote(1, 0, b"b" * 2048)], 600)]
    mixtures = {tuple(file[at : at + 512] for at in range(0, 2048, 512)) for file in files}
    assert mixtures == {
        tuple((b"b" if number >> place & 1 else b"a") * 512 for place in range(4)) for number in range(16)
    }


def test_writes_and_truncations_since_the_last_sync_are_lost_in_any_order() -> None:
    """The later one may be there without the earlier one; a file that grew may hold zeros or rubbish where nothing was written."""
    calls: list[Operation] = [Named("", {"file": 1}), FolderSynced(""), Wrote(1, 0, b"old"), Synced(1)]
    calls += [Truncated(1, 0), Wrote(1, 0, b"new"), Wrote(1, 3, b"er")]
    files = {left["file"] for left in possible(calls, 600)}
    assert {b"old", b"", b"new", b"newer", b"older", b"\0\0\0er", b"new\0\0"} <= files
    assert any(file and file.endswith(b"er") and file[:3] not in (b"old", b"new", b"\0\0\0") for file in files)
    assert {left["file"] for left in possible([*calls, Synced(1)])} == {b"newer"}


def test_a_files_sync_does_not_keep_its_name() -> None:
    calls: list[Operation] = [Named("", {"file": 1}), Wrote(1, 0, b"content"), Synced(1)]
    found = possible(calls)
    assert {} in found
    assert {"file": b"content"} in found
    assert all(left == {"file": b"content"} for left in possible([*calls, FolderSynced("")]))


def test_a_file_is_lost_with_its_folder_until_that_ones_name_is_durable() -> None:
    """Syncing a folder keeps the names in it, and not its own."""
    calls: list[Operation] = [Named("", {"inner": FOLDER}), Named("inner", {"inner/file": 1}), FolderSynced("inner")]
    found = possible(calls)
    assert {} in found
    assert {"inner": None, "inner/file": b""} in found
    assert {"inner": None} not in found
    assert {tuple(left) for left in possible([*calls, FolderSynced("")])} == {("inner", "inner/file")}


def _answers_after_cuts(folder: Path, *, mode: str, synchronous: str, cuts: int = 150) -> set[str]:
    """What became of a table with one row per commit, each acknowledged when it was committed: whole, lost or damaged."""
    home = folder / "home"
    home.mkdir()
    acknowledged: list[int] = []  # after how many calls
    with recorded_disk(home) as disk:
        with closing(sqlite3.connect(home / "t.db", isolation_level=None)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("CREATE TABLE t (x)")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("PRAGMA wal_autocheckpoint = 10")
            start = len(disk.calls)
            for number in range(40):
                connection.execute("INSERT INTO t VALUES (?)", (str(number) * 500,))
                acknowledged.append(len(disk.calls))
        calls = list(disk.calls)
    answers = set()
    for number in range(cuts):
        chance = random.Random(number)
        position = chance.randint(start, len(calls))
        there = _rows_in(UnsyncedDisk(calls[:position]).after_cut(chance), folder / f"cut-{number}")
        if there is None:
            answers.add("damaged")
        else:
            answers.add("whole" if there >= sum(place <= position for place in acknowledged) else "lost")
    return answers


def _rows_in(left: Contents, home: Path) -> int | None:
    """How many rows the database has; None if it is damaged."""
    home.mkdir()
    for name, content in left.items():
        (home / name).write_bytes(content or b"")
    try:
        with closing(connect(home / "t.db", mode="rw")) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                return None
            rows = [row[0] for row in connection.execute("SELECT x FROM t ORDER BY rowid")]
    except (FileCorrupt, sqlite3.DatabaseError):
        return None
    return len(rows) if rows == [str(number) * 500 for number in range(len(rows))] else None


@pytest.mark.parametrize(
    ("mode", "synchronous", "expected"),
    [
        ("WAL", "FULL", {"whole"}),
        ("WAL", "NORMAL", {"whole", "lost"}),
        ("WAL", "OFF", {"whole", "lost", "damaged"}),
        ("DELETE", "EXTRA", {"whole"}),
        (
            "DELETE",
            "FULL",
            {"whole", "lost"},
        ),  # its commit is the journal's deletion, and only EXTRA syncs the folder then
        ("DELETE", "OFF", {"whole", "lost", "damaged"}),
    ],
)
def test_sqlite_keeps_on_it_what_it_promises_and_not_more(
    tmp_path: Path, mode: str, synchronous: str, expected: set[str]
) -> None:
    """Source: https://sqlite.org/pragma.html#pragma_synchronous."""
    assert _answers_after_cuts(tmp_path, mode=mode, synchronous=synchronous) == expected
