"""What is wrong with a file that is to be imported: where, and which rule it breaks.

Always: each problem is one line that a person can act on; of a file with thousands the first are told, and that there are more.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Problem:
    """`file` as it is called in the export; `line` from 1. None where it is about no one line, or no one field."""

    file: str
    line: int | None
    field: str | None
    problem: str

    def __str__(self) -> str:
        place = "".join(
            (self.file, f", line {self.line}" if self.line else "", f", {self.field}" if self.field else "")
        )
        return f"{place}: {self.problem}"


class TooMany(Exception):
    """The rest is not looked at."""


class Problems(list[Problem]):
    """In the order in which they are found. `add` raises TooMany once there are as many as may be told."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be more."""
        return len(self) >= self._most

    def add(self, problem: str, file: str, line: int | None = None, field: str | None = None) -> None:
        self.append(Problem(file, line, field, problem))
        if self.is_cut_off:
            raise TooMany
