"""Erasing and pruning in archives that are not, or not only, of the history of the exchange that asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit_trading.backup.archive import Archive
from credit_trading.backup.restoring import restore
from credit_trading.backup.retention import Rules
from credit_trading.backup.verification import verify
from credit_trading.errors import FileForeign, NotFound
from credit_trading.store.places import Folder
from tests.backup.test_erasing import deep, holding
from tests.floor import Floor, opened


def test_another_exchanges_archive_is_left_as_it_is(floor: Floor, tmp_path: Path) -> None:
    """Its user of the same number is somebody else."""
    place = tmp_path / "theirs"
    with opened(tmp_path / "other") as other:
        Floor(other).set_up("zed", "yan").admin.backups.create(place)
        Floor(other).admin.backups.create(place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")
    floor.admin.databases.erase("ann")
    with pytest.raises(FileForeign, match="another exchange"):
        floor.admin.backups.erase_users(place)
    with pytest.raises(FileForeign, match="another exchange"):
        floor.admin.backups.prune(place, Rules(last=1))
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    with pytest.raises(NotFound, match="no complete backup here"):
        floor.admin.backups.erase_users(tmp_path / "nowhere")


def test_on_another_history_a_number_may_be_somebody_elses(floor: Floor, tmp_path: Path) -> None:
    """dan came after the first set; in the exchange that goes on from there the number is eve's, and she is erased."""
    place = tmp_path / "backups"
    floor.admin.backups.create(place)
    floor.add("dan")
    floor.admin.backups.create(place)
    archive = Archive(Folder(place))
    first, second = archive.set_ids()
    restore(archive, tmp_path / "r1", set_id=first)
    with opened(tmp_path / "r1") as going_on:
        again = Floor(going_on)
        again.add("eve")
        again.admin.backups.create(place)
        again.admin.databases.delete_trading_database("eve", sweep_to="bob")
        again.admin.databases.erase("eve")
        rewritten = again.admin.backups.erase_users(place)
    assert rewritten.sets == [archive.set_ids()[-1]]
    assert verify(archive, second, deep=True, check=deep) == []
    restored = restore(archive, tmp_path / "r2", set_id=second, check=deep)
    assert (restored.findings, restored.other_emails) == ([], [])
    with opened(tmp_path / "r2") as back:
        assert Floor(back).admin.databases.show_trading_database("dan").email == "dan@example.com"


def test_who_was_known_before_the_histories_parted_is_erased_from_both(floor: Floor, tmp_path: Path) -> None:
    """Remarks, too, that were made on the history which was given up."""
    place = tmp_path / "backups"
    floor.admin.backups.create(place)
    floor.admin.accounts.deposit("ann", "USD", "1.00", note="her mother called")
    floor.place("bob", "buy", 1, "5.00")
    floor.admin.backups.create(place)
    archive = Archive(Folder(place))
    restore(archive, tmp_path / "r1", set_id=archive.set_ids()[0])
    with opened(tmp_path / "r1") as going_on:
        again = Floor(going_on)
        again.admin.accounts.deposit("bob", "USD", "1.00", note="his uncle called")
        again.admin.databases.delete_trading_database("ann", sweep_to="bob")
        again.admin.databases.erase("ann")
        again.admin.backups.erase_users(place)
    assert holding(place) == []
    for set_id in archive.set_ids():
        assert verify(archive, set_id, deep=True, check=deep) == []
