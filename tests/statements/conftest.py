"""One random history for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.statements.past import Past, random_past


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Nobody may change anything in it."""
    past = random_past(tmp_path_factory.mktemp("past") / "trading", seed=20261, steps=150)
    yield past
    assert past.floor.findings() == []
    past.floor.exchange.close()
