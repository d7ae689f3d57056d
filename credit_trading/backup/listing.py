"""Which sets an archive has, and what stands in one.

Always: a set whose manifest is damaged is listed as such and hides no other.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest, Stored
from credit_trading.backup.moment import named
from credit_trading.backup.verified import Verified, verified
from credit_trading.clock import format_time
from credit_trading.errors import TradingError


@attrs.frozen(kw_only=True)
class SetRecord:
    """A set in short: the exchange as of `sequence`, the last event of which was at `as_of`. `finished_at` is when the copy was done.

    `copies` counts the users' files that the set brings itself, `size_bytes` what it adds to the archive at most: segments may be shared.
    `problem` says why nothing else is known of it. `findings` is None for a set that was not verified as it is now.
    """

    set: str
    kind: str | None = None
    base: str | None = None
    sequence: int | None = None
    as_of: str | None = None
    finished_at: str | None = None
    users: int | None = None
    copies: int | None = None
    size_bytes: int | None = None
    verified_at: str | None = None
    verified_deep: bool | None = None
    findings: int | None = None
    problem: str | None = None


@attrs.frozen(kw_only=True)
class SetContent:
    """A set with what it rests on, the full one first, and all objects that restoring it needs."""

    record: SetRecord
    rests_on: list[str]
    objects: list[Stored]
    hash: str
    tool_version: str
    exchange_format: int
    schema_version: int


def list_sets(archive: Archive) -> list[SetRecord]:
    """All of them, the oldest first; none of an archive that waits for its first one.

    Raises NotFound where there is no archive, StorageError where the place cannot be read.
    """
    ids = archive.set_ids()
    if not ids and archive.exchange_id() is None:
        archive.newest()
    return [_record(archive, set_id) for set_id in ids]


def show_set(archive: Archive, set_id: str | None = None) -> SetContent:
    """One set, the newest if none is named. Raises NotFound, FileCorrupt."""
    manifest = archive.newest() if set_id is None else named(archive, set_id)
    chain = archive.chain(manifest)
    return SetContent(
        record=_of(manifest, verified(archive, manifest)),
        rests_on=[one.set for one in chain[:-1]],
        objects=_objects(chain),
        hash=manifest.hash,
        tool_version=manifest.tool_version,
        exchange_format=manifest.exchange_format,
        schema_version=manifest.schema_version,
    )


def _objects(chain: Sequence[Manifest]) -> list[Stored]:
    return list({stored.name: stored for manifest in chain for stored in manifest.objects}.values())


def _record(archive: Archive, set_id: str) -> SetRecord:
    try:
        manifest = archive.manifest(set_id)
    except TradingError as error:
        return SetRecord(set=set_id, problem=error.problem)
    return _of(manifest, verified(archive, manifest))


def _of(manifest: Manifest, looked: Verified | None) -> SetRecord:
    return SetRecord(
        set=manifest.set,
        kind=manifest.kind,
        base=manifest.base,
        sequence=manifest.sequence,
        as_of=format_time(manifest.time_us),
        finished_at=format_time(manifest.finished_at_us),
        users=manifest.users,
        copies=sum(pack.users for pack in manifest.packs),
        size_bytes=manifest.size,
        verified_at=format_time(looked.verified_at_us) if looked else None,
        verified_deep=looked.deep if looked else None,
        findings=looked.findings if looked else None,
    )
