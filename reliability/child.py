"""A forked process that says what it does through a pipe, and may be killed at any moment.

Here: starting, hearing and ending it. Never here: what it does.
Always: whoever started it reaps it; a child that hangs is killed, and that is an error.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
import traceback
from collections.abc import Callable

LONGEST_S = 120.0


class Broken(Exception):
    """A child ended in a way in which none may: by an exception that it did not expect, or by hanging."""


class Child:
    """Fork before anything of the folder is opened in this process: SQLite's handles must not be inherited."""

    def __init__(self, work: Callable[[int], object]) -> None:
        """`work` gets the descriptor to write lines to; the child ends when it returns."""
        self._heard, telling = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _be_the_child(work, telling)
        os.close(telling)
        self._deadline = time.monotonic() + LONGEST_S
        self._rest = b""
        self.was_killed = False

    def first_line(self) -> None:
        """Waits until it has said something."""
        self._rest += self._read()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> list[bytes]:
        """Waits for its end, by itself or by SIGKILL; everything that it said, a last line without its end included.

        Raises Broken.
        """
        try:
            while piece := self._read():
                self._rest += piece
        finally:
            os.close(self._heard)
            code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.was_killed = code == -signal.SIGKILL
        lines = self._rest.splitlines(keepends=True)
        if code not in (0, -signal.SIGKILL):
            raise Broken(f"a child ended with {code}:\n" + b"".join(lines[-40:]).decode())
        return lines

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._heard], [], [], max(0.0, self._deadline - time.monotonic()))
        if not ready:
            self.kill()
            raise Broken(f"a child was silent until {LONGEST_S:g} s had passed, and was killed")
        return os.read(self._heard, 1 << 16)


def _be_the_child(work: Callable[[int], object], telling: int) -> None:
    code = 3
    logging.disable()  # it would stand among what others say
    try:
        work(telling)
        code = 0
    except BaseException:  # noqa: BLE001 - the root of a process: what went wrong is said, and the parent raises it
        os.write(telling, traceback.format_exc().encode())
    finally:
        os._exit(code)
