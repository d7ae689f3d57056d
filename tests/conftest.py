"""What all tests share: the switch for long runs, where their files lie, and an exchange that is ready to trade."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock, Settings
from tests.floor import Floor, opened


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes, and full counts")


MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 8 << 30
"""A whole run leaves 3 GB, and the folders of the last three runs are kept."""


def pytest_configure() -> None:
    """Temporary folders lie in memory where there is room: an eighth of the time is spent on files that nobody reads again.

    Nothing is lost by it. A process that is killed loses nothing that it gave to the system, on whatever disk; what a power cut takes,
    and a disk that fails, are simulated below SQLite. TMPDIR, where it is set, decides.
    """
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > LEAST_FREE_BYTES:
        os.environ["TMPDIR"] = os.fspath(MEMORY)  # also of the processes that tests start
        tempfile.tempdir = None


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
