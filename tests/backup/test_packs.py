"""Packs: many files in one object, each of which can be read alone."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import msgspec
import pytest

from credit_trading.backup import packs
from credit_trading.backup.archive import Archive
from credit_trading.backup.archive import packed as one_frame
from credit_trading.backup.manifest import Copy, StoredPack
from credit_trading.backup.packs import Frame, Packing, frame, with_only
from credit_trading.errors import FileCorrupt
from credit_trading.store.places import Folder
from credit_trading.users.tables.schema import template


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(Folder(tmp_path))


def content_of(user: int) -> bytes:
    """A file that is like an empty one, but for a page."""
    return template() + bytes([user]) * 4096


def framed(user: int) -> Frame:
    return frame(user, content_of(user), applied_sequence=10 + user, applied_hash=bytes([user]) * 32, schema_version=3)


def packed(archive: Archive, *users: int, name: str = "packs/one.pack") -> StoredPack:
    packing = Packing()
    for user in users:
        packing.add(framed(user))
    return packing.put(archive, name)


def test_each_file_comes_out_as_it_went_in(archive: Archive) -> None:
    """In the order of the users' numbers, whatever the order in which they came."""
    pack = packed(archive, 3, 1, 2)
    copies = archive.index(pack)
    assert [copy.user for copy in copies] == [1, 2, 3]
    assert [archive.file(pack, copy) for copy in copies] == [content_of(user) for user in (1, 2, 3)]
    assert [(copy.applied_sequence, copy.applied_hash) for copy in copies] == [
        (10 + user, f"{user:02x}" * 32) for user in (1, 2, 3)
    ]
    assert (pack.users, pack.first_user, pack.last_user) == (3, 1, 3)
    assert len(archive.read(pack)) == pack.size < len(template())


def test_a_file_that_is_empty_or_like_nothing_else_is_kept_too(archive: Archive) -> None:
    packing, contents = Packing(), {1: b"", 2: secrets.token_bytes(50_000)}
    for user, content in contents.items():
        packing.add(frame(user, content, applied_sequence=0, applied_hash=bytes(32), schema_version=3))
    pack = packing.put(archive, "packs/one.pack")
    assert {copy.user: archive.file(pack, copy) for copy in archive.index(pack)} == contents


def test_files_are_compressed_in_many_threads_at_once(archive: Archive) -> None:
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(framed, range(1, 40)))
    packing = Packing()
    for one in frames:
        packing.add(one)
    pack = packing.put(archive, "packs/one.pack")
    assert all(archive.file(pack, copy) == content_of(copy.user) for copy in archive.index(pack))


def test_a_pack_is_full_by_users_or_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    packing = Packing()
    monkeypatch.setattr(packs, "MOST_USERS", 2)
    packing.add(framed(1))
    assert not packing.is_full
    packing.add(framed(2))
    assert packing.is_full
    monkeypatch.setattr(packs, "MOST_USERS", 1000)
    assert not packing.is_full
    monkeypatch.setattr(packs, "MOST_BYTES", 1000)
    assert packing.is_full


def test_a_pack_with_only_some_of_its_files(archive: Archive) -> None:
    """The same bytes of each, at other places."""
    pack = packed(archive, 1, 2, 3, 4)
    fewer = with_only(archive, pack, {2, 4, 9}, "packs/fewer.pack")
    assert fewer is not None
    assert fewer.name == "packs/fewer.pack"
    assert (fewer.users, fewer.first_user, fewer.last_user) == (2, 2, 4)
    assert {copy.user: archive.file(fewer, copy) for copy in archive.index(fewer)} == {
        2: content_of(2),
        4: content_of(4),
    }
    assert with_only(archive, pack, {9}, "packs/none.pack") is None
    assert archive.place.names("packs") == ["packs/fewer.pack", "packs/one.pack"]


# Tampering


def _flip(archive: Archive, pack: StoredPack, at: int) -> None:
    content = bytearray(archive.place.read(pack.name))
    content[at] ^= 0x10
    archive.place.write(pack.name, bytes(content))


def _each_file(archive: Archive, pack: StoredPack) -> None:
    for copy in archive.index(pack):
        archive.file(pack, copy)


@pytest.mark.parametrize("part", range(12))
def test_a_flipped_byte_is_found_wherever_it_is(archive: Archive, part: int) -> None:
    """Reading the whole finds it anywhere, reading a file in what is needed for that."""
    pack = packed(archive, 1, 2)
    at = pack.size * part // 12
    _flip(archive, pack, at)
    with pytest.raises(FileCorrupt, match=r"packs/one\.pack.*not as it was written"):
        archive.read(pack)
    with pytest.raises(FileCorrupt, match=r"packs/one\.pack.*not as it was written"):
        _each_file(archive, pack)


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_pack_that_is_cut_short_is_found(archive: Archive, cut: int) -> None:
    pack = packed(archive, 1, 2)
    archive.place.write(pack.name, archive.place.read(pack.name)[:-cut])
    with pytest.raises(FileCorrupt, match="not as it was written"):
        archive.read(pack)
    with pytest.raises(FileCorrupt, match="not as it was written"):
        archive.index(pack)


def test_files_that_have_changed_places_are_found(archive: Archive) -> None:
    """An index that names another file's bytes."""
    pack = packed(archive, 1, 2)
    first, second = archive.index(pack)
    crossed: Copy = msgspec.structs.replace(first, offset=second.offset, size=second.size)
    with pytest.raises(FileCorrupt, match="not as it was written"):
        archive.file(pack, crossed)


def test_a_frame_of_another_dictionary_is_not_read(archive: Archive) -> None:
    """Two packs whose beginnings were exchanged."""
    pack = packed(archive, 1)
    other = Packing(one_frame(b"another dictionary" * 100))
    other.add(attrs.evolve(framed(1)))
    wrong = other.put(archive, "packs/wrong.pack")
    with pytest.raises(FileCorrupt, match=r"packs/wrong\.pack"):
        archive.file(wrong, archive.index(wrong)[0])
    assert archive.file(pack, archive.index(pack)[0]) == content_of(1)
