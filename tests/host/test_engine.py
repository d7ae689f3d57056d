"""A host without an adapter of its own: where it keeps its projects."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from credit_trading.errors import InvalidInput
from credit_trading.host.connecting.engine import EngineAdapter
from tests.host.database import Database

BRIGHT = UUID("6f1c1d8e-5b0a-4c5e-9d5a-0a5d1c2b3a4f")


def test_without_a_place_of_projects_all_are_active(database: Database) -> None:
    assert _statuses(EngineAdapter(database.url), "any") == ["active"]


def test_a_project_is_looked_up_as_the_hosts_table_spells_it(database: Database) -> None:
    """By text or number, in a table and columns of names that need quoting; another spelling of a number is another project."""
    database.execute('CREATE TABLE "Order" ("select" VARCHAR(20) PRIMARY KEY)')
    database.execute("INSERT INTO \"Order\" VALUES ('solar'), ('it''s'), ('10')")
    assert _statuses(EngineAdapter(database.url, "Order.select"), "solar", "it's", "Solar", "", "x' OR '1'='1") == [
        *("active", "active", None, None, None)
    ]

    database.execute("CREATE TABLE projects (id INTEGER PRIMARY KEY, retired_at TIMESTAMP, closed BOOLEAN)")
    database.execute(
        "INSERT INTO projects VALUES (10, NULL, NULL), (11, '2026-03-01 00:00:00', true), (12, NULL, false)"
    )
    by_time = EngineAdapter(database.url, "projects.id:retired_at")
    assert _statuses(by_time, "10", "11", "12", "13") == ["active", "retired", "active", None]
    assert _statuses(by_time, "010", " 10", "+10", "1_0", "ten", "", "9" * 30) == [None] * 7
    by_flag = EngineAdapter(database.url, "projects.id:closed")
    assert _statuses(by_flag, "10", "11", "12") == ["active", "retired", "active"]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_projects_may_stand_in_another_schema_under_uuids(database: Database) -> None:
    database.execute("CREATE SCHEMA IF NOT EXISTS registry")
    database.execute("DROP TABLE IF EXISTS registry.projects")
    database.execute("CREATE TABLE registry.projects (id UUID PRIMARY KEY, big BIGINT)")
    database.execute("INSERT INTO registry.projects VALUES (:id, 7)", id=BRIGHT)
    adapter = EngineAdapter(database.url, "registry.projects.id")
    assert _statuses(adapter, str(BRIGHT), str(BRIGHT).upper(), BRIGHT.hex, "bright") == ["active", None, None, None]
    assert _statuses(EngineAdapter(database.url, "registry.projects.big"), "7", "9" * 30) == ["active", None]


@pytest.mark.parametrize("place", ["projects", "a.b.c.d", "projects.id; DROP TABLE x", "projects.id:", '"a"."b"', ""])
def test_what_is_no_place_is_refused_at_once(place: str) -> None:
    with pytest.raises(InvalidInput, match=r"table\.column"):
        EngineAdapter("sqlite:///app.db", place)


def test_a_place_that_is_not_there_is_named(database: Database) -> None:
    database.execute("CREATE TABLE projects (id INTEGER PRIMARY KEY)")
    for place, says in (("companies.id", "no such table"), ("projects.id:gone", "no column gone, but id")):
        with pytest.raises(InvalidInput, match=says):
            _statuses(EngineAdapter(database.url, place), "1")


def _statuses(adapter: EngineAdapter, *project_ids: str) -> list[str | None]:
    with adapter.transaction() as connection:
        connection.execute(text("SELECT 1"))
        return [adapter.project_status(connection, project_id) for project_id in project_ids]
