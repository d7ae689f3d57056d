"""The exchange that the tests of this room damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify import sample as samples
from tests.verify.sample import Sample


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Nothing is wrong with it; only to be copied."""
    return samples.made(tmp_path_factory.mktemp("sample") / "exchange")


@pytest.fixture
def sample(whole: Sample, tmp_path: Path) -> Sample:
    """A copy for one test."""
    return whole.copied(tmp_path / "exchange")
