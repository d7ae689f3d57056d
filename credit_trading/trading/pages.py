"""A page of a long list, and the cursor that leads to the next one.

Here: what a page is, and cursors as text. Never here: which rows follow a cursor (users/tables).
Always: a cursor says after which row to go on, not how many rows to pass over, so rows that come or go meanwhile move nothing; one that was
given for another question is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Generic, TypeVar, overload

import attrs
import msgspec

from credit_trading.checks import LARGEST, shown
from credit_trading.errors import InvalidInput

T = TypeVar("T")

Position = tuple[int, ...]
"""The values by which rows are sorted, of the last row of a page."""

_FORMAT = 1
_LONGEST = 200


@attrs.frozen
class Page(Sequence[T], Generic[T]):
    """Some of the rows; `next` is what to ask with as `after` for those that follow, None where these are the last."""

    items: list[T]
    next: str | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        return self.items[place]


def page_of(rows: Sequence[T], *, limit: int, question: object, position: Callable[[T], Position]) -> Page[T]:
    """`rows` are the first `limit` + 1 that are left, or fewer where there are no more; below zero, all of them."""
    if limit < 0 or len(rows) <= limit:
        return Page(list(rows))
    first = list(rows[:limit])
    return Page(first, cursor(question, position(first[-1])) if first else None)


def cursor(question: object, position: Position) -> str:
    """`question` is all that says which rows there are and in which order: whose, filters, sort; plain values, or records of them."""
    return urlsafe_b64encode(msgspec.msgpack.encode((_FORMAT, _digest(question), position))).rstrip(b"=").decode()


def position_after(cursor: str, question: object, *, of: int, what: str) -> Position:
    """Where to go on: `of` whole numbers. Raises InvalidInput for what is no cursor, or is one of another question."""
    try:
        digest, position = _unpacked(cursor)
        if len(position) != of:
            raise ValueError(position)
    except (ValueError, msgspec.DecodeError) as error:
        hint = "Give `next` of the page before as it is, or leave it out to begin."
        raise InvalidInput(what, shown(cursor), "not a cursor", hint=hint) from error
    if digest != _digest(question):
        hint = "Ask with the filters and the order of the page that gave it, or leave it out to begin."
        raise InvalidInput(what, shown(cursor), "this cursor is of another question", hint=hint)
    return position


def _unpacked(cursor: str) -> tuple[bytes, Position]:
    """The digest of its question, and where to go on. Raises ValueError, DecodeError."""
    if not isinstance(cursor, str) or len(cursor) > _LONGEST:
        raise ValueError("no text, or too much of it")
    packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    version, digest, position = msgspec.msgpack.decode(packed, type=tuple[int, bytes, tuple[int, ...]])
    if version != _FORMAT or any(abs(value) > LARGEST for value in position):
        raise ValueError("not one that was given out")
    return digest, position


def _digest(question: Any) -> bytes:
    return blake2b(msgspec.json.encode(question), digest_size=8).digest()
