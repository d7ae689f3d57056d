"""Whether a value from outside is what it says: text, an id, a whole number, a limit.

Here: checks that need nothing but the value, the same for every room. Never here: what a value means (money, trading).
Always: what passes can be encoded, looked up and stored as it is, so nothing fails on it once a command is being decided; an error repeats
at most forty characters, all of them printable, and runs none of the caller's code.
"""

from __future__ import annotations

import re

from credit_trading.errors import InvalidInput

LONGEST_TEXT = 1000

LARGEST = 2**63 - 1
"""Of SQLite's integers."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_SPEAK_FOR_THEMSELVES = {
    *("builtins.bool", "builtins.float", "builtins.NoneType"),
    *("decimal.Decimal", "datetime.date", "datetime.datetime"),
}
"""Types by their names: the rooms that compute use this module, and import no clock and no calendar."""


def checked_text(text: str, *, what: str, longest: int = LONGEST_TEXT) -> str:
    """The text itself. Raises InvalidInput for what is none, holds a NUL or half a character, or has more than `longest` characters."""
    if not isinstance(text, str):
        raise InvalidInput(what, shown(text), f"{type(text).__name__} is not text", hint='Give text, such as "42".')
    if len(text) > longest:
        raise InvalidInput(what, shown(text), f"longer than {longest} characters", hint="Shorten it.")
    if "\0" in text or not _can_be_encoded(text):
        raise InvalidInput(
            what,
            shown(text),
            "it holds a character that cannot be stored",
            hint="Leave out NUL and halves of characters.",
        )
    return text if type(text) is str else str.__str__(text)


def checked_id(text: str, *, what: str) -> str:
    """The id itself. Raises InvalidInput unless it is 1 to 64 letters, digits, '.', '_', ':' or '-': no id can hold an e-mail."""
    match = _ID.fullmatch(checked_text(text, what=what))
    if match is None:
        raise InvalidInput(
            what,
            shown(text),
            "an id is 1 to 64 ASCII letters, digits, '.', '_', ':' or '-'",
            hint="For example order-0042.",
        )
    return match[0]


def checked_number(
    number: int, *, what: str, problem: str, hint: str, least: int = 0, most: int | None = LARGEST
) -> int:
    """The number itself. Raises InvalidInput, with these words, unless it is a whole number from `least` to `most`."""
    if (
        isinstance(number, bool)
        or not isinstance(number, int)
        or number < least
        or (most is not None and number > most)
    ):
        raise InvalidInput(what, shown(number), problem, hint=hint)
    return int(number)


def checked_limit(limit: int | None, *, what: str) -> int:
    """How many rows at most, as SQL takes it, and still with one more: -1 for None, which means all. Raises InvalidInput."""
    if limit is None:
        return -1
    problem = "a limit is a whole number, 0 or more"
    return checked_number(limit, what=what, problem=problem, hint="For example 20.", most=LARGEST - 1)


def shown(value: object) -> str:
    """What an error may repeat of a value that is wrong: text and numbers in short, of anything else its type."""
    if isinstance(value, str):
        text = str.__str__(value)
    elif type(value) is int:
        text = str(value) if value.bit_length() < 128 else f"{value:#x}"
    else:
        kind = type(value)
        text = str(value) if f"{kind.__module__}.{kind.__name__}" in _SPEAK_FOR_THEMSELVES else kind.__name__
    text = text[:41]
    safe = text if text.isprintable() else ascii(text)[1:-1]
    return safe if len(safe) <= 40 else safe[:37] + "..."


def _can_be_encoded(text: str) -> bool:
    """Whether it is UTF-8: JSON and headers may bring halves of surrogate pairs, which are not."""
    if text.isascii():  # most is, and to know it costs nothing
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
