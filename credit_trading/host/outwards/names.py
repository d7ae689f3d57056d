"""What the numbers and codes of events stand for: users' ids, assets, instruments, and what entered a pending transaction.

Here: looking each up once. Never here: rows.
Always: what is kept never changes: an id is a user's for good, deleted or erased, and so are the decimals of an asset and the grid of an
instrument. So a name that stands in the host's tables once is the one that is derived anew.
"""

from __future__ import annotations

from credit_trading.errors import NotFound
from credit_trading.exchange.events import Entry, TransactionEntered
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import decode
from credit_trading.money import Asset, Instrument
from credit_trading.users import catalogue

_KEPT = 10_000
"""Entries of pending transactions; more are looked up again."""


class Names:
    """Of one exchange; for one thread at a time."""

    def __init__(self, live: LiveReplica) -> None:
        self._live = live
        self._users: dict[int, str] = {}
        self._assets: dict[str, Asset] = {}
        self._instruments: dict[str, Instrument] = {}
        self._entries: dict[int, Entry] = {}

    def user_id(self, number: int) -> str:
        """Of any user whom an event names; `#7` for one whom the catalogue does not know, who is looked for again next time."""
        known = self._users.get(number)
        if known is None:
            try:
                with self._live.history() as log:
                    known = self._users[number] = catalogue.by_number(log.connection, number).user_id
            except NotFound:
                return f"#{number}"
        return known

    def asset(self, code: str) -> Asset:
        known = self._assets.get(code)
        if known is None:
            known = self._assets[code] = self._replica().assets[code]
        return known

    def known_asset(self, code: str) -> Asset | None:
        """None for what is no asset."""
        return self._replica().assets.get(code)

    def asset_of_project(self, project_id: str) -> Asset | None:
        """The first that was added of those that belong to it: the only one, when a request could name it by its project."""
        return next((one for one in self._replica().assets.values() if one.project_id == project_id), None)

    def instrument(self, symbol: str) -> Instrument:
        known = self._instruments.get(symbol)
        if known is None:
            known = self._instruments[symbol] = self._replica().markets[symbol].instrument
        return known

    def entry(self, sequence: int) -> Entry:
        """What stands in the journal there. Rows by which a transaction was entered are never moved into an archive."""
        known = self._entries.get(sequence)
        if known is None:
            with self._live.history() as log:
                (row,) = log.rows_at([sequence])
            if len(self._entries) >= _KEPT:
                self._entries.clear()
            known = self._entries[sequence] = decode(row)
        return known

    def entered(self, transaction: int) -> TransactionEntered:
        """What the pending transaction of that number was, which later events about it do not repeat."""
        event = self.entry(transaction).event
        assert isinstance(event, TransactionEntered), f"no transaction was entered at sequence {transaction}"
        return event

    def _replica(self) -> Replica:
        """Others may go on changing it: what is looked at here never changes."""
        with self._live.reading() as replica:
            return replica
