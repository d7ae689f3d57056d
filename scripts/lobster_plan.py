"""Recorded NASDAQ order flow (LOBSTER files) as steps that a price-time exchange can take.

Here: reading the two files of a day (`read_rows`, `files_hash`) and planning each row (`Planner`) from the files alone,
so that the same rows give the same steps in every process. Never here: an exchange, a clock, a balance. Prices are
in 1/10,000 of the currency, sizes in shares.

Always: an exchange with price-time priority that takes the steps one by one trades for `Execute` and `OffBook` only,
each in full and no user with themselves; after each row (but during a halt) its book is the file's.

Such a file shows its top levels only and leaves out what happens elsewhere, so each row is reconciled with the
planner's book: what is no longer visible is cancelled; what no known order explains is entered for an anonymous user,
before the row's own message since it is older. What befalls an order never seen to arrive is taken from that quantity.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from itertools import chain, islice, pairwise, zip_longest
from pathlib import Path
from typing import Literal

import attrs

Side = Literal["buy", "sell"]
Levels = dict[int, int]  # size by price, best price first
Book = tuple[Levels, Levels]  # asks and bids

_SIDES: tuple[Side, Side] = ("sell", "buy")  # in the order of a Book
_PAD = 9_999_999_999  # the price, of either sign, of a level that does not exist
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TIME = re.compile(r"([0-9]{1,9})(?:\.([0-9]+))?")


class LobsterError(Exception):
    """Files that cannot be replayed; one line that names the file and its line, or the row."""


class Kind(IntEnum):
    """What a message says, by its number in the file."""

    NEW = 1
    REDUCE = 2
    DELETE = 3
    EXECUTE = 4
    HIDDEN = 5
    HALT = 7


@attrs.frozen
class Row:
    """A message, and the book after it.

    `number` counts from 1, `time_us` from midnight; `direction` is 1 if the resting order buys, -1 if it sells.
    """

    number: int
    time_us: int
    kind: Kind
    order_id: int
    size: int
    price: int
    direction: int
    levels: int  # the most that the file shows of each side
    book: Book

    @property
    def side(self) -> Side:
        """The resting order's."""
        return "buy" if self.direction == 1 else "sell"


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
    """A transaction outside the book; its price may be finer than the tick."""

    key: str
    buyer: int
    seller: int
    price: int
    size: int


@attrs.frozen
class Halt:
    """Until `Resume` nothing is planned but cancellations."""


@attrs.frozen
class Resume:
    """Trading goes on; what the halt kept from being entered follows in the same row."""


Step = Place | Reduce | Cancel | Execute | OffBook | Halt | Resume


def files_hash(messages_path: Path, orderbook_path: Path) -> str:
    """16 hexadecimal digits of SHA-256 over both files."""
    digest = hashlib.sha256()
    for path in (messages_path, orderbook_path):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def read_rows(messages_path: Path, orderbook_path: Path, limit: int | None = None) -> Iterator[Row]:
    """The first `limit` rows, or all, in the files' order, each read when it is asked for.

    Times are cut to whole microseconds. Raises LobsterError at the first malformed line, or where one file ends early.
    """
    number = columns = 0
    with (
        messages_path.open(encoding="ascii", errors="replace") as messages,
        orderbook_path.open(encoding="ascii", errors="replace") as books,
    ):
        for number, (message, levels) in enumerate(islice(zip_longest(messages, books), limit), 1):
            with _line(orderbook_path, number):
                cells = _cells(levels, number, columns)
                columns = len(cells)
                book = _book(cells)
            with _line(messages_path, number):
                row = _row(_cells(message, number, 6), number, columns // 4, book)
            yield row
    if number == 0 and limit != 0:
        raise LobsterError(f"{messages_path.name} line 1: the file is empty")


@contextmanager
def _line(path: Path, number: int) -> Iterator[None]:
    try:
        yield
    except ValueError as problem:
        raise LobsterError(f"{path.name} line {number}: {problem}") from problem


def _cells(line: str | None, number: int, columns: int) -> list[str]:
    if line is None:
        raise ValueError("the file is empty" if number == 1 else "the file ends before the other")
    cells = line.rstrip("\n").split(",")
    if columns and len(cells) != columns:
        raise ValueError(f"{len(cells)} fields instead of {columns}")
    return cells


def _whole(text: str, what: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{what} {text[:40]!r} is not a whole number")
    return int(text)


def _row(cells: list[str], number: int, levels: int, book: Book) -> Row:
    time = _TIME.fullmatch(cells[0])
    if not time:
        raise ValueError(f"time {cells[0][:40]!r} is not a number of seconds")
    time_us = int(time[1]) * 1_000_000 + int(((time[2] or "") + "000000")[:6])
    kind, order_id, size, price, direction = map(_whole, cells[1:], ("type", "order id", "size", "price", "direction"))
    if kind not in Kind.__members__.values():
        raise ValueError(f"type {kind} is unknown")
    if direction not in (1, -1):
        raise ValueError(f"direction {direction} is neither 1 nor -1")
    if kind != Kind.HALT and (order_id < 0 or size <= 0 or price <= 0):
        raise ValueError(f"order id {order_id}, size {size} or price {price} is out of range")
    return Row(number, time_us, Kind(kind), order_id, size, price, direction, levels, book)


def _book(cells: list[str]) -> Book:
    if len(cells) % 4:
        raise ValueError(f"{len(cells)} fields, not four to a level")
    numbers = [_whole(cell, "level") for cell in cells]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    asks, bids = ([(price, size) for price, size in pairs[i::2] if abs(price) != _PAD] for i in (0, 1))
    for price, size in chain(asks, bids):
        if price <= 0 or size <= 0:
            raise ValueError(f"a level of size {size} at price {price}")
    for (lower, _), (higher, _) in pairwise([*bids[::-1], *asks]):
        if lower >= higher:
            raise ValueError(f"prices {lower} and {higher} are crossed or out of order")
    return dict(asks), dict(bids)


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
        self._halted = False
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
        was_halted, self._halted = self._halted, row.price == -1 if row.kind is Kind.HALT else self._halted
        if was_halted and not self._halted:
            self._steps.append(Resume())
        if not (was_halted and self._halted):
            self._reconcile(_before(row))
            self._message(row)
            self._reconcile(row.book)  # does nothing unless the file contradicts itself
        elif row.kind is Kind.DELETE and (named := self._known.get(row.order_id)):
            self._take_off(named, named.left)
        if self._halted and not was_halted:
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
            self._trade_off_book(row, (named or queue[0]).user)
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

    def _trade_off_book(self, row: Row, resting: int) -> None:
        other = self._other(resting)
        buyer, seller = (resting, other) if row.side == "buy" else (other, resting)
        self._steps.append(OffBook(self._key(), buyer, seller, row.price, row.size))

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
