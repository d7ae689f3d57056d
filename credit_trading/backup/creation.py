"""Making a set: what it takes from a running exchange, in which order, and when it is there.

Here: the steps. Never here: what the set is to hold (planning), how each part is made.
Always: a set is published by its last write; files are copied before the journal is sealed, so that no copy is ahead of it; one backup
of a folder at a time; nobody who trades waits for longer than one copy of their own file.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import attrs

from credit_trading.backup import sealing
from credit_trading.backup.archive import Archive, store
from credit_trading.backup.branches import told_of_newest
from credit_trading.backup.manifest import Manifest, StoredSegment
from credit_trading.backup.personal import Head, write_people
from credit_trading.backup.planning import Kind, Plan, make_plan
from credit_trading.backup.replica_copy import ReplicaCopy, copy_replica
from credit_trading.backup.turn import alone
from credit_trading.backup.unfinished import tidy
from credit_trading.backup.user_packs import PackedFiles, pack_files
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, StorageError
from credit_trading.journal.log import FORMAT_VERSION
from credit_trading.journal.rows import FIRST_HASH
from credit_trading.progress import Progress, no_progress
from credit_trading.store.places import Folder
from credit_trading.trading.desk import Desk
from credit_trading.users import catalogue, leftovers
from credit_trading.users.copying import Copying
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION
from credit_trading.version import __version__

CHECKPOINT_EVENTS = 100_000
"""An incremental set brings a checkpoint, too, once so many events have come since the last one that it rests on."""

_ROWS_PER_STEP = 50
"""Rows of the journal that take about as long as one user's file."""


@attrs.frozen(kw_only=True)
class SkippedUser:
    """A user whose file could not be copied, and why; the next set tries again.

    The user's private facts are in the full set as of the copy that the set `carried_over_from` has, if there is one.
    """

    user_id: str
    problem: str
    carried_over_from: str | None


@attrs.frozen(kw_only=True)
class Created:
    """A set that was made: the exchange as of `sequence`, the last event of which was at `as_of`.

    The files of so many `users` were copied, `taken_over` of them by a backup that was interrupted. `size_bytes` is what was written.
    `notes` tell what is not as it should be at the place. `began_archive`: there was none before.
    """

    place: str
    set: str
    kind: Kind
    base: str | None
    sequence: int
    as_of: str
    users: int
    taken_over: int
    skipped: list[SkippedUser]
    segments: int
    size_bytes: int
    seconds: float
    notes: list[str]
    began_archive: bool = False


class Creation:
    """One set for one archive."""

    def __init__(self, desk: Desk, archive: Archive, *, progress: Progress = no_progress) -> None:
        self._desk = desk
        self._live = desk.live
        self._archive = archive
        self._progress = progress
        self._done = 0
        self._of = 0

    def create(self, kind: Kind | None = None) -> Created:
        """See `Backups.create`."""
        began, began_at_us = time.monotonic(), self._now_us()
        with alone(self._live, "backup.create"):
            with self._live.history() as log:
                exchange_id = log.exchange_id
            self._check_place()
            self._archive.check(exchange_id)
            plan = make_plan(self._desk, self._archive, kind)
            leftovers.sweep(self._live.path.parent)
            is_first = self._archive.exchange_id() is None
            self._archive.claim(exchange_id)
            self._archive.place.sweep()
            told = told_of_newest(self._archive, self._live, plan.lineage)
            self._expect(plan)
            copying = Copying(self._live, self._desk.files, self._desk.projector)
            with ThreadPoolExecutor(1, "checkpoint") as beside:  # it rests most of the time
                copied = beside.submit(self._replica, plan)
                files = pack_files(self._archive, self._live, copying, plan, step=self._step)
                replica = copied.result()
            moment, lines = write_people(self._live, self._desk.files, plan.set_id, plan.base)
            people = store(self._archive, f"people/{plan.set_id}.jsonl.zst", lines)
            known = sealing.known_segments(one for manifest in plan.chain for one in manifest.segments)
            segments = self._sealed(plan, moment, known)
            checkpoint = None
            if replica is not None:
                checkpoint = replica.store(self._archive, f"checkpoints/{plan.set_id}.checkpoint.zst")
            manifest = Manifest(
                set=plan.set_id,
                kind=plan.kind,
                exchange_id=exchange_id,
                sequence=moment.sequence,
                hash=moment.hash.hex(),
                time_us=moment.time_us,
                began_at_us=began_at_us,
                finished_at_us=self._now_us(),
                base=plan.base_id,
                files_as_of=plan.files_as_of,
                private_generation=plan.private_generation,
                lineage=plan.lineage,
                marked=sorted(plan.written),
                segments=segments,
                packs=files.packs,
                people=people,
                checkpoint=checkpoint,
                users=moment.users,
                tool_version=__version__,
                exchange_format=FORMAT_VERSION,
                schema_version=SCHEMA_VERSION,
                projection_version=PROJECTION_VERSION,
                pending=sorted(one.number for one in files.skipped),
            )
            self._publish(manifest)
        reused = {one.name for one in known.values()}
        notes = [] if told is None else [told]
        created = self._created(manifest, files, reused, notes, seconds=time.monotonic() - began)
        return attrs.evolve(created, began_archive=is_first)

    def _check_place(self) -> None:
        home, place = self._live.path.parent, self._archive.place
        if isinstance(place, Folder) and place.path.resolve().is_relative_to(home.resolve()):
            raise InvalidInput(
                "backup.create",
                place.url,
                "it lies in the exchange's own folder, and would be lost with it",
                hint="Give a place elsewhere, best on another disk.",
            )

    def _expect(self, plan: Plan) -> None:
        self._of = max(1, len(plan.wanted()) + (plan.files_as_of - plan.sealed) // _ROWS_PER_STEP)
        self._step(0)

    def _step(self, done: int) -> None:
        self._done = min(self._done + done, self._of)
        self._progress(self._done, self._of)

    def _sealed(self, plan: Plan, moment: Head, known: sealing.Known) -> list[StoredSegment]:
        return sealing.seal_up_to(
            self._archive,
            self._live,
            moment.sequence,
            after=plan.sealed,
            hash_before=bytes.fromhex(plan.base.hash) if plan.base else FIRST_HASH,
            known=known,
            step=lambda rows: self._step(rows // _ROWS_PER_STEP),
        )

    def _replica(self, plan: Plan) -> ReplicaCopy | None:
        last = max((one.checkpoint.sequence for one in plan.chain if one.checkpoint), default=0)
        if plan.base is not None and plan.files_as_of - last < CHECKPOINT_EVENTS:
            return None
        return copy_replica(self._live, sequence=plan.files_as_of)

    def _publish(self, manifest: Manifest) -> None:
        """Unless something was taken away meanwhile, by whoever else tidies the archive up. Raises StorageError."""
        for one in manifest.objects:
            if self._archive.place.size(one.name) != one.size:
                raise StorageError(
                    "backup.create",
                    f"{self._archive.url}/{one.name}",
                    "it is gone before the set is complete",
                    hint="Does somebody else remove or write there? Start the backup again.",
                )
        self._archive.publish(manifest)
        self._progress(self._of, self._of)
        tidy(self._archive, manifest.set)

    def _created(
        self, manifest: Manifest, files: PackedFiles, reused: set[str], notes: list[str], *, seconds: float
    ) -> Created:
        return Created(
            place=self._archive.url,
            set=manifest.set,
            kind=manifest.kind,
            base=manifest.base,
            sequence=manifest.sequence,
            as_of=format_time(manifest.time_us),
            users=files.users,
            taken_over=files.taken_over,
            skipped=self._skipped(files),
            segments=len({one.name for one in manifest.segments} - reused),
            size_bytes=sum(one.size for one in manifest.objects if one.name not in reused),
            seconds=round(seconds, 3),
            notes=notes,
        )

    def _skipped(self, files: PackedFiles) -> list[SkippedUser]:
        with self._live.history() as log:
            return [
                SkippedUser(
                    user_id=catalogue.by_number(log.connection, one.number).user_id,
                    problem=str(one.error),
                    carried_over_from=files.carried_over.get(one.number),
                )
                for one in files.skipped
            ]

    def _now_us(self) -> int:
        return self._desk.sequencer.clock.now_us()
