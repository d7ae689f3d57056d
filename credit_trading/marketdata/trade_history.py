"""The public trades, following the journal in a file of their own.

Here: how far they have come, how they are brought forward, when they start over. Never here: tables (prints), the file (trade_file).
Always: a position is read and written in the transaction that writes its rows; all of it follows from the journal, so what is damaged
or follows another history is no loss and starts over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs

from credit_trading.errors import FileCorrupt, FileForeign
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.tail import Tail, head_of, tail_after
from credit_trading.marketdata import prints
from credit_trading.marketdata.prints import TradePrint
from credit_trading.marketdata.trade_file import Damaged, TradeFile
from credit_trading.marketdata.turn import Turn
from credit_trading.store.sqlite import Connection, immediate

_log = logging.getLogger(__name__)

ROWS_PER_TRANSACTION = 10_000
"""Journal rows; most of them are no trades."""

R = TypeVar("R")


@attrs.frozen
class Kept:
    """What marketdata.db says of itself at one moment: where it stands, how many trades it holds, which of them are busted."""

    position: Position
    count: int
    busted: set[int]


class TradeHistory:
    """Whoever reads brings the file up to the journal's head first. Threads of one process take turns."""

    def __init__(self, live: LiveReplica, *, timeout_s: float) -> None:
        self._file = TradeFile(live, timeout_s=timeout_s)
        self._live = live
        self._turn = Turn(timeout_s=timeout_s)

    @property
    def path(self) -> Path:
        return self._file.path

    def latest(self, symbol: str, *, limit: int, before: int) -> tuple[Position, list[TradePrint]]:
        """The last `limit` trades with ids below `before`, latest first, as of the journal's head."""
        return self._caught_up(lambda connection: prints.latest(connection, symbol, limit=limit, before=before))

    def catch_up(self) -> Position:
        """Brings the file to the journal's head, and says where it stands. Raises FileCorrupt."""
        return self._caught_up(lambda _: None)[0]

    def between(self, first: int, last: int) -> tuple[Position, list[TradePrint]]:
        """All trades with ids from `first` to `last`, in order, as far as the file has come. Raises FileCorrupt."""
        return self._as_it_is(lambda connection: prints.between(connection, first, last))

    def kept(self) -> Kept | None:
        """What the file says of itself; None if there is none yet. Raises FileCorrupt."""
        if not self._file.exists():
            return None
        position, (count, busted) = self._as_it_is(lambda one: (prints.count(one), prints.busted(one)))
        return Kept(position, count, busted)

    def position(self) -> Position | None:
        """Where the file stands; None if there is none yet. Raises FileCorrupt."""
        return self._as_it_is(lambda _: None)[0] if self._file.exists() else None

    def look(self, query: Callable[[Connection], R]) -> R | None:
        """What the query finds in the file as it is; None if there is none yet. Raises FileCorrupt."""
        return self._as_it_is(query)[1] if self._file.exists() else None

    def _as_it_is(self, query: Callable[[Connection], R]) -> tuple[Position, R]:
        with self._turn.taken():
            try:
                with self._file.opened() as connection:
                    return self._at_one_moment(connection, query)
            except Damaged as damage:
                raise damage.error from None

    def _caught_up(self, query: Callable[[Connection], R]) -> tuple[Position, R]:
        """A file that is damaged is made anew; if that does not help, it is an error."""
        with self._turn.taken():
            try:
                return self._read_caught_up(query)
            except Damaged as damage:
                self._file.delete(damage)
            try:
                return self._read_caught_up(query)
            except Damaged as damage:
                raise damage.error from None

    def _read_caught_up(self, query: Callable[[Connection], R]) -> tuple[Position, R]:
        with self._file.opened() as connection:
            self._catch_up(connection)
            return self._at_one_moment(connection, query)

    def _at_one_moment(self, connection: Connection, query: Callable[[Connection], R]) -> tuple[Position, R]:
        """Other processes may go on writing."""
        with self._file.statements():
            connection.execute("BEGIN")
            position, found = self._position(connection), query(connection)
            connection.execute("ROLLBACK")
            return position, found

    def _catch_up(self, connection: Connection) -> None:
        head = head_of(self._live)
        position = self._position(connection)
        try:
            tail = self._tail(position, head)
        except FileForeign as error:
            _log.warning("%s starts over: %s", self._file.path, error.problem)
            position = self._start_over(connection, position)
            tail = self._tail(position, head)
        while tail.rows:
            position = self._store(connection, position, tail)
            tail = self._tail(position, head)

    def _tail(self, position: Position, head: int) -> Tail:
        return tail_after(self._live, position, up_to=head, most=ROWS_PER_TRANSACTION, follower=str(self._file.path))

    def _store(self, connection: Connection, position: Position, tail: Tail) -> Position:
        """The next trades and the position after them, in one transaction; where the file stands then."""
        rows = [row for row in tail.rows if row[2] in prints.FOLLOWED]
        with self._file.statements(), immediate(connection):
            now = prints.position(connection)
            if now == position:  # else another process was faster: go on from where the file stands now
                prints.store(connection, rows, tail.after)
        return self._position(connection)

    def _start_over(self, connection: Connection, position: Position) -> Position:
        """Unless another process has done so, and may have gone on already."""
        with self._file.statements(), immediate(connection):
            if prints.position(connection) == position:
                prints.start_over(connection)
        return self._position(connection)

    def _position(self, connection: Connection) -> Position:
        with self._file.statements():
            position = prints.position(connection)
        if position is None:
            raise FileCorrupt("market_data", self._file.path, "it does not say where it stands")
        return position
