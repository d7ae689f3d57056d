"""The page about the host's database: everything on it works in its order, and what it shows of the example stands in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.page import BLOCKS, named

ROOT = Path(__file__).parent.parent.parent


def test_an_existing_project_gets_live_balances_and_activity_by_the_page_alone(tmp_path: Path) -> None:
    """As somebody would who reads from top to bottom; at its end deep verification and the check of the host find nothing."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CREDIT_TRADING", "DJANGO"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.host.page"],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" blocks were run\n")
    assert int(done.stdout.splitlines()[-1].split()[0]) >= 20


@pytest.mark.parametrize("excerpt", [text for _, text in BLOCKS if named(text)], ids=named)
def test_what_is_shown_of_the_example_stands_in_it(excerpt: str) -> None:
    file = named(excerpt)
    assert file is not None
    assert excerpt.partition("\n")[2] in (ROOT / file).read_text()
