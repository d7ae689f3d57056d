"""Damage in private facts, which cannot be made again: it gets into no set, takes no good copy's place, and is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import credit_trading
from credit_trading import ManualClock
from credit_trading.backup.archive import Archive
from credit_trading.backup.creation import Created
from credit_trading.backup.lost_exchange_db import restore_exchange_db
from credit_trading.backup.restoring import Restored, restore
from credit_trading.backup.retention import Rules
from credit_trading.backup.verification import verify
from credit_trading.errors import NotFound
from credit_trading.users import copying
from credit_trading.verify.finding import Finding
from tests.backup.past import ANN, BOB, private_of, write_private
from tests.floor import CASH, Floor, opened
from tests.users import harm

MINUTE_S = 60


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def archive(place: Path) -> Archive:
    return Archive.at(place)


@pytest.fixture
def floor(home: Path, clock: ManualClock) -> Iterator[Floor]:
    with opened(home, clock=clock) as exchange:
        yield Floor(exchange).set_up("ann", "bob")


@pytest.fixture
def back_up(floor: Floor, place: Path, clock: ManualClock) -> Callable[..., Created]:
    """Another set, a while later."""

    def create(kind: str | None = None) -> Created:
        clock.advance(MINUTE_S)
        created = floor.admin.backups.create(place, kind)  # type: ignore[arg-type]
        clock.advance(MINUTE_S)
        return created

    return create


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch, back_up: Callable[..., Created]) -> Callable[[], Created]:
    """A full set with copies that nobody has looked into, as sets of before have them."""

    def create() -> Created:
        with monkeypatch.context() as patched:
            patched.setattr(copying, "check_integrity", lambda *_: None)
            created = back_up("full")
        assert created.skipped == []
        return created

    return create


def rot(floor: Floor, user: str = "ann") -> None:
    """One page of the private table is something else now; nobody has used it since."""
    path = floor.path(user)
    floor.exchange._files.pool.close_idle()
    harm.page_of_rows(path, "paper")


def deep(home: Path) -> Sequence[Finding]:
    return credit_trading.verify_folder(home, deep=True).findings


def restored_to(home: Path, archive: Archive, set_id: str | None = None) -> tuple[Restored, list[int]]:
    """What was told of it, and ann's private facts; in any case the folder is whole."""
    restored = restore(archive, home, set_id=set_id, check=deep)
    assert restored.findings == []
    (path,) = home.glob("trading_ann_*.db")
    return restored, private_of(path)


def damage_copy(archive: Archive, set_id: str, user: int) -> None:
    """The object is not as it was written."""
    for pack in archive.manifest(set_id).packs:
        content = bytearray(archive.place.read(pack.name))
        for copy in archive.index(pack):
            if copy.user == user:
                content[copy.offset + copy.size // 2] ^= 1
        archive.place.write(pack.name, bytes(content))


# Making sets


def test_a_rotten_page_is_told_and_pruning_leaves_a_good_copy(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], tmp_path: Path
) -> None:
    """The full set, which is all that is left, has the copy of before, and says so when it is restored."""
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    rot(floor)
    made = back_up("full")
    assert [(one.user_id, one.carried_over_from) for one in made.skipped] == [("ann", first.set)]
    assert "damaged" in made.skipped[0].problem
    verify(archive, check=deep)
    floor.admin.backups.prune(archive.url, Rules(last=1))
    assert archive.set_ids() == [made.set]
    restored, facts = restored_to(tmp_path / "back", archive)
    assert facts == [1]
    assert restored.without_private_facts == []
    assert ["of an older copy: the file could not be copied" in note for note in restored.notes] == [True]


def test_a_full_set_takes_the_last_good_copy_along_though_newer_ones_are_not(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], unchecked: Callable[[], Created], tmp_path: Path
) -> None:
    """One that was copied damaged, and one that was altered in the archive; each is told."""
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    altered = back_up("full")
    damage_copy(archive, altered.set, ANN)
    rot(floor)
    rotten = unchecked()
    made = back_up("full")
    assert [(one.user_id, one.carried_over_from) for one in made.skipped] == [("ann", first.set)]
    for passed_over in (rotten, altered):
        assert f"the copy in {passed_over.set} was passed over" in made.skipped[0].problem
    assert restored_to(tmp_path / "back", archive)[1] == [1]


def test_a_user_without_any_good_copy_holds_up_no_full_set(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], tmp_path: Path
) -> None:
    """In quarantine, and the only copy is altered: all others are copied, and go on being copied."""
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    damage_copy(archive, first.set, ANN)
    rot(floor)
    made = back_up("full")
    assert (made.users, [(one.user_id, one.carried_over_from) for one in made.skipped]) == (1, [("ann", None)])
    assert f"the copy in {first.set} was passed over: it is not as it was written" in made.skipped[0].problem
    assert [one.user_id for one in back_up().skipped] == ["ann"]
    assert [one.user_id for one in back_up("full").skipped] == ["ann"]
    restored, facts = restored_to(tmp_path / "back", archive)
    assert (restored.without_private_facts, facts) == (["ann"], [])


def test_a_pack_that_is_gone_holds_up_no_full_set(
    floor: Floor, archive: Archive, back_up: Callable[..., Created]
) -> None:
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    archive.place.remove(archive.manifest(first.set).packs[0].name)
    rot(floor)
    assert [(one.user_id, one.carried_over_from) for one in back_up("full").skipped] == [("ann", None)]


def test_a_copy_of_before_the_first_private_fact_is_not_taken_for_one_with_none(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], tmp_path: Path
) -> None:
    """It goes along into the full set, which is newer than the fact."""
    first = back_up()
    write_private(floor.exchange, ANN, 1)
    rot(floor)
    assert [(one.user_id, one.carried_over_from) for one in back_up("full").skipped] == [("ann", first.set)]
    restored, facts = restored_to(tmp_path / "back", archive)
    assert (restored.without_private_facts, facts) == (["ann"], [])


# Restoring sets that have such copies all the same


def test_an_older_copy_takes_the_place_of_a_rotten_one_and_this_is_told(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], unchecked: Callable[[], Created], tmp_path: Path
) -> None:
    """Also one on which the set does not rest. Nothing was written since: nothing is lost."""
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    rot(floor)
    second = unchecked()
    restored, facts = restored_to(tmp_path / "back", archive)
    assert (facts, restored.without_private_facts, restored.made_anew) == ([1], [], 0)
    (told,) = restored.notes
    assert told.startswith(f"Private facts of user ann: the copy in {second.set} is damaged")
    assert told.endswith(f"that of {first.set} is used.")


def test_what_was_written_since_the_older_copy_is_told_as_lost(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], unchecked: Callable[[], Created], tmp_path: Path
) -> None:
    write_private(floor.exchange, ANN, 1)
    back_up()
    write_private(floor.exchange, ANN, 2)
    rot(floor)
    unchecked()
    restored, facts = restored_to(tmp_path / "back", archive)
    assert (facts, restored.without_private_facts) == ([1], ["ann"])


def test_where_no_copy_is_good_the_loss_is_told(
    floor: Floor, archive: Archive, unchecked: Callable[[], Created], tmp_path: Path
) -> None:
    """The file comes from the journal; the exchange goes on."""
    write_private(floor.exchange, ANN, 1)
    rot(floor)
    unchecked()
    restored, facts = restored_to(tmp_path / "back", archive)
    assert (facts, restored.without_private_facts, restored.made_anew) == ([], ["ann"], 1)
    assert ["no other is of use" in note for note in restored.notes] == [True]


def test_a_set_is_proven_by_what_it_holds_itself(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], unchecked: Callable[[], Created]
) -> None:
    """That an older set would help is no proof: it may be pruned."""
    write_private(floor.exchange, ANN, 1)
    back_up()
    rot(floor)
    made = unchecked()
    found = [str(one) for one in verify(archive, made.set, deep=True, check=deep)]
    assert [one for one in found if "private facts are in no set on which it rests" in one]
    assert [one for one in found if archive.manifest(made.set).packs[0].name in one]


def test_facts_that_another_exchange_has_written_take_nobodys_place(
    floor: Floor,
    archive: Archive,
    back_up: Callable[..., Created],
    unchecked: Callable[[], Created],
    clock: ManualClock,
    tmp_path: Path,
) -> None:
    """A restored twin writes to the same place; its sets lie on the same history."""
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    restore(archive, tmp_path / "twin")
    with opened(tmp_path / "twin", clock=clock) as twin:
        write_private(twin, ANN, 99)
        Floor(twin).admin.backups.create(archive.url)
    rot(floor)
    made = unchecked()
    assert restored_to(tmp_path / "back", archive, made.set)[1] == [1]
    assert first.set < archive.set_ids()[1] < made.set


def test_facts_of_another_history_take_nobodys_place(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], clock: ManualClock, tmp_path: Path
) -> None:
    """An older folder was put back and traded on: a set of before, newer than the last good one, is beside its history."""
    home = floor.exchange.home
    write_private(floor.exchange, ANN, 1)
    back_up()
    floor.exchange.close()
    shutil.copytree(home, tmp_path / "old")
    with opened(home, clock=clock) as exchange:
        Floor(exchange).admin.accounts.deposit("bob", CASH, "1.00")
        write_private(exchange, ANN, 99)
        clock.advance(MINUTE_S)
        Floor(exchange).admin.backups.create(archive.url)
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "old", home)
    with opened(home, clock=clock) as exchange:
        again = Floor(exchange)
        for _ in range(3):
            again.admin.accounts.deposit("bob", CASH, "2.00")
        clock.advance(MINUTE_S)
        made = again.admin.backups.create(archive.url, "full")
    damage_copy(archive, made.set, ANN)
    assert restored_to(tmp_path / "back", archive, made.set)[1] == [1]


def test_facts_whose_loss_was_accepted_take_nobodys_place(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], unchecked: Callable[[], Created], tmp_path: Path
) -> None:
    """They are of before the user was marked again."""
    write_private(floor.exchange, ANN, 1)
    back_up()
    path = floor.path("ann")
    floor.exchange._files.pool.close_idle()
    path.unlink()
    floor.admin.databases.rebuild("ann", accept_loss=True)
    write_private(floor.exchange, ANN, 2)
    rot(floor)
    unchecked()
    restored, facts = restored_to(tmp_path / "back", archive)
    assert (facts, restored.without_private_facts) == ([], ["ann"])


def test_one_user_comes_back_from_the_newest_good_copy(
    floor: Floor, archive: Archive, back_up: Callable[..., Created], unchecked: Callable[[], Created], tmp_path: Path
) -> None:
    """In place, and into a file; each tells which copy was passed over."""
    write_private(floor.exchange, ANN, 1)
    first = back_up()
    rot(floor)
    second = unchecked()
    into_file = floor.admin.backups.user_as_of(archive.url, "ann", tmp_path / "ann.db")
    in_place = floor.admin.backups.restore_user(archive.url, "ann")
    for told in (into_file, in_place):
        assert told.set == first.set
        (note,) = told.notes
        assert note.startswith(f"The copy in {second.set} was passed over: ")
    assert (private_of(tmp_path / "ann.db"), private_of(floor.path("ann"))) == ([1], [1])
    assert floor.findings() == []


def test_one_user_without_a_good_copy_is_told_why(
    floor: Floor, archive: Archive, unchecked: Callable[[], Created]
) -> None:
    write_private(floor.exchange, BOB, 1)
    rot(floor, "bob")
    made = unchecked()
    with pytest.raises(NotFound, match=f"no set .* of use. The copy in {made.set} was passed over: .* rebuild bob"):
        floor.admin.backups.restore_user(archive.url, "bob")


def test_a_lost_exchange_db_costs_no_facts_that_an_older_copy_has(
    floor: Floor,
    archive: Archive,
    back_up: Callable[..., Created],
    unchecked: Callable[[], Created],
    clock: ManualClock,
) -> None:
    """The file is gone, too; of the copies one is rotten and one altered."""
    write_private(floor.exchange, ANN, 1)
    back_up()
    altered = back_up("full")
    damage_copy(archive, altered.set, ANN)
    rot(floor)
    rotten = unchecked()
    home, path = floor.exchange.home, floor.path("ann")
    floor.exchange.close()
    path.unlink()
    (home / "exchange.db").unlink()
    told = restore_exchange_db(archive, home, clock=clock)
    assert (told.restored, told.without_private_facts) == (["ann"], [])
    assert private_of(path) == [1]
    for passed_over in (rotten, altered):
        assert [note for note in told.notes if f"The copy in {passed_over.set} was passed over" in note]
