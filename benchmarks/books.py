"""(g) The order book and the engine against a plain book in Python; (i) the order book against what others published.

Here: the same messages through both sides, in turns. Always: what both report is compared too, and a ratio stands for equal work.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from benchmarks.flow import Flow, Matcher, play
from benchmarks.normal_flow import normal_flow
from benchmarks.own_book import OwnBook
from benchmarks.own_engine import OwnEngine
from benchmarks.peers import PEERS, peer_book
from benchmarks.plain_book import PlainBook

BOOK_GOAL = Target(kind="at least", ratio=0.8)
ENGINE_GOAL = Target(kind="at least", ratio=0.35)
PEER_GOAL = Target(kind="at least", ratio=2)


def books(counts: Counts, _: Path) -> list[Figure]:
    """Messages per second: matching and reports; reading, preparing requests and hashing are not counted."""
    figures = []
    for title, most, make, goal in (
        ("order book alone", counts.book_messages, lambda _: OwnBook(), BOOK_GOAL),
        ("engine: accounts, holds, rules, events", counts.engine_messages, OwnEngine, ENGINE_GOAL),
    ):
        name, flow = normal_flow(most)
        ours, plain, same = _in_turns(counts, flow, make, lambda _: PlainBook())
        assert same, f"{title} and the plain book report different things"
        figures.append(_figure("g", f"{title}, {name}", flow, ours, "plain book in Python", plain, goal))
    return figures


def peers(counts: Counts, _: Path) -> list[Figure]:
    """The order book alone against each package; a package gets as many messages as it plays in some seconds."""
    return [_against(counts, package) for package in PEERS]


def _against(counts: Counts, package: str) -> Figure:
    name, flow = normal_flow(counts.peer_messages[package])
    what = f"order book alone, {name}"
    if peer_book(package) is None:
        return Figure(item="i", what=what, measured=None, unit="messages/s", compared_with=f"{package}: not installed")
    ours, theirs, same = _in_turns(counts, flow, lambda _: OwnBook(), lambda _: _installed(package))
    title = f"{package} {version(package)}, {'the same' if same else 'OTHER'} reports"
    return _figure("i", what, flow, ours, title, theirs, PEER_GOAL)


def _installed(package: str) -> Matcher:
    book = peer_book(package)
    assert book is not None
    return book


def _in_turns(
    counts: Counts, flow: Flow, ours: Callable[[Flow], Matcher], theirs: Callable[[Flow], Matcher]
) -> tuple[list[float], list[float], bool]:
    """Messages per second of every repetition, and whether both always reported the same."""
    rates: tuple[list[float], list[float]] = [], []
    hashes = set()
    for _ in range(counts.repetitions):
        for side, make in zip(rates, (ours, theirs), strict=True):
            played = play(flow, make(flow))
            side.append(played.messages_per_s)
            hashes.add(played.sha256)
    return *rates, len(hashes) == 1


def _figure(
    item: str, what: str, flow: Flow, ours: list[float], title: str, theirs: list[float], goal: Target
) -> Figure:
    what = f"{what}, {len(flow):,} messages"
    return compare(item, what, ours, unit="messages/s", compared_with=title, compared=theirs, target=goal)
