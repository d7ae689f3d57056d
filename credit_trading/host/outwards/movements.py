"""What events move on users' balances: posted and held.

Here: the changes of each kind of event, summed by user and asset, and the row that such a sum leads to. Never here: holds of orders,
which follow from the order (orders); reading and writing rows (batch).
Always: the same as the replica's effects post and hold, the outside world and the fees of the exchange left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from credit_trading.exchange import events as ev
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.order import BUY
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.money import Asset
from credit_trading.money.amount import format_units

_SETTLED = TransactionStatus.SETTLED.value

POSTED, HELD, LAST = 0, 1, 2
"""Places in a change: what is added to what is posted and held, and the event that moved it last."""


class Movements:
    """`changes` by (user, asset); what an event moves by nothing is not there."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.changes: dict[tuple[int, str], list[Any]] = {}

    def move(self, seen: Seen, user: int, asset: str, posted: int, held: int = 0) -> None:
        """Accounts that are no user's are left out."""
        if user <= 0 or not (posted or held):
            return
        change = self.changes.get((user, asset))
        if change is None:
            self.changes[user, asset] = [posted, held, seen]
        else:
            change[POSTED] += posted
            change[HELD] += held
            change[LAST] = seen

    def apply(self, seen: Seen) -> None:
        """One event, but for what it does to holds of orders."""
        change = _MOVES.get(type(seen.entry.event))
        if change is not None:
            change(self, seen, seen.entry.event)

    def _deposited(self, seen: Seen, event: ev.Deposited) -> None:
        self.move(seen, event.user, event.asset, event.amount)

    def _withdrawn(self, seen: Seen, event: ev.Withdrawn) -> None:
        self.move(seen, event.user, event.asset, -event.amount)

    def _transferred(self, seen: Seen, event: ev.Transferred) -> None:
        self.move(seen, event.sender, event.asset, -event.amount)
        self.move(seen, event.receiver, event.asset, event.amount)

    def _traded_off_book(self, seen: Seen, event: ev.TradedOffBook) -> None:
        self.move(seen, event.seller, event.base, -event.quantity)
        self.move(seen, event.buyer, event.base, event.quantity)
        self.move(seen, event.buyer, event.quote, -event.total)
        self.move(seen, event.seller, event.quote, event.total)

    def _recorded(self, seen: Seen, event: ev.TransactionRecorded) -> None:
        self.move(seen, event.user, event.asset, event.asset_change)
        if event.currency is not None:
            self.move(seen, event.user, event.currency, event.currency_change)

    def _entered(self, seen: Seen, event: ev.TransactionEntered) -> None:
        if event.status == _SETTLED:
            self._post(seen, event)
        else:
            self._hold(seen, event, 1)

    def _updated(self, seen: Seen, event: ev.TransactionUpdated) -> None:
        self._hold(seen, event, -1)
        if event.status == _SETTLED:
            self._post(seen, event)

    def _post(self, seen: Seen, event: ev.TransactionEntered | ev.TransactionUpdated) -> None:
        for asset, change in ((event.asset, event.asset_change), (event.currency, event.currency_change)):
            if asset is not None:
                self.move(seen, event.user, asset, change)
                self.move(seen, event.counterparty or 0, asset, -change)

    def _hold(self, seen: Seen, event: ev.TransactionEntered | ev.TransactionUpdated, sign: int) -> None:
        """What each of its users is to give; given back with -1."""
        for asset, change in ((event.asset, event.asset_change), (event.currency, event.currency_change)):
            if asset is not None:
                giver = event.user if change < 0 else event.counterparty or 0
                self.move(seen, giver, asset, 0, sign * abs(change))

    def _traded(self, seen: Seen, event: ev.Trade) -> None:
        instrument = self._names.instrument(event.symbol)
        base, quote, quantity = instrument.base.code, instrument.quote.code, event.quantity_lots * instrument.lot_units
        for user, buys, fee, released in (
            (event.taker, event.taker_side == BUY, event.taker_fee, event.taker_released),
            (event.maker, event.taker_side != BUY, event.maker_fee, event.maker_released),
        ):
            if buys:
                self.move(seen, user, base, quantity)
                self.move(seen, user, quote, -event.value - fee, -released)
            else:
                self.move(seen, user, base, -quantity, -released)
                self.move(seen, user, quote, event.value - fee)

    def _filled_outside(self, seen: Seen, event: ev.OrderFilledOutside) -> None:
        instrument = self._names.instrument(event.symbol)
        base, quote, quantity = instrument.base.code, instrument.quote.code, event.quantity_lots * instrument.lot_units
        if event.side == BUY:
            self.move(seen, event.user, base, quantity)
            self.move(seen, event.user, quote, -event.value - event.fee, -event.released)
        else:
            self.move(seen, event.user, base, -quantity, -event.released)
            self.move(seen, event.user, quote, event.value - event.fee)

    def _busted(self, seen: Seen, event: ev.TradeBusted) -> None:
        self.move(seen, event.buyer, event.base, -event.quantity)
        self.move(seen, event.seller, event.base, event.quantity)
        self.move(seen, event.buyer, event.quote, event.value + event.buyer_fee)
        self.move(seen, event.seller, event.quote, event.seller_fee - event.value)


_MOVES: dict[type[ev.Event], Callable[[Movements, Seen, Any], None]] = {
    ev.Deposited: Movements._deposited,
    ev.Withdrawn: Movements._withdrawn,
    ev.Transferred: Movements._transferred,
    ev.TradedOffBook: Movements._traded_off_book,
    ev.TransactionRecorded: Movements._recorded,
    ev.TransactionEntered: Movements._entered,
    ev.TransactionUpdated: Movements._updated,
    ev.Trade: Movements._traded,
    ev.OrderFilledOutside: Movements._filled_outside,
    ev.TradeBusted: Movements._busted,
}


def balance_row(user_id: str, asset: Asset, change: Sequence[Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is there with the change, and what was `known` to be there before."""
    decimals, last = asset.decimals, change[LAST]
    posted = change[POSTED] + (known["posted_units"] if known else 0)
    held = change[HELD] + (known["held_units"] if known else 0)
    return {
        "user_id": user_id,
        "asset": asset.code,
        "project_id": asset.project_id,
        "decimals": decimals,
        "posted_units": posted,
        "held_units": held,
        "available_units": posted - held,
        "posted": format_units(posted, decimals),
        "held": format_units(held, decimals),
        "available": format_units(posted - held, decimals),
        "sequence": last.entry.sequence,
        "updated_at": last.at,
    }
