"""What the events of orders change; the counterpart of order_rules, without any rule.

Always: an order, its place in the book, its owner's hold and the answer of the command that it came with change together.
"""

from __future__ import annotations

from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES, OUTSIDE
from credit_trading.exchange.client_orders import ClientOrder, placing_id
from credit_trading.exchange.exchange_state import ExchangeState
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import BUY, EXTERNAL, GTD, MARKET, STOP, Order, OrderStatus
from credit_trading.money.amount import RATE_SCALE

_NEW = OrderStatus.NEW.value
_CANCELED, _REJECTED = OrderStatus.CANCELED.value, OrderStatus.REJECTED.value


def order_accepted(state: ExchangeState, entry: ev.Entry, event: ev.OrderAccepted) -> None:
    symbol, number, user, quantity_lots = event.symbol, event.order, event.user, event.quantity_lots
    market = state.markets[symbol]
    instrument = market.instrument
    buys, display_lots = event.side == BUY, event.display_lots
    held_asset = instrument.quote.code if buys else instrument.base.code
    order = Order(
        number,
        user,
        buys,
        event.order_type,
        event.time_in_force,
        event.price_ticks,
        quantity_lots,
        event.maker_ppm,
        event.taker_ppm,
        event.hold,
        held_asset,
        event.expires_at_us,
        event.client_order_id,
        event.stop_ticks,
        display_lots,
        event.post_only,
        event.self_trade,
        entry.time_us,
        event.order_type == MARKET,
        quantity_lots,
        quantity_lots if display_lots is None else min(display_lots, quantity_lots),
        instrument=instrument,
    )
    state.last_order = number
    state.orders[number] = order
    own = state.users[user].open_orders
    if symbol in own:
        own[symbol][number] = order
    else:
        own[instrument.symbol] = {number: order}
    state.accounts.hold(user, held_asset, event.hold)
    if event.stop_ticks is not None:
        market.stops.add(order)
    elif event.route == EXTERNAL:
        order.route = EXTERNAL
        market.external[number] = order
    else:
        (market.book.bids if buys else market.book.asks).add(order)
    answer = state.latest_answer
    answer.order = number
    answer.status = _NEW
    answer.quantity_lots = quantity_lots
    if event.expires_at_us is not None:
        state.expiries.add((event.expires_at_us, number))
        state.find_next_due()
    if event.client_order_id is not None:
        state.client_orders.add(user, event.client_order_id, ClientOrder(entry.cause, answer))
        _remember_by_name_alone(state, entry, user, event.client_order_id)


def order_rejected(state: ExchangeState, entry: ev.Entry, event: ev.OrderRejected) -> None:
    state.last_order = event.order
    answer = state.latest_answer
    answer.code = event.code
    answer.order = event.order
    answer.status = _REJECTED
    answer.quantity_lots = event.quantity_lots
    name = event.client_order_id
    if name is None:
        return
    if state.client_orders.get(event.user, name, time_us=entry.time_us) is None:
        state.client_orders.add(event.user, name, ClientOrder(entry.cause, answer, done_at_us=entry.time_us))
    _remember_by_name_alone(state, entry, event.user, name)


def _remember_by_name_alone(state: ExchangeState, entry: ev.Entry, user: int, name: str) -> None:
    """A command id that only repeats the client order id stands for what that stands for, and for no longer."""
    if entry.cause == placing_id(user, name):
        state.answers.forget_latest()


def order_amended(state: ExchangeState, entry: ev.Entry, event: ev.OrderAmended) -> None:
    order = state.orders[event.order]
    if event.display_lots is not None:
        order.display_lots = event.display_lots
    if event.expires_at_us is not None:
        _expire_at(state, order, event.expires_at_us)
    if event.maker_ppm is not None and event.taker_ppm is not None:
        order.maker_ppm, order.taker_ppm = event.maker_ppm, event.taker_ppm
    remaining_lots = event.quantity_lots - order.filled_lots
    if event.requeued or not remaining_lots:
        _leave(state, order)
    else:
        _show(state, order, min(order.shown_lots, order.slice_of(remaining_lots)))
    _set_hold(state, order, event.hold)
    order.price_ticks = event.price_ticks
    order.quantity_lots = event.quantity_lots
    order.remaining_lots = remaining_lots
    order.version += 1
    if not remaining_lots:
        _forget(state, order, entry.time_us)
    elif event.requeued:
        _enter(state, order)
    _answer(state, entry, order, order.status)


def order_triggered(state: ExchangeState, _: ev.Entry, event: ev.OrderTriggered) -> None:
    order = state.orders[event.order]
    _leave(state, order)
    _set_hold(state, order, event.hold)
    order.stop_ticks = None
    order.price_ticks = event.price_ticks
    order.at_market = order.order_type == STOP
    order.version += 1
    _enter(state, order)


def order_refreshed(state: ExchangeState, _: ev.Entry, event: ev.OrderRefreshed) -> None:
    order = state.orders[event.order]
    _leave(state, order)
    order.shown_lots = event.shown_lots
    order.version += 1
    state.markets[order.instrument.symbol].book.side(buys=order.buys).add(order)


def order_reduced(state: ExchangeState, entry: ev.Entry, event: ev.OrderReduced) -> None:
    order = state.orders[event.order]
    remaining_lots = event.quantity_lots - order.filled_lots
    _show(state, order, min(order.shown_lots, remaining_lots))
    _set_hold(state, order, event.hold)
    order.quantity_lots = event.quantity_lots
    order.remaining_lots = remaining_lots
    order.version += 1
    _answer(state, entry, order, order.status)


def order_canceled(state: ExchangeState, entry: ev.Entry, event: ev.OrderCanceled) -> None:
    order = state.orders[event.order]
    _close(state, order, event.released, entry.time_us)
    _answer(state, entry, order, _CANCELED, event.reason)
    if entry.cause == state.latest_id and not state.latest_answer.order:
        state.latest_answer.orders += 1


def order_expired(state: ExchangeState, entry: ev.Entry, event: ev.OrderExpired) -> None:
    _close(state, state.orders[event.order], event.released, entry.time_us)


def order_filled_outside(state: ExchangeState, entry: ev.Entry, event: ev.OrderFilledOutside) -> None:
    order = state.orders[event.order]
    instrument = order.instrument
    if event.quantity_lots == order.remaining_lots:
        _leave(state, order)
        _forget(state, order, entry.time_us)
    order.remaining_lots -= event.quantity_lots
    order.shown_lots = order.remaining_lots
    order.version += 1
    order.filled_value += event.value
    order.fees_paid += event.fee
    _set_hold(state, order, order.hold - event.released)
    direction = 1 if order.buys else -1
    quantity = instrument.quantity_units(event.quantity_lots)
    state.accounts.move(OUTSIDE, order.user, instrument.base.code, direction * quantity)
    state.accounts.move(OUTSIDE, order.user, instrument.quote.code, -direction * event.value - event.fee)
    _answer(state, entry, order, order.status)


def trade(state: ExchangeState, entry: ev.Entry, event: ev.Trade) -> None:
    market = state.markets[event.symbol]
    instrument = market.instrument
    lots, value, taker_fee, maker_fee = event.quantity_lots, event.value, event.taker_fee, event.maker_fee
    taker, maker = state.orders[event.taker_order], state.orders[event.maker_order]
    _fill(state, market, maker, lots, value, maker_fee, maker.maker_ppm, event.maker_released, entry.time_us)
    shown_lots = taker.shown_lots
    _fill(state, market, taker, lots, value, taker_fee, taker.taker_ppm, event.taker_released, entry.time_us)
    if taker.display_lots is not None and taker.remaining_lots:
        _show(state, taker, min(shown_lots, taker.remaining_lots))
    if taker.buys:
        buyer, seller, buyer_fee, seller_fee = taker.user, maker.user, taker_fee, maker_fee
    else:
        buyer, seller, buyer_fee, seller_fee = maker.user, taker.user, maker_fee, taker_fee
    post = state.accounts.post
    base, quote, quantity = instrument.base.code, instrument.quote.code, lots * instrument.lot_units
    post(seller, base, -quantity)
    post(buyer, base, quantity)
    post(buyer, quote, -value - buyer_fee)
    post(seller, quote, value - seller_fee)
    if buyer_fee or seller_fee:
        post(FEES, quote, buyer_fee + seller_fee)
    state.last_trade = event.trade
    market.last_price_ticks = event.price_ticks
    _answer(state, entry, taker, taker.status)
    _answer(state, entry, maker, maker.status)  # the command's own order, where a stop that it elected trades with it


def _fill(
    state: ExchangeState,
    market: Market,
    order: Order,
    lots: int,
    value: int,
    fee: int,
    rate_ppm: int,
    released: int,
    time_us: int,
) -> None:
    side = market.book.bids if order.buys else market.book.asks
    if lots == order.remaining_lots:
        side.remove(order)
        _forget(state, order, time_us)
    else:
        side.reduce(order, lots)
    order.remaining_lots -= lots
    order.shown_lots -= lots
    order.version += 1
    order.filled_value += value
    order.hold -= released
    state.accounts.hold(order.user, order.held_asset, -released)
    if rate_ppm:
        order.fees_paid += fee
        order.fee_part_ppm = (order.fee_part_ppm + rate_ppm * value) % RATE_SCALE


# What the changes above have in common


def _enter(state: ExchangeState, order: Order) -> None:
    """To the back of the queue at its price, showing a whole slice; a waiting stop among its like. Never one that is external."""
    market = state.markets[order.instrument.symbol]
    if order.stop_ticks is None:
        order.shown_lots = order.slice_of(order.remaining_lots)
        market.book.side(buys=order.buys).add(order)
    else:
        market.stops.add(order)


def _leave(state: ExchangeState, order: Order) -> None:
    market = state.markets[order.instrument.symbol]
    if order.stop_ticks is not None:
        market.stops.remove(order)
    elif order.route == EXTERNAL:
        del market.external[order.number]
    else:
        (market.book.bids if order.buys else market.book.asks).remove(order)


def _show(state: ExchangeState, order: Order, shown_lots: int) -> None:
    """The order keeps its place and shows that much."""
    if order.stop_ticks is None:
        side = state.markets[order.instrument.symbol].book.side(buys=order.buys)
        side.reduce(order, order.shown_lots - shown_lots)
    order.shown_lots = shown_lots


def _set_hold(state: ExchangeState, order: Order, hold: int) -> None:
    state.accounts.hold(order.user, order.held_asset, hold - order.hold)
    order.hold = hold


def _expire_at(state: ExchangeState, order: Order, expires_at_us: int) -> None:
    if order.expires_at_us is not None:
        state.expiries.remove((order.expires_at_us, order.number))
    order.expires_at_us = expires_at_us
    order.time_in_force = GTD
    state.expiries.add((expires_at_us, order.number))
    state.find_next_due()


def _close(state: ExchangeState, order: Order, released: int, time_us: int) -> None:
    """The order ends with something left, and its whole hold goes back to its owner."""
    assert order.hold == released, f"order {order.number} holds {order.hold}, and {released} is released"
    _leave(state, order)
    _forget(state, order, time_us)
    state.accounts.hold(order.user, order.held_asset, -released)


def _forget(state: ExchangeState, order: Order, time_us: int) -> None:
    """The order is done."""
    number = order.number
    del state.orders[number]
    del state.users[order.user].open_orders[order.instrument.symbol][number]
    if order.expires_at_us is not None:
        state.expiries.remove((order.expires_at_us, number))
        state.find_next_due()
    if order.client_order_id is not None:
        state.client_orders.close(order.user, order.client_order_id, time_us=time_us)


def _answer(state: ExchangeState, entry: ev.Entry, order: Order, status: str, reason: str = "") -> None:
    """How the command's own order, which its first event names, stands now; other orders leave the answer alone."""
    answer = state.latest_answer
    if entry.content is not None:
        answer.order = order.number
    elif answer.order != order.number or entry.cause != state.latest_id:
        return
    answer.status = status
    answer.reason = reason
    quantity_lots, remaining_lots = order.quantity_lots, order.remaining_lots
    answer.quantity_lots = quantity_lots
    if remaining_lots != quantity_lots:
        answer.filled_lots = quantity_lots - remaining_lots
        answer.filled_value = order.filled_value
        answer.fees = order.fees_paid
