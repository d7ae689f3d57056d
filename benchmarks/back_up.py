"""A process that opens an exchange, makes a full backup and says what memory that took; without a place it only opens it."""

from __future__ import annotations

import json
import sys

import credit_trading
from benchmarks.open_and_list import peak_mib


def main(home: str, place: str | None) -> dict[str, float]:
    with credit_trading.open(home) as exchange:
        backups = exchange.as_admin("benchmark").backups
        if place is not None:
            backups.create(place, "full")
    return {"peak_mib": peak_mib()}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)))
