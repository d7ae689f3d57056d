"""The objects of a set, looked at one by one: whether each is there, as it was written, and fits what the manifest says of it.

Here: bytes, sizes, hashes, indices. Never here: what restoring the set leads to (verification).
Always: every defect is told, not only the first, and each names its object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

import msgspec
import zstandard

from credit_trading.backup.archive import ARCHIVE, Archive, unpacked
from credit_trading.backup.history import gaps
from credit_trading.backup.manifest import (
    FULL,
    Copy,
    Manifest,
    Stored,
    StoredPack,
    StoredSegment,
    decode_index,
    manifest_name,
)
from credit_trading.backup.retention import moved
from credit_trading.errors import NotFound, TradingError
from credit_trading.verify.finding import Finding

REPAIR = "Put that object back from another copy of the archive, or use a set that does not need it."

FOLDERS = ("sets", "segments", "packs", "people", "checkpoints", "verified")


def chain_of(archive: Archive, manifest: Manifest) -> tuple[list[Manifest], list[Finding]]:
    """The set and all on which it rests, the lowest first, as far as their manifests can be read; and what is wrong with them."""
    chain, found = [manifest], []
    while (base := chain[0].base) is not None:
        if base in {one.set for one in chain}:
            found.append(of_object(manifest_name(chain[0].set), f"it rests on {base}, which rests on it"))
            break
        try:
            chain.insert(0, archive.manifest(base))
        except TradingError as error:
            problem = f"it is missing, and {chain[0].set} adds to it" if isinstance(error, NotFound) else error.problem
            found.append(of_object(manifest_name(base), problem))
            break
    else:
        found += [of_object(manifest_name(manifest.set), problem) for problem in gaps(chain)]
    return chain, found


def check_manifest(manifest: Manifest, base: Manifest | None, owner: str | None) -> Iterator[Finding]:
    """What it says of itself, against the set that it adds to and the archive's owner."""
    name = manifest_name(manifest.set)
    if manifest.exchange_id != owner:
        yield of_object(name, "it is of another exchange than the archive", expected=owner, found=manifest.exchange_id)
    if (manifest.kind == FULL) != (manifest.base is None):
        yield of_object(name, f"it calls itself {manifest.kind}, and rests on {manifest.base or 'nothing'}")
    if not 0 <= manifest.files_as_of <= manifest.sequence:
        yield of_object(
            name, "its files are of later than its journal", expected=manifest.sequence, found=manifest.files_as_of
        )
    if base is not None and base.private_generation >= manifest.private_generation:
        yield of_object(name, f"it does not come after {base.set}, by the generation of private facts")
    for stored in manifest.objects:
        if PurePosixPath(stored.name).parts[:1] != (_folder(manifest, stored),):
            yield of_object(name, "an object in it has a name of another kind", found=stored.name)


def check_object(archive: Archive, stored: Stored, *, up_to: int, read: Callable[[int], None]) -> Iterator[Finding]:
    """One object; `up_to` is the sequence of the set that brings it, `read` is told of how many bytes it had."""
    try:
        content = archive.place.read(stored.name)
    except NotFound:
        yield of_object(stored.name, "it is missing")
        return
    read(len(content))
    if len(content) != stored.size:
        yield of_object(stored.name, "it is not as it was written", expected=f"{stored.size} bytes", found=len(content))
    elif (found := hashlib.sha256(content).hexdigest()) != stored.sha256:
        yield of_object(stored.name, "it is not as it was written", expected=stored.sha256, found=found)
    elif isinstance(stored, StoredPack):
        yield from _check_pack(stored, content, up_to)
    elif isinstance(stored, StoredSegment):
        yield from _check_name(stored)


def unknown_objects(archive: Archive) -> list[str]:
    """Names of objects that no set knows which can be read: a backup may be writing them just now."""
    known = {ARCHIVE, *(segment.name for segment in moved(archive))}
    for set_id in archive.set_ids():
        known |= {manifest_name(set_id), f"verified/{set_id}.json"}
        try:
            known |= {stored.name for stored in archive.manifest(set_id).objects}
        except TradingError:  # it is told where it is looked at
            continue
    return [name for folder in FOLDERS for name in archive.place.names(folder) if name not in known]


def _check_name(segment: StoredSegment) -> Iterator[Finding]:
    """By their names segments are found and told apart by people."""
    expected = f"segments/{segment.first:012d}-{segment.last:012d}-{segment.hash_after[:16]}.jsonl.zst"
    if segment.name != expected:
        yield of_object(segment.name, "it is not called after its rows", expected=expected)


def _check_pack(pack: StoredPack, content: bytes, up_to: int) -> Iterator[Finding]:
    """The index against what lies before it."""
    try:
        copies = decode_index(unpacked(content[pack.index_at :]))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        yield of_object(pack.name, f"its index cannot be read ({error})")
        return
    numbers = [copy.user for copy in copies]
    if (len(copies), *numbers[:1], *numbers[-1:]) != (pack.users, pack.first_user, pack.last_user):
        yield of_object(pack.name, "its index does not name the users that the manifest says")
    if sorted(set(numbers)) != numbers:
        yield of_object(pack.name, "its index is not in the order of users")
    yield from _check_frames(pack, content, copies)
    for copy in copies:
        if copy.applied_sequence > up_to:
            yield of_copy(
                pack, copy, "it is ahead of its set", expected=f"at most {up_to}", found=copy.applied_sequence
            )


def _check_frames(pack: StoredPack, content: bytes, copies: Sequence[Copy]) -> Iterator[Finding]:
    place = pack.dictionary_size
    for copy in sorted(copies, key=lambda one: one.offset):
        if copy.offset != place:
            yield of_copy(pack, copy, "it does not lie behind the one before", expected=place, found=copy.offset)
        place = copy.offset + copy.size
        found = hashlib.sha256(content[copy.offset : place]).hexdigest()
        if found != copy.sha256:
            yield of_copy(pack, copy, "it is not as it was written", expected=copy.sha256, found=found)
    if place != pack.index_at:
        yield of_object(pack.name, "its index does not lie behind its last file", expected=place, found=pack.index_at)


def of_copy(pack: StoredPack, copy: Copy, problem: str, *, expected: object = None, found: object = None) -> Finding:
    """Something about one user's file."""
    return of_object(pack.name, problem, row=f"user #{copy.user}", expected=expected, found=found)


def of_object(
    name: str, problem: str, *, row: str | None = None, expected: object = None, found: object = None
) -> Finding:
    return Finding(
        file=name,
        row=row,
        problem=problem,
        expected=None if expected is None else str(expected),
        found=None if found is None else str(found),
        repair=REPAIR,
    )


def _folder(manifest: Manifest, stored: Stored) -> str:
    if stored is manifest.people:
        return "people"
    return (
        "segments"
        if isinstance(stored, StoredSegment)
        else "packs"
        if isinstance(stored, StoredPack)
        else "checkpoints"
    )
