"""Reading one table of a TOML file so that every mistake in it is told.

Here: keys, what may be missing, and forms of values. Never here: what the keys mean (config).
Always: a mistake names its table and key and says what would be right; reading goes on after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

T = TypeVar("T")
D = TypeVar("D")


@attrs.frozen
class Table:
    """One table of the file; what is wrong with it is added to `mistakes`."""

    name: str
    content: object
    mistakes: list[str]

    @property
    def values(self) -> Mapping[str, object]:
        return self.content if isinstance(self.content, dict) else {}

    def has(self, key: str) -> bool:
        return key in self.values

    def wrong(self, problem: str) -> None:
        self.mistakes.append(f"[{self.name}] {problem}")

    def read(self, key: str, parse: Callable[[object], T], default: D, *, needed: bool = False) -> T | D:
        """The value; `default` where it is absent or `parse` raises ValueError."""
        if key not in self.values:
            if needed:
                self.wrong(f"{key} is missing")
            return default
        try:
            return parse(self.values[key])
        except ValueError as error:
            self.wrong(f"{key}: {error}")
            return default

    def word(self, key: str, known: tuple[str, ...]) -> str | None:
        def parse(value: object) -> str:
            if value not in known:
                raise ValueError(f"{value!r} is not one of {', '.join(known)}")
            return str(value)

        return self.read(key, parse, None, needed=True)

    def refuse_others(self, known: tuple[str, ...], who: str) -> None:
        for key in self.values:
            if key not in known:
                self.wrong(f"{key}: {who} has no such key; it has {', '.join(known)}")


def text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{value!r} is not a folder or URL in quotes")
    return value


def switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise ValueError(f"{value!r} is not a whole number from 0 to 10000")
    return value


def timeout(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 3_600:
        raise ValueError(f"{value!r} is not a whole number of seconds from 1 to 3600")
    return value


def words(value: object) -> tuple[str, ...]:
    listed = strings(value)
    if not listed or not listed[0]:
        raise ValueError(
            f'{value!r} is not a program and its arguments, each in quotes, such as ["notify", "operator"]'
        )
    return listed


def strings(value: object) -> tuple[str, ...]:
    """Empty for what is no list of texts that can be given to a program."""
    if not isinstance(value, list) or not all(isinstance(one, str) and "\0" not in one for one in value):
        return ()
    return tuple(value)
