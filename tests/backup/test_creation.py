"""Making sets: what is in one, what the next one adds, and what becomes of those that are cut short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import credit_trading
from credit_trading import Exchange, ManualClock
from credit_trading.backup import creation, packs, personal, sealing, user_packs
from credit_trading.backup.archive import Archive, unpacked
from credit_trading.backup.creation import Created
from credit_trading.backup.manifest import Copy, Manifest
from credit_trading.backup.verification import verify
from credit_trading.errors import Busy, FileForeign, InvalidInput, NotFound, StorageError
from credit_trading.exchange.state import state_digest
from credit_trading.journal import checkpoint
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.journal.segments import unseal
from credit_trading.store.locks import BACKUP
from credit_trading.store.places import Folder
from credit_trading.store.sqlite import Connection
from credit_trading.users import private
from credit_trading.users.copying import FileCopy
from credit_trading.users.private_writer import PrivateWriter
from credit_trading.verify.finding import Finding
from tests.floor import CASH, Floor, copy_of, edit, opened, put, rows_of, shared_content

ANN, BOB, CAT = 1, 2, 3


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def archive(place: Path) -> Archive:
    return Archive.at(place)


@pytest.fixture
def one_user_a_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "MOST_USERS", 1)


def copies_in(archive: Archive, manifest: Manifest) -> dict[int, Copy]:
    found = [copy for pack in manifest.packs for copy in archive.index(pack)]
    assert len({copy.user for copy in found}) == len(found), "a user stands in a set once"
    return {copy.user: copy for copy in found}


def file_of(archive: Archive, manifest: Manifest, user: int, path: Path) -> Path:
    """That user's file as the set has it."""
    for pack in manifest.packs:
        for copy in archive.index(pack):
            if copy.user == user:
                path.write_bytes(archive.file(pack, copy))
                return path
    raise AssertionError(f"user #{user} is not in {manifest.set}")


def findings(archive: Archive, set_id: str | None = None, *, deep: bool = True) -> list[str]:
    """Of a deep verification, for which the set is restored and replayed; else of its objects alone."""

    def check(home: Path) -> Sequence[Finding]:
        return credit_trading.verify_folder(home, deep=True).findings

    return [str(one) for one in verify(archive, set_id, deep=deep, check=check)]


def write_private(exchange: Exchange, number: int, text: str) -> None:
    with PrivateWriter(exchange._files, exchange._projector).writing(number) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS diary (text TEXT)")
        connection.execute("INSERT INTO diary VALUES (?)", (text,))


# What a set holds


def test_a_full_set_holds_the_journal_all_files_and_a_checkpoint(
    floor: Floor, archive: Archive, tmp_path: Path
) -> None:
    floor.place("ann", "sell", 5, "5.00")
    floor.place("bob", "buy", 5, "5.00")
    created = floor.admin.backups.create(archive.url)
    manifest = archive.newest()
    assert (created.kind, created.users, created.skipped, created.set) == ("full", 3, [], manifest.set)
    assert (manifest.sequence, manifest.users) == (floor.exchange.sequence, 3)
    (segment,) = manifest.segments
    _, rows = unseal(archive.read(segment), name=segment.name)
    assert [row[0] for row in rows] == list(range(1, manifest.sequence + 1))
    assert copies_in(archive, manifest).keys() == {ANN, BOB, CAT}
    for number, user in ((ANN, "ann"), (BOB, "bob"), (CAT, "cat")):
        copy = file_of(archive, manifest, number, tmp_path / f"{user}.db")
        assert shared_content(copy) == shared_content(floor.path(user))
    assert manifest.checkpoint is not None
    path = tmp_path / "one.checkpoint"
    path.write_bytes(unpacked(archive.read(manifest.checkpoint)))
    assert state_digest(checkpoint.read(path)) == manifest.checkpoint.state_digest == floor.exchange.state_digest()
    assert findings(archive) == []


def test_the_next_set_adds_what_has_changed_and_no_more(floor: Floor, archive: Archive) -> None:
    first = floor.admin.backups.create(archive.url)
    floor.admin.accounts.deposit("bob", CASH, "1.00")
    second = floor.admin.backups.create(archive.url)
    manifest = archive.newest()
    assert (second.kind, second.base, second.users, second.segments) == ("incremental", first.set, 1, 1)
    assert copies_in(archive, manifest).keys() == {BOB}
    assert [(one.first, one.last) for one in manifest.segments] == [(first.sequence + 1, second.sequence)]
    assert manifest.checkpoint is None
    assert findings(archive) == []


def test_a_set_with_nothing_new_says_that_it_is_as_of_now(floor: Floor, archive: Archive) -> None:
    floor.admin.backups.create(archive.url)
    floor.admin.backups.create(archive.url)
    manifest = archive.newest()
    assert (manifest.kind, manifest.segments, manifest.packs) == ("incremental", [], [])
    assert findings(archive, deep=False) == []


def test_an_incremental_set_brings_a_checkpoint_once_many_events_have_come(
    floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "CHECKPOINT_EVENTS", 3)
    floor.admin.backups.create(archive.url)
    expected = []
    for _ in range(4):
        floor.admin.accounts.deposit("bob", CASH, "1.00")
        floor.admin.accounts.deposit("bob", CASH, "1.00")
        floor.admin.backups.create(archive.url)
        expected.append(archive.newest().checkpoint is not None)
    assert expected == [False, True, False, True]
    assert findings(archive, deep=False) == []


def test_a_full_set_names_segments_that_are_there_already(
    floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole ones only; one that is gone, or shorter than it was, is written anew."""
    monkeypatch.setattr(sealing, "ROWS_PER_SEGMENT", 4)
    floor.admin.backups.create(archive.url)
    first = archive.newest()
    assert [one.last for one in first.segments] == [*range(4, first.sequence, 4), first.sequence]
    floor.admin.accounts.deposit("bob", CASH, "1.00")
    gone, cut = first.segments[0], first.segments[1]
    archive.place.remove(gone.name)
    archive.place.write(cut.name, archive.read(cut)[:-1])
    made = floor.admin.backups.create(archive.url, "full")
    second = archive.newest()
    assert {one.name for one in first.segments if one.last % 4 == 0} <= {one.name for one in second.segments}
    assert made.segments <= 2
    assert findings(archive, deep=False) == []


def test_a_rotten_segment_gets_into_no_other_full_set(
    floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit, and the size is the same. The rows are still in exchange.db: sealed anew, they mend the set of before, too."""
    monkeypatch.setattr(sealing, "ROWS_PER_SEGMENT", 4)
    floor.admin.backups.create(archive.url)
    (rotten, *_) = archive.newest().segments
    content = bytearray(archive.read(rotten))
    content[len(content) // 2] ^= 1
    archive.place.write(rotten.name, bytes(content))
    assert findings(archive, deep=False)
    floor.admin.backups.create(archive.url, "full")
    assert [findings(archive, set_id, deep=False) for set_id in archive.set_ids()] == [[], []]


def test_a_journal_of_many_segments_is_whole(floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets begin in the middle of a segment and end there."""
    monkeypatch.setattr(sealing, "ROWS_PER_SEGMENT", 4)
    monkeypatch.setattr(sealing, "_ROWS_AT_ONCE", 3)
    for _ in range(3):
        floor.admin.backups.create(archive.url)
        for _ in range(5):
            floor.admin.accounts.deposit("ann", CASH, "1.00")
    floor.admin.backups.create(archive.url)
    ends = [one.last for manifest in archive.chain(archive.newest()) for one in manifest.segments]
    assert set(range(4, floor.exchange.sequence, 4)) <= set(ends)
    assert findings(archive) == []


# Private facts


def test_a_private_write_brings_the_user_into_the_next_set(floor: Floor, archive: Archive, tmp_path: Path) -> None:
    """No event tells of it."""
    floor.admin.backups.create(archive.url)
    write_private(floor.exchange, ANN, "dear diary")
    assert floor.admin.backups.create(archive.url).users == 1
    copy = file_of(archive, archive.newest(), ANN, tmp_path / "ann.db")
    assert rows_of(copy, "SELECT text FROM diary") == [("dear diary",)]
    assert floor.admin.backups.create(archive.url).users == 0


@pytest.mark.parametrize("moment", ["before its file is copied", "after its file was copied"])
def test_no_private_write_falls_between_two_sets(
    floor: Floor, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Written while a backup runs, it is in that set or in the next one."""
    original = user_packs._framed
    first = [moment]

    def framed(copy: FileCopy) -> packs.Frame:
        if copy.number == BOB and first:
            write_private(floor.exchange, CAT if "before" in first.pop() else ANN, "meanwhile")
        return original(copy)

    monkeypatch.setattr(user_packs, "_framed", framed)
    floor.admin.backups.create(archive.url)
    floor.admin.backups.create(archive.url)
    user = CAT if "before" in moment else ANN
    copy = file_of(archive, archive.newest(), user, tmp_path / "copy.db")
    assert rows_of(copy, "SELECT text FROM diary") == [("meanwhile",)]


def test_a_private_write_just_after_users_were_listed_is_in_the_next_set(
    floor: Floor, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This set is not to bring the user, and does not know of it any more."""
    write_private(floor.exchange, ANN, "first")
    floor.admin.backups.create(archive.url)
    original = private.generations

    def listed(connection: Connection) -> list[tuple[int, int]]:
        found = original(connection)
        monkeypatch.setattr(private, "generations", original)
        write_private(floor.exchange, ANN, "second")
        return found

    monkeypatch.setattr(private, "generations", listed)
    made = floor.admin.backups.create(archive.url)
    assert made.users == 0
    assert floor.admin.backups.create(archive.url).users == 1
    copy = file_of(archive, archive.newest(), ANN, tmp_path / "ann.db")
    assert rows_of(copy, "SELECT text FROM diary") == [("first",), ("second",)]


# Meanwhile


def test_what_happens_while_files_are_copied_is_in_the_next_set(
    floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copies are of different moments, and none is ahead of the journal that is sealed after them."""
    original = user_packs._framed

    def framed(copy: FileCopy) -> packs.Frame:
        for user in ("ann", "bob", "cat"):
            floor.admin.accounts.deposit(user, CASH, "1.00")
        return original(copy)

    monkeypatch.setattr(user_packs, "_framed", framed)
    floor.admin.backups.create(archive.url)
    monkeypatch.setattr(user_packs, "_framed", original)
    manifest = archive.newest()
    assert all(copy.applied_sequence <= manifest.sequence for copy in copies_in(archive, manifest).values())
    assert findings(archive) == []
    assert floor.admin.backups.create(archive.url).users == 3
    assert findings(archive) == []


def test_users_who_come_and_go_while_a_set_is_made_are_as_of_its_moment(
    floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People and journal are of one moment: nobody whom the journal does not know, no address of later."""
    original = user_packs._framed
    left = iter(("dan", "eve", "fay"))

    def framed(copy: FileCopy) -> packs.Frame:
        user = next(left, None)
        if user is not None:
            floor.admin.databases.create_trading_database(user, f"{user}@example.com")
            floor.admin.databases.change_email("bob", f"bob-{user}@example.com")
        return original(copy)

    monkeypatch.setattr(user_packs, "_framed", framed)
    after_people: list[Callable[[], object]] = [
        lambda: floor.admin.databases.change_email("cat", "later@example.com"),
        lambda: floor.admin.databases.create_trading_database("gus", "gus@example.com"),
    ]

    def seal(*args: object, **named: object) -> list[object]:
        while after_people:
            after_people.pop()()
        return original_seal(*args, **named)  # type: ignore[arg-type,return-value]

    original_seal, original_moment = sealing.seal_up_to, personal._moment

    def moment(log: Log) -> personal.Head:
        """Of the snapshot that is open: what is committed from here on is not in it."""
        found = original_moment(log)
        floor.admin.databases.change_email("ann", f"ann-{found.sequence}@example.com")
        return found

    monkeypatch.setattr(personal, "_moment", moment)
    monkeypatch.setattr(sealing, "seal_up_to", seal)
    floor.admin.backups.create(archive.url)
    assert archive.newest().users == 6
    assert findings(archive) == []
    floor.admin.backups.create(archive.url)
    assert archive.newest().users == 7
    assert findings(archive) == []


def test_trading_goes_on_while_sets_are_made(home: Path, archive: Archive) -> None:
    """From other threads; and each set stands for one moment."""
    with opened(home) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        stop = threading.Event()
        errors: list[Exception] = []

        def trade(user: str, side: str) -> None:
            try:
                while not stop.is_set():
                    floor.place(user, side, 1, "5.00")
            except Exception as error:  # noqa: BLE001 - looked at below
                errors.append(error)

        traders = [threading.Thread(target=trade, args=one) for one in (("ann", "sell"), ("bob", "buy"))]
        for trader in traders:
            trader.start()
        try:
            made = [floor.admin.backups.create(archive.url) for _ in range(3)]
        finally:
            stop.set()
            for trader in traders:
                trader.join()
        assert errors == []
        assert [one.skipped for one in made] == [[], [], []]
        assert made[0].sequence < made[1].sequence < made[2].sequence
        assert findings(archive) == []


def test_one_backup_of_a_folder_at_a_time(floor: Floor, archive: Archive) -> None:
    with (
        floor.exchange._live.lock_file.hold(BACKUP, timeout_s=1, operation="test"),
        pytest.raises(Busy, match="at work on this exchange's backups"),
    ):
        floor.admin.backups.create(archive.url)
    assert floor.admin.backups.create(archive.url).users == 3


# Users whose file cannot be copied


def test_a_broken_file_holds_up_nobody_and_is_tried_again(floor: Floor, archive: Archive) -> None:
    floor.exchange._files.pool.close_idle()
    edit(floor.path("bob"), "UPDATE metadata SET exchange_id = 'another'")
    made = floor.admin.backups.create(archive.url)
    assert [(one.user_id, one.carried_over_from) for one in made.skipped] == [("bob", None)]
    assert archive.newest().pending == [BOB]
    assert copies_in(archive, archive.newest()).keys() == {ANN, CAT}
    assert [one.user_id for one in floor.admin.backups.create(archive.url).skipped] == ["bob"]
    floor.admin.databases.rebuild("bob")
    mended = floor.admin.backups.create(archive.url)
    assert (mended.users, mended.skipped, archive.newest().pending) == (1, [], [])
    assert findings(archive, deep=False) == []


def test_private_facts_of_a_broken_file_are_carried_over_into_a_full_set(
    floor: Floor, archive: Archive, tmp_path: Path
) -> None:
    """They stand nowhere else, and older sets may be pruned."""
    write_private(floor.exchange, BOB, "kept")
    first = floor.admin.backups.create(archive.url)
    floor.admin.accounts.deposit("bob", CASH, "1.00")
    floor.exchange._files.pool.close_idle()
    edit(floor.path("bob"), "UPDATE metadata SET exchange_id = 'another'")
    made = floor.admin.backups.create(archive.url, "full")
    assert [(one.user_id, one.carried_over_from) for one in made.skipped] == [("bob", first.set)]
    assert made.users == 2
    assert archive.newest().pending == [BOB]
    copy = file_of(archive, archive.newest(), BOB, tmp_path / "bob.db")
    assert rows_of(copy, "SELECT text FROM diary") == [("kept",)]
    assert findings(archive) == []


# Where sets may go, and what they may add to


def test_an_older_exchange_is_no_reason_to_add_to_a_set_of_its_future(
    home: Path, archive: Archive, clock: ManualClock, tmp_path: Path
) -> None:
    """Sets beyond it, or beside its new history, stay as they are."""
    with opened(home, clock=clock) as exchange:
        old = Floor(exchange).set_up("ann").admin.backups.create(archive.url)
    copy = copy_of(home / FILE_NAME, tmp_path / "old")
    with opened(home, clock=clock) as exchange:
        Floor(exchange).admin.accounts.deposit("ann", CASH, "1.00")
        newer = Floor(exchange).admin.backups.create(archive.url)
    put(copy, home / FILE_NAME)
    for path in home.glob("*.checkpoint"):
        path.unlink()
    (home / "caught_up.json").unlink(missing_ok=True)
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange)
        made = floor.admin.backups.create(archive.url)
        assert made.base == old.set
        floor.admin.accounts.deposit("ann", CASH, "2.00")
        floor.admin.accounts.deposit("ann", CASH, "3.00")
        assert floor.admin.backups.create(archive.url).base == made.set
    assert archive.set_ids()[1] == newer.set


def test_a_damaged_manifest_is_passed_over(floor: Floor, archive: Archive) -> None:
    first = floor.admin.backups.create(archive.url)
    second = floor.admin.backups.create(archive.url)
    archive.place.write(f"sets/{second.set}.json", b"{}")
    assert floor.admin.backups.create(archive.url).base == first.set


def test_an_incremental_set_needs_one_to_add_to(floor: Floor, archive: Archive, place: Path) -> None:
    with pytest.raises(NotFound, match=r"no set that this exchange.db has made.*--full"):
        floor.admin.backups.create(archive.url, "incremental")
    assert not place.exists()


def test_another_exchanges_archive_is_refused(floor: Floor, archive: Archive, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as other:
        other.as_admin("setup").backups.create(archive.url)
    with pytest.raises(FileForeign, match="archive of another exchange"):
        floor.admin.backups.create(archive.url)


def test_a_folder_with_other_things_in_it_is_refused(floor: Floor, place: Path) -> None:
    place.mkdir()
    (place / "holiday.jpg").write_bytes(b"")
    with pytest.raises(FileForeign, match="other things lie here"):
        floor.admin.backups.create(place)
    assert [path.name for path in place.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("inside", ["", "backups", "x/../backups/deep"])
def test_a_place_in_the_exchanges_own_folder_is_refused(floor: Floor, inside: str) -> None:
    before = sorted(floor.exchange.home.iterdir())
    with pytest.raises(InvalidInput, match="lies in the exchange's own folder"):
        floor.admin.backups.create(floor.exchange.home / inside)
    assert sorted(floor.exchange.home.iterdir()) == before


def test_what_vanishes_before_the_end_is_told_and_no_set_is_there(
    floor: Floor, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else tidies up the same archive."""
    original = sealing.seal_up_to

    def seal(*args: object, **named: object) -> list[object]:
        archive.place.remove(archive.place.names("packs")[0])
        return original(*args, **named)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr(sealing, "seal_up_to", seal)
    with pytest.raises(StorageError, match="gone before the set is complete"):
        floor.admin.backups.create(archive.url)
    assert archive.set_ids() == []


# Cut short


class _CutShort(StorageError):
    """The place is gone, or full."""


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Called with a number, the next write but so many fails, and all after it; with None none does."""
    left: list[int | None] = [None]
    original = Folder.write

    def write(self: Folder, name: str, content: bytes) -> None:
        if left[0] is not None:
            if left[0] <= 0:
                raise _CutShort("place", name, "no space left")
            left[0] -= 1
        original(self, name, content)

    monkeypatch.setattr(Folder, "write", write)

    def allow(number: int | None) -> None:
        left[0] = number

    return allow


def _cut_short(floor: Floor, archive: Archive, writes: Callable[[int | None], None], number: int) -> bool:
    """Whether a backup that may write so many objects fails."""
    writes(number)
    try:
        floor.admin.backups.create(archive.url, "full")
    except _CutShort:
        return True
    finally:
        writes(None)
    return False


@pytest.mark.usefixtures("one_user_a_pack")
def test_wherever_it_is_cut_short_it_is_not_there_and_the_next_goes_on(
    floor: Floor, tmp_path: Path, writes: Callable[[int | None], None]
) -> None:
    """At each object in turn: nothing half is listed, what was copied is taken over, nothing is left lying."""
    number, taken_over = 0, []
    while True:
        archive = Archive.at(tmp_path / f"archive-{number}")
        if not _cut_short(floor, archive, writes, number):
            break
        assert archive.set_ids() == []
        made = floor.admin.backups.create(archive.url)
        assert (made.kind, made.users, archive.set_ids()) == ("full", 3, [made.set])
        assert _unneeded(archive) == []
        taken_over.append(made.taken_over)
        number += 1
    assert findings(archive, deep=False) == []
    assert taken_over == [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3]


def _unneeded(archive: Archive) -> list[str]:
    """Objects that no set names, but for segments: those do not say whose they are."""
    needed = {one.name for set_id in archive.set_ids() for one in archive.manifest(set_id).objects}
    folders = ("packs", "people", "checkpoints", "unfinished")
    return [name for folder in folders for name in archive.place.names(folder) if name not in needed]


def test_copies_of_an_interrupted_backup_that_became_old_are_made_again(
    floor: Floor, archive: Archive, writes: Callable[[int | None], None], tmp_path: Path
) -> None:
    """An event or a private write has come since. The others, of the same pack, are taken over."""
    floor.add("dan")
    assert _cut_short(floor, archive, writes, 4)
    assert len(archive.place.names("packs")) == 1
    floor.admin.accounts.deposit("ann", CASH, "1.00")
    write_private(floor.exchange, BOB, "since")
    made = floor.admin.backups.create(archive.url)
    manifest = archive.newest()
    assert (made.users, made.taken_over) == (4, 2)
    assert copies_in(archive, manifest).keys() == {ANN, BOB, CAT, 4}
    assert rows_of(file_of(archive, manifest, BOB, tmp_path / "bob.db"), "SELECT text FROM diary") == [("since",)]
    assert shared_content(file_of(archive, manifest, ANN, tmp_path / "ann.db")) == shared_content(floor.path("ann"))
    assert _unneeded(archive) == []
    assert findings(archive) == []


def test_a_damaged_pack_of_an_interrupted_backup_is_not_taken_over(
    floor: Floor, archive: Archive, writes: Callable[[int | None], None]
) -> None:
    assert _cut_short(floor, archive, writes, 4)
    (name,) = archive.place.names("packs")
    archive.place.write(name, archive.place.read(name)[:-1])
    made = floor.admin.backups.create(archive.url)
    assert (made.users, made.taken_over) == (3, 0)
    assert findings(archive, deep=False) == []


def test_a_user_who_was_deleted_since_is_not_taken_over(
    floor: Floor, archive: Archive, writes: Callable[[int | None], None]
) -> None:
    floor.admin.databases.create_trading_database("dan", "dan@example.com")
    assert _cut_short(floor, archive, writes, 4)
    floor.admin.databases.delete_trading_database("dan")
    assert floor.admin.backups.create(archive.url).taken_over == 3
    assert copies_in(archive, archive.newest()).keys() == {ANN, BOB, CAT}
    assert findings(archive, deep=False) == []


@pytest.mark.usefixtures("one_user_a_pack")
def test_what_a_published_set_has_taken_over_is_never_tidied_away(
    floor: Floor, archive: Archive, writes: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between publishing and tidying up: the next one finds records of a set whose packs another set needs."""
    assert _cut_short(floor, archive, writes, 7)
    with monkeypatch.context() as patch:
        patch.setattr(creation, "tidy", lambda *_: None)
        assert floor.admin.backups.create(archive.url).taken_over == 2
    full = floor.admin.backups.create(archive.url, "full")
    assert (full.taken_over, archive.place.names("unfinished")) == (0, [])
    floor.admin.backups.create(archive.url)
    assert [findings(archive, set_id, deep=False) for set_id in archive.set_ids()] == [[], [], []]


_VICTIM = """
import os, signal, sys
import credit_trading
from credit_trading.backup import packs
from credit_trading.store.places import Folder
from credit_trading.store.sqlite import Connection
from credit_trading.users import private

home, place, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
packs.MOST_USERS = 1
original, written = Folder.write, []

def write(self, name, content):
    written.append(name)
    if len(written) > number:
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, name, content)

Folder.write = write
with credit_trading.open(home) as exchange:
    exchange.as_admin("setup").backups.create(place)
"""


def test_a_backup_that_was_killed_is_gone_on_with(home: Path, archive: Archive, place: Path) -> None:
    """SIGKILL in the middle of it: the folder is free, the archive lists nothing half, the next set verifies."""
    with opened(home) as exchange:
        Floor(exchange).set_up("ann", "bob", "cat")
    done = subprocess.run([sys.executable, "-c", _VICTIM, home, place, "6"], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert archive.set_ids() == []
    assert len(archive.place.names("packs")) == 2
    with opened(home) as exchange:
        made: Created = Floor(exchange).admin.backups.create(place)
    assert (made.users, made.taken_over) == (3, 2)
    assert _unneeded(archive) == []
    assert findings(archive) == []
