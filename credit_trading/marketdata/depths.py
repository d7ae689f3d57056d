"""The books of all instruments: which event belongs to which of them.

Here: instruments by symbol, open orders by number. Never here: what an event changes in a book (depth), where events come from (books).
"""

from __future__ import annotations

from collections.abc import Iterable

from credit_trading.exchange import events as ev
from credit_trading.exchange.order import EXTERNAL
from credit_trading.marketdata.depth import Depth

_ORDER_CHANGED = (
    ev.OrderAmended,
    ev.OrderTriggered,
    ev.OrderRefreshed,
    ev.OrderReduced,
    ev.OrderCanceled,
    ev.OrderExpired,
)


class Depths:
    """Each instrument's depth by symbol, built from events alone or begun with what the exchange's own books hold."""

    def __init__(self, depths: Iterable[Depth] = ()) -> None:
        self.by_symbol = {depth.symbol: depth for depth in depths}
        self._of_order = {number: depth for depth in self.by_symbol.values() for number in depth.orders}

    def apply(self, entry: ev.Entry) -> None:
        """The next entry of the journal. Most events name an order and no instrument; of those worked outside nothing is known here."""
        event = entry.event
        if isinstance(event, ev.Trade):
            depth = self.by_symbol[event.symbol]
            depth.apply(entry)
            self._forget_ended(depth, event.maker_order)
            self._forget_ended(depth, event.taker_order)
        elif isinstance(event, ev.OrderAccepted) and event.route != EXTERNAL:
            depth = self._of_order[event.order] = self.by_symbol[event.symbol]
            depth.apply(entry)
        elif isinstance(event, _ORDER_CHANGED):
            changed = self._of_order.get(event.order)
            if changed is not None:
                changed.apply(entry)
                self._forget_ended(changed, event.order)
        elif isinstance(event, ev.InstrumentAdded):
            self.by_symbol[event.symbol] = Depth(event.symbol)

    def _forget_ended(self, depth: Depth, order: int) -> None:
        if order not in depth.orders:
            del self._of_order[order]
