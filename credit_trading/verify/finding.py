"""What verify finds, as data.

Here: one finding, and how whatever a damaged part raises becomes one. Never here: looking for any.
Always: a finding says where, what, and what to do about it; the text fits on one line.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs

from credit_trading.errors import ArchiveUnreachable, Busy, TradingError, Unwritable
from credit_trading.journal.log import FILE_NAME

_log = logging.getLogger(__name__)

EXCHANGE = FILE_NAME
IN_MEMORY = "state in memory"

RESTORE = "Restore exchange.db from a backup."
RESTART = "Restart every process that has the exchange open; if it stays so, restore exchange.db from a backup."

_JOURNAL_ROW = "sequence "

MOST_FINDINGS = 1_000
"""More are counted and not told."""

_HASH = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")

_LONGEST = 200
"""Characters of a value that are shown."""


@attrs.frozen(kw_only=True)
class Finding:
    """`file` is named as in the exchange's folder; `row` says which row, user or table of it, None is all of it.

    `repair` is a command line, or words. `expected` and `found` are values where there are any to compare.
    """

    file: str
    row: str | None = None
    problem: str
    expected: str | None = None
    found: str | None = None
    repair: str

    @property
    def where(self) -> str:
        return self.file if self.row is None else f"{self.file}, {self.row}"

    @property
    def what(self) -> str:
        """The problem, with the values if there are any."""
        told = [("expected", self.expected), ("found", self.found)]
        given = [value for _, value in told if value is not None]
        alike = len(given) > len(set(map(_in_a_line, given)))
        values = [f"{word} {value if alike else _in_a_line(value)}" for word, value in told if value is not None]
        return f"{self.problem} ({', '.join(values)})" if values else self.problem

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.repair}".replace("\n", " ")


def _in_a_line(value: str) -> str:
    """Of a hash the beginning: it is told from another by that, mostly, and has all its digits in JSON."""
    return _HASH.sub(r"\1...", value)


class Findings:
    """All that was found, in order; each once, and of very many the first, for memory's sake."""

    def __init__(self) -> None:
        self._listed: dict[Finding, None] = {}
        self._untold = 0

    def add(self, found: Iterable[Finding]) -> None:
        for finding in found:
            if len(self._listed) < MOST_FINDINGS:
                self._listed[finding] = None
            elif finding not in self._listed:
                self._untold += 1

    def listed(self) -> list[Finding]:
        """The last one says how many more there are, if so."""
        if not self._untold:
            return list(self._listed)
        problem = (
            f"{self._untold} more {'was found and is' if self._untold == 1 else 'were found and are'} not told here"
        )
        return [
            *self._listed,
            Finding(file="and more", problem=problem, repair="Repair these first, then verify again."),
        ]


def first_sequence(found: Iterable[Finding]) -> int | None:
    """Of the journal's rows that are wrong the first, if any is named."""
    rows = [one.row.removeprefix(_JOURNAL_ROW) for one in found if one.row and one.row.startswith(_JOURNAL_ROW)]
    return min((int(row) for row in rows if row.isdecimal()), default=None)


def shortened(value: object) -> str:
    """A value as a finding shows it."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def of_error(error: Exception, *, file: str, row: str | None = None, repair: str) -> Finding:
    """What a part raised while it was looked at."""
    if not isinstance(error, TradingError):
        problem = f"it cannot be read ({type(error).__name__}: {shortened(error)})"
        return Finding(file=file, row=row, problem=problem, repair=repair)
    if error.subject.startswith(_JOURNAL_ROW):
        file, row = EXCHANGE, error.subject
    elif isinstance(error, ArchiveUnreachable):
        file, row = error.subject, None
    elif Path(error.subject).name == EXCHANGE:
        file, row = EXCHANGE, None
    unseen = isinstance(error, Busy | Unwritable)  # says nothing about the file, but that nobody could look
    problem = f"it could not be looked at: {error.problem}" if unseen else error.problem
    return Finding(file=file, row=row, problem=shortened(problem), repair=error.hint or repair)


def guarded(
    look: Callable[[], Iterable[Finding]], *, file: str, row: str | None = None, repair: str
) -> Iterator[Finding]:
    """What `look` finds; whatever it raises is a finding too, and ends it."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - there is nothing that a damaged file cannot lead to
        _log.debug("%s: %r", file, error, exc_info=True)
        yield of_error(error, file=file, row=row, repair=repair)
