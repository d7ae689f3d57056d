"""Users' files into packs of a set, those first that an interrupted backup has copied already.

Here: which copies are taken over, which are made, and that what is done stays done. Never here: a pack (packs), a copy (users/copying).
Always: in memory is one pack at a time; a user whose file cannot be copied holds up nobody, and is told. A full set has the last good copy
of one who has private facts: they are nowhere else, and older sets may be pruned.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import msgspec

from credit_trading.backup.archive import Archive
from credit_trading.backup.copies import newest_copy
from credit_trading.backup.manifest import Copy, StoredPack
from credit_trading.backup.packs import Frame, Packing, frame
from credit_trading.backup.planning import Plan
from credit_trading.backup.unfinished import Unfinished, adopt, note
from credit_trading.journal.live import LiveReplica
from credit_trading.users.copying import Copying, FileCopy, Skipped

Step = Callable[[int], None]
"""Told of so many users done."""


@attrs.frozen(kw_only=True)
class PackedFiles:
    """`taken_over` of the `users` files were copied by an interrupted backup; the files of the `skipped` could not be.

    `carried_over` says from which set the copies of some of those are; they are older than the set, and not counted among `users`.
    """

    packs: list[StoredPack]
    users: int
    taken_over: int
    skipped: list[Skipped]
    carried_over: dict[int, str]


def pack_files(archive: Archive, live: LiveReplica, copying: Copying, plan: Plan, *, step: Step) -> PackedFiles:
    """The files of all users whom the plan wants. Raises StorageError where the archive or exchange.db fail."""
    wanted = plan.wanted()
    record = Unfinished(
        set=plan.set_id,
        kind=plan.kind,
        base=plan.base_id,
        private_generation=plan.private_generation,
        lineage=plan.lineage,
        pack=None,
    )
    note(archive, record, 0)
    packs, taken_over = _taken_over(archive, live, plan, wanted, step)
    skipped: list[Skipped] = []
    packing = Packing()

    def put() -> None:
        nonlocal packing
        number = len(packs) + 1
        packs.append(packing.put(archive, f"packs/{plan.set_id}-{number:04d}.pack"))
        note(archive, msgspec.structs.replace(record, pack=packs[-1]), number)
        packing = Packing()

    for one in copying.copies(sorted(wanted - taken_over), _framed):
        if isinstance(one, Skipped):
            skipped.append(one)
        else:
            packing.add(one)
        step(1)
        if packing.is_full:
            put()
    carried_over: dict[int, str] = {}
    for one in skipped:
        if plan.base is None and one.number in plan.written:
            again = _again(archive, live, one)
            if again is not None:
                packing.add(again[0])
                carried_over[one.number] = again[1]
    if packing.users:
        put()
    users = sum(pack.users for pack in packs) - len(carried_over)
    return PackedFiles(packs=packs, users=users, taken_over=len(taken_over), skipped=skipped, carried_over=carried_over)


def _taken_over(
    archive: Archive, live: LiveReplica, plan: Plan, wanted: set[int], step: Step
) -> tuple[list[StoredPack], set[int]]:
    """Packs whose copies are as good as new ones, and whose files those are."""

    def is_fresh(copy: Copy, generation: int) -> bool:
        if copy.user not in wanted or copy.applied_sequence < plan.ends[copy.user]:
            return False
        if plan.written.get(copy.user, 0) >= generation:
            return False
        with live.history() as log:
            found = log.hash_at(copy.applied_sequence)
        return found is not None and found.hex() == copy.applied_hash

    packs: list[StoredPack] = []
    users: set[int] = set()
    for pack, numbers in adopt(archive, plan.interrupted, is_fresh, lambda n: f"packs/{plan.set_id}-t{n:03d}.pack"):
        packs.append(pack)
        users.update(numbers)
        step(len(numbers))
    return packs, users


def _again(archive: Archive, live: LiveReplica, skipped: Skipped) -> tuple[Frame, str] | None:
    """The newest good copy that another set has, and which set that is; why others are not good is added to what is told of the user."""
    search = newest_copy(archive, live, skipped.number, though_altered=True)
    for told in search.notes:
        skipped.error.adding(f"{told[:1].lower()}{told[1:]}".rstrip("."))
    if search.found is None:
        return None
    copy = search.found.copy
    content = frame(
        copy.user,
        search.found.content,
        applied_sequence=copy.applied_sequence,
        applied_hash=bytes.fromhex(copy.applied_hash),
        schema_version=copy.schema_version,
    )
    return content, search.found.manifest.set


def _framed(copy: FileCopy) -> Frame:
    """In the thread that has read it."""
    return frame(
        copy.number,
        copy.content,
        applied_sequence=copy.sequence,
        applied_hash=copy.hash,
        schema_version=copy.schema_version,
    )
