"""Forked children that are told from their parent, and waited for.

Here: children that go on with what their parent has, and programs that only want a process of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
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


def run_forked(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What `python -c program arguments` does, in a forked child: what it wrote and its exit code.

    It need not import anything first, which takes longer than most of what is asked of it. For folders that nobody has open here: a child
    knows what its parent has open.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:

        def run() -> None:
            os.dup2(out.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            sys.argv = ["-c", *map(str, arguments)]
            try:
                exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                sys.stdout.flush()
                sys.stderr.flush()

        code = os.waitstatus_to_exitcode(os.waitpid(in_fork(run), 0)[1])
        for written in (out, errors):
            written.seek(0)
        return subprocess.CompletedProcess([program, *map(str, arguments)], code, out.read(), errors.read())
