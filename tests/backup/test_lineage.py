"""Private facts belong to the exchange.db that counted them: copies of another one's count tell nothing about this one's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import credit_trading
from credit_trading import Exchange
from credit_trading.backup.archive import Archive
from credit_trading.backup.restoring import restore
from credit_trading.store.places import Folder
from credit_trading.verify.finding import Finding
from tests.backup.past import private_of, write_private
from tests.floor import Floor, opened

ANN = 1


def deep(home: Path) -> list[Finding]:
    return list(credit_trading.verify_folder(home, deep=True).findings)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def exchange(home: Path, place: Path) -> Iterator[Exchange]:
    """One that has written a private fact and made a full set."""
    with opened(home) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        write_private(exchange, ANN, 1)
        floor.admin.backups.create(place)
        yield exchange


def _restored(place: Path, home: Path, set_id: str | None = None) -> list[object]:
    """Ann's private facts in a folder that is restored, which is whole."""
    restored = restore(Archive(Folder(place)), home, set_id=set_id, check=deep)
    assert restored.findings == []
    with opened(home) as again:
        return private_of(Floor(again).path("ann"))


def test_a_write_is_not_missed_because_a_restored_twin_has_counted_further(
    exchange: Exchange, place: Path, tmp_path: Path
) -> None:
    """The twin's sets lie on this history, too, and are newer; what they say of private writes is not about this exchange."""
    restore(Archive(Folder(place)), tmp_path / "twin")
    with opened(tmp_path / "twin") as twin:
        for _ in range(3):
            assert Floor(twin).admin.backups.create(place).users <= 2
    write_private(exchange, ANN, 2)
    created = Floor(exchange).admin.backups.create(place)
    assert created.users == 1
    assert _restored(place, tmp_path / "back", created.set) == [2]


def test_facts_of_another_time_line_do_not_come_back(exchange: Exchange, place: Path, tmp_path: Path) -> None:
    """The last set differs by private writes only; the exchange that goes on from the one before does not have them."""
    first = Archive(Folder(place)).set_ids()[0]
    write_private(exchange, ANN, 2)
    Floor(exchange).admin.backups.create(place)
    exchange.close()
    assert _restored(place, tmp_path / "r1", first) == [1]
    with opened(tmp_path / "r1") as going_on:
        created = Floor(going_on).admin.backups.create(place)
    assert created.kind == "full"
    assert _restored(place, tmp_path / "r2", created.set) == [1]
    with opened(tmp_path / "r1") as going_on:
        assert Floor(going_on).admin.backups.create(place).kind == "incremental"


def test_facts_whose_loss_was_accepted_do_not_come_back(exchange: Exchange, place: Path, tmp_path: Path) -> None:
    floor = Floor(exchange)
    path = floor.path("ann")
    exchange._files.let_go(ANN)
    exchange.close()
    path.unlink()
    with opened(exchange.home) as again:
        floor = Floor(again)
        floor.admin.databases.rebuild("ann", accept_loss=True)
        created = floor.admin.backups.create(place)
        assert (created.kind, created.users) == ("incremental", 1)
    restored = restore(Archive(Folder(place)), tmp_path / "back", check=deep)
    assert (restored.findings, restored.without_private_facts) == ([], [])
    with opened(tmp_path / "back") as back:
        assert private_of(Floor(back).path("ann")) == []


def test_one_users_facts_come_from_a_set_that_this_exchange_descends_from(
    exchange: Exchange, place: Path, tmp_path: Path
) -> None:
    """Not from the newest set of the exchange that was given up, unless it is named."""
    first = Archive(Folder(place)).set_ids()[0]
    write_private(exchange, ANN, 2)
    Floor(exchange).admin.backups.create(place)
    second = Archive(Folder(place)).set_ids()[1]
    restore(Archive(Folder(place)), tmp_path / "r1", set_id=first)
    with opened(tmp_path / "r1") as going_on:
        backups = Floor(going_on).admin.backups
        backups.restore_user(place, "ann")
        assert private_of(Floor(going_on).path("ann")) == [1]
        backups.restore_user(place, "ann", set_id=second)
        assert private_of(Floor(going_on).path("ann")) == [2]
