"""Times and days as columns that give the same values on every database.

Here: how a moment is bound and read. Never here: which columns there are (tables).
Always: what is bound is aware, what is read is aware and in UTC. SQLite has no times: there it is text, in UTC, without a zone; who opened
the connection (Django) may have told it to make a time of that text by itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Date, DateTime, Dialect, TypeDecorator
from sqlalchemy.types import TypeEngine, UserDefinedType

_WITHOUT_ZONE = len("2026-01-02 03:04:05.678901")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""Servers give times in a zone of theirs; beyond the year 9999, where an order for ever would end up, no driver can read them."""


class _Text(UserDefinedType[str]):
    """A column of SQLite that is declared as a time, and holds the text as it is given; its own types are replaced by the driver's."""

    cache_ok = True

    def __init__(self, declared: str) -> None:
        self.declared = declared

    def get_col_spec(self, **_: object) -> str:
        return self.declared


class Moment(TypeDecorator[datetime]):
    """A time with microseconds."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return _Text("DATETIME")
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return _as_text(value) if dialect.name == "sqlite" else _in_utc(value)

    def bind_processor(self, dialect: Dialect) -> Any:
        """Of SQLite's at once: there are very many of them."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else _read(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Day(TypeDecorator[date]):
    """A day of the calendar."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return _Text("DATE")
        return dialect.type_descriptor(Date())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:  # noqa: ARG002 - SQLAlchemy's signature
        return date.fromisoformat(value) if isinstance(value, str) else value


def _in_utc(value: datetime) -> datetime:
    assert value.tzinfo is not None, "a time without a zone is no moment"
    return min(value if value.tzinfo is UTC else value.astimezone(UTC), _LATEST)


def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC or value > _LATEST:
        value = _in_utc(value)
    return value.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


def _read(value: object) -> datetime:
    """What a host has written that is no time (SQLite takes anything) is the beginning of time: one such row must not hold up the rest."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else _BEGINNING
    except ValueError:
        return _BEGINNING
