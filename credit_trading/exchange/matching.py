"""Price-time priority: an incoming order against the other side of the book, at the makers' prices.

Here: who trades with whom, how much, and for which fee; what happens where a user would trade with themselves. Never here: whether the
order may come in at all, and what becomes of its rest (order_rules).
Always: a trade happens at the resting order's price, the oldest at the best price first; a user never trades with themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.exchange import events as ev
from credit_trading.exchange.book import BookSide
from credit_trading.exchange.fees import affordable_lots, buy_hold, fee_of, next_fee_part, required_hold
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import BUY, CANCEL_NEWEST, SELL, CancelReason, Order, SelfTrade
from credit_trading.exchange.replica import Replica
from credit_trading.money.amount import MAX_UNITS, RATE_SCALE

Emit = Callable[[ev.Event], None]

_CANCEL_OLDEST, _CANCEL_BOTH = SelfTrade.CANCEL_OLDEST.value, SelfTrade.CANCEL_BOTH.value


def crosses(*, buys: bool, limit_ticks: int, price_ticks: int) -> bool:
    """Whether an order with that limit trades at that opposite price."""
    return price_ticks <= limit_ticks if buys else price_ticks >= limit_ticks


def collar_ticks(market: Market, *, buys: bool) -> int:
    """The worst price at which an order at market may trade: the best opposite price and the collar, rounded towards that price.

    0 where the other side is empty.
    """
    best = market.book.side(buys=not buys).best()
    if best is None:
        return 0
    reach = best.price_ticks * market.rules.collar_ppm // RATE_SCALE
    return min(best.price_ticks + reach, MAX_UNITS) if buys else max(best.price_ticks - reach, 1)


def would_take(market: Market, *, buys: bool, limit_ticks: int) -> bool:
    """Whether an order with that limit would trade on arrival, with whomever."""
    if buys:
        best = market.book.asks.best()
        return best is not None and best.price_ticks <= limit_ticks
    best = market.book.bids.best()
    return best is not None and best.price_ticks >= limit_ticks


def can_fill(opposite: BookSide, order: Order) -> bool:
    """Whether all of `order` would trade at once (FIX FOK), with what icebergs hide too.

    An order of the same user in the way counts as the end of the book, unless it would be canceled and passed over. It is met before
    what the icebergs of its level hide, even those that stand before it: their next slices queue behind.
    """
    missing = order.quantity_lots
    for level in opposite.levels():
        if not crosses(buys=order.buys, limit_ticks=order.price_ticks, price_ticks=level.price_ticks):
            return False
        hidden_lots = 0
        for maker in level.orders.values():
            if maker.user != order.user:
                missing -= maker.shown_lots
                hidden_lots += maker.remaining_lots - maker.shown_lots
                if missing <= 0:
                    return True
            elif order.self_trade != _CANCEL_OLDEST:
                return False
        missing -= hidden_lots
        if missing <= 0:
            return True
    return False


def match(replica: Replica, market: Market, taker: Order, emit: Emit) -> tuple[int, CancelReason | None]:
    """Emits the trades of `taker`: the price of the first, 0 without one; and a reason if it has to be canceled with something left.

    `taker` stands in the book already (on its own side), and each emitted event changes it and its makers.
    """
    buys, limit_ticks = taker.buys, taker.price_ticks
    opposite = market.book.side(buys=not buys)
    first_ticks = 0
    while taker.remaining_lots:
        level = opposite.best()
        if level is None or (level.price_ticks > limit_ticks if buys else level.price_ticks < limit_ticks):
            break
        maker = next(iter(level.orders.values()))
        if maker.user == taker.user:
            if _prevent_self_trade(taker, maker, emit):
                return first_ticks, CancelReason.SELF_TRADE
            continue
        lots = _lots(taker, maker)
        if not lots:
            return first_ticks, CancelReason.FUNDS_EXHAUSTED
        emit(_trade(replica.last_trade + 1, taker, maker, lots))
        first_ticks = first_ticks or level.price_ticks
        if not maker.shown_lots and maker.remaining_lots:
            emit(ev.OrderRefreshed(maker.user, maker.number, maker.slice_of(maker.remaining_lots)))
    return first_ticks, None


def _prevent_self_trade(taker: Order, maker: Order, emit: Emit) -> bool:
    """What the taker's mode does to the maker, and to the taker where it goes on; whether the taker is done."""
    mode = taker.self_trade
    if mode == CANCEL_NEWEST:
        return True
    overlap_lots = min(taker.remaining_lots, maker.remaining_lots)
    if mode in (_CANCEL_OLDEST, _CANCEL_BOTH) or overlap_lots == maker.remaining_lots:
        emit(ev.OrderCanceled(maker.user, maker.number, CancelReason.SELF_TRADE.value, maker.hold))
    else:
        emit(_reduced(maker, overlap_lots))
    if mode == _CANCEL_OLDEST:
        return False
    if mode == _CANCEL_BOTH or overlap_lots == taker.remaining_lots:
        return True
    emit(_reduced(taker, overlap_lots))
    return False


def _reduced(order: Order, lots: int) -> ev.OrderReduced:
    """An order at market keeps its hold: what is left of it is cut off by that, and given back at the end."""
    hold = order.hold
    if not (order.at_market and order.buys):
        hold = required_hold(order, price_ticks=order.price_ticks, remaining_lots=order.remaining_lots - lots)
    return ev.OrderReduced(order.user, order.number, order.quantity_lots - lots, hold)


def _lots(taker: Order, maker: Order) -> int:
    """How much the two trade: no more than the maker shows. A market buy is cut off before a fill that its hold cannot pay."""
    lots = min(taker.remaining_lots, maker.shown_lots)
    if not (taker.at_market and taker.buys):
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
    if order.at_market:
        return value + fee
    return order.hold - buy_hold(
        value=order.price_ticks * remaining * order.instrument.tick_lot_value,
        fee_part_ppm=next_fee_part(fee_part_ppm=order.fee_part_ppm, rate_ppm=rate_ppm, value=value),
        maker_ppm=order.maker_ppm,
        taker_ppm=order.taker_ppm,
    )
