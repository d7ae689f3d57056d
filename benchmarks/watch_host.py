"""A process that looks at a host's database again and again until its input ends, and says when it first saw each position."""

from __future__ import annotations

import json
import sys
from threading import Event, Thread
from time import monotonic

from benchmarks.host_databases import connected

EVERY_S = 0.005


def main(url: str) -> list[tuple[float, int]]:
    """Moments of the machine's own clock, and the sequences that the tables showed then; each as soon as it was seen."""
    ended = Event()
    Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    connection = connected(url)
    cursor = connection.cursor()
    seen = [(0.0, 0)]
    print("ready", flush=True)
    while not ended.wait(EVERY_S):
        ((sequence,),) = cursor.execute("SELECT sequence FROM trading_position").fetchall()
        if sequence != seen[-1][1]:
            seen.append((monotonic(), sequence))
    connection.close()
    return seen


def _wait_for_end(ended: Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
