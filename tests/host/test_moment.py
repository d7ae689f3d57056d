"""Times and days are the same on every database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.exc import StatementError

from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.connecting.moment import Day, Moment
from tests.host.database import Database

AT = datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
NEXT = timedelta(microseconds=1)
TIMES = Table("times", MetaData(), Column("id", Integer, primary_key=True), Column("at", Moment), Column("day", Day))


def test_a_moment_comes_back_as_it_went_in_whatever_its_zone(database: Database) -> None:
    """To the microsecond, in order, and found by comparison; None stays None."""
    moments = [AT.astimezone(timezone(timedelta(hours=9))), AT + NEXT, datetime(1, 1, 1, tzinfo=UTC), None]
    days = [date(2026, 3, 1), date(2026, 12, 31), date(1, 1, 1), None]
    adapter = EngineAdapter(database.url)
    with adapter.transaction() as connection:
        TIMES.create(connection)
        rows = [{"at": at, "day": day} for at, day in zip(moments, days, strict=True)]
        connection.execute(insert(TIMES), rows)
        assert connection.scalars(select(TIMES.c.at).order_by(TIMES.c.id)).all() == moments
        assert connection.scalars(select(TIMES.c.day).order_by(TIMES.c.id)).all() == days
        found = connection.scalars(select(TIMES.c.at).where(TIMES.c.at > AT)).one()
        assert (found, found.tzinfo) == (AT + NEXT, UTC)
        assert (
            connection.scalars(select(TIMES.c.day).where(TIMES.c.day.in_(days[:2])).order_by("day")).all() == days[:2]
        )
        assert connection.scalar(select(func.max(TIMES.c.at))) == AT + NEXT


def test_a_time_without_a_zone_is_a_mistake_of_ours(database: Database) -> None:
    """And is told as one, not as trouble of the database that may pass."""
    with pytest.raises(StatementError, match="no moment"), EngineAdapter(database.url).transaction() as connection:
        connection.execute(select(TIMES.c.at).where(TIMES.c.at == datetime(2026, 3, 1)))  # noqa: DTZ001 - that is the mistake


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_text_that_is_no_time_is_the_beginning_of_time(database: Database) -> None:
    """SQLite takes anything from the host's own code, and one row must not hold up the rest."""
    with EngineAdapter(database.url).transaction() as connection:
        TIMES.create(connection)
        connection.exec_driver_sql("INSERT INTO times (at) VALUES ('some day'), ('2026-03-01 12:00:00')")
        assert [at.isoformat() for at in connection.scalars(select(TIMES.c.at).order_by(TIMES.c.id))] == [
            "1970-01-01T00:00:00+00:00",
            "2026-03-01T12:00:00+00:00",
        ]


def test_what_lies_beyond_any_driver_s_reach_is_the_last_day_but_one(database: Database) -> None:
    """An order for ever: the same on every database, however the moment is bound."""
    with EngineAdapter(database.url).transaction() as connection:
        TIMES.create(connection)
        connection.execute(insert(TIMES), [{"at": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)}])
        assert connection.scalars(select(TIMES.c.at)).one() == datetime(9999, 12, 30, tzinfo=UTC)
