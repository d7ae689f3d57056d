"""After an erasure no byte of the person is left in the archive either, and every set can still be restored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import credit_trading
from credit_trading import Exchange
from credit_trading.backup.archive import Archive, unpacked
from credit_trading.backup.erasing import erase_from
from credit_trading.backup.restoring import restore
from credit_trading.backup.retention import REMOVING, Rules
from credit_trading.backup.verification import verify
from credit_trading.errors import StorageError
from credit_trading.store.places import Folder
from credit_trading.verify.finding import Finding
from tests.floor import CASH, Floor

SECRETS = (b"ann@example.com", b"203.0.113.77", b"her mother called")


def deep(home: Path) -> list[Finding]:
    return list(credit_trading.verify_folder(home, deep=True).findings)


def _make_sets(floor: Floor, place: Path) -> None:
    """A full one and two that add to it; the user is deleted after that and stands in all of them."""
    ann = floor.exchange.as_user("ann", origin=SECRETS[1].decode())
    ann.orders.create_order("VCS-1340-2020/USD", "buy", 2, "12.00")
    floor.admin.backups.create(place)
    floor.admin.accounts.deposit("ann", CASH, "5.00", note=SECRETS[2].decode())
    floor.place("bob", "sell", 1, "12.00")
    floor.admin.backups.create(place)
    floor.place("cat", "buy", 1, "11.00")
    floor.admin.backups.create(place)
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")


def contents(place: Path) -> dict[str, bytes]:
    """Every object, and all that is compressed in it, as plain bytes."""
    archive = Archive(Folder(place))
    found = {}
    for path in sorted(place.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(place))
            found[name] = path.read_bytes()
            if name.endswith(".zst"):
                found[name] += unpacked(path.read_bytes())
    for set_id in archive.set_ids():
        for pack in archive.manifest(set_id).packs:
            for copy in archive.index(pack):
                found[f"{pack.name}, user {copy.user}"] = archive.file(pack, copy)
            found[f"{pack.name}, dictionary"] = unpacked(archive.read(pack)[: pack.dictionary_size])
    return found


def holding(place: Path) -> list[str]:
    return [name for name, content in contents(place).items() if any(secret in content for secret in SECRETS)]


def _verify_all(place: Path) -> None:
    archive = Archive(Folder(place))
    for set_id in archive.set_ids():
        assert verify(archive, set_id, deep=True, check=deep) == []


@pytest.mark.parametrize("how", ["now", "prune"])
def test_no_byte_of_an_erased_person_is_left_in_an_archive(floor: Floor, tmp_path: Path, how: str) -> None:
    """At once, or when it is next pruned. Every set is whole afterwards, those from before the deletion too."""
    place = tmp_path / "backups"
    _make_sets(floor, place)
    floor.admin.databases.erase("ann")
    archive = Archive(Folder(place))
    assert verify(archive, deep=False, check=deep) == []
    assert holding(place)
    if how == "now":
        rewritten = floor.admin.backups.erase_users(place)
        assert (rewritten.sets, rewritten.files) == (archive.set_ids()[:2], 2)
    else:
        floor.admin.backups.prune(place, Rules(last=10))
    assert holding(place) == []
    assert len(archive.set_ids()) == 3
    _verify_all(place)
    assert floor.admin.backups.erase_users(place).sets == []
    floor.admin.backups.create(place)
    _verify_all(place)
    assert floor.findings() == []


def test_a_set_from_before_is_restored_without_the_persons_name(
    floor: Floor, tmp_path: Path, reopen: Callable[..., Exchange]
) -> None:
    """Balances and orders are the journal's, as they were; who it was is not known any more."""
    place = tmp_path / "backups"
    _make_sets(floor, place)
    floor.admin.databases.erase("ann")
    floor.admin.backups.erase_users(place)
    first = Archive(Folder(place)).set_ids()[0]
    restored = restore(Archive(Folder(place)), tmp_path / "restored", set_id=first, check=deep)
    assert restored.findings == []
    assert restored.other_emails == ["ann"]
    with credit_trading.open(tmp_path / "restored") as exchange:
        again = Floor(exchange)
        assert again.balance("ann") == "1000000.00"
        assert again.admin.databases.show_trading_database("ann").email.endswith(".invalid")
        assert again.findings() == []


class _Failing(Folder):
    """A place that is gone after so many writes and removals."""

    left = 0

    def write(self, name: str, content: bytes) -> None:
        self._step(name)
        super().write(name, content)

    def remove(self, name: str) -> None:
        self._step(name)
        super().remove(name)

    def _step(self, name: str) -> None:
        if not self.left:
            raise StorageError("place", name, "gone", hint="Try again.")
        self.left -= 1


def test_broken_off_at_any_step_every_set_is_whole_and_the_next_time_goes_on(floor: Floor, tmp_path: Path) -> None:
    """Each time it comes one step further."""
    place = tmp_path / "backups"
    _make_sets(floor, place)
    floor.admin.databases.erase("ann")
    archive, step, is_done = Archive(Folder(place)), 0, False
    while not is_done:
        failing = _Failing(place)
        failing.left = step
        try:
            erase_from(Archive(failing), floor.exchange._live)
            is_done = True
        except StorageError:
            step += 1
        for set_id in archive.set_ids():
            assert verify(archive, set_id, check=deep) == []
    assert step > 5
    assert holding(place) == []
    assert archive.place.size(REMOVING) is None
