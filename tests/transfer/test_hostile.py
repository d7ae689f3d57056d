"""Files that are damaged, or made to hurt: each is told in a line, nothing is changed, and nothing of it reaches the disk."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading.errors import InvalidInput, StorageError
from credit_trading.transfer.problems import Problem
from credit_trading.transfer.schema import Limits
from tests.floor import Floor
from tests.transfer.archives import deposit, lines, packed

HEADING = b"user_id,reference,transaction_date,transaction_type,credit_type,quantity\r\n"
CELLS = b"ann,r1,2024-05-01T12:00:00Z,deposit,USD,1.00\r\n"

GOOD = {"transactions.jsonl": lines(deposit())}


def problems(still: Floor, path: Path, **limits: int) -> list[str]:
    """Of a file that must not be taken."""
    before = still.exchange.sequence, still.exchange.state_digest(), set(os.listdir(path.parent))
    result = still.admin.transfer.import_(path, limits=Limits(**limits))
    assert not result.done
    assert result.problems
    assert (still.exchange.sequence, still.exchange.state_digest(), set(os.listdir(path.parent))) == before
    assert all(str(one).isprintable() for one in result.problems)
    return [str(one) for one in result.problems]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_the_file_without_the_harm_is_taken(still: Floor, tmp_path: Path) -> None:
    """Or none of the tests below would say anything."""
    assert still.admin.transfer.import_(packed(tmp_path / "x.zip", GOOD), dry_run=True).problems == []
    assert still.admin.transfer.import_(written(tmp_path / "x.csv", HEADING + CELLS), dry_run=True).transactions == 1


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("x.csv", b"", "x.csv, line 1: empty: the first line names the columns"),
        ("x.csv", HEADING + CELLS[:-7] + b"\r\n", "x.csv, line 2: 5 cells, where the first line names 6 columns"),
        ("x.csv", HEADING + CELLS[:-2] + b",x\r\n", "x.csv, line 2: 7 cells, where the first line names 6 columns"),
        ("x.csv", HEADING[8:] + CELLS, "x.csv, line 1, user_id: the column is missing"),
        ("x.csv", b"color," + HEADING, "x.csv, line 1, color: no such column"),
        ("x.csv", b"user_id," + HEADING, "x.csv, line 1, user_id: the column stands there twice"),
        ("x.csv", HEADING + b"ann,\xff\xfe" + CELLS, "x.csv, line 2: not UTF-8 text"),
        ("x.csv", HEADING + b'ann,"r1' + CELLS, "x.csv, line 2: not CSV as RFC 4180 has it (unexpected end of data)"),
        ("x.csv", (HEADING + CELLS).decode().encode("utf-16"), "x.csv, line 1: not UTF-8 text"),
        ("x.csv", HEADING + b"x" * 70_000, "x.csv, line 2: a line of more than 65,536 bytes"),
        ("x.csv", HEADING + b"ann,r\0,\r\n", "x.csv, line 2: "),
        ("x.jsonl", b"{}\n", "x.jsonl, line 1, user_id: it is missing"),
        ("x.jsonl", b"[1]\n", "x.jsonl, line 1: not a JSON object on one line"),
        ("x.jsonl", b"null\n", "x.jsonl, line 1: not a JSON object on one line"),
        ("x.jsonl", lines(deposit())[:-9], "x.jsonl, line 1: not a JSON object on one line"),
        ("x.jsonl", b'{"user_id":"\xff"}\n', "x.jsonl, line 1: not UTF-8 text"),
        ("x.jsonl", b"[" * 60_000 + b"\n", "x.jsonl, line 1: not a JSON object on one line"),
        ("x.jsonl", b'{"a":' * 10_000 + b"\n", "x.jsonl, line 1: not a JSON object on one line"),
        ("x.jsonl", b'{"user_id":"\\ud800"}\n', "x.jsonl, line 1"),
        (
            "x.jsonl",
            b'{"quantity":"1.00",' + lines(deposit())[1:],
            "x.jsonl, line 1, quantity: the field stands there twice",
        ),
        (
            "x.jsonl",
            b'{"f\\u0065e":null,"fee":null,' + lines(deposit())[1:],
            "x.jsonl, line 1, fee: the field stands there twice",
        ),
        (
            "x.jsonl",
            b'{"note":' + b"9" * 4_000 + b',"note":"x",' + lines(deposit())[1:],
            "x.jsonl, line 1, note: the field stands there twice",
        ),
        (
            "x.jsonl",
            b'{"note":' + b"[" * 30_000 + b"]" * 30_000 + b',"note":"x"}\n',
            "x.jsonl, line 1: not a JSON object",
        ),
        ("x.zip", b"", "x.zip: not a whole zip file"),
        ("x.zip", b"PK\x03\x04" + b"\0" * 100, "x.zip: not a whole zip file"),
        ("x.zip", lines(deposit()), "x.zip: not a whole zip file"),
    ],
)
def test_what_is_no_such_file_is_told(still: Floor, tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    assert problems(still, written(tmp_path / name, data))[0].startswith(expected)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "X.CSV"])
def test_what_spreadsheets_and_windows_write_is_taken(
    still: Floor, tmp_path: Path, name: str, bom: bytes, end: bytes
) -> None:
    data = HEADING + CELLS if name.lower().endswith("csv") else lines(deposit())
    path = written(tmp_path / name, bom + data.replace(b"\r\n", b"\n").replace(b"\n", end))
    assert still.admin.transfer.import_(path, dry_run=True).transactions == 1


def _entry(name: str) -> Callable[[Path], None]:
    def add(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive, pytest.MonkeyPatch.context() as patched:
            patched.setattr("warnings.warn", lambda *_, **__: None)
            archive.writestr(name, b"x")

    return add


def _encrypted(path: Path) -> None:
    """The flag of the last entry in the central directory."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _flipped(path: Path) -> None:
    """One bit of what is packed: the end of the last entry's data."""
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") - 3] ^= 1
    path.write_bytes(data)


def _repacked(path: Path) -> None:
    """Whole as a zip file, with other content than the manifest says."""
    with zipfile.ZipFile(path) as archive:
        manifest = archive.read("manifest.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("transactions.jsonl", lines(deposit(quantity="10000.00")))


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (_entry("../../evil.jsonl"), "../../evil.jsonl: not part of an export"),
        (_entry("/etc/passwd"), "/etc/passwd: not part of an export"),
        (_entry("folder/"), "folder/: not part of an export"),
        (_entry("a\x1b[2Jb"), "a\\x1b[2Jb: not part of an export"),
        (_entry("transactions.jsonl"), "transactions.jsonl: it stands there twice"),
        (_entry("users.jsonl"), "users.jsonl: manifest.json does not name it"),
        (_encrypted, "transactions.jsonl: encrypted, or packed in an unusual way"),
        (_cut, "x.zip: not a whole zip file"),
        (_flipped, "transactions.jsonl: it cannot be unpacked"),
        (_repacked, "transactions.jsonl: it is not the file that manifest.json speaks of: its SHA-256 differs"),
    ],
)
def test_a_zip_file_that_was_tampered_with_is_told(
    still: Floor, tmp_path: Path, harm: Callable[[Path], None], expected: str
) -> None:
    path = packed(tmp_path / "x.zip", GOOD)
    harm(path)
    assert problems(still, path)[0].startswith(expected)


def test_a_cell_that_was_changed_in_the_form_that_is_passed_over_is_told(still: Floor, tmp_path: Path) -> None:
    """JSON Lines are read; whoever edits the CSV beside them is told so, instead of getting what was there before."""
    path = tmp_path / "x.zip"
    still.admin.transfer.export(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["balances.csv"] += b"x"
    with zipfile.ZipFile(path, "w") as archive:
        for name, stored in content.items():
            archive.writestr(name, stored)
    (problem,) = problems(still, path)
    assert problem.startswith("balances.csv: it is not the file that manifest.json speaks of")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"version": 3}, "manifest.json, version: version 3 is newer than 2; use a newer credit_trading"),
        ({"version": 0}, "manifest.json, version: there is no version 0"),
        ({"version": "1"}, "manifest.json: not a manifest"),
        ({"schema": "other"}, "manifest.json, schema: the schema is other, not credit-trading-export"),
        ({"files": None}, "manifest.json: not a manifest"),
        ({"files": []}, "transactions.jsonl: manifest.json does not name it"),
    ],
)
def test_a_manifest_of_another_kind_is_told(
    still: Floor, tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    """A newer one is refused by its version, before its content is looked at."""
    packed(path := tmp_path / "x.zip", GOOD)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    packed(path, GOOD, manifest=manifest | changes)
    assert problems(still, path) == [expected]


def test_what_the_manifest_names_must_be_there_with_so_many_rows(still: Floor, tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", GOOD)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["files"][0]["rows"] = 2
    assert problems(still, packed(path, GOOD, manifest=manifest)) == [
        "transactions.jsonl: 1 rows, where manifest.json says 2"
    ]
    manifest["files"][0]["name"] = "users.jsonl"
    assert problems(still, packed(path, GOOD, manifest=manifest))[0].startswith(
        "transactions.jsonl: manifest.json does"
    )


def test_a_zip_file_without_a_manifest_is_no_export(still: Floor, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("transactions.jsonl", lines(deposit()))
    assert problems(still, tmp_path / "x.zip") == ["x.zip: no export: manifest.json is missing"]


def test_a_bomb_is_not_unpacked(still: Floor, tmp_path: Path) -> None:
    """By what it says of its size; by its one endless line; and one that says less than it holds."""
    bomb = packed(tmp_path / "x.zip", {"transactions.jsonl": b"\n" * 3_000_000})
    assert bomb.stat().st_size < 10_000
    assert problems(still, bomb, file_bytes=1_000_000) == ["x.zip: unpacked it has more than 1,000,000 bytes"]
    assert problems(still, bomb, transactions=1000) == ["transactions.jsonl, line 4000: more than 4,000 lines"]
    endless = packed(tmp_path / "y.zip", {"transactions.jsonl": b"x" * 3_000_000})
    assert problems(still, endless) == ["transactions.jsonl, line 1: a line of more than 65,536 bytes"]
    data = bytearray(bomb.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    (told,) = problems(still, written(tmp_path / "z.zip", bytes(data)), file_bytes=1_000_000)
    assert told.startswith("transactions.jsonl: it cannot be unpacked (Bad CRC-32")


def test_a_plain_file_that_is_too_large_is_not_read(still: Floor, tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", lines(deposit()) * 100)
    assert problems(still, path, file_bytes=1000) == ["x.jsonl: more than 1,000 bytes"]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.zip"])
def test_what_is_no_file_is_refused_at_once(still: Floor, tmp_path: Path, name: str) -> None:
    """A folder; a pipe that nobody writes into, which opening would wait for; a link to nothing."""
    (tmp_path / name).mkdir()
    with pytest.raises(InvalidInput, match=r"a folder, not a file\. Give a file that export has made"):
        still.admin.transfer.import_(tmp_path / name)
    (tmp_path / name).rmdir()
    os.mkfifo(tmp_path / name)
    with pytest.raises(InvalidInput, match=r"a pipe or a device, not a file\. Give a file that export has made"):
        still.admin.transfer.import_(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "nothing")
    with pytest.raises(StorageError, match=r"there is no such file\. Check the path"):
        still.admin.transfer.import_(tmp_path / name)


def test_a_problem_says_where_it_is() -> None:
    assert str(Problem("a.csv", 3, "fee", "negative")) == "a.csv, line 3, fee: negative"
    assert str(Problem("a.csv", None, None, "empty")) == "a.csv: empty"
