"""Why an order is refused: the checks, in the order in which `Rejection` lists them; the first that fails is the answer.

Here: looking at the state. Never here: events, and what becomes of an order that passes (order_rules).
"""

from __future__ import annotations

from credit_trading.exchange import commands as cmd
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.exchange_state import UserState
from credit_trading.exchange.market import Market, MarketStatus
from credit_trading.exchange.market_rules import MOST_SLICES, MOST_STOPS, MarketRules
from credit_trading.exchange.matching import would_take
from credit_trading.exchange.order import DAY, FOK, IOC, Order
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.stops import is_elected
from credit_trading.money.amount import MAX_UNITS, RATE_SCALE


def refusal(
    run: Decision,
    user: UserState,
    market: Market,
    command: cmd.PlaceOrder | cmd.PlaceExternalOrder,
    *,
    limit_ticks: int,
    expires_at_us: int | None,
    hold: int,
    in_book: bool = True,
) -> Rejection | None:
    """Of a new order. `limit_ticks` is 0 for a market order without an opposite price, and for a stop that will go at market.

    One that is not `in_book` is worked outside: at market it has no price that anything could be said of.
    """
    rules, quantity_lots, stop_ticks = market.rules, command.quantity_lots, command.stop_ticks
    if user.suspended:
        return Rejection.USER_SUSPENDED
    if market.halted or not market.session_open:
        return _NOT_OPEN[market.status]
    name = command.client_order_id
    if name is not None and run.replica.client_orders.get(command.user, name, time_us=run.time_us) is not None:
        return Rejection.DUPLICATE_CLIENT_ORDER_ID
    if expires_at_us is not None:
        if expires_at_us <= run.time_us:
            return Rejection.EXPIRES_IN_THE_PAST
    elif command.time_in_force == DAY:
        return Rejection.NO_SESSION_END
    if rules.min_lots is not None and quantity_lots < rules.min_lots:
        return Rejection.QUANTITY_TOO_SMALL
    if rules.max_lots is not None and quantity_lots > rules.max_lots:
        return Rejection.QUANTITY_TOO_LARGE
    if command.display_lots is not None and _slices(quantity_lots, command.display_lots) > MOST_SLICES:
        return Rejection.DISPLAY_TOO_SMALL
    if not limit_ticks and stop_ticks is None and in_book:
        return Rejection.NO_OPPOSITE_PRICE
    value = (limit_ticks or stop_ticks or 0) * quantity_lots * market.instrument.tick_lot_value
    has_price = in_book or limit_ticks
    if rules.min_value is not None and has_price and _nominal_value(market, command) < rules.min_value:
        return Rejection.VALUE_TOO_SMALL
    if value > MAX_UNITS or hold > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    if rules.band_ppm is not None and command.price_ticks is not None and _is_outside_band(market, command.price_ticks):
        return Rejection.PRICE_OUTSIDE_BAND
    if _has_too_many(user, market, command):
        return Rejection.TOO_MANY_OPEN_ORDERS
    if stop_ticks is not None and is_elected(
        buys=command.buys, stop_ticks=stop_ticks, price_ticks=market.last_price_ticks
    ):
        return Rejection.STOP_WOULD_TRIGGER
    if command.post_only and would_take(market, buys=command.buys, limit_ticks=limit_ticks):
        return Rejection.POST_ONLY_WOULD_TAKE
    held_asset = market.instrument.quote.code if command.buys else market.instrument.base.code
    if hold > run.replica.accounts.available(command.user, held_asset):
        return Rejection.INSUFFICIENT_FUNDS
    return None


def amend_refusal(
    run: Decision,
    user: UserState,
    market: Market,
    order: Order,
    command: cmd.AmendOrder,
    *,
    price_ticks: int,
    quantity_lots: int,
    hold: int,
) -> Rejection | None:
    """Of an amended order; price and quantity are the new ones, and filters look only at what is changed."""
    if user.suspended:
        return Rejection.USER_SUSPENDED
    if command.expected_version is not None and command.expected_version != order.version:
        return Rejection.VERSION_CHANGED
    if market.halted or not market.session_open:
        return _NOT_OPEN[market.status]
    if quantity_lots < order.filled_lots:
        return Rejection.QUANTITY_BELOW_FILLED
    if command.expires_at_us is not None and command.expires_at_us <= run.time_us:
        return Rejection.EXPIRES_IN_THE_PAST
    lot_value = (price_ticks or order.stop_ticks or 0) * order.instrument.tick_lot_value
    if quantity_lots > order.filled_lots:
        code = _filter_refusal(market.rules, order, command, quantity_lots, value=lot_value * quantity_lots)
        if code is not None:
            return code
    if order.filled_value + lot_value * (quantity_lots - order.filled_lots) > MAX_UNITS or hold > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    if price_ticks != order.price_ticks:
        if market.rules.band_ppm is not None and _is_outside_band(market, price_ticks):
            return Rejection.PRICE_OUTSIDE_BAND
        if order.post_only and would_take(market, buys=order.buys, limit_ticks=price_ticks):
            return Rejection.POST_ONLY_WOULD_TAKE
    if hold - order.hold > run.replica.accounts.available(order.user, order.held_asset):
        return Rejection.INSUFFICIENT_FUNDS
    return None


def _filter_refusal(
    rules: MarketRules, order: Order, command: cmd.AmendOrder, quantity_lots: int, *, value: int
) -> Rejection | None:
    if command.quantity_lots is not None:
        if rules.min_lots is not None and quantity_lots < rules.min_lots:
            return Rejection.QUANTITY_TOO_SMALL
        if rules.max_lots is not None and quantity_lots > rules.max_lots:
            return Rejection.QUANTITY_TOO_LARGE
    if command.quantity_lots is not None or command.display_lots is not None:
        display_lots = command.display_lots or order.display_lots
        if display_lots is not None and _slices(quantity_lots - order.filled_lots, display_lots) > MOST_SLICES:
            return Rejection.DISPLAY_TOO_SMALL
    changes_value = command.quantity_lots is not None or command.price_ticks is not None
    if changes_value and rules.min_value is not None and value < rules.min_value:
        return Rejection.VALUE_TOO_SMALL
    return None


def _nominal_value(market: Market, command: cmd.PlaceOrder | cmd.PlaceExternalOrder) -> int:
    """What the order is about: at its limit, else at its stop price, else at the best opposite price."""
    price_ticks = command.price_ticks or command.stop_ticks
    if price_ticks is None:
        best = market.book.side(buys=not command.buys).best()
        price_ticks = best.price_ticks if best is not None else 0
    return market.instrument.value(price_ticks=price_ticks, quantity_lots=command.quantity_lots)


def _has_too_many(user: UserState, market: Market, command: cmd.PlaceOrder | cmd.PlaceExternalOrder) -> bool:
    """Whether the user may have no further open order, or waiting stop, in the instrument, and this would be one."""
    if command.stop_ticks is not None and market.stops.count_of(user.number) >= MOST_STOPS:
        return True
    most = market.rules.max_open_orders
    if most is None or command.time_in_force in (IOC, FOK):
        return False
    return len(user.open_orders.get(command.symbol, ())) >= most


def _slices(quantity_lots: int, display_lots: int) -> int:
    return -(-quantity_lots // display_lots)


def _is_outside_band(market: Market, price_ticks: int) -> bool:
    """Whether the price lies further from the reference price than the band, which is rounded towards it."""
    reference_ticks, band_ppm = market.reference_ticks, market.rules.band_ppm
    if reference_ticks is None or band_ppm is None:
        return False
    return abs(price_ticks - reference_ticks) > reference_ticks * band_ppm // RATE_SCALE


_NOT_OPEN = {
    MarketStatus.HALTED: Rejection.INSTRUMENT_HALTED,
    MarketStatus.CLOSED: Rejection.INSTRUMENT_CLOSED,
}
