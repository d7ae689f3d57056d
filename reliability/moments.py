"""Where a recorded day is cut: moments of every sort, each sort alike often.

Here: sorting the calls of a recording by what goes on there, and choosing among them. Never here: what a cut leaves.
Always: a cut is known by the seed and its number, whatever other cuts are made.
"""

from __future__ import annotations

import random

import attrs

from reliability.recording import Recording
from reliability.unsynced import FolderSynced, Named, Synced, Truncated, Wrote

_CALLS_OF_AN_ACT = 30
"""So many calls from the moment it is asked count as the beginning of an act."""

_ACTS = ("create", "delete", "email", "group", "deal")


@attrs.frozen
class Cut:
    """So many calls of the recording were made; `moment` is the sort of place that it was chosen for.

    `again`: the folder is opened after it, and that is cut as well.
    """

    number: int
    position: int
    moment: str
    again: bool

    def __str__(self) -> str:
        return f"cut {self.number} ({self.moment}, after {self.position} calls{', and again' if self.again else ''})"


def choose(recording: Recording, *, count: int, seed: str) -> list[Cut]:
    """In the order of their positions. The sorts of moments take turns; every fifth cut of each sort is made again."""
    moments = sorted(_moments(recording).items())
    cuts = []
    for number in range(count):
        turn, place = divmod(number, len(moments))
        moment, positions = moments[place]
        position = random.Random(f"{seed}/{number}/position").choice(positions)
        cuts.append(Cut(number, position, moment, again=(turn + place) % 5 == 4))
    return sorted(cuts, key=lambda cut: cut.position)


def _moments(recording: Recording) -> dict[str, list[int]]:
    """Positions by sort: around syncs and changes of names, within the writing of each kind of file, during what is rare."""
    found: dict[str, list[int]] = {"any call": list(range(len(recording.calls) + 1))}
    kinds: dict[int, str] = {}
    for position, call in enumerate(recording.calls):
        if isinstance(call, Named):
            kinds |= {number: _kind(name) for name, number in call.names.items() if number}
            found.setdefault(f"{_named(call)} {_change(call)}", []).append(position + 1)
        elif isinstance(call, Synced | FolderSynced):
            found.setdefault("before a sync", []).append(position)
            found.setdefault("after a sync", []).append(position + 1)
        elif isinstance(call, Wrote | Truncated):
            found.setdefault(f"writing {kinds[call.file]}", []).append(position)
    for phase, first, last in _phases(recording):
        found.setdefault(f"during {phase}", []).extend(range(first, last + 1))
    for position, act in recording.asked:
        if act.kind in _ACTS:
            last = min(position + _CALLS_OF_AN_ACT, len(recording.calls))
            found.setdefault(f"early in {act.kind}", []).extend(range(position, last))
    return found


def _phases(recording: Recording) -> list[tuple[str, int, int]]:
    """But for trading, which is the rest."""
    ends = [position for position, _ in recording.phases[1:]] + [len(recording.calls)]
    spans = zip(recording.phases, ends, strict=True)
    return [(phase, first, last) for (first, phase), last in spans if phase != "trade"]


def _kind(name: str) -> str:
    """What kind of file it is, whoever's."""
    part = name.rpartition("/")[2]
    if part.startswith(".writing-"):
        return "a new file"
    if part.startswith("trading_"):
        return "a user's WAL" if part.endswith("-wal") else "a user's file"
    return part


def _named(call: Named) -> str:
    """Users' files by what they are; of all others the names come and go alike."""
    kinds = {_kind(name) for name in call.names} & {"a user's file", "a user's WAL"}
    return kinds.pop() if kinds else "another name"


def _change(call: Named) -> str:
    if len(call.names) > 1:
        return "moves"
    return "goes" if None in call.names.values() else "comes"
