"""What an archive holds, in data: a manifest for each set, and in each pack an index of the users' files in it.

Here: these structures, their bytes, and whether a manifest is as it was written. Never here: reading or writing objects (archive).
Always: a manifest names every object that its set adds, with size and SHA-256, and the set that it adds to.

    archive.json                          which exchange the archive is of, and its format
    sets/<set>.json                       the manifest; put last, so that a set is complete or not there
    segments/<first>-<last>-<hash>.jsonl.zst    the journal (journal/segments.py); sets share them
    packs/<set>-<number>.pack             users' files, each compressed by itself, and at the end the index
    people/<set>.jsonl.zst                catalogue, notes, and what else of exchange.db is not in the journal
    checkpoints/<set>.checkpoint.zst      a checkpoint, in full sets
    verified/<set>.json                   what the last verification of the set found
    unfinished/<set>-<number>.json        packs of a set that is being made, for whoever goes on with it
    moved.json                            segments that exist only here, since they were moved out of exchange.db
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from credit_trading.errors import FileCorrupt, VersionUnsupported

FORMAT = 1

FULL = "full"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An object in the archive; SHA-256 of its bytes as hex."""

    name: str
    size: int
    sha256: str


class StoredSegment(Stored, frozen=True, kw_only=True):
    """Rows `first` to `last` of the journal, and the chain hashes before and after them, as hex."""

    first: int
    last: int
    hash_before: str
    hash_after: str
    first_time_us: int
    last_time_us: int


class StoredPack(Stored, frozen=True, kw_only=True):
    """A pack is a dictionary of `dictionary_size` bytes (0 for none), compressed by itself, then files compressed with it, then the index.

    `index_at` is where that begins; it reaches to the end. The files in it are of `users` users, by number.
    """

    dictionary_size: int
    index_at: int
    users: int
    first_user: int
    last_user: int


class StoredCheckpoint(Stored, frozen=True, kw_only=True):
    """The replica as of `sequence`; `state_digest` is that state's."""

    sequence: int
    hash: str
    state_digest: str


class Copy(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One user's file in a pack: `size` bytes at `offset`, compressed, with their SHA-256 (hex); `file_size` once it is unpacked.

    Up to `applied_sequence` its tables are as the journal says, where the chain hash is `applied_hash` (hex).
    """

    user: int
    offset: int
    size: int
    sha256: str
    file_size: int
    applied_sequence: int
    applied_hash: str
    schema_version: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A set: the exchange as of `sequence`, where the chain hash is `hash` and the last event's time `time_us`.

    An incremental set adds to the set `base`; all that it does not bring itself is there. `segments` are all that the set's history
    consists of, in order and without a gap: from row 1 on in a full set, from behind the base's last row on in an incremental one.

    Users whose numbers are in `marked` had private facts; `lineage` says whose count of generations it is (users/private.py).

    Whoever has an event beyond `files_as_of`, or a private write of generation `private_generation` or later, has to be copied by the next
    set; so has everybody in `pending`: users whose file could not be copied. A user stands in one of the packs at most. There are so many
    `users` as of `sequence` who are not deleted. Numbers in `erased` are users whose personal data were taken out of this set afterwards.
    """

    set: str
    kind: Literal["full", "incremental"]
    exchange_id: str
    sequence: int
    hash: str
    time_us: int
    began_at_us: int
    finished_at_us: int
    base: str | None
    files_as_of: int
    private_generation: int
    lineage: str = ""
    marked: list[int] = []
    segments: list[StoredSegment]
    packs: list[StoredPack]
    people: Stored
    checkpoint: StoredCheckpoint | None
    users: int
    tool_version: str
    exchange_format: int
    schema_version: int
    projection_version: int
    pending: list[int] = []
    erased: list[int] = []
    format: int = FORMAT
    sha256: str = ""

    def sealed(self) -> Manifest:
        """With the SHA-256 of everything else in it."""
        bare = msgspec.structs.replace(self, sha256="")
        return msgspec.structs.replace(bare, sha256=hashlib.sha256(_encode(bare)).hexdigest())

    @property
    def objects(self) -> list[Stored]:
        """All that it names."""
        return [*self.segments, *self.packs, self.people, *([self.checkpoint] if self.checkpoint else [])]

    @property
    def size(self) -> int:
        """Bytes of what stands in no other set: packs, people, checkpoint and the segments that it lists."""
        return sum(one.size for one in self.objects)


def manifest_name(set_id: str) -> str:
    return f"sets/{set_id}.json"


def encode(manifest: Manifest) -> bytes:
    """As people can read it."""
    return msgspec.json.format(_encode(manifest.sealed()), indent=2)


def decode(content: bytes, *, name: str) -> Manifest:
    """Raises FileCorrupt for one that is not as it was written, to the last byte, VersionUnsupported for one of a newer version.

    The hash covers what stands there, not what this version knows of it: later versions may add fields.
    """
    try:
        stored = _decode_fields(content)
        version = stored.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise VersionUnsupported(
                "manifest", name, f"format {version} is newer than {FORMAT}", hint="Use a newer credit_trading."
            )
        found = _decode_manifest(content)
    except msgspec.MsgspecError as error:
        raise _altered(name, f"it cannot be read ({error})") from error
    told = hashlib.sha256(_encode(stored | {"sha256": ""})).hexdigest()
    if (
        told != found.sha256
        or msgspec.json.format(_encode(stored), indent=2) != content
        or manifest_name(found.set) != name
    ):
        raise _altered(name, "it is not as it was written")
    return found


def _altered(name: str, problem: str) -> FileCorrupt:
    return FileCorrupt("manifest", name, problem, hint="Use another set: credit-trading backup list --from PLACE.")


_encode = msgspec.json.Encoder().encode
_decode_manifest = msgspec.json.Decoder(Manifest).decode
_decode_fields = msgspec.json.Decoder(dict[str, object]).decode
encode_index = msgspec.json.Encoder().encode
decode_index = msgspec.json.Decoder(list[Copy]).decode
