"""Which client order ids (FIX ClOrdID 11) are taken, and what the order that took each was answered.

Always: an id is taken from its order's acceptance until the order is done, and after that for the founded time and number; bounded, and
derived from events alone, hence the same in every process and after every restart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from credit_trading.exchange.answers import Answer


def placing_id(user: int, client_order_id: str) -> str:
    """The id of a command that places an order and was given none of its own: it is remembered here, by the client order id."""
    return f"user{user}/order/{client_order_id}"


def is_placing_id(command_id: str) -> bool:
    return "/order/" in command_id


class ClientOrder(msgspec.Struct, array_like=True, gc=False):
    """`done_at_us` is None while the order is open. `command_id` is that of the command that placed it, `answer` its answer."""

    command_id: str
    answer: Answer
    done_at_us: int | None = None


class ClientOrders:
    """By user and client order id."""

    def __init__(self, *, most_done: int, longest_us: int) -> None:
        self._most_done = most_done
        self._longest_us = longest_us
        self._open: dict[tuple[int, str], ClientOrder] = {}
        self._done: OrderedDict[tuple[int, str], ClientOrder] = OrderedDict()
        self._done_of_user: dict[int, OrderedDict[str, None]] = {}

    def get(self, user: int, client_order_id: str, *, time_us: int) -> ClientOrder | None:
        """Who has taken the id, as of that time."""
        key = (user, client_order_id)
        placed = self._open.get(key) or self._done.get(key)
        if placed is None or placed.done_at_us is None or placed.done_at_us >= time_us - self._longest_us:
            return placed
        return None

    def add(self, user: int, client_order_id: str, placed: ClientOrder) -> None:
        """The id is taken, by an order that is open or done already."""
        self._forget(user, client_order_id)
        if placed.done_at_us is None:
            self._open[user, client_order_id] = placed
            return
        self._done[user, client_order_id] = placed
        own = self._done_of_user.setdefault(user, OrderedDict())
        own[client_order_id] = None
        if len(own) > self._most_done:
            self._forget(user, next(iter(own)))
        horizon_us = placed.done_at_us - self._longest_us
        while self._done:
            key, oldest = next(iter(self._done.items()))
            if (oldest.done_at_us or 0) >= horizon_us:
                break
            self._forget(*key)

    def close(self, user: int, client_order_id: str, *, time_us: int) -> None:
        """The order is done."""
        placed = self._open.pop((user, client_order_id))
        placed.done_at_us = time_us
        self.add(user, client_order_id, placed)

    def _forget(self, user: int, client_order_id: str) -> None:
        """One that is done; nothing where there is none."""
        if self._done.pop((user, client_order_id), None) is not None:
            own = self._done_of_user[user]
            del own[client_order_id]
            if not own:
                del self._done_of_user[user]

    def tables(self) -> Iterator[dict[tuple[int, str], ClientOrder]]:
        """What they are kept in, for whoever lets go of them."""
        yield from (self._open, self._done)

    def __iter__(self) -> Iterator[tuple[int, str, ClientOrder]]:
        """The open ones, then those that are done, oldest first."""
        for orders in (self._open, self._done):
            for (user, client_order_id), placed in orders.items():
                yield user, client_order_id, placed

    def __len__(self) -> int:
        return len(self._open) + len(self._done)
