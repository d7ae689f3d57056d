"""One user's file out of an archive: the journal's facts as of now, private ones as of the copy, and what was there is kept."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from credit_trading import ManualClock
from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Copy, Manifest, StoredPack
from credit_trading.backup.packs import Packing, frame
from credit_trading.backup.user_as_of import user_as_of_archive
from credit_trading.errors import (
    AlreadyExists,
    FileAhead,
    FileCorrupt,
    FileForeign,
    FileQuarantined,
    InvalidInput,
    NotFound,
    PrivateFactsMissing,
    StorageError,
)
from credit_trading.users.tables.schema import SHARED_TABLES
from tests.backup.past import ANN, BOB, Killed, killed_at, live_past, past_in, private_of, write_private
from tests.floor import Floor, edit, opened, rows_of, shared_content
from tests.users import harm

ANNS = "trading_ann_ann_example.com.db"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    live_past(folder, ManualClock())
    return folder


@pytest.fixture
def past(tmp_path: Path, made: Path) -> Path:
    return past_in(tmp_path, made)


@pytest.fixture
def floor(past: Path, clock: ManualClock) -> Iterator[Floor]:
    """Three hours after the first set."""
    clock.advance(3 * 3600)
    with opened(past / "home", clock=clock) as exchange:
        yield Floor(exchange)


def _missing(path: Path) -> None:
    path.unlink()


def _nothing(_: Path) -> None:
    """The file is as it should be."""


_ALL = {**{name: damage for name, (damage, _) in harm.BROKEN.items()}, **harm.UNNOTICED}

HARMS: dict[str, harm.Harm] = {
    **{name: _ALL[name] for name in ("header", "emptied", "other user's", "other page size", "table dropped")},
    **{name: _ALL[name] for name in ("position lost", "page of rows", "view dropped", "balance changed")},
    "missing": _missing,
    "none": _nothing,
}
"""One of each way in which a file is found and replaced."""


# In place


@pytest.mark.parametrize("name", HARMS)
def test_whatever_the_file_is_it_comes_back(past: Path, clock: ManualClock, name: str) -> None:
    """Shared facts as the journal has them now, the copy's private ones; the user is off the list; what was there is kept."""
    path = past / "home" / ANNS
    now = shared_content(path)
    HARMS[name](path)
    before = path.read_bytes() if path.exists() else None
    with opened(past / "home", clock=clock) as exchange:
        floor = Floor(exchange)
        told = floor.admin.backups.restore_user(past / "archive", "ann")
        assert (told.set, told.path, told.changed) == (_sets(past)[-1], path, True)
        assert (told.private_tables, told.copy_differs) == (["paper"], {})
        assert told.caught_up == 2
        assert shared_content(path) == now
        assert private_of(path) == [2]
        assert (told.kept is None) == (before is None)
        if name in ("header", "truncated", "other page size"):
            assert told.kept is not None
            assert told.kept.read_bytes() == before
        if name in ("none", "balance changed", "view dropped"):
            assert told.kept is not None
            assert private_of(told.kept) == [3]
        assert floor.admin.databases.list_quarantined() == []
        assert floor.place("ann", "sell", 1, "9.00").order_status == "new"
        assert floor.findings() == []


def test_a_file_in_quarantine_is_used_again(floor: Floor, past: Path) -> None:
    floor.exchange._files.pool.close_idle()
    harm.header(past / "home" / ANNS)
    for _ in range(2):
        with pytest.raises((FileCorrupt, FileQuarantined)):
            floor.user("ann").orders.get_active_orders()
    assert [one.user_id for one in floor.admin.databases.list_quarantined()] == ["ann"]
    floor.admin.backups.restore_user(past / "archive", "ann")
    assert len(floor.user("ann").orders.get_active_orders()) == 2
    assert floor.findings() == []


def test_private_facts_that_are_lost_come_back_and_stay_marked(floor: Floor, past: Path, tmp_path: Path) -> None:
    """The file is gone; nobody gets an empty one for it, before or after."""
    path = past / "home" / ANNS
    floor.exchange._files.pool.close_idle()
    path.unlink()
    with pytest.raises(PrivateFactsMissing):
        floor.user("ann").orders.get_active_orders()
    told = floor.admin.backups.restore_user(past / "archive", "ann")
    assert (told.kept, told.file_differed) == (None, None)
    assert private_of(path) == [2]
    floor.exchange._files.pool.close_idle()
    path.unlink()
    with pytest.raises(PrivateFactsMissing):
        floor.user("ann").orders.get_active_orders()


def test_facts_whose_loss_was_accepted_come_back_and_are_marked_again(past: Path, clock: ManualClock) -> None:
    """Whatever becomes of the file afterwards: without the mark, the next loss would go unseen."""
    path = past / "home" / ANNS
    path.unlink()
    with opened(past / "home", clock=clock) as exchange:
        assert Floor(exchange).admin.databases.rebuild("ann", accept_loss=True).kept is None
        assert private_of(path) == []
        exchange._files.pool.close_idle()
        harm.header(path)
        Floor(exchange).admin.backups.restore_user(past / "archive", "ann")
        assert private_of(path) == [2]
        exchange._files.pool.close_idle()
        path.unlink()
        with pytest.raises(PrivateFactsMissing):
            Floor(exchange).user("ann").orders.get_active_orders()


def test_a_wal_without_its_database_is_kept(past: Path, clock: ManualClock) -> None:
    """It would be replayed into the file that comes back."""
    path = past / "home" / ANNS
    path.unlink()
    wal = Path(f"{path}-wal")
    wal.write_bytes(b"what only it held")
    with opened(past / "home", clock=clock) as exchange:
        told = Floor(exchange).admin.backups.restore_user(past / "archive", "ann")
        assert told.kept is not None
        assert Path(f"{told.kept}-wal").read_bytes() == b"what only it held"
        assert Floor(exchange).findings() == []


def test_an_earlier_set_or_moment_gives_older_private_facts_and_rewinds_nothing(floor: Floor, past: Path) -> None:
    """By the set's name, a sequence, a time; and back again to the newest."""
    backups, path = floor.admin.backups, past / "home" / ANNS
    now = shared_content(path)
    first = _manifests(past)[0]
    choices: list[dict[str, Any]] = [
        {"set_id": first.set},
        {"sequence": first.sequence},
        {"time_us": first.time_us + 1_000_000},
    ]
    for choice in choices:
        backups.restore_user(past / "archive", "ann")
        told = backups.restore_user(past / "archive", "ann", **choice)
        assert told.set == first.set
        assert private_of(path) == [1]
        assert shared_content(path) == now
    assert floor.findings() == []


def test_the_next_backup_copies_the_user(floor: Floor, past: Path) -> None:
    """A private fact that went back is a private write like any other."""
    floor.admin.backups.create(past / "archive")
    floor.admin.backups.restore_user(past / "archive", "ann", set_id=_sets(past)[0])
    floor.admin.backups.create(past / "archive")
    assert [copy.user for copy in _copies(past, _manifests(past)[-1])] == [ANN]
    floor.admin.backups.restore_user(past / "archive", "ann")
    assert private_of(past / "home" / ANNS) == [1]


def test_a_user_without_private_facts_whose_file_is_right_stays_untouched(floor: Floor, past: Path) -> None:
    told = floor.admin.backups.restore_user(past / "archive", "bob")
    assert (told.changed, told.kept, told.file_differed, told.private_tables) == (False, None, {}, [])


def test_private_tables_that_the_copy_does_not_have_are_in_the_kept_file(floor: Floor, past: Path) -> None:
    write_private(floor.exchange, BOB, 7)
    told = floor.admin.backups.restore_user(past / "archive", "bob")
    assert (told.left_behind, told.private_tables) == (["paper"], [])
    assert told.kept is not None
    assert private_of(told.kept) == [7]
    assert private_of(floor.path("bob")) == []
    assert floor.findings() == []


def test_all_trade_on_meanwhile(floor: Floor, past: Path) -> None:
    """Also the user whose file it is: no order fails, none is missing afterwards."""
    stop, placed, errors = threading.Event(), {"ann": 0, "bob": 0}, list[BaseException]()

    def trade(user: str) -> None:
        try:
            while not stop.is_set():
                assert floor.place(user, "sell" if user == "ann" else "buy", 1, "5.50").order_id
                placed[user] += 1
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=trade, args=[user]) for user in placed]
    for thread in threads:
        thread.start()
    for _ in range(4):
        floor.admin.backups.restore_user(past / "archive", "ann")
        assert private_of(past / "home" / ANNS) == [2]
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert min(placed.values()) > 3
    assert floor.findings() == []


# Copies that are not what they should be


def _restore(floor: Floor, past: Path, *users: str) -> None:
    for user in users:
        floor.admin.backups.restore_user(past / "archive", user)


def _sets(past: Path) -> list[str]:
    return Archive.at(past / "archive").set_ids()


def _manifests(past: Path) -> list[Manifest]:
    archive = Archive.at(past / "archive")
    return [archive.manifest(one) for one in archive.set_ids()]


def _copies(past: Path, manifest: Manifest) -> list[Copy]:
    archive = Archive.at(past / "archive")
    return [copy for pack in manifest.packs for copy in archive.index(pack)]


def _replace_copy(past: Path, content: bytes, *, number: int = ANN) -> None:
    """The copy of that user in the newest set is another one now, with its right hashes."""
    archive, manifest = Archive.at(past / "archive"), _manifests(past)[-1]
    packs: list[StoredPack] = []
    for pack in manifest.packs:
        packing = Packing()
        for copy in archive.index(pack):
            own = content if copy.user == number else archive.file(pack, copy)
            packing.add(
                frame(
                    copy.user,
                    own,
                    applied_sequence=copy.applied_sequence,
                    applied_hash=bytes.fromhex(copy.applied_hash),
                    schema_version=copy.schema_version,
                )
            )
        packs.append(packing.put(archive, pack.name))
    archive.publish(msgspec.structs.replace(manifest, packs=packs))


def _copy_of_ann(past: Path, tmp_path: Path) -> Path:
    archive = Archive.at(past / "archive")
    for pack in _manifests(past)[-1].packs:
        for copy in archive.index(pack):
            if copy.user == ANN:
                (tmp_path / "copy.db").write_bytes(archive.file(pack, copy))
    return tmp_path / "copy.db"


def _edited(past: Path, tmp_path: Path, *statements: str) -> None:
    path = _copy_of_ann(past, tmp_path)
    edit(path, *statements)
    _replace_copy(past, path.read_bytes())


def test_shared_rows_that_are_wrong_in_the_copy_are_told_and_not_taken(
    floor: Floor, past: Path, tmp_path: Path
) -> None:
    now = shared_content(past / "home" / ANNS)
    _edited(past, tmp_path, "UPDATE balances SET posted = posted + 1 WHERE asset = 'USD'")
    told = floor.admin.backups.restore_user(past / "archive", "ann")
    assert told.copy_differs == {"balances": 1, "balance_changes": 1, "audit_trail": 1}  # what came later began with it
    assert shared_content(past / "home" / ANNS) == now
    assert floor.findings() == []


def test_a_copy_of_an_older_version_is_brought_to_this_one(floor: Floor, past: Path, tmp_path: Path) -> None:
    _edited(past, tmp_path, "UPDATE metadata SET projection_version = 1", "DELETE FROM balances")
    told = floor.admin.backups.restore_user(past / "archive", "ann")
    assert (told.copy_differs, told.private_tables) == ({}, ["paper"])
    assert private_of(past / "home" / ANNS) == [2]
    assert floor.findings() == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE metadata SET user_number = 2", "belongs to user #2"),
        ("UPDATE metadata SET exchange_id = 'x'", "belongs to another exchange"),
        ("UPDATE metadata SET applied_hash = zeroblob(32)", "another history"),
        ("UPDATE metadata SET applied_sequence = 1000", "ahead of the journal"),
        ("UPDATE metadata SET event_number = event_number + 1", "events"),
        ("DROP TABLE balances", "balances"),
        ("DELETE FROM metadata", "where it stands"),
        ("PRAGMA application_id = 1", "not a user's trading file"),
    ],
)
def test_a_copy_that_is_not_this_users_on_this_history_is_refused(
    floor: Floor, past: Path, tmp_path: Path, statement: str, problem: str
) -> None:
    """The file that is there stays as it is; the error names the pack, and an older set helps."""
    path = past / "home" / ANNS
    now = shared_content(path)
    _edited(past, tmp_path, statement)
    with pytest.raises(
        FileCorrupt, match=rf"packs/.*: the copy of user #1 in it is of no use: .*{problem}.* older set"
    ):
        floor.admin.backups.restore_user(past / "archive", "ann")
    assert (shared_content(path), private_of(path)) == (now, [3])
    assert not (past / "home" / "quarantine").exists()
    assert floor.admin.backups.restore_user(past / "archive", "ann", set_id=_sets(past)[0]).changed
    assert private_of(path) == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE metadata SET user_number = 2",
        "UPDATE metadata SET exchange_id = 'x'",
        "UPDATE metadata SET applied_hash = zeroblob(32)",
    ],
)
def test_private_facts_of_another_history_get_into_no_file(
    floor: Floor, past: Path, tmp_path: Path, statement: str
) -> None:
    """Where nothing but the private tables is taken from the copy."""
    _edited(past, tmp_path, statement)
    with pytest.raises(FileCorrupt, match="is of no use"):
        floor.admin.backups.user_as_of(past / "archive", "ann", tmp_path / "x.db")
    assert not (tmp_path / "x.db").exists()


def test_a_pack_that_was_altered_is_named_and_no_older_copy_taken(floor: Floor, past: Path) -> None:
    pack = past / "archive" / _manifests(past)[-1].packs[0].name
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(bytes(content))
    with pytest.raises(FileCorrupt, match=pack.name):
        _restore(floor, past, "ann", "bob")
    assert private_of(past / "home" / ANNS) == [3]


def test_a_damaged_manifest_is_passed_over_and_told(floor: Floor, past: Path) -> None:
    newest = past / "archive" / "sets" / f"{_sets(past)[-1]}.json"
    newest.write_bytes(newest.read_bytes()[:-20])
    told = floor.admin.backups.restore_user(past / "archive", "ann")
    assert told.set == _sets(past)[0]
    assert f"The set {_sets(past)[-1]} was passed over" in told.notes[0]
    with pytest.raises(FileCorrupt):
        floor.admin.backups.restore_user(past / "archive", "ann", set_id=_sets(past)[-1])


def test_what_cannot_be_done_is_refused_with_a_way_out(floor: Floor, past: Path, tmp_path: Path) -> None:
    backups, archive = floor.admin.backups, past / "archive"
    with pytest.raises(NotFound, match="no such user"):
        backups.restore_user(archive, "zoe")
    floor.add("dan")
    with pytest.raises(NotFound, match="credit-trading rebuild dan"):
        backups.restore_user(archive, "dan")
    with pytest.raises(NotFound, match=r"as old as that.* credit-trading rebuild ann"):
        backups.restore_user(archive, "ann", sequence=3)
    with pytest.raises(NotFound, match="no such set"):
        backups.restore_user(archive, "ann", set_id="x")
    with pytest.raises(InvalidInput, match="the journal has the sequences 1 to"):
        backups.restore_user(archive, "ann", sequence=10_000)
    with pytest.raises(InvalidInput, match="did not exist then"):
        backups.restore_user(archive, "ann", time_us=1)
    with pytest.raises(NotFound, match="no complete backup"):
        backups.restore_user(tmp_path / "nothing", "ann")
    floor.admin.databases.delete_trading_database("cat", sweep_to="bob")
    with pytest.raises(NotFound, match=r"--user cat --to FILE\.db"):
        backups.restore_user(archive, "cat")
    with opened(tmp_path / "elsewhere") as other:
        Floor(other).set_up("ann").admin.backups.create(tmp_path / "other")
    with pytest.raises(FileForeign, match="another exchange"):
        backups.restore_user(tmp_path / "other", "ann")
    assert floor.findings() == []


def test_a_live_file_that_knows_more_than_the_journal_is_left_alone(past: Path, clock: ManualClock) -> None:
    """exchange.db may be an old one; nothing is put over what knows more."""
    harm.ahead(past / "home" / ANNS)
    with opened(past / "home", clock=clock) as exchange, pytest.raises(FileAhead, match="--accept-loss"):
        Floor(exchange).admin.backups.restore_user(past / "archive", "ann")
    assert private_of(past / "home" / ANNS) == [3]


# Cut short


@pytest.mark.parametrize("damage", [HARMS["none"], _missing, harm.header], ids=["written into", "missing", "moved"])
def test_killed_at_any_step_it_leaves_the_old_or_the_new_file(
    past: Path, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: harm.Harm, is_long: bool
) -> None:
    """The old content is there or kept, or the new one is there; nobody is given a file without private facts. Repeated, it works."""
    damage(past / "home" / ANNS)
    saved = tmp_path / "saved"
    shutil.copytree(past, saved)
    every = 1 if is_long else 8
    step, is_done = 2 - every, False
    while not is_done:
        step += every
        shutil.rmtree(past)
        shutil.copytree(saved, past)
        path = past / "home" / ANNS
        with opened(past / "home", clock=clock) as exchange:
            with killed_at(monkeypatch, step) as steps, suppress(Killed):
                Floor(exchange).admin.backups.restore_user(past / "archive", "ann")
            is_done = steps() < step
        with opened(past / "home", clock=clock) as exchange:
            with suppress(StorageError):
                Floor(exchange).user("ann").orders.get_active_orders()
                assert private_of(path) in ([2], [3]), step
            Floor(exchange).admin.backups.restore_user(past / "archive", "ann")
            assert private_of(path) == [2], step
            assert list((past / "home" / "quarantine").glob("trading*.db")) or damage is _missing
    assert step > 3
    with opened(past / "home", clock=clock) as exchange:
        assert Floor(exchange).findings() == []


# As of a moment


def test_a_user_as_of_a_moment_is_a_plain_read_only_file(floor: Floor, past: Path, tmp_path: Path) -> None:
    """Equal to what the copy of that moment shows; any program opens it; the live file is left alone."""
    first = _manifests(past)[0]
    now, kept = shared_content(past / "home" / ANNS), tmp_path / "then.db"
    told = floor.admin.backups.user_as_of(past / "archive", "ann", kept, sequence=first.sequence)
    assert (told.set, told.private_tables, told.sequence) == (first.set, ["paper"], first.sequence)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    with closing(sqlite3.connect(f"file:{kept}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT value FROM paper").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM active_orders").fetchone() == (1,)
        assert connection.execute("SELECT filled_quantity FROM active_orders").fetchone() == (0,)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("then")] == ["then.db"]
    assert shared_content(past / "home" / ANNS) == now
    assert private_of(past / "home" / ANNS) == [3]


def test_between_two_sets_shared_facts_are_of_the_moment_and_private_ones_of_before(
    floor: Floor, past: Path, tmp_path: Path
) -> None:
    """Every one of the user's events gives the file that was there then; no private fact of later gets in."""
    wanted = _content_by_sequence(floor, past)
    first, second = _manifests(past)
    for sequence in range(5, floor.exchange.sequence + 1, 2):
        to = tmp_path / f"{sequence}.db"
        told = floor.admin.backups.user_as_of(past / "archive", "ann", to, sequence=sequence)
        assert rows_of(to, "SELECT max(sequence) FROM audit_trail") == [(told.last_event,)]
        assert rows_of(to, "SELECT sum(posted) FROM balances") == wanted[told.last_event], sequence
        expected = [] if sequence < first.sequence else [1] if sequence < second.sequence else [2]
        assert private_of(to) == expected, sequence


def _content_by_sequence(floor: Floor, past: Path) -> dict[int, list[tuple[object, ...]]]:
    """What ann's file shows after each of her events, from the projector that fills live files."""
    found = {}
    with floor.exchange._live.history() as log:
        sequences = log.history_of(
            ANN, last=rows_of(past / "home" / ANNS, "SELECT max(sequence) FROM audit_trail")[0][0], after=0
        )
    for events, sequence in enumerate(sequences, 1):
        with floor.exchange._projector.rebuilt(ANN, sequence=sequence, events=events) as scratch:
            found[sequence] = scratch.execute("SELECT sum(posted) FROM balances").fetchall()
    return found


def test_a_time_or_a_set_names_the_moment_too(floor: Floor, past: Path, tmp_path: Path) -> None:
    first, second = _manifests(past)
    backups, archive = floor.admin.backups, past / "archive"
    told = backups.user_as_of(archive, "ann", tmp_path / "time.db", time_us=first.time_us + 60_000_000)
    assert (told.sequence, told.set) == (first.sequence, first.set)
    told = backups.user_as_of(archive, "ann", tmp_path / "set.db", set_id=second.set)
    assert (told.sequence, told.set) == (second.sequence, second.set)
    told = backups.user_as_of(archive, "ann", tmp_path / "now.db")
    assert told.sequence == floor.exchange.sequence
    assert shared_content(tmp_path / "now.db") == shared_content(past / "home" / ANNS)


def test_a_file_that_is_there_is_never_written_over(floor: Floor, past: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.db").write_text("mine")
    with pytest.raises(AlreadyExists):
        floor.admin.backups.user_as_of(past / "archive", "ann", tmp_path / "mine.db")
    with pytest.raises(InvalidInput):
        floor.admin.backups.user_as_of(past / "archive", "ann", past / "home" / "x.db")
    with pytest.raises(NotFound):
        floor.admin.backups.user_as_of(past / "archive", "ann", tmp_path / "no" / "x.db")
    with pytest.raises(InvalidInput, match=r"no such user at sequence 2.* created at sequence"):
        floor.admin.backups.user_as_of(past / "archive", "ann", tmp_path / "x.db", sequence=2)
    assert (tmp_path / "mine.db").read_text() == "mine"


def test_a_deleted_user_comes_out_of_the_archive(floor: Floor, past: Path, tmp_path: Path) -> None:
    """As of the last set that knew them, or of just before they were deleted, with what was theirs; their e-mail is in the file again."""
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")
    archive = past / "archive"
    told = floor.admin.backups.user_as_of(archive, "ann", tmp_path / "ann.db")
    assert told.sequence == _manifests(past)[-1].sequence
    assert rows_of(tmp_path / "ann.db", "SELECT user_id, email FROM metadata") == [("ann", "ann@example.com")]
    assert private_of(tmp_path / "ann.db") == [2]
    deleted = floor.exchange.sequence
    floor.admin.backups.create(archive)
    told = floor.admin.backups.user_as_of(archive, "ann", tmp_path / "last.db")
    assert told.sequence < deleted
    assert rows_of(tmp_path / "last.db", "SELECT count(*) FROM active_orders") == [(2,)]
    assert private_of(tmp_path / "last.db") == [2]
    with pytest.raises(InvalidInput, match=r"was deleted by then, .* --sequence"):
        floor.admin.backups.user_as_of(archive, "ann", tmp_path / "x.db", sequence=deleted)
    assert not (tmp_path / "x.db").exists()


def test_no_exchange_is_needed(past: Path, tmp_path: Path) -> None:
    """The archive's own journal gives the same file; nothing is left behind or made in the folder."""
    archive, first = Archive.at(past / "archive"), _manifests(past)[0]
    told = user_as_of_archive(archive, "ann", tmp_path / "ann.db", tmp_path / "none", sequence=first.sequence)
    assert (told.sequence, told.set, told.private_tables) == (first.sequence, first.set, ["paper"])
    assert set(shared_content(tmp_path / "ann.db")) == set(SHARED_TABLES)
    assert not (tmp_path / "none").exists()
    with opened(past / "home") as exchange:
        Floor(exchange).admin.backups.user_as_of(past / "archive", "ann", tmp_path / "live.db", sequence=first.sequence)
    assert shared_content(tmp_path / "ann.db") == shared_content(tmp_path / "live.db")
