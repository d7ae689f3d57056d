"""Price-time priority: an incoming order against the other side of the book, at the makers' prices.

Here: who trades with whom, how much, and for which fee. Never here: whether the order may come in at all (engine).
Always: a trade happens at the resting order's price, the oldest at the best price first; a user never trades with themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.exchange import events as ev
from credit_trading.exchange.book import BookSide
from credit_trading.exchange.fees import affordable_lots, buy_hold, fee_of, next_fee_part
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import BUY, MARKET, SELL, CancelReason, Order
from credit_trading.exchange.replica import Replica
from credit_trading.money import Instrument
from credit_trading.money.amount import MAX_UNITS, RATE_SCALE

Emit = Callable[[ev.Event], None]


def crosses(*, buys: bool, limit_ticks: int, price_ticks: int) -> bool:
    """Whether an order with that limit trades at that opposite price."""
    return price_ticks <= limit_ticks if buys else price_ticks >= limit_ticks


def collar_ticks(instrument: Instrument, *, buys: bool, best_ticks: int) -> int:
    """The worst price at which a market order may trade: the best opposite price and the collar, rounded towards that price."""
    reach = best_ticks * instrument.collar_ppm // RATE_SCALE
    return min(best_ticks + reach, MAX_UNITS) if buys else max(best_ticks - reach, 1)


def can_fill(opposite: BookSide, order: Order) -> bool:
    """Whether all of `order` would trade at once; an order of the same user in the way counts as the end of the book (FIX FOK)."""
    missing = order.quantity_lots
    for level in opposite.levels():
        if not crosses(buys=order.buys, limit_ticks=order.price_ticks, price_ticks=level.price_ticks):
            return False
        for maker in level.orders.values():
            if maker.user == order.user:
                return False
            missing -= maker.remaining_lots
            if missing <= 0:
                return True
    return False


def match(replica: Replica, market: Market, taker: Order, emit: Emit) -> CancelReason | None:
    """Emits the trades of `taker`; a reason if it has to be canceled with something left, else None.

    `taker` stands in the book already (on its own side), and each emitted trade changes it and its makers.
    """
    opposite = market.book.side(buys=not taker.buys)
    while taker.remaining_lots:
        level = opposite.best()
        if level is None or not crosses(buys=taker.buys, limit_ticks=taker.price_ticks, price_ticks=level.price_ticks):
            return None
        maker = next(iter(level.orders.values()))
        if maker.user == taker.user:
            return CancelReason.SELF_TRADE
        lots = _lots(taker, maker)
        if not lots:
            return CancelReason.FUNDS_EXHAUSTED
        emit(_trade(replica.last_trade + 1, taker, maker, lots))
    return None


def _lots(taker: Order, maker: Order) -> int:
    """How much the two trade. A market buy is cut off before a fill that its hold cannot pay."""
    lots = min(taker.remaining_lots, maker.remaining_lots)
    if not taker.buys or taker.order_type != MARKET:
        return lots
    return affordable_lots(
        funds=taker.hold,
        lot_value=maker.price_ticks * taker.instrument.tick_lot_value,
        fee_part_ppm=taker.fee_part_ppm,
        rate_ppm=taker.taker_ppm,
        most_lots=lots,
    )


def _trade(number: int, taker: Order, maker: Order, lots: int) -> ev.Trade:
    price_ticks = maker.price_ticks
    value = price_ticks * lots * maker.instrument.tick_lot_value
    taker_fee = fee_of(fee_part_ppm=taker.fee_part_ppm, rate_ppm=taker.taker_ppm, value=value)
    maker_fee = fee_of(fee_part_ppm=maker.fee_part_ppm, rate_ppm=maker.maker_ppm, value=value)
    return ev.Trade(
        number,
        maker.instrument.symbol,
        price_ticks,
        lots,
        value,
        BUY if taker.buys else SELL,
        taker.user,
        taker.number,
        taker_fee,
        _released(taker, lots, value, taker.taker_ppm, taker_fee),
        maker.user,
        maker.number,
        maker_fee,
        _released(maker, lots, value, maker.maker_ppm, maker_fee),
    )


def _released(order: Order, lots: int, value: int, rate_ppm: int, fee: int) -> int:
    """How much of the order's hold a fill sets free: all that the rest of the order no longer needs."""
    remaining = order.remaining_lots - lots
    if not remaining:
        return order.hold
    if not order.buys:
        return lots * order.instrument.lot_units
    if order.order_type == MARKET:
        return value + fee
    return order.hold - buy_hold(
        value=order.price_ticks * remaining * order.instrument.tick_lot_value,
        fee_part_ppm=next_fee_part(fee_part_ppm=order.fee_part_ppm, rate_ppm=rate_ppm, value=value),
        maker_ppm=order.maker_ppm,
        taker_ppm=order.taker_ppm,
    )
