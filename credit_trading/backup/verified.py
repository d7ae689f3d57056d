"""What the last verification of a set found, kept in the archive beside it.

Here: the record and whether it is still about the set as it is now. Never here: verifying (verification).
"""

from __future__ import annotations

import msgspec

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest
from credit_trading.errors import NotFound


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """`findings` counts what was wrong; `deep` means that the set was restored and replayed."""

    set: str
    manifest_sha256: str
    verified_at_us: int
    deep: bool
    findings: int
    tool_version: str


def record(archive: Archive, verified: Verified) -> None:
    archive.place.write(verified_name(verified.set), _encode(verified))


def verified(archive: Archive, manifest: Manifest) -> Verified | None:
    """None where the set was never verified, or was changed since."""
    try:
        found = _decode(archive.place.read(verified_name(manifest.set)))
    except (NotFound, msgspec.MsgspecError):
        return None
    return found if (found.set, found.manifest_sha256) == (manifest.set, manifest.sha256) else None


def verified_name(set_id: str) -> str:
    return f"verified/{set_id}.json"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Verified).decode
