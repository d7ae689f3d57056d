"""How commands that run until they are told to end are told."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import attrs

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_S = 0.1


@attrs.define
class Ending:
    """Whether it is to end. No `threading.Event`: a signal's handler that sets one can wait for itself."""

    asked: bool = False

    def is_set(self) -> bool:
        return self.asked

    def wait(self, timeout: float) -> None:
        until = time.monotonic() + timeout
        while not self.asked and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))


@contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """The first signal asks, a second one interrupts."""
    ending = Ending()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's parameters
        ending.asked = True
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in _SIGNALS:
            signal.signal(number, handle)
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
