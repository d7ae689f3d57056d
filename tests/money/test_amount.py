"""Text to whole smallest units and back: exact, or refused with one clear line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_trading.errors import InvalidInput
from credit_trading.money import MAX_UNITS, format_units, parse_rate, parse_units
from credit_trading.money.amount import decimals_of

given_often = settings(max_examples=300, derandomize=True, deadline=None, database=None)

MALFORMED = [
    *("NaN", "nan", "-NaN", "sNaN", "Infinity", "-Infinity", "inf", "1e400", "1E5", "1e-2", "0x10", "1_000"),
    *("", " ", ".", "1.", ".5", "1..2", "1.2.3", "1,5", "1,000", "1'000", "1 000", "1\u00a0000", "1.000,00"),
    *("+1", "--1", "- 1", "1-", " 1", "1 ", "1\n", "\t1", "1\x00", "abc", "twelve", "1/2", "½", "1%", "$1", "1 USD"),
    *(
        "\u0661\u0662",
        "\uff11",
        "\u0967",
        "1\u0660",
        "\u00b2",
        "\u2160",
    ),  # Arabic, full-width, Devanagari digits; powers, numerals
]
"""What is no plain decimal number, in any number of decimals."""


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_plain_decimal_number_is_refused(text: str) -> None:
    """Digits 0 to 9 and at most one point between them; nothing is guessed."""
    with pytest.raises(InvalidInput, match="not a plain decimal number"):
        parse_units(text, 2, what="amount")


@pytest.mark.parametrize("text", ["-1", "-0", "-0.01", "-99999999999999999999"])
def test_a_negative_amount_is_refused_and_called_so(text: str) -> None:
    """Directions are words here (buy, withdraw), not signs."""
    for value in (text, Decimal(text)):
        with pytest.raises(InvalidInput, match="negative"):
            parse_units(value, 2, what="amount")
    with pytest.raises(InvalidInput, match="negative"):
        parse_units(-1, 0, what="amount")


@pytest.mark.parametrize("value", [1.5, 1.0, float("nan"), float("inf"), True, False, None, b"1", [1], 1j])
def test_what_cannot_hold_an_exact_amount_is_refused(value: object) -> None:
    """Floats above all, and booleans, which are integers to Python."""
    with pytest.raises(InvalidInput, match="cannot hold an exact amount"):
        parse_units(value, 2, what="amount")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="cannot hold an exact amount"):
        parse_rate(value, what="fee")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e400"), Decimal("1e-400")]
)
def test_decimals_beyond_all_measure_are_refused(value: Decimal) -> None:
    """They are not even written out."""
    with pytest.raises(InvalidInput):
        parse_units(value, 2, what="amount")


def test_the_smallest_unit_is_the_limit() -> None:
    """Finer digits are refused unless they are zeros, which are exact."""
    assert parse_units("0.01", 2, what="amount") == 1
    assert parse_units("0.0100000", 2, what="amount") == 1
    assert parse_units("7.000", 0, what="amount") == 7
    for text, decimals in (("0.001", 2), ("0.010001", 2), ("1.5", 0)):
        with pytest.raises(InvalidInput, match="finer than the smallest unit"):
            parse_units(text, decimals, what="amount")


def test_the_largest_amount_fits_and_one_more_does_not() -> None:
    """2^62 smallest units, so that the sum of two still fits 63 bits; also for numbers of any length."""
    assert parse_units(str(MAX_UNITS), 0, what="amount") == MAX_UNITS == 2**62
    assert parse_units("46116860184273879.04", 2, what="amount") == MAX_UNITS
    for value in (str(MAX_UNITS + 1), MAX_UNITS + 1, Decimal(MAX_UNITS + 1), "9" * 99):
        with pytest.raises(InvalidInput, match="too large"):
            parse_units(value, 0, what="amount")
    for beyond in (10**400, "9" * 101, "9" * 5000, "0." + "0" * 5000 + "1"):
        with pytest.raises(InvalidInput):
            parse_units(beyond, 2, what="amount")


def test_leading_zeros_do_no_harm() -> None:
    """They are not octal."""
    assert parse_units("0012.50", 2, what="amount") == 1250


def test_texts_whole_numbers_and_decimals_mean_the_same() -> None:
    """Whichever the caller has; Decimals in any notation."""
    for value in ("1250", 1250, Decimal(1250), Decimal("1.25E+3"), Decimal("1250.000")):
        assert parse_units(value, 2, what="amount") == 125_000


@given_often
@given(units=st.integers(0, MAX_UNITS), decimals=st.integers(0, 18))
def test_what_is_formatted_and_parsed_is_the_same_number(units: int, decimals: int) -> None:
    """Through text, and through a Decimal made of it."""
    text = format_units(units, decimals)
    assert parse_units(text, decimals, what="amount") == units
    assert parse_units(Decimal(text), decimals, what="amount") == units
    assert len(text.partition(".")[2]) == decimals
    assert Decimal(text).scaleb(decimals) == units


@given_often
@given(text=st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,12})?", fullmatch=True))
def test_what_is_parsed_and_formatted_is_the_same_value(text: str) -> None:
    """Whatever zeros stand before and after it."""
    units = parse_units(text, 12, what="amount")
    assert Decimal(format_units(units, 12)) == Decimal(text)
    assert decimals_of(text, what="amount") == len(text.partition(".")[2].rstrip("0"))


@given_often
@given(text=st.text(max_size=12) | st.text("0123456789.-+e, ", max_size=6))
def test_any_text_is_a_number_or_one_clear_line(text: str) -> None:
    """No other exception, no second line, no control characters in the message, and no more than it can bear."""
    if _is_amount(text):
        assert Decimal(parse_units(text, 2, what="amount")) == Decimal(text) * 100
        return
    with pytest.raises(InvalidInput) as refused:
        parse_units(text, 2, what="amount")
    assert str(refused.value).isprintable()
    assert str(refused.value).startswith("amount")
    assert refused.value.hint


def _is_amount(text: str) -> bool:
    """The rules in other words than the parser's."""
    whole, point, part = text.partition(".")
    digits = "0123456789"
    return whole != "" and (part != "" or not point) and not (whole + part).strip(digits) and not part[2:].strip("0")


def test_negative_units_are_formatted_with_their_sign() -> None:
    """Rebates and the outside world's balance."""
    assert format_units(-5, 2) == "-0.05"
    assert format_units(-1250, 2) == "-12.50"
    assert format_units(-7, 0) == "-7"
    assert format_units(0, 3) == "0.000"


def test_an_error_names_the_value_shortened_and_says_what_to_do() -> None:
    """One line, whatever was given."""
    with pytest.raises(InvalidInput) as caught:
        parse_units("1\n" + "9" * 500, 2, what="amount")
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 200
    assert "Write digits with at most one point, such as 12.50." in line


def test_rates_are_whole_millionths_from_minus_one_to_one() -> None:
    """A quarter of a percent is 2,500; rebates are negative."""
    assert parse_rate("0.0025", what="fee") == 2500
    assert parse_rate("-0.0001", what="fee") == -100
    assert parse_rate(0, what="fee") == 0
    assert parse_rate(Decimal("-1"), what="fee") == -1_000_000
    assert parse_rate("1.000000", what="fee") == 1_000_000
    for text in ("1.000001", "-1.000001", "2", "-2"):
        with pytest.raises(InvalidInput, match="between -1 and 1"):
            parse_rate(text, what="fee")
    with pytest.raises(InvalidInput, match="finer"):
        parse_rate("0.0000001", what="fee")
    for text in ("--1", "-", "0.25%", "NaN", "+0.1", "1e-3", "\u0661"):
        with pytest.raises(InvalidInput):
            parse_rate(text, what="fee")
