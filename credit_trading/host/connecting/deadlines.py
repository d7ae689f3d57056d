"""Hanging up on a server that answers no more.

Here: one thread that shuts down sockets whose time is over. Never here: how long that is (connections).
Always: a socket is told by a descriptor of our own, since the driver's number may be another file's by then.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs


@attrs.define(eq=False)
class _Line:
    descriptor: int
    ends_at: float
    """By the monotonic clock, in seconds."""


class Deadlines:
    """Of all connections of this process. The thread is started for the first one, and ends when it wakes and there is none."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """In a forked child: the thread and the connections are the parent's."""
        self._changed = threading.Condition()
        self._lines: set[_Line] = set()
        self._wakes_at: float | None = None

    @contextmanager
    def within(self, seconds: float, descriptor: int) -> Iterator[None]:
        """Whoever waits for the server when the time is over gets the driver's error for a lost connection."""
        line = _Line(os.dup(descriptor), time.monotonic() + seconds)
        self._begin(line)
        try:
            yield
        finally:
            with self._changed:
                self._lines.discard(line)
                os.close(line.descriptor)

    def _begin(self, line: _Line) -> None:
        with self._changed:
            self._lines.add(line)
            if self._wakes_at is None:
                self._wakes_at = line.ends_at
                threading.Thread(target=self._watch, name="host-deadlines", daemon=True).start()
            elif line.ends_at < self._wakes_at:
                self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._lines:
                self._wakes_at = min(line.ends_at for line in self._lines)
                self._changed.wait(max(0.0, self._wakes_at - time.monotonic()))
                for line in [one for one in self._lines if one.ends_at <= time.monotonic()]:
                    self._lines.discard(line)
                    _hang_up(line)
            self._wakes_at = None


def _hang_up(line: _Line) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(line.descriptor)) as theirs:
        theirs.shutdown(socket.SHUT_RDWR)


deadlines = Deadlines()

os.register_at_fork(after_in_child=deadlines.start_anew)
