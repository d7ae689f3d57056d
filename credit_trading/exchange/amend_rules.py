"""The rules of amending an order: FIX OrderCancelReplaceRequest (35=G).

Here: what an amend changes, whether the order keeps its place, and at which rates. Never here: which check refuses it (order_checks), what
an order does that comes in anew (order_rules).
"""

from __future__ import annotations

from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange import order_checks as checks
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.fees import required_hold
from credit_trading.exchange.order import EXTERNAL, STOP, Order
from credit_trading.exchange.order_rules import enter
from credit_trading.exchange.rejections import Rejection


def amend_order(run: Decision, command: cmd.AmendOrder) -> None:
    """What loses its place is as a new order: it takes the fee rates of its moment, and trades what it can."""
    user = run.user(command.user)
    order = run.own_order(command.user, command.order, command.client_order_id)
    if order is None:
        code = Rejection.USER_SUSPENDED if user.suspended else Rejection.ORDER_NOT_OPEN
        run.reject(command.user, code, order=command.order)
        return
    _check_amendable(run, command, order)
    if order.route == EXTERNAL:
        run.reject(command.user, Rejection.ORDER_IS_EXTERNAL, order=order.number)
        return
    market = run.replica.markets[order.instrument.symbol]
    price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
    quantity_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
    remaining_lots = quantity_lots - order.filled_lots
    requeued = (
        price_ticks != order.price_ticks
        or quantity_lots > order.quantity_lots
        or _shows_more(order, command.display_lots)
    )
    rates = market.rates_of(order.user) if requeued else (order.maker_ppm, order.taker_ppm)
    hold = required_hold(order, price_ticks=price_ticks, remaining_lots=max(remaining_lots, 0), rates=rates)
    code_or_none = checks.amend_refusal(
        run, user, market, order, command, price_ticks=price_ticks, quantity_lots=quantity_lots, hold=hold
    )
    if code_or_none is not None:
        run.reject(command.user, code_or_none, order=order.number)
        return
    run.emit(
        ev.OrderAmended(
            order.user,
            order.number,
            price_ticks,
            quantity_lots,
            hold,
            requeued,
            command.expires_at_us,
            command.display_lots,
            *rates,
        )
    )
    if requeued and remaining_lots and order.stop_ticks is None:
        enter(run, market, order)


def _check_amendable(run: Decision, command: cmd.AmendOrder, order: Order) -> None:
    """Raises InvalidInput for what the order does not have."""
    if order.instrument.symbol != command.symbol:
        problem = f"the order is one of {order.instrument.symbol}"
        raise run.fail(InvalidInput, command.symbol, problem, "Name the order's own instrument.")
    if order.order_type == STOP and (command.price_ticks, command.display_lots) != (None, None):
        problem = "a stop order without a limit has neither a price nor a displayed quantity"
        raise run.fail(
            InvalidInput, order.number, problem, "Change its quantity or expiry, or place a stop-limit order."
        )


def _shows_more(order: Order, display_lots: int | None) -> bool:
    return display_lots is not None and order.display_lots is not None and display_lots > order.display_lots
