"""A disk that loses what was not synced: what a power cut may leave of the calls that reached it.

Here: which content and which names are durable, which are still on their way, and one possible disk of the many. Never here: how the
calls were written down (recorded_disk), which cuts are tried (cuts).
Always: what was synced is there; of the rest any part, in any order, is there or not, in sectors of 512 bytes: a file that was to grow
may have grown by zeros or rubbish; a name may be the old one or the new one, whether or not its file's content is there, and a file's
sync does not keep its name. One rename is one change, as POSIX demands; bytes beside those written are left alone, as SQLite expects.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import attrs

SECTOR_BYTES = 512

FOLDER = 0
"""The number that all folders share; files have numbers from 1 on, and keep them when they are renamed."""


@attrs.frozen
class Wrote:
    file: int
    offset: int
    data: bytes


@attrs.frozen
class Truncated:
    """Or extended: the file has this many bytes now."""

    file: int
    size: int


@attrs.frozen
class Synced:
    """All that was written to the file before is durable, its names are not."""

    file: int


@attrs.frozen
class Named:
    """What the names in one folder stand for from now on: a file, FOLDER, or nothing. They change together."""

    folder: str
    names: Mapping[str, int | None]


@attrs.frozen
class FolderSynced:
    """All changes of names in the folder are durable; the home is ""."""

    folder: str


Operation: TypeAlias = Wrote | Truncated | Synced | Named | FolderSynced
Contents: TypeAlias = dict[str, bytes | None]
"""By path; None is a folder."""


@attrs.frozen
class _Fate:
    """How kind one power cut is."""

    kept: float
    in_order: bool
    torn: bool
    rubbish: bool

    @classmethod
    def drawn(cls, chance: random.Random) -> _Fate:
        return cls(
            kept=chance.choice([0.0, 0.1, 0.5, 0.5, 0.9, 1.0]),
            in_order=chance.random() < 0.25,
            torn=chance.random() < 0.6,
            rubbish=chance.random() < 0.3,
        )

    def of(self, count: int, chance: random.Random) -> list[bool]:
        """Which of so many calls since the last sync have happened."""
        if self.in_order:
            reached = round(self.kept * count) if self.kept in (0.0, 1.0) else chance.randint(0, count)
            return [place < reached for place in range(count)]
        return [chance.random() < self.kept for _ in range(count)]


@attrs.define
class _File:
    durable: bytearray = attrs.Factory(bytearray)
    pending: list[Wrote | Truncated] = attrs.Factory(list)

    def whole(self) -> bytearray:
        content = bytearray(self.durable)
        for call in self.pending:
            if isinstance(call, Truncated):
                _resize(content, call.size, None)
            else:
                _lay(content, call.offset, call.data, None)
        return content

    def after_cut(self, fate: _Fate, chance: random.Random) -> bytes:
        content = bytearray(self.durable)
        filler = chance if fate.rubbish else None
        for call, happened in zip(self.pending, fate.of(len(self.pending), chance), strict=True):
            if isinstance(call, Truncated):
                if happened:
                    _resize(content, call.size, filler)
            elif fate.torn and chance.random() < 0.5:
                for offset, data in _sectors(call):
                    if chance.random() < 0.5:
                        _lay(content, offset, data, filler)
            elif happened:
                _lay(content, call.offset, call.data, filler)
            elif len(content) < call.offset + len(call.data) and chance.random() < 0.2:
                _resize(content, call.offset + len(call.data), filler)
        return bytes(content)


class UnsyncedDisk:
    """Takes the calls in their order; at any point it can say what might be left."""

    def __init__(self, calls: Iterable[Operation] = ()) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int | None] = {}
        self._pending_names: list[Named] = []
        for call in calls:
            self.take(call)

    def take(self, call: Operation) -> None:
        if isinstance(call, Wrote | Truncated):
            self._files.setdefault(call.file, _File()).pending.append(call)
        elif isinstance(call, Synced):
            file = self._files.setdefault(call.file, _File())
            file.durable = file.whole()
            file.pending.clear()
        elif isinstance(call, Named):
            self._pending_names.append(call)
        else:
            for change in self._pending_names:
                if change.folder == call.folder:
                    self._names.update(change.names)
            self._pending_names = [change for change in self._pending_names if change.folder != call.folder]

    def whole(self) -> Contents:
        """With every call carried out: what programs see as long as there is power."""
        names = dict(self._names)
        for change in self._pending_names:
            names.update(change.names)
        return self._contents(names, lambda file: bytes(file.whole()))

    def after_cut(self, chance: random.Random) -> Contents:
        """One of the disks that a power cut at this point may leave."""
        fate, names = _Fate.drawn(chance), dict(self._names)
        happened = fate.of(len(self._pending_names), chance)
        for change, there in zip(self._pending_names, happened, strict=True):
            if there:
                names.update(change.names)
        return self._contents(names, lambda file: file.after_cut(fate, chance))

    def _contents(self, names: Mapping[str, int | None], content: Callable[[_File], bytes]) -> Contents:
        """A file with two names has one content."""
        reached = {"": FOLDER} | {name: number for name, number in names.items() if number is not None}
        contents: dict[int, bytes | None] = {FOLDER: None}
        found: Contents = {}
        for name, number in sorted(reached.items()):
            if name and reached.get(name.rpartition("/")[0]) == FOLDER:
                if number not in contents:
                    contents[number] = content(self._files.get(number, _File()))
                found[name] = contents[number]
        return found


def _sectors(call: Wrote) -> Iterable[tuple[int, bytes]]:
    """The pieces of a write that the disk may take or lose one by one."""
    start, end = call.offset, call.offset + len(call.data)
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield start, call.data[start - call.offset : stop - call.offset]
        start = stop


def _lay(content: bytearray, offset: int, data: bytes, filler: random.Random | None) -> None:
    if len(content) < offset:
        _resize(content, offset, filler)
    content[offset : offset + len(data)] = data


def _resize(content: bytearray, size: int, filler: random.Random | None) -> None:
    """A file that grows is filled up with zeros, or with rubbish that stood on the disk before."""
    missing = size - len(content)
    if missing > 0:
        content += filler.randbytes(missing) if filler else bytes(missing)
    else:
        del content[size:]
