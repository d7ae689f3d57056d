"""How anything that follows the journal knows where it stands.

Always: a follower stores its position in the same transaction as its data, and is brought forward only from a position that lies on
this journal's history.
"""

from __future__ import annotations

import attrs

from credit_trading.errors import FileForeign
from credit_trading.journal.log import Log


@attrs.frozen
class Position:
    """Which exchange, up to which sequence, and the chain hash there."""

    exchange_id: str
    sequence: int
    hash: bytes

    def check(self, log: Log, *, follower: str) -> None:
        """Raises FileForeign unless the position lies on the log's history."""
        if not self.sequence:
            return
        if self.exchange_id != log.exchange_id:
            problem = "it belongs to another exchange"
        elif log.hash_at(self.sequence) != self.hash:
            known = log.hash_at(self.sequence)
            problem = (
                f"it stands on another history (at sequence {self.sequence})" if known else "it is ahead of the journal"
            )
        else:
            return
        raise FileForeign(
            "follow", follower, problem, hint="Move the file away and it is rebuilt from the journal when next opened."
        )
