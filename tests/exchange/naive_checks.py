"""What the naive book refuses: one question after the other, all of them answered each time, the first "yes" is the reason.

Here: the checks of a book without money, in the order of the codes. Never here: anything of the engine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from tests.exchange.naive_book import NaiveBook, NaiveOrder

NEVER = float("inf")


@attrs.frozen
class Filters:
    """None asks for nothing. `max_open` is per user."""

    min_lots: int | None = None
    max_lots: int | None = None
    min_value: int | None = None
    band_percent: int | None = None
    reference: int | None = None
    max_open: int | None = None


@attrs.frozen
class Change:
    """What an amend names; None leaves it. `version` is the one that is expected."""

    price: int | None
    lots: int | None
    expires: float | None
    display: int | None
    version: int | None


def refusal_of_new(book: NaiveBook, order: NaiveOrder, now: float) -> str | None:
    best, most = book.best_against(order), book.filters.max_open
    may_rest = order.force in ("GTC", "DAY", "GTD")
    value: float = (order.price or order.stop or best or 0) * order.lots
    needs_price = order.at_market and order.stop is None and not order.outside
    if order.outside and order.at_market:
        value = NEVER
    checks = {
        "user_suspended": order.user in book.suspended,
        "instrument_halted": book.halted,
        "instrument_closed": not book.is_open,
        "expires_in_the_past": order.expires <= now,
        "no_session_end": order.force == "DAY" and order.expires == NEVER,
        "quantity_too_small": order.lots < (book.filters.min_lots or 0),
        "quantity_too_large": order.lots > (book.filters.max_lots or NEVER),
        "no_opposite_price": needs_price and best is None,
        "value_too_small": value < (book.filters.min_value or 0),
        "price_outside_band": order.price is not None and _is_outside_band(book, order.price),
        "too_many_open_orders": may_rest and most is not None and len(book.of(order.user)) >= most,
        "stop_would_trigger": book.last is not None and order.is_elected_by(book.last),
        "post_only_would_take": order.post_only and best is not None and order.reaches(best),
    }
    return next((code for code, fails in checks.items() if fails), None)


def refusal_of_amend(book: NaiveBook, order: NaiveOrder, change: Change, now: float) -> str | None:
    best, lots = book.best_against(order), change.lots or order.lots
    amended = attrs.evolve(order, price=change.price or order.price, lots=lots)
    value = (amended.price or order.stop or 0) * lots
    remains = amended.rest > 0
    checks = {
        "user_suspended": order.user in book.suspended,
        "version_changed": change.version not in (None, order.version),
        "instrument_halted": book.halted,
        "instrument_closed": not book.is_open,
        "quantity_below_filled": amended.rest < 0,
        "expires_in_the_past": change.expires is not None and change.expires <= now,
        "quantity_too_small": bool(change.lots) and remains and lots < (book.filters.min_lots or 0),
        "quantity_too_large": bool(change.lots) and remains and lots > (book.filters.max_lots or NEVER),
        "value_too_small": bool(change.price or change.lots) and remains and value < (book.filters.min_value or 0),
        "price_outside_band": amended.price != order.price and _is_outside_band(book, amended.price or 0),
        "post_only_would_take": bool(change.price) and order.post_only and best is not None and amended.reaches(best),
    }
    return next((code for code, fails in checks.items() if fails), None)


def _is_outside_band(book: NaiveBook, price: int) -> bool:
    reference, percent = book.filters.reference or book.last, book.filters.band_percent
    if reference is None or percent is None:
        return False
    return abs(price - reference) * 100 > reference * percent
