"""What an instrument asks of orders, as an admin sets it: fee rates, collar, filters, the usual self-trade prevention.

Here: the values and what they may be. Never here: the grid (money.Instrument), which never changes; the checks themselves (order_rules).
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from credit_trading.exchange.order import CANCEL_NEWEST

DEFAULT_COLLAR_PPM = 50_000

MOST_SLICES = 100
"""Of an iceberg: each costs an event, and whoever takes it all must not keep everybody else waiting for long."""

MOST_STOPS = 1_000
"""Waiting stops of one user in one instrument: one trade may set them all off, and a stop to buy at market holds nothing meanwhile."""


class MarketRules(msgspec.Struct, frozen=True, gc=False):
    """Rates in millionths of a trade's value; None switches a filter off.

    `collar_ppm`: how far from the best opposite price a market order may trade. `min_value` is in the quote's smallest units.
    `band_ppm`: how far a limit price may lie from the reference price, which is `reference_ticks` or, unless that is set, the last
    trade's. `max_open_orders` is per user.
    """

    maker_ppm: int = 0
    taker_ppm: int = 0
    collar_ppm: int = DEFAULT_COLLAR_PPM
    self_trade: str = CANCEL_NEWEST
    min_lots: int | None = None
    max_lots: int | None = None
    min_value: int | None = None
    band_ppm: int | None = None
    reference_ticks: int | None = None
    max_open_orders: int | None = None


class RuleChanges(msgspec.Struct, frozen=True, gc=False):
    """Some of the rules, to be set to these; what is left out stays as it is."""

    maker_ppm: int | UnsetType = UNSET
    taker_ppm: int | UnsetType = UNSET
    collar_ppm: int | UnsetType = UNSET
    self_trade: str | UnsetType = UNSET
    min_lots: int | UnsetType | None = UNSET
    max_lots: int | UnsetType | None = UNSET
    min_value: int | UnsetType | None = UNSET
    band_ppm: int | UnsetType | None = UNSET
    reference_ticks: int | UnsetType | None = UNSET
    max_open_orders: int | UnsetType | None = UNSET

    def applied_to(self, rules: MarketRules) -> MarketRules:
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}
        return msgspec.structs.replace(rules, **given)
