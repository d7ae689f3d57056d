"""A user's statistics, kept up with every event: collected as events come, brought into the tables once per transaction of the file.

Here: what has to be counted, and from when on anew. Never here: what it adds up to (reckoning), rows (statistics_rows).
Always: transactions are counted by date, then by id. One that comes late, a trade that is taken back and another cost method have that
asset counted anew: from that day on, or from the first with FIFO, whose lots are known as of now only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from credit_trading.exchange.entered import CostMethod
from credit_trading.exchange.order import OrderStatus
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statistics_rows
from credit_trading.users.tables.cost_pool import AveragePool, FifoPool, Lot
from credit_trading.users.tables.reckoning import DAY_US, Reckoning, Settled
from credit_trading.users.tables.statistics_rows import ALWAYS, AssetRows

PLACED, REJECTED = "orders_placed", "orders_rejected"
_ENDED = {
    OrderStatus.FILLED.value: "orders_filled",
    OrderStatus.CANCELED.value: "orders_canceled",
    OrderStatus.EXPIRED.value: "orders_expired",
}
_FILLED = OrderStatus.FILLED.value


class _OrderCount(NamedTuple):
    """One more in `counter`; quantities and the time to fill, in microseconds, are those of an order that is done."""

    day: int
    currency: str
    counter: str
    quantity: int = 0
    filled: int = 0
    took: int | None = None


class Tally:
    """For the events of one transaction of the file, which ends with `finish`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._moves: defaultdict[str, list[Settled]] = defaultdict(list)
        self._orders: defaultdict[str, list[_OrderCount]] = defaultdict(list)
        self._money: set[str] = set()
        self._anew_from: dict[str, int] = {}
        self._new_method: str | None = None

    def moved(
        self,
        *,
        transaction_id: int,
        at: int,
        transaction_type: str,
        asset: str,
        quantity: int,
        currency: str | None,
        total: int | None,
        fee: int,
    ) -> None:
        """A transaction is settled, now or by its own date in the past; its row stands."""
        priced_in = currency if total is not None else None
        one = Settled(transaction_id, at, transaction_type, quantity, priced_in, total, fee)
        self._moves[asset].append(one)
        if currency is not None and (paid := one.in_money()) is not None:
            self._moves[currency].append(paid)
            self._money.add(currency)

    def busted(self, *, asset: str, currency: str, trade_id: int | None, trade_reference: str | None = None) -> None:
        """The trade of that number or, imported, of that name, is taken back; the row of the bust stands."""
        made_at = statistics_rows.date_of_trade(self._connection, asset, trade_id, trade_reference)
        day = ALWAYS if made_at is None else made_at // DAY_US
        for moved in (asset, currency):
            self._anew_from[moved] = min(day, self._anew_from.get(moved, day))

    def order_placed(self, *, asset: str, currency: str, at: int) -> None:
        self._orders[asset].append(_OrderCount(at // DAY_US, currency, PLACED))

    def order_rejected(self, *, asset: str, currency: str, at: int) -> None:
        self._orders[asset].append(_OrderCount(at // DAY_US, currency, REJECTED))

    def order_done(
        self,
        *,
        asset: str,
        currency: str,
        quantity: int,
        filled_quantity: int,
        accepted_at: int,
        closed_at: int,
        status: str,
    ) -> None:
        """An order is filled, canceled or expired."""
        took = closed_at - accepted_at if status == _FILLED else None
        self._orders[asset].append(
            _OrderCount(closed_at // DAY_US, currency, _ENDED[status], quantity, filled_quantity, took)
        )

    def method_changed(self, method: str) -> None:
        """From here on cost is reckoned so: of what was sold before, too."""
        self._new_method = method

    def finish(self) -> None:
        """After the last event of the transaction: counts all of it. Rows of later transactions stand for nothing yet."""
        assets = {*self._moves, *self._orders, *self._anew_from}
        if self._new_method is not None:
            assets |= statistics_rows.all_counted(self._connection)
        known = statistics_rows.rows_of(self._connection, assets) if assets else {}
        for asset in sorted(assets):
            rows = known.get(asset)
            if rows is None and self._begins(asset):
                self._anew_from[asset] = ALWAYS
                rows = statistics_rows.new_rows(self._connection, asset)
            if rows is not None:
                self._count(rows)
        self._moves.clear()
        self._orders.clear()
        self._money.clear()
        self._anew_from.clear()
        self._new_method = None

    def _begins(self, asset: str) -> bool:
        """Whether it is counted from now on: once an order named it, or something said what it cost. What only pays for others is not."""
        return asset in self._orders or any(one.currency is not None for one in self._moves[asset])

    def _count(self, rows: AssetRows) -> None:
        rows.method = self._new_method or rows.method
        for order in self._orders[rows.asset]:
            for figures in rows.figures_of(order.currency, order.day):
                figures.count_order(order.counter, quantity=order.quantity, filled=order.filled, took=order.took)
        moves = self._moves[rows.asset]
        day = self._first_day_anew(rows, moves)
        if day is not None:
            self._count_anew(rows, day)
        elif moves:
            self._count_on(rows, moves)
        else:
            rows.write({})

    def _first_day_anew(self, rows: AssetRows, moves: list[Settled]) -> int | None:
        """None where all that there is to count comes after what was counted. Nothing of this transaction's was counted so far."""
        keys = [*([] if rows.last is None else [rows.last]), *(one.key for one in moves)]
        in_order = all(one < other for one, other in pairwise(keys))
        anew = self._anew_from.get(rows.asset)
        if in_order and anew is None and self._new_method is None and rows.quantity is not None:
            return None
        if self._new_method is not None or rows.has_lost_a_sum or rows.method == CostMethod.FIFO:
            return ALWAYS
        return min([*([] if anew is None else [anew]), *(one.day for one in moves)])

    def _count_on(self, rows: AssetRows, moves: list[Settled]) -> None:
        pool = _pool(rows, rows.lots())
        reckoning = Reckoning(pool, rows.figures_of)
        for one in moves:
            reckoning.count(one)
        rows.write(reckoning.holdings)
        if isinstance(pool, FifoPool):
            rows.write_lots(pool.lots, in_place_up_to=pool.last_read)

    def _count_anew(self, rows: AssetRows, day: int) -> None:
        """From the rows of the transactions, which stand already."""
        in_money = rows.asset in self._money or statistics_rows.pays_for_others(self._connection, rows.asset)
        day = rows.go_back_to(day)
        pool = _pool(rows, iter(()))
        reckoning = Reckoning(pool, rows.figures_of)
        for one, busted in rows.transactions_from(day * DAY_US, in_money=in_money):
            reckoning.count(one, busted=busted)
        rows.write(reckoning.holdings)
        if isinstance(pool, FifoPool):
            rows.write_lots(pool.lots, in_place_up_to=None)


def _pool(rows: AssetRows, lots: Iterator[Lot]) -> AveragePool | FifoPool:
    """What is there where `rows` stand."""
    assert rows.quantity is not None
    if rows.method == CostMethod.FIFO:
        return FifoPool(rows.quantity, rows.costs, lots)
    return AveragePool(rows.quantity, rows.costs)
