"""What each recent command was answered, so that repeating it changes nothing.

Always: bounded by the number and the age that the exchange was founded with; derived from events alone, hence the same in every
process and after every restart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec


class Answer(msgspec.Struct, gc=False):
    """The outcome of one command; complete once the command's last event is applied, and never changed after.

    `content` is the digest of what was asked. For orders: `order` is its number, `status` how the order stood when the command was
    done, with `filled_lots`, `filled_value` and `fees` in total so far. `code` is the rejection, or empty.
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


class Answers:
    """Answers by command id, oldest first."""

    def __init__(self, *, most: int, longest_us: int) -> None:
        self._most = most
        self._longest_us = longest_us
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def get(self, command_id: str) -> Answer | None:
        return self._answers.get(command_id)

    def add(self, command_id: str, answer: Answer) -> None:
        """Remembers one more and forgets what is beyond the founded number or older than the founded age."""
        answers = self._answers
        answers[command_id] = answer
        horizon_us = answer.time_us - self._longest_us
        while len(answers) > self._most or next(iter(answers.values())).time_us < horizon_us:
            answers.popitem(last=False)

    def __iter__(self) -> Iterator[tuple[str, Answer]]:
        return iter(self._answers.items())

    def __len__(self) -> int:
        return len(self._answers)
