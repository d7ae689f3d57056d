"""An exchange that no test changes: for the many files that are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.floor import Floor, opened


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """An instrument and three funded users."""
    with opened(tmp_path_factory.mktemp("still") / "trading") as exchange:
        yield Floor(exchange).set_up("ann", "bob", "cat")
