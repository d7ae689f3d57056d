"""Telling another program what happened to a job.

Here: starting it, and what went wrong with it. Never here: when it is told (runner, scheduler).
Always: no shell; it gets one JSON object on standard input and has a limited time. Its own failure never changes what became of the job.
"""

from __future__ import annotations

import subprocess

import msgspec

from credit_trading.jobs.config import Hook

_MOST_TOLD = 300
"""Characters of what it wrote to standard error."""


class Happening(msgspec.Struct, kw_only=True):
    """What a hook is told: `event` is failed, overdue or done. Times are ISO 8601 in UTC; fields of a run are null where there was none."""

    event: str
    home: str
    job: str
    kind: str
    detail: str
    last_done_at: str | None
    run: int | None = None
    outcome: str | None = None
    due_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    size_bytes: int | None = None
    process: int | None = None


def tell(hook: Hook, happening: Happening) -> str | None:
    """What went wrong, None if nothing did."""
    try:
        ended = subprocess.run(
            hook.command,
            input=msgspec.json.encode(happening) + b"\n",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=hook.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{hook.command[0]} was not done after {hook.timeout_s} s, and was ended"
    except OSError as error:
        return f"{hook.command[0]} cannot be started ({error.strerror or error})"
    if ended.returncode == 0:
        return None
    said = " ".join(ended.stderr.decode(errors="replace").split())[-_MOST_TOLD:]
    return f"{hook.command[0]} ended with {ended.returncode}" + (f": {said}" if said else "")
