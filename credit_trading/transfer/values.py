"""The text of one cell as a value: names, amounts, moments.

Here: the form of each, and what is said of one that is wrong. Never here: which field it stands in (reading).
Always: each raises ValueError or TradingError, with no more of the text than fits a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from credit_trading.checks import checked_id, checked_text
from credit_trading.clock import parse_time
from credit_trading.money import Asset
from credit_trading.money.amount import parse_units
from credit_trading.money.asset import MAX_DECIMALS
from credit_trading.transfer.schema import RFC_3339


def id_in(text: str) -> str:
    return checked_id(text, what=text[:40])


def text_in(text: str) -> str:
    return checked_text(text, what=text[:40])


def asset_of(assets: Mapping[str, Asset]) -> Callable[[str], Asset]:
    """Takes the code of one of these."""

    def parse(text: str) -> Asset:
        known = assets.get(text)
        if known is None:
            raise ValueError(f"{text[:40]}: no such asset, here or in the file")
        return known

    return parse


def word_of(words: tuple[str, ...]) -> Callable[[str], str]:
    """Takes one of these."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text[:40]}: not one of {', '.join(words)}")
        return text

    return parse


def price_in(text: str) -> tuple[int, int]:
    """As a whole number and its decimals, as many as are written: they are kept."""
    decimals = min(len(text.partition(".")[2]), MAX_DECIMALS)
    units = parse_units(text, decimals, what=text[:40])
    if not units:
        raise ValueError("zero is not a price")
    return units, decimals


def signed_in(text: str, asset: Asset) -> int:
    """Smallest units; below zero where it begins with a minus."""
    if text.startswith("-"):
        return -asset.parse(text[1:], what=text[:40])
    return asset.parse(text, what=text[:40])


def moment_in(text: str) -> int:
    """Microseconds since 1970."""
    if RFC_3339.fullmatch(text) is None:
        raise ValueError(f"{text[:40]}: not a time such as 2026-03-01T09:30:00.000000Z")
    return parse_time(text)


def past_moment_in(text: str, now_us: int) -> int:
    """The same, of what has happened."""
    moment_us = moment_in(text)
    if not 0 <= moment_us <= now_us:
        raise ValueError(f"{text[:40]}: it lies in the future, or before 1970")
    return moment_us
