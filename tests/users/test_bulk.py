"""Many users at once: all checked before any is created, files made in groups, a broken list gone on with."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credit_trading import Exchange
from credit_trading.errors import AlreadyExists, Interrupted, InvalidInput, StorageError, TradingError
from credit_trading.store import files as store_files
from credit_trading.store.locks import user_slot
from credit_trading.users import bulk
from credit_trading.users.projector import Projector
from tests.floor import CASH, Floor, rows_of

PAIRS = [(f"user{number}", f"user{number}@example.com") for number in range(60)]


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three for the list."""
    monkeypatch.setattr(bulk, "PER_COMMIT", 25)


def users_of(floor: Floor) -> list[str]:
    return [user.user_id for user in floor.admin.databases.list_trading_databases(sort="created_at")]


def test_each_user_of_a_list_has_a_whole_file_of_their_own(floor: Floor, home: Path) -> None:
    """Private ones, and nothing is left beside them; progress is told after each group."""
    told: list[tuple[int, int]] = []
    made = floor.admin.databases.create_trading_databases(PAIRS, progress=lambda done, of: told.append((done, of)))
    assert made == bulk.Creation(created=60, already=0, refused=[])
    assert users_of(floor)[3:] == [user_id for user_id, _ in PAIRS]
    assert told == [(25, 60), (50, 60), (60, 60)]
    paths = list(home.glob("trading_user*.db"))
    assert len(paths) == 60
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert not list(home.glob(".writing-*"))
    assert floor.findings() == []
    floor.admin.databases.get_trading_database("user59").close()
    assert rows_of(floor.path("user59"), "SELECT user_id, email FROM metadata") == [("user59", "user59@example.com")]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (("no id", "x@example.com"), InvalidInput),
        (("eve", "no e-mail"), InvalidInput),
        (("User0", "x@example.com"), InvalidInput),
        (("ann", "ann@example.com"), AlreadyExists),
        (("ANN", "x@example.com"), AlreadyExists),
        ((7, "x@example.com"), InvalidInput),
    ],
    ids=["bad id", "bad e-mail", "twice, in capitals", "exists", "exists in small letters", "no text"],
)
def test_one_bad_user_of_a_list_changes_nothing(floor: Floor, bad: tuple[str, str], error: type[TradingError]) -> None:
    """However late it comes. The error's cause knows its place in the list."""
    before = floor.exchange.sequence
    with pytest.raises(error) as raised:
        floor.admin.databases.create_trading_databases([*PAIRS, bad, ("zoe", "zoe@example.com")])
    assert isinstance(raised.value.__cause__, bulk.WrongUsers)
    assert raised.value.__cause__.wrong == ((len(PAIRS), raised.value),)
    assert floor.exchange.sequence == before


def test_the_cause_knows_all_that_is_wrong_with_a_list(floor: Floor) -> None:
    """Ten at most; the rest of the list is not read then."""
    given: list[int] = []

    def listed() -> Iterator[tuple[str, str]]:
        for number in range(40):
            given.append(number)
            yield (f"user{number}", "no e-mail" if number % 3 == 1 else "x@example.com")

    with pytest.raises(InvalidInput) as raised:
        floor.admin.databases.create_trading_databases(listed())
    assert isinstance(raised.value.__cause__, bulk.WrongUsers)
    assert [place for place, _ in raised.value.__cause__.wrong] == list(range(1, 30, 3))
    assert raised.value.__cause__.is_cut_off
    assert given[-1] == 28


def test_an_id_that_was_given_out_once_is_refused_in_a_list_too(floor: Floor) -> None:
    floor.admin.databases.create_trading_database("gone", "gone@example.com")
    floor.admin.databases.delete_trading_database("gone")
    for skip_existing in (False, True):
        with pytest.raises(AlreadyExists, match="never given out again"):
            floor.admin.databases.create_trading_databases([("gone", "gone@example.com")], skip_existing=skip_existing)


def test_a_list_that_was_broken_off_is_gone_on_with(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The groups before the failure are whole; those who are there with the same e-mail are passed over the second time."""
    databases, submit = floor.admin.databases, floor.admin.databases._submit_all
    groups = iter([submit])

    def fail_in_the_second(commands: object) -> object:
        group = next(groups, None)
        if group is None:
            raise StorageError("submit", "", "the disk is gone")
        return group(commands)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(databases, "_submit_all", fail_in_the_second)
    with pytest.raises(StorageError, match="the disk is gone"):
        databases.create_trading_databases(PAIRS)
    assert len(users_of(floor)) == 3 + 25
    monkeypatch.undo()
    made = databases.create_trading_databases(PAIRS, skip_existing=True)
    assert (made.created, made.already) == (35, 25)
    assert floor.findings() == []


def test_a_user_who_is_there_with_another_e_mail_is_not_passed_over(floor: Floor) -> None:
    with pytest.raises(AlreadyExists, match="the user exists, as ann@"):
        floor.admin.databases.create_trading_databases([("ann", "other@example.com")], skip_existing=True)


def test_a_user_whom_another_process_creates_meanwhile_is_refused_alone(
    floor: Floor, reopen: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the list are created."""
    databases, submit = floor.admin.databases, floor.admin.databases._submit_all
    other = reopen().as_admin("other")

    def late(commands: object) -> object:
        other.databases.create_trading_database("eve", "eve@elsewhere.org")
        return submit(commands)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(databases, "_submit_all", late)
    made = databases.create_trading_databases([("dan", "dan@example.com"), ("eve", "eve@example.com")])
    assert made.created == 1
    assert ["eve" in str(error) for error in made.refused] == [True]
    assert users_of(floor)[3:] == ["eve", "dan"]
    assert floor.findings() == []


def test_a_user_whose_file_was_not_made_gets_it_when_it_is_opened(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk after the commit, or a crash: the users exist, and saying otherwise would be wrong."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(store_files, "_TOGETHER", 4)
        disk.setattr(os, "fsync", full)
        made = floor.admin.databases.create_trading_databases(PAIRS[:10])
    assert made.created == 10
    assert "made when they are first opened" in caplog.text
    assert not list(floor.exchange.home.glob("trading_user*.db"))
    assert not list(floor.exchange.home.glob(".writing-*"))
    assert floor.balance("user7") == "0"
    assert [finding.split(": ")[1] for finding in floor.findings()] == [
        "the file is missing. It is made anew from the journal when it is next read, or by"
    ] * 10
    assert floor.admin.databases.catch_up() == 0
    assert floor.findings() == []


def test_nobody_opens_a_file_before_it_is_durable(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private fact could be written into one that a power cut takes away: all locks are held until all names are durable."""
    locks, publish = floor.exchange._live.lock_file, store_files.publish_all_new
    held: list[bool] = []

    def look(paths: list[Path], data: bytes) -> None:
        publish(paths, data)
        held.extend(locks.holder(user_slot(number)) == os.getpid() for number in (4, 5, 6))

    monkeypatch.setattr("credit_trading.users.files.publish_all_new", look)
    floor.admin.databases.create_trading_databases(PAIRS[:3])
    assert held == [True, True, True]
    assert [locks.holder(user_slot(number)) for number in (4, 5, 6)] == [None, None, None]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Another process may have made it, and projected into it."""
    taken, free = tmp_path / "taken.db", tmp_path / "free.db"
    taken.write_bytes(b"theirs")
    store_files.publish_all_new([taken, free], b"ours")
    assert (taken.read_bytes(), free.read_bytes()) == (b"theirs", b"ours")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free.db", "taken.db"]


def test_an_empty_list_creates_nobody(floor: Floor) -> None:
    before = floor.exchange.sequence
    assert floor.admin.databases.create_trading_databases([]).created == 0
    assert floor.exchange.sequence == before


def test_a_list_that_fails_half_way_says_how_far_it_came(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that nothing was changed; given again it goes on."""
    commit, calls = floor.exchange._live.commit, iter(range(9))

    def full_at_the_second(*given: object) -> None:
        if next(calls) == 1:
            raise StorageError("exchange.write", "exchange.db", "the disk is full")
        commit(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "PER_COMMIT", 4)
        patched.setattr(floor.exchange._live, "commit", full_at_the_second)
        with pytest.raises(Interrupted, match=r"4 of 10 users were created before this.*--skip-existing") as told:
            floor.admin.databases.create_trading_databases(PAIRS[:10])
    assert told.value.took_effect is None
    assert "nothing was changed" not in str(told.value)
    again = floor.admin.databases.create_trading_databases(PAIRS[:10], skip_existing=True)
    assert (again.created, again.already) == (6, 4)


def test_what_is_committed_is_answered_whatever_its_files_come_to(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the main thread has ended there are no new threads; who was told of a failure would move the money again."""

    def no_threads(*_: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(Projector, "catch_up_after_commit", no_threads)
    monkeypatch.setattr(store_files, "publish_all_new", no_threads)
    monkeypatch.setattr("credit_trading.users.files.publish_all_new", no_threads)
    assert floor.admin.accounts.deposit("ann", CASH, "1.00").sequence == floor.exchange.sequence
    assert floor.admin.databases.create_trading_databases(PAIRS[:3]).created == 3
