"""The folder: modes, unknown files, what a crash has left, and files that are behind or old."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import credit_trading
from credit_trading import ManualClock, Settings
from tests.floor import CASH, Floor, opened
from tests.users.version_1 import make_version_1
from tests.verify.sample import Sample, tampering


@pytest.mark.parametrize(
    "name", ["", "exchange.db", "exchange.lock", "marketdata.db", "ann", "checkpoints", "checkpoints/*.checkpoint"]
)
def test_what_others_may_use_is_named_with_the_command_that_closes_it(sample: Sample, name: str) -> None:
    """Folders are for their owner only (0700), files too (0600); the command that is told makes them so."""
    path = sample.file("ann") if name == "ann" else next(sample.home.glob(name)) if "*" in name else sample.home / name
    mode = 0o755 if path.is_dir() else 0o640
    path.chmod(mode)
    name = "the folder" if path == sample.home else str(path.relative_to(sample.home))
    found = {one.file: one for one in sample.found(deep=False)}
    assert all(file.startswith(name) for file in found), (
        "only its own -wal and -shm beside it, which SQLite makes alike"
    )
    finding = found[name]
    assert (finding.problem, finding.found) == ("others may use it", f"{mode:04o}")
    assert finding.repair == f"chmod {'700' if path.is_dir() else '600'} {path}"
    os.system(finding.repair)
    assert sample.found(deep=False) == []


def test_a_file_of_no_user_is_named(sample: Sample) -> None:
    """A copy of somebody's file under another name, and one that is none; files of other programs are nobody's business."""
    for name, content in {
        "trading_eve_old.db": sample.file("eve").read_bytes(),
        "trading_zed.db": b"",
        "notes.txt": b"buy milk",
    }.items():
        (sample.home / name).write_bytes(content)
        (sample.home / name).chmod(0o600)
    told = {finding.file: finding.problem for finding in sample.found(deep=False)}
    assert told == {
        "trading_eve_old.db": "a file of user #3, but not the one that the catalogue names",
        "trading_zed.db": "a file that is called like a user's and is none",
    }


def test_the_file_of_another_exchange_under_a_free_name_is_named(sample: Sample, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as exchange:
        path = Floor(exchange).set_up("zoe").path("zoe")
    path.rename(sample.home / path.name)
    (finding,) = sample.found(deep=False)
    assert (finding.file, finding.problem) == (path.name, "it belongs to another exchange")


def test_an_unfinished_file_is_named_once_nobody_can_be_writing_it(sample: Sample) -> None:
    path = sample.home / ".writing-0123"
    path.write_bytes(b"half")
    path.chmod(0o600)
    assert sample.found(deep=False) == []
    hours_ago = time.time() - 7_200
    os.utime(path, (hours_ago, hours_ago))
    (finding,) = sample.found(deep=False)
    assert (finding.file, finding.repair) == (".writing-0123", f"rm {path}")


def test_the_wal_of_a_database_that_is_gone_is_named(sample: Sample) -> None:
    """Whoever deletes a database deletes its WAL first."""
    path = sample.home / "trading_zed_x.db-wal"
    path.write_bytes(b"frames")
    path.chmod(0o600)
    assert [finding.file for finding in sample.found(deep=False)] == [path.name]


def test_files_that_are_behind_or_of_an_older_version_are_told_and_nothing_wrong(
    sample: Sample, clock: ManualClock
) -> None:
    """A quick look leaves them as they are; a deep one brings them forward, and then compares them."""
    clock.advance(100)
    with opened(sample.home, clock=clock, settings=Settings(project_on_commit=False)) as exchange:
        exchange.as_admin("setup").accounts.deposit("bob", CASH, "1.00")
    make_version_1(sample.file("eve"))
    for _ in range(2):
        told = credit_trading.verify_folder(sample.home)
        assert told.findings == []
        assert told.notes == [
            "1 user's file is behind the journal; it comes forward when it is next read.",
            "1 user's file is of an older version; it is migrated when it is next read.",
        ]
    told = credit_trading.verify_folder(sample.home, deep=True)
    assert (told.findings, told.notes, told.users) == ([], [], 3)
    told = credit_trading.verify_folder(sample.home)
    assert (told.findings, told.notes) == ([], [])


def test_a_look_leaves_the_folder_as_it_was(sample: Sample) -> None:
    """No name more or less, no byte of a database changed."""
    before = {path: path.read_bytes() for path in sample.home.rglob("*") if path.is_file()}
    for deep in (False, True):
        assert sample.found(deep=deep) == []
        assert {path: path.read_bytes() for path in sample.home.rglob("*") if path.is_file()} == before


def test_a_file_with_both_names_of_a_rename_is_named(sample: Sample) -> None:
    """One of the two is the user's; nobody can tell which."""
    old = sample.home / "trading_bob_old.db"
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE users SET previous_file_name = ? WHERE user_id = 'bob'", (old.name,))
    old.write_bytes(sample.file("bob").read_bytes())
    old.chmod(0o600)
    assert any("both names are taken" in finding.problem for finding in sample.found(deep=False))


def test_copies_of_deleted_users_files_are_known_and_looked_after(sample: Sample) -> None:
    """They are private like all others, and what a cut-off write has left among them is named."""
    kept = sample.home / "deleted"
    kept.mkdir(0o700, exist_ok=True)
    (kept / "trading_dan_x.db~20260301T093000.000000Z.db").write_bytes(b"")
    (kept / "trading_dan_x.db~20260301T093000.000000Z.db").chmod(0o644)
    (kept / ".writing-0123").write_bytes(b"half")
    (kept / ".writing-0123").chmod(0o600)
    os.utime(kept / ".writing-0123", (1, 1))
    (sample.home / "jobs.db").write_bytes(b"")
    (sample.home / "jobs.db").chmod(0o640)
    assert {finding.file: finding.problem for finding in sample.found(deep=False)} == {
        "deleted/trading_dan_x.db~20260301T093000.000000Z.db": "others may use it",
        "deleted/.writing-0123": "a file that was never finished, and nobody is writing it any more",
        "jobs.db": "others may use it",
    }
