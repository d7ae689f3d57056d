#!/usr/bin/env python3
"""Plays a file of flash1 order flow through the exchange's order book, or through the whole engine, and prints the reports' hash.

    python benchmarks/flash1.py normal.bin.xz --expect e9b2e392... --through engine

Here: the command line. The format and its reports: benchmarks/flow.py. Prints `sha256=... messages_per_s=...`; the rate is that of
matching and reporting, without reading, preparing requests, or hashing. A file of another format, or another hash, is one line and 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # its neighbours have one name, here and in tests

from benchmarks.flow import Flow, FlowError, Matcher, play, read_flow
from benchmarks.own_book import OwnBook
from benchmarks.own_engine import OwnEngine


def matcher_for(through: str, flow: Flow) -> Matcher:
    return OwnEngine(flow) if through == "engine" else OwnBook()


def main() -> None:
    parser = argparse.ArgumentParser(description="Plays flash1 order flow and prints the hash of its reports.")
    parser.add_argument("file", type=Path, metavar="FILE", help="messages in the flash1 format, plain or xz")
    parser.add_argument("--expect", metavar="SHA256", help="fail unless the reports' hash is this one")
    parser.add_argument("--through", choices=("book", "engine"), default="book", help="what matches (default: book)")
    options = parser.parse_args()
    try:
        flow = read_flow(options.file)
        played = play(flow, matcher_for(options.through, flow))
    except FlowError as error:
        sys.exit(str(error))
    print(f"sha256={played.sha256} messages_per_s={played.messages_per_s:.0f}")
    if options.expect is not None and played.sha256 != options.expect.lower():
        sys.exit(f"{options.file}: the reports' hash is {played.sha256}, and {options.expect} was expected")


if __name__ == "__main__":
    main()
