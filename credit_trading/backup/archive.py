"""An archive at some place: its sets, and reading their objects with proof.

Here: which sets there are, how they hang together, and bytes that are what the manifest says. Never here: making sets (creation), what is
done with them (restoring, verification, retention).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

import msgspec
import zstandard

from credit_trading.backup import set_ids
from credit_trading.backup.manifest import (
    Copy,
    Manifest,
    Stored,
    StoredPack,
    decode,
    decode_index,
    encode,
    manifest_name,
)
from credit_trading.errors import FileCorrupt, FileForeign, NotFound, StorageError
from credit_trading.journal.rows import FIRST_HASH
from credit_trading.store.places import Place, open_place

ARCHIVE = "archive.json"


class _Archive(msgspec.Struct, frozen=True):
    exchange_id: str
    format: int = 1


class Archive:
    """For one thread at a time."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._known: tuple[str, zstandard.ZstdCompressionDict | None] = "", None

    @classmethod
    def at(cls, url: str | os.PathLike[str]) -> Archive:
        """Raises InvalidInput for what is no place."""
        return cls(open_place(url))

    @property
    def url(self) -> str:
        return self.place.url

    def exchange_id(self) -> str | None:
        """Whose archive it is; None while there is none."""
        try:
            return msgspec.json.decode(self.place.read(ARCHIVE), type=_Archive).exchange_id
        except NotFound:
            return None
        except msgspec.MsgspecError as error:
            raise FileCorrupt(
                "archive", f"{self.url}/{ARCHIVE}", f"it cannot be read ({error})", hint="Give the place of an archive."
            ) from error

    def check(self, exchange_id: str) -> None:
        """Raises FileForeign if it is another exchange's archive, or a place where other things lie."""
        owner = self.exchange_id()
        if owner is None and (self.set_ids() or self.place.names("")):
            with suppress(NotFound, StorageError):
                owner = self.newest().exchange_id  # archive.json alone is gone
        if owner is None and self.place.names(""):
            raise FileForeign(
                "archive",
                self.url,
                f"other things lie here, and no {ARCHIVE}",
                hint="Give an empty folder, or one that is not there yet.",
            )
        if owner not in (None, exchange_id):
            raise FileForeign(
                "archive", self.url, "it is the archive of another exchange", hint="Give each exchange its own place."
            )

    def check_owner(self, exchange_id: str) -> None:
        """Raises NotFound where there is no archive, FileForeign as `check` does."""
        self.check(exchange_id)
        if self.exchange_id() is None:
            raise self._nothing_here()

    def claim(self, exchange_id: str) -> None:
        """Makes it this exchange's. Raises FileForeign as `check` does."""
        self.check(exchange_id)
        if self.exchange_id() is None:
            self.place.write(ARCHIVE, msgspec.json.encode(_Archive(exchange_id)))

    def set_ids(self) -> list[str]:
        """Of all sets, the oldest first: ids are times."""
        names = [PurePosixPath(name) for name in self.place.names("sets")]
        return [name.stem for name in names if name.suffix == ".json" and set_ids.is_id(name.stem)]

    def manifest(self, set_id: str) -> Manifest:
        """Raises NotFound, FileCorrupt, VersionUnsupported."""
        name = manifest_name(set_id)
        return decode(self.place.read(name), name=name)

    def newest(self) -> Manifest:
        """Raises NotFound where there is no set."""
        ids = self.set_ids()
        if not ids:
            raise self._nothing_here()
        return self.manifest(ids[-1])

    def _nothing_here(self) -> NotFound:
        return NotFound(
            "archive",
            self.url,
            "there is no complete backup here",
            hint=f"Is the place the right one? Make one: credit-trading backup create --to {self.url}.",
        )

    def chain(self, manifest: Manifest) -> list[Manifest]:
        """The sets that one consists of, from the full one on which it rests up to itself. Raises FileCorrupt where they do not fit."""
        chain = [manifest]
        while (base_id := chain[0].base) is not None:
            try:
                base = self.manifest(base_id)
            except NotFound as error:
                raise FileCorrupt(
                    "archive",
                    f"{self.url}/{manifest_name(base_id)}",
                    f"it is missing, and {chain[0].set} adds to it",
                    hint="Use a set that does not need it.",
                ) from error
            if base.set >= chain[0].set or not follows(chain[0], base):
                raise self._does_not_fit(chain[0], f"it does not continue {base_id}")
            chain.insert(0, base)
        if not follows(chain[0], None):
            raise self._does_not_fit(
                chain[0], "its segments do not begin at row 1 and end at its sequence without a gap"
            )
        return chain

    def _does_not_fit(self, manifest: Manifest, problem: str) -> FileCorrupt:
        return FileCorrupt(
            "archive",
            f"{self.url}/{manifest_name(manifest.set)}",
            problem,
            hint="Use a set that does not need it.",
        )

    def read(self, stored: Stored) -> bytes:
        """The object, which is as it was written. Raises FileCorrupt, NotFound."""
        content = self.place.read(stored.name)
        if len(content) != stored.size or hashlib.sha256(content).hexdigest() != stored.sha256:
            raise self.altered(stored.name)
        return content

    def index(self, pack: StoredPack) -> list[Copy]:
        """The users' files in a pack, by user number. Raises FileCorrupt."""
        content = self.place.read(pack.name, pack.index_at, pack.size)
        try:
            return decode_index(unpacked(content))
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            raise self.altered(pack.name) from error

    def file(self, pack: StoredPack, copy: Copy) -> bytes:
        """One user's file out of a pack. Raises FileCorrupt."""
        return self._unpacked(pack, copy, self.place.read(pack.name, copy.offset, copy.offset + copy.size))

    def _unpacked(self, pack: StoredPack, copy: Copy, content: bytes) -> bytes:
        if hashlib.sha256(content).hexdigest() != copy.sha256:
            raise self.altered(pack.name)
        try:
            return unpacked(content, self._dictionary(pack))
        except zstandard.ZstdError as error:
            raise self.altered(pack.name) from error

    def files(self, pack: StoredPack, copies: Sequence[Copy]) -> Iterator[tuple[Copy, bytes | FileCorrupt]]:
        """These users' files out of a pack, in their order, or why one cannot be had; read at once where that is less work."""
        whole = sum(copy.size for copy in copies) * 4 > pack.size
        content = self.place.read(pack.name) if whole else b""
        for copy in copies:
            try:
                if whole:
                    yield copy, self._unpacked(pack, copy, content[copy.offset : copy.offset + copy.size])
                else:
                    yield copy, self.file(pack, copy)
            except FileCorrupt as error:
                yield copy, error

    def _dictionary(self, pack: StoredPack) -> zstandard.ZstdCompressionDict | None:
        """The last one is kept: files are read pack by pack."""
        if not pack.dictionary_size:
            return None
        if self._known[0] != pack.sha256:
            content = unpacked(self.place.read(pack.name, 0, pack.dictionary_size))
            self._known = pack.sha256, dictionary(content)
        return self._known[1]

    def publish(self, manifest: Manifest) -> None:
        """From now on the set is there, or is as it says now."""
        self.place.write(manifest_name(manifest.set), encode(manifest))

    def altered(self, name: str) -> FileCorrupt:
        return FileCorrupt(
            "archive",
            f"{self.url}/{name}",
            "it is not as it was written",
            hint="Put that object back from another copy of the archive, or use a set that does not need it.",
        )


def follows(manifest: Manifest, base: Manifest | None) -> bool:
    """Whether its segments lead without a gap from the base's last row, or from nothing, to its own."""
    exchange_id = base.exchange_id if base else manifest.exchange_id
    sequence, chain_hash = (base.sequence, base.hash) if base else (0, FIRST_HASH.hex())
    for segment in manifest.segments:
        if (segment.first, segment.hash_before) != (sequence + 1, chain_hash):
            return False
        sequence, chain_hash = segment.last, segment.hash_after
    return (manifest.exchange_id, manifest.sequence, manifest.hash) == (exchange_id, sequence, chain_hash)


def store(archive: Archive, name: str, content: bytes) -> Stored:
    """Writes the object and says what was written."""
    archive.place.write(name, content)
    return Stored(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def dictionary(content: bytes) -> zstandard.ZstdCompressionDict:
    """Content that the beginning of what is compressed with it may refer to."""
    return zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def compressor(known: zstandard.ZstdCompressionDict | None = None, *, level: int = 3) -> zstandard.ZstdCompressor:
    """For one thread at a time; each thing that is compressed is a frame of its own, with a checksum of its content."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True, dict_data=known)


def packed(content: bytes) -> bytes:
    """One frame."""
    return compressor().compress(content)


def unpacked(content: bytes, known: zstandard.ZstdCompressionDict | None = None) -> bytes:
    """The content of one whole frame, with nothing behind it. Raises zstandard.ZstdError."""
    decompressing = zstandard.ZstdDecompressor(dict_data=known).decompressobj()
    found = decompressing.decompress(content)
    if not decompressing.eof or decompressing.unused_data:
        raise zstandard.ZstdError("it does not end where it should")
    return found


__all__ = ["Archive", "compressor", "dictionary", "packed", "store", "unpacked"]
