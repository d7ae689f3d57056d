"""The rules of an instrument as an admin writes them: fee rates, collar, filters, made into whole numbers.

Here: which rules there are, and what each may be. Never here: what a rule does (exchange), and whether the rates together make the
exchange pay for a trade, which only the exchange knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from credit_trading.checks import checked_number
from credit_trading.errors import InvalidInput
from credit_trading.exchange.market_rules import RuleChanges
from credit_trading.money import Instrument, parse_rate
from credit_trading.trading.desk import Number
from credit_trading.trading.order_input import self_trade_mode

OFF = "none"
"""The word that switches a filter off, where None cannot be written."""

_OPERATION = "instruments.set"
_MOST_ORDERS = 1_000_000


class Rules(TypedDict, total=False):
    """What is left out stays as it is; None, or "none", switches a filter off.

    `maker_fee`, `taker_fee`: parts of a trade's value (0.0025), makers' may be negative, a rebate. `collar`: how far from the best
    opposite price a market order may trade (0.05). `self_trade`: the mode of orders that name none. Filters, on new and amended orders:
    `min_quantity`, `max_quantity`; `min_value` of price times quantity; `price_band`: how far a limit price may lie from
    `reference_price`, or from the last trade's unless that is set; `max_open_orders` of one user.
    """

    maker_fee: Number
    taker_fee: Number
    collar: Number
    self_trade: str
    min_quantity: Number | None
    max_quantity: Number | None
    min_value: Number | None
    price_band: Number | None
    reference_price: Number | None
    max_open_orders: int | str | None


def rule_changes(instrument: Instrument, rules: Mapping[str, Any]) -> RuleChanges:
    """The rules that are given, on the instrument's grid. Raises InvalidInput."""
    changes = RuleChanges(**dict(_change(instrument, name, value) for name, value in rules.items()))
    least, most = changes.min_lots, changes.max_lots
    if isinstance(least, int) and isinstance(most, int) and least > most:
        raise InvalidInput(
            _OPERATION, instrument.symbol, "the minimum quantity is above the maximum", hint="Change one of them."
        )
    return changes


def _change(instrument: Instrument, name: str, value: Any) -> tuple[str, Any]:
    """The field that the rule stands in, and its new value."""
    if name in _ALWAYS:
        field, parse = _ALWAYS[name]
        if value is None or value == OFF:
            raise InvalidInput(
                _OPERATION, _words(name), "cannot be switched off", hint="Give a rate of 0, or leave it as it is."
            )
        return field, parse(value)
    if name not in _FILTERS:
        raise InvalidInput(_OPERATION, name[:40], "no such rule", hint=f"Rules are {', '.join((*_ALWAYS, *_FILTERS))}.")
    field, parse_on = _FILTERS[name]
    return field, None if value is None or value == OFF else parse_on(instrument, value)


def _part(value: Number, what: str) -> int:
    """A rate that is not negative, in millionths."""
    ppm = parse_rate(value, what=what)
    if ppm < 0:
        raise InvalidInput(what, value, "negative", hint="0.05 means five percent to either side.")
    return ppm


def _count(value: int | str) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
        value = int(value)
    return checked_number(
        value,  # type: ignore[arg-type]  # text that is no number is refused there
        what="max open orders",
        problem=f"not a whole number from 1 to {_MOST_ORDERS}",
        hint=f"Give a number, or {OFF} for no limit.",
        least=1,
        most=_MOST_ORDERS,
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


_ALWAYS: dict[str, tuple[str, Callable[[Any], int | str]]] = {
    "maker_fee": ("maker_ppm", lambda value: parse_rate(value, what="maker fee")),
    "taker_fee": ("taker_ppm", lambda value: parse_rate(value, what="taker fee")),
    "collar": ("collar_ppm", lambda value: _part(value, "collar")),
    "self_trade": ("self_trade", lambda value: self_trade_mode(value, operation=_OPERATION)),
}
_FILTERS: dict[str, tuple[str, Callable[[Instrument, Any], int]]] = {
    "min_quantity": ("min_lots", lambda instrument, value: instrument.parse_quantity(value)),
    "max_quantity": ("max_lots", lambda instrument, value: instrument.parse_quantity(value)),
    "min_value": ("min_value", lambda instrument, value: instrument.quote.parse_positive(value, what="min value")),
    "price_band": ("band_ppm", lambda _, value: _part(value, "price band")),
    "reference_price": ("reference_ticks", lambda instrument, value: instrument.parse_price(value)),
    "max_open_orders": ("max_open_orders", lambda _, value: _count(value)),
}
