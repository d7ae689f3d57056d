"""The books of all instruments in memory, following the journal.

Here: where they stand, how they are brought forward, when they start anew. Never here: what an event changes (depth, depths).
Always: they stand at the end of a commit, and go on only from a position that lies on the journal's history; the replica is read for a
moment, to start from, and never while the journal is read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from credit_trading.checks import checked_text
from credit_trading.errors import FileForeign, NotFound
from credit_trading.exchange.replica import Replica
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import decode
from credit_trading.journal.tail import head_of, tail_after
from credit_trading.marketdata.depth import Depth
from credit_trading.marketdata.depths import Depths
from credit_trading.marketdata.turn import Turn
from credit_trading.money import Instrument

_log = logging.getLogger(__name__)

ROWS_AT_ONCE = 5_000
"""Between so many rows, others may use the connection for reading."""

LONGEST_TAIL = 50_000
"""Rows beyond which the books start anew. Measured: 10 µs for each row that is followed, 2 µs for each open order to start from."""


@attrs.define
class Standing:
    """The books and where they stand. Instruments never change, so those of the beginning stay good."""

    position: Position
    depths: Depths
    instruments: dict[str, Instrument]

    @classmethod
    def of(cls, replica: Replica, chain_hash: bytes) -> Standing:
        return cls(
            Position(replica.exchange_id, replica.sequence, chain_hash),
            Depths(map(Depth.of, replica.markets.values())),
            {symbol: market.instrument for symbol, market in replica.markets.items()},
        )

    def book(self, symbol: str) -> tuple[Depth, Instrument]:
        """Raises NotFound, InvalidInput for what is no text."""
        symbol = checked_text(symbol, what="symbol")
        if symbol not in self.instruments:
            hint = "List them: credit-trading instruments list."
            raise NotFound("instruments", symbol, "no such instrument", hint=hint)
        return self.depths.by_symbol[symbol], self.instruments[symbol]


class Books:
    """Built on first use. May be used from many threads and, after a fork, on both sides."""

    def __init__(self, live: LiveReplica, *, timeout_s: float) -> None:
        self._live = live
        self._turn = Turn(timeout_s=timeout_s)
        self._standing: Standing | None = None

    @contextmanager
    def caught_up(self) -> Iterator[Standing]:
        """The books as of the journal's head; this thread's until the end of the block."""
        with self._turn.taken():
            standing, self._standing = self._standing, None  # what fails on the way is built again
            if standing is None or not self._follow(standing):
                standing = self._started_anew()
            self._standing = standing
            yield standing

    def _follow(self, standing: Standing) -> bool:
        """Goes on to the journal's head. False where it is better to start anew.

        That is, where the head is too far away, the journal no longer leads there from here, or an instrument was added.
        """
        head = head_of(self._live)
        if head - standing.position.sequence > LONGEST_TAIL:
            return False
        try:
            self._advance(standing, head)
            while standing.position.sequence < head:
                self._advance(standing, head)
        except FileForeign as error:
            _log.warning("the books in memory start anew: %s", error.problem)
            return False
        return len(standing.depths.by_symbol) == len(standing.instruments)

    def _advance(self, standing: Standing, head: int) -> None:
        """One stretch of the journal; none is left in the end, but also then the position is looked at."""
        tail = tail_after(self._live, standing.position, up_to=head, most=ROWS_AT_ONCE, follower="books in memory")
        for row in tail.rows:
            standing.depths.apply(decode(row))
        standing.position = tail.after

    def _started_anew(self) -> Standing:
        with self._live.reading() as replica:
            chain_hash = self._live.log.hash_at(replica.sequence)
            assert chain_hash is not None, "a replica that is caught up stands in the journal"
            return Standing.of(replica, chain_hash)
