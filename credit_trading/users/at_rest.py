"""A user's file that nobody has open: its bytes, and where it stands by them.

Here: whether a file is at rest, reading it without SQLite, and finding the row of `metadata` in the bytes. Never here: a file that anybody
may have open; any other row.
Always: the caller has the user's lock for itself alone, so that no handle of this package is open anywhere; a program that knows no locks
of ours and comes in between is noticed. What cannot be read this way is left to SQLite.

Opening a database costs more than all else that is done for a copy, because SQLite then parses its schema (measured: 1.4 ms against 0.02 ms
for reading 124 KiB). The format of the bytes: https://sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import os
import struct
import time
from functools import cache
from pathlib import Path

from credit_trading.journal.follower import Position
from credit_trading.users.scratch import scratch_file
from credit_trading.users.standing import Standing
from credit_trading.users.tables.schema import APPLICATION_ID, SCHEMA_VERSION

AT_REST_S = 2.0
"""A file that was changed more recently may be changed again without another time of change: clocks of file systems are coarse."""

_HEADER = struct.Struct(">16sHBBB7xI24xII4xI")
"""What it begins with, page size, versions to write and read (2: WAL), bytes reserved on a page; pages; encoding, our version and kind."""

_MAGIC = b"SQLite format 3\0"

_LEAF = 13
"""The kind of a page that holds rows of a table."""

_INTEGER_SIZES = (0, 1, 2, 3, 4, 6, 8)
"""In bytes, by serial type."""

_Value = int | str | bytes | None


def content_at_rest(path: Path) -> bytes | None:
    """All of the file; None if it is not there, not at rest, or was changed meanwhile. Raises OSError.

    A WAL or a rollback journal beside it is looked for afterwards: one that has gone meanwhile has been written into the file before.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        before = os.fstat(descriptor)
        if not before.st_mtime + AT_REST_S < time.time():
            return None
        content = os.read(descriptor, before.st_size)
    finally:
        os.close(descriptor)
    is_alone = not (os.access(f"{name}-wal", os.F_OK) or os.access(f"{name}-journal", os.F_OK))
    return content if is_alone and len(content) == before.st_size and _marks(os.stat(name)) == _marks(before) else None


def standing_in(content: bytes) -> Standing | None:
    """What the file says of itself; None where it is of another version or shape than those that this one writes."""
    try:
        return _standing_in(content)
    except (IndexError, ValueError, struct.error):  # UnicodeDecodeError is a ValueError
        return None


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _standing_in(content: bytes) -> Standing | None:
    known, page = _known()
    magic, size, write_version, read_version, reserved, pages, *ours = _HEADER.unpack_from(content)
    if (magic, size, write_version, read_version, reserved, *ours) != known or len(content) != size * pages:
        return None
    _, exchange_id, user, _, _, version, sequence, chain_hash, events, _ = _lone_row(
        content[(page - 1) * size : page * size]
    )
    if not (isinstance(exchange_id, str) and isinstance(chain_hash, bytes)):
        return None
    if not (
        isinstance(user, int) and isinstance(version, int) and isinstance(sequence, int) and isinstance(events, int)
    ):
        return None
    return Standing((exchange_id, user), version, Position(exchange_id, sequence, chain_hash), events)


@cache
def _known() -> tuple[tuple[bytes | int, ...], int]:
    """The header of every file that is made from the template, but for its number of pages; and on which page `metadata` stands in it."""
    with scratch_file() as empty:
        (page_size,) = empty.execute("PRAGMA page_size").fetchone()
        (page,) = empty.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'metadata'").fetchone()
    return (_MAGIC, page_size, 2, 2, 0, 1, SCHEMA_VERSION, APPLICATION_ID), page


def _lone_row(page: bytes) -> list[_Value]:
    """The values of the one row on a page of a table. Raises ValueError, IndexError."""
    if page[0] != _LEAF or page[3:5] != b"\0\1":
        raise ValueError("not a page with one row")
    size, at = _varint(page, page[8] << 8 | page[9])
    _, at = _varint(page, at)  # the row's number
    if at + size > len(page):
        raise ValueError("the row goes on elsewhere")
    header_size, place = _varint(page, at)
    end_of_header = value_at = at + header_size
    values: list[_Value] = []
    while place < end_of_header:
        serial_type, place = _varint(page, place)
        value, value_at = _value(page, serial_type, value_at)
        values.append(value)
    return values


def _value(page: bytes, serial_type: int, at: int) -> tuple[_Value, int]:
    """A value, and where it ends."""
    if serial_type >= 12:
        end = at + (serial_type - 12) // 2
        return (page[at:end].decode() if serial_type % 2 else page[at:end]), end
    if serial_type in (8, 9):
        return serial_type - 8, at
    if serial_type == 0:
        return None, at
    end = at + _INTEGER_SIZES[serial_type]
    return int.from_bytes(page[at:end], "big", signed=True), end


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """A whole number, and where it ends. It may take nine bytes; nothing that is read here takes more than two."""
    first = page[at]
    if first < 0x80:
        return first, at + 1
    second = page[at + 1]
    if second < 0x80:
        return (first & 0x7F) << 7 | second, at + 2
    raise ValueError("a larger number than any that is read here")
