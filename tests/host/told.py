"""What the activity log says of a market that is played in memory.

Here: its events as the host's tables see them, in batches of any size. Never here: what a test expects.
"""

from __future__ import annotations

from collections.abc import Sequence

from credit_trading.exchange.events import Entry, TransactionEntered
from credit_trading.host.entries.entries import entries_of
from credit_trading.host.outwards.figures import Figures
from credit_trading.host.outwards.movements import Movements
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.orders import Orders, touched
from credit_trading.host.outwards.seen import Seen, moment
from credit_trading.host.rows import ActivityRow, OrderRow
from credit_trading.money import Asset, Instrument
from tests.exchange.market import Market


class NamesOf(Names):
    """Of a market in memory; users are called as its scripts call them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._by_number = {number: user for user, number in market.users.items()}

    def user_id(self, number: int) -> str:
        return self._by_number.get(number, f"#{number}")

    def asset(self, code: str) -> Asset:
        return self._market.live.assets[code]

    def instrument(self, symbol: str) -> Instrument:
        return self._market.live.markets[symbol].instrument

    def entered(self, transaction: int) -> TransactionEntered:
        event = self._market.entries[transaction - 1].event
        assert isinstance(event, TransactionEntered)
        return event


def seen(entry: Entry) -> Seen:
    return Seen(entry, moment(entry.time_us), "admin:test", None, None)


def told(market: Market, *, after: int = 0, batch: int = 1_000_000) -> list[ActivityRow]:
    """The entries of all events beyond that sequence, with what a host keeps between two batches and nothing else: open orders."""
    names, rows = NamesOf(market), []
    kept: dict[int, OrderRow] = {}
    for first in range(0, len(market.entries), batch):
        portion = [seen(entry) for entry in market.entries[first : first + batch]]
        orders = Orders(
            {one: kept[one] for one in touched(portion) if one in kept}, names, Movements(names), Figures(names)
        )
        for one in portion:
            orders.apply(one)
            rows += [row for row in entries_of(one, orders.rows, names) if row["sequence"] > after]
        kept |= {row["order_id"]: row for row in orders.of(orders.changed)}
        kept = {number: row for number, row in kept.items() if number not in orders.done}
    return rows


def lines(rows: Sequence[ActivityRow]) -> list[str]:
    """Type and sentence of each."""
    return [f"{row['type']}: {row['sentence']}" for row in rows]
