"""Which sets are kept, and that nothing a kept one needs ever goes."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from credit_trading.backup.archive import Archive
from credit_trading.backup.listing import list_sets, show_set
from credit_trading.backup.manifest import Manifest
from credit_trading.backup.retention import MOVED, REMOVING, Rules, prune
from credit_trading.errors import BackupUnverified, FileCorrupt, InvalidInput, NotFound, StorageError
from credit_trading.store.places import Folder
from tests.backup.sets import DAY_US, NOON_US, add_set, empty_archive, mark_verified, objects_in


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return empty_archive(tmp_path / "backups")


def _restorable(archive: Archive, set_id: str) -> bool:
    """Whether all that the set needs is there, as it was written."""
    chain = archive.chain(archive.manifest(set_id))
    return all(archive.read(stored) for manifest in chain for stored in manifest.objects)


def _days(archive: Archive, count: int) -> list[Manifest]:
    """A full set each noon, from that Friday on."""
    return [add_set(archive, NOON_US + day * DAY_US) for day in range(count)]


def test_the_newest_set_of_each_period_is_kept(archive: Archive) -> None:
    """Friday 5 December 2025 and on: the weeks end on the 7th, 14th, 21st, 28th; the month on the 31st."""
    days = _days(archive, 40)  # up to 13 January, a Tuesday
    pruned = prune(archive, Rules(last=2, daily=3, weekly=2, monthly=2), dry_run=True)
    names = {manifest.set: manifest.set[:8] for manifest in days}
    assert {names[one]: reasons for one, reasons in pruned.kept.items()} == {
        "20251231": ["monthly"],
        "20260111": ["daily", "weekly"],
        "20260112": ["last", "daily"],
        "20260113": ["newest", "last", "daily", "weekly", "monthly"],
    }
    assert len(pruned.removed) == 36
    assert len(archive.set_ids()) == 40


def test_what_a_kept_set_rests_on_is_kept(archive: Archive) -> None:
    full = add_set(archive, NOON_US)
    middle = add_set(archive, NOON_US + 1, full)
    newest = add_set(archive, NOON_US + 2, middle)
    pruned = prune(archive, Rules(last=1))
    assert pruned.kept == {
        full.set: [f"needed by {middle.set}"],
        middle.set: [f"needed by {newest.set}"],
        newest.set: ["newest", "last"],
    }
    assert pruned.removed == []
    assert _restorable(archive, newest.set)


def test_objects_go_with_the_last_set_that_names_them(archive: Archive) -> None:
    first, second = _days(archive, 2)
    shared = first.segments[0]
    archive.publish(msgspec.structs.replace(second, segments=[shared]).sealed())
    mark_verified(archive, archive.newest())
    pruned = prune(archive, Rules(last=1))
    assert pruned.removed == [first.set]
    assert archive.set_ids() == [second.set]
    assert shared.name in objects_in(archive)
    assert first.packs[0].name not in objects_in(archive)
    assert archive.place.names("verified") == [f"verified/{second.set}.json"]
    assert (pruned.objects, pruned.size_bytes) == (2, 20)


def test_segments_that_exist_nowhere_else_stay(archive: Archive) -> None:
    """They were moved out of exchange.db: what names them then is a list of their own, or exchange.db."""
    first, second, _ = _days(archive, 3)
    moved, protected = first.segments[0], second.segments[0]
    archive.place.write(MOVED, msgspec.json.encode({"segments": [moved]}))
    prune(archive, Rules(last=1), protected=[protected.name])
    assert {moved.name, protected.name} <= objects_in(archive)
    archive.place.write(MOVED, b"{")
    with pytest.raises(FileCorrupt, match="it names what must never be removed"):
        prune(archive, Rules(last=1))


@pytest.mark.parametrize("state", ["never", "damaged", "changed"])
def test_nothing_is_removed_while_the_newest_set_is_not_known_to_be_good(archive: Archive, state: str) -> None:
    _days(archive, 2)
    newest = add_set(archive, NOON_US + 3 * DAY_US, verified=state != "never")
    if state == "damaged":
        mark_verified(archive, newest, findings=1)
    elif state == "changed":
        archive.publish(msgspec.structs.replace(newest, users=2).sealed())
    before = objects_in(archive)
    with pytest.raises(BackupUnverified, match="backup verify --from"):
        prune(archive, Rules(last=1))
    assert len(archive.set_ids()) == 3
    assert objects_in(archive) == before


def test_nothing_is_removed_while_a_manifest_cannot_be_read(archive: Archive) -> None:
    """Nobody knows what it needs. The list shows it, and the others."""
    first, _, _ = _days(archive, 3)
    archive.place.write(f"sets/{first.set}.json", b"{}")
    with pytest.raises(FileCorrupt):
        prune(archive, Rules(last=1))
    assert len(archive.set_ids()) == 3
    listed = list_sets(archive)
    assert [bool(one.problem) for one in listed] == [True, False, False]
    assert (listed[1].findings, listed[1].verified_deep, listed[1].copies) == (0, True, 1)


def test_no_rules_no_sets_and_numbers_below_zero_are_refused(archive: Archive) -> None:
    for given in ({}, {"last": 0}, {"daily": -1}):
        with pytest.raises(InvalidInput, match="no rule says what to keep"):
            Rules(**given)
    with pytest.raises(NotFound, match="no complete backup"):
        prune(archive, Rules(last=1))
    with pytest.raises(NotFound, match="no complete backup"):
        show_set(archive)


def test_a_set_is_shown_with_all_that_restoring_it_needs(archive: Archive) -> None:
    full = add_set(archive, NOON_US)
    other = add_set(archive, NOON_US + 1, full)
    content = show_set(archive)
    assert (content.record.set, content.rests_on) == (other.set, [full.set])
    assert {stored.name for stored in content.objects} == {
        stored.name for manifest in (full, other) for stored in manifest.objects
    }


class _Failing(Folder):
    """A place that is gone after so many removals."""

    left = 0

    def remove(self, name: str) -> None:
        if not self.left:
            raise StorageError("place", name, "gone", hint="Try again.")
        self.left -= 1
        super().remove(name)


@pytest.mark.parametrize("step", range(11))
def test_a_removal_that_is_broken_off_harms_no_set_and_is_finished_the_next_time(tmp_path: Path, step: int) -> None:
    archive = empty_archive(tmp_path / "backups")
    full = add_set(archive, NOON_US)
    add_set(archive, NOON_US + 1, full)
    newest = add_set(archive, NOON_US + DAY_US)
    failing = _Failing(tmp_path / "backups")
    failing.left = step
    with pytest.raises(StorageError, match="gone"):
        prune(Archive(failing), Rules(last=1))
    assert all(_restorable(archive, one) for one in archive.set_ids())
    prune(archive, Rules(last=1))
    assert archive.set_ids() == [newest.set]
    assert objects_in(archive) == {stored.name for stored in newest.objects}
    assert archive.place.names("verified") == [f"verified/{newest.set}.json"]
    assert archive.place.size(REMOVING) is None


@pytest.mark.parametrize("seed", range(15))
def test_whatever_the_sets_and_rules_every_set_that_is_left_can_be_restored(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    archive = empty_archive(tmp_path / "backups")
    sets: list[Manifest] = []
    at_us = NOON_US
    for _ in range(chance.randint(1, 25)):
        at_us += chance.choice([DAY_US // 24, DAY_US // 3, DAY_US, 5 * DAY_US])
        sets.append(add_set(archive, at_us, chance.choice(sets[-3:]) if sets and chance.random() < 0.7 else None))
    numbers = [chance.choice([0, 0, 1, 2, 5]) for _ in range(4)]
    rules = Rules(last=max(1, numbers[0]), daily=numbers[1], weekly=numbers[2], monthly=numbers[3])
    pruned = prune(archive, rules)
    assert sorted([*pruned.kept, *pruned.removed]) == [one.set for one in sets]
    assert archive.set_ids() == list(pruned.kept)
    assert sets[-1].set in pruned.kept
    assert all(_restorable(archive, one) for one in pruned.kept)
    named = {stored.name for one in pruned.kept for stored in archive.manifest(one).objects}
    assert objects_in(archive) == named
    assert prune(archive, rules).removed == []
