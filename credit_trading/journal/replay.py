"""What stands in the journal beyond a replica, applied to it.

Here: reading on, checking the chain, applying. Never here: locks, connections, what becomes of a replica that cannot go on.
Always: nothing is applied that does not continue the replica's own history.
"""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.exchange.events import UserDeleted, UserEmailChanged
from credit_trading.exchange.replica import Replica
from credit_trading.journal import rows
from credit_trading.journal.bulk import Uncollected, without_rest
from credit_trading.journal.rows import HASH, Row

BATCH = 1_000
"""Rows that are read, checked and applied together."""


def replay(
    replica: Replica,
    chain_hash: bytes,
    read: Callable[[int, int], list[Row]],
    *,
    until: int | None = None,
    batch: int = BATCH,
    pace: Callable[[], None] = without_rest,
    on_move: Callable[[int], None] = lambda _: None,
) -> bytes:
    """Brings the replica, whose chain hash is `chain_hash`, to the journal's end or to the row `until`; returns the hash there.

    A replica within a command does not know the answer to it, and never will: `until` has to be a row with which one ends. `read` gives the
    rows from a sequence on, in order and at most so many; a `batch` has two at least. `on_move` is told of each user whose file is to be
    renamed or deleted. Raises FileCorrupt where the rows do not continue the replica's history; the replica is of no use then.
    """
    sequence = replica.sequence
    last = None if until is None else max(until, sequence)

    def wanted(first: int) -> list[Row]:
        found = read(first, batch)
        return found if last is None else [row for row in found if row[0] <= last]

    stored = wanted(sequence)
    more = len(stored) == batch
    if sequence:
        if not stored or stored[0][HASH] != chain_hash:
            raise rows.damaged(sequence, "exchange.db was replaced by another or an older one while in use")
        del stored[0]
    if not stored:
        return chain_hash
    with Uncollected():
        while stored:
            chain_hash = rows.check_chain(stored, sequence, chain_hash)
            for entry in map(rows.decode, stored):
                replica.apply(entry)
                if type(entry.event) in _MOVES:
                    on_move(entry.event.users()[0] or 0)
            sequence = replica.sequence
            if not more or sequence == last:
                break
            pace()
            stored = wanted(sequence + 1)
            more = len(stored) == batch
    return chain_hash


_MOVES = frozenset((UserEmailChanged, UserDeleted))
