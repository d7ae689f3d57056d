"""Exports of older versions: they are imported for ever, and go together with those of today."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from credit_trading import ManualClock
from credit_trading.spreadsheet import csv_line
from credit_trading.transfer.schema import TABLES
from tests.floor import Floor
from tests.transfer.archives import exported, lines, packed, rows
from tests.transfer.test_import import told

FIRST = {
    "users": "user_id email",
    "assets": "asset decimals",
    "instruments": "symbol base quote tick lot maker_fee taker_fee collar self_trade min_quantity max_quantity min_value price_band"
    " reference_price max_open_orders",
    "balances": "user_id asset posted",
    "transactions": "user_id reference transaction_date transaction_type credit_type quantity price_per_credit total_value currency fee"
    " counterparty symbol role trade_reference external_reference note",
    "orders": "user_id order_id client_order_id symbol credit_type currency side order_type time_in_force price_per_credit stop_price"
    " displayed_quantity quantity filled_quantity filled_value fees hold order_status created_at expires_at closed_at reason",
}
"""The fields that version 1 has, and every line of it."""


def in_version_1(files: Mapping[str, bytes], ending: str) -> dict[str, bytes]:
    """The same history as that version tells it, in one of both forms."""
    first: dict[str, bytes] = {}
    for table, fields in FIRST.items():
        kept = [{name: row[name] for name in fields.split()} for row in rows(files, table)]
        cells = b"".join(csv_line(list(row.values())) for row in kept)
        first[f"{table}{ending}"] = lines(*kept) if ending == ".jsonl" else csv_line(fields.split()) + cells
    return first


def test_what_version_1_has_is_still_there() -> None:
    """And none of it is asked for that it did not have."""
    assert {table.name: " ".join(one.name for one in table.fields if one.since == 1) for table in TABLES} == FIRST
    assert [one.name for table in TABLES for one in table.fields if one.since > 1 and one.needed] == []


@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_an_export_of_version_1_is_taken_and_one_of_today_adds_nothing(
    floor: Floor, empty: Floor, clock: ManualClock, tmp_path: Path, ending: str
) -> None:
    """All that it tells is settled, and was entered when it is imported: that alone is different, and no contradiction."""
    floor.place("ann", "sell", 4, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    floor.admin.trading.bust_trade(1)
    files = exported(floor, tmp_path / "new.zip")
    old = packed(tmp_path / "old.zip", in_version_1(files, ending), version=1)
    clock.advance(60)
    result = empty.admin.transfer.import_(old)
    assert (told(result), result.transactions, result.unsettled) == ([], 10, 0)
    for own in (floor, empty):
        for path in (old, tmp_path / "new.zip"):
            result = own.admin.transfer.import_(path)
            assert (told(result), result.transactions, result.duplicates) == ([], 0, 10)
    again = exported(empty, tmp_path / "again.zip")
    assert in_version_1(again, ".csv")["transactions.csv"] == in_version_1(files, ".csv")["transactions.csv"]
    assert {row["recorded_at"] for row in rows(again, "transactions")} == {"2026-01-01T00:01:00.000000Z"}
    assert empty.findings() == []
