"""Where everything that follows the journal stands: on its history, or not.

Here: comparing positions, and what it means if many are off. Never here: reading a position out of a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.verify.finding import EXCHANGE, Finding

_OLD = "exchange.db is an old one: put the newer one back, with its -wal. Never rebuild users' files from this one."
_WHICH_IS_WRONG = "If exchange.db is an old one or was edited, put the right one back."


REBUILD = "credit-trading rebuild "


class Followers:
    """One verification's view of them; `check` is asked once for each, or again for one that was looked at twice."""

    def __init__(self, live: LiveReplica) -> None:
        self._live = live
        self._off: dict[str, int] = {}
        """Sequences of those that are off the history, by file."""
        self._is_old = False

    def check(self, position: Position, *, file: str, row: str | None = None, repair: str) -> list[Finding]:
        """One that says that it is of this exchange. `repair` is for the case that the journal is right."""
        self._off.pop(file, None)
        if not position.sequence:
            return []
        with self._live.history() as log:
            known, (head, _) = log.hash_at(position.sequence), log.head()
        if known == position.hash:
            return []
        self._off[file] = position.sequence
        if position.sequence > head:
            problem, expected, found = (
                "it is ahead of the journal",
                f"at most sequence {head}",
                f"sequence {position.sequence}",
            )
            repair, self._is_old = _OLD, True
        else:
            problem = f"it stands on another history (at sequence {position.sequence})"
            expected, found = known.hex() if known else "a row there", position.hash.hex()
            loss = " --accept-loss" if repair.startswith(REBUILD) else ""
            repair = f"{_WHICH_IS_WRONG} Else: {repair}{loss}"
        told = Finding(
            file=file,
            row=row,
            problem=problem,
            expected=expected,
            found=found,
            repair=repair,
        )
        return [told]

    def summary(self) -> Iterator[Finding]:
        """What it says of exchange.db: one file on another history may be wrong itself, several hardly are, nor one that is ahead."""
        if len(self._off) < 2 and not (self._off and self._is_old):
            return
        with self._live.history() as log:
            head, _ = log.head()
        furthest = max(self._off.values())
        yield Finding(
            file=EXCHANGE,
            problem=f"files that follow the journal know another history, or more of it: {len(self._off)}",
            expected=f"all that they know; they have seen sequence {furthest}",
            found=f"sequence {head} as the last",
            repair=_OLD if self._is_old else f"{_WHICH_IS_WRONG} Never rebuild users' files from a wrong one.",
        )
