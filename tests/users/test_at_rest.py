"""A file that nobody has open: read only when it is at rest, and understood only when it is as this version writes it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from credit_trading.errors import TradingError
from credit_trading.store.sqlite import connect, sqlite3
from credit_trading.users.at_rest import content_at_rest, standing_in
from credit_trading.users.standing import Standing
from credit_trading.users.tables.schema import template
from tests.floor import Floor, edit
from tests.users import harm
from tests.users.version_1 import make_version_1

PAGE = 4096


def aged(path: Path, *, age_s: float = 10) -> None:
    """As if it had last been changed some seconds ago."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - int(age_s * 1e9)))


@pytest.fixture
def path(floor: Floor) -> Path:
    """ann's file with an order in it, closed and at rest."""
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    floor.exchange.close()
    aged(path)
    return path


def by_sqlite(path: Path) -> Standing | None:
    try:
        with closing(connect(path, mode="rw")) as connection:
            return Standing.of(connection, path)
    except (TradingError, sqlite3.Error, UnicodeDecodeError):
        return None


def test_a_file_at_rest_is_read_whole_and_says_where_it_stands(path: Path) -> None:
    content = content_at_rest(path)
    assert content == path.read_bytes()
    standing = standing_in(content)
    assert standing is not None
    assert standing == by_sqlite(path)
    assert standing.position.sequence > 3


def _beside(suffix: str) -> Callable[[Path], None]:
    return lambda path: Path(f"{path}{suffix}").touch()


@pytest.mark.parametrize(
    "disturb",
    [
        _beside("-wal"),
        _beside("-journal"),
        lambda path: os.utime(path),
        lambda path: aged(path, age_s=-3_600),
        lambda path: path.unlink(),
    ],
    ids=["WAL", "journal", "just now", "in the future", "gone"],
)
def test_a_file_that_may_be_in_use_is_left_to_sqlite(path: Path, disturb: Callable[[Path], None]) -> None:
    """A clock that was set back makes files of the future: of these nothing can be told by their times."""
    disturb(path)
    assert content_at_rest(path) is None


def test_a_link_is_no_users_file(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.symlink_to("elsewhere.db")
    with pytest.raises(OSError, match="symbolic link"):
        content_at_rest(path)


def _by_sqlite(path: Path) -> None:
    edit(path, "UPDATE balances SET posted = posted + 1")


def _by_hand(path: Path) -> None:
    """The same size, and the time of change put back."""
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(PAGE)
        file.write(b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replaced(path: Path) -> None:
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    aged(copy)
    copy.replace(path)


@pytest.mark.parametrize("change", [_by_sqlite, _by_hand, _replaced])
def test_what_comes_in_between_is_noticed(
    path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may know nothing of the user's lock."""
    read = os.read

    def read_and_change(descriptor: int, size: int) -> bytes:
        content = read(descriptor, size)
        monkeypatch.undo()
        change(path)
        return content

    monkeypatch.setattr(os, "read", read_and_change)
    assert content_at_rest(path) is None


@pytest.mark.parametrize(
    "change",
    [
        make_version_1,
        harm.newer,
        harm.other_program,
        harm.position_lost,
        harm.metadata_dropped,
        harm.pages_of_another_size,
        harm.header,
        harm.truncated,
        harm.emptied,
        lambda path: path.write_bytes(template()),
        lambda path: edit(path, "INSERT INTO column_descriptions SELECT 't', hex(randomblob(9)), '', '' FROM balances"),
        lambda path: edit(path, "PRAGMA journal_mode = DELETE"),
    ],
)
def test_what_is_not_as_this_version_writes_it_is_left_to_sqlite(path: Path, change: Callable[[Path], None]) -> None:
    """Where it is understood all the same, SQLite says the same."""
    change(path)
    standing = standing_in(path.read_bytes())
    assert standing is None or standing == by_sqlite(path)


def test_a_table_that_has_moved_is_not_taken_for_another(path: Path) -> None:
    """Another program may have put the pages into another order."""
    edit(path, "ALTER TABLE metadata RENAME TO old", "CREATE TABLE metadata AS SELECT * FROM old", "DROP TABLE old")
    edit(path, "CREATE TABLE x (a)", "VACUUM")
    assert standing_in(path.read_bytes()) is None
    assert by_sqlite(path) is not None


def test_damaged_bytes_are_never_misread(path: Path) -> None:
    """Whatever stands there: either nothing is understood, or what SQLite understands."""
    content, chance = path.read_bytes(), random.Random(7)
    understood = 0
    for turn in range(400):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            damaged[
                chance.choice([chance.randrange(100), PAGE + chance.randrange(PAGE), -1 - chance.randrange(300)])
            ] = chance.randrange(256)
        if turn % 10 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        standing = standing_in(bytes(damaged))
        if standing is not None and standing != standing_in(content):
            understood += 1
            path.write_bytes(damaged)
            assert standing == by_sqlite(path)
    assert understood < 100
