"""What can be traded: a pair of assets on a grid of prices and quantities.

Here: the grid (tick, lot) and what one tick times one lot is worth. Never here: orders, users, and what may change (fees, limits, status).
Always: a price on the grid times a quantity on the grid is a whole number of the quote asset's smallest units, so no trade is rounded.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import attrs

from credit_trading.errors import InvalidInput
from credit_trading.money.amount import MAX_UNITS, decimals_of, format_units, parse_units
from credit_trading.money.asset import MAX_DECIMALS, Asset

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,64}", re.ASCII)


@attrs.frozen(kw_only=True)
class Instrument:
    """Prices count ticks, quantities count lots. Made by `checked`; the derived numbers follow from tick and lot."""

    symbol: str
    base: Asset
    quote: Asset
    tick_size: str
    """Price step, in quote per whole base, as exact decimal text."""
    lot_size: str
    """Quantity step, in base, as exact decimal text."""

    price_decimals: int
    """Decimals in which prices are stored and shown: the quote asset's, or the tick's where it is finer."""
    tick_units: int
    """One tick, in 10^-`price_decimals` quote per whole base."""
    lot_units: int
    """One lot, in the base asset's smallest units."""
    tick_lot_value: int
    """One tick times one lot, in the quote asset's smallest units."""

    @classmethod
    def checked(
        cls,
        symbol: str,
        base: Asset,
        quote: Asset,
        *,
        tick_size: str | int | Decimal,
        lot_size: str | int | Decimal,
    ) -> Instrument:
        """A new instrument from outside. Raises InvalidInput where a rule of the grid is broken."""
        operation = "instruments.add"
        if _SYMBOL.fullmatch(symbol) is None:
            raise InvalidInput(
                operation,
                symbol[:40],
                "a symbol is 1 to 65 ASCII letters, digits, '.', '_', '/' or '-', beginning with a letter or digit",
                hint="For example VCS-1340-2020/USD.",
            )
        if base == quote:
            raise InvalidInput(operation, symbol, "base and quote are the same asset", hint="Name two assets.")
        tick_decimals = min(decimals_of(tick_size, what="tick"), MAX_DECIMALS)
        tick = parse_units(tick_size, tick_decimals, what="tick")
        lot_units = base.parse_positive(lot_size, what="lot")
        if tick == 0:
            raise InvalidInput(operation, symbol, "the tick is zero", hint="Give the price step, such as 0.01.")
        return cls.restored(
            symbol,
            base,
            quote,
            tick_size=_normal(tick, tick_decimals),
            lot_size=_normal(lot_units, base.decimals),
        )

    @classmethod
    def restored(
        cls,
        symbol: str,
        base: Asset,
        quote: Asset,
        *,
        tick_size: str,
        lot_size: str,
    ) -> Instrument:
        """An instrument from checked numbers, completed by what follows from tick and lot.

        Raises InvalidInput if trades would not be exact.
        """
        value = Fraction(tick_size) * Fraction(lot_size) * 10**quote.decimals
        if value.denominator != 1 or value > MAX_UNITS:
            raise InvalidInput(
                "instruments.add",
                symbol,
                f"one tick ({tick_size} {quote.code}) times one lot ({lot_size} {base.code}) is not a whole number of "
                f"{quote.format(1)} {quote.code}",
                hint="Choose a coarser tick or a larger lot, so that every trade value is exact.",
            )
        price_decimals = max(quote.decimals, len(tick_size.partition(".")[2]))
        return cls(
            symbol=symbol,
            base=base,
            quote=quote,
            tick_size=tick_size,
            lot_size=lot_size,
            price_decimals=price_decimals,
            tick_units=parse_units(tick_size, price_decimals, what="tick"),
            lot_units=base.parse(lot_size, what="lot"),
            tick_lot_value=int(value),
        )

    @property
    def project_id(self) -> str | None:
        """That of what is traded: of its base asset."""
        return self.base.project_id

    def parse_price(self, value: str | int | Decimal) -> int:
        """Ticks; at least one. Raises InvalidInput for what is off the grid."""
        units = parse_units(value, self.price_decimals, what="price")
        ticks, rest = divmod(units, self.tick_units)
        if rest or not ticks:
            raise InvalidInput(
                "price",
                value,
                f"not a positive multiple of {self.symbol}'s tick {self.tick_size}",
                hint=self._nearest(units),
            )
        return ticks

    def parse_quantity(self, value: str | int | Decimal) -> int:
        """Lots; at least one. Raises InvalidInput for what is off the grid."""
        lots, rest = divmod(self.base.parse(value, what="quantity"), self.lot_units)
        if rest or not lots:
            raise InvalidInput(
                "quantity",
                value,
                f"not a positive multiple of {self.symbol}'s lot {self.lot_size}",
                hint=f"Give at least {self.lot_size} {self.base.code}, in steps of as much.",
            )
        return lots

    def value(self, *, price_ticks: int, quantity_lots: int) -> int:
        """What a trade costs before fees, in the quote asset's smallest units; exact."""
        return price_ticks * quantity_lots * self.tick_lot_value

    def price_units(self, price_ticks: int) -> int:
        """In 10^-`price_decimals` quote per whole base, as users' files store prices."""
        return price_ticks * self.tick_units

    def quantity_units(self, quantity_lots: int) -> int:
        """In the base asset's smallest units, as users' files store quantities."""
        return quantity_lots * self.lot_units

    def format_price(self, price_ticks: int) -> str:
        return format_units(self.price_units(price_ticks), self.price_decimals)

    def format_quantity(self, quantity_lots: int) -> str:
        return self.base.format(self.quantity_units(quantity_lots))

    def _nearest(self, units: int) -> str:
        below = units // self.tick_units
        low, high = self.format_price(max(below, 1)), self.format_price(max(below, 1) + 1)
        return f"Nearby prices on the grid are {low} and {high}."


def _normal(units: int, decimals: int) -> str:
    """Decimal text without trailing zeros."""
    text = format_units(units, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text
