"""What a replay left in the journal, held against the plan.

Here: a small book of its own, rebuilt from the journal's events alone, and what they say of each row. Never here: the exchange's book
or its answers, which it would only repeat. Always: it reads the journal from its beginning, so that what an earlier, interrupted run
decided is checked like the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from credit_trading import JournalEntry
from scripts.lobster_plan import Execute, OffBook, PlannedRow
from scripts.lobster_rows import Book, Kind, Levels, LobsterError

TICK = 100
"""One tick (0.01) in the files' 1/10,000."""

_REFUSED = ("order_rejected", "command_rejected")


@attrs.frozen
class ReplayNames:
    """How the replay's commands and orders are called, by the files, the symbol and the number of users: the same in every run."""

    run: str
    symbol: str

    def command_id(self, row: int, step: int) -> str:
        return f"{self.run}-{row}-{step}"

    def client_order_id(self, key: str) -> str:
        """Orders of other replays of the same users have other names."""
        return f"{self.symbol.partition('/')[0]}:{key}"


@attrs.define(eq=False)
class _Resting:
    client_order_id: str | None
    side: str
    price: int
    total: int
    left: int


class JournalCheck:
    """Reads entries in their order; `last_row` is the row that the last of them was caused by, 0 before the first.

    A row is judged as soon as a later one begins, or by `finish`.
    """

    def __init__(self, names: ReplayNames, planned: Sequence[PlannedRow]) -> None:
        self._names = names
        self._planned = planned
        self._cause = re.compile(rf"(?:user[0-9]+|admin)/(?:id|key)/{re.escape(names.run)}-([0-9]+)-([0-9]+)")
        self._orders: dict[int, _Resting] = {}
        self._levels: dict[str, Levels] = {"sell": {}, "buy": {}}
        self._steps_taken: set[int] = set()
        self._fills: list[tuple[str | None, int]] = []  # of the row: the maker's name, and how much
        self.sequence = 0
        self.last_row = 0
        self.rows_exact = self.orders = self.trades = self.hidden_executions = 0
        self.known_executions = self.known_executions_filled = 0
        self.trouble: str | None = None
        """The first thing that was not as planned, in words."""

    def read(self, entries: Iterable[JournalEntry]) -> None:
        """Raises LobsterError for a market that others than this replay traded in, or rows beyond the plan."""
        for entry in entries:
            self.sequence = entry.sequence
            place = self._cause.fullmatch(entry.cause)
            if place:
                self._advance(int(place[1]))
                self._apply(entry, int(place[2]))
            elif self._is_ours(entry.data) and entry.kind != "instrument_added":
                raise LobsterError(
                    f"{self._names.symbol} is traded here by others than this replay (journal sequence {entry.sequence}):"
                    " replay into another folder, or with the same files and --users as before"
                )

    def finish(self) -> None:
        """No entry comes any more: all rows are judged."""
        while self.last_row <= len(self._planned):
            self._next_row()

    def _is_ours(self, data: dict[str, Any]) -> bool:
        return data.get("symbol") == self._names.symbol or data.get("order") in self._orders

    def _advance(self, row: int) -> None:
        if row > len(self._planned):
            raise LobsterError(
                f"more than {len(self._planned)} rows are in this folder already: replay at least as many"
            )
        if row < self.last_row:
            self._note(row, "it was decided after a later one")
        while self.last_row < row:
            self._next_row()

    def _next_row(self) -> None:
        if self.last_row:
            self._judge(self._planned[self.last_row - 1])
        self.last_row += 1
        self._steps_taken = set()
        self._fills = []

    def _judge(self, planned: PlannedRow) -> None:
        number = planned.row.number
        if len(self._steps_taken) != len(planned.steps):
            self._note(number, f"{len(self._steps_taken)} of its {len(planned.steps)} steps were taken")
        elif self._visible(planned.row.levels) != planned.book:
            self._note(number, "the book is not the file's")
        else:
            self.rows_exact += 1
        named = {step.named for step in planned.steps if isinstance(step, Execute | OffBook) and step.named}
        if named:
            wanted = self._names.client_order_id(named.pop())
            self.known_executions += 1
            self.known_executions_filled += self._fills == [(wanted, planned.row.size)]

    def _visible(self, levels: int) -> Book:
        asks, bids = self._levels["sell"], self._levels["buy"]
        return (
            {price: asks[price] for price in sorted(asks)[:levels]},
            {price: bids[price] for price in sorted(bids, reverse=True)[:levels]},
        )

    def _note(self, row: int, trouble: str) -> None:
        self.trouble = self.trouble or f"row {row}: {trouble}"

    def _apply(self, entry: JournalEntry, step: int) -> None:
        data: dict[str, Any] = entry.data
        self._steps_taken.add(step)
        match entry.kind:
            case "order_accepted":
                self.orders += 1
                price, lots = data["price_ticks"] * TICK, data["quantity_lots"]
                self._orders[data["order"]] = _Resting(data.get("client_order_id"), data["side"], price, lots, 0)
                self._add(data["order"], lots)
            case "order_amended":
                order = self._orders[data["order"]]
                less = order.total - data["quantity_lots"]
                order.total -= less
                self._add(data["order"], -less)
            case "order_canceled" | "order_expired":
                self._add(data["order"], -self._orders[data["order"]].left)
            case "trade":
                self.trades += 1
                self._fills.append((self._orders[data["maker_order"]].client_order_id, data["quantity_lots"]))
                for order_id in (data["maker_order"], data["taker_order"]):
                    self._add(order_id, -data["quantity_lots"])
            case "transaction_entered":
                self.hidden_executions += self._planned[self.last_row - 1].row.kind is Kind.HIDDEN
            case kind if kind in _REFUSED:
                self._steps_taken.discard(step)
                self._note(self.last_row, f"step {step} was refused ({data['code']})")

    def _add(self, order_id: int, lots: int) -> None:
        """To what is left of the order, and to its level; either is gone when nothing is left."""
        order = self._orders[order_id]
        levels = self._levels[order.side]
        order.left += lots
        levels[order.price] = levels.get(order.price, 0) + lots
        if not levels[order.price]:
            del levels[order.price]
        if not order.left:
            del self._orders[order_id]
