"""People: what exchange.db holds beside the journal, line by line."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from credit_trading.backup import people
from credit_trading.backup.archive import Archive, packed, unpacked
from credit_trading.backup.people import Header, NoteRow, PeopleRow, PrivateRow, UserRow
from credit_trading.errors import FileCorrupt, VersionUnsupported
from credit_trading.journal.log import FILE_NAME
from credit_trading.users.exchange_db import SCHEMA
from credit_trading.users.private_writer import PrivateWriter
from tests.floor import Floor, rows_of

HEADER = Header(set="s", exchange_id="e", sequence=5, base=None)
ROWS: list[PeopleRow] = [
    UserRow(1, "ann", "ann", "ann@example.com", "5a17", "trading_ann.db", None, "active", 7),
    PrivateRow(1, 7, 2),
    NoteRow(3, "admin:x", None, None, "a\nb\u2028c\x85d", b"\x00\xff", None),
]


def written(rows: list[PeopleRow]) -> bytes:
    writing = people.Writing(HEADER)
    for row in rows:
        writing.add([row])
    return writing.finish()


def test_rows_come_out_as_they_went_in() -> None:
    """Whatever stands in a remark."""
    header, rows = people.read(written(ROWS), name="x")
    assert header == HEADER
    assert list(rows) == ROWS


def test_lines_have_the_names_of_tables_and_columns() -> None:
    """`zstdcat` shows them; of each table all columns, as exchange.db spells them."""
    first, *lines = [json.loads(line) for line in unpacked(written(ROWS)).splitlines()]
    assert first["table"] == "header"
    assert [line.pop("table") for line in lines] == ["users", "private_facts", "command_notes"]
    for row in people.ROWS:
        name = msgspec.inspect.type_info(row).tag  # type: ignore[attr-defined]
        (table,) = [text for text in SCHEMA.split(";\n") if text.strip().startswith(f"CREATE TABLE {name} (")]
        columns = [line.split()[0] for line in table.strip().splitlines()[1:-1]]
        assert [field.name for field in msgspec.structs.fields(row)] == columns


def test_a_set_has_all_rows_as_they_are(floor: Floor, tmp_path: Path) -> None:
    """A full set all of them, the next one users with events and new notes, and the short lists whole."""
    archive = Archive.at(tmp_path / "archive")
    with PrivateWriter(floor.exchange._files, floor.exchange._projector).writing(2) as connection:
        connection.execute("CREATE TABLE diary (text TEXT)")
    floor.admin.accounts.deposit("cat", "USD", "1.00", note="first")
    floor.admin.backups.create(archive.url)
    floor.admin.accounts.deposit("bob", "USD", "1.00", note="second")
    floor.admin.databases.change_email("ann", "new@example.com")
    floor.admin.backups.create(archive.url)
    path = floor.exchange.home / FILE_NAME
    first, second = (archive.manifest(set_id) for set_id in archive.set_ids())
    header, rows = people.read(archive.read(first.people), name="x")
    assert (header.set, header.sequence, header.base) == (first.set, first.sequence, None)
    full = list(rows)
    assert [row.number for row in full if isinstance(row, UserRow)] == [1, 2, 3]
    noted = rows_of(path, "SELECT * FROM command_notes WHERE sequence <= ? ORDER BY sequence", (first.sequence,))
    assert [msgspec.structs.astuple(row) for row in full if isinstance(row, NoteRow)] == noted
    header, rows = people.read(archive.read(second.people), name="x")
    assert header.base == first.set
    added = list(rows)
    assert [row.user_id for row in added if isinstance(row, UserRow)] == ["ann", "bob"]
    users = rows_of(path, "SELECT * FROM users WHERE number IN (1, 2) ORDER BY number")
    assert [msgspec.structs.astuple(row) for row in added if isinstance(row, UserRow)] == users
    noted = rows_of(path, "SELECT * FROM command_notes WHERE sequence > ? ORDER BY sequence", (first.sequence,))
    assert [msgspec.structs.astuple(row) for row in added if isinstance(row, NoteRow)] == noted
    assert [row.number for row in added if isinstance(row, PrivateRow)] == [2]


def test_what_was_altered_is_not_read() -> None:
    content = written(ROWS)
    altered = [content[:-1], content[:40], b"", content + b"x", content + content]
    altered += [content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :] for at in range(0, len(content), 7)]
    for one in altered:
        with pytest.raises(FileCorrupt, match='people "x"'):
            list(people.read(one, name="x")[1])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"table":"strangers"}', FileCorrupt),
        (b'{"table":"users","number":"1"}', FileCorrupt),
        (b"[]", FileCorrupt),
        (b"", FileCorrupt),
    ],
)
def test_a_line_of_no_known_table_is_an_error(line: bytes, error: type[Exception]) -> None:
    lines = unpacked(written(ROWS)).split(b"\n")
    lines[2] = line
    with pytest.raises(error, match='people "x"'):
        list(people.read(packed(b"\n".join(lines)), name="x")[1])


def test_a_newer_format_is_refused() -> None:
    writing = people.Writing(msgspec.structs.replace(HEADER, format=2))
    with pytest.raises(VersionUnsupported, match="format 2 is newer than 1"):
        people.read(writing.finish(), name="x")
