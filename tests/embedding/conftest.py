"""A folder with a market and nobody in it, and each host on it; in the end everything in it is as it must be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credit_trading import SystemClock, verify_folder
from tests.embedding.hosts import Host, running
from tests.floor import Floor, opened


@pytest.fixture
def market(home: Path) -> Iterator[Path]:
    """Founded and given an instrument by somebody else, as an operator does; looked over in the end."""
    with opened(home, clock=SystemClock()) as exchange:
        Floor(exchange).set_up()
    yield home
    assert [str(finding) for finding in verify_folder(home, deep=True).findings] == []


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Django's database, for as long as this process lives."""
    return tmp_path_factory.mktemp("people") / "people.db"


@pytest.fixture(params=["django", "flask", "fastapi"])
def host(request: pytest.FixtureRequest, market: Path, tmp_path: Path, people: Path) -> Iterator[Host]:
    own = people if request.param == "django" else tmp_path / "people.db"
    with running(request.param, market, own) as host:
        yield host
