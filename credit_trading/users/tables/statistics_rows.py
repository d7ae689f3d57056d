"""The rows of one asset's statistics: read as far as they are needed, written once.

Here: their SQL, and the user's transactions in the order in which they are counted. Never here: what they add up to (reckoning), when that
is begun anew (tally).
Always: what is written follows from the settled transactions, the orders and the cost method alone, whatever came first and however late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import attrs

from credit_trading.checks import LARGEST
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.cost_pool import BILLION, Lot, Sum, in_units
from credit_trading.users.tables.reckoning import Figures, Settled
from credit_trading.users.tables.statistics_tables import CLOSING, FIGURES

ALWAYS = -1_000_000
"""A day before all others."""

_SUMS = (
    "bought_quantity",
    "sold_quantity",
    "bought_value",
    "sold_value",
    "fees",
    "cost_moved_in",
    "cost_moved_out",
    "realised_profit",
)
_FIGURES = ", ".join(FIGURES)
_FIGURES_OF_ORDERS = (
    *("orders_placed", "orders_filled", "orders_canceled", "orders_expired", "orders_rejected"),
    *("ordered_quantity", "filled_quantity", "time_to_fill"),
)
_LOAD = (
    f"SELECT credit_type, (SELECT cost_method FROM metadata), day, quantity, last_date, last_transaction_id, currency, {_FIGURES}"
    " FROM trading_statistics LEFT JOIN holdings_by_day ON asset = credit_type"
    " AND day = (SELECT max(day) FROM holdings_by_day WHERE asset = credit_type)"
    " WHERE credit_type IN (SELECT value FROM json_each(?))"
)
_DAY = f"SELECT {_FIGURES} FROM trading_statistics_by_day WHERE credit_type = ? AND currency = ? AND day = ?"
_DAYS_FROM = f"SELECT currency, day, {_FIGURES} FROM trading_statistics_by_day WHERE credit_type = ? AND day >= ?"
_SUM_BEFORE = (
    "SELECT currency, sum(trades), sum(bought_quantity), sum(sold_quantity), sum(bought_value), sum(sold_value), sum(fees),"
    " sum(cost_moved_in), sum(cost_moved_out), sum(realised_profit), max(best_trade), min(worst_trade), max(last_trade_at),"
    " count(*) > count(bought_quantity + sold_quantity + bought_value + sold_value + fees + cost_moved_in + cost_moved_out"
    " + realised_profit)"
    " FROM trading_statistics_by_day WHERE credit_type = ? AND day < ? GROUP BY currency"
)
_CLOSING_BEFORE = (
    "SELECT cost, cost_part, cost_moved_out_part FROM trading_statistics_by_day"
    " WHERE credit_type = ? AND currency = ? AND day < ? AND cost IS NOT NULL ORDER BY day DESC LIMIT 1"
)
_HOLDINGS_BEFORE = "SELECT quantity FROM holdings_by_day WHERE asset = ? AND day < ? ORDER BY day DESC LIMIT 1"
_WRITE_TOTAL = (
    f"INSERT OR REPLACE INTO trading_statistics (credit_type, currency, {_FIGURES})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_WRITE_DAY = (
    f"INSERT OR REPLACE INTO trading_statistics_by_day (credit_type, currency, day, {_FIGURES})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_TRANSACTION = (
    "transaction_id, transaction_date, transaction_type, quantity, currency, total_value, fee, credit_type, trade_id,"
    " trade_reference"
)
_TRANSACTIONS = (
    f"SELECT {_TRANSACTION} FROM trading_transactions WHERE credit_type = ? AND +status = 'settled' AND transaction_date >= ?"
    " ORDER BY transaction_date, transaction_id"
)
_TRANSACTIONS_EITHER_WAY = (
    f"SELECT {_TRANSACTION} FROM trading_transactions WHERE (+credit_type = ?1 OR currency = ?1) AND +status = 'settled'"
    " AND transaction_date >= ?2 ORDER BY transaction_date, transaction_id"
)
_BUSTED = (
    "SELECT trade_id, trade_reference FROM trading_transactions"
    " WHERE transaction_type IN ('buy_busted', 'sell_busted') AND (credit_type = ?1 OR currency = ?1)"
)
_BUSTS = ("buy_busted", "sell_busted")
_DATE_OF_TRADE = "SELECT min(transaction_date) FROM trading_transactions WHERE trade_id = ?"
_DATE_OF_RECORDED_TRADE = (
    "SELECT min(transaction_date) FROM trading_transactions WHERE credit_type = ? AND trade_reference = ?"
)
_FORGET_FROM = (
    "DELETE FROM trading_statistics_by_day WHERE credit_type = ? AND day >= ?",
    "DELETE FROM holdings_by_day WHERE asset = ? AND day >= ?",
)
_LOTS_AFTER = (
    "SELECT acquired_at, transaction_id, quantity, currency, cost, cost_part FROM cost_lots WHERE asset = ?"
    " AND (acquired_at, transaction_id) > (?, ?) ORDER BY acquired_at, transaction_id LIMIT ?"
)
_LOTS_AT_ONCE = 16


@attrs.define(eq=False)
class AssetRows:
    """Of one asset that is counted: figures in all by currency, the days that were looked at, and where the last transaction left it.

    `quantity` is None where it does not fit 63 bits; `last` is the key of the last transaction counted, None before the first.
    """

    connection: Connection
    asset: str
    method: str
    quantity: int | None = 0
    last: tuple[int, int] | None = None
    totals: dict[str, Figures] = attrs.Factory(dict)
    days: dict[tuple[str, int], Figures] = attrs.Factory(dict)
    _anew_from: int = LARGEST
    _of_orders: dict[tuple[str, int], Figures] = attrs.Factory(dict)
    """Days from there on of which only orders have told so far."""

    def figures_of(self, currency: str, day: int) -> tuple[Figures, Figures]:
        """In all, and of the day; those that are asked for are written in the end."""
        key = (currency, day)
        of_day = self.days.get(key)
        if of_day is None:
            of_day = self.days[key] = self._of_orders.pop(key) if key in self._of_orders else self._read(key)
        total = self.totals.get(currency)
        if total is None:
            total = self.totals[currency] = Figures(**dict.fromkeys(CLOSING, 0))
        return total, of_day

    def _read(self, key: tuple[str, int]) -> Figures:
        row = None
        if key[1] < self._anew_from:
            row = self.connection.execute(_DAY, (self.asset, *key)).fetchone()
        return Figures() if row is None else Figures(*row)

    @property
    def costs(self) -> dict[str, Sum]:
        """In billionths."""
        costs = {currency: figures.cost_billionths for currency, figures in self.totals.items()}
        return {currency: cost for currency, cost in costs.items() if cost != 0}

    @property
    def has_lost_a_sum(self) -> bool:
        """Whether any of the figures of transactions has not fitted 63 bits, so that days do not tell what came before."""
        return self.quantity is None or any(
            figures.cost is None or any(getattr(figures, name) is None for name in _SUMS)
            for figures in self.totals.values()
        )

    def write(self, holdings: dict[int, tuple[int, int, int]]) -> None:
        """All that was looked at, and what is there by day."""
        self.connection.executemany(
            _WRITE_TOTAL, [(self.asset, currency, *_row(one)) for currency, one in self.totals.items()]
        )
        days = self.days | {key: one for key, one in self._of_orders.items() if one != _NOTHING}
        self.connection.executemany(_WRITE_DAY, [(self.asset, *key, *_row(one)) for key, one in days.items()])
        self.connection.executemany(
            "INSERT OR REPLACE INTO holdings_by_day VALUES (?, ?, ?, ?, ?)",
            [
                (self.asset, day, quantity if abs(quantity) <= LARGEST else None, *key)
                for day, (quantity, *key) in holdings.items()
            ],
        )

    # Lots

    def lots(self) -> Iterator[Lot]:
        """Those there are, the oldest first, read a few at a time as they are asked for."""
        place = (-LARGEST, 0)
        while True:
            found = self.connection.execute(_LOTS_AFTER, (self.asset, *place, _LOTS_AT_ONCE)).fetchall()
            for at, number, quantity, currency, cost, part in found:
                yield Lot(at, number, quantity, currency, cost * BILLION + part)
            if len(found) < _LOTS_AT_ONCE:
                return
            place = found[-1][:2]

    def write_lots(self, lots: Iterable[Lot], *, in_place_up_to: Lot | None) -> None:
        """These, in place of all up to that one."""
        if in_place_up_to is not None:
            self.connection.execute(
                "DELETE FROM cost_lots WHERE asset = ? AND (acquired_at, transaction_id) <= (?, ?)",
                (self.asset, in_place_up_to.acquired_at, in_place_up_to.transaction_id),
            )
        self.connection.executemany(
            "INSERT INTO cost_lots VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(self.asset, *lot[:-1], *in_units(lot.cost_billionths)) for lot in lots],
        )

    # From a day on anew

    def go_back_to(self, day: int) -> int:
        """As it was when that day began, or an earlier one where days do not tell that, but for what orders have added; lots are gone.

        Gives the day from which transactions are to be counted now.
        """
        sums = {row[0]: row[1:] for row in self.connection.execute(_SUM_BEFORE, (self.asset, day))}
        (self.quantity,) = self.connection.execute(_HOLDINGS_BEFORE, (self.asset, day)).fetchone() or (0,)
        if self.quantity is None or any(lost for *_, lost in sums.values()):
            self.quantity, day, sums = 0, ALWAYS, {}
        for currency, total in self.totals.items():
            before = Figures(*sums.get(currency, (0, False))[:-1])
            closing = dict(zip(CLOSING, self._closing_before(currency, day), strict=True))
            self.totals[currency] = attrs.evolve(before, **closing, **_of_orders(total))
        self._anew_from = day
        for currency, at, *figures in self.connection.execute(_DAYS_FROM, (self.asset, day)):
            self._of_orders[currency, at] = Figures(*figures)
        self._of_orders |= {key: one for key, one in self.days.items() if key[1] >= day}
        self.days = {key: one for key, one in self.days.items() if key[1] < day}
        self._of_orders = {key: Figures(**_of_orders(one)) for key, one in self._of_orders.items()}
        for statement in _FORGET_FROM:
            self.connection.execute(statement, (self.asset, day))
        self.connection.execute("DELETE FROM cost_lots WHERE asset = ?", (self.asset,))
        return day

    def _closing_before(self, currency: str, day: int) -> tuple[int, int, int]:
        row: tuple[int, int, int] | None
        row = self.connection.execute(_CLOSING_BEFORE, (self.asset, currency, day)).fetchone()
        return row or (0, 0, 0)

    def transactions_from(self, day_us: int, *, in_money: bool) -> Iterator[tuple[Settled, bool]]:
        """What moved the asset since then, in order, each with whether it was taken back; `in_money`: also what was paid in it."""
        asset = self.asset
        found = self.connection.execute(_BUSTED, (asset,)).fetchall()
        trades, references = {row[0] for row in found} - {None}, {row[1] for row in found} - {None}
        rows = self.connection.execute(_TRANSACTIONS_EITHER_WAY if in_money else _TRANSACTIONS, (asset, day_us))
        for transaction_id, at, kind, quantity, currency, total, fee, credit_type, trade, reference in rows:
            if kind in _BUSTS:
                continue
            one = Settled(transaction_id, at, kind, quantity, currency if total is not None else None, total, fee)
            busted = trade in trades or reference in references
            if credit_type == asset:
                yield one, busted
            elif (leg := one.in_money()) is not None:
                yield leg, busted


def rows_of(connection: Connection, assets: Iterable[str]) -> dict[str, AssetRows]:
    """Those of these assets that are counted."""
    found: dict[str, AssetRows] = {}
    for asset, method, day, quantity, at, transaction_id, currency, *figures in connection.execute(
        _LOAD, (json.dumps(list(assets)),)
    ):
        rows = found.get(asset)
        if rows is None:
            last = None if day is None else (at, transaction_id)
            rows = found[asset] = AssetRows(connection, asset, method, 0 if day is None else quantity, last)
        rows.totals[currency] = Figures(*figures)
    return found


def new_rows(connection: Connection, asset: str) -> AssetRows:
    """Of an asset that was not counted so far."""
    ((method,),) = connection.execute("SELECT cost_method FROM metadata").fetchall()
    return AssetRows(connection, asset, method)


def all_counted(connection: Connection) -> set[str]:
    return {asset for (asset,) in connection.execute("SELECT DISTINCT credit_type FROM trading_statistics")}


def pays_for_others(connection: Connection, asset: str) -> bool:
    """Whether anything was counted that is paid in it."""
    return connection.execute("SELECT 1 FROM trading_statistics WHERE currency = ?", (asset,)).fetchone() is not None


def date_of_trade(connection: Connection, asset: str, trade_id: int | None, trade_reference: str | None) -> int | None:
    """When the trade was made; None where no row says it."""
    if trade_id is not None:
        row = connection.execute(_DATE_OF_TRADE, (trade_id,)).fetchone()
    else:
        row = connection.execute(_DATE_OF_RECORDED_TRADE, (asset, trade_reference)).fetchone()
    date: int | None = row[0]
    return date


def _of_orders(figures: Figures) -> dict[str, Any]:
    """What orders have added."""
    return {name: getattr(figures, name) for name in _FIGURES_OF_ORDERS}


_NOTHING = Figures()
_row = attrgetter(*FIGURES)
