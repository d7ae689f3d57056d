"""Decimal text to whole smallest units and back.

Here: the only parsing and formatting of amounts. Never here: floats, rounding, currencies.
Always: what is parsed and formatted again is the same number; what does not fit is refused, never rounded.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput

MAX_UNITS = 2**62
"""Most that any amount, price, product, hold or issue may be, in smallest units: the sum of two still fits SQLite's 63 bits."""

RATE_SCALE = 1_000_000
"""Fee rates are whole millionths (ppm): 0.0025 is 2,500 ppm."""

_PLAIN = re.compile(r"([0-9]{1,100})(?:\.([0-9]{1,100}))?", re.ASCII)


def parse_units(value: str | int | Decimal, decimals: int, *, what: str, most: int = MAX_UNITS) -> int:
    """`value` in units of 10^-`decimals`: zero or more, at most `most`.

    Takes plain decimal text (`1250`, `12.50`), whole numbers and Decimals. Trailing zeros beyond `decimals` are exact and allowed.
    `what` names the value in errors. Raises InvalidInput for anything else, floats among it.
    """
    if isinstance(value, str):
        return _parse_text(value, decimals, what, most)
    return _parse_text(_as_text(value, what), decimals, what, most)


def parse_rate(value: str | int | Decimal, *, what: str) -> int:
    """A fee rate in ppm, from -1 to 1 (`0.0025` is 2,500; `-0.0001` a rebate of 100). Raises InvalidInput."""
    text = value if isinstance(value, str) else _as_text(value, what)
    negative = text.startswith("-")
    ppm = parse_units(text[1:] if negative else text, 6, what=what)
    if ppm > RATE_SCALE:
        raise InvalidInput(what, value, "a rate lies between -1 and 1", hint="0.0025 means a quarter of a percent.")
    return -ppm if negative else ppm


def decimals_of(value: str | int | Decimal, *, what: str) -> int:
    """How many digits after the point the value needs, trailing zeros aside. Raises InvalidInput as `parse_units` does."""
    text = value if isinstance(value, str) else _as_text(value, what)
    parse_units(text, 100, what=what, most=10**201)
    return len(text.partition(".")[2].rstrip("0"))


def format_units(units: int, decimals: int) -> str:
    """Exact decimal text with all its decimals: 1250 with 2 is `12.50`, -5 with 2 is `-0.05`."""
    if decimals == 0:
        return str(units)
    whole, part = divmod(abs(units), 10**decimals)
    return f"{'-' if units < 0 else ''}{whole}.{part:0{decimals}d}"


@lru_cache(maxsize=8192)
def _parse_text(text: str, decimals: int, what: str, most: int) -> int:
    match = _PLAIN.fullmatch(text)
    if match is None:
        problem = "negative" if _PLAIN.fullmatch(text.removeprefix("-")) else "not a plain decimal number"
        raise InvalidInput(what, shown(text), problem, hint="Write digits with at most one point, such as 12.50.")
    whole, part = match[1], (match[2] or "").rstrip("0")
    if len(part) > decimals:
        raise InvalidInput(
            what,
            text,
            f"finer than the smallest unit, {format_units(1, decimals)}",
            hint=f"Give at most {decimals} decimals." if decimals else "Give a whole number.",
        )
    units = int(whole + part.ljust(decimals, "0"))
    if units > most:
        raise InvalidInput(
            what, text, f"too large: at most {format_units(most, decimals)} fits", hint="Give a smaller number."
        )
    return units


def _as_text(value: object, what: str) -> str:
    if type(value) is int:
        return str(value) if value.bit_length() < 128 else f"{value:#x}"
    if not isinstance(value, Decimal):
        raise InvalidInput(
            what,
            shown(repr(value)),
            f"{type(value).__name__} cannot hold an exact amount",
            hint='Give text such as "12.50", a whole number or a Decimal.',
        )
    if not value.is_finite() or abs(value.adjusted()) > 40:
        return str(value)
    return format(value, "f")
