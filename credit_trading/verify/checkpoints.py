"""The replica on disk against the journal.

Here: whether each checkpoint can be used, lies on the history, and says what the journal leads to. Never here: their format (journal).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import dump, state_digest
from credit_trading.journal import checkpoint
from credit_trading.journal.live import LiveReplica
from credit_trading.verify.finding import Finding, guarded
from credit_trading.verify.followers import Followers

REPAIR = "Delete it: the journal is replayed without it, and another one is written."


class Checkpoints:
    """Those of one folder, as they were when the verification began."""

    def __init__(self, live: LiveReplica, followers: Followers) -> None:
        self._live = live
        self._followers = followers
        self._to_compare: dict[int, list[Path]] = {}

    def check(self) -> Iterator[Finding]:
        """Whether each can be read, and where it stands."""
        for path in sorted(self._live.checkpoints.glob("*.checkpoint")):
            yield from guarded(lambda path=path: self._check(path), file=_name(path), repair=REPAIR)  # type: ignore[misc]

    def sequences(self) -> list[int]:
        """Of those that are on the history, ascending: where `compare` has to be asked."""
        return sorted(self._to_compare)

    def compare(self, replica: Replica) -> Iterator[Finding]:
        """With the state that the journal leads to at the replica's sequence."""
        for path in self._to_compare.pop(replica.sequence, ()):
            yield from guarded(lambda path=path: _compare(path, replica), file=_name(path), repair=REPAIR)  # type: ignore[misc]

    def _check(self, path: Path) -> Iterator[Finding]:
        try:
            position = checkpoint.position_of(path)
        except FileNotFoundError:  # a newer one has taken its place
            return
        except ValueError as error:
            yield Finding(file=_name(path), problem=str(error), repair=REPAIR)
            return
        with self._live.history() as log:
            ours = log.exchange_id
        if position is None:  # an older or newer version wrote it; it is passed over
            return
        if position.exchange_id != ours:
            problem = "it belongs to another exchange"
            yield Finding(file=_name(path), problem=problem, expected=ours, found=position.exchange_id, repair=REPAIR)
            return
        off = self._followers.check(position, file=_name(path), repair=REPAIR)
        yield from off
        if not off:
            self._to_compare.setdefault(position.sequence, []).append(path)


def _compare(path: Path, replica: Replica) -> Iterator[Finding]:
    expected, found = state_digest(replica), state_digest(checkpoint.read(path))
    if expected != found:
        problem = f"it is not the state that the journal leads to at sequence {replica.sequence}"
        yield Finding(file=_name(path), problem=problem, expected=expected, found=found, repair=REPAIR)
    elif dump(replica) != dump(checkpoint.read(path)):
        problem = f"what it remembers of commands is not what the journal leads to at sequence {replica.sequence}"
        yield Finding(file=_name(path), problem=problem, repair=REPAIR)


def _name(path: Path) -> str:
    return f"checkpoints/{path.name}"
