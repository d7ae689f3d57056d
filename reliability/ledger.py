"""The exchange's books kept by hand: what everybody must own and hold, from the journal's rows alone.

Here: a second opinion in plain arithmetic, from JSON as any tool would read it; no code of the exchange is used. Never here: rules, and
what an event of a user's own file looks like. Always: amounts are smallest units; one lot is one credit, one tick 0.01.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import attrs

from credit_trading.journal.log import FILE_NAME
from credit_trading.store.sqlite import connect
from reliability.acts import CASH, CREDIT

OUTSIDE, FEES = 0, -1

Row = dict[str, Any]


class HandBooks:
    """`owned` and `held` by (account, asset); `open` by order number: what remains of it, and what it holds.

    `pending` by the sequence at which a transaction was entered.
    """

    def __init__(self) -> None:
        self.owned: Counter[tuple[int, str]] = Counter()
        self.open: dict[int, Row] = {}
        self.pending: dict[int, Row] = {}
        self.problems: list[str] = []

    @property
    def held(self) -> Counter[tuple[int, str]]:
        held: Counter[tuple[int, str]] = Counter()
        for order in self.open.values():
            held[order["user"], CASH if order["buys"] else CREDIT] += order["hold"]
        for event in self.pending.values():
            for asset, change in _changes(event):
                giver = event["user"] if change < 0 else event.get("counterparty")
                if giver is not None:
                    held[giver, asset] += abs(change)
        return +held

    def move(self, sender: int, receiver: int, asset: str, amount: int) -> None:
        self.owned[sender, asset] -= amount
        self.owned[receiver, asset] += amount

    def enter(self, sequence: int, kind: str, event: Row) -> None:
        """One event, in order. Fields at their defaults are left out in the journal."""
        if kind in ("deposited", "withdrawn"):
            sender, receiver = (OUTSIDE, event["user"]) if kind == "deposited" else (event["user"], OUTSIDE)
            self.move(sender, receiver, event["asset"], event["amount"])
        elif kind == "transferred":
            self.move(event["sender"], event["receiver"], event["asset"], event["amount"])
        elif kind == "transaction_entered" and event.get("status") == "pending":
            self.pending[sequence] = event
        elif kind in ("transaction_entered", "transaction_updated"):
            self._transact(event)
        elif kind == "traded_off_book":
            self.move(event["seller"], event["buyer"], event["base"], event["quantity"])
            self.move(event["buyer"], event["seller"], event["quote"], event["total"])
        elif kind == "trade":
            self._trade(event)
        elif kind == "trade_busted":
            self.move(event["buyer"], event["seller"], event["base"], event["quantity"])
            self.move(event["seller"], event["buyer"], event["quote"], event["value"])
            for side in ("buyer", "seller"):
                self.move(FEES, event[side], event["quote"], event.get(f"{side}_fee", 0))
        elif kind in _ORDER_EVENTS:
            self._order(kind, event)

    def _transact(self, event: Row) -> None:
        """At once, or after it was pending; then it is as it was entered, or comes to nothing."""
        if "transaction" in event:
            entered = self.pending.pop(event["transaction"])
            if _changes(entered) != _changes(event) or entered.get("counterparty") != event.get("counterparty"):
                self.problems.append(f"transaction {event['transaction']} is not what was entered")
            if event["status"] != "settled":
                return
        other = event.get("counterparty", FEES if event.get("earned") else OUTSIDE)
        for asset, change in _changes(event):
            self.move(other, event["user"], asset, change)

    def _fill_outside(self, event: Row) -> None:
        order = self.open[event["order"]]
        direction = 1 if order["buys"] else -1
        self.move(OUTSIDE, order["user"], CREDIT, direction * event["quantity_lots"])
        self.move(OUTSIDE, order["user"], CASH, -direction * event["value"] - event["fee"])
        order["remaining"] -= event["quantity_lots"]
        order["hold"] -= event["released"]
        if event["filled_lots"] != order["quantity"] - order["remaining"]:
            self.problems.append(f"order {event['order']} is said to be filled by {event['filled_lots']}")
        self._settle(event["order"])

    def _trade(self, event: Row) -> None:
        lots, value = event["quantity_lots"], event["value"]
        sides = ("taker", "maker") if event["taker_side"] == "buy" else ("maker", "taker")
        buyer, seller = (event[side] for side in sides)
        self.move(seller, buyer, CREDIT, lots)
        self.move(buyer, seller, CASH, value)
        for side in ("taker", "maker"):
            order = self.open[event[f"{side}_order"]]
            before, order["exact_fees_ppm"] = order["exact_fees_ppm"], order["exact_fees_ppm"] + order[side] * value
            fee = _up(order["exact_fees_ppm"]) - _up(before)
            if fee != event[f"{side}_fee"]:
                self.problems.append(
                    f"trade {event['trade']}: the {side} was charged {event[f'{side}_fee']}, not {fee}"
                )
            self.move(event[side], FEES, CASH, event[f"{side}_fee"])
            order["remaining"] -= lots
            order["hold"] -= event[f"{side}_released"]
            self._settle(event[f"{side}_order"])

    def _order(self, kind: str, event: Row) -> None:
        number = event["order"]
        if kind == "order_accepted":
            self.open[number] = {
                "user": event["user"],
                "buys": event["side"] == "buy",
                "ticks": event["price_ticks"],
                "quantity": event["quantity_lots"],
                "remaining": event["quantity_lots"],
                "hold": event["hold"],
                "maker": event.get("maker_ppm", 0),
                "taker": event.get("taker_ppm", 0),
                "exact_fees_ppm": 0,
                "type": event["order_type"],
                "at_market": event["order_type"] == "market",
            }
            return self._settle(number)
        order = self.open[number]
        if kind == "order_filled_outside":
            return self._fill_outside(event)
        if kind in ("order_canceled", "order_expired"):
            order["hold"] -= event["released"]
            order["remaining"] = 0
        elif kind != "order_refreshed":
            order["at_market"] |= kind == "order_triggered" and order["type"] == "stop"
            order["hold"] = event["hold"]
            order["ticks"] = event.get("price_ticks", order["ticks"])
            order["remaining"] += event.get("quantity_lots", order["quantity"]) - order["quantity"]
            order["quantity"] = event.get("quantity_lots", order["quantity"])
            for side in ("maker", "taker"):
                order[side] = event.get(f"{side}_ppm", order[side])
        return self._settle(number)

    def _settle(self, number: int) -> None:
        """An order that is done holds nothing; one that is open holds the most that its rest can cost, fees on its running total included.

        At market it holds what there is, and does not stay open.
        """
        order = self.open[number]
        value, rate = order["ticks"] * order["remaining"], max(order["maker"], order["taker"], 0)
        needed = order["remaining"]
        if order["buys"]:
            needed = value + _up(order["exact_fees_ppm"] + rate * value) - _up(order["exact_fees_ppm"])
        if order["hold"] != needed and not (order["at_market"] and order["remaining"]):
            self.problems.append(f"order {number} holds {order['hold']}, and {needed} is needed")
        if not order["remaining"]:
            del self.open[number]


_ORDER_EVENTS = {
    "order_accepted",
    "order_amended",
    "order_triggered",
    "order_refreshed",
    "order_reduced",
    "order_canceled",
    "order_expired",
    "order_filled_outside",
}


def _changes(event: Row) -> list[tuple[str, int]]:
    found = [(event["asset"], event["asset_change"]), (event.get("currency", ""), event.get("currency_change", 0))]
    return [(asset, change) for asset, change in found if change]


def _up(millionths: int) -> int:
    return -(-millionths // 1_000_000)


def kept_by_hand(home: Path) -> HandBooks:
    books = HandBooks()
    for sequence, kind, payload in _rows(home, "SELECT sequence, kind, payload FROM journal ORDER BY sequence"):
        books.enter(sequence, kind, json.loads(payload))
    return books


@attrs.frozen
class Journal:
    """Where things stand in exchange.db: causes of commands; events by their kind and the trade or user concerned.

    `users` are those who are not deleted.
    """

    causes: dict[str, list[int]]
    events: dict[tuple[str, int], list[int]]
    numbers: dict[str, int]
    users: set[str]

    @classmethod
    def read(cls, home: Path) -> Journal:
        causes: dict[str, list[int]] = {}
        events: dict[tuple[str, int], list[int]] = {}
        for sequence, cause in _rows(home, "SELECT sequence, cause FROM journal WHERE content IS NOT NULL ORDER BY 1"):
            causes.setdefault(cause, []).append(sequence)
        for sequence, *key in _rows(
            home, "SELECT sequence, kind, coalesce(payload ->> 'trade', user_a, 0) FROM journal ORDER BY 1"
        ):
            events.setdefault((key[0], key[1]), []).append(sequence)
        users = _rows(home, "SELECT user_id, number, state FROM users")
        numbers = {user_id: number for user_id, number, _ in users}
        return cls(causes, events, numbers, {user_id for user_id, _, state in users if state == "active"})

    def number_of(self, user_id: str) -> int:
        """0 for one who never was."""
        return self.numbers.get(user_id, 0)


def _rows(home: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = connect(home / FILE_NAME, mode="ro")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()
