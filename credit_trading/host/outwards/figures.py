"""What each user has done in each asset against each currency: what events add to the statistics.

Here: which event counts as what, and the row that such sums lead to. Never here: reading and writing rows (batch); cost and profit,
which users' own files reckon.
Always: sums only, so that the order of events, and where a batch ends, make no difference. A trade that is taken back is taken out of
them again; the moments of the first and the last thing that was done stay.

What comes in and goes out without a price (deposits, withdrawals, transfers, corrections, fees charged by themselves) stands under no
currency, all else under the one that was paid; fees in that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from credit_trading.checks import LARGEST
from credit_trading.exchange import entered, recorded
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import BUY
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.money import Asset
from credit_trading.money.amount import format_units, parse_units

COUNTS = ("trades", "orders_placed", "orders_filled", "orders_canceled", "orders_expired", "orders_rejected")
SUMS = ("bought", "sold", "spent", "earned", "fees", "came_in", "went_out")
"""Columns of the statistics, sums without `_units`."""

TRADES, PLACED, FILLED, CANCELED, EXPIRED, REJECTED = range(len(COUNTS))
BOUGHT, SOLD, SPENT, EARNED, FEES, CAME_IN, WENT_OUT = range(len(COUNTS), len(COUNTS) + len(SUMS))
FIRST, LAST_DONE, LAST = range(len(COUNTS) + len(SUMS), len(COUNTS) + len(SUMS) + 3)
"""Places in a change: sums, the first event, the last by which something was done (None where all was only taken back), the last of all."""

_OF_ASSET = ("bought", "sold", "came_in", "went_out")
"""Sums in the asset; the others are in the currency."""

_WIDEST_SUM = 10**38
"""As much as the text of a sum has room for; 2**62 in each of 10**19 events does not get there."""

_SETTLED = entered.TransactionStatus.SETTLED.value


class Figures:
    """`changes` by (user, asset, currency), '' for no currency."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.changes: dict[tuple[int, str, str], list[Any]] = {}

    def _of(self, seen: Seen, user: int, asset: str, currency: str) -> list[Any]:
        change = self.changes.get((user, asset, currency))
        if change is None:
            change = self.changes[user, asset, currency] = [*[0] * FIRST, seen, None, seen]
        change[LAST] = seen
        return change

    def _done(self, seen: Seen, user: int, asset: str, currency: str) -> list[Any]:
        change = self._of(seen, user, asset, currency)
        change[LAST_DONE] = seen
        return change

    def order(self, seen: Seen, user: int, asset: str, currency: str, count: int) -> None:
        """One more order of which that is true: PLACED, FILLED, ..."""
        self._done(seen, user, asset, currency)[count] += 1

    def apply(self, seen: Seen) -> None:
        """One event, but for what becomes of orders."""
        count = _COUNTED.get(type(seen.entry.event))
        if count is not None:
            count(self, seen, seen.entry.event)

    def _trade(
        self, seen: Seen, user: int, asset: str, currency: str, *, buys: bool, quantity: int, value: int, fee: int
    ) -> None:
        change = self._done(seen, user, asset, currency)
        change[TRADES] += 1
        change[BOUGHT if buys else SOLD] += quantity
        change[SPENT if buys else EARNED] += value
        change[FEES] += fee

    def _bust(
        self, seen: Seen, user: int, asset: str, currency: str, *, buys: bool, quantity: int, value: int, fee: int
    ) -> None:
        """Of a trade, as that had it."""
        change = self._of(seen, user, asset, currency)
        change[TRADES] -= 1
        change[BOUGHT if buys else SOLD] -= quantity
        change[SPENT if buys else EARNED] -= value
        change[FEES] -= fee

    def _move(self, seen: Seen, user: int, asset: str, amount: int) -> None:
        """In, or out where it is below zero."""
        if user > 0:
            change = self._done(seen, user, asset, "")
            if amount > 0:
                change[CAME_IN] += amount
            else:
                change[WENT_OUT] -= amount

    def _deposited(self, seen: Seen, event: ev.Deposited) -> None:
        self._move(seen, event.user, event.asset, event.amount)

    def _withdrawn(self, seen: Seen, event: ev.Withdrawn) -> None:
        self._move(seen, event.user, event.asset, -event.amount)

    def _transferred(self, seen: Seen, event: ev.Transferred) -> None:
        self._move(seen, event.sender, event.asset, -event.amount)
        self._move(seen, event.receiver, event.asset, event.amount)

    def _traded_off_book(self, seen: Seen, event: ev.TradedOffBook) -> None:
        for user, buys in ((event.buyer, True), (event.seller, False)):
            self._trade(
                seen, user, event.base, event.quote, buys=buys, quantity=event.quantity, value=event.total, fee=0
            )

    def _recorded(self, seen: Seen, event: ev.TransactionRecorded) -> None:
        kind = event.transaction_type
        if kind in recorded.MOVES:
            self._move(seen, event.user, event.asset, event.asset_change)
            return
        assert event.currency is not None, f"a {kind} without a currency"
        count = self._bust if kind in recorded.BUSTS else self._trade
        count(
            seen,
            event.user,
            event.asset,
            event.currency,
            buys=kind.startswith("buy"),
            quantity=event.quantity,
            value=event.total or 0,
            fee=-event.fee if kind in recorded.BUSTS else event.fee,
        )

    def _entered(self, seen: Seen, event: ev.TransactionEntered) -> None:
        if event.status == _SETTLED:
            self._settled(seen, event, event)

    def _updated(self, seen: Seen, event: ev.TransactionUpdated) -> None:
        if event.status == _SETTLED:
            self._settled(seen, event, self._names.entered(event.transaction))

    def _settled(
        self, seen: Seen, event: ev.TransactionEntered | ev.TransactionUpdated, terms: ev.TransactionEntered
    ) -> None:
        """`terms` is what was agreed, whenever that was."""
        other = event.counterparty or 0
        if terms.transaction_type not in entered.TRADES:
            self._move(seen, event.user, event.asset, event.asset_change)
            self._move(seen, other, event.asset, -event.asset_change)
            return
        assert event.currency is not None, "a trade without a currency"
        for user, buys, fee in (
            (event.user, event.asset_change > 0, terms.fee),
            (other, event.asset_change < 0, 0),
        ):
            if user:
                self._trade(
                    seen,
                    user,
                    event.asset,
                    event.currency,
                    buys=buys,
                    quantity=terms.quantity,
                    value=terms.total or 0,
                    fee=fee,
                )

    def _traded(self, seen: Seen, event: ev.Trade) -> None:
        instrument = self._names.instrument(event.symbol)
        base, quote, quantity = instrument.base.code, instrument.quote.code, event.quantity_lots * instrument.lot_units
        taker_buys = event.taker_side == BUY
        for user, buys, fee in (
            (event.taker, taker_buys, event.taker_fee),
            (event.maker, not taker_buys, event.maker_fee),
        ):
            self._trade(seen, user, base, quote, buys=buys, quantity=quantity, value=event.value, fee=fee)

    def _filled_outside(self, seen: Seen, event: ev.OrderFilledOutside) -> None:
        instrument = self._names.instrument(event.symbol)
        self._trade(
            seen,
            event.user,
            instrument.base.code,
            instrument.quote.code,
            buys=event.side == BUY,
            quantity=event.quantity_lots * instrument.lot_units,
            value=event.value,
            fee=event.fee,
        )

    def _busted(self, seen: Seen, event: ev.TradeBusted) -> None:
        for user, buys, fee in ((event.buyer, True, event.buyer_fee), (event.seller, False, event.seller_fee)):
            self._bust(
                seen, user, event.base, event.quote, buys=buys, quantity=event.quantity, value=event.value, fee=fee
            )


_COUNTED: dict[type[ev.Event], Callable[[Figures, Seen, Any], None]] = {
    ev.Deposited: Figures._deposited,
    ev.Withdrawn: Figures._withdrawn,
    ev.Transferred: Figures._transferred,
    ev.TradedOffBook: Figures._traded_off_book,
    ev.TransactionRecorded: Figures._recorded,
    ev.TransactionEntered: Figures._entered,
    ev.TransactionUpdated: Figures._updated,
    ev.Trade: Figures._traded,
    ev.OrderFilledOutside: Figures._filled_outside,
    ev.TradeBusted: Figures._busted,
}


def statistics_row(
    user_id: str, asset: Asset, currency: Asset | None, change: Sequence[Any], known: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What was done with the change, and what was `known` before. A sum too large for its column stays at the largest number there."""
    currency_decimals = currency.decimals if currency else 0
    first, last_done, last = change[FIRST], change[LAST_DONE], change[LAST]
    row = {
        "user_id": user_id,
        "asset": asset.code,
        "currency": currency.code if currency else "",
        "project_id": asset.project_id,
        "asset_decimals": asset.decimals,
        "currency_decimals": currency_decimals,
        "first_at": known["first_at"] if known else first.at,
        "last_at": last_done.at if last_done else known["last_at"] if known else first.at,
        "sequence": last.entry.sequence,
    }
    for place, name in enumerate(COUNTS):
        row[name] = change[place] + (known[name] if known else 0)
    for place, name in enumerate(SUMS, len(COUNTS)):
        in_units = f"{name}_units"
        if known and not change[place]:
            row[in_units], row[name] = known[in_units], known[name]
            continue
        decimals = asset.decimals if name in _OF_ASSET else currency_decimals
        units = change[place] + (_exact(known, name, decimals) if known else 0)
        row[in_units] = max(-LARGEST, min(units, LARGEST))
        row[name] = format_units(units, decimals)
    return row


def _exact(known: Mapping[str, Any], name: str, decimals: int) -> int:
    """The sum that stands there; its text tells what is too much for the number beside it."""
    units: int = known[f"{name}_units"]
    if abs(units) < LARGEST:
        return units
    text: str = known[name]
    exact = parse_units(text.removeprefix("-"), decimals, what=name, most=_WIDEST_SUM)
    return -exact if text.startswith("-") else exact
