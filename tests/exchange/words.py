"""The small words of the scripts: options, rates, moments, and the names of an instrument's rules."""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.exchange.market_rules import RuleChanges
from credit_trading.money import Instrument
from tests.exchange.replicas import SECOND_US

PPM = 1_000_000


def options_of(words: list[str], *, flags: tuple[str, ...] = ()) -> dict[str, str]:
    """Flags stand alone; every other word is followed by its value."""
    options: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        options[word] = "" if word in flags else left.pop(0)
    return options


def ppm(rate: str) -> int:
    return round(float(rate) * PPM)


def microseconds(text: str) -> int:
    return round(float(text.removeprefix("+").removesuffix("s")) * SECOND_US)


def rule_changes(words: list[str], grid: Instrument) -> RuleChanges:
    """From names and values by turns; `none` switches a filter off."""
    readers: dict[str, tuple[str, Callable[[str], int | str]]] = {
        "maker": ("maker_ppm", ppm),
        "taker": ("taker_ppm", ppm),
        "collar": ("collar_ppm", ppm),
        "stp": ("self_trade", str),
        "min-quantity": ("min_lots", grid.parse_quantity),
        "max-quantity": ("max_lots", grid.parse_quantity),
        "min-value": ("min_value", grid.quote.parse),
        "band": ("band_ppm", ppm),
        "reference": ("reference_ticks", grid.parse_price),
        "max-open": ("max_open_orders", int),
    }
    changes: dict[str, int | str | None] = {}
    for name, value in options_of(words).items():
        field, read = readers[name]
        changes[field] = None if value == "none" else read(value)
    return RuleChanges(**changes)  # type: ignore[arg-type]
