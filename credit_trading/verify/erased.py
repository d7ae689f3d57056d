"""What is personal and has been erased: the journal has its digest, and what it was cannot be proven any more.

Here: who may be erased, and counting what is, to be told. Never here: finding out that something is missing.
Always: a person may be erased once their user is deleted, and stays so in an exchange that is restored to before that; whatever is missing
of others is damage.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

_MOST = 10


@attrs.define
class Erased:
    """`persons` are the numbers of users who are deleted, or were erased; `sequences` the first rows without their note."""

    persons: frozenset[int] = frozenset()
    notes: int = 0
    sequences: set[int] = attrs.Factory(set)

    def may_be(self, users: Iterable[int | None]) -> bool:
        """Whether one of those whom a row concerns is."""
        return not self.persons.isdisjoint(users)

    def note(self, sequence: int) -> None:
        """The note on that row is gone."""
        self.notes += 1
        if len(self.sequences) < _MOST:
            self.sequences.add(sequence)

    def told(self) -> list[str]:
        """A line, if there is anything to tell."""
        if not self.notes:
            return []
        first = ", ".join(map(str, sorted(self.sequences)))
        more = " and more" if self.notes > len(self.sequences) else ""
        what = "1 note of a deleted user is" if self.notes == 1 else f"{self.notes} notes of deleted users are"
        return [f"{what} erased (sequence {first}{more}): who acted there is not known any more."]
