"""Archives whose sets are made of nothing but manifests and objects with random content: for what only counts and removes them."""

from __future__ import annotations

import secrets
from pathlib import Path

from credit_trading.backup import set_ids
from credit_trading.backup.archive import Archive, store
from credit_trading.backup.manifest import Manifest, StoredPack, StoredSegment
from credit_trading.backup.verified import Verified, record
from credit_trading.store.places import Folder

DAY_US = 86_400_000_000
NOON_US = 1_764_936_000_000_000
"""A Friday: 2025-12-05T12:00:00Z."""


def empty_archive(path: Path) -> Archive:
    archive = Archive(Folder(path))
    archive.claim("e" * 32)
    return archive


def add_set(archive: Archive, at_us: int, base: Manifest | None = None, *, verified: bool = True) -> Manifest:
    """A full set, or one that adds ten events and one pack to `base`."""
    set_id = set_ids.next_after(archive.set_ids(), at_us)
    first = base.sequence + 1 if base else 1
    last, hash_after = first + 9, secrets.token_hex(32)
    segment = store(archive, f"segments/{first:012d}-{last:012d}-{hash_after[:16]}.jsonl.zst", secrets.token_bytes(8))
    pack = store(archive, f"packs/{set_id}-0001.pack", secrets.token_bytes(16))
    manifest = Manifest(
        set=set_id,
        kind="incremental" if base else "full",
        exchange_id="e" * 32,
        sequence=last,
        hash=hash_after,
        time_us=at_us,
        began_at_us=at_us,
        finished_at_us=at_us,
        base=base.set if base else None,
        files_as_of=last,
        private_generation=1,
        segments=[
            StoredSegment(
                name=segment.name,
                size=segment.size,
                sha256=segment.sha256,
                first=first,
                last=last,
                hash_before=base.hash if base else "00" * 32,
                hash_after=hash_after,
                first_time_us=at_us,
                last_time_us=at_us,
            )
        ],
        packs=[
            StoredPack(
                name=pack.name,
                size=pack.size,
                sha256=pack.sha256,
                dictionary_size=0,
                index_at=8,
                users=1,
                first_user=1,
                last_user=1,
            )
        ],
        people=store(archive, f"people/{set_id}.jsonl.zst", secrets.token_bytes(4)),
        checkpoint=None,
        users=1,
        tool_version="0.1.0",
        exchange_format=3,
        schema_version=2,
        projection_version=2,
    ).sealed()
    archive.publish(manifest)
    if verified:
        mark_verified(archive, manifest)
    return manifest


def mark_verified(archive: Archive, manifest: Manifest, *, findings: int = 0) -> None:
    record(
        archive,
        Verified(
            set=manifest.set,
            manifest_sha256=manifest.sha256,
            verified_at_us=manifest.finished_at_us,
            deep=True,
            findings=findings,
            tool_version="0.1.0",
        ),
    )


def objects_in(archive: Archive) -> set[str]:
    """All that segments, packs and people there are."""
    return {name for folder in ("segments", "packs", "people") for name in archive.place.names(folder)}
