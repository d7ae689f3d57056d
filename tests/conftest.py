"""What all tests share: the switch for long runs, and an exchange that is ready to trade."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock, Settings
from tests.floor import Floor, opened


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes, and full counts")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker(pytest.mark.skip(reason="takes minutes: runs with --long"))


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether full counts are asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the test's exchange lives; nothing is there yet."""
    return tmp_path / "trading"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def _founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the floor of every test is a copy of: founding and funding cost seven times as much."""
    folder = tmp_path_factory.mktemp("founded") / "trading"
    with opened(folder) as exchange:
        Floor(exchange).set_up("ann", "bob", "cat")
    return folder


@pytest.fixture
def floor(_founded: Path, home: Path, clock: ManualClock) -> Iterator[Floor]:
    """An opened exchange with an instrument and three funded users; its clock stands still."""
    shutil.copytree(_founded, home)
    with opened(home, clock=clock) as exchange:
        yield Floor(exchange)


@pytest.fixture
def reopen(home: Path, clock: ManualClock) -> Iterator[Callable[..., Exchange]]:
    """Opens the test's exchange once more, as another process would; all are closed in the end."""
    open_ones: list[Exchange] = []

    def open_again(**settings: int | bool) -> Exchange:
        exchange = opened(home, clock=clock, settings=Settings(**settings) if settings else None)  # type: ignore[arg-type]
        open_ones.append(exchange)
        return exchange

    yield open_again
    for exchange in open_ones:
        exchange.close()
