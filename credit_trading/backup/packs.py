"""Packs: many users' files in one object, each compressed by itself, so that one of them can be read alone.

Here: making a pack, and one without some of its files. Never here: where the files come from (creation), reading one (archive).
Always: a user stands in a pack once; the files of a pack are compressed with the dictionary at its beginning.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Container

import attrs
import msgspec
import zstandard

from credit_trading.backup.archive import Archive, compressor, dictionary, packed, store
from credit_trading.backup.manifest import Copy, StoredPack, encode_index
from credit_trading.users.tables.schema import template

MOST_BYTES = 16 * 1024 * 1024
MOST_USERS = 1_000
"""A pack is closed once it holds so much."""

_LEVEL = 1
"""Measured, files of 124 KiB with few rows: 58 µs and 566 bytes each; at level 3 85 µs and 565 bytes."""


@attrs.frozen
class Frame:
    """A user's file, compressed, and what the index will say of it; where it lies is settled when it is put into a pack."""

    copy: Copy
    content: bytes


def frame(user: int, content: bytes, *, applied_sequence: int, applied_hash: bytes, schema_version: int) -> Frame:
    """A user's file as it is at that position; compressed as `Packing` wants it. Any number of threads may do so at once."""
    compressed = _compressor().compress(content)
    copy = Copy(
        user=user,
        offset=0,
        size=len(compressed),
        sha256=hashlib.sha256(compressed).hexdigest(),
        file_size=len(content),
        applied_sequence=applied_sequence,
        applied_hash=applied_hash.hex(),
        schema_version=schema_version,
    )
    return Frame(copy, compressed)


class Packing:
    """A pack that is being made, in memory. For one thread at a time."""

    def __init__(self, dictionary_frame: bytes | None = None) -> None:
        """`dictionary_frame` is the one that all frames were compressed with: that of `frame`, unless they come from another pack."""
        self._content = bytearray(packed(template()) if dictionary_frame is None else dictionary_frame)
        self._dictionary_size = len(self._content)
        self._copies: list[Copy] = []

    @property
    def users(self) -> int:
        return len(self._copies)

    @property
    def is_full(self) -> bool:
        return len(self._copies) >= MOST_USERS or len(self._content) >= MOST_BYTES

    def add(self, one: Frame) -> None:
        self._copies.append(msgspec.structs.replace(one.copy, offset=len(self._content)))
        self._content += one.content

    def put(self, archive: Archive, name: str) -> StoredPack:
        """Writes the pack, which holds one file at least, and says what was written. Raises StorageError."""
        copies = sorted(self._copies, key=lambda copy: copy.user)
        index_at = len(self._content)
        self._content += packed(encode_index(copies))
        stored = store(archive, name, bytes(self._content))
        return StoredPack(
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256,
            dictionary_size=self._dictionary_size,
            index_at=index_at,
            users=len(copies),
            first_user=copies[0].user,
            last_user=copies[-1].user,
        )


def with_only(archive: Archive, pack: StoredPack, users: Container[int], name: str) -> StoredPack | None:
    """A new pack under that name with these users' files alone; None if it would be empty. Raises FileCorrupt, StorageError."""
    copies = [copy for copy in archive.index(pack) if copy.user in users]
    if not copies:
        return None
    content = archive.read(pack)
    packing = Packing(content[: pack.dictionary_size])
    for copy in copies:
        packing.add(Frame(copy, content[copy.offset : copy.offset + copy.size]))
    return packing.put(archive, name)


def _compressor() -> zstandard.ZstdCompressor:
    """The thread's own: a compressor is not for two at once."""
    found: zstandard.ZstdCompressor | None = getattr(_mine, "compressor", None)
    if found is None:
        found = _mine.compressor = compressor(dictionary(template()), level=_LEVEL)
    return found


_mine = threading.local()
