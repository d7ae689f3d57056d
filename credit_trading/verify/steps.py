"""How far a verification is: one count over rows and files."""

from __future__ import annotations

import attrs

from credit_trading.progress import Progress


@attrs.define
class Steps:
    """`of` is what is known to lie ahead; what is done beyond it counts as if it had been known."""

    progress: Progress
    of: int = 0
    done: int = 0

    def expect(self, steps: int) -> None:
        self.of += steps

    def advance(self, steps: int = 1) -> None:
        self.done += steps
        self.of = max(self.of, self.done)
        self.progress(self.done, self.of)
