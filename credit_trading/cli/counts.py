"""How a number of things is said."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """The number and its noun: "1 file", "2 files"."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
