"""A process that keeps a host's database in step with an exchange until its input ends."""

from __future__ import annotations

import sys

import credit_trading


def main(home: str, url: str) -> None:
    with credit_trading.open(home, host=url) as exchange:
        host = exchange.as_admin("benchmark").host
        host.sync()
        host.follow()
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
