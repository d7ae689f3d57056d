"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


def no_progress(done: int, of: int) -> None:
    """Nobody is watching."""
