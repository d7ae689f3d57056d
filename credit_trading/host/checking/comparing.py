"""The rows of one of our tables in the host's database against those that are expected, page by page.

Here: pages of keys, and in what two rows differ. Never here: transactions and positions (walk), requests, which the host writes too
(request_check), changing anything (repair).
Always: databases sort texts differently, so nothing relies on two of them having one order: one pass looks for each expected row in the
host's table, another for each of the host's among the expected ones. A page is in memory, no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import attrs
from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from credit_trading.host import keyed
from credit_trading.host.checking.difference import Difference, DifferenceKind, differing, key_text, shown
from credit_trading.host.keyed import Key, Row
from credit_trading.host.outwards.seen import ERASED

ROWS_AT_ONCE = 500

_WHO = ("actor", "correlation_id")


@attrs.frozen(kw_only=True)
class Deviation:
    """A row that is not as it should be, both as they are, None where there is none; and how that is told."""

    table: Table
    key: Key
    expected: Row | None
    found: Row | None
    differences: list[Difference]


@attrs.frozen(kw_only=True)
class Sight:
    """Host and expected tables at one moment, both at `sequence`; the host's stand still as long as its transaction is open."""

    host: Connection
    expected: Connection
    sequence: int


@attrs.frozen(kw_only=True)
class Page:
    """`then` is the key to go on after, None at the end; `rows` is how many were compared."""

    deviations: list[Deviation]
    then: Key | None
    rows: int


class Pass(Protocol):
    """One way of going through a table."""

    @property
    def table(self) -> Table:
        """In the host's database."""

    def page(self, sight: Sight, after: Key | None) -> Page:
        """The rows beyond the key `after`."""


@attrs.frozen
class ExpectedRows:
    """Looks for each expected row in the host's `table`; `by` is the column of its key that tells most rows apart."""

    table: Table
    expected: Table
    by: str

    def page(self, sight: Sight, after: Key | None) -> Page:
        keys = keys_beyond(sight.expected, self.expected, after)
        wanted = keyed.find(sight.expected, self.expected, keys, by=self.by)
        found = keyed.find(sight.host, self.table, keys, by=self.by)
        deviations = []
        for key in keys:
            told = list(_compared(self.table, key, wanted[key], found.get(key), sight.sequence))
            if told:
                deviations.append(
                    Deviation(table=self.table, key=key, expected=wanted[key], found=found.get(key), differences=told)
                )
        return Page(deviations=deviations, then=end_of(keys), rows=len(keys))


@attrs.frozen
class FoundRows:
    """Looks for each row of the host's `table` among the expected ones."""

    table: Table
    expected: Table
    by: str

    def page(self, sight: Sight, after: Key | None) -> Page:
        keys = keys_beyond(sight.host, self.table, after)
        known = keyed.find(sight.expected, self.expected, keys, by=self.by)
        unknown = keyed.find(sight.host, self.table, [key for key in keys if key not in known], by=self.by)
        return Page(
            deviations=[self._deviation(key, row, sight.sequence) for key, row in unknown.items()],
            then=end_of(keys),
            rows=0,
        )

    def _deviation(self, key: Key, row: Row, sequence: int) -> Deviation:
        kind = DifferenceKind.AHEAD if is_ahead(row, sequence) else DifferenceKind.UNEXPECTED
        told = Difference(kind=kind, table=self.table.name, key=key_text(key))
        return Deviation(table=self.table, key=key, expected=None, found=row, differences=[told])


def keys_beyond(connection: Connection, table: Table, after: Key | None) -> list[Key]:
    """A page, in the order that this database has."""
    columns = table.primary_key.columns
    statement = select(*columns).order_by(*columns).limit(ROWS_AT_ONCE)
    if after is not None:
        statement = statement.where(_beyond(table, after))
    return [tuple(row) for row in connection.execute(statement)]


def end_of(keys: list[Key]) -> Key | None:
    """Where the next page begins; None where this was the last."""
    return keys[-1] if len(keys) == ROWS_AT_ONCE else None


def is_ahead(row: Row, sequence: int) -> bool:
    """Whether it tells of something that comes after that."""
    at = row.get("sequence")  # SQLite takes texts there as well
    return isinstance(at, int) and at > sequence


def _beyond(table: Table, after: Key) -> ColumnElement[bool]:
    """The first part is named by itself too: that leads every database into the index."""
    columns = list(table.primary_key.columns)
    alternatives = [
        and_(*(columns[i] == after[i] for i in range(place)), columns[place] > after[place])
        for place in range(len(columns))
    ]
    return and_(columns[0] >= after[0], or_(*alternatives))


def _compared(table: Table, key: Key, expected: Row, found: Row | None, sequence: int) -> Iterator[Difference]:
    if found is None:
        yield Difference(kind=DifferenceKind.MISSING, table=table.name, key=key_text(key))
        return
    kind = DifferenceKind.AHEAD if is_ahead(found, sequence) else DifferenceKind.DIFFERS
    for column in differing(expected, found, _columns(table, expected)):
        yield Difference(
            kind=kind,
            table=table.name,
            key=key_text(key),
            column=column,
            expected=shown(expected[column]),
            found=shown(found[column]),
        )


def _columns(table: Table, expected: Row) -> list[str]:
    """Who acted may have been erased from the exchange after the row was written."""
    names: list[str] = [column.name for column in table.columns]
    return [name for name in names if name not in _WHO] if expected.get("actor") == ERASED else names
