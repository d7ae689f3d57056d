"""Archives: whose they are, how sets hang together, and that nothing is read that is not as it was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from credit_trading.backup.archive import ARCHIVE, Archive
from credit_trading.backup.manifest import Manifest, decode, encode, manifest_name
from credit_trading.errors import FileCorrupt, FileForeign, NotFound, TradingError, VersionUnsupported
from credit_trading.store.places import Folder
from tests.backup.sets import NOON_US, add_set, empty_archive

EXCHANGE = "e" * 32


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return empty_archive(tmp_path / "archive")


@pytest.fixture
def chain(archive: Archive) -> list[Manifest]:
    """A full set and two that add to it."""
    first = add_set(archive, NOON_US)
    second = add_set(archive, NOON_US + 1, first)
    return [first, second, add_set(archive, NOON_US + 2, second)]


# Whose it is


def test_an_archive_is_one_exchanges(archive: Archive) -> None:
    archive.claim(EXCHANGE)
    assert archive.exchange_id() == EXCHANGE
    with pytest.raises(FileForeign, match="archive of another exchange"):
        archive.claim("f" * 32)


def test_an_archive_that_has_lost_its_first_file_is_still_that_exchanges(
    archive: Archive, chain: list[Manifest]
) -> None:
    archive.place.remove(ARCHIVE)
    assert archive.exchange_id() is None
    with pytest.raises(FileForeign, match="archive of another exchange"):
        archive.claim("f" * 32)
    archive.claim(EXCHANGE)
    assert archive.exchange_id() == EXCHANGE


def test_an_archive_whose_first_file_is_damaged_is_told(archive: Archive) -> None:
    archive.place.write(ARCHIVE, b"{")
    with pytest.raises(FileCorrupt, match=r"archive\.json.*cannot be read"):
        archive.claim(EXCHANGE)


# Which sets there are


def test_sets_are_listed_the_oldest_first(archive: Archive, chain: list[Manifest]) -> None:
    assert archive.set_ids() == [one.set for one in chain]
    assert archive.newest() == chain[-1]
    assert [one.set for one in archive.chain(chain[2])] == [one.set for one in chain]
    assert archive.chain(chain[0]) == [chain[0]]


def test_an_archive_without_sets_says_how_to_make_one(archive: Archive) -> None:
    with pytest.raises(NotFound, match=r"no complete backup here.*credit-trading backup create"):
        archive.newest()


def test_what_a_set_rests_on_has_to_be_there(archive: Archive, chain: list[Manifest]) -> None:
    archive.place.remove(manifest_name(chain[1].set))
    with pytest.raises(FileCorrupt, match=f"{chain[1].set}.*is missing, and {chain[2].set} adds to it"):
        archive.chain(chain[2])


def _put(archive: Archive, manifest: Manifest, **changed: object) -> Manifest:
    """As somebody would who knows the format: with its hash as it should be."""
    altered = msgspec.structs.replace(manifest, **changed).sealed()
    archive.publish(altered)
    return altered


def _without_a_segment(chain: list[Manifest]) -> dict[str, object]:
    return {"segments": []}


def _other_hash(chain: list[Manifest]) -> dict[str, object]:
    return {"segments": [msgspec.structs.replace(chain[2].segments[0], hash_before="00" * 32)]}


def _a_gap(chain: list[Manifest]) -> dict[str, object]:
    return {"segments": [msgspec.structs.replace(chain[2].segments[0], first=chain[2].segments[0].first + 1)]}


@pytest.mark.parametrize(
    "change",
    [
        _without_a_segment,
        _other_hash,
        _a_gap,
        lambda chain: {"sequence": chain[2].sequence + 1},
        lambda chain: {"hash": "00" * 32},
        lambda chain: {"base": chain[0].set},
        lambda chain: {"base": chain[2].set},
        lambda chain: {"exchange_id": "f" * 32},
        lambda chain: {"base": chain[2].set, "segments": []},
    ],
    ids=[
        "no segment",
        "another hash",
        "a gap",
        "sequence",
        "hash",
        "a base before",
        "itself",
        "another exchange",
        "itself, adding nothing",
    ],
)
def test_a_set_that_does_not_continue_its_base_is_told(
    archive: Archive, chain: list[Manifest], change: Callable[[list[Manifest]], dict[str, object]]
) -> None:
    altered = _put(archive, chain[2], **change(chain))
    with pytest.raises(FileCorrupt, match=rf"{altered.set}\.json.*does not continue"):
        archive.chain(altered)


def test_a_full_set_has_the_journal_from_its_first_row_on(archive: Archive, chain: list[Manifest]) -> None:
    altered = _put(archive, chain[2], base=None, kind="full")
    with pytest.raises(FileCorrupt, match="do not begin at row 1"):
        archive.chain(altered)


# Manifests


def test_every_byte_of_a_manifest_counts(archive: Archive, chain: list[Manifest]) -> None:
    """One flipped, wherever a letter, digit or sign stands."""
    name = manifest_name(chain[0].set)
    content = archive.place.read(name)
    for at in range(0, len(content), 3):
        if content[at : at + 1].isspace():
            continue
        altered = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        with pytest.raises((FileCorrupt, VersionUnsupported), match=r"sets/.*\.json"):
            decode(altered, name=name)
    for altered in (content + b"\n", content.replace(b": ", b":\t", 1), b'{"format": 1,' + content[1:]):
        with pytest.raises(FileCorrupt, match="not as it was written"):
            decode(altered, name=name)
    assert decode(content, name=name) == chain[0]


def test_a_manifest_under_another_name_is_not_that_set(archive: Archive, chain: list[Manifest]) -> None:
    archive.place.write(manifest_name("20990101"), archive.place.read(manifest_name(chain[0].set)))
    with pytest.raises(FileCorrupt, match=r"sets/20990101\.json.*not as it was written"):
        archive.manifest("20990101")


def test_a_manifest_that_was_edited_is_not_read(archive: Archive, chain: list[Manifest]) -> None:
    name = manifest_name(chain[0].set)
    archive.place.write(name, archive.place.read(name).replace(b'"users": 1', b'"users": 2'))
    with pytest.raises(FileCorrupt, match="not as it was written"):
        archive.manifest(chain[0].set)


def test_a_newer_manifest_is_refused_by_its_format(archive: Archive, chain: list[Manifest]) -> None:
    """Whatever else has changed in it."""
    archive.place.write(manifest_name("x"), b'{"format": 2, "sets": []}')
    with pytest.raises(VersionUnsupported, match="format 2 is newer than 1"):
        archive.manifest("x")


def test_a_manifest_can_be_read_by_people(chain: list[Manifest]) -> None:
    lines = encode(chain[0]).decode().splitlines()
    assert f'  "set": "{chain[0].set}",' in lines


# Objects


@pytest.mark.parametrize("harm", ["flipped", "cut", "longer", "gone", "exchanged"])
def test_no_object_is_read_that_is_not_as_it_was_written(archive: Archive, chain: list[Manifest], harm: str) -> None:
    stored, other = chain[0].people, chain[1].people
    content = archive.place.read(stored.name)
    place = archive.place
    if harm == "flipped":
        place.write(stored.name, bytes([content[0] ^ 1]) + content[1:])
    elif harm == "cut":
        place.write(stored.name, content[:-1])
    elif harm == "longer":
        place.write(stored.name, content + b"\0")
    elif harm == "gone":
        place.remove(stored.name)
    else:
        place.write(stored.name, place.read(other.name))
        place.write(other.name, content)
    with pytest.raises(TradingError, match=stored.name.replace(".", r"\.")) as error:
        archive.read(stored)
    assert isinstance(error.value, NotFound if harm == "gone" else FileCorrupt)


def test_names_in_a_manifest_stay_inside_the_archive(archive: Archive, chain: list[Manifest], tmp_path: Path) -> None:
    """Somebody who can write into an archive cannot make whoever reads it read or remove other files."""
    (tmp_path / "secret").write_bytes(b"secret")
    place = archive.place
    assert isinstance(place, Folder)
    for name in ("../secret", str(tmp_path / "secret"), "packs/../../secret"):
        for act in (place.read, place.size, place.remove, lambda name: place.write(name, b"")):
            with pytest.raises(FileCorrupt, match="no name of an object"):
                act(name)
    assert (tmp_path / "secret").read_bytes() == b"secret"
