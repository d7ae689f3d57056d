"""The story that restoring and verifying are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backup import story as stories
from tests.backup.story import Story


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Only to be read, or copied."""
    return stories.told(tmp_path_factory.mktemp("story"))


@pytest.fixture
def story(whole: Story, tmp_path: Path) -> Story:
    """With an archive that the test may damage."""
    return whole.copied(tmp_path / "archive")
