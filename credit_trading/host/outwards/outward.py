"""Outwards: what the exchange has decided, into the host's database, each event exactly once.

Here: rounds, transactions, and whose turn it is. Never here: what events become (batch), when the next round is (following).
Always: rows and position are committed together, by the host's transaction. The journal is read before that begins; if somebody else has
moved the position meanwhile, nothing is written and it goes on from there. Any number of workers may be at it. What an adapter's
transaction has dropped without a word (an error was swallowed) is noticed, and told as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from sqlalchemy import Connection

from credit_trading.errors import StorageError
from credit_trading.host import position
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.outwards import batch
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen, seen_in
from credit_trading.host.rows import RequestRow
from credit_trading.host.tables import Tables
from credit_trading.journal.bulk import Uncollected
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.tail import Tail, head_of, tail_after

ROWS_PER_BATCH = 1_000
"""Rows of the journal in one transaction of the host."""


@attrs.frozen
class Shown:
    """So many events, in so many transactions; and the position that the host's tables show now."""

    events: int
    batches: int
    position: Position


class Outward:
    """For one thread at a time; there may be many of them, in as many processes."""

    def __init__(
        self, live: LiveReplica, adapter: Adapter, tables: Tables, *, rows_per_batch: int = ROWS_PER_BATCH
    ) -> None:
        self._live = live
        self._adapter = adapter
        self._tables = tables
        self._rows_per_batch = rows_per_batch
        self._names = Names(live)
        self._subject = getattr(adapter, "subject", type(adapter).__name__)

    def round(self, stop: Callable[[], bool] = lambda: False, up_to: int | None = None) -> Shown:
        """Up to where the journal ends now, or to that sequence if it comes first; asks `stop` before each transaction.

        Raises FileForeign where the tables are ahead of the journal or show another history, and then changes nothing; StorageError for
        whatever fails in the host's database: what was committed by then stays.
        """
        head = head_of(self._live)
        last = head if up_to is None else min(head, up_to)
        events = batches = 0
        at = self._position()
        while not stop():
            tail = self._tail(at, last)
            if not tail.rows:
                break
            written, now = self._show(at, tail)
            self._check_kept(at, now)
            at = now
            if written:
                events += len(tail.rows)
                batches += 1
        if batches:
            self._check_kept(at, self._position())
        return Shown(events, batches, at)

    def _check_kept(self, at: Position, now: Position) -> None:
        """Positions only grow."""
        if now.sequence < at.sequence:
            problem = f"it stood at sequence {at.sequence}, and stands at {now.sequence}: its transaction was rolled back without an error"
            hint = "See that the adapter lets errors through, and rolls back a savepoint of its own only."
            raise StorageError("host", self._subject, problem, hint=hint)

    def _position(self) -> Position:
        with self._transaction() as (_, connection):
            return position.stored(connection, self._tables)

    def _tail(self, at: Position, last: int) -> Tail:
        with self._live.history() as log:
            position.check(at, log)
        return tail_after(self._live, at, up_to=last, most=self._rows_per_batch, follower=position.FOLLOWER)

    def _show(self, before: Position, tail: Tail) -> tuple[bool, Position]:
        """Whether it was written here, and where the tables stand now."""
        with Uncollected():
            seen = seen_in(self._live.history, tail.rows, self._names)
        with self._transaction() as (lent, connection):
            now = position.locked(connection, self._tables)
            if now != before:
                return False, now
            self._write(lent, connection, seen, before=before, after=tail.after)
        return True, tail.after

    def _write(
        self, lent: Any, connection: Connection, seen: Sequence[Seen], *, before: Position, after: Position
    ) -> None:
        """Requests of before our tables were made are told to no adapter: it has done its side, by other tables that are no more."""
        made_at = position.made_at(connection, self._tables)

        def is_new(row: RequestRow) -> bool:
            return row["sequence"] is None or row["sequence"] > made_at

        def reapply(row: RequestRow) -> bool:
            return is_new(row) and self._adapter.reapply(lent, row)

        with Uncollected():
            changes = batch.apply(
                connection, self._tables, self._names, seen, before=before, after=after, reapply=reapply
            )
        if before.sequence < made_at:
            changes = attrs.evolve(changes, requests=[row for row in changes.requests if is_new(row)])
        self._adapter.apply(lent, changes)

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Any, Connection]]:
        """What the adapter gives, and SQLAlchemy's Core on it."""
        with translated_errors(self._subject), self._adapter.transaction() as lent:
            yield lent, borrowed(lent)
