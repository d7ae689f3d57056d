"""What each recent command was answered, so that repeating it changes nothing.

Always: bounded by the number and the age that the exchange was founded with; derived from events alone, hence the same in every
process and after every restart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec


class Answer(msgspec.Struct, array_like=True, gc=False):
    """The outcome of one command; complete once the command's last event is applied, and never changed after.

    `content` is the digest of what was asked. For orders: `order` is its number, `status` how the order stood when the command was
    done, with `filled_lots`, `filled_value` and `fees` in total so far. `code` is the rejection, or empty. `orders` counts those that a
    mass action canceled.
    """

    content: str
    sequence: int
    time_us: int
    code: str = ""
    order: int = 0
    status: str = ""
    reason: str = ""
    quantity_lots: int = 0
    filled_lots: int = 0
    filled_value: int = 0
    fees: int = 0
    orders: int = 0


class Answers(dict[str, Answer]):
    """Answers by command id, oldest first."""

    __slots__ = ("_all_young_until_us", "_longest_us", "_most", "_oldest_first")

    def __init__(self, *, most: int, longest_us: int) -> None:
        super().__init__()
        self._most = most
        self._longest_us = longest_us
        self._oldest_first: deque[str] = deque()
        self._all_young_until_us = 0

    def add(self, command_id: str, answer: Answer) -> None:
        """Remembers one more and forgets what is beyond the founded number or older than the founded age."""
        oldest_first = self._oldest_first
        self[command_id] = answer
        oldest_first.append(command_id)
        if len(oldest_first) > self._most:
            del self[oldest_first.popleft()]
        if answer.time_us > self._all_young_until_us:
            self._forget_old(answer.time_us)

    def load(self, remembered: Sequence[tuple[str, Answer]]) -> None:
        """Takes over answers that were remembered when they were saved, oldest first; nothing is forgotten before the next is added."""
        self.update(remembered)
        self._oldest_first.extend(command_id for command_id, _ in remembered)

    def _forget_old(self, time_us: int) -> None:
        oldest_first = self._oldest_first
        while self[oldest_first[0]].time_us < time_us - self._longest_us:
            del self[oldest_first.popleft()]
        self._all_young_until_us = self[oldest_first[0]].time_us + self._longest_us

    def forget_latest(self) -> None:
        """The answer that was added last is remembered elsewhere."""
        del self[self._oldest_first.pop()]
