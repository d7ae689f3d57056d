"""Databases of a host: a SQLite file, and a schema on a PostgreSQL server of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from credit_trading import ManualClock
from tests.host.credits import CreditsHost
from tests.host.database import Database
from tests.host.postgres import Postgres


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Callable[[], Postgres]]:
    """Started when it is first asked for."""
    started = cache(Postgres)
    yield started
    if started.cache_info().currsize:
        started().close()


@pytest.fixture
def postgres(_postgres: Callable[[], Postgres]) -> Iterator[Postgres]:
    """The server; running again for the next test, whatever this one did to it."""
    server = _postgres()
    yield server
    server.start_again()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A host's database with nothing in it. Of one kind alone: `@pytest.mark.parametrize("database", ["postgres"], indirect=True)`."""
    if request.param == "sqlite":
        return Database("sqlite", f"sqlite:///{tmp_path / 'host.db'}")
    server: Postgres = request.getfixturevalue("postgres")
    return Database("postgres", server.new_url(), server)


@pytest.fixture
def credits_host(_founded: Path, home: Path, clock: ManualClock, database: Database) -> Iterator[CreditsHost]:
    """A host with credits of its own beside an exchange, both open, and in step."""
    with CreditsHost.of(_founded, home, clock, database) as host:
        yield host
