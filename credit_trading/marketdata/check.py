"""Whether market data is what the journal gives.

Always: looks only; what it finds is data, and never an exception for a damaged part. Writers may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from credit_trading.errors import TradingError
from credit_trading.exchange import events as ev
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import FILE_NAME as EXCHANGE
from credit_trading.journal.rows import FIRST_HASH, decode
from credit_trading.journal.tail import tail_after
from credit_trading.marketdata.depth import Depth
from credit_trading.marketdata.depths import Depths
from credit_trading.marketdata.prints import TradePrint
from credit_trading.marketdata.trade_file import FILE_NAME
from credit_trading.marketdata.trade_history import Kept, TradeHistory

ROWS_AT_ONCE = 5_000
"""Between so many rows, others may use the connection for reading."""

_BEGINNING = Position("", 0, FIRST_HASH)


@attrs.frozen
class Fault:
    """`file` is marketdata.db, or what is kept in memory; `row` is a part of it, None all of it; `repair` says what to do."""

    file: str
    row: str | None
    problem: str
    repair: str


def check(live: LiveReplica, history: TradeHistory | None) -> list[Fault]:
    """Follows the journal once, from its beginning: it must lead to the exchange's own books and to the trades that are kept.

    Without `history` only to the books.
    """
    position = _BEGINNING
    try:
        with live.reading() as replica:
            head = replica.sequence
            books = {symbol: Depth.of(market) for symbol, market in replica.markets.items()}
        followed, trades = Depths(), _TradesCheck(live, history)
        while position.sequence < head:
            tail = tail_after(live, position, up_to=head, most=ROWS_AT_ONCE, follower="market data")
            entries = list(map(decode, tail.rows))
            for entry in entries:
                followed.apply(entry)
            trades.compare(entries)
            position = tail.after
    except (TradingError, LookupError) as error:
        problem = f"the journal cannot be followed beyond sequence {position.sequence}: {error}"
        return [Fault(EXCHANGE, None, problem, "Restore exchange.db from a backup.")]
    trades.finish()
    return [*_differences(followed, books), *trades.findings]


def _differences(followed: Depths, books: dict[str, Depth]) -> list[Fault]:
    problem = "the book that the journal's events lead to is not the exchange's own"
    return [
        Fault("state in memory", symbol, problem, "Restart every process that has the exchange open.")
        for symbol, book in books.items()
        if symbol not in followed.by_symbol or not followed.by_symbol[symbol].is_same_as(book)
    ]


class _TradesCheck:
    """The trades kept against the journal's, up to where the file stood when it was looked at first; the first problem ends it."""

    def __init__(self, live: LiveReplica, history: TradeHistory | None) -> None:
        self.findings: list[Fault] = []
        self._history = history
        self._count = 0
        self._busted: set[int] = set()
        self._kept: Kept | None = None
        try:
            self._kept = None if history is None else history.kept()
            if history is not None and self._kept is not None:
                with live.history() as log:
                    self._kept.position.check(log, follower=str(history.path))
        except TradingError as error:
            self._end(error.problem)

    def compare(self, entries: Sequence[ev.Entry]) -> None:
        """The journal's next entries."""
        if self._kept is None:
            return
        last = self._kept.position.sequence
        told = []
        for entry in entries:
            if entry.sequence > last:
                break
            if isinstance(entry.event, ev.Trade):
                told.append(TradePrint.of(entry, entry.event))
            elif isinstance(entry.event, ev.TradeBusted) and entry.event.symbol is not None:
                self._busted.add(entry.event.trade)
        self._count += len(told)
        if told:
            self._compare_rows(told, last)

    def finish(self) -> None:
        """The journal was followed to its head."""
        kept = self._kept
        if kept is not None and kept.count != self._count:
            self._end(f"it holds {kept.count} trades, the journal {self._count}")
        elif kept is not None and kept.busted != self._busted:
            self._end(f"the mark of a busted trade is wrong: {sorted(kept.busted ^ self._busted)[:5]}")

    def _compare_rows(self, told: list[TradePrint], last: int) -> None:
        assert self._history is not None, "without a file there is nothing kept"
        try:
            position, rows = self._history.between(told[0].trade_id, told[-1].trade_id)
        except TradingError as error:
            self._end(error.problem)
            return
        if position.sequence < last:  # another process had to start it over meanwhile
            self._kept = None
        elif [attrs.evolve(row, busted=False) if row.busted else row for row in rows] != told:
            self._end(f"the trades from {told[0].trade_id} to {told[-1].trade_id} are not as in the journal")

    def _end(self, problem: str) -> None:
        repair = "Delete it while no process has the exchange open: it is made anew when trades are next read."
        self.findings.append(Fault(FILE_NAME, None, problem, repair))
        self._kept = None
