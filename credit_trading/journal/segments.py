"""A sealed piece of the journal, as it stands in archives: rows in order, between two hashes of the chain.

Here: rows to bytes and back, and proving that they are what was sealed. Never here: where segments lie.
Always: the same rows give the same bytes; a segment that is not whole gives nothing.

Compressed with zstandard, a segment is JSON Lines: first a header, then one array for each row, its columns in the order of `rows.COLUMNS`,
bytes as base64. So `zstdcat` shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import zstandard

from credit_trading.errors import FileCorrupt, VersionUnsupported
from credit_trading.journal import rows
from credit_trading.journal.rows import HASH, NOTE, Row

ROWS_PER_SEGMENT = 50_000
"""Segments end at multiples of it, but for the last one of a backup."""

_FORMAT = 1
_LEVEL = 3


class Seal(msgspec.Struct, frozen=True):
    """What a segment says of itself. `hash_before` is the chain hash in front of its first row, `hash_after` that of its last; hex."""

    exchange_id: str
    first: int
    last: int
    hash_before: str
    hash_after: str
    first_time_us: int
    last_time_us: int
    format: int = _FORMAT

    @property
    def name(self) -> str:
        """Of the object; sorts by place in the journal."""
        return f"segments/{self.first:012d}-{self.last:012d}-{self.hash_after[:16]}.jsonl.zst"


def seal(exchange_id: str, found: Iterable[Row], hash_before: bytes) -> tuple[Seal, bytes]:
    """One row at least, which follow on that hash. Raises FileCorrupt where the chain is broken."""
    stored = list(found)
    hash_after = rows.check_chain(stored, stored[0][0] - 1, hash_before)
    made = Seal(
        exchange_id=exchange_id,
        first=stored[0][0],
        last=stored[-1][0],
        hash_before=hash_before.hex(),
        hash_after=hash_after.hex(),
        first_time_us=stored[0][1],
        last_time_us=stored[-1][1],
    )
    lines = [_encode(made), *map(_encode, stored), b""]
    return made, zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(b"\n".join(lines))


def unseal(content: bytes, *, name: str) -> tuple[Seal, list[Row]]:
    """The rows of a whole segment, their chain checked. Raises FileCorrupt or VersionUnsupported, naming it."""
    try:
        decompressing = zstandard.ZstdDecompressor().decompressobj()
        lines = decompressing.decompress(content).split(b"\n")
        if not decompressing.eof or decompressing.unused_data:
            raise ValueError("it does not end where it should")
        found = _decode_seal(lines[0])
        hash_before = bytes.fromhex(found.hash_before)
        stored = list(_rows(lines[1:-1]))
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        raise _broken(name, f"it cannot be read ({error})") from error
    if found.format != _FORMAT:
        raise VersionUnsupported(
            "segment", name, f"format {found.format} is not {_FORMAT}", hint="Use a newer credit_trading."
        )
    if not stored or (stored[0][0], stored[-1][0]) != (found.first, found.last):
        raise _broken(name, "its rows are not those that its header names")
    try:
        hash_after = rows.check_chain(stored, found.first - 1, hash_before)
    except FileCorrupt as error:
        raise _broken(name, f"{error.subject}: {error.problem}") from error
    if hash_after.hex() != found.hash_after:
        raise _broken(name, "it does not end on the hash that its header names")
    return found, stored


def _rows(lines: Iterable[bytes]) -> Iterator[Row]:
    for line in lines:
        row = _decode_row(line)
        if len(row) != NOTE + 1:
            raise ValueError(f"a row of {len(row)} columns")
        yield (*row[:HASH], _decode_bytes(row[HASH]), None if row[NOTE] is None else _decode_bytes(row[NOTE]))


def _decode_bytes(text: object) -> bytes:
    return msgspec.convert(text, bytes)


def _broken(name: str, problem: str) -> FileCorrupt:
    return FileCorrupt("segment", name, problem, hint="Restore from another set, or from another copy of the archive.")


_encode = msgspec.json.Encoder().encode
_decode_seal = msgspec.json.Decoder(Seal).decode
_decode_row = msgspec.json.Decoder(tuple[object, ...]).decode
