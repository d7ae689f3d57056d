"""The grid: tick times lot is a whole number of cents, and what is off the grid is refused, never rounded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from credit_trading.errors import InvalidInput
from credit_trading.money import MAX_UNITS, Asset, Instrument

CREDIT, KILOGRAMS, CASH = Asset("TREE", 0), Asset("KILO", 3), Asset("USD", 2)


def _instrument(**changes: Any) -> Instrument:
    given = {"symbol": "TREE/USD", "base": CREDIT, "quote": CASH, "tick_size": "0.01", "lot_size": "1", **changes}
    return Instrument.checked(given.pop("symbol"), given.pop("base"), given.pop("quote"), **given)


def test_one_tick_times_one_lot_must_be_a_whole_number_of_cents() -> None:
    """Otherwise some trade's value would have to be rounded."""
    with pytest.raises(InvalidInput, match="is not a whole number"):
        _instrument(tick_size="0.001")
    with pytest.raises(InvalidInput, match="is not a whole number"):
        _instrument(base=KILOGRAMS, lot_size="0.5", tick_size="0.01")
    with pytest.raises(InvalidInput, match="is not a whole number"):
        _instrument(tick_size="0.003", lot_size="5")


def test_a_tick_finer_than_a_cent_needs_a_lot_that_makes_up_for_it() -> None:
    """0.0001 a credit in lots of 100 is exact: prices are shown with four decimals, money with two."""
    fine = _instrument(tick_size="0.0001", lot_size="100")
    assert fine.tick_lot_value == 1
    assert fine.price_decimals == 4
    assert fine.parse_price("12.3456") == 123_456
    assert fine.format_price(123_456) == "12.3456"
    assert fine.parse_quantity("300") == 3
    assert fine.value(price_ticks=123_456, quantity_lots=3) == 370_368
    assert fine.format_quantity(3) == "300"


def test_a_coarse_tick_and_a_fine_lot_are_exact_too() -> None:
    """Kilograms at whole dollars a tonne: one gram-thousandth of a dollar would not be."""
    coarse = _instrument(base=KILOGRAMS, tick_size="10", lot_size="0.001")
    assert coarse.tick_lot_value == 1
    assert coarse.format_quantity(1500) == "1.500"
    assert coarse.value(price_ticks=2, quantity_lots=1500) == 30_00


@pytest.mark.parametrize("price", ["0", "0.00", "0.005", "0.03", "12.51", "0.001", "12.505"])
def test_a_price_off_the_tick_is_refused(price: str) -> None:
    """Zero is off the grid as well; the hint names prices on it."""
    with pytest.raises(InvalidInput):
        _instrument(tick_size="0.05").parse_price(price)


def test_the_hint_names_the_neighbours_on_the_grid() -> None:
    """So that the next try is right."""
    instrument = _instrument(tick_size="0.05")
    with pytest.raises(InvalidInput, match=r"tick 0\.05\. Nearby prices on the grid are 12\.50 and 12\.55\."):
        instrument.parse_price("12.51")
    with pytest.raises(InvalidInput, match=r"Nearby prices on the grid are 0\.05 and 0\.10\."):
        instrument.parse_price("0")


@pytest.mark.parametrize("quantity", ["0", "1", "5", "15", "10.5", "-10", "1,000", "1e1", 10.0, True])
def test_a_quantity_off_the_lot_is_refused(quantity: Any) -> None:
    """In steps of the lot, from one lot on."""
    instrument = _instrument(lot_size="10")
    assert instrument.parse_quantity("20") == 2
    with pytest.raises(InvalidInput):
        instrument.parse_quantity(quantity)


@pytest.mark.parametrize("size", ["0", "0.00", "-0.01", "NaN", "Infinity", "1e400", "", 0.01, "0.0000000000000000001"])
def test_a_grid_is_made_of_positive_exact_numbers(size: Any) -> None:
    """Ticks and lots are amounts like all others."""
    with pytest.raises(InvalidInput):
        _instrument(tick_size=size)
    with pytest.raises(InvalidInput):
        _instrument(lot_size=size)


def test_a_lot_is_not_finer_than_the_asset() -> None:
    """Half a serialised credit does not exist."""
    with pytest.raises(InvalidInput, match="finer than the smallest unit"):
        _instrument(lot_size="0.5", tick_size="0.02")


def test_a_grid_whose_smallest_trade_no_account_can_hold_is_refused() -> None:
    """One tick times one lot has to fit what an account may hold."""
    with pytest.raises(InvalidInput):
        _instrument(tick_size="1000000000", lot_size="1000000000")


@pytest.mark.parametrize("symbol", ["", "/USD", "-x", "A" * 66, "TREE USD", "TREE\n", "B\u00e4ume/USD", "a@b.c"])
def test_a_symbol_is_ascii_letters_digits_and_a_few_signs(symbol: str) -> None:
    """As asset codes, and a slash between them."""
    with pytest.raises(InvalidInput, match="a symbol is"):
        _instrument(symbol=symbol)


def test_an_instrument_is_a_pair_of_two_assets() -> None:
    """Cash for cash of the same kind is no market."""
    with pytest.raises(InvalidInput, match="same asset"):
        _instrument(base=CASH)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    tick=st.integers(1, 10**6),
    tick_decimals=st.integers(0, 8),
    lot=st.integers(1, 10**6),
    base_decimals=st.integers(0, 8),
    quote_decimals=st.integers(0, 8),
    price_ticks=st.integers(1, 10**6),
    quantity_lots=st.integers(1, 10**6),
)
def test_every_value_on_a_grid_that_was_accepted_is_exact(
    tick: int,
    tick_decimals: int,
    lot: int,
    base_decimals: int,
    quote_decimals: int,
    price_ticks: int,
    quantity_lots: int,
) -> None:
    """Price times quantity as fractions; and prices and quantities survive being written and read."""
    base, quote = Asset("BASE", base_decimals), Asset("QUOTE", quote_decimals)
    tick_size, lot_size = Decimal(tick).scaleb(-tick_decimals), Decimal(lot).scaleb(-base_decimals)
    exact = Fraction(tick_size) * Fraction(lot_size) * 10**quote_decimals
    if exact.denominator != 1 or exact > MAX_UNITS:
        with pytest.raises(InvalidInput):
            _instrument(base=base, quote=quote, tick_size=tick_size, lot_size=lot_size)
        return
    instrument = _instrument(base=base, quote=quote, tick_size=tick_size, lot_size=lot_size)
    assert instrument.tick_lot_value == exact
    price, quantity = instrument.format_price(price_ticks), instrument.format_quantity(quantity_lots)
    assume(price_ticks * instrument.tick_units <= MAX_UNITS)
    assert instrument.parse_price(price) == price_ticks
    assert instrument.parse_quantity(quantity) == quantity_lots
    value = instrument.value(price_ticks=price_ticks, quantity_lots=quantity_lots)
    assert Fraction(price) * Fraction(quantity) * 10**quote_decimals == value


def test_an_instrument_is_the_same_however_its_numbers_are_written() -> None:
    """Trailing zeros and other kinds of numbers make no other instrument."""
    plain = _instrument(tick_size="0.05", lot_size="10")
    assert _instrument(tick_size=Decimal("0.0500"), lot_size=10) == plain
    assert plain == Instrument.restored("TREE/USD", CREDIT, CASH, tick_size="0.05", lot_size="10")
