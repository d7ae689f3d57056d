"""Forked children that are told from their parent, and waited for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable


def in_fork(action: Callable[[], object]) -> int:
    """Runs it in a forked child; the child's process id. Its exit code is 0 if the action returned."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return child


def succeeded(child: int) -> bool:
    """Waits for half a minute; a child that hangs is killed and has not succeeded."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False
