"""Sealed pieces of the journal: the same rows give the same bytes, and what was changed in any way gives nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import zstandard

from credit_trading.errors import FileCorrupt, VersionUnsupported
from credit_trading.journal.rows import FIRST_HASH, HASH, Row
from credit_trading.journal.segments import Seal, seal, unseal
from tests.floor import Floor

EXCHANGE = "e" * 32


@pytest.fixture
def rows(floor: Floor) -> list[Row]:
    """All kinds of columns: with users and without, with notes and without."""
    floor.admin.accounts.deposit("cat", "USD", "1.00", note="a\nb \u2028 \u00fc")
    floor.place("ann", "sell", 5, "5.00")
    floor.place("bob", "buy", 5, "5.00")
    with floor.exchange._live.history() as log:
        return log.batch_from(1, 1000)


def test_rows_come_out_as_they_went_in(rows: list[Row]) -> None:
    """From the first row on, and in the middle."""
    assert len(rows) > 10
    for first in (0, 4):
        before = rows[first - 1][HASH] if first else FIRST_HASH
        made, content = seal(EXCHANGE, rows[first:], before)
        found, stored = unseal(content, name="x")
        assert stored == rows[first:]
        assert found == made
        assert (made.first, made.last, made.hash_after) == (first + 1, len(rows), rows[-1][HASH].hex())
        assert (made.first_time_us, made.last_time_us) == (rows[first][1], rows[-1][1])


def test_the_same_rows_give_the_same_bytes(rows: list[Row]) -> None:
    assert seal(EXCHANGE, iter(rows), FIRST_HASH) == seal(EXCHANGE, rows, FIRST_HASH)


def test_names_sort_by_place_in_the_journal(rows: list[Row]) -> None:
    names = [
        seal(EXCHANGE, rows[at:], rows[at - 1][HASH] if at else FIRST_HASH)[0].name for at in (0, 2, 9, len(rows) - 1)
    ]
    assert names == sorted(names)
    assert names[0].startswith("segments/000000000001-0000000000")


@pytest.mark.parametrize("harm", ["a gap", "another hash before", "an altered row"])
def test_rows_that_do_not_follow_are_not_sealed(rows: list[Row], harm: str) -> None:
    before = FIRST_HASH
    if harm == "a gap":
        del rows[3]
    elif harm == "another hash before":
        before = bytes([1]) * 32
    else:
        rows[3] = (*rows[3][:12], rows[3][12].replace("}", ',"x":1}'), *rows[3][13:])
    with pytest.raises(FileCorrupt, match="the chain is broken here"):
        seal(EXCHANGE, rows, before)


def test_every_byte_counts(rows: list[Row]) -> None:
    """One altered, at many places; one missing at the end; one more. (One bit of a zstd header means nothing.)"""
    _, content = seal(EXCHANGE, rows, FIRST_HASH)
    altered = [content[:-1], content + b"\0", content[: len(content) // 2], b"", content + content]
    for at in range(0, len(content), max(1, len(content) // 60)):
        altered.append(content[:at] + bytes([content[at] ^ 0x41]) + content[at + 1 :])
    for one in altered:
        with pytest.raises(FileCorrupt, match='segment "x"'):
            unseal(one, name="x")


def _rewritten(content: bytes, change: Callable[[list[bytes]], None]) -> bytes:
    """As somebody would who knows the format, but cannot find rows of the same hash."""
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(content).split(b"\n")
    change(lines)
    return zstandard.ZstdCompressor().compress(b"\n".join(lines))


def _header(lines: list[bytes], **changed: object) -> None:
    lines[0] = msgspec.json.encode(msgspec.structs.replace(msgspec.json.decode(lines[0], type=Seal), **changed))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda lines: lines.pop(3), "the chain is broken here"),
        (lambda lines: lines.insert(3, lines[4]), "the chain is broken here"),
        (lambda lines: lines.pop(1), "not those that its header names"),
        (lambda lines: lines.pop(-2), "not those that its header names"),
        (
            lambda lines: lines.__setitem__(
                slice(1, -1), [one.replace(b"deposited", b"withdrawn") for one in lines[1:-1]]
            ),
            "the chain is broken here",
        ),
        (lambda lines: lines.__setitem__(5, b"{}"), "cannot be read"),
        (lambda lines: lines.__setitem__(5, b"[1,2]"), "cannot be read"),
        (lambda lines: lines.__setitem__(slice(1, -1), []), "not those that its header names"),
        (lambda lines: _header(lines, hash_after="00" * 32), "does not end on the hash that its header names"),
        (lambda lines: _header(lines, hash_before="11" * 32), "the chain is broken here"),
        (lambda lines: _header(lines, hash_before="no hex"), "cannot be read"),
        (lambda lines: _header(lines, last=3), "not those that its header names"),
        (lambda lines: _header(lines, format=2), "format 2 is not 1"),
    ],
)
def test_what_was_written_anew_is_found_by_the_chain(
    rows: list[Row], change: Callable[[list[bytes]], None], problem: str
) -> None:
    _, content = seal(EXCHANGE, rows, FIRST_HASH)
    altered = _rewritten(content, change)
    with pytest.raises((FileCorrupt, VersionUnsupported), match=problem) as error:
        unseal(altered, name="x")
    assert str(error.value).startswith('segment "x"')
