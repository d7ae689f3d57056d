"""Writing a request, and the host's decision on it, within the host's own transaction.

Here: what can be seen to be wrong before the host commits. Never here: whether the exchange knows user, asset and project (inward finds
out), reading requests (request_rows).
Always: an error leaves nothing written and is raised, so that what the host has done in the same transaction is rolled back with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypedDict

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from credit_trading.checks import checked_id, checked_text, shown
from credit_trading.errors import AlreadyExists, CommandConflict, InvalidInput, NotFound
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.position import FOLLOWER
from credit_trading.host.request import Decision, RequestKind, RequestStatus
from credit_trading.host.tables import Tables
from credit_trading.money.amount import decimals_of

Number = str | int | Decimal
"""An exact number, as everywhere."""

REQUESTS = "host.requests"
"""What errors call it."""

LIST_HINT = "List them: credit-trading host requests list."

_LONGEST_NAME = 64


class Wishes(TypedDict, total=False):
    """What may be said beside a request: a remark, who asked, and the host's own number for the whole affair."""

    note: str | None
    actor: str | None
    correlation_id: str | None


class Moved(Wishes, total=False):
    """Which credits: the asset, or the project if that has exactly one; both may be given."""

    asset: str | None
    project_id: str | None


def ask_for_move(
    connection: object, tables: Tables, kind: RequestKind, request_id: str, user_id: str, amount: Number, more: Moved
) -> None:
    """A deposit or a withdrawal. Raises InvalidInput, AlreadyExists."""
    asset, project_id = more.get("asset"), more.get("project_id")
    if asset is None and project_id is None:
        raise InvalidInput(REQUESTS, shown(request_id), "neither asset nor project is named", hint="Give one of them.")
    content = {
        "user_id": checked_id(user_id, what="user id"),
        "amount": _checked_amount(amount),
        "asset": None if asset is None else checked_text(asset, what="asset", longest=32),
        "project_id": None if project_id is None else checked_id(project_id, what="project id"),
    }
    insert_request(connection, tables, kind, request_id, content, more)


def insert_request(
    connection: object,
    tables: Tables,
    kind: RequestKind,
    request_id: str,
    content: Mapping[str, str | None],
    wishes: Wishes,
) -> None:
    """A new row. Raises AlreadyExists for an id that is in use: what the host does beside it would be done twice."""
    row = {
        "id": checked_id(request_id, what="request id"),
        "kind": kind.value,
        "status": RequestStatus.NEW.value,
        "created_at": datetime.now(UTC),
        **content,
        **_checked_wishes(wishes),
    }
    with translated_errors(FOLLOWER):
        core = borrowed(connection)
        _check_free(core, tables, request_id)
        try:
            core.execute(insert(tables.requests).values(row))
        except IntegrityError as error:
            raise _in_use(request_id, "by somebody else just now") from error


def decide(connection: object, tables: Tables, request_id: str, decision: Decision) -> None:
    """Raises NotFound, CommandConflict unless it is a withdrawal that is held, on which nothing was decided yet."""
    checked_id(request_id, what="request id")
    row = tables.requests
    with translated_errors(FOLLOWER):
        core = borrowed(connection)
        decided = core.execute(
            update(row)
            .where(
                row.c.id == request_id,
                row.c.kind == RequestKind.WITHDRAWAL.value,
                row.c.status == RequestStatus.HELD.value,
                row.c.decision.is_(None),
            )
            .values(decision=decision.value)
        )
        if decided.rowcount == 1:
            return
        found = core.execute(select(row.c.kind, row.c.status, row.c.decision).where(row.c.id == request_id)).first()
    if found is None:
        raise NotFound(REQUESTS, request_id, "no such request", hint=LIST_HINT)
    raise _undecidable(request_id, *found)


def give_up(connection: object, tables: Tables, request_id: str) -> None:
    """Raises NotFound, CommandConflict unless it is set aside."""
    checked_id(request_id, what="request id")
    row = tables.requests
    with translated_errors(FOLLOWER):
        core = borrowed(connection)
        given_up = core.execute(
            update(row)
            .where(row.c.id == request_id, row.c.status == RequestStatus.SET_ASIDE.value)
            .values(
                status=RequestStatus.REFUSED.value,
                code="given_up",
                sentence="the application has given it up",
                updated_at=datetime.now(UTC),
            )
        )
        if given_up.rowcount == 1:
            return
        found = core.execute(select(row.c.status).where(row.c.id == request_id)).first()
    if found is None:
        raise NotFound(REQUESTS, request_id, "no such request", hint=LIST_HINT)
    problem = f"it is {shown(found[0])}, and only what is set aside can be given up"
    raise CommandConflict(
        REQUESTS, request_id, problem, hint=f"See how it stands: credit-trading host requests show {request_id}."
    )


def _undecidable(request_id: str, kind: str, status: str, decision: str | None) -> CommandConflict:
    if kind != RequestKind.WITHDRAWAL.value:
        problem, hint = f"it is a {shown(kind)}, and only a withdrawal waits for the host", LIST_HINT
    elif decision is not None:
        problem, hint = f"the host has decided before: {shown(decision)}", "Do nothing more for it on the host's side."
    else:
        problem, hint = (
            f"it is {shown(status)}, not held",
            f"See how it stands: credit-trading host requests show {request_id}.",
        )
    return CommandConflict(REQUESTS, request_id, problem, hint=hint)


def _check_free(core: Connection, tables: Tables, request_id: str) -> None:
    """Asked first, because a constraint that fails costs some databases the whole transaction."""
    row = tables.requests
    found = core.execute(select(row.c.status).where(row.c.id == request_id)).first()
    if found is not None:
        raise _in_use(request_id, f"and stands as {shown(found[0])}")


def _in_use(request_id: str, how: str) -> AlreadyExists:
    problem = f"a request has this id, {how}; ids are never used again"
    return AlreadyExists(REQUESTS, request_id, problem, hint="Give each request an id of its own.")


def _checked_amount(amount: Number) -> str:
    """As text. Raises InvalidInput for what is no plain decimal number above zero."""
    decimals_of(amount, what="amount")
    text = amount if isinstance(amount, str) else format(Decimal(amount), "f")
    if not text.strip("0."):
        raise InvalidInput("amount", text, "zero is not an amount to move", hint="Give more than zero.")
    return checked_text(text, what="amount", longest=_LONGEST_NAME)


def _checked_wishes(wishes: Wishes) -> dict[str, str | None]:
    return {
        name: None if text is None else checked_text(text, what=what, **longest)
        for name, what, text, longest in (
            ("note", "note", wishes.get("note"), {}),
            ("actor", "actor", wishes.get("actor"), {"longest": _LONGEST_NAME}),
            ("correlation_id", "correlation id", wishes.get("correlation_id"), {"longest": _LONGEST_NAME}),
        )
    }
