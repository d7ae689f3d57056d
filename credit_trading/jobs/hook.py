"""Telling another program what happened to a job.

Here: starting it, and what went wrong with it. Never here: when it is told (runner, scheduler).
Always: no shell; it gets one JSON object on standard input and has a limited time. Its own failure never changes what became of the job.
"""

from __future__ import annotations

import subprocess
import threading
from contextlib import suppress
from typing import IO

import msgspec

from credit_trading.jobs.config import Hook

_MOST_TOLD = 300
"""Characters of what it wrote to standard error."""

_MOST_KEPT = 4 * _MOST_TOLD
_LAST_WORDS_S = 1.0
"""Longer nobody waits for what it wrote, once it has ended: a program that it left behind may keep the pipe open."""


class Happening(msgspec.Struct, kw_only=True):
    """What a hook is told: `event` is failed, overdue or done. Times are ISO 8601 in UTC; fields of a run are null where there was none.

    `job` is null where all jobs are meant, `kind` also for a job that is not in the file any more.
    """

    event: str
    home: str
    job: str | None
    kind: str | None
    detail: str
    last_done_at: str | None
    run: int | None = None
    outcome: str | None = None
    due_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    size_bytes: int | None = None
    process: int | None = None


class _Listening:
    """Reads a pipe to its end in a thread, so that whoever writes is never held up, and keeps the last of it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._said = b""
        self._thread = threading.Thread(target=self._listen, name="credit-trading-hook", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with self._pipe, suppress(OSError):
            while heard := self._pipe.read(_MOST_KEPT):  # unbuffered: what there is
                self._said = (self._said + heard)[-_MOST_KEPT:]

    def said(self) -> str:
        self._thread.join(_LAST_WORDS_S)
        return " ".join(self._said.decode(errors="replace").split())[-_MOST_TOLD:]


def tell(hook: Hook, happening: Happening) -> str | None:
    """What went wrong, None if nothing did. It is over when the program has ended, whatever that has started and left behind."""
    try:
        process = subprocess.Popen(
            hook.command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except OSError as error:
        return f"{hook.command[0]} cannot be started ({error.strerror or error})"
    assert process.stdin is not None
    assert process.stderr is not None
    listening = _Listening(process.stderr)
    with suppress(OSError), process.stdin:  # it need not read
        process.stdin.write(msgspec.json.encode(happening) + b"\n")
    try:
        code = process.wait(hook.timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"{hook.command[0]} was not done after {hook.timeout_s} s, and was ended"
    except BaseException:
        process.kill()
        process.wait()
        raise
    if code == 0:
        return None
    said = listening.said()
    return f"{hook.command[0]} ended with {code}" + (f": {said}" if said else "")
