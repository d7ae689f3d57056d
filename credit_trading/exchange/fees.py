"""Fees and holds: what a fill costs its order, and what an order must keep in reserve.

Here: the two formulas and nothing else. Always: an order filled in many pieces never pays more than one filled at once, and its hold
covers every way in which the rest of it can still fill.

With T = the exact fees of an order so far, a fill of value v at rate r is charged ceil(T + r·v) - ceil(T). Whole units in T cancel
out, so only the fraction of T is carried (`fee_part_ppm`, millionths of a smallest unit).
"""

from __future__ import annotations

from credit_trading.exchange.order import Order
from credit_trading.money.amount import RATE_SCALE


def fee_of(*, fee_part_ppm: int, rate_ppm: int, value: int) -> int:
    """The fee of the next fill, in the quote asset's smallest units; negative where a rebate is due."""
    return -(-(fee_part_ppm + rate_ppm * value) // RATE_SCALE) - (fee_part_ppm > 0)


def next_fee_part(*, fee_part_ppm: int, rate_ppm: int, value: int) -> int:
    """The fraction of the exact fees after that fill, in [0, 1,000,000)."""
    return (fee_part_ppm + rate_ppm * value) % RATE_SCALE


def buy_hold(*, value: int, fee_part_ppm: int, maker_ppm: int, taker_ppm: int) -> int:
    """The hold of a limit buy whose remainder is worth `value` at its limit: P·R + ceil(T + f·P·R) - ceil(T).

    f = max(maker, taker, 0): whichever way the rest fills, it cannot cost more.
    """
    return value + fee_of(fee_part_ppm=fee_part_ppm, rate_ppm=max(maker_ppm, taker_ppm, 0), value=value)


def required_hold(order: Order, *, price_ticks: int, remaining_lots: int, rates: tuple[int, int] | None = None) -> int:
    """The hold of an order with that limit and remainder; 0 once nothing remains, and for a buy stop that will go at market.

    `rates` are (maker, taker); the order's own unless given.
    """
    maker_ppm, taker_ppm = rates or (order.maker_ppm, order.taker_ppm)
    if not order.buys:
        return remaining_lots * order.instrument.lot_units
    return buy_hold(
        value=price_ticks * remaining_lots * order.instrument.tick_lot_value,
        fee_part_ppm=order.fee_part_ppm,
        maker_ppm=maker_ppm,
        taker_ppm=taker_ppm,
    )


def affordable_lots(*, funds: int, lot_value: int, fee_part_ppm: int, rate_ppm: int, most_lots: int) -> int:
    """How many lots of `lot_value` each, fee included, `funds` can pay for; at most `most_lots`."""
    if lot_value <= 0 or funds <= 0:
        return 0
    # A first guess from the exact price per lot, never too high by more than the rounding of one unit; then settle it.
    lots = min(most_lots, (funds + 1) * RATE_SCALE // (lot_value * (RATE_SCALE + rate_ppm)))
    while (
        lots and lots * lot_value + fee_of(fee_part_ppm=fee_part_ppm, rate_ppm=rate_ppm, value=lots * lot_value) > funds
    ):
        lots -= 1
    return lots
