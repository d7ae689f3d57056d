"""Questions to the activity log in the host's database: entries, and what they add up to.

Here: the SQL that reads it. Never here: what writes it (batch), words from outside (activity_input).
Always: the latest entries first; pages go on after a row, so that entries that come meanwhile move nothing. Sums are read from the daily
counts and never from the entries, and are exact however large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from heapq import merge
from itertools import islice
from typing import Any, Unpack, cast

import attrs
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from credit_trading.errors import InvalidInput
from credit_trading.host.activity_input import (
    OPERATION,
    ActivityFilters,
    Asked,
    asked,
    checked_columns,
    checked_day,
    checked_limit,
    checked_name,
    checked_types,
)
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.rows import ActivityRow
from credit_trading.host.tables import Tables
from credit_trading.trading.pages import Page, page_of, position_after

MOST_SUMS = 20_000
"""In one answer."""

_PART = 2**31
"""Sums are made in two parts of so many bits: a sum that does not fit 63 would be an error in SQLite."""


@attrs.frozen(kw_only=True)
class DailySum:
    """How much of something happened. What it is not grouped by is None; so are sums of things that cannot be added.

    `quantity_units` is there for one type and one asset, `value_units` for one type and one currency: grouped by them, or asked for alone.
    """

    day: date | None = None
    type: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    asset: str | None = None
    currency: str | None = None
    entries: int
    quantity_units: int | None
    value_units: int | None


class Activity:
    """The log in the host's database that the adapter reaches."""

    def __init__(self, adapter: Adapter, tables: Tables) -> None:
        self._adapter = adapter
        self._tables = tables

    def search(
        self, *, limit: int = 100, after: str | None = None, **filters: Unpack[ActivityFilters]
    ) -> Page[ActivityRow]:
        """Entries that are all of what `filters` say, the latest first; `after` is `next` of the page before.

        `limit` is 1 to 1,000. Raises InvalidInput, StorageError.
        """
        most, wanted = checked_limit(limit), asked(**filters)
        question = attrs.asdict(wanted)
        before = None if after is None else position_after(after, question, of=2, what=OPERATION)
        with self._reading() as connection:
            rows = self._found(connection, wanted, before, most + 1)
        return page_of(rows, limit=most, question=question, position=lambda row: (row["sequence"], row["part"]))

    def daily(
        self,
        by: str | Sequence[str] = ("day", "type"),
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        types: str | Sequence[str] | None = None,
        project_id: str | None = None,
        user_id: str | None = None,
        asset: str | None = None,
        currency: str | None = None,
    ) -> list[DailySum]:
        """Sums by any of day, type, project_id, user_id, asset and currency; the latest day first, then in this order.

        `since` is the first day (UTC), `until` the day after the last. An entry counts for its `user_id`, not for its counterparty: what a
        seller sold is in `order_filled` and `order_partly_filled`. `''` asks for entries without a project, user, asset or currency.
        Raises InvalidInput for more than 20,000 sums, StorageError.
        """
        columns, chosen = checked_columns(by), checked_types(types)
        first, end = checked_day(since, what="since"), checked_day(until, what="until")
        table = self._tables.activity_daily.c
        given = {"project_id": project_id, "user_id": user_id, "asset": asset, "currency": currency}
        conditions: list[ColumnElement[bool]] = [
            table[name] == checked_name(value, what=name.replace("_", " "))
            for name, value in given.items()
            if value is not None
        ]
        if chosen:
            conditions.append(table.type.in_(chosen))
        if first is not None:
            conditions.append(table.day >= first)
        if end is not None:
            conditions.append(table.day < end)
        grouped = [table[name] for name in columns]
        sums = [part for name in ("quantity_units", "value_units") for part in _parts(table[name])]
        statement = select(func.sum(table.entries), *sums, *grouped).where(*conditions).group_by(*grouped)
        with self._reading() as connection:
            rows = connection.execute(statement.limit(MOST_SUMS + 1)).fetchall()
        if len(rows) > MOST_SUMS:
            problem = f"more than {MOST_SUMS:,} sums"
            raise InvalidInput(OPERATION, ", ".join(columns), problem, hint="Group by less, or ask for fewer days.")
        of_one_type = "type" in columns or len(chosen) == 1
        addable = (
            of_one_type and ("asset" in columns or asset is not None),
            of_one_type and ("currency" in columns or currency is not None),
        )
        found = [_daily_sum(row, columns, addable) for row in rows if row[0] is not None]
        return sorted(found, key=lambda one: [_place(getattr(one, name)) for name in columns])

    def _found(
        self, connection: Connection, wanted: Asked, before: tuple[int, ...] | None, most: int
    ) -> list[ActivityRow]:
        """Of a user, what they did and what they were the other side of: each by its own index, and merged."""
        table = self._tables.activity
        conditions = self._conditions(wanted, before)
        user = wanted.user_id
        ways: list[list[ColumnElement[bool]]] = [[]]
        if user is not None:
            not_own = or_(table.c.user_id.is_(None), table.c.user_id != user)
            ways = [[table.c.user_id == user], [table.c.counterparty_id == user, not_own]]
        found = [
            connection.execute(
                select(table)
                .where(*way, *conditions)
                .order_by(table.c.sequence.desc(), table.c.part.desc())
                .limit(most)
            )
            .mappings()
            .all()
            for way in ways
        ]
        rows = merge(
            *(cast("Iterator[ActivityRow]", map(dict, one)) for one in found),
            key=lambda row: (-row["sequence"], -row["part"]),
        )
        return list(islice(rows, most))

    def _conditions(self, wanted: Asked, before: tuple[int, ...] | None) -> list[ColumnElement[bool]]:
        table = self._tables.activity.c
        exact = ("project_id", "instrument", "asset", "order_id", "actor")
        conditions: list[ColumnElement[bool]] = [
            table[name] == getattr(wanted, name) for name in exact if getattr(wanted, name) is not None
        ]
        if wanted.types:
            conditions.append(table.type.in_(wanted.types))
        if wanted.since is not None:
            conditions.append(table.occurred_at >= wanted.since)
        if wanted.until is not None:
            conditions.append(table.occurred_at < wanted.until)
        if wanted.text is not None:
            conditions.append(table.sentence.icontains(wanted.text, autoescape=True))
        if before is not None:
            sequence, part = before
            in_event = and_(table.sequence == sequence, table.part < part)
            conditions += [table.sequence <= sequence, or_(table.sequence < sequence, in_event)]
        return conditions

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        subject = str(getattr(self._adapter, "subject", type(self._adapter).__name__))
        with translated_errors(subject), self._adapter.transaction() as given:
            yield borrowed(given)


def _parts(column: ColumnElement[int]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return func.sum(column // _PART), func.sum(column % _PART)


def _place(value: date | str) -> int | str:
    """Texts are sorted alike on every database, whatever its language; the latest day is the first."""
    return -value.toordinal() if isinstance(value, date) else value


def _daily_sum(row: Sequence[Any], columns: tuple[str, ...], addable: tuple[bool, bool]) -> DailySum:
    """`row` as the statement has it: entries, the two parts of both sums, then what it is grouped by."""
    quantity = int(row[1]) * _PART + int(row[2]) if addable[0] else None
    value = int(row[3]) * _PART + int(row[4]) if addable[1] else None
    group = dict(zip(columns, row[5:], strict=True))
    return DailySum(entries=int(row[0]), quantity_units=quantity, value_units=value, **group)
