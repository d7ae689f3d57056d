"""Statistics from zero, from the rows of transactions and orders: slowly, and with nothing of the package's own counting.

Here: what the four tables of statistics must hold, to the last digit, and what they would hold without rounding. Never here: how a file
was filled.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from credit_trading.store.sqlite import Connection

DAY = 24 * 60 * 60 * 1_000_000
_NAMES = (
    *(
        "trades",
        "bought_quantity",
        "sold_quantity",
        "bought_value",
        "sold_value",
        "fees",
        "cost_moved_in",
        "cost_moved_out",
    ),
    *(
        "realised_profit",
        "best_trade",
        "worst_trade",
        "last_trade_at",
        "orders_placed",
        "orders_filled",
        "orders_canceled",
    ),
    *(
        "orders_expired",
        "orders_rejected",
        "ordered_quantity",
        "filled_quantity",
        "time_to_fill",
        "cost",
        "cost_part",
        "cost_moved_out_part",
    ),
)
_EMPTY = ("best_trade", "worst_trade", "last_trade_at", "cost", "cost_part", "cost_moved_out_part")
_IN = ("buy", "deposit", "transfer_in", "correction_in")
BILLION = 10**9
Row = dict[str, Any]


def recomputed(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table, in the order of their keys."""
    figures, holdings, lots = _count(connection, exactly=False)
    return {
        "trading_statistics": sorted((a, c, *_values(row)) for (a, c, day), row in figures.items() if day is None),
        "trading_statistics_by_day": sorted(
            (a, c, day, *_values(row)) for (a, c, day), row in figures.items() if day is not None
        ),
        "holdings_by_day": sorted(holdings),
        "cost_lots": sorted(lots),
    }


def exact(connection: Connection) -> dict[tuple[str, str, int | None], Row]:
    """The figures by credit type, currency and day (None: in all), of costs that are divided without rounding."""
    return _count(connection, exactly=True)[0]


def found(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """What stands in the tables."""
    return {
        "trading_statistics": connection.execute("SELECT * FROM trading_statistics ORDER BY 1, 2").fetchall(),
        "trading_statistics_by_day": connection.execute(
            "SELECT * FROM trading_statistics_by_day ORDER BY 1, 2, 3"
        ).fetchall(),
        "holdings_by_day": connection.execute("SELECT * FROM holdings_by_day ORDER BY 1, 2").fetchall(),
        "cost_lots": connection.execute("SELECT * FROM cost_lots ORDER BY 1, 2, 3").fetchall(),
    }


def _count(
    connection: Connection, *, exactly: bool
) -> tuple[dict[tuple[str, str, int | None], Row], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Figures, holdings by day, and lots."""
    method = connection.execute("SELECT cost_method FROM metadata").fetchone()[0]
    transactions = _rows(connection, "SELECT * FROM trading_transactions WHERE status = 'settled'")
    orders = [
        *_rows(connection, "SELECT *, NULL AS closed_at FROM active_orders"),
        *_rows(connection, "SELECT * FROM order_history"),
    ]
    figures: dict[tuple[str, str, int | None], Row] = {}
    holdings, lots = [], []
    _count_orders(orders, figures)
    counted = {
        row["credit_type"] for row in [*orders, *(one for one in transactions if one["total_value"] is not None)]
    }
    for asset in counted:
        ends, left = _Asset(asset, method, figures, exactly=exactly).run(transactions)
        holdings += [(asset, day, *end) for day, end in ends.items()]
        lots += left
    return figures, holdings, lots


def _rows(connection: Connection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _values(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _NAMES)


def _both(figures: dict[tuple[str, str, int | None], Row], asset: str, currency: str, at: int) -> Iterator[Row]:
    """The row of the pair in all, and that of the day."""
    for day in (None, at // DAY):
        key = (asset, currency, day)
        if key not in figures:
            figures[key] = {name: None if name in _EMPTY else 0 for name in _NAMES}
            if day is None:
                figures[key] |= dict.fromkeys(("cost", "cost_part", "cost_moved_out_part"), 0)
        yield figures[key]


def _count_orders(orders: list[Row], figures: dict[tuple[str, str, int | None], Row]) -> None:
    for order in orders:
        status, pair = order["order_status"], (order["credit_type"], order["currency"])
        if status == "rejected":
            for row in _both(figures, *pair, order["created_at"]):
                row["orders_rejected"] += 1
            continue
        for row in _both(figures, *pair, order["created_at"]):
            row["orders_placed"] += 1
        if order["closed_at"] is None:
            continue
        for row in _both(figures, *pair, order["closed_at"]):
            row[f"orders_{status}"] += 1
            row["ordered_quantity"] += order["quantity"]
            row["filled_quantity"] += order["filled_quantity"]
            if status == "filled":
                row["time_to_fill"] += order["closed_at"] - order["created_at"]


class _Asset:
    """One asset's moves, over what is there as a list of parcels; with averages there is one parcel that all is mixed into."""

    def __init__(
        self, asset: str, method: str, figures: dict[tuple[str, str, int | None], Row], *, exactly: bool
    ) -> None:
        self.asset, self.method, self.figures, self.exactly = asset, method, figures, exactly
        self.parcels: list[Row] = []
        self.missing = 0
        self.sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        """Of what each currency's costs come to: exactly, by the name of the figure."""

    def share(self, cost: Fraction, share: Fraction) -> Fraction:
        """That part of a cost."""
        part: Fraction = cost * share
        return part if self.exactly else Fraction(round(part * BILLION), BILLION)

    def told(self, cost: Fraction) -> Any:
        """A cost as it is told: in whole units, but for who wants it exactly."""
        return cost if self.exactly else math.floor(cost + Fraction(1, 2))

    def untold(self, currency: str, name: str) -> Fraction:
        """What is not told of a sum, in billionths."""
        exact = self.sums[currency, name]
        unrounded: Fraction = (exact - self.told(exact)) * BILLION
        return unrounded

    def run(self, transactions: list[Row]) -> tuple[dict[int, tuple[int, int, int]], list[tuple[Any, ...]]]:
        busts = [row for row in transactions if row["transaction_type"].endswith("_busted")]
        numbers = {row["trade_id"] for row in busts if row["trade_id"] is not None}
        names = {row["trade_reference"] for row in busts if row["trade_reference"] is not None}
        ends: dict[int, tuple[int, int, int]] = {}
        for row in sorted(transactions, key=lambda row: (row["transaction_date"], row["transaction_id"])):
            pays = row["currency"] == self.asset and row["transaction_type"] in ("buy", "sell")
            if row in busts or not (row["credit_type"] == self.asset or pays):
                continue
            is_void = row["trade_id"] in numbers or row["trade_reference"] in names
            self.one(row, pays=pays, is_void=is_void)
            there = sum(parcel["quantity"] for parcel in self.parcels) - self.missing
            ends[row["transaction_date"] // DAY] = (there, row["transaction_date"], row["transaction_id"])
        left = [
            (
                self.asset,
                parcel["at"],
                parcel["id"],
                parcel["quantity"],
                parcel["currency"],
                self.told(cost := parcel["costs"].get(parcel["currency"], Fraction(0))),
                (cost - self.told(cost)) * BILLION,
            )
            for parcel in self.parcels
        ]
        return ends, left if self.method == "fifo" else []

    def one(self, row: Row, *, pays: bool, is_void: bool) -> None:
        if pays:
            if not is_void:
                amount = row["total_value"] * (-1 if row["transaction_type"] == "buy" else 1) - row["fee"]
                if amount > 0:
                    self.come(row, amount, None, 0)
                else:
                    self.go(row, -amount, sold_in=None)
            return
        kind, currency, at = row["transaction_type"], row["currency"], row["transaction_date"]
        before = self.costs()
        if currency is not None and kind in ("buy", "sell"):
            for figure in _both(self.figures, self.asset, currency, at):
                figure["last_trade_at"] = max(figure["last_trade_at"] or 0, at)
                if not is_void:
                    verb = {"buy": "bought", "sell": "sold"}[kind]
                    figure["trades"] += 1
                    figure[f"{verb}_quantity"] += row["quantity"]
                    figure[f"{verb}_value"] += row["total_value"]
                    figure["fees"] += row["fee"]
        if not is_void and kind in _IN:
            self.come(row, row["quantity"], currency, (row["total_value"] or 0) + row["fee"])
            if kind != "buy" and currency is not None:
                self.add(row, currency, "cost_moved_in", row["total_value"])
        elif not is_void:
            self.go(row, row["quantity"], sold_in=currency if kind == "sell" else None)
        self.note(row, before, currency)

    def costs(self) -> dict[str, Fraction]:
        costs: dict[str, Fraction] = defaultdict(Fraction)
        for parcel in self.parcels:
            for currency, cost in parcel["costs"].items():
                costs[currency] += cost
        return costs

    def note(self, row: Row, before: dict[str, Fraction], currency: str | None) -> None:
        after = self.costs()
        for name in {*before, *after, *([currency] if currency else [])}:
            if name == currency or before[name] != after[name]:
                for figure in _both(self.figures, self.asset, name, row["transaction_date"]):
                    out = self.untold(name, "cost_moved_out")
                    part = self.untold(name, "realised_profit") - out
                    figure["cost"] = after[name] - part / BILLION
                    figure["cost_part"], figure["cost_moved_out_part"] = part, out

    def gone(self, before: dict[str, Fraction]) -> dict[str, Fraction]:
        """By how much costs have become less since then, by currency."""
        after = self.costs()
        return {name: before[name] - after[name] for name in {*before, *after}}

    def post(self, row: Row, currency: str, name: str, amount: Fraction) -> Any:
        """Gives by how much what is told of the sum changes."""
        before = self.told(self.sums[currency, name])
        self.sums[currency, name] += amount
        change = self.told(self.sums[currency, name]) - before
        if amount:
            self.add(row, currency, name, change)
        return change

    def add(self, row: Row, currency: str, name: str, amount: Any) -> None:
        for figure in _both(self.figures, self.asset, currency, row["transaction_date"]):
            figure[name] += amount

    def come(self, row: Row, quantity: int, currency: str | None, cost: int) -> None:
        before = self.costs()
        covers = min(quantity, self.missing)
        covered = self.share(Fraction(cost), Fraction(covers, quantity))
        self.missing -= covers
        rest = quantity - covers
        if rest:
            parcel = {
                "at": row["transaction_date"],
                "id": row["transaction_id"],
                "quantity": rest,
                "currency": currency,
            }
            parcel["costs"] = {} if currency is None else {currency: cost - covered}
            self.parcels.append(parcel)
        if self.method == "average" and len(self.parcels) > 1:
            self.parcels = [
                {**self.parcels[0], "quantity": sum(one["quantity"] for one in self.parcels), "costs": self.costs()}
            ]
        if currency is not None:
            self.post(row, currency, "realised_profit", -covered)
        self.note(row, before, None)

    def go(self, row: Row, quantity: int, *, sold_in: str | None) -> None:
        before = self.costs()
        while quantity and self.parcels:
            parcel = self.parcels[0]
            taken = min(quantity, parcel["quantity"])
            for currency, whole in parcel["costs"].items():
                parcel["costs"][currency] = whole - self.share(whole, Fraction(taken, parcel["quantity"]))
            parcel["quantity"] -= taken
            quantity -= taken
            if not parcel["quantity"]:
                self.parcels.pop(0)
        self.missing += quantity
        cost = self.gone(before)
        if sold_in is not None:
            profit = self.post(
                row, sold_in, "realised_profit", row["total_value"] - row["fee"] - cost.pop(sold_in, Fraction(0))
            )
            for figure in _both(self.figures, self.asset, sold_in, row["transaction_date"]):
                figure["best_trade"] = max(profit, profit if figure["best_trade"] is None else figure["best_trade"])
                figure["worst_trade"] = min(profit, profit if figure["worst_trade"] is None else figure["worst_trade"])
        for currency, part in cost.items():
            if sold_in is None:
                self.post(row, currency, "cost_moved_out", part)
            else:
                self.post(row, currency, "realised_profit", -part)
        self.note(row, before, None)
