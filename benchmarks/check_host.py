"""A process that compares a host's database with an exchange, and says what that took."""

from __future__ import annotations

import json
import sys
from time import perf_counter

import credit_trading
from benchmarks.open_and_list import peak_mib


def main(home: str, url: str, checks: bool) -> dict[str, float]:
    """Opens the exchange and, if it `checks`, compares all of it."""
    measured: dict[str, float] = {}
    with credit_trading.open(home, host=url) as exchange:
        host = exchange.as_admin("benchmark").host
        host.sync()
        if checks:
            start = perf_counter()
            found = host.check()
            measured = {"seconds": perf_counter() - start, "rows": sum(found.rows.values())}
            assert found.is_fine, found.differences
    return {**measured, "peak_mib": peak_mib()}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3:] == ["check"])))
