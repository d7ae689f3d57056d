"""An exchange that no test changes, for the many files that are refused; and one that is filled by an import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credit_trading import ManualClock
from tests.floor import Floor, opened


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """An instrument and three funded users."""
    with opened(tmp_path_factory.mktemp("still") / "trading") as exchange:
        yield Floor(exchange).set_up("ann", "bob", "cat")


@pytest.fixture
def empty(tmp_path: Path, clock: ManualClock) -> Iterator[Floor]:
    """Another exchange, without anything in it."""
    with opened(tmp_path / "empty", clock=clock) as exchange:
        yield Floor(exchange)
