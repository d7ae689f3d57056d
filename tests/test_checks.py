"""What passes as text, an id, a whole number, a limit; and that a refusal can always be printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import pytest

from credit_trading.checks import LARGEST, checked_id, checked_limit, checked_number, checked_text, shown
from credit_trading.errors import InvalidInput


class Word(StrEnum):
    BUY = "buy"


def _number(number: int) -> int:
    return checked_number(number, what="depth", problem="not so many", hint="Give 3.", least=1, most=10)


def _limit(limit: int | None) -> int:
    return checked_limit(limit, what="list")


def _text(text: str) -> str:
    return checked_text(text, what="note")


def _id(text: str) -> str:
    return checked_id(text, what="key")


@pytest.mark.parametrize("text", ["", "x" * 1000, "Größe 🌲", "two\nlines", Word.BUY])
def test_text_is_what_can_be_encoded(text: str) -> None:
    """It comes out as plain text: an encoder takes no subclass of it."""
    assert _text(text) == text
    assert type(_text(text)) is str


def test_numbers_lie_between_their_bounds() -> None:
    """Bounds included; no limit is every row, as SQL says it."""
    assert [_number(number) for number in (1, 10)] == [1, 10]
    assert [_limit(limit) for limit in (None, 0, LARGEST - 1)] == [-1, 0, LARGEST - 1]
    assert _id("a.B_9:-") == "a.B_9:-"


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *((_text, value) for value in ("x" * 1001, "half an emoji \ud83d", "a\0b", None, b"x", 5, ["x"], {"a": 1})),
        *((_id, value) for value in ("", "x" * 65, "a b", "ann@example.com", "é", "\ud83d", "a\n", None, 5, ["x"])),
        *((_number, value) for value in (0, 11, -1, 1.0, "5", True, None, [5], Decimal(5), 10**5000)),
        *((_limit, value) for value in (-1, LARGEST, 1.5, "5", True, [5], 10**5000)),
    ],
    ids=shown,
)
def test_all_else_is_refused_in_one_line_that_can_be_printed(check: Callable[[object], object], value: object) -> None:
    """Also where the value itself cannot be."""
    with pytest.raises(InvalidInput) as error:
        check(value)
    line = str(error.value)
    assert error.value.hint
    assert line.isprintable()
    assert len(line) < 250


class _Tripwire:
    def __repr__(self) -> str:
        raise AssertionError("the caller's code was run")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("plain", "plain"),
        ("tab\there", "tab\\there"),
        ("\ud83d", "\\ud83d"),
        ("x" * 41, "x" * 37 + "..."),
        (True, "True"),
        (None, "None"),
        (1.5, "1.5"),
        (Decimal("2.50"), "2.50"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        (2**127, "0x80000000000000000000000000000000"),
        (10**5000, f"{10**5000:#x}"[:37] + "..."),
        (["x"], "list"),
        (_Tripwire(), "_Tripwire"),
    ],
    ids=shown,
)
def test_an_error_repeats_little_of_a_wrong_value(value: object, words: str) -> None:
    """Python refuses to write numbers of thousands of digits; lists may hold anything."""
    assert shown(value) == words
