"""Erased users leave an archive: sets that still hold something personal of them are written anew without it.

Here: which sets, and how one becomes the other. Never here: exchange.db and the folder (users/erasure).
Always: a set is changed by the one step that puts its manifest; before and after it every set can be restored. What is given up is on a
list first, so that a crash leaves nothing that the next time does not remove.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import attrs
import msgspec

from credit_trading.backup import people
from credit_trading.backup.archive import Archive, store
from credit_trading.backup.history import History
from credit_trading.backup.manifest import Manifest, Stored, StoredPack
from credit_trading.backup.packs import with_only
from credit_trading.backup.people import ErasedRow, NoteRow, PeopleRow, UserRow
from credit_trading.backup.personal import user_row
from credit_trading.backup.retention import GivenUp
from credit_trading.backup.unfinished import FOLDER, tidy
from credit_trading.backup.verified import Verified, record, verified
from credit_trading.errors import StorageError
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import USERS
from credit_trading.progress import Progress, no_progress
from credit_trading.users import catalogue, erasure
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.history import history
from credit_trading.users.leftovers import ERASED_AFTER_S
from credit_trading.version import __version__


@attrs.frozen(kw_only=True)
class Rewritten:
    """What left the archive: so many users' files and rows, from these sets."""

    sets: list[str]
    files: int
    rows: int


@attrs.frozen
class _Person:
    """The catalogue's row as it is now, since when it is so, and the sequences of this history whose notes are gone."""

    row: StoredUser
    erased_us: int
    own: frozenset[int]

    def is_in(self, row: UserRow) -> bool:
        """Whether a set's row of that number is of the same person: in another history it may be anybody's."""
        return (row.user_id, row.created_at) == (self.row.user_id, self.row.created_at_us)


def erase_from(archive: Archive, live: LiveReplica, *, progress: Progress = no_progress) -> Rewritten:
    """Takes all who are erased in exchange.db out of every set, also of such as lie on another history, where they stand in it.

    No backup may be under way. Raises FileForeign for another exchange's archive, NotFound where there is none, FileCorrupt, StorageError.
    """
    with history(live) as log:
        erased_us = dict(erasure.list_erased(log.connection))
        archive.check_owner(log.exchange_id)
    archive.place.sweep(older_than_s=ERASED_AFTER_S)
    ids = archive.set_ids()
    sets, files, rows = [], 0, 0
    persons = {number: _person(live, number, since_us) for number, since_us in erased_us.items()}
    # An exchange that was restored to before a deletion has the user again, under no name, and may trade on.
    persons = {number: person for number, person in persons.items() if person.row.state == "deleted"}
    if persons:
        _drop_unfinished(archive)
    given_up, found_in = GivenUp(archive), _Finding(archive, live, persons)
    for done, set_id in enumerate(ids, 1):
        manifest = archive.manifest(set_id)
        rest = {number: person for number, person in persons.items() if number not in manifest.erased}
        rest = found_in.those_in(manifest, rest) if rest else rest
        if rest:
            gone = _Rewriting(archive, manifest, rest, given_up).run()
            sets += [set_id] if any(gone) else []
            files, rows = files + gone[0], rows + gone[1]
        progress(done, len(ids))
    given_up.remove()
    return Rewritten(sets=sets, files=files, rows=rows)


def _person(live: LiveReplica, number: int, erased_us: int) -> _Person:
    with history(live) as log:
        (row,) = catalogue.page(log.connection, after=number - 1, most=1)
    return _Person(row, erased_us, frozenset(erasure.own_sequences(live, number)))


class _Finding:
    """Whom of the persons a set's history knows, and by which events. Sets are asked for from the oldest on."""

    def __init__(self, archive: Archive, live: LiveReplica, persons: dict[int, _Person]) -> None:
        self._archive = archive
        self._live = live
        self._persons = persons
        self._known: dict[str, frozenset[int]] = {}

    def those_in(self, manifest: Manifest, rest: dict[int, _Person]) -> dict[int, _Person]:
        """With their events as that history has them."""
        known = self._known_in(manifest)
        found = {number: person for number, person in rest.items() if number in known}
        with history(self._live) as log:
            is_ours = log.hash_at(manifest.sequence) == bytes.fromhex(manifest.hash)
        if is_ours or not found:
            return found
        own: dict[int, set[int]] = {number: set() for number in found}
        for block in History(self._archive, self._archive.chain(manifest)).blocks(manifest.sequence):
            for row in block:
                users = {row[place] for place in USERS} - {None}
                if len(users) == 1 and (number := users.pop()) in own:
                    own[number].add(row[0])
        return {number: attrs.evolve(person, own=frozenset(own[number])) for number, person in found.items()}

    def _known_in(self, manifest: Manifest) -> frozenset[int]:
        """Those whose rows the set has, or the sets on which it rests."""
        if manifest.set not in self._known:
            below = self._known_in(self._archive.manifest(manifest.base)) if manifest.base else frozenset()
            name = manifest.people.name
            _, rows = people.read(self._archive.read(manifest.people), name=name)
            here = [row for row in rows if isinstance(row, UserRow) and row.number in self._persons]
            self._known[manifest.set] = below.union(row.number for row in here if self._persons[row.number].is_in(row))
        return self._known[manifest.set]


def _drop_unfinished(archive: Archive) -> None:
    """An interrupted backup begins again: it may have copied somebody who is erased by now."""
    tidy(archive, "")
    left = archive.place.names(FOLDER)
    if left:
        raise StorageError(
            "backup.erase",
            f"{archive.url}/{left[0]}",
            "what an interrupted backup has left cannot be removed",
            hint="Make a backup there, then try again.",
        )


class _Rewriting:
    """One set, without these persons."""

    def __init__(self, archive: Archive, manifest: Manifest, persons: dict[int, _Person], given_up: GivenUp) -> None:
        self._archive = archive
        self._manifest = manifest
        self._persons = persons
        self._stem = f"{manifest.set}-without-{max(persons)}"
        self._given_up = given_up

    def run(self) -> tuple[int, int]:
        """How many files and rows went."""
        was = verified(self._archive, self._manifest)
        self._given_up.add(self._names())
        files, packs = self._packs()
        rows, lines = self._people()
        changed = msgspec.structs.replace(
            self._manifest,
            packs=packs,
            people=lines,
            erased=sorted({*self._manifest.erased, *self._persons}),
            pending=[number for number in self._manifest.pending if number not in self._persons],
        ).sealed()
        for stored in changed.objects:
            if stored not in self._manifest.objects:
                self._archive.read(stored)
        self._archive.publish(changed)
        if was is not None:
            self._record(changed, was)
        return files, rows

    def _names(self) -> list[str]:
        """Of all objects that may go, or that may be there without a manifest after a crash."""
        old = [stored.name for stored in (*self._manifest.packs, self._manifest.people)]
        return [
            *old,
            self._name_of_people(),
            *(self._name_of_pack(place) for place in range(len(self._manifest.packs))),
        ]

    def _packs(self) -> tuple[int, list[StoredPack]]:
        files, packs = 0, []
        for place, pack in enumerate(self._manifest.packs):
            users = {copy.user for copy in self._archive.index(pack)}
            gone = users & self._persons.keys()
            files += len(gone)
            found = with_only(self._archive, pack, users - gone, self._name_of_pack(place)) if gone else pack
            packs += [found] if found is not None else []
        return files, packs

    def _people(self) -> tuple[int, Stored]:
        """The same lines, but for those of the persons; and that they are erased."""
        was = self._manifest.people
        header, rows = people.read(self._archive.read(was), name=was.name)
        kept: list[PeopleRow] = []
        gone = 0
        for row in rows:
            changed = self._changed(row)
            gone += changed != row
            kept += [changed] if changed is not None else []
        kept += self._erased_rows(kept)
        if kept and not gone:
            return 0, was
        writing = people.Writing(header)
        writing.add(sorted(kept, key=lambda row: people.ROWS.index(type(row))))
        return gone, store(self._archive, self._name_of_people(), writing.finish())

    def _changed(self, row: PeopleRow) -> PeopleRow | None:
        """The row as it may stay; None if it may not."""
        if isinstance(row, UserRow) and row.number in self._persons:
            return user_row(self._persons[row.number].row)
        if isinstance(row, NoteRow) and any(row.sequence in person.own for person in self._persons.values()):
            return None
        return row

    def _erased_rows(self, rows: Sequence[PeopleRow]) -> Iterator[ErasedRow]:
        known = {row.number for row in rows if isinstance(row, ErasedRow)}
        for number, person in self._persons.items():
            if number not in known:
                yield ErasedRow(number=number, erased_at=person.erased_us)

    def _record(self, changed: Manifest, was: Verified) -> None:
        """All that is new in the set was read back; the rest is as it was when it was verified."""
        now_us = time.time_ns() // 1000
        record(
            self._archive,
            Verified(
                set=changed.set,
                manifest_sha256=changed.sha256,
                verified_at_us=now_us,
                deep=False,
                findings=was.findings,
                tool_version=__version__,
            ),
        )

    def _name_of_pack(self, place: int) -> str:
        return f"packs/{self._stem}-{place + 1:04d}.pack"

    def _name_of_people(self) -> str:
        return f"people/{self._stem}.jsonl.zst"
