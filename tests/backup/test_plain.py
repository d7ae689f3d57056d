"""One user's file as a plain SQLite file: any tool opens it, and it can be put back by hand."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from credit_trading import ManualClock, Settings
from credit_trading.errors import (
    AlreadyExists,
    FileCorrupt,
    FileQuarantined,
    InvalidInput,
    NotFound,
    TradingError,
    Unwritable,
)
from credit_trading.store import files
from credit_trading.store.sqlite import connect
from credit_trading.users.private_writer import PrivateWriter
from tests.floor import CASH, Floor, opened, put, rows_of, shared_content
from tests.users import harm


@pytest.fixture
def told(floor: Floor) -> Floor:
    """ann has sold something, and has private facts."""
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    with PrivateWriter(floor.exchange._files, floor.exchange._projector).writing(1) as connection:
        connection.execute("CREATE TABLE wishes (wish TEXT)")
        connection.execute("INSERT INTO wishes VALUES ('more')")
    return floor


def test_any_tool_opens_it_read_only_and_finds_all_of_the_users_file(told: Floor, tmp_path: Path) -> None:
    """The standard library's sqlite3 in another process, in a folder that it cannot write to; nothing stands beside the file."""
    folder = tmp_path / "out"
    folder.mkdir()
    made = told.admin.backups.create_user("ann", folder / "ann.db")
    assert (made.user_id, made.path, made.size_bytes) == ("ann", folder / "ann.db", made.path.stat().st_size)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    program = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n"
        "print(c.execute('PRAGMA integrity_check').fetchone()[0], c.execute('PRAGMA journal_mode').fetchone()[0])\n"
        "print(*c.execute('SELECT applied_sequence, (SELECT wish FROM wishes) FROM metadata').fetchone())\n"
    )
    folder.chmod(0o500)
    ran = subprocess.run([sys.executable, "-c", program, made.path], capture_output=True, text=True, check=True)
    folder.chmod(0o700)
    assert ran.stdout == f"ok delete\n{made.sequence} more\n"
    assert os.listdir(folder) == ["ann.db"]
    assert shared_content(made.path) == shared_content(told.path("ann"))


def test_it_is_caught_up_first(told: Floor, tmp_path: Path) -> None:
    told.exchange.close()
    with opened(told.exchange.home, settings=Settings(project_on_commit=False)) as exchange:
        again = Floor(exchange)
        again.admin.accounts.deposit("ann", CASH, "1.00")
        made = again.admin.backups.create_user("ann", tmp_path / "ann.db")
        assert made.sequence == exchange.sequence


def test_put_back_by_hand_it_heals(told: Floor, clock: ManualClock, tmp_path: Path) -> None:
    """In WAL mode again, with what the user has done since, and the private facts of then."""
    copy = told.admin.backups.create_user("ann", tmp_path / "ann.db").path
    told.place("ann", "buy", 1, "1.00")
    path = told.path("ann")
    told.exchange.close()
    live = shared_content(path)
    put(copy, path)
    with opened(told.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert len(again.user("ann").orders.get_active_orders()) == 2
        assert again.findings() == []
    assert shared_content(path) == live
    assert rows_of(path, "SELECT wish FROM wishes") == [("more",)]
    with closing(connect(path, mode="rw")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _folder(home: Path) -> Path:
    return home.parent


def _in_the_exchange(home: Path) -> Path:
    return home / "ann.db"


def _through_a_link(home: Path) -> Path:
    (home.parent / "link").symlink_to(home)
    return home.parent / "link" / "trading_zed_x.db"


def _over_a_users_file(home: Path) -> Path:
    return next(home.glob("trading_ann*.db"))


def _no_folder(home: Path) -> Path:
    return home.parent / "nowhere" / "ann.db"


def _taken(home: Path) -> Path:
    (home.parent / "ann.db").write_text("mine")
    return home.parent / "ann.db"


def _dangling(home: Path) -> Path:
    (home.parent / "ann.db").symlink_to("nothing")
    return home.parent / "ann.db"


def _beside_a_wal(home: Path) -> Path:
    (home.parent / "ann.db-wal").write_text("frames")
    return home.parent / "ann.db"


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [
        (_folder, InvalidInput, "a folder, not a file"),
        (_in_the_exchange, InvalidInput, "in the exchange's own folder"),
        (_through_a_link, InvalidInput, "in the exchange's own folder"),
        (_over_a_users_file, InvalidInput, "in the exchange's own folder"),
        (_no_folder, NotFound, "there is no folder"),
        (_taken, AlreadyExists, "exists"),
        (_dangling, AlreadyExists, "exists"),
        (_beside_a_wal, AlreadyExists, "ann.db-wal"),
        (lambda _: "", InvalidInput, "not the name of a file"),
        (lambda _: "a\nb.db", InvalidInput, "not the name of a file"),
        (lambda _: "s3://bucket/ann.db", NotFound, "there is no folder"),
    ],
)
def test_where_no_such_file_can_be_nothing_is_changed(
    told: Floor, place: Callable[[Path], Path], kind: type[TradingError], words: str
) -> None:
    """One line, and a way out."""
    to = place(told.exchange.home)
    before = _all_below(told.exchange.home.parent)
    with pytest.raises(kind, match=words) as refused:
        told.admin.backups.create_user("ann", to)
    assert refused.value.hint
    assert "\n" not in str(refused.value)
    assert _all_below(told.exchange.home.parent) == before


def _all_below(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_ino for path in folder.rglob("*")}


def test_written_over_only_if_that_is_asked_for(told: Floor, tmp_path: Path) -> None:
    """In one step; not while something stands beside it that SQLite would take for a part of it."""
    backups, to = told.admin.backups, tmp_path / "ann.db"
    first = backups.create_user("ann", to)
    told.place("ann", "buy", 1, "1.00")
    second = backups.create_user("ann", to, overwrite=True)
    assert second.sequence > first.sequence
    assert rows_of(to, "SELECT applied_sequence FROM metadata") == [(second.sequence,)]
    Path(f"{to}-journal").touch()
    with pytest.raises(AlreadyExists, match=r"ann\.db-journal"):
        backups.create_user("ann", to, overwrite=True)


def test_a_damaged_file_is_not_copied_but_put_in_quarantine(told: Floor, tmp_path: Path) -> None:
    """Though neither using it nor copying it shows the damage."""
    path = told.path("ann")
    told.exchange._files.pool.close_idle()
    harm.page_of_rows(path)
    with pytest.raises(FileCorrupt, match="the database is damaged") as refused:
        told.admin.backups.create_user("ann", tmp_path / "ann.db")
    assert str(path) in str(refused.value)
    assert "credit-trading rebuild ann" in refused.value.hint
    with pytest.raises(FileQuarantined):
        told.admin.backups.create_user("ann", tmp_path / "ann.db")
    assert not (tmp_path / "ann.db").exists()
    told.admin.databases.rebuild("ann", accept_loss=True)
    told.admin.backups.create_user("ann", tmp_path / "ann.db")


def test_unknown_and_deleted_users_are_refused(told: Floor, tmp_path: Path) -> None:
    told.admin.databases.delete_trading_database("ann", sweep_to="bob")
    for user in ("zed", "ann"):
        with pytest.raises(NotFound):
            told.admin.backups.create_user(user, tmp_path / "copy.db")


@pytest.mark.parametrize("call", ["open", "write", "fsync", "link"])
def test_the_file_is_there_whole_or_not_at_all(
    told: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whichever call of publishing it fails."""
    folder = tmp_path / "out"
    folder.mkdir()
    content = told.admin.backups.create_user("ann", tmp_path / "other.db").size_bytes
    monkeypatch.setattr(files, "os", _Full(call))
    with pytest.raises(Unwritable, match="no space left"):
        told.admin.backups.create_user("ann", folder / "ann.db")
    monkeypatch.undo()
    assert os.listdir(folder) == []
    assert told.admin.backups.create_user("ann", folder / "ann.db").size_bytes == content


class _Full:
    """A stand-in for `os` where one call finds the disk full."""

    def __init__(self, call: str) -> None:
        self._call = call

    def __getattr__(self, name: str) -> object:
        if name != self._call:
            return getattr(os, name)

        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        return full
