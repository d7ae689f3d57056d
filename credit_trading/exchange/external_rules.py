"""The rules of orders that are worked outside: placing them, and what is reported of them.

Never here: canceling and expiry, which are the same for all orders (order_rules, engine), matching.
Always: such an order holds what it needs and is in no book; it is filled by reports alone, never beyond its quantity or its limit; what a
fill moves comes from and goes to the outside world.
"""

from __future__ import annotations

from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange import order_checks as checks
from credit_trading.exchange.accounts import Accounts
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.entered import exact_value
from credit_trading.exchange.fees import required_hold
from credit_trading.exchange.order import BUY, DAY, EXTERNAL, FOK, IOC, LIMIT, MARKET, SELL, Order
from credit_trading.exchange.order_rules import rejected
from credit_trading.exchange.rejections import Rejection
from credit_trading.money.amount import MAX_UNITS


def place_external(run: Decision, command: cmd.PlaceExternalOrder) -> None:
    """Checked as an order for the book is, but for what the book itself decides."""
    user, market, force = run.user(command.user), run.market(command.symbol), command.time_in_force
    instrument, limit_ticks = market.instrument, command.price_ticks or 0
    if command.buys and not limit_ticks:
        raise run.fail(
            InvalidInput,
            command.symbol,
            "a buy that is worked outside needs a limit, or nobody knows what to hold",
            "Give a price.",
        )
    if force in (IOC, FOK):
        raise run.fail(InvalidInput, force, "an order that is worked outside waits", "Use GTC, DAY or GTD.")
    units = limit_ticks * instrument.tick_lot_value if command.buys else instrument.lot_units
    hold = command.quantity_lots * units
    expires_at_us = market.boundaries.closes_at_us if force == DAY else command.expires_at_us
    order_type = LIMIT if limit_ticks else MARKET
    code = checks.refusal(
        run, user, market, command, limit_ticks=limit_ticks, expires_at_us=expires_at_us, hold=hold, in_book=False
    )
    if code is not None:
        run.emit(rejected(run, market, command, code, order_type, expires_at_us, route=EXTERNAL))
        return
    run.emit(
        ev.OrderAccepted(
            user.number,
            run.replica.last_order + 1,
            command.symbol,
            BUY if command.buys else SELL,
            order_type,
            force,
            limit_ticks,
            command.quantity_lots,
            hold,
            expires_at_us=expires_at_us,
            client_order_id=command.client_order_id,
            route=EXTERNAL,
        )
    )


def fill_outside(run: Decision, command: cmd.FillOutside) -> None:
    """Taken whether or not the instrument trades here: it has happened."""
    run.user(command.user)
    order = run.own_order(command.user, command.order, command.client_order_id)
    if order is None:
        run.reject(command.user, Rejection.ORDER_NOT_OPEN, order=command.order)
        return
    if order.instrument.symbol != command.symbol:
        problem = f"the order is one of {order.instrument.symbol}"
        raise run.fail(InvalidInput, command.symbol, problem, "Name the order's own instrument.")
    if order.route != EXTERNAL:
        run.reject(command.user, Rejection.ORDER_NOT_EXTERNAL, order=order.number)
        return
    if command.occurred_at_us is not None:
        run.check_past(command.occurred_at_us, subject=order.number)
        if command.occurred_at_us < order.accepted_at_us:
            problem = "the fill is said to have happened before the order was placed"
            raise run.fail(InvalidInput, order.number, problem, "Give the time of the fill, or none if it was now.")
    filled = _filled(run, command, order)
    code = _refusal(run.replica.accounts, command, order, filled)
    if code is not None:
        run.reject(command.user, code, order=order.number)
    else:
        run.emit(filled)


def _filled(run: Decision, command: cmd.FillOutside, order: Order) -> ev.OrderFilledOutside:
    """What it is if nothing speaks against it. Raises InvalidInput where it is not exact."""
    lots = order.remaining_lots if command.quantity_lots is None else command.quantity_lots
    instrument, fee = order.instrument, command.fee
    if lots <= 0 or fee < 0 or command.price <= 0:
        raise run.fail(
            InvalidInput, order.number, "quantity and price are above zero, a fee not below", "Say how much."
        )
    value = exact_value(
        instrument.base,
        instrument.quote,
        quantity=instrument.quantity_units(lots),
        price=command.price,
        price_decimals=command.price_decimals,
    )
    if not value:
        problem = f"price times quantity is finer than {instrument.quote.format(1)} {instrument.quote.code}"
        raise run.fail(InvalidInput, order.number, problem, "Give an exact price, or report each price by itself.")
    left = max(order.remaining_lots - lots, 0)
    return ev.OrderFilledOutside(
        order.user,
        order.number,
        instrument.symbol,
        BUY if order.buys else SELL,
        run.time_us if command.occurred_at_us is None else command.occurred_at_us,
        lots,
        command.price,
        command.price_decimals,
        value,
        fee,
        order.hold - required_hold(order, price_ticks=order.price_ticks, remaining_lots=left),
        order.quantity_lots,
        order.filled_lots + lots,
        order.filled_value + value,
        order.fees_paid + fee,
        command.external_reference,
    )


def _refusal(
    accounts: Accounts, command: cmd.FillOutside, order: Order, filled: ev.OrderFilledOutside
) -> Rejection | None:
    """In the order of the checks. What the order holds for this fill pays for it, before anything else that is there."""
    instrument = order.instrument
    base, quote = instrument.base.code, instrument.quote.code
    if filled.quantity_lots > order.remaining_lots:
        return Rejection.QUANTITY_ABOVE_REMAINING
    if max(filled.filled_value, filled.fees) > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    if order.price_ticks and _is_worse(command, order):
        return Rejection.PRICE_WORSE_THAN_LIMIT
    if order.buys:
        coming, incoming = base, instrument.quantity_units(filled.quantity_lots)
        outgoing, free = filled.value + filled.fee, filled.released
    else:
        coming, incoming = quote, filled.value - filled.fee
        outgoing, free = -incoming, 0
    if accounts.issue(coming) + incoming > MAX_UNITS:
        return Rejection.ISSUE_CAP_EXCEEDED
    if outgoing > accounts.available(order.user, quote) + free:
        return Rejection.INSUFFICIENT_FUNDS
    return None


def _is_worse(command: cmd.FillOutside, order: Order) -> bool:
    """Whether a buy cost more than its limit, or a sell brought less; both as whole numbers of the same decimals."""
    instrument = order.instrument
    price = command.price * int(10**instrument.price_decimals)
    limit = instrument.price_units(order.price_ticks) * int(10**command.price_decimals)
    return price > limit if order.buys else price < limit
