"""An instrument as it is shown: its grid, its rules, when it trades, and where its price stands."""

from __future__ import annotations

import attrs

from credit_trading.clock import format_time
from credit_trading.exchange.market import Market
from credit_trading.exchange.schedule import NO_BOUNDARIES, Boundaries
from credit_trading.money import format_units
from credit_trading.trading.calendar import next_boundaries
from credit_trading.trading.hours import format_hours


@attrs.frozen(kw_only=True)
class InstrumentRecord:
    """`status` is `open`, `halted` or `closed` (both: cancels only), `session` what it would be without a halt.

    Rates are parts of one: fees of the trade's value, collar and band of a price. A filter that is off is None. `hours` are those of a
    week in `time_zone`; `next_open` and `next_close` are what its schedule brings next. Limit prices may lie `price_band` around
    `reference_price` or, while that is None, around `last_price`.
    """

    symbol: str
    project_id: str | None
    """Of its base asset."""
    base: str
    quote: str
    tick: str
    lot: str
    status: str
    session: str
    maker_fee: str
    taker_fee: str
    collar: str
    self_trade: str
    min_quantity: str | None
    max_quantity: str | None
    min_value: str | None
    price_band: str | None
    reference_price: str | None
    max_open_orders: int | None
    hours: str | None
    time_zone: str | None
    holidays: list[str]
    next_open: str | None
    next_close: str | None
    last_price: str | None

    @classmethod
    def of(cls, market: Market, now_us: int) -> InstrumentRecord:
        """As it stands at `now_us`, whether or not a command has come since the session changed."""
        session_open, boundaries = _session(market, now_us)
        instrument, rules, schedule = market.instrument, market.rules, market.schedule
        return cls(
            symbol=instrument.symbol,
            project_id=instrument.project_id,
            base=instrument.base.code,
            quote=instrument.quote.code,
            tick=instrument.tick_size,
            lot=instrument.lot_size,
            status="halted" if market.halted else _word(session_open),
            session=_word(session_open),
            maker_fee=rate(rules.maker_ppm),
            taker_fee=rate(rules.taker_ppm),
            collar=rate(rules.collar_ppm),
            self_trade=rules.self_trade,
            min_quantity=None if rules.min_lots is None else instrument.format_quantity(rules.min_lots),
            max_quantity=None if rules.max_lots is None else instrument.format_quantity(rules.max_lots),
            min_value=None if rules.min_value is None else instrument.quote.format(rules.min_value),
            price_band=None if rules.band_ppm is None else rate(rules.band_ppm),
            reference_price=None if rules.reference_ticks is None else instrument.format_price(rules.reference_ticks),
            max_open_orders=rules.max_open_orders,
            hours=None if schedule is None else format_hours(schedule.sessions),
            time_zone=None if schedule is None else schedule.time_zone,
            holidays=[] if schedule is None else list(schedule.holidays),
            next_open=_moment(boundaries.opens_at_us),
            next_close=_moment(boundaries.closes_at_us),
            last_price=None if market.last_price_ticks is None else instrument.format_price(market.last_price_ticks),
        )


def rate(ppm: int) -> str:
    """Millionths as decimal text without trailing zeros: 2,500 is `0.0025`."""
    text = format_units(ppm, 6).rstrip("0")
    return text.rstrip(".")


def _session(market: Market, now_us: int) -> tuple[bool, Boundaries]:
    """Whether it is under way by the clock, and what comes next; closed where this machine does not know the time zone."""
    due_us = market.boundaries.next_us
    if market.schedule is None or due_us is None or due_us > now_us:
        return market.session_open, market.boundaries
    boundaries = next_boundaries(market.schedule, now_us) or NO_BOUNDARIES
    return boundaries.is_open, boundaries


def _word(session_open: bool) -> str:
    return "open" if session_open else "closed"


def _moment(moment_us: int | None) -> str | None:
    return None if moment_us is None else format_time(moment_us)
