"""Sets that were begun and never published: going on with what they have, and tidying up.

Here: what is kept of a set while it is made, and which of its packs another one takes over. Never here: making packs (packs).
Always: a copy is taken over only if nothing has come to its user since: no event, no private write; and from the same history.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Copy, StoredPack
from credit_trading.backup.packs import with_only
from credit_trading.errors import FileCorrupt, NotFound, StorageError

_log = logging.getLogger(__name__)

FOLDER = "unfinished"

_OWN = ("packs", "people", "checkpoints")
"""Folders of objects that bear their set's name."""


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """A set that was begun, and one of its packs; the first record of a set comes before all packs and names none."""

    set: str
    kind: Literal["full", "incremental"]
    base: str | None
    private_generation: int
    lineage: str = ""
    pack: StoredPack | None


Fresh = Callable[[Copy, int], bool]
"""Whether a copy that a set of that private generation made is as good as one that is made now."""


def note(archive: Archive, record: Unfinished, number: int) -> None:
    """Before the set's first object, and after each pack."""
    archive.place.write(f"{FOLDER}/{record.set}-{number:04d}.json", _encode(record))


def adopt(
    archive: Archive, records: Sequence[Unfinished], fresh: Fresh, name_of: Callable[[int], str]
) -> Iterator[tuple[StoredPack, list[int]]]:
    """Packs that a new set may take for its own, and whose copies are in each; `name_of` gives names to those that are made anew.

    A pack with copies that have become old is put anew, without them. One that cannot be read is left out.
    """
    taken: set[int] = set()
    made = 0
    for record in records:
        pack = record.pack
        if pack is None:
            continue
        try:
            copies = archive.index(pack)
            good = {copy.user for copy in copies if copy.user not in taken and fresh(copy, record.private_generation)}
            if not good:
                continue
            if len(good) < len(copies):
                made += 1
                pack = with_only(archive, pack, good, name_of(made))
        except (FileCorrupt, NotFound) as error:
            _log.warning("a pack of an unfinished backup is left out: %s", error)
            continue
        if pack is not None:
            taken |= good
            yield pack, sorted(good)


def unfinished(archive: Archive) -> list[Unfinished]:
    """Of all sets that were begun since the newest one was published, the newest first. What is older was dealt with then."""
    newest = max(archive.set_ids(), default="")
    found = []
    for name in archive.place.names(FOLDER):
        try:
            record = _decode(archive.place.read(name))
        except (NotFound, msgspec.MsgspecError) as error:
            _log.warning("%s/%s is left out: %s", archive.url, name, error)
        else:
            if record.set > newest:
                found.append(record)
    return sorted(found, key=lambda record: record.set, reverse=True)


def tidy(archive: Archive, published: str) -> None:
    """Removes what unfinished sets have left, once that one is published. What cannot be removed stays until next time."""
    try:
        names = archive.place.names(FOLDER)
        begun = {name.removeprefix(f"{FOLDER}/").rpartition("-")[0] for name in names} - {published}
        if begun:
            objects = [name for folder in _OWN for name in archive.place.names(folder)]
            left = {name for name in objects if name.partition("/")[2].startswith(tuple(begun))}
            for name in left - _named(archive):
                archive.place.remove(name)
        for name in names:
            archive.place.remove(name)
    except (NotFound, StorageError) as error:
        _log.warning("what an unfinished backup has left is not yet removed: %s", error)


def _named(archive: Archive) -> set[str]:
    """All that any set needs. Raises StorageError where that cannot be told."""
    return {one.name for set_id in archive.set_ids() for one in archive.manifest(set_id).objects}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Unfinished).decode
