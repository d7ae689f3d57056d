"""Stop orders that wait for their price: FIX OrdType (40) 3 and 4, triggered by the last trade.

Here: which of them a price elects. Never here: what becomes of one that is triggered (order_rules).
Always: adding, removing and finding cost O(log stops); a buy stop waits above the last trade's price, a sell stop below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sortedcontainers import SortedDict

from credit_trading.exchange.order import Order


class StopOrders:
    """The waiting stops of one instrument."""

    def __init__(self) -> None:
        self._buys: SortedDict[tuple[int, int], Order] = SortedDict()
        self._sells: SortedDict[tuple[int, int], Order] = SortedDict()
        self._of_user: Counter[int] = Counter()

    def add(self, order: Order) -> None:
        self._side(order)[order.stop_ticks or 0, order.number] = order
        self._of_user[order.user] += 1

    def remove(self, order: Order) -> None:
        del self._side(order)[order.stop_ticks or 0, order.number]
        self._of_user[order.user] -= 1
        if not self._of_user[order.user]:
            del self._of_user[order.user]

    def count_of(self, user: int) -> int:
        """How many of the user's wait."""
        return self._of_user[user]

    def buys_up_to(self, price_ticks: int, *, above: int) -> Iterator[int]:
        """Numbers of the buys that a trade at that price elects and one at `above` did not, by stop price and number."""
        return (number for _, number in self._buys.irange((above + 1, 0), (price_ticks + 1, 0)))

    def sells_down_to(self, price_ticks: int, *, below: int) -> Iterator[int]:
        """Numbers of the sells that a trade at that price elects and one at `below` did not, by stop price and number."""
        return (number for _, number in self._sells.irange((price_ticks, 0), (below, 0)))

    def __iter__(self) -> Iterator[Order]:
        """Buys and then sells, each by stop price and number."""
        yield from self._buys.values()
        yield from self._sells.values()

    def __len__(self) -> int:
        return len(self._buys) + len(self._sells)

    def _side(self, order: Order) -> SortedDict[tuple[int, int], Order]:
        return self._buys if order.buys else self._sells


def is_elected(*, buys: bool, stop_ticks: int, price_ticks: int | None) -> bool:
    """Whether a trade at that price triggers a stop: a buy at or above its stop price, a sell at or below. None is no trade."""
    if price_ticks is None:
        return False
    return price_ticks >= stop_ticks if buys else price_ticks <= stop_ticks
