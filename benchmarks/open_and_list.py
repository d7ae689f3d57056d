"""A process that opens a folder, lists its users and says what that took; without a folder it only imports the package."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import credit_trading


def main(home: str | None) -> dict[str, float]:
    measured: dict[str, float] = {}
    if home is not None:
        start = perf_counter()
        with credit_trading.open(home) as exchange:
            measured["open_ms"] = (perf_counter() - start) * 1e3
            start = perf_counter()
            measured["users"] = len(exchange.as_admin("benchmark").databases.list_trading_databases())
            measured["list_ms"] = (perf_counter() - start) * 1e3
    return {**measured, "peak_mib": peak_mib()}


def peak_mib() -> float:
    """Linux's getrusage counts what the parent had before it started this process, so the kernel's own mark is read there."""
    status = Path("/proc/self/status")
    if status.exists():
        peak_kib = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak_kib) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1] if len(sys.argv) > 1 else None)))
