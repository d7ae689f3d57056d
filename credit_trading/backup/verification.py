"""Whether a set of an archive is whole, and whether it can be restored.

Here: what is looked at, quick or deep, and what becomes of it. Never here: single objects (objects), restoring itself (restoring).
Always: every defect is a finding that names its object; what was found is kept beside the set, so that whoever removes sets knows.
Quick reads every object that the set needs. Deep restores it into a scratch folder and replays all of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Copy, Manifest, StoredPack, manifest_name
from credit_trading.backup.objects import (
    REPAIR,
    chain_of,
    check_manifest,
    check_object,
    of_copy,
    of_object,
    unknown_objects,
)
from credit_trading.backup.restoring import Check, Restored, read_checkpoint, restore, write_checkpoint
from credit_trading.backup.scratch_folder import thrown_away
from credit_trading.backup.verified import Verified, record, verified
from credit_trading.clock import SystemClock, format_time
from credit_trading.errors import FileCorrupt, NotFound, StorageError, TradingError, Unwritable, VersionUnsupported
from credit_trading.exchange.state import state_digest
from credit_trading.journal import checkpoint
from credit_trading.journal.log import FILE_NAME
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import connect
from credit_trading.users.standing import Standing
from credit_trading.verify import schema
from credit_trading.verify.finding import Finding, Findings, guarded, of_error
from credit_trading.verify.steps import Steps
from credit_trading.version import __version__

_SEQUENCE = "sequence "
_OF_PEOPLE = ("users", "command_notes", "private_facts", "erased_users", "quarantine")
"""Tables of exchange.db that come from a set's people."""


@attrs.frozen(kw_only=True)
class SetVerification:
    """What was found of one set and of those on which it `rests_on`, the lowest first.

    None where the manifest cannot be read. `objects` and `size_bytes` are what was read; `notes` tell what is nothing wrong.
    """

    place: str
    set: str
    deep: bool
    sequence: int | None
    as_of: str | None
    users: int | None
    rests_on: list[str]
    objects: int
    size_bytes: int
    findings: list[Finding]
    notes: list[str]


@attrs.frozen(kw_only=True)
class Drill:
    """The newest set, restored into a scratch folder and looked at in full."""

    set: str
    sequence: int | None
    users: int | None
    seconds: float
    findings: list[Finding]


def verify(
    archive: Archive, set_id: str | None = None, *, deep: bool = False, check: Check, progress: Progress = no_progress
) -> list[Finding]:
    """All that is wrong with a set, the newest unless it is named; see `look`."""
    return look(archive, set_id, deep=deep, check=check, progress=progress).findings


def drill(archive: Archive, check: Check, *, progress: Progress = no_progress) -> Drill:
    """A restore drill: the deep verification of the newest set. Raises NotFound where there is none."""
    began = time.monotonic()
    looked = look(archive, deep=True, check=check, progress=progress)
    return Drill(
        set=looked.set,
        sequence=looked.sequence,
        users=looked.users,
        seconds=round(time.monotonic() - began, 3),
        findings=looked.findings,
    )


def look(
    archive: Archive, set_id: str | None = None, *, deep: bool = False, check: Check, progress: Progress = no_progress
) -> SetVerification:
    """Looks at one set, and keeps what was found beside it. `check` is what looks at a folder that was restored.

    Raises NotFound for a set that is not there, StorageError where the place cannot be read.
    """
    return _Looking(archive, _chosen(archive, set_id), Steps(progress), deep=deep, check=check).run()


def _chosen(archive: Archive, set_id: str | None) -> str:
    ids = archive.set_ids()
    if not ids:
        archive.newest()
    if set_id is not None and set_id not in ids:
        raise NotFound(
            "backup.verify",
            set_id,
            f"there is no such set at {archive.url}",
            hint=f"See which there are: credit-trading backup list --from {archive.url}.",
        )
    return set_id or ids[-1]


class _Looking:
    """What one verification knows so far."""

    def __init__(self, archive: Archive, set_id: str, steps: Steps, *, deep: bool, check: Check) -> None:
        self._archive = archive
        self._set = set_id
        self._steps = steps
        self._deep = deep
        self._check = check
        self._told = Findings()
        self._notes: list[str] = []
        self._objects = 0
        self._bytes = 0

    def run(self) -> SetVerification:
        try:
            manifest = self._archive.manifest(self._set)
        except (FileCorrupt, VersionUnsupported) as error:
            self._told.add([of_object(manifest_name(self._set), error.problem)])
            return self._result(None, [])
        chain, broken = chain_of(self._archive, manifest)
        self._told.add(broken)
        self._check_objects(chain)
        names = [f"{name} is in no set: it belongs to none, or to one that is being made." for name in self._unknown()]
        self._notes += names
        if self._deep:
            self._go_deep(manifest, chain)
        self._record(manifest)
        return self._result(manifest, chain)

    def _check_objects(self, chain: Sequence[Manifest]) -> None:
        owner = next(iter(self._owner()), None)
        self._steps.expect(sum(len(manifest.objects) for manifest in chain))
        for base, manifest in zip([None, *chain], chain, strict=False):
            self._told.add(check_manifest(manifest, base, owner))
            for stored in manifest.objects:
                self._told.add(
                    guarded(
                        lambda stored=stored, manifest=manifest: check_object(  # type: ignore[misc]
                            self._archive, stored, up_to=manifest.sequence, read=self._count
                        ),
                        file=stored.name,
                        repair=REPAIR,
                    )
                )
                self._steps.advance()

    def _owner(self) -> list[str]:
        try:
            owner = self._archive.exchange_id()
        except FileCorrupt as error:
            self._told.add([of_object("archive.json", error.problem)])
            return []
        if owner is None:
            self._told.add([of_object("archive.json", "it is missing")])
            return []
        return [owner]

    def _unknown(self) -> list[str]:
        return unknown_objects(self._archive)

    def _count(self, size: int) -> None:
        self._objects += 1
        self._bytes += size

    def _go_deep(self, manifest: Manifest, chain: Sequence[Manifest]) -> None:
        """What is found in an object of which something was found already is told by that."""
        known = {finding.file for finding in self._told.listed()}
        with thrown_away("restore-drill-", operation="backup.verify") as scratch:
            deeper = self._deeper(manifest, chain, scratch)
            self._told.add(self._of_object(finding) for finding in deeper if self._plain(finding.file) not in known)

    def _deeper(self, manifest: Manifest, chain: Sequence[Manifest], scratch: Path) -> Iterator[Finding]:
        try:
            yield from self._restored(manifest, chain, scratch)
        except Unwritable:  # no room, or no right, where it is restored to: that is nothing about the set
            raise
        except Exception as error:  # noqa: BLE001 - there is nothing that a damaged object cannot lead to
            yield of_error(error, file=manifest_name(manifest.set), repair=REPAIR)

    def _plain(self, file: str) -> str:
        return file.removeprefix(f"{self._archive.url}/")

    def _of_object(self, finding: Finding) -> Finding:
        return attrs.evolve(finding, file=self._plain(finding.file), repair=REPAIR)

    def _restored(self, manifest: Manifest, chain: Sequence[Manifest], scratch: Path) -> Iterator[Finding]:
        home = scratch / "restored"
        try:
            restored = restore(self._archive, home, set_id=manifest.set, alone=True, progress=_within(self._steps))
        except Unwritable:
            raise
        except TradingError as error:
            yield of_object(error.subject, f"the set cannot be restored: {error.problem}")
            return
        yield from self._check_people(manifest, restored)
        for one in chain:
            for pack in one.packs:
                yield from guarded(
                    lambda pack=pack: self._check_copies(manifest, pack, scratch),  # type: ignore[misc]
                    file=pack.name,
                    repair=REPAIR,
                )
            yield from self._check_checkpoint(one, home)
        for finding in self._check(home):
            yield _located(finding, restored, chain)

    def _check_people(self, manifest: Manifest, restored: Restored) -> Iterator[Finding]:
        if restored.users != manifest.users:
            problem = "it does not stand for as many users as there are"
            yield of_object(manifest_name(manifest.set), problem, expected=restored.users, found=manifest.users)
        for user_id in sorted(set(restored.other_emails).difference(restored.erased)):
            problem = "the row is not the one that the journal has the digest of"
            yield of_object(manifest.people.name, problem, row=f"user {user_id}")
        for user_id in sorted(set(restored.without_private_facts).difference(restored.erased)):
            problem = "the user's private facts are in no set on which it rests"
            yield of_object(manifest_name(manifest.set), problem, row=f"user {user_id}")
        if manifest.pending:
            count = len(manifest.pending)
            self._notes.append(f"Users' files that could not be copied when the set was made: {count}.")

    def _check_copies(self, manifest: Manifest, pack: StoredPack, scratch: Path) -> Iterator[Finding]:
        """Each file as a database, and where it says that it stands."""
        path = scratch / "copy.db"
        copies = self._archive.index(pack)
        for copy, content in self._archive.files(pack, copies):
            if not isinstance(content, bytes):
                yield of_copy(pack, copy, content.problem)
                continue
            path.write_bytes(content)
            if len(content) != copy.file_size:
                yield of_copy(pack, copy, "it has another size", expected=copy.file_size, found=len(content))
            yield from guarded(
                lambda copy=copy: _check_copy(manifest, pack, copy, path),  # type: ignore[misc]
                file=pack.name,
                row=f"user #{copy.user}",
                repair=REPAIR,
            )

    def _check_checkpoint(self, manifest: Manifest, home: Path) -> Iterator[Finding]:
        """Its own state against the manifest; it then lies in the restored folder, to be compared with what the journal leads to."""
        stored = manifest.checkpoint
        if stored is None:
            return
        try:
            path = write_checkpoint(home, stored, read_checkpoint(self._archive, stored))
            position = checkpoint.position_of(path)
            if position is None:
                self._notes.append(f"{stored.name} is of another version, and is not used.")
                return
            digest = state_digest(checkpoint.read(path))
        except (TradingError, OSError, ValueError) as error:
            yield of_object(stored.name, error.problem if isinstance(error, TradingError) else str(error))
            return
        told = stored.sequence, stored.hash, manifest.exchange_id
        found = position.sequence, position.hash.hex(), position.exchange_id
        if told != found:
            yield of_object(stored.name, "it stands elsewhere than the manifest says", expected=told, found=found)
        if digest != stored.state_digest:
            problem = "its state is not the one that the manifest names"
            yield of_object(stored.name, problem, expected=stored.state_digest, found=digest)

    def _record(self, manifest: Manifest) -> None:
        found = Verified(
            set=manifest.set,
            manifest_sha256=manifest.sha256,
            verified_at_us=SystemClock().now_us(),
            deep=self._deep,
            findings=len(self._told.listed()),
            tool_version=__version__,
        )
        try:
            before = verified(self._archive, manifest)
            if before is not None and before.deep and not before.findings and not (self._deep or found.findings):
                return  # it says more
            record(self._archive, found)
        except StorageError as error:
            self._notes.append(f"What was found is not kept in the archive: {error.problem}.")

    def _result(self, manifest: Manifest | None, chain: Iterable[Manifest]) -> SetVerification:
        return SetVerification(
            place=self._archive.url,
            set=self._set,
            deep=self._deep,
            sequence=manifest.sequence if manifest else None,
            as_of=format_time(manifest.time_us) if manifest else None,
            users=manifest.users if manifest else None,
            rests_on=[one.set for one in chain if one.set != self._set],
            objects=self._objects,
            size_bytes=self._bytes,
            findings=self._told.listed(),
            notes=self._notes,
        )


def _check_copy(manifest: Manifest, pack: StoredPack, copy: Copy, path: Path) -> Iterator[Finding]:
    with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
        connection.execute("PRAGMA query_only = 1")
        for finding in schema.check_integrity(connection, file=pack.name, repair=REPAIR):
            yield of_copy(pack, copy, finding.problem, found=finding.found)
        standing = Standing.of(connection, path)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    told = (manifest.exchange_id, copy.user), copy.applied_sequence, copy.applied_hash, copy.schema_version
    found = standing.owner, standing.position.sequence, standing.position.hash.hex(), version
    if told != found:
        yield of_copy(pack, copy, "the file is not what the index says of it", expected=told, found=found)


def _located(finding: Finding, restored: Restored, chain: Sequence[Manifest]) -> Finding:
    """The object that it comes from, and in its row where it was found in the restored folder."""
    manifest = chain[-1]
    row = finding.row or ""
    name = manifest_name(manifest.set)
    if finding.file in restored.sources:
        name = restored.sources[finding.file]
    elif finding.file.startswith("checkpoints/"):
        sequence = int(Path(finding.file).stem)
        held = [one.checkpoint for one in chain if one.checkpoint is not None and one.checkpoint.sequence == sequence]
        name = held[0].name if held else name
    elif finding.file == FILE_NAME and row.startswith(_OF_PEOPLE):
        name = manifest.people.name
    elif finding.file == FILE_NAME and row.removeprefix(_SEQUENCE).isdecimal():
        sequence = int(row.removeprefix(_SEQUENCE))
        segments = [segment for one in chain for segment in one.segments if segment.first <= sequence <= segment.last]
        name = segments[0].name if segments else name
    return attrs.evolve(finding, file=name, row=f"{finding.file}, {row}" if row else finding.file, repair=REPAIR)


def _within(steps: Steps) -> Progress:
    """The steps of a part, as steps of all."""
    before = [0, 0]

    def tell(done: int, of: int) -> None:
        steps.expect(of - before[1])
        steps.advance(done - before[0])
        before[:] = done, of

    return tell
