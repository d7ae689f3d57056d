"""In what the host's tables differ from the journal, as data.

Here: one difference, many of them in bounded memory, and how values are shown and compared. Never here: reading rows
(check), changing any (repair).
Always: a difference names table, key and, where there is one, the column; its text fits on one line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import attrs

from credit_trading.host.keyed import Key

MOST_TOLD = 1_000
"""More are counted and not told."""

_LONGEST = 200
"""Characters of a value that are shown."""


class DifferenceKind(StrEnum):
    """What is wrong with a row, or with all of them."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    DIFFERS = "differs"
    AHEAD = "ahead"
    FOREIGN = "foreign"
    HANGING = "hanging"
    REAPPLY = "reapply"
    OWN_TABLE = "own table"
    DERIVATION = "derivation"


_PROBLEMS = {
    DifferenceKind.MISSING: "it is missing",
    DifferenceKind.UNEXPECTED: "the journal knows nothing of it",
    DifferenceKind.DIFFERS: "it is not what the journal leads to",
    DifferenceKind.AHEAD: "it tells of more than it can know of yet",
    DifferenceKind.FOREIGN: "it is of another exchange or another history",
    DifferenceKind.HANGING: "it has waited for too long",
    DifferenceKind.REAPPLY: "the host has not done its own side again",
    DifferenceKind.OWN_TABLE: "the host's own record is not what the exchange has",
    DifferenceKind.DERIVATION: "the rows that are derived here contradict the exchange itself, which is a bug in this program",
}


@attrs.frozen(kw_only=True)
class Difference:
    """`table` is named as in the host's database, `key` is of the row ('' for all of the table), `column` None for all of the row."""

    kind: DifferenceKind
    table: str
    key: str = ""
    column: str | None = None
    expected: str | None = None
    found: str | None = None

    @property
    def where(self) -> str:
        return " ".join(part for part in (self.table, self.key, self.column) if part)

    @property
    def what(self) -> str:
        """The problem, with the values if there are any."""
        told = [
            f"{word} {value}"
            for word, value in (("expected", self.expected), ("found", self.found))
            if value is not None
        ]
        problem = _PROBLEMS[self.kind]
        return f"{problem} ({', '.join(told)})" if told else problem

    def __str__(self) -> str:
        return f"{self.where}: {self.what}".replace("\n", " ")


class Differences:
    """All that were found, in order, each once; of very many the first, for memory's sake."""

    def __init__(self) -> None:
        self._told: dict[Difference, None] = {}
        self.untold = 0

    @property
    def told(self) -> list[Difference]:
        return list(self._told)

    def add(self, found: Iterable[Difference]) -> None:
        for difference in found:
            if len(self._told) < MOST_TOLD:
                self._told[difference] = None
            elif difference not in self._told:
                self.untold += 1

    def __len__(self) -> int:
        return len(self._told) + self.untold


def key_text(key: Key) -> str:
    """For people and for `repairs`: the parts in the order of the key's columns, '-' for an empty one."""
    return " ".join(shown(part) or "-" for part in key)


def shown(value: Any) -> str:
    """A value as a difference shows it."""
    if value is None:
        return "nothing"
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def differing(expected: Mapping[str, Any], found: Mapping[str, Any], columns: Iterable[str]) -> Iterator[str]:
    """Those of the columns in which the two rows are not the same."""
    return (name for name in columns if expected[name] != found[name])


def same_number(one: str | None, other: str | None) -> bool:
    """Whether two texts are the same exact number, however it is written."""
    try:
        return one == other or (one is not None and other is not None and Decimal(one) == Decimal(other))
    except InvalidOperation:
        return False


def row_json(row: Mapping[str, Any]) -> str:
    """A row as it stands in `repairs`."""
    return json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
