"""What a set is to hold: what it adds to, and whose files it brings.

Here: looking, and beginning a generation of private writes. Never here: copying anything.
Always: whoever had an event or a private write since the last copy is in the plan, or in that of the next set.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

import attrs

from credit_trading.backup import set_ids
from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest
from credit_trading.backup.unfinished import Unfinished, unfinished
from credit_trading.errors import NotFound, StorageError
from credit_trading.journal.live import LiveReplica
from credit_trading.trading.desk import Desk
from credit_trading.users import private

_log = logging.getLogger(__name__)

Kind = Literal["full", "incremental"]


@attrs.frozen(kw_only=True)
class Plan:
    """A set that adds to `base`, the last of `chain`; a full one adds to nothing, but may name segments that the chain has.

    Of users who are not deleted, `ends` has the sequence of the last event as of `files_as_of`; of those with private facts, `written`
    the generation of the last private write. `interrupted` are records of backups like this one that were never published.
    """

    set_id: str
    kind: Kind
    base: Manifest | None
    chain: list[Manifest]
    files_as_of: int
    private_generation: int
    lineage: str
    ends: dict[int, int]
    written: dict[int, int]
    interrupted: list[Unfinished]

    @property
    def base_id(self) -> str | None:
        return self.base.set if self.base else None

    @property
    def sealed(self) -> int:
        """The last row of the journal that the set need not bring."""
        return self.base.sequence if self.base else 0

    def wanted(self) -> set[int]:
        """The numbers of the users whose files the set brings."""
        base = self.base
        if base is None:
            return set(self.ends)
        changed = {number for number, end in self.ends.items() if end > base.files_as_of}
        written = {number for number, generation in self.written.items() if generation >= base.private_generation}
        unmarked = set(base.marked) - self.written.keys()
        return changed | ((written | unmarked | set(base.pending)) & self.ends.keys())


def make_plan(desk: Desk, archive: Archive, kind: Kind | None) -> Plan:
    """Incremental where there is a set to add to, unless `kind` says otherwise. Raises NotFound, StorageError."""
    with desk.live.history() as log:
        own = private.lineage(log.connection)
    chain = _chain(archive, desk.live, lambda _: True)
    # Of a set that another exchange.db made it cannot be told who has written private facts since.
    below = _chain(archive, desk.live, lambda one: one.lineage == own.id and one.private_generation <= own.generation)
    if kind == "incremental" and not below:
        raise NotFound(
            "backup.create",
            archive.url,
            "there is no set that this exchange.db has made, and can add to",
            hint=f"Make a full one: credit-trading backup create --to {archive.url} --full.",
        )
    base = below[-1] if below and kind != "full" else None
    chain = below if base else chain
    begun = unfinished(archive)
    set_id = set_ids.next_after([*archive.set_ids(), *(record.set for record in begun)], desk.sequencer.clock.now_us())
    generation = _begin_generation(desk, set_id)  # before users are listed
    with desk.live.reading() as replica:
        files_as_of = replica.sequence
        ends = {user.number: user.last_sequence for user in replica.users.values() if not user.deleted}
    with desk.live.history() as log:
        written = dict(private.generations(log.connection))
    like_this = ("incremental", base.set) if base else ("full", None)
    return Plan(
        set_id=set_id,
        kind="incremental" if base else "full",
        base=base,
        chain=chain,
        files_as_of=files_as_of,
        private_generation=generation,
        lineage=own.id,
        ends=ends,
        written=written,
        interrupted=[one for one in begun if (one.kind, one.base, one.lineage) == (*like_this, own.id)],
    )


def _chain(archive: Archive, live: LiveReplica, may_be: Callable[[Manifest], bool]) -> list[Manifest]:
    """What the newest such set on this journal's history consists of; nothing where there is none."""
    for set_id in reversed(archive.set_ids()):
        try:
            manifest = archive.manifest(set_id)
            if not may_be(manifest):
                continue
            with live.history() as log:
                found = log.hash_at(manifest.sequence)
            if found is not None and found.hex() == manifest.hash:
                return archive.chain(manifest)
        except (NotFound, StorageError) as error:
            _log.warning("a set that cannot be added to: %s", error)
    return []


def _begin_generation(desk: Desk, set_id: str) -> int:
    begun: list[int] = []
    desk.files.note(
        "backup.create",
        set_id,
        lambda connection: begun.append(private.begin_generation(connection)),
        problem="whether the backup was noted is not known",
    )
    return begun[-1]
