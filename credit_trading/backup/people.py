"""What stands in exchange.db beside the journal, in a set: the catalogue of users, notes on commands, and the small lists.

Here: its lines, and bytes to lines and back. Never here: reading them from exchange.db (personal), putting them back (restoring).
Always: lines carry the names of the tables and columns that they come from, and one table's lines stand together, in the order of `ROWS`.

Compressed with zstandard, JSON Lines: a header, then one object for each row with `table` and the columns; bytes as base64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import zstandard

from credit_trading.backup.archive import compressor, unpacked
from credit_trading.errors import FileCorrupt, VersionUnsupported

_FORMAT = 1


class Header(msgspec.Struct, frozen=True, tag_field="table", tag="header"):
    """The rows are as of `sequence`. Without a `base` they are all; else users and notes are those that the set brings anew."""

    set: str
    exchange_id: str
    sequence: int
    base: str | None
    format: int = _FORMAT


class UserRow(msgspec.Struct, frozen=True, tag_field="table", tag="users"):
    number: int
    user_id: str
    folded_id: str
    email: str | None
    salt: str | None
    file_name: str | None
    previous_file_name: str | None
    state: str
    created_at: int


class NoteRow(msgspec.Struct, frozen=True, tag_field="table", tag="command_notes"):
    sequence: int
    actor: str
    origin: str | None
    correlation_id: str | None
    note: str | None
    salt: bytes | None
    counterparty: str | None = None


class QuarantineRow(msgspec.Struct, frozen=True, tag_field="table", tag="quarantine"):
    number: int
    since: int
    code: str
    problem: str


class PrivateRow(msgspec.Struct, frozen=True, tag_field="table", tag="private_facts"):
    number: int
    since: int
    generation: int


class ErasedRow(msgspec.Struct, frozen=True, tag_field="table", tag="erased_users"):
    number: int
    erased_at: int


class ArchivedRow(msgspec.Struct, frozen=True, tag_field="table", tag="archived_segments"):
    first: int
    last: int
    hash_before: bytes
    hash_after: bytes
    place: str
    name: str
    sha256: str
    moved_at: int


PeopleRow = UserRow | NoteRow | QuarantineRow | PrivateRow | ErasedRow | ArchivedRow

ROWS = (UserRow, QuarantineRow, PrivateRow, ErasedRow, ArchivedRow, NoteRow)


class Writing:
    """Lines on their way into compressed bytes; only those are kept."""

    def __init__(self, header: Header) -> None:
        self._compressing = compressor().compressobj()
        self._content = bytearray()
        self._encoder = msgspec.json.Encoder()
        self._write([header])

    def add(self, rows: Iterable[PeopleRow]) -> None:
        self._write(rows)

    def finish(self) -> bytes:
        self._content += self._compressing.flush()
        return bytes(self._content)

    def _write(self, lines: Iterable[Header | PeopleRow]) -> None:
        self._content += self._compressing.compress(self._encoder.encode_lines(lines))


def read(content: bytes, *, name: str) -> tuple[Header, Iterator[PeopleRow]]:
    """The header, and the rows as they are asked for.

    Raises FileCorrupt, VersionUnsupported, naming the object; so may the iterator.
    """
    try:
        lines = unpacked(content).splitlines()
        header = _decode_header(lines[0])
    except (zstandard.ZstdError, msgspec.MsgspecError, IndexError) as error:
        raise _broken(name, error) from error
    if header.format > _FORMAT:
        raise VersionUnsupported(
            "people", name, f"format {header.format} is newer than {_FORMAT}", hint="Use a newer credit_trading."
        )
    return header, _rows(lines, name)


def _rows(lines: list[bytes], name: str) -> Iterator[PeopleRow]:
    for line in lines[1:]:
        try:
            yield _decode_row(line)
        except msgspec.MsgspecError as error:
            raise _broken(name, error) from error


def _broken(name: str, problem: object) -> FileCorrupt:
    return FileCorrupt(
        "people",
        name,
        f"it cannot be read ({problem})",
        hint="Restore from another set, or from another copy of the archive.",
    )


_decode_header = msgspec.json.Decoder(Header).decode
_decode_row = msgspec.json.Decoder(PeopleRow).decode
