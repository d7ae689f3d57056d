"""The rules of orders: placing, amending, canceling.

Here: what is checked, in the order of `Rejection`, what an order must hold, and what becomes of one that just came in. Never here: who
trades with whom (matching).
"""

from __future__ import annotations

from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.fees import buy_hold, required_hold
from credit_trading.exchange.market import Market
from credit_trading.exchange.matching import can_fill, collar_ticks, match
from credit_trading.exchange.order import BUY, LIMIT, MARKET, SELL, CancelReason, Order, TimeInForce
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.replica import Replica
from credit_trading.money.amount import MAX_UNITS

_RESTING = (TimeInForce.GTC.value, TimeInForce.GTD.value)
_FOK = TimeInForce.FOK.value


def place(run: Decision, command: cmd.PlaceOrder) -> None:
    replica = run.replica
    run.user(command.user)
    market = run.market(command.symbol)
    number = replica.last_order + 1
    order_type = MARKET if command.price_ticks is None else LIMIT
    side = BUY if command.buys else SELL
    price_ticks = command.price_ticks or _collar(market, buys=command.buys)
    hold = _new_hold(replica, market, command, price_ticks) if price_ticks else 0
    code = _refusal(run, market, command, price_ticks, hold)
    if code is not None:
        run.emit(
            ev.OrderRejected(
                command.user,
                number,
                command.symbol,
                side,
                order_type,
                command.time_in_force,
                command.quantity_lots,
                code.value,
                command.price_ticks,
                command.expires_at_us,
                command.client_order_id,
            )
        )
        return
    instrument = market.instrument
    run.emit(
        ev.OrderAccepted(
            command.user,
            number,
            command.symbol,
            side,
            order_type,
            command.time_in_force,
            price_ticks,
            command.quantity_lots,
            hold,
            instrument.maker_ppm,
            instrument.taker_ppm,
            command.expires_at_us,
            command.client_order_id,
        )
    )
    _enter(run, market, replica.orders[number])


def _collar(market: Market, *, buys: bool) -> int:
    """The limit of a market order; 0 where the other side is empty."""
    best = market.book.side(buys=not buys).best()
    return collar_ticks(market.instrument, buys=buys, best_ticks=best.price_ticks) if best else 0


def _new_hold(replica: Replica, market: Market, command: cmd.PlaceOrder, price_ticks: int) -> int:
    instrument = market.instrument
    if not command.buys:
        return instrument.quantity_units(command.quantity_lots)
    hold = buy_hold(
        value=instrument.value(price_ticks=price_ticks, quantity_lots=command.quantity_lots),
        fee_part_ppm=0,
        maker_ppm=instrument.maker_ppm,
        taker_ppm=instrument.taker_ppm,
    )
    if command.price_ticks is None:
        return min(hold, max(replica.accounts.available(command.user, instrument.quote.code), 1))
    return hold


def _refusal(run: Decision, market: Market, command: cmd.PlaceOrder, price_ticks: int, hold: int) -> Rejection | None:
    """The first check that fails, in the order of `Rejection`."""
    replica, instrument = run.replica, market.instrument
    if market.halted:
        return Rejection.INSTRUMENT_HALTED
    client_order_id = command.client_order_id
    if client_order_id is not None and (command.user, client_order_id) in replica.client_orders:
        return Rejection.DUPLICATE_CLIENT_ORDER_ID
    if command.expires_at_us is not None and command.expires_at_us <= run.time_us:
        return Rejection.EXPIRES_IN_THE_PAST
    if not price_ticks:
        return Rejection.NO_OPPOSITE_PRICE
    value = price_ticks * command.quantity_lots * instrument.tick_lot_value
    if value > MAX_UNITS or hold > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    held_asset = instrument.quote.code if command.buys else instrument.base.code
    if hold > replica.accounts.available(command.user, held_asset):
        return Rejection.INSUFFICIENT_FUNDS
    return None


def _enter(run: Decision, market: Market, order: Order) -> None:
    """An order that was just accepted, or amended so that it lost its place: it trades what it can; the rest stays or is canceled."""
    if order.time_in_force == _FOK and not can_fill(market.book.side(buys=not order.buys), order):
        cancel(run, order, CancelReason.FILL_OR_KILL)
        return
    reason = match(run.replica, market, order, run.emit)
    if order.remaining_lots and reason is None and order.time_in_force not in _RESTING:
        market_order = order.order_type == MARKET
        reason = CancelReason.COLLAR_REACHED if market_order else CancelReason.IMMEDIATE_OR_CANCEL
    if reason is not None:
        cancel(run, order, reason)


def cancel(run: Decision, order: Order, reason: CancelReason) -> None:
    run.emit(ev.OrderCanceled(order.user, order.number, reason.value, order.hold))


def cancel_order(run: Decision, command: cmd.CancelOrder) -> None:
    run.user(command.user)
    order = run.own_order(command.user, command.order, command.client_order_id)
    if order is None:
        run.reject(command.user, Rejection.ORDER_NOT_OPEN, order=command.order)
    else:
        cancel(run, order, CancelReason.REQUESTED)


def amend_order(run: Decision, command: cmd.AmendOrder) -> None:
    replica = run.replica
    run.user(command.user)
    order = run.own_order(command.user, command.order, command.client_order_id)
    if order is None:
        run.reject(command.user, Rejection.ORDER_NOT_OPEN, order=command.order)
        return
    if order.instrument.symbol != command.symbol:
        problem = f"the order is one of {order.instrument.symbol}"
        raise run.fail(InvalidInput, command.symbol, problem, "Name the order's own instrument.")
    market = replica.markets[order.instrument.symbol]
    price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
    quantity_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
    remaining_lots = quantity_lots - order.filled_lots
    hold = required_hold(order, price_ticks=price_ticks, remaining_lots=max(remaining_lots, 0))
    code = _amend_refusal(replica, market, order, price_ticks, quantity_lots, hold)
    if code is not None:
        run.reject(command.user, code, order=order.number)
        return
    requeued = price_ticks != order.price_ticks or quantity_lots > order.quantity_lots
    run.emit(ev.OrderAmended(order.user, order.number, price_ticks, quantity_lots, hold, requeued))
    if requeued and remaining_lots:
        _enter(run, market, order)


def _amend_refusal(
    replica: Replica, market: Market, order: Order, price_ticks: int, quantity_lots: int, hold: int
) -> Rejection | None:
    """The first check that fails, in the order of `Rejection`."""
    if market.halted:
        return Rejection.INSTRUMENT_HALTED
    if quantity_lots < order.filled_lots:
        return Rejection.QUANTITY_BELOW_FILLED
    remaining_value = price_ticks * (quantity_lots - order.filled_lots) * order.instrument.tick_lot_value
    if order.filled_value + remaining_value > MAX_UNITS or hold > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    if hold - order.hold > replica.accounts.available(order.user, order.held_asset):
        return Rejection.INSUFFICIENT_FUNDS
    return None
