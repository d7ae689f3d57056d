"""Opening folders: good ones, bad ones, and those that one may only look at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import credit_trading
from credit_trading import ManualClock
from credit_trading.errors import (
    FileAhead,
    FileCorrupt,
    InvalidInput,
    NotAnExchange,
    NotFound,
    TradingError,
    VersionUnsupported,
)
from credit_trading.journal.log import FILE_NAME, FORMAT_VERSION
from credit_trading.store.sqlite import connect
from tests.floor import CASH, Floor, edit, opened


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file below, by its path; what SQLite keeps in shared memory aside."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".db-shm"
    }


def _refused(folder: Path, error: type[TradingError], words: str, *, create: bool = False) -> None:
    with pytest.raises(error, match=words) as told:
        credit_trading.open(folder, create=create)
    assert "\n" not in str(told.value)
    assert told.value.hint
    assert str(folder) in str(told.value)


def test_a_folder_is_founded_only_when_asked_for(tmp_path: Path) -> None:
    """A mistyped path must not found an exchange, nor leave anything behind."""
    _refused(tmp_path / "mistyped", NotAnExchange, "no such folder")
    assert list(tmp_path.iterdir()) == []
    with credit_trading.open(tmp_path / "a" / "b", create=True) as exchange:
        assert exchange.sequence == 1
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_founding_twice_opens_what_is_there(home: Path) -> None:
    """create=True means: if it is not there."""
    with credit_trading.open(home, create=True) as exchange:
        Floor(exchange).set_up("ann")
        digest = exchange.state_digest()
    with credit_trading.open(home, create=True) as exchange:
        assert exchange.state_digest() == digest


def test_a_folder_that_is_no_exchange_is_refused(tmp_path: Path) -> None:
    """Nothing is made in it."""
    (tmp_path / "holiday.txt").write_text("photographs")
    before = _contents(tmp_path)
    _refused(tmp_path, NotAnExchange, "no exchange here")
    assert _contents(tmp_path) == before


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    """Whether or not it may be created."""
    path = tmp_path / "trading"
    path.write_text("a file")
    _refused(path, NotAnExchange, "a file, not a folder")
    _refused(path, NotAnExchange, "a file, not a folder", create=True)
    assert path.read_text() == "a file"


def test_a_file_in_the_way_above_is_refused(tmp_path: Path) -> None:
    """Its folder cannot be made."""
    (tmp_path / "in-the-way").write_text("a file")
    with pytest.raises(TradingError) as told:
        credit_trading.open(tmp_path / "in-the-way" / "trading", create=True)
    assert "\n" not in str(told.value)


def _not_sqlite(path: Path) -> None:
    path.write_bytes(b"Dear Sir or Madam, " * 500)


def _short_text(path: Path) -> None:
    path.write_bytes(b"hello")


def _corrupt(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def _newer(path: Path) -> None:
    edit(path, "PRAGMA user_version = 99")


def _stamped_older(path: Path) -> None:
    edit(path, f"PRAGMA user_version = {FORMAT_VERSION - 1}")


def _stamped_first(path: Path) -> None:
    edit(path, "PRAGMA user_version = 1")


def _another_program(path: Path) -> None:
    path.unlink()
    connection = connect(path, mode="rwc")
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()


def _without_journal(path: Path) -> None:
    edit(path, "DROP TABLE journal")


def _without_rows(path: Path) -> None:
    edit(path, "DELETE FROM journal")


def _without_catalogue(path: Path) -> None:
    edit(path, "DROP TABLE users")


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    ("harm", "error", "words"),
    [
        (_not_sqlite, FileCorrupt, "no SQLite database"),
        (_short_text, FileCorrupt, "no SQLite database"),
        (_corrupt, FileCorrupt, "damaged"),
        (_truncated, FileCorrupt, "damaged"),
        (_newer, VersionUnsupported, f"format 99 is newer than {FORMAT_VERSION}"),
        (_stamped_older, FileCorrupt, f"says that it is of version {FORMAT_VERSION - 1}, and its tables are not"),
        (_stamped_first, FileCorrupt, "says that it is of version 1, and its tables are not"),
        (_another_program, NotAnExchange, "not an exchange's"),
        (_without_journal, FileCorrupt, "journal"),
        (_without_rows, FileCorrupt, "no beginning"),
        (_without_catalogue, FileCorrupt, "users"),
    ],
)
def test_a_database_that_is_not_ours_to_read_is_refused_and_left_as_it_is(
    home: Path, harm: Callable[[Path], None], error: type[TradingError], words: str, create: bool
) -> None:
    """One clear line that names the file; not a byte is changed, whether or not one may be created."""
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
    harm(home / FILE_NAME)
    before = _contents(home)
    _refused(home, error, words, create=create)
    assert _contents(home) == before


def test_an_empty_file_is_no_exchange_until_it_is_founded(home: Path) -> None:
    """A crash at the very beginning leaves one."""
    home.mkdir()
    (home / FILE_NAME).write_bytes(b"")
    with pytest.raises(TradingError):
        credit_trading.open(home)
    with credit_trading.open(home, create=True) as exchange:
        assert exchange.sequence == 1


_AS_NOBODY = """
import os, sys
import credit_trading
from credit_trading.errors import TradingError
home, create = sys.argv[1], sys.argv[2] == "create"
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    with credit_trading.open(home, create=create) as exchange:
        exchange.as_admin("a").accounts.deposit("ann", "USD", "1.00")
except TradingError as error:
    print(f"{type(error).__name__}|{error}")
else:
    print("done")
"""


def _as_nobody(home: Path, *, create: bool = False) -> str:
    """What a process without root's powers is told."""
    ran = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(home), "create" if create else ""],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def _give_away(*paths: Path) -> None:
    for path in paths:
        os.chown(path, 65534, 65534)


@pytest.fixture
def reachable(tmp_path: Path) -> Path:
    """A folder to which nobody's way is open (pytest's own are private)."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o711)
    return tmp_path


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@needs_root
def test_a_read_only_folder_is_refused_in_one_line(reachable: Path) -> None:
    """SQLite needs to make files beside its own; nothing is changed."""
    home = reachable / "trading"
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
    _give_away(home, *home.iterdir())
    assert _as_nobody(home) == "done"
    home.chmod(0o500)
    before = _contents(home)
    kind, _, words = _as_nobody(home).partition("|")
    assert kind == "Unwritable"
    assert str(home) in words
    assert _contents(home) == before


@needs_root
def test_founding_in_a_read_only_folder_is_refused_in_one_line(reachable: Path) -> None:
    """Whether the folder is there or its parent would have to take it."""
    (reachable / "there").mkdir(0o500)
    _give_away(reachable / "there")
    for home in (reachable / "there", reachable / "there" / "below"):
        kind, _, words = _as_nobody(home, create=True).partition("|")
        assert kind == "Unwritable"
        assert "\n" not in words
    assert list((reachable / "there").iterdir()) == []


@needs_root
def test_a_read_only_database_in_a_writable_folder_is_refused_in_one_line(reachable: Path) -> None:
    """It can be opened and looked at; the first write says why it cannot be done."""
    home = reachable / "trading"
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
    _give_away(home, *home.iterdir())
    (home / FILE_NAME).chmod(0o400)
    before = (home / FILE_NAME).read_bytes()
    kind, _, words = _as_nobody(home).partition("|")
    assert kind == "Unwritable", words
    assert (home / FILE_NAME).read_bytes() == before


@needs_root
def test_a_folder_that_may_not_be_entered_is_refused_in_one_line(reachable: Path) -> None:
    """Somebody else's."""
    home = reachable / "trading"
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
    kind, _, words = _as_nobody(home).partition("|")
    assert kind == "Unwritable", words
    assert "permission denied" in words


def test_closing_twice_does_no_harm(floor: Floor) -> None:
    """And a user's services say so afterwards instead of failing darkly."""
    ann = floor.user("ann")
    floor.exchange.close()
    floor.exchange.close()
    with pytest.raises(TradingError):
        ann.orders.get_active_orders()


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65, "\x00"])
def test_an_admins_name_is_printable(floor: Floor, name: str) -> None:
    """It stands in audit trails."""
    with pytest.raises(InvalidInput):
        floor.exchange.as_admin(name)


def test_acting_for_a_user_who_does_not_exist_is_refused(floor: Floor) -> None:
    """As oneself or on behalf of."""
    with pytest.raises(NotFound):
        floor.exchange.as_user("zoe")
    with pytest.raises(NotFound):
        floor.admin.on_behalf_of("zoe")


def test_the_journal_can_be_read_from_anywhere(floor: Floor) -> None:
    """Each entry with kind, cause and fields; from a sequence on, up to now."""
    sequence = floor.exchange.sequence
    floor.place("ann", "sell", 3, "5.00", command_id="c")
    (entry,) = floor.admin.journal(after=sequence)
    assert (entry.sequence, entry.kind, entry.cause) == (sequence + 1, "order_accepted", "user1/id/c")
    assert entry.data["price_ticks"] == 500
    assert len(list(floor.admin.journal())) == sequence + 1
    assert list(floor.admin.journal(after=sequence + 1)) == []


def test_no_exchange_is_founded_over_users_files(home: Path) -> None:
    """Whether exchange.db is gone or empty: a new one would know none of them, and take their names."""
    with opened(home) as exchange:
        Floor(exchange).set_up("ann")
    path = home / FILE_NAME
    for make in (lambda: path.write_bytes(b""), path.unlink):
        make()
        before = _contents(home)
        for create in (True, False):
            _refused(home, NotAnExchange, "users' files are here, but exchange.db is missing or empty", create=create)
        assert _contents(home) == before


def test_an_old_exchange_db_is_refused_while_the_mark_of_who_follows_knows_more(home: Path, clock: ManualClock) -> None:
    """Its sequences would be given out twice; nothing is changed, and with the right one all goes on."""
    with opened(home, clock=clock) as exchange:
        Floor(exchange).set_up("ann")
    old = (home / FILE_NAME).read_bytes()
    with opened(home, clock=clock) as exchange:
        Floor(exchange).admin.accounts.deposit("ann", CASH, "1.00")
        exchange._follower.follow()
    right = (home / FILE_NAME).read_bytes()
    (home / FILE_NAME).write_bytes(old)
    _refused(home, FileAhead, r"it is an old one: .* caught_up.json knows more of it")
    assert (home / FILE_NAME).read_bytes() == old
    (home / FILE_NAME).write_bytes(right)
    with opened(home, clock=clock) as exchange:
        assert Floor(exchange).findings() == []


def test_a_journal_whose_end_is_gone_is_damaged_and_no_fault_of_the_program(home: Path, clock: ManualClock) -> None:
    """The notes of the rows that are gone stand in the way of those that follow."""
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann")
        last = floor.admin.accounts.deposit("ann", CASH, "1.00", note="kept").sequence
    edit(home / FILE_NAME, f"DELETE FROM journal WHERE sequence = {last}")
    with (
        opened(home, clock=clock) as exchange,
        pytest.raises(FileCorrupt, match="something stands in the next row's place"),
    ):
        Floor(exchange).admin.accounts.deposit("ann", CASH, "1.00", note="another")
