"""The journal beyond a follower's position.

Here: reading it, in stretches. Never here: what becomes of the rows.
Always: a stretch begins where the follower stands, and only if that lies on the journal's history.
"""

from __future__ import annotations

import attrs

from credit_trading.errors import FileForeign
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import HASH, Row, row_hash


@attrs.frozen
class Tail:
    """Rows in order, without gaps, and the position after the last of them."""

    rows: list[Row]
    after: Position


def head_of(live: LiveReplica) -> int:
    """The sequence of the journal's last row, which is the end of a commit."""
    with live.history() as log:
        return log.head()[0]


def tail_after(live: LiveReplica, position: Position, *, up_to: int, most: int, follower: str) -> Tail:
    """At most so many rows beyond `position`, up to that sequence. Raises FileForeign."""
    count = max(0, min(most, up_to - position.sequence))
    with live.history() as log:
        position.check(log, follower=follower)
        rows = log.batch_from(position.sequence + 1, count)
        exchange_id = log.exchange_id
    if not rows:
        return Tail([], position)
    if len(rows) < count or rows[0][HASH] != row_hash(rows[0], position.hash):  # it was replaced between two statements
        raise FileForeign("follow", follower, "the journal does not go on from where it stands", hint="Try again.")
    return Tail(rows, Position(exchange_id, rows[-1][0], rows[-1][HASH]))
