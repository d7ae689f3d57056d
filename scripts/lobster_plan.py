"""Recorded order flow as steps that a price-time exchange can take.

Here: planning each row from the files alone (`plan_rows`), so that the same rows give the same steps in every process. Never here:
files (lobster_rows), an exchange, a clock, a balance.

Always: an exchange with price-time priority that takes the steps one by one trades for `Execute` and `OffBook` only,
each in full and no user with themselves; after each row (but during a halt) its book is the file's.

Such a file shows its top levels only and leaves out what happens elsewhere, so each row is reconciled with the
planner's book: what is no longer visible is cancelled; what no known order explains is entered for an anonymous user,
before the row's own message since it is older. What befalls an order never seen to arrive is taken from that quantity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import attrs

from scripts.lobster_rows import Book, Kind, Levels, LobsterError, Row, Side

_SIDES: tuple[Side, Side] = ("sell", "buy")  # in the order of a Book


@attrs.frozen
class Place:
    """A limit order that rests until it is cancelled; it meets nothing when it is entered."""

    key: str
    user: int
    side: Side
    price: int
    size: int


@attrs.frozen
class Reduce:
    """The order keeps its place in the queue; `size` is its new total, with what was already filled."""

    key: str
    user: int
    size: int


@attrs.frozen
class Cancel:
    """What rests of the order is withdrawn."""

    key: str
    user: int


@attrs.frozen
class Execute:
    """An immediate-or-cancel order that fills in full at `price`.

    It meets one resting order, of another user. `named` is the order that the file says was executed, if it is known.
    """

    key: str
    user: int
    side: Side
    price: int
    size: int
    named: str | None


@attrs.frozen
class OffBook:
    """A transaction outside the book; its price may be finer than the tick. `named` as in `Execute`."""

    key: str
    buyer: int
    seller: int
    price: int
    size: int
    named: str | None = None


@attrs.frozen
class Halt:
    """Until `Resume` nothing is planned but cancellations."""


@attrs.frozen
class Resume:
    """Trading goes on; what the halt kept from being entered follows in the same row."""


Step = Place | Reduce | Cancel | Execute | OffBook | Halt | Resume


@attrs.frozen
class PlannedRow:
    """A row, what to do for it in this order, and the book it must leave: the file's, but what a halt keeps out of it."""

    row: Row
    steps: list[Step]
    book: Book


def plan_rows(rows: Iterable[Row], *, users: int) -> list[PlannedRow]:
    """The rows from the first on. Raises LobsterError if a message's order would cross the book that its row states."""
    planner = Planner(users)
    planned = []
    for row in rows:
        steps = planner.plan(row)
        planned.append(PlannedRow(row, steps, planner.visible(row.levels) if planner.halted else row.book))
    return planned


@attrs.define(eq=False)
class _Order:
    key: str
    user: int
    side: Side
    price: int
    total: int  # with what was filled, without what was taken off
    left: int
    order_id: int | None  # in the file; None if the file does not tell


class Planner:
    """Plans the rows one by one, from the first. Users are numbered from 0; the anonymous one is number `users`.

    No key is used twice: orders of the file are `g<order id>-<row>`, all else is `r<row>-<place in the row>`.
    """

    def __init__(self, users: int) -> None:
        if users < 1:
            raise ValueError(f"{users} users cannot trade")
        self._users = users
        self._queues: dict[Side, dict[int, list[_Order]]] = {"sell": {}, "buy": {}}  # by price; the oldest comes first
        self._known: dict[int | None, _Order] = {}  # by order id: what rests of the file's orders
        self.halted = False  # since the last row planned
        self._number = 0
        self._steps: list[Step] = []

    def visible(self, levels: int) -> Book:
        """The best levels that an exchange shows after the steps planned so far."""
        asks, bids = self._sizes("sell"), self._sizes("buy")
        return dict(sorted(asks.items())[:levels]), dict(sorted(bids.items(), reverse=True)[:levels])

    def plan(self, row: Row) -> list[Step]:
        """What to do for this row, in this order.

        Raises LobsterError if the message's order would cross the book that the row states.
        """
        self._number, self._steps = row.number, []
        was_halted, self.halted = self.halted, row.price == -1 if row.kind is Kind.HALT else self.halted
        if was_halted and not self.halted:
            self._steps.append(Resume())
        if not (was_halted and self.halted):
            self._reconcile(_before(row))
            self._message(row)
            self._reconcile(row.book)  # does nothing unless the file contradicts itself
        elif row.kind is Kind.DELETE and (named := self._known.get(row.order_id)):
            self._take_off(named, named.left)
        if self.halted and not was_halted:
            self._steps.append(Halt())
        return self._steps

    def _reconcile(self, book: Book) -> None:
        stated = dict(zip(_SIDES, book, strict=True))
        for side, levels in stated.items():  # all that must go goes first, so that nothing entered can meet it
            for price, size in self._sizes(side).items():
                self._withdraw(side, price, size - levels.get(price, 0))
        for side, levels in stated.items():
            sizes = self._sizes(side)
            for price, size in levels.items():
                if size > sizes.get(price, 0):
                    self._place(side, price, size - sizes.get(price, 0))

    def _message(self, row: Row) -> None:
        named = self._known.get(row.order_id)
        match row.kind:
            case Kind.NEW:
                self._place(row.side, row.price, row.size, row.order_id)
            case Kind.REDUCE | Kind.DELETE:
                self._withdraw(row.side, row.price, row.size, named)
            case Kind.EXECUTE:
                self._execute(row, named)
            case Kind.HIDDEN:
                self._trade_off_book(row, self._user(f"hidden {row.number}"))

    def _place(self, side: Side, price: int, size: int, order_id: int | None = None) -> None:
        if order_id is None:
            key, user = self._key(), self._users
        else:
            key, user = f"g{order_id}-{self._number}", self._user(f"order {order_id}")
        order = _Order(key, user, side, price, total=size, left=size, order_id=order_id)
        self._queues[side].setdefault(price, []).append(order)
        if order_id is not None:
            self._known[order_id] = order
        self._steps.append(Place(key, user, side, price, size))

    def _withdraw(self, side: Side, price: int, size: int, named: _Order | None = None) -> None:
        """Takes `size` from the named order, then from what the file does not tell of, then from the newest."""
        queue = self._queues[side].get(price, []) if size > 0 else []
        unexplained = [order for order in queue if order.order_id is None]
        for order in [*([named] if named else []), *unexplained, *queue[::-1]]:
            taken = min(size, order.left)
            if taken > 0:
                self._take_off(order, taken)
                size -= taken

    def _take_off(self, order: _Order, size: int) -> None:
        order.total -= size
        self._lessen(order, size)
        self._steps.append(Reduce(order.key, order.user, order.total) if order.left else Cancel(order.key, order.user))

    def _lessen(self, order: _Order, size: int) -> None:
        order.left -= size
        if not order.left:
            queues = self._queues[order.side]
            queues[order.price].remove(order)
            if not queues[order.price]:
                del queues[order.price]
            self._known.pop(order.order_id, None)

    def _execute(self, row: Row, named: _Order | None) -> None:
        key = named.key if named else None
        queue = self._queues[row.side][row.price]
        if row.price != (max if row.side == "buy" else min)(self._queues[row.side]):
            # Whoever reaches this price in the book fills at a better one first.
            self._trade_off_book(row, (named or queue[0]).user, key)
            self._withdraw(row.side, row.price, row.size, named)
            return
        if named in queue:
            self._move_up(queue[: queue.index(named) + 1])
        left = row.size
        while left:  # more than once only if the file contradicts itself
            head = queue[0]
            size = min(left, head.left)
            left -= size
            self._lessen(head, size)
            side = _SIDES[row.side == "sell"]
            self._steps.append(Execute(self._key(), self._other(head.user), side, row.price, size, key))

    def _move_up(self, queue: list[_Order]) -> None:
        """The exchange fills the head although the file names the last: each other stands in for the one before it."""
        order_ids = [order.order_id for order in queue]
        for order, order_id in zip(queue, [order_ids[-1], *order_ids[:-1]], strict=True):
            order.order_id = order_id
            if order_id is not None:
                self._known[order_id] = order

    def _trade_off_book(self, row: Row, resting: int, named: str | None = None) -> None:
        other = self._other(resting)
        buyer, seller = (resting, other) if row.side == "buy" else (other, resting)
        self._steps.append(OffBook(self._key(), buyer, seller, row.price, row.size, named))

    def _key(self) -> str:
        return f"r{self._number}-{len(self._steps)}"

    def _user(self, what: str) -> int:
        return int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest()) % self._users

    def _other(self, user: int) -> int:
        """Another user, chosen by the row; the anonymous one if there is no other."""
        other = self._user(f"aggressor {self._number}")
        if other == user:
            other = (user + 1) % self._users if self._users > 1 else self._users
        return other

    def _sizes(self, side: Side) -> Levels:
        return {price: sum(order.left for order in queue) for price, queue in self._queues[side].items()}


def _before(row: Row) -> Book:
    """The book that the message found, as far as the book after it tells."""
    if row.kind in (Kind.HIDDEN, Kind.HALT):
        return row.book
    asks, bids = dict(row.book[0]), dict(row.book[1])
    levels = bids if row.side == "buy" else asks
    levels[row.price] = max(0, levels.get(row.price, 0) + (-row.size if row.kind is Kind.NEW else row.size))
    if asks and bids and min(asks) <= max(bids):
        raise LobsterError(f"row {row.number}: an order at {row.price} would cross the book that the row states")
    return asks, bids
