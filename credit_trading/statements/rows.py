"""A statement as data: CSV for spreadsheets, JSON for programs.

Here: the columns, and both forms, written as the lines come. Never here: the fields of the records (records), the page for people (page).
Always: exact decimal text; in CSV nothing that a spreadsheet would run; a line is forgotten once it is written.
"""

from __future__ import annotations

from typing import BinaryIO

import attrs
import msgspec

from credit_trading.spreadsheet import csv_line
from credit_trading.statements.reading import OpenStatement
from credit_trading.statements.records import SCHEMA, SCHEMA_VERSION, LineChange, StatementLine

COLUMNS = (
    "line",
    "transaction_date",
    "booked_at",
    "transaction_id",
    "transaction_type",
    "asset",
    "change",
    "balance",
    "credit_type",
    "quantity",
    "price_per_credit",
    "total_value",
    "fee",
    "currency",
    "counterparty",
    "symbol",
    "order_id",
    "trade_id",
    "external_reference",
    "reference",
    "note",
    "project_id",
)
"""One row of the CSV for each asset that a transaction changes, so that `change` adds up by `asset`; `line` counts transactions."""

OPENING, CLOSING = "opening", "closing"
"""Rows of the CSV before and after all others, one for each asset, with these words as their `transaction_type`."""


def write_csv(file: BinaryIO, source: OpenStatement) -> None:
    """With a byte order mark, or a spreadsheet takes names and notes for another encoding."""
    statement = source.statement
    file.write(b"\xef\xbb\xbf" + csv_line(COLUMNS))
    for balance in statement.balances:
        file.write(_standing(OPENING, statement.begins_at, balance.asset, balance.opening))
    for line in source.lines():
        for change in line.changes:
            file.write(_row(line, change))
    for balance in statement.balances:
        file.write(_standing(CLOSING, statement.ends_at, balance.asset, balance.closing))


def write_json(file: BinaryIO, source: OpenStatement) -> None:
    """One object; `lines` are its last field, one on each line of text."""
    fields: dict[str, object] = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION}
    head = msgspec.json.format(_encoded(fields | attrs.asdict(source.statement)), indent=2)
    file.write(head.removesuffix(b"\n}") + b',\n  "lines": [')
    before = b"\n    "
    for line in source.lines():
        file.write(before + _encoded(attrs.asdict(line)))
        before = b",\n    "
    file.write(b"\n  ]\n}\n")


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def _standing(kind: str, moment: str, asset: str, balance: str) -> bytes:
    known = {"transaction_type": kind, "transaction_date": moment, "asset": asset, "balance": balance}
    return csv_line([known.get(column) for column in COLUMNS])


def _row(line: StatementLine, change: LineChange) -> bytes:
    values = {"line": line.number, "asset": change.asset, "change": change.change, "balance": change.balance}
    cells = (values[column] if column in values else getattr(line, column) for column in COLUMNS)
    return csv_line([None if cell is None else str(cell) for cell in cells])
