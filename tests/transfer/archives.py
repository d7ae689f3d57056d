"""Exports as tests need them: read, edited, made by hand.

Here: zip files. Never here: what a test expects of them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.floor import CASH, CREDIT, Floor

Row = dict[str, Any]


def exported(floor: Floor, path: Path, user_id: str | None = None) -> dict[str, bytes]:
    """What stands in a new export, by file name."""
    floor.admin.transfer.export(path, user_id=user_id)
    return content(path)


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(files: Mapping[str, bytes], table: str) -> list[Row]:
    return [json.loads(line) for line in files[f"{table}.jsonl"].splitlines()]


def csv_rows(files: Mapping[str, bytes], table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"{table}.csv"].decode(), newline="")))


def packed(path: Path, files: Mapping[str, bytes], *, version: int = 2, manifest: Row | None = None) -> Path:
    """A zip file of these, with a manifest that fits them, or another one."""
    listed = [
        {"name": name, "rows": _rows_in(name, data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
        if name != "manifest.json"
    ]
    told = manifest or {"schema": "credit-trading-export", "version": version, "files": listed}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(told))
        for name, data in files.items():
            if name != "manifest.json":
                archive.writestr(name, data)
    return path


def lines(*values: Row) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in values)


def deposit(**more: Any) -> Row:
    """A line that could be imported, with some fields changed; None leaves a field out."""
    row = {
        "user_id": "ann",
        "reference": "OLD-1",
        "transaction_date": "2024-05-01T12:00:00Z",
        "transaction_type": "deposit",
        "credit_type": CASH,
        "quantity": "10.00",
    }
    return {name: value for name, value in (row | more).items() if value is not None}


def trade(**more: Any) -> Row:
    """A buy of 4 at 2.50 with a fee of 0.02."""
    return deposit(
        **{
            "reference": "OLD-2",
            "transaction_type": "buy",
            "credit_type": CREDIT,
            "quantity": "4",
            "price_per_credit": "2.50",
            "total_value": "10.00",
            "currency": CASH,
            "fee": "0.02",
            "trade_reference": "T-1",
        }
        | more
    )


def _rows_in(name: str, data: bytes) -> int:
    if name.endswith(".csv"):
        return max(0, len(list(csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")))) - 1)
    return len(data.splitlines())
