"""A line of an export, as JSON Lines and as CSV: how its values are written, and how they are read back.

Here: encodings, escapes, line numbers. Never here: what the values mean (checking). Always: what is written is read back the same; of a
file that is being read one line is in memory.

CSV is RFC 4180 in UTF-8, its cells guarded against spreadsheets (`credit_trading.spreadsheet`).
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import attrs
import msgspec

from credit_trading.checks import shown
from credit_trading.spreadsheet import unguarded
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.schema import Limits, Table

Values = dict[str, str | None]

_BOM = b"\xef\xbb\xbf"

_LINES_OF_A_RECORD = 4
"""At most, on average: in CSV a remark may have several lines."""


@attrs.frozen
class Line:
    """`number` counts from 1; of a CSV record that spans several lines, the first."""

    file: str
    number: int
    values: Values


def json_line(table: Table, values: Mapping[str, str | None]) -> bytes:
    """The fields in the order of the schema, and a line end."""
    return msgspec.json.encode({name: values.get(name) or None for name in table.names}) + b"\n"


def json_lines(stream: BinaryIO, file: str, table: Table, limits: Limits, problems: Problems) -> Iterator[Line]:
    """What is wrong with a line is told, and the next is read."""
    for number, raw in _raw_lines(stream, file, table, limits, problems):
        try:
            text = raw.decode().strip("\r\n")
            found = msgspec.json.decode(text) if text.strip() else None
            names = _names(text) if isinstance(found, dict) else []
        except UnicodeDecodeError:
            problems.add("not UTF-8 text", file, number)
            continue
        except (msgspec.MsgspecError, json.JSONDecodeError, RecursionError):
            problems.add("not a JSON object on one line", file, number)
            continue
        if not text.strip():
            continue
        values = _object(found, file, number, table, problems)
        if values is not None and _are_single(names, file, number, problems):
            yield Line(file, number, values)


def csv_lines(stream: BinaryIO, file: str, table: Table, limits: Limits, problems: Problems) -> Iterator[Line]:
    """After what breaks the form of a file nothing more of it is read."""
    reader = csv.reader((raw.decode() for _, raw in _raw_lines(stream, file, table, limits, problems)), strict=True)
    header: list[str] | None = None
    number = 1
    try:
        for cells in reader:
            if header is None:
                header = cells
                if not _fits(header, file, table, problems):
                    return
            elif cells and len(cells) != len(header):
                problems.add(f"{len(cells)} cells, where the first line names {len(header)} columns", file, number)
            elif cells:
                cells = [unguarded(cell) for cell in cells]
                yield Line(file, number, {name: cell or None for name, cell in zip(header, cells, strict=True)})
            number = reader.line_num + 1
    except UnicodeDecodeError:
        problems.add("not UTF-8 text", file, reader.line_num + 1)
    except csv.Error as error:
        problems.add(f"not CSV as RFC 4180 has it ({error})", file, number)
    else:
        if header is None:
            problems.add("empty: the first line names the columns", file, 1)


def _raw_lines(
    stream: BinaryIO, file: str, table: Table, limits: Limits, problems: Problems
) -> Iterator[tuple[int, bytes]]:
    """Each with its end. A line that is too long, or far more lines than there may be records, ends the file."""
    most = limits.lines(table) * _LINES_OF_A_RECORD
    for number in range(1, most + 2):
        raw = stream.readline(limits.line_bytes + 1)
        if not raw:
            return
        if len(raw) > limits.line_bytes:
            problems.add(f"a line of more than {limits.line_bytes:,} bytes", file, number)
            return
        yield number, raw.removeprefix(_BOM) if number == 1 else raw
    problems.add(f"more than {most:,} lines", file, most)


def _object(found: object, file: str, number: int, table: Table, problems: Problems) -> Values | None:
    if not isinstance(found, dict):
        problems.add("not a JSON object on one line", file, number)
        return None
    names = set(table.names)
    known = True
    for name, value in found.items():
        if name not in names:
            problems.add("no such field", file, number, shown(name))
        elif value is not None and not isinstance(value, str):
            problems.add(f"{type(value).__name__} is not text; amounts stand in quotes", file, number, name)
        else:
            continue
        known = False
    return {name: value or None for name, value in found.items()} if known else None


def _names(text: str) -> list[str]:
    """Of a JSON object, as often as they stand there: decoding keeps the last value of each, and tells nothing."""
    return [name for name, _ in json.loads(text, object_pairs_hook=list, parse_int=str)]


def _are_single(names: Sequence[str], file: str, number: int, problems: Problems) -> bool:
    twice = [name for name, count in Counter(names).items() if count > 1] if len(set(names)) < len(names) else []
    for name in twice:
        problems.add("the field stands there twice", file, number, name)
    return not twice


def _fits(header: Sequence[str], file: str, table: Table, problems: Problems) -> bool:
    """Whether the columns are fields of the table, each once, and none is missing that every line needs."""
    wrong = [(name, "no such column") for name in header if name not in table.names]
    wrong += [(name, "the column stands there twice") for name in table.names if header.count(name) > 1]
    wrong += [(one.name, "the column is missing") for one in table.fields if one.needed and one.name not in header]
    for name, problem in wrong:
        problems.add(problem, file, 1, shown(name))
    return not wrong
