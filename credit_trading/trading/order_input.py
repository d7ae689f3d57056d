"""What may be asked of an order: words and numbers from outside, made into commands.

Here: which fields go together (FIX 40, 59, 18, 1138), each with a hint. Never here: what depends on the market; that is the exchange's.
Always: a command that comes out of here names whole ticks and lots; what cannot be an order raises InvalidInput and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from credit_trading.checks import checked_id, checked_number, shown
from credit_trading.clock import LATEST_US, parse_time
from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.order import (
    BUY,
    LIMIT,
    MARKET,
    SELL,
    STOP,
    STOP_LIMIT,
    OrderType,
    Route,
    SelfTrade,
    TimeInForce,
)
from credit_trading.money import MAX_UNITS, Instrument
from credit_trading.trading.desk import Number

Moment = str | int | datetime
"""ISO 8601 text with an offset, microseconds since 1970 UTC, or an aware datetime."""

_PLACE, _AMEND = "orders.place", "orders.amend"

# Plain text: to look an enumeration's member up costs more than what is done with it, and every order comes by here.
_GTC, _DAY, _GTD, _IOC = (
    TimeInForce.GTC.value,
    TimeInForce.DAY.value,
    TimeInForce.GTD.value,
    TimeInForce.IOC.value,
)
_RESTING = (_GTC, _DAY, _GTD)
_TIMES_IN_FORCE = tuple(force.value for force in TimeInForce)
_KINDS = {
    (False, False): MARKET,
    (True, False): LIMIT,
    (False, True): STOP,
    (True, True): STOP_LIMIT,
}
"""By whether there is a price, and a stop price."""
_TAKES = {
    LIMIT: "a limit order takes a price and no stop price",
    MARKET: "a market order takes neither a price nor a stop price",
    STOP: "a stop order takes a stop price and no price",
    STOP_LIMIT: "a stop-limit order takes a stop price and a price",
}
_GIVE = {
    LIMIT: "Give a price, and no stop price.",
    MARKET: "Give no price and no stop price.",
    STOP: "Give a stop price, and no price.",
    STOP_LIMIT: "Give both a stop price and a price.",
}
"""Never that the type may be left out: without it, an order that lacks its price would go at market."""


def place_order(
    user: int,
    instrument: Instrument,
    side: str,
    quantity: Number,
    price: Number | None,
    *,
    order_type: str | None,
    stop_price: Number | None,
    time_in_force: str | None,
    expires_at: Moment | None,
    display_quantity: Number | None,
    post_only: bool,
    self_trade: str | None,
    client_order_id: str | None,
) -> cmd.PlaceOrder:
    """A new order on the instrument's grid. Raises InvalidInput."""
    if side not in (BUY, SELL):
        raise InvalidInput(_PLACE, shown(side), "a side is buy or sell", hint="Write buy or sell.")
    quantity_lots = instrument.parse_quantity(quantity)
    price_ticks = None if price is None else instrument.parse_price(price)
    stop_ticks = None if stop_price is None else instrument.parse_price(stop_price)
    kind = _order_type(order_type, price_ticks, stop_ticks)
    _check_size(instrument, max(price_ticks or 0, stop_ticks or 0), quantity_lots)
    expires_at_us = None if expires_at is None else moment_us(expires_at)
    force = _time_in_force(time_in_force, kind, expires_at_us)
    if _is_set(post_only, what="post-only") and (kind != LIMIT or force not in _RESTING):
        raise InvalidInput(
            _PLACE,
            f"{_words(kind)}, {force}",
            "only a limit order that may rest can be post-only",
            hint="Leave post-only out, or give a price and GTC, DAY or GTD.",
        )
    display_lots = None if display_quantity is None else _display(instrument, display_quantity, quantity_lots)
    if display_lots is not None and (kind not in (LIMIT, STOP_LIMIT) or force not in _RESTING):
        raise InvalidInput(
            _PLACE,
            f"{_words(kind)}, {force}",
            "only an order with a limit that may rest can show a part of itself",
            hint="Leave the display quantity out, or give a price and GTC, DAY or GTD.",
        )
    return cmd.PlaceOrder(
        user,
        instrument.symbol,
        side == BUY,
        quantity_lots,
        price_ticks,
        force,
        expires_at_us,
        None if client_order_id is None else checked_id(client_order_id, what="client order id"),
        stop_ticks,
        display_lots,
        post_only,
        None if self_trade is None else self_trade_mode(self_trade, operation=_PLACE),
    )


def place_external_order(
    user: int,
    instrument: Instrument,
    side: str,
    quantity: Number,
    price: Number | None,
    *,
    time_in_force: str | None,
    expires_at: Moment | None,
    client_order_id: str | None,
    unfit: Mapping[str, object],
) -> cmd.PlaceExternalOrder:
    """A new order that is worked outside. `unfit` are fields that only an order in the book has; any that is set is refused.

    Raises InvalidInput.
    """
    for what, given in unfit.items():
        if given not in (None, False):
            subject = what if given is True else f"{what} {shown(given)}"
            problem = "it does not go with an order that is worked outside"
            raise InvalidInput(_PLACE, subject, problem, hint="Leave it out, or place the order in the book here.")
    if side not in (BUY, SELL):
        raise InvalidInput(_PLACE, shown(side), "a side is buy or sell", hint="Write buy or sell.")
    quantity_lots = instrument.parse_quantity(quantity)
    if price is None and side == BUY:
        problem = "a buy that is worked outside needs its limit, or nobody knows what to hold for it"
        raise InvalidInput(_PLACE, side, problem, hint="Give a price.")
    price_ticks = None if price is None else instrument.parse_price(price)
    _check_size(instrument, price_ticks or 0, quantity_lots)
    expires_at_us = None if expires_at is None else moment_us(expires_at)
    force = time_in_force or (_GTC if expires_at_us is None else _GTD)
    if force not in _RESTING:
        raise InvalidInput(_PLACE, shown(force), "an order that is worked outside waits", hint="Use GTC, DAY or GTD.")
    return cmd.PlaceExternalOrder(
        user,
        instrument.symbol,
        side == BUY,
        quantity_lots,
        price_ticks,
        _time_in_force(force, LIMIT, expires_at_us),
        expires_at_us,
        None if client_order_id is None else checked_id(client_order_id, what="client order id"),
    )


def checked_route(route: str) -> str:
    """Raises InvalidInput."""
    if route not in tuple(Route):
        raise InvalidInput(_PLACE, shown(route), "no such route", hint=f"Choose from {', '.join(Route)}.")
    return str(route)


def amend_order(
    user: int,
    instrument: Instrument,
    order_id: int | None,
    client_order_id: str | None,
    *,
    price: Number | None,
    quantity: Number | None,
    expires_at: Moment | None,
    display_quantity: Number | None,
    expected_version: int | None,
) -> cmd.AmendOrder:
    """A change of an order, on the instrument's grid. Raises InvalidInput."""
    if price is None and quantity is None and expires_at is None and display_quantity is None:
        raise InvalidInput(
            _AMEND,
            shown(order_id),
            "nothing to change",
            hint="Give a price, a quantity, an expiry or a display quantity.",
        )
    quantity_lots = None if quantity is None else instrument.parse_quantity(quantity)
    return cmd.AmendOrder(
        user,
        instrument.symbol,
        *order_name(order_id, client_order_id),
        None if price is None else instrument.parse_price(price),
        quantity_lots,
        None if expires_at is None else moment_us(expires_at),
        None if display_quantity is None else _display(instrument, display_quantity, quantity_lots),
        None
        if expected_version is None
        else _above_zero(expected_version, what=_AMEND, problem="a version is a whole number above zero"),
    )


def order_name(order_id: int | None, client_order_id: str | None) -> tuple[int | None, str | None]:
    """Both, checked: exactly one of the two names an order, the other is None. Raises InvalidInput."""
    if (order_id is None) == (client_order_id is None):
        raise InvalidInput(
            "orders", "", "an order is named by its id or its client order id", hint="Give one of the two."
        )
    if order_id is None:
        return None, checked_id(client_order_id or "", what="client order id")
    return _above_zero(order_id, what="orders", problem="an order id is a whole number above zero"), None


def check_display(instrument: Instrument, display_quantity: Number, quantity: Number) -> None:
    """Raises InvalidInput where an order would show more than its quantity."""
    _display(instrument, display_quantity, instrument.parse_quantity(quantity))


def self_trade_mode(text: str, *, operation: str) -> str:
    """A mode of self-trade prevention, with "-" or "_" between its words. Raises InvalidInput."""
    mode = text.replace("-", "_") if isinstance(text, str) else text
    if mode not in tuple(SelfTrade):
        raise InvalidInput(
            operation, shown(text), "no such self-trade mode", hint=f"Choose from {', '.join(SelfTrade)}."
        )
    return mode


def _order_type(given: str | None, price_ticks: int | None, stop_ticks: int | None) -> str:
    """What the prices make of it (FIX 40); a type that is given must agree."""
    kind = _KINDS[price_ticks is not None, stop_ticks is not None]
    if given is None:
        return kind
    name = given.replace("-", "_") if isinstance(given, str) else given
    if name not in tuple(OrderType):
        raise InvalidInput(_PLACE, shown(given), "no such order type", hint=f"Choose from {', '.join(OrderType)}.")
    if name != kind:
        raise InvalidInput(
            _PLACE,
            given,
            _TAKES[name],
            hint=_GIVE[name],
        )
    return kind


def _time_in_force(given: str | None, kind: str, expires_at_us: int | None) -> str:
    """The order's time in force (FIX 59), checked against its type and expiry."""
    if given is None and kind == MARKET:
        force = _IOC
    elif given is None:
        force = _GTC if expires_at_us is None else _GTD
    elif given in _TIMES_IN_FORCE:
        force = str(given)
    else:
        raise InvalidInput(
            _PLACE, shown(given), "no such time in force", hint=f"Choose from {', '.join(_TIMES_IN_FORCE)}."
        )
    if kind == MARKET and force != _IOC:
        raise InvalidInput(_PLACE, force, "a market order is IOC", hint="Give a price, or leave the time in force out.")
    if kind in (STOP, STOP_LIMIT) and force not in _RESTING:
        raise InvalidInput(_PLACE, force, f"a {_words(kind)} order waits for its price", hint="Use GTC, DAY or GTD.")
    if force == _GTD and expires_at_us is None:
        raise InvalidInput(_PLACE, force, "a GTD order needs an expiry", hint="Give an expiry, or use GTC or DAY.")
    if force != _GTD and expires_at_us is not None:
        raise InvalidInput(_PLACE, force, "only a GTD order takes an expiry", hint="Leave the expiry out, or use GTD.")
    return force


def _check_size(instrument: Instrument, price_ticks: int, quantity_lots: int) -> None:
    if instrument.value(price_ticks=price_ticks, quantity_lots=quantity_lots) * 2 > MAX_UNITS:
        raise InvalidInput(
            _PLACE,
            f"{instrument.format_quantity(quantity_lots)} at {instrument.format_price(price_ticks)}",
            "price times quantity is larger than any account can hold",
            hint="Place a smaller order.",
        )


def _display(instrument: Instrument, display_quantity: Number, quantity_lots: int | None) -> int:
    lots = instrument.parse_quantity(display_quantity)
    if quantity_lots is not None and lots > quantity_lots:
        raise InvalidInput(
            "display quantity",
            shown(display_quantity),
            "more than the order's quantity",
            hint="Show the whole order or less.",
        )
    return lots


def _is_set(switch: bool, *, what: str) -> bool:
    if not isinstance(switch, bool):
        raise InvalidInput(_PLACE, shown(switch), f"{what} is either set or not", hint="Give True or False.")
    return switch


def _above_zero(number: int, *, what: str, problem: str) -> int:
    return checked_number(number, what=what, problem=problem, hint="For example 17.", least=1)


def moment_us(given: Moment, *, what: str = "expiry") -> int:
    """In microseconds since 1970 UTC. Raises InvalidInput."""
    if isinstance(given, bool):
        raise _no_moment(given, what)
    try:
        moment = given if isinstance(given, int) else parse_time(given)
    except (ValueError, OverflowError, TypeError) as error:
        raise _no_moment(given, what) from error
    if not 0 < moment <= LATEST_US:
        raise _no_moment(given, what)
    return moment


def _no_moment(given: object, what: str) -> InvalidInput:
    return InvalidInput(what, shown(given), "not a moment with an offset from UTC", hint="Write 2031-12-31T17:00:00Z.")


def _words(kind: str) -> str:
    return kind.replace("_", "-")
