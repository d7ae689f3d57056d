"""An archive that two exchanges of one origin have written to: nobody is given the wrong one without a word."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.backup.archive import Archive
from credit_trading.backup.creation import Created
from credit_trading.backup.lost_exchange_db import restore_exchange_db
from credit_trading.backup.manifest import manifest_name
from credit_trading.backup.moment import choose
from credit_trading.backup.restoring import restore
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.journal.log import FILE_NAME
from tests.backup.past import ANN, private_of, write_private
from tests.floor import Floor, opened

HOUR_S = 3600


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def archive(place: Path) -> Archive:
    return Archive.at(place)


@pytest.fixture
def exchange(home: Path, clock: ManualClock) -> Iterator[Exchange]:
    with opened(home, clock=clock) as exchange:
        Floor(exchange).set_up("ann", "bob")
        yield exchange


def _back_up(exchange: Exchange, place: Path, clock: ManualClock) -> Created:
    clock.advance(HOUR_S)
    return exchange.as_admin("test").backups.create(place)


def _trade(exchange: Exchange, *prices: str) -> None:
    for price in prices:
        Floor(exchange).place("ann", "sell", 1, price)


def _twin(archive: Archive, home: Path, clock: ManualClock, set_id: str | None = None) -> Exchange:
    return opened(restore(archive, home, set_id=set_id).home, clock=clock)


@pytest.fixture
def forked(
    exchange: Exchange, archive: Archive, place: Path, clock: ManualClock, tmp_path: Path
) -> tuple[list[str], list[Created]]:
    """Two sets of the exchange, then one of a copy that was restored from the first; and what they told."""
    made = [_back_up(exchange, place, clock)]
    _trade(exchange, "5.00", "5.01")
    made.append(_back_up(exchange, place, clock))
    with _twin(archive, tmp_path / "twin", clock, made[0].set) as twin:
        made.append(_back_up(twin, place, clock))
    return [one.set for one in made], made


def test_an_older_state_is_not_taken_for_the_newest(
    forked: tuple[list[str], list[Created]], exchange: Exchange, archive: Archive, home: Path, tmp_path: Path
) -> None:
    """The line names both sets; a lost exchange.db and a whole folder come back once one is named."""
    (first, second, twins), made = forked
    assert made[2].sequence < made[1].sequence
    exchange.close()
    for path in home.glob(f"{FILE_NAME}*"):
        path.unlink()
    told = rf'"{twins}": it is the newest set, of sequence {made[2].sequence}, and {second} is one of sequence {made[1].sequence}:.* Name'
    choices: list[dict[str, Any]] = [{}, {"sequence": made[0].sequence}, {"time_us": archive.manifest(second).time_us}]
    for wanted in choices:
        with pytest.raises(InvalidInput, match=told):
            restore(archive, tmp_path / "restored", **wanted)
    with pytest.raises(InvalidInput, match=told):
        restore_exchange_db(archive, home)
    assert not (home / FILE_NAME).exists()
    assert not (tmp_path / "restored").exists()
    assert restore(archive, tmp_path / "restored", set_id=twins).sequence == made[0].sequence
    assert restore_exchange_db(archive, home, set_id=second).sequence == made[1].sequence
    assert first < second < twins


def test_a_set_on_another_history_is_no_less_unclear_for_being_shorter(
    forked: tuple[list[str], list[Created]], archive: Archive, place: Path, clock: ManualClock, tmp_path: Path
) -> None:
    (_, second, _), _ = forked
    with opened(tmp_path / "twin", clock=clock) as twin:
        _trade(twin, "7.00", "7.01", "7.02", "7.03")
        newest = _back_up(twin, place, clock)
    with pytest.raises(
        InvalidInput, match=rf'"{newest.set}": .*, and {second} is one of sequence \d+ on another history'
    ):
        choose(archive)
    assert choose(archive, set_id=newest.set).sequence == newest.sequence
    (place / manifest_name(second)).unlink()
    assert choose(archive).set == newest.set


def test_an_exchange_that_was_restored_and_goes_on_alone_is_clear(
    exchange: Exchange, archive: Archive, place: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """Time after time: its sets follow those of the one before, and nothing has to be named."""
    _back_up(exchange, place, clock)
    _trade(exchange, "5.00")
    _back_up(exchange, place, clock)
    exchange.close()
    for generation in range(3):
        with _twin(archive, tmp_path / f"{generation}", clock) as twin:
            assert _back_up(twin, place, clock).notes == []
            _trade(twin, "6.00")
            newest = _back_up(twin, place, clock)
        assert newest.notes == []
        moment = choose(archive)
        assert (moment.set, moment.sequence, moment.notes) == (newest.set, newest.sequence, [])
    assert choose(archive, sequence=3).sequence == 3


def test_of_two_that_write_in_turn_the_last_is_not_taken_for_both(
    exchange: Exchange, archive: Archive, place: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """The journal is the same to the last row: they differ by private facts alone."""
    first = _back_up(exchange, place, clock)
    with _twin(archive, tmp_path / "twin", clock) as twin:
        write_private(twin, ANN, 1)
        twins = _back_up(twin, place, clock)
        write_private(exchange, ANN, 2)
        second = _back_up(exchange, place, clock)
        assert [twins.set in told and "goes on beside this one" in told for told in second.notes] == [True]
        with pytest.raises(InvalidInput, match=rf'"{second.set}": .* {twins.set} is one of .* which goes on beside'):
            choose(archive)
        again = _back_up(twin, place, clock)
        assert [second.set in told for told in again.notes] == [True]
    for made, expected in ((second, [2]), (twins, [1]), (again, [1])):
        with _twin(archive, tmp_path / made.set, clock, made.set) as back:
            assert private_of(Floor(back).path("ann")) == expected
    assert choose(archive, set_id=first.set).set == first.set


def test_an_earlier_moment_of_one_has_no_facts_of_the_other(
    exchange: Exchange, archive: Archive, place: Path, clock: ManualClock, tmp_path: Path
) -> None:
    write_private(exchange, ANN, 1)
    first = _back_up(exchange, place, clock)
    with _twin(archive, tmp_path / "twin", clock) as twin:
        write_private(twin, ANN, 9)
        _back_up(twin, place, clock)
    _trade(exchange, "5.00")
    newest = _back_up(exchange, place, clock)
    moment = choose(archive, set_id=newest.set, sequence=first.sequence)
    assert (moment.set, moment.sequence) == (first.set, first.sequence)


def test_a_backup_says_that_the_newest_set_is_not_of_this_history(
    forked: tuple[list[str], list[Created]], exchange: Exchange, place: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """Once: its own set is the newest then. The exchange whose sets all lie on its history hears nothing."""
    (_, second, _), made = forked
    assert (made[0].notes, made[1].notes) == ([], [])
    (told,) = made[2].notes
    assert f"{second}, is of sequence {made[1].sequence}, and this exchange has come to {made[2].sequence}" in told
    with opened(tmp_path / "twin", clock=clock) as twin:
        assert _back_up(twin, place, clock).notes == []
        _trade(twin, "7.00", "7.01")
        assert _back_up(twin, place, clock).notes == []
    (told,) = _back_up(exchange, place, clock).notes
    assert "on another history than this exchange's" in told


def test_a_damaged_newest_set_keeps_no_backup_from_being_made(
    exchange: Exchange, archive: Archive, place: Path, clock: ManualClock
) -> None:
    first, second = _back_up(exchange, place, clock), _back_up(exchange, place, clock)
    path = place / manifest_name(second.set)
    path.write_bytes(path.read_bytes()[:-9])
    third = _back_up(exchange, place, clock)
    assert (third.base, third.notes) == (first.set, [])
    moment = choose(archive)
    assert (moment.set, ["was passed over" in note for note in moment.notes]) == (third.set, [True])
    shutil.rmtree(place)
    with pytest.raises(NotFound):
        choose(archive)
