"""What the host's tables should hold: the journal, derived once more into a scratch file by the code that writes the tables.

Here: the scratch file, and bringing it forward to a position. Never here: what is compared with it (comparing), and whether that code is
right (derivation).
Always: it stands at one position of the journal, which only rises; what has been derived is on disk, a batch is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Column, Connection, Index, MetaData, String, Table, event

from credit_trading.host import position as positions
from credit_trading.host import schema
from credit_trading.host.connecting.connections import engine_for, translated_errors
from credit_trading.host.outwards import batch
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import seen_in
from credit_trading.host.tables import Tables
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.tail import tail_after
from credit_trading.progress import Progress, no_progress
from credit_trading.store.files import temporary_database

_EVENTS_AT_ONCE = 1_000

OWN_SEEN = Table(
    "own_seen", MetaData(), Column("user_id", String, primary_key=True), Column("asset", String, primary_key=True)
)
"""Beside the expected tables: which balances the host's own record was found to have."""

_FOLLOWER = "what the host's tables should hold"


class Expected:
    """Made by `derived`. Its `tables` are the host's by name and column."""

    def __init__(self, live: LiveReplica, connection: Connection, tables: Tables) -> None:
        self.tables = tables
        self.names = Names(live)
        self._live = live
        self._connection = connection
        with self._live.history() as log:
            exchange_id = log.exchange_id
        with connection.begin():
            schema.init(connection, tables, exchange_id=exchange_id)
            OWN_SEEN.create(connection)
            self.position: Position = positions.stored(connection, tables)

    @classmethod
    @contextmanager
    def derived(cls, live: LiveReplica, prefix: str) -> Iterator[Expected]:
        """One that is at the journal's beginning, in a file that is thrown away at the end. Raises StorageError."""
        with temporary_database("expected.db") as path:
            engine = engine_for(f"sqlite:///{path}")
            event.listen(engine, "connect", _nothing_has_to_survive)
            try:
                with engine.connect() as connection:
                    yield cls(live, connection, _tables(prefix))
            finally:
                engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction of the scratch file."""
        with self._connection.begin():
            yield self._connection

    def bring_to(self, sequence: int, progress: Progress = no_progress) -> None:
        """Derives what the journal says up to there; nothing where it is there already. `progress` counts events.

        Raises FileForeign where the journal was replaced meanwhile, ArchiveUnreachable.
        """
        while self.position.sequence < sequence:
            tail = tail_after(self._live, self.position, up_to=sequence, most=_EVENTS_AT_ONCE, follower=_FOLLOWER)
            if not tail.rows:
                break
            seen = seen_in(self._live.history, tail.rows, self.names)
            with translated_errors(_FOLLOWER), self._connection.begin():
                batch.apply(
                    self._connection,
                    self.tables,
                    self.names,
                    seen,
                    before=self.position,
                    after=tail.after,
                    reapply=None,
                )
            self.position = tail.after
            progress(self.position.sequence, sequence)


def _nothing_has_to_survive(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    try:
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -20000"):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


@lru_cache(maxsize=4)
def _tables(prefix: str) -> Tables:
    """With an index by which refusals of requests are found; kept, and so are the statements that SQLAlchemy has compiled for them."""
    tables = Tables(prefix)
    Index("by_request", tables.activity.c.request_id)
    return tables
