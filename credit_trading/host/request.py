"""Words of a request: what a host may ask for, and what becomes of it.

    deposit            new ─▶ done | refused
    withdrawal         new ─▶ held ─▶ (decision confirm) done | (decision fail) released;  new ─▶ refused
    retire_project     new ─▶ done

Always: the id of a request is the id of its command, for ever; `done`, `refused` and `released` are final. What cannot become a command
(no such user, no number) is `set_aside` with its reason, holds up no other, and may be tried again.
"""

from __future__ import annotations

from enum import StrEnum

SCOPE = "host"
"""Whose ids they are: `host/key/ID`, and `host/key/ID/end` for what ends a withdrawal."""

_BEGINNING, _END = f"{SCOPE}/key/", "/end"


class RequestKind(StrEnum):
    """`deposit` brings credits from the host to the exchange, `withdrawal` takes them back."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    RETIRE_PROJECT = "retire_project"


class RequestStatus(StrEnum):
    """`held`: the exchange keeps the credits until the host decides. `released`: it gave them back to the user."""

    NEW = "new"
    HELD = "held"
    DONE = "done"
    REFUSED = "refused"
    RELEASED = "released"
    SET_ASIDE = "set_aside"


class Decision(StrEnum):
    """Of the host on a withdrawal that is held: it has credited its own side, or could not."""

    CONFIRM = "confirm"
    FAIL = "fail"


FINAL = (RequestStatus.DONE.value, RequestStatus.REFUSED.value, RequestStatus.RELEASED.value)


def command_id(request_id: str) -> str:
    """Of the command that begins it: the deposit, or the hold."""
    return f"{_BEGINNING}{request_id}"


def end_id(request_id: str) -> str:
    """Of the command that ends a withdrawal."""
    return f"{_BEGINNING}{request_id}{_END}"


def request_of(cause: str) -> tuple[str, bool] | None:
    """The request whose command this is, and whether it is what ends it; None for any other cause."""
    if not cause.startswith(_BEGINNING):
        return None
    request_id, _, rest = cause[len(_BEGINNING) :].partition("/")
    return (request_id, bool(rest)) if rest in ("", _END[1:]) else None
