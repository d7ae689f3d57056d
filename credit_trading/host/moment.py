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

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


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
        assert value.tzinfo is not None, "a time without a zone is no moment"
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        moment = _read(value) if isinstance(value, str) else value
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


def _read(text: str) -> datetime:
    """What a host has written that is no time (SQLite takes anything) is the beginning of time: one such row must not hold up the rest."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _BEGINNING
