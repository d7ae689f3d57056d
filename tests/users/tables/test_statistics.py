"""Statistics kept up with every event: equal to a recomputation from zero, however events came and in whatever slices."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.users.tables.histories import History, file_of
from tests.users.tables.naive_statistics import found, recomputed


@pytest.mark.parametrize("seed", range(12))
def test_tables_equal_a_recomputation_from_zero(tmp_path: Path, seed: int) -> None:
    """In slices of random lengths, all at once, and one by one."""
    events = History(seed, late=(0.0, 0.2, 0.6)[seed % 3]).grow(120).events
    with file_of(events, tmp_path / "slices.db", slices=Random(seed)) as file:
        expected = recomputed(file)
        assert found(file) == expected
    with file_of(events, tmp_path / "whole.db") as file:
        assert found(file) == expected
    with file_of(events, tmp_path / "singly.db", slices=Random(seed), at_once=1) as file:
        assert found(file) == expected
