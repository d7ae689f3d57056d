"""A whole folder out of an archive: as of any moment, complete or not there, and verified to the last row."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.backup import refounding, restoring
from credit_trading.backup.archive import Archive
from credit_trading.backup.census import NOWHERE
from credit_trading.backup.restoring import Restored, restore
from credit_trading.errors import AlreadyExists, FileCorrupt, InvalidInput, NotFound, Unwritable
from credit_trading.journal.log import FILE_NAME
from credit_trading.store import files as store_files
from credit_trading.store.locks import BACKUP, LockFile
from tests.backup import story as stories
from tests.backup.story import Story, everything_in, facts_of
from tests.floor import Floor, opened, rows_of

LATER_US = 1_770_000_000_000_000
"""Of the same year as the story."""


def _restore(story: Story, home: Path, **wanted: Any) -> Restored:
    return restore(story.archive, home, check=everything_in, **wanted)


def _emails(home: Path) -> dict[str, str]:
    found = rows_of(home / FILE_NAME, "SELECT user_id, email FROM users WHERE state = 'active'")
    return dict(found)


def _digest(home: Path) -> str:
    with opened(home, clock=ManualClock(LATER_US)) as exchange:
        return exchange.state_digest()


def _left(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# As of a moment

MOMENTS = [
    "before any set",
    "first set",
    "before the e-mail",
    "second set",
    "third set",
    "before the full set",
    "the end",
]


@pytest.mark.parametrize("name", MOMENTS)
def test_a_folder_is_as_it_was_at_any_moment(whole: Story, tmp_path: Path, name: str) -> None:
    """State, users and e-mails are those of then; everything verifies; a copy is used where there is one."""
    moment, home = whole.moments[name], tmp_path / "restored"
    wanted = {"time_us": moment.time_us + 1} if MOMENTS.index(name) % 2 else {"sequence": moment.sequence}
    restored = _restore(whole, home, **wanted)
    assert (restored.findings, restored.sequence, restored.other_emails) == ([], moment.sequence, [])
    assert _emails(home) == moment.emails
    assert restored.users == len(moment.emails) == restored.files + restored.made_anew
    assert _digest(home) == moment.digest


def test_the_newest_set_is_what_is_restored_if_nothing_is_said(whole: Story, tmp_path: Path) -> None:
    """Byte for byte the journal of the exchange, the notes beside it, and all private facts."""
    home = tmp_path / "a" / "b" / "restored"
    restored = _restore(whole, home)
    assert restored.set == whole.sets[-1]
    assert (restored.findings, restored.notes, restored.without_private_facts) == ([], [], [])
    assert (restored.users, restored.files, restored.made_anew) == (3, 3, 0)
    for table in ("journal", "command_notes", "users"):
        rows = f"SELECT * FROM {table} ORDER BY 1"
        assert rows_of(home / FILE_NAME, rows) == rows_of(whole.home / FILE_NAME, rows)
    assert (facts_of(home, "ann"), facts_of(home, "bob")) == (["first", "second"], ["first"])
    assert list((home / "checkpoints").iterdir())
    assert not (home / "caught_up.json").exists()


def test_what_is_restored_is_its_owners_alone(whole: Story, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = restore(whole.archive, tmp_path / "restored").home
    finally:
        os.umask(before)
    assert {path: path.stat().st_mode & 0o777 for path in (home, *home.rglob("*"))} == {
        path: 0o700 if path.is_dir() else 0o600 for path in (home, *home.rglob("*"))
    }


def test_trading_and_backups_go_on_in_the_restored_folder(whole: Story, story: Story, tmp_path: Path) -> None:
    """The next set is full, since nobody knows who has written private facts in the exchange that was; it restores in turn."""
    home = _restore(story, tmp_path / "restored", set_id=story.sets[1]).home
    clock = ManualClock(LATER_US)
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange)
        floor.place("cat", "sell", 3, "6.00")
        created = floor.admin.backups.create(story.folder)
        assert (created.base, created.users, created.skipped) == (None, 4, [])
        digest = exchange.state_digest()
    again = _restore(story, tmp_path / "again", set_id=created.set)
    assert (again.set, again.findings) == (created.set, [])
    assert _digest(again.home) == digest
    assert facts_of(again.home, "ann") == ["first", "second"]


def test_private_facts_come_back_as_of_the_copy(whole: Story, tmp_path: Path) -> None:
    home = _restore(whole, tmp_path / "first", set_id=whole.sets[0]).home
    assert facts_of(home, "ann") == ["first"]
    assert rows_of(home / FILE_NAME, "SELECT number FROM private_facts") == [(1,), (3,)]
    home = _restore(whole, tmp_path / "between", sequence=whole.moments["before the e-mail"].sequence).home
    assert facts_of(home, "ann") == ["first"]


def test_facts_of_later_are_taken_if_there_are_no_others_and_this_is_told(whole: Story, tmp_path: Path) -> None:
    """cat had not one event between the moment and the first set; ann had, and her copy is ahead of the moment."""
    restored = _restore(whole, tmp_path / "restored", sequence=whole.moments["before any set"].sequence)
    assert (restored.findings, restored.without_private_facts) == ([], [])
    assert restored.notes == ["The private facts of user cat are of later than the moment."]
    assert facts_of(restored.home, "cat") == ["first"]
    assert rows_of(restored.home / FILE_NAME, "SELECT number FROM private_facts") == [(3,)]
    assert "paper" not in stories.tables_of(next(restored.home.glob("trading_ann_*.db")))


# Who the users were


def test_an_email_that_is_in_no_set_gives_way_to_another_and_this_is_told(whole: Story, tmp_path: Path) -> None:
    """cat has the next one that is known, eve the last one before, and of fay nothing is known but the id. The journal says so itself."""
    moment, home = whole.moments["an e-mail in no set"], tmp_path / "restored"
    restored = _restore(whole, home, sequence=moment.sequence)
    assert restored.findings == []
    assert restored.other_emails == ["cat", "eve", "fay"]
    assert len([note for note in restored.notes if "is in no set" in note]) == 3
    expected = {"cat": "cat@example.org", "eve": "eve@first.example", "fay": NOWHERE}
    assert _emails(home) == {**moment.emails, **expected}
    last = rows_of(home / FILE_NAME, "SELECT kind, cause FROM journal WHERE sequence > ?", (moment.sequence,))
    assert last == [("user_email_changed", refounding.RESTORED)] * 3
    with opened(home, clock=ManualClock(LATER_US)) as exchange:
        Floor(exchange).place("cat", "sell", 1, "7.00")


def test_a_deleted_user_has_no_file_and_no_email(whole: Story, tmp_path: Path) -> None:
    home = _restore(whole, tmp_path / "restored").home
    found = rows_of(home / FILE_NAME, "SELECT state, email, salt, file_name FROM users WHERE user_id = 'dan'")
    assert found == [("deleted", None, None, None)]
    assert not list(home.glob("trading_dan_*"))


# What is refused


@pytest.mark.parametrize("is_exchange", [False, True])
def test_nothing_is_restored_over_what_is_there(whole: Story, tmp_path: Path, is_exchange: bool) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / (FILE_NAME if is_exchange else "letter.txt")).write_bytes(b"precious")
    with pytest.raises(AlreadyExists, match="an exchange is there" if is_exchange else "something is there already"):
        restore(whole.archive, home)
    assert [path.read_bytes() for path in home.iterdir()] == [b"precious"]
    assert _left(tmp_path) == ["home"]


def test_an_empty_folder_is_taken(whole: Story, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    assert restore(whole.archive, tmp_path / "home", check=everything_in).findings == []


def test_what_appears_meanwhile_is_not_written_over(
    whole: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look was at an empty place; renaming finds what came since."""
    home = tmp_path / "home"

    def late(folder: Path, destination: Path) -> None:
        home.mkdir()
        (home / "letter.txt").write_bytes(b"precious")
        store_files.publish_folder(folder, destination)

    monkeypatch.setattr(restoring, "publish_folder", late)
    with pytest.raises(AlreadyExists):
        restore(whole.archive, home)
    assert (home / "letter.txt").read_bytes() == b"precious"
    assert _left(tmp_path) == ["home"]


def test_a_moment_that_the_archive_does_not_reach_is_refused(whole: Story, tmp_path: Path) -> None:
    last = whole.moments["the end"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"sequence": 0}, "holds the sequences 1 to"),
        ({"sequence": last.sequence + 1}, "holds the sequences 1 to"),
        ({"time_us": 0}, "the exchange did not exist then"),
        ({"time_us": 0, "sequence": 1}, "both a sequence and a time"),
    ]
    for wanted, told in cases:
        with pytest.raises(InvalidInput, match=told):
            restore(whole.archive, tmp_path / "restored", **wanted)
    with pytest.raises(NotFound, match="there is no such set"):
        restore(whole.archive, tmp_path / "restored", set_id="20200101-000000-000000")
    with pytest.raises(NotFound, match="no complete backup"):
        restore(Archive.at(tmp_path / "empty"), tmp_path / "restored")
    assert _left(tmp_path) == []


def test_a_time_after_the_newest_set_gives_that_and_says_so(whole: Story, tmp_path: Path) -> None:
    restored = restore(whole.archive, tmp_path / "restored", time_us=1_900_000_000_000_000)
    assert restored.set == whole.sets[-1]
    assert ["knows nothing of later" in note for note in restored.notes] == [True]


def test_a_command_is_restored_as_a_whole_or_not_at_all(whole: Story, tmp_path: Path) -> None:
    """Between an order and its trade the book would be crossed."""
    rows = rows_of(whole.home / FILE_NAME, "SELECT sequence, kind, content FROM journal ORDER BY 1")
    trade = next(row[0] for row in rows if row[1] == "trade")
    assert rows[trade - 2][2] is not None
    restored = _restore(whole, tmp_path / "restored", sequence=trade - 1)
    assert (restored.findings, restored.sequence) == ([], trade - 2)
    assert [note for note in restored.notes if "in the middle of a command" in note]


# Crashes and damage


def test_a_restore_that_fails_leaves_nothing_under_the_name(
    whole: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every call that changes the disk: the disk is full. Then it has space again, and the same command goes through."""
    home, calls = tmp_path / "restored", [0]

    def counted(name: str, fail_at: int) -> Any:
        real = getattr(os, name)

        def call(*args: Any, **more: Any) -> Any:
            calls[0] += 1
            if calls[0] == fail_at:
                raise OSError(28, "No space left on device")
            return real(*args, **more)

        return call

    fail_at, failed = 1, True
    while failed:
        calls[0], failed = 0, False
        with monkeypatch.context() as patched:
            for name in ("write", "rename", "mkdir", "fsync"):
                patched.setattr(f"credit_trading.store.files.os.{name}", counted(name, fail_at))
            try:
                restore(whole.archive, home)
            except Unwritable:
                failed = True
        if failed:
            assert not home.exists() or calls[0] == fail_at
            if home.exists():  # only making the name durable was left
                assert everything_in(home) == []
                shutil.rmtree(home)
            assert _left(tmp_path) == []
        fail_at += 1
    assert fail_at >= 10
    assert everything_in(home) == []


def test_what_a_killed_restore_left_is_cleaned_up_by_the_next(whole: Story, tmp_path: Path) -> None:
    """One that is still at work, in another process, keeps its folder; so does one for another place."""
    dead, alive, other = (tmp_path / f".restoring-{name}" for name in ("restored-00", "restored-11", "else-22"))
    for folder in (dead, alive, other):
        (folder / "checkpoints").mkdir(parents=True)
        (folder / FILE_NAME).write_bytes(b"half")
    lock_file = LockFile.open(alive / "exchange.lock")
    with lock_file.hold(BACKUP, timeout_s=0, operation="test"):
        restore(whole.archive, tmp_path / "restored")
    lock_file.close()
    assert _left(tmp_path) == [".restoring-else-22", ".restoring-restored-11", "restored"]
    assert (alive / FILE_NAME).exists()


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_bit_rotted_pack_costs_older_copies_or_replay_and_is_told(story: Story, tmp_path: Path) -> None:
    """All is there again: ann's private facts are in a set on which this one does not rest, and were not written since."""
    pack = story.manifest(4).packs[0]
    (first, *_) = story.archive.index(pack)
    _flip(story.folder / pack.name, first.offset + 20)
    restored = _restore(story, tmp_path / "restored")
    assert restored.findings == []
    assert (restored.files, restored.made_anew) == (3, 0)
    assert restored.without_private_facts == []
    assert facts_of(restored.home, "ann") == ["first", "second"]
    assert rows_of(restored.home / FILE_NAME, "SELECT number FROM private_facts") == [(1,), (2,), (3,)]
    assert ["damaged copies in it: 1;" in note for note in restored.notes] == [True, False]
    assert restored.notes[1].startswith(f"Private facts of user ann: the copy in {story.sets[3]} is damaged")
    assert restored.notes[1].endswith(f"that of {story.sets[2]} is used.")
    assert _digest(restored.home) == story.moments["the end"].digest


def test_an_older_copy_takes_the_place_of_a_pack_that_is_gone(story: Story, tmp_path: Path) -> None:
    (story.folder / story.manifest(2).packs[0].name).unlink()
    restored = _restore(story, tmp_path / "restored", set_id=story.sets[1])
    assert restored.findings == []
    assert restored.files == 3
    assert facts_of(restored.home, "ann") == ["first"]
    assert restored.without_private_facts == ["ann", "bob"], "ann's second fact is lost"


def test_a_damaged_checkpoint_costs_replay_only(story: Story, tmp_path: Path) -> None:
    stored = story.manifest(4).checkpoint
    assert stored is not None
    _flip(story.folder / stored.name, 30)
    restored = _restore(story, tmp_path / "restored")
    assert restored.findings == []
    assert any("replayed without it" in note for note in restored.notes)
    assert _digest(restored.home) == story.moments["the end"].digest


@pytest.mark.parametrize("kind", ["segments", "people", "sets"])
def test_without_journal_or_people_nothing_is_restored_and_the_object_is_named(
    story: Story, tmp_path: Path, kind: str
) -> None:
    manifest = story.manifest(2)
    name = {"segments": manifest.segments[0].name, "people": manifest.people.name, "sets": f"sets/{manifest.set}.json"}
    _flip(story.folder / name[kind], 30)
    with pytest.raises(FileCorrupt) as error:
        restore(story.archive, tmp_path / "restored", set_id=story.sets[2])
    assert error.value.subject.endswith(name[kind])
    assert _left(tmp_path) == ["archive"]


def test_a_set_beside_this_history_gives_no_copies(story: Story, tmp_path: Path) -> None:
    """An older folder was restored and traded on: the newest set is on its history, and others of higher sequences are not."""
    home = _restore(story, tmp_path / "older", set_id=story.sets[0]).home
    with opened(home, clock=ManualClock(LATER_US)) as exchange:
        floor = Floor(exchange)
        for price in ("7.00", "7.01", "7.02", "7.03", "7.04", "7.05", "7.06", "7.07"):
            floor.place("bob", "sell", 1, price)
        middle = exchange.sequence
        floor.admin.databases.change_email("cat", "cat@aside.example")
        for price in ("8.00", "8.01", "8.02", "8.03"):
            floor.place("bob", "sell", 1, price)
        created = floor.admin.backups.create(story.folder)
    restored = _restore(story, tmp_path / "restored", set_id=created.set, sequence=middle)
    assert (restored.findings, restored.other_emails) == ([], [])
    assert _emails(restored.home)["bob"] == "bob@example.com"
    assert facts_of(restored.home, "ann") == ["first"]
