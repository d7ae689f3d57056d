"""The rules of orders: placing, canceling, triggering.

Here: what becomes of an order that comes in, and in which order things happen. Never here: which check refuses it (order_checks), who
trades with whom (matching).
"""

from __future__ import annotations

import heapq

from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange import order_checks as checks
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.fees import buy_hold, required_hold
from credit_trading.exchange.market import Market
from credit_trading.exchange.matching import can_fill, collar_ticks, match, would_take
from credit_trading.exchange.order import (
    BUY,
    DAY,
    FOK,
    INTERNAL,
    IOC,
    LIMIT,
    MARKET,
    REQUESTED,
    SELL,
    STOP,
    STOP_LIMIT,
    CancelReason,
    Order,
)
from credit_trading.exchange.rejections import Rejection
from credit_trading.money.amount import MAX_UNITS

_AT_ONCE = (IOC, FOK)


def place(run: Decision, command: cmd.PlaceOrder) -> None:
    user = run.user(command.user)
    market = run.market(command.symbol)
    stop_ticks, price_ticks, buys, force = command.stop_ticks, command.price_ticks, command.buys, command.time_in_force
    if stop_ticks is None:
        order_type = MARKET if price_ticks is None else LIMIT
        limit_ticks = price_ticks or collar_ticks(market, buys=buys)
    else:
        order_type = STOP if price_ticks is None else STOP_LIMIT
        limit_ticks = price_ticks or 0
    maker_ppm, taker_ppm = market.rates_of(user.number)
    if buys:
        hold = _buy_hold(run, market, command, limit_ticks, maker_ppm, taker_ppm)
    else:
        hold = command.quantity_lots * market.instrument.lot_units
    expires_at_us = market.boundaries.closes_at_us if force == DAY else command.expires_at_us
    code = checks.refusal(run, user, market, command, limit_ticks=limit_ticks, expires_at_us=expires_at_us, hold=hold)
    if code is not None:
        run.emit(rejected(run, market, command, code, order_type, expires_at_us))
        return
    number = run.replica.last_order + 1
    run.emit(
        ev.OrderAccepted(
            user.number,
            number,
            command.symbol,
            BUY if buys else SELL,
            order_type,
            force,
            limit_ticks,
            command.quantity_lots,
            hold,
            maker_ppm,
            taker_ppm,
            expires_at_us,
            command.client_order_id,
            stop_ticks,
            command.display_lots,
            command.post_only,
            command.self_trade or market.rules.self_trade,
        )
    )
    if stop_ticks is None and (force in _AT_ONCE or would_take(market, buys=buys, limit_ticks=limit_ticks)):
        enter(run, market, run.replica.orders[number])


def rejected(
    run: Decision,
    market: Market,
    command: cmd.PlaceOrder | cmd.PlaceExternalOrder,
    code: Rejection,
    order_type: str,
    expires_at_us: int | None,
    *,
    route: str = INTERNAL,
) -> ev.OrderRejected:
    return ev.OrderRejected(
        command.user,
        run.replica.last_order + 1,
        command.symbol,
        BUY if command.buys else SELL,
        order_type,
        command.time_in_force,
        command.quantity_lots,
        code.value,
        command.price_ticks,
        expires_at_us,
        command.client_order_id,
        command.stop_ticks,
        command.display_lots,
        command.post_only,
        command.self_trade or market.rules.self_trade,
        route,
    )


def _buy_hold(
    run: Decision, market: Market, command: cmd.PlaceOrder, limit_ticks: int, maker_ppm: int, taker_ppm: int
) -> int:
    """What a new buy must hold: at market no more than there is, as a stop that will be one nothing yet."""
    instrument = market.instrument
    if not limit_ticks:
        return 0
    hold = buy_hold(
        value=limit_ticks * command.quantity_lots * instrument.tick_lot_value,
        fee_part_ppm=0,
        maker_ppm=maker_ppm,
        taker_ppm=taker_ppm,
    )
    if command.price_ticks is None:
        return min(hold, max(run.replica.accounts.available(command.user, instrument.quote.code), 1))
    return hold


def enter(run: Decision, market: Market, order: Order) -> None:
    """An order that just came into the book, or was amended so that it lost its place, and the stops that its trades elect.

    Elected stops come in one after the other, always the one that was accepted first; each may elect more, none twice.
    """
    before_ticks = market.last_price_ticks
    first_ticks = _work(run, market, order)
    if not first_ticks or not len(market.stops):
        return
    elected: list[int] = []
    highest, lowest = (0, MAX_UNITS + 1) if before_ticks is None else (before_ticks, before_ticks)
    while True:
        if first_ticks:
            last_ticks = market.last_price_ticks or first_ticks
            low, high = min(first_ticks, last_ticks), max(first_ticks, last_ticks)
            for number in market.stops.buys_up_to(high, above=highest):
                heapq.heappush(elected, number)
            for number in market.stops.sells_down_to(low, below=lowest):
                heapq.heappush(elected, number)
            highest, lowest = max(high, highest), min(low, lowest)
        if not elected:
            return
        first_ticks = _trigger(run, market, run.replica.orders[heapq.heappop(elected)])


def _work(run: Decision, market: Market, order: Order) -> int:
    """Trades what it can; the rest stays or is canceled. Returns the price of its first trade, 0 without one.

    Its other trades lie between that price and the last trade's.
    """
    if order.time_in_force == FOK and not can_fill(market.book.side(buys=not order.buys), order):
        cancel(run, order, CancelReason.FILL_OR_KILL)
        return 0
    first_ticks, reason = match(run.replica, market, order, run.emit)
    if order.remaining_lots:
        if reason is None and order.at_market:
            reason = CancelReason.COLLAR_REACHED
        elif reason is None and order.time_in_force == IOC:
            reason = CancelReason.IMMEDIATE_OR_CANCEL
        if reason is not None:
            cancel(run, order, reason)
    return first_ticks


def _trigger(run: Decision, market: Market, order: Order) -> int:
    """A stop comes in (FIX ExecType L); one that goes at market is funded only now. Returns as `_work` does."""
    limit_ticks, hold = order.price_ticks, order.hold
    if order.order_type == STOP:
        limit_ticks = collar_ticks(market, buys=order.buys)
        if not limit_ticks:
            cancel(run, order, CancelReason.NO_OPPOSITE_PRICE)
            return 0
        if order.buys:
            worst = required_hold(order, price_ticks=limit_ticks, remaining_lots=order.remaining_lots)
            hold = min(worst, run.replica.accounts.available(order.user, order.held_asset))
            if not hold:
                cancel(run, order, CancelReason.FUNDS_EXHAUSTED)
                return 0
    run.emit(ev.OrderTriggered(order.user, order.number, limit_ticks, hold))
    return _work(run, market, order)


def cancel(run: Decision, order: Order, reason: CancelReason) -> None:
    run.emit(ev.OrderCanceled(order.user, order.number, reason.value, order.hold))


def cancel_order(run: Decision, command: cmd.CancelOrder) -> None:
    user = command.user
    run.user(user)
    order = run.own_order(user, command.order, command.client_order_id)
    if order is None:
        run.reject(user, Rejection.ORDER_NOT_OPEN, order=command.order)
    else:
        run.emit(ev.OrderCanceled(user, order.number, REQUESTED, order.hold))


def cancel_orders(run: Decision, command: cmd.CancelOrders) -> None:
    """All of them or, where a name is unknown, none."""
    orders = _open_orders(run, command)
    run.emit(ev.OrdersMassCanceled(len(orders), command.user, command.symbol))
    for order in orders:
        cancel(run, order, CancelReason.MASS_CANCEL)


def _open_orders(run: Decision, command: cmd.CancelOrders) -> list[Order]:
    """By number."""
    if command.symbol is not None:
        run.market(command.symbol)
    if command.user is not None:
        return run.user(command.user).open_orders_in(command.symbol)
    if command.symbol is None:
        raise run.fail(InvalidInput, "", "neither a user nor an instrument is named", "Name one of them, or both.")
    orders = run.replica.orders
    return [orders[number] for number in sorted(orders) if orders[number].instrument.symbol == command.symbol]
