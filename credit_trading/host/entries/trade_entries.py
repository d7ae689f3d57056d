"""What the activity log says of trades: of the match itself, and of what it fills.

Here: the entries of trades, of fills from outside, and of trades that are taken back. Never here: what else becomes of an order
(order_entries), deals off the book (money_entries).
Always: a trade is told once, of its buyer, and once for each of its two orders.
"""

from __future__ import annotations

from credit_trading.exchange import events as ev
from credit_trading.exchange.order import BUY, OrderStatus
from credit_trading.host.entries.entry import EntryType, Orders, entry, fee_words
from credit_trading.host.entries.order_entries import name_of
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow, OrderRow
from credit_trading.money import Instrument
from credit_trading.money.amount import format_units

_FILLED = OrderStatus.FILLED.value
_ORDER_FILLED, _PARTLY_FILLED = EntryType.ORDER_FILLED.value, EntryType.ORDER_PARTLY_FILLED.value
_TRADE, _BUSTED = EntryType.TRADE.value, EntryType.TRADE_BUSTED.value


def traded(seen: Seen, event: ev.Trade, orders: Orders, names: Names) -> list[ActivityRow]:
    """The trade, then the taker's order, then the maker's."""
    instrument = names.instrument(event.symbol)
    fill = _Fill(
        instrument, event.quantity_lots, instrument.format_price(event.price_ticks), event.value, event.trade, ""
    )
    taker, maker = orders[event.taker_order], orders[event.maker_order]
    buyer, seller = (taker, maker) if event.taker_side == BUY else (maker, taker)
    sentence = f"{buyer['user_id']} bought {fill.words} from {seller['user_id']} {fill.at}"
    trade = entry(
        seen,
        _TRADE,
        sentence,
        user_id=buyer["user_id"],
        counterparty_id=seller["user_id"],
        project_id=instrument.base.project_id,
        instrument=instrument.symbol,
        asset=instrument.base.code,
        currency=instrument.quote.code,
        trade_id=event.trade,
        quantity_units=fill.quantity_units,
        value_units=event.value,
        quantity=fill.quantity,
        price=fill.price,
        value=fill.value,
    )
    return [
        trade,
        fill.entry(seen, taker, event.taker_fee, part=1),
        fill.entry(seen, maker, event.maker_fee, part=2),
    ]


def filled_outside(seen: Seen, event: ev.OrderFilledOutside, orders: Orders, names: Names) -> list[ActivityRow]:
    order = orders[event.order]
    instrument = names.instrument(event.symbol)
    fill = _Fill(
        instrument, event.quantity_lots, format_units(event.price, event.price_decimals), event.value, None, " outside"
    )
    return [fill.entry(seen, order, event.fee, part=0)]


def busted(seen: Seen, event: ev.TradeBusted, _: Orders, names: Names) -> list[ActivityRow]:
    buyer, seller = names.user_id(event.buyer), names.user_id(event.seller)
    base, quote = names.asset(event.base), names.asset(event.quote)
    quantity, value = base.format(event.quantity), quote.format(event.value)
    sentence = (
        f"trade {event.trade} was taken back: {buyer} had bought {quantity} {base.code} from {seller}"
        f" for {value} {quote.code}"
    )
    return [
        entry(
            seen,
            _BUSTED,
            sentence,
            user_id=buyer,
            counterparty_id=seller,
            project_id=base.project_id,
            instrument=event.symbol,
            asset=base.code,
            currency=quote.code,
            trade_id=event.trade,
            quantity_units=event.quantity,
            value_units=event.value,
            quantity=quantity,
            value=value,
        )
    ]


class _Fill:
    """One match, told once for the trade and once for each order: `quantity_lots` for `value_units` of the quote."""

    __slots__ = ("at", "instrument", "price", "quantity", "quantity_units", "trade_id", "value", "value_units", "words")

    def __init__(
        self,
        instrument: Instrument,
        quantity_lots: int,
        price: str,
        value_units: int,
        trade_id: int | None,
        where: str,
    ) -> None:
        self.instrument, self.price, self.value_units, self.trade_id = instrument, price, value_units, trade_id
        self.quantity_units = instrument.quantity_units(quantity_lots)
        self.quantity = instrument.base.format(self.quantity_units)
        self.value = instrument.quote.format(value_units)
        quote = instrument.quote.code
        self.words = f"{self.quantity} {instrument.base.code}"
        self.at = f"at {price} {quote} ({self.value} {quote}){where}"

    def entry(self, seen: Seen, order: OrderRow, fee: int, *, part: int) -> ActivityRow:
        instrument = self.instrument
        base = instrument.base
        if order["status"] == _FILLED:
            type_, how, left = _ORDER_FILLED, "was filled", ""
        else:
            type_, how = _PARTLY_FILLED, "was partly filled"
            remaining = format_units(order["quantity_units"] - order["filled_units"], base.decimals)
            left = f"; {remaining} {base.code} left"
        did = "bought" if order["side"] == BUY else "sold"
        sentence = f"{name_of(order)} {how}: {did} {self.words} {self.at}{fee_words(fee, instrument.quote)}{left}"
        return entry(
            seen,
            type_,
            sentence,
            part=part,
            user_id=order["user_id"],
            project_id=base.project_id,
            instrument=instrument.symbol,
            asset=base.code,
            currency=instrument.quote.code,
            order_id=order["order_id"],
            trade_id=self.trade_id,
            side=order["side"],
            quantity_units=self.quantity_units,
            value_units=self.value_units,
            quantity=self.quantity,
            price=self.price,
            value=self.value,
            status=order["status"],
        )
